"""Systems of music on a page image: scans, photographs and engraved pages.

The steps, each in its own file: even light and ink (`ink`), the distance of the staff lines (`spacing`), a levelled working image
(`sheet`), five-line curves (`staves`, `tracks`, `curves`), systems (`systems`), which way is up (`orientation`).
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
from crossmodal.pages.systems import group

ENOUGH = 0.25  # of the page's width that the longest staff takes, below which the page is tried on its side too
SMALL = 1600  # pixels of the longest side below which a page is enlarged
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
    sheet = work_sheet(_enlarged(image))
    if sheet is None:
        return None, []
    if max(image.shape) < SMALL:
        sheet = replace(sheet, to_page=sheet.to_page / 2 - np.array([[0, 0, 0.25]]))
    curves, dark = trace(sheet, find_tracks(sheet.lines))
    return sheet, group(sheet.ink, curves, dark=dark)


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
