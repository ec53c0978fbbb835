"""A system of a page -> straight strips of one size, so that scans, photographs and engravings look alike to the networks.

Every staff is followed along its own middle line; what stands above or below it is read off along the system's upright direction
(across the mean direction of its staves). One column of the strip is the same moment in all staves, and the same x on the page.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crossmodal.pages.ink import check_page, darkness, even_light
from crossmodal.pages.layout import BAND, SPACE, WHOLE, Page, Staff, Strip, System

FINER = 2  # samples per row and column of the strip, averaged: reading single points would lose thin lines
MARGIN = 3.0  # staff spaces left above and below the system in `whole`
AROUND = 20.0  # staff spaces around the system whose paper and ink decide what is white and black


def straighten(image: np.ndarray, system: System) -> Strip:
    """The strips of a system of this page: image (h, w) uint8, 255 is paper; the system's coordinates are its pixels."""
    check_page(image)
    space = system.space
    left, top, right, bottom = system.box
    scale = SPACE / space
    width = max(1, round((right - left) * scale))
    slope = _slope(system)
    crop = _Crop(image, (left, top, right, bottom), space)
    fine = (np.arange(width * FINER) + 0.5) / FINER - 0.5
    x = left + fine / scale
    bands = np.stack([_band(crop, system, staff, x, slope) for staff in system.staves])
    return Strip(system, bands, _whole(crop, system, x, slope), left, scale)


def straighten_pages(pages: Sequence[Page]) -> list[Strip]:
    """The strips of all systems in reading order."""
    return [straighten(page.image, system) for page in pages for system in page.systems]


def middle_line(staff: Staff, x: np.ndarray) -> np.ndarray:
    """y of the staff's middle line at x (k,), going on straight beyond its ends."""
    y = np.interp(x, staff.x, staff.y)
    slope = np.polyfit(staff.x, staff.y, 1)[0]
    y = np.where(x < staff.x[0], staff.y[0] + slope * (x - staff.x[0]), y)
    return np.where(x > staff.x[-1], staff.y[-1] + slope * (x - staff.x[-1]), y)


def _slope(system: System) -> float:
    """Mean slope of the staves: their upright direction leans by as much."""
    return float(np.mean([np.polyfit(s.x, s.y, 1)[0] for s in system.staves]))


def _centre(system: System, x: np.ndarray) -> np.ndarray:
    """y half-way between the first and the last staff's middle lines."""
    return (middle_line(system.staves[0], x) + middle_line(system.staves[-1], x)) / 2


class _Crop:
    """The surroundings of a system with white paper and black ink, at `FINER` times the strip's size or the page's, if that is less."""

    def __init__(self, image: np.ndarray, box: tuple[float, float, float, float], space: float) -> None:
        import cv2

        h, w = image.shape
        left, top, right, bottom = box
        pad = AROUND * space
        self.x0, self.y0 = int(np.clip(left - pad, 0, w - 1)), int(np.clip(top - pad, 0, h - 1))
        x1, y1 = int(np.clip(right + pad, self.x0 + 1, w)), int(np.clip(bottom + pad, self.y0 + 1, h))
        part = np.ascontiguousarray(image[self.y0 : y1, self.x0 : x1])
        self.factor = min(1.0, FINER * SPACE / space)
        ink = darkness(even_light(part))
        if self.factor < 1:
            ink = cv2.resize(ink, None, fx=self.factor, fy=self.factor, interpolation=cv2.INTER_AREA)
        self.ink = ink

    def sample(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Strip rows (rows, columns) uint8, 255 is paper, at page places (rows * FINER, columns * FINER)."""
        import cv2

        places = [((v - v0 + 0.5) * self.factor - 0.5).astype(np.float32) for v, v0 in ((x, self.x0), (y, self.y0))]
        fine = cv2.remap(self.ink, places[0], places[1], cv2.INTER_LINEAR, borderValue=0)
        rows, columns = fine.shape
        return 255 - cv2.resize(fine, (columns // FINER, rows // FINER), interpolation=cv2.INTER_AREA)


def _rows(count: int) -> np.ndarray:
    """Rows of the strip below its central one (row count // 2), `FINER` to a row, (count * FINER,)."""
    return (np.arange(count * FINER) + 0.5) / FINER - 0.5 - count // 2


def _band(crop: _Crop, system: System, staff: Staff, x: np.ndarray, slope: float) -> np.ndarray:
    """(BAND, w) uint8 around one staff."""
    across = x - slope * (middle_line(staff, x) - _centre(system, x))
    y = middle_line(staff, across)
    below = _rows(BAND)[:, None] * (staff.space / SPACE)
    return crop.sample(across[None, :] - slope * below, y[None, :] + below)


def _whole(crop: _Crop, system: System, x: np.ndarray, slope: float) -> np.ndarray:
    """(WHOLE, w) uint8 around the system's vertical centre."""
    centre = _centre(system, x)
    tall = (
        float(np.median(middle_line(system.staves[-1], x) - middle_line(system.staves[0], x))) / system.space
        + 4
        + 2 * MARGIN
    )
    per_row = system.space * max(1 / SPACE, tall / WHOLE)
    below = _rows(WHOLE)[:, None] * per_row
    return crop.sample(x[None, :] - slope * below, centre[None, :] + below)
