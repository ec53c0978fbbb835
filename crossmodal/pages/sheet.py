"""The working image of a page: even light, levelled, and of a size at which staff lines are `TARGET` pixels apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crossmodal.pages.faint import faint_ink
from crossmodal.pages.ink import check_page, darkness, even_light
from crossmodal.pages.spacing import staff_spaces
from crossmodal.pages.staves import Lines, line_evidence, skew, staff_promise

FIRST_LOOK = 2400  # longest side at which the distance of the staff lines is estimated
TARGET = 9.0  # pixels between staff lines
RANGE = (6.5, 11.5)  # distances that need no change of size
LARGEST_GAIN = 2.5  # enlargement of a page with tiny staves: more adds no information
LARGEST_SIDE = 3600  # pixels of an enlarged page
SELDOM = 0.1  # of how often the likeliest distance was seen, below which another is not tried
LEVEL = 0.25  # degrees of skew that are left alone


@dataclass(frozen=True)
class Sheet:
    """ink: (h, w) uint8, 255 is black; space: pixels between staff lines; to_page: (2, 3) affine, working pixels -> page pixels."""

    ink: np.ndarray
    space: float
    lines: Lines
    to_page: np.ndarray

    @property
    def gain(self) -> float:
        """Page pixels per working pixel."""
        return float(np.hypot(self.to_page[0, 0], self.to_page[1, 0]))

    def page_points(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Working points -> page points."""
        m = self.to_page
        return m[0, 0] * x + m[0, 1] * y + m[0, 2], m[1, 0] * x + m[1, 1] * y + m[1, 2]


def work_sheet(image: np.ndarray, *, faint: bool = False) -> Sheet | None:
    """The working image of a page (h, w) uint8; None where nothing repeats as staff lines do.

    faint: whether lines may be hardly darker than the paper's grain, as on photographs.
    """
    import cv2

    check_page(image)
    shrink = min(1.0, FIRST_LOOK / max(image.shape))
    small = cv2.resize(image, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA) if shrink < 1 else image
    if min(small.shape) < 16:
        return None
    ink = _inked(small, faint=faint)
    spaces = staff_spaces(ink)
    if not spaces:
        return None
    spaces = [(space, seen) for space, seen in spaces if seen >= SELDOM * spaces[0][1]]
    sheets = [_at_space(image, ink, shrink, space, faint=faint) for space, _ in spaces]
    if len(sheets) == 1:
        return _levelled(sheets[0])
    # Whole staves repeat too, at ten times the distance of their lines, but far less often
    promises = [_promise(sheet) * seen**0.5 for sheet, (_, seen) in zip(sheets, spaces, strict=True)]
    return _levelled(sheets[int(np.argmax(promises))])


def _inked(image: np.ndarray, *, faint: bool) -> np.ndarray:
    return faint_ink(image) if faint else darkness(even_light(image))


def _at_space(image: np.ndarray, ink: np.ndarray, shrink: float, space: float, *, faint: bool) -> Sheet:
    """The page resized for one guess of the distance; from the full image where the first look was too small."""
    import cv2

    factor = 1.0
    if not RANGE[0] <= space <= RANGE[1]:
        factor = min(TARGET / space, LARGEST_GAIN, max(1.0, LARGEST_SIDE / max(ink.shape)))
    if factor > 1 and shrink < 1:
        size = min(1.0, shrink * factor)
        ink = _inked(cv2.resize(image, None, fx=size, fy=size, interpolation=cv2.INTER_AREA), faint=faint)
        factor, space, shrink = factor * shrink / size, space * size / shrink, size
    if factor != 1:
        kind = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
        ink = cv2.resize(ink, None, fx=factor, fy=factor, interpolation=kind)
        if factor < 0.8:  # thin lines pale when they shrink
            ink = cv2.convertScaleAbs(ink, alpha=min(2.5, 0.8 / factor))
    total = shrink * factor
    to_page = np.array([[1 / total, 0, 0.5 / total - 0.5], [0, 1 / total, 0.5 / total - 0.5]])
    return Sheet(ink, space * factor, line_evidence(ink, space * factor), to_page)


def _promise(sheet: Sheet) -> float:
    """Share of the sheet that looks like staves, comparable between sizes."""
    return staff_promise(sheet.lines, skew(sheet.lines)) * sheet.space * sheet.lines.width / sheet.ink.size


def _levelled(sheet: Sheet) -> Sheet:
    """The sheet turned so that its staves are horizontal on average."""
    import cv2

    degrees = skew(sheet.lines)
    if abs(degrees) < LEVEL:
        return sheet
    h, w = sheet.ink.shape
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    width, height = int(np.ceil(w * cos + h * abs(sin))), int(np.ceil(h * cos + w * abs(sin)))
    turn = np.array([[cos, -sin], [sin, cos]])  # levelled -> working
    offset = np.array([w / 2, h / 2]) - turn @ np.array([width / 2, height / 2])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    ink = cv2.warpAffine(sheet.ink, np.column_stack([turn, offset]), (width, height), flags=flags, borderValue=0)
    a, b = sheet.to_page[:, :2], sheet.to_page[:, 2]
    to_page = np.column_stack([a @ turn, a @ offset + b])
    return Sheet(ink, sheet.space, line_evidence(ink, sheet.space), to_page)
