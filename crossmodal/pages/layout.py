"""What a page of music is made of: pages hold systems, systems hold staves; coordinates are pixels of the upright page image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

WHOLE = 160  # rows of the whole system in a strip
SPACE = 5.0  # rows of a strip between two staff lines
BAND = 80  # rows of a staff's band in a strip: 16 spaces, its middle line in the centre


@dataclass(frozen=True)
class Staff:
    """One staff. x, y: (k,) points along its middle line from left to right, k >= 2; space: mean distance of its lines."""

    x: np.ndarray
    y: np.ndarray
    space: float


@dataclass(frozen=True)
class System:
    """Staves that sound together, top to bottom. page and number count from 0; number counts over its page."""

    page: int
    number: int
    staves: tuple[Staff, ...]

    @property
    def space(self) -> float:
        """Median distance between staff lines."""
        return float(np.median([staff.space for staff in self.staves]))

    @property
    def box(self) -> tuple[float, float, float, float]:
        """left, top, right, bottom of the staff lines (what stands above or below them is not counted)."""
        left = min(float(s.x[0]) for s in self.staves)
        right = max(float(s.x[-1]) for s in self.staves)
        top = min(float(s.y.min()) - 2 * s.space for s in self.staves)
        bottom = max(float(s.y.max()) + 2 * s.space for s in self.staves)
        return left, top, right, bottom


@dataclass(frozen=True)
class Page:
    """One upright page. image: (h, w) uint8, 255 is paper; turned: degrees clockwise by which the file's image was turned to stand
    upright (0, 90, 180, 270).
    """

    number: int
    image: np.ndarray
    systems: tuple[System, ...] = ()
    turned: int = 0


@dataclass(frozen=True)
class Strip:
    """A system straightened and brought to one size (`SPACE` rows between staff lines, the same scale along x).

    bands: (staves, BAND, w) uint8, 255 is paper, each staff's middle line along its central row; whole: (WHOLE, w) uint8, all of the
    system around its vertical centre, as published snippets show it. Column c of the strip lies at x = left + c / scale of the page.
    """

    system: System
    bands: np.ndarray
    whole: np.ndarray
    left: float
    scale: float

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.bands.shape[2])

    def page_x(self, columns: np.ndarray | float) -> np.ndarray:
        """Columns of the strip -> x on the page."""
        return self.left + np.asarray(columns, np.float64) / self.scale

    def column(self, x: np.ndarray | float) -> np.ndarray:
        """x on the page -> columns of the strip."""
        return (np.asarray(x, np.float64) - self.left) * self.scale
