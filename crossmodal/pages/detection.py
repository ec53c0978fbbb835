"""Systems of music on a page image: scans, photographs and engraved pages.

The steps, each in its own file: what is not the sheet taken away (`surroundings`), even light and ink (`ink`, `faint`), the distance of
the staff lines (`spacing`), a levelled working image (`sheet`), five-line curves (`staves`, `tracks`, `curves`), systems (`systems`),
which way is up (`orientation`).
Coordinates that leave this file are pixels of the image that came in.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from crossmodal.pages.curves import Curve, trace
from crossmodal.pages.ink import check_page
from crossmodal.pages.layout import Page, Staff, System
from crossmodal.pages.orientation import upside_down
from crossmodal.pages.sheet import Sheet, work_sheet
from crossmodal.pages.staves import find_tracks
from crossmodal.pages.surroundings import without_surroundings
from crossmodal.pages.systems import group

ENOUGH = 0.25  # of the page's width that the longest staff takes; below it the page is tried on its side, and faint staves are no staves
SMALL = 1600  # pixels of the longest side below which a page is enlarged
CLEAR_LINES = 65.0  # ink level of "dark" (half of what lines reach) from which a page's lines are not faint
FAINT_GAIN = 1.05  # times more staves that a page must show when its faint lines are brought out
SIDEWAYS_GAIN = 1.5  # times more staff length that a page on its side must show


def find_systems(image: np.ndarray, *, page: int = 0) -> tuple[System, ...]:
    """Systems of an upright page from top to bottom; none on a page without staves.

    image: (h, w) uint8, 255 is paper; up to 7 degrees of rotation, perspective and curl are followed. Raises InputError for another
    kind of array. For pages that may lie on their side or upside down: `find_page`.
    """
    sheet, systems = _detect(image)
    return _to_page(sheet, systems, page)


def find_page(image: np.ndarray, *, number: int = 0) -> Page:
    """The page turned upright (by 0, 90, 180 or 270 degrees) with its systems; without staves it stays as it came."""
    check_page(image)
    turned = 0
    sheet, systems = _detect(image)
    length = _staff_length(sheet, systems)
    if length < ENOUGH * image.shape[1]:
        side = np.ascontiguousarray(np.rot90(image, -1))
        other, found = _detect(side)
        if _staff_length(other, found) > SIDEWAYS_GAIN * length:
            image, sheet, systems, turned = side, other, found, 90
    if sheet is not None and upside_down(sheet.ink, systems):
        image, turned = np.ascontiguousarray(image[::-1, ::-1]), turned + 180
        sheet, systems = _detect(image)
    return Page(number=number, image=image, systems=_to_page(sheet, systems, number), turned=turned)


def _detect(image: np.ndarray) -> tuple[Sheet | None, list[list[Curve]]]:
    sheet, systems = _by_strength(without_surroundings(_enlarged(image)))
    if sheet is not None and max(image.shape) < SMALL:
        sheet = replace(sheet, to_page=sheet.to_page / 2 - np.array([[0, 0, 0.25]]))
    return sheet, systems


def _by_strength(image: np.ndarray) -> tuple[Sheet | None, list[list[Curve]]]:
    """With ordinary ink, and, where its lines are pale or none are found, with faint lines brought out, if that shows more staves."""
    sheet, systems, dark = _detect_in(image, faint=False)
    if systems and dark >= CLEAR_LINES:
        return sheet, systems
    other, found, _ = _detect_in(image, faint=True)
    more = _all_length(other, found) > FAINT_GAIN * _all_length(sheet, systems)
    likely = _staff_length(other, found) > ENOUGH * image.shape[1]  # the grain of empty paper gives short staves
    return (other, found) if more and likely else (sheet, systems)


def _all_length(sheet: Sheet | None, systems: list[list[Curve]]) -> float:
    """Of all staves, in pixels of the page."""
    return 0.0 if sheet is None else sum(c.right - c.left for staves in systems for c in staves) * sheet.gain


def _detect_in(image: np.ndarray, *, faint: bool) -> tuple[Sheet | None, list[list[Curve]], float]:
    """The working image, the staves of each system, and the ink level from which a pixel of it is dark."""
    sheet = work_sheet(image, faint=faint)
    if sheet is None:
        return None, [], 0.0
    curves, dark = trace(sheet, find_tracks(sheet.lines))
    return sheet, group(sheet.ink, curves, dark=dark), dark


def _enlarged(image: np.ndarray) -> np.ndarray:
    """The page, a small one at twice its size: lines thinner than a pixel are pale, and come out only where they are wider."""
    import cv2

    check_page(image)
    if max(image.shape) >= SMALL:
        return image
    return np.asarray(cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC))


def _staff_length(sheet: Sheet | None, systems: list[list[Curve]]) -> float:
    """Of the longest staff, in pixels of the page; 0 without staves."""
    if sheet is None:
        return 0.0
    return max((c.right - c.left for staves in systems for c in staves), default=0.0) * sheet.gain


def _to_page(sheet: Sheet | None, systems: list[list[Curve]], page: int) -> tuple[System, ...]:
    if sheet is None:
        return ()
    found = []
    for number, staves in enumerate(systems):
        points = [(sheet.page_points(c.x, c.y), c.space * sheet.gain) for c in staves]
        found.append(System(page, number, tuple(Staff(x, y, space) for (x, y), space in points)))
    return tuple(found)
