"""Staves as curves: thin horizontal lines, five at equal distances, followed from left to right.

Line evidence is a grey ridge: how much darker a pixel is than the darker of its neighbours half a space above and below, so beams,
noteheads and shadows give none. It is averaged over short blocks of columns, correlated with a comb of five lines of many distances,
and the peaks of neighbouring blocks are linked into tracks. Nothing here assumes that staves are straight: perspective and a curled
page change the distance and the direction from block to block.

Coordinates: pixels of the working image, whose staves are within about 3 degrees of horizontal (see `skew`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from crossmodal.pages.tracks import Track, follow, join

BLOCK = 1.25  # width of a block in staff spaces
WINDOW = 5  # blocks averaged before the comb
RATIOS = (
    0.62,
    0.68,
    0.74,
    0.8,
    0.86,
    0.91,
    0.955,
    1.0,
    1.045,
    1.09,
    1.15,
)  # distances tried, in staff spaces of the page
SLOPES = np.tan(np.radians([-2.5, 0.0, 2.5]))  # directions left after levelling: perspective and curl
REACH = 14  # blocks over which the direction of the lines hardly changes
PEAK = 0.16  # comb response (share of a block covered by lines) that may be a staff
PALEST_PEAK = 0.07  # the same on a blurred page, whose strongest responses are weak
SHORTEST = 12.0  # staff spaces; anything shorter is no staff
MOST_POINTS = 6000  # places of a page that may be staves, strongest first: bounds the work on noise
LINES = np.arange(-2, 3)


@dataclass(frozen=True)
class Lines:
    """Line evidence of a page. blocks: (h, n) float32 in [0, 1], share of a block's width that is a thin dark line; width: of a block."""

    blocks: np.ndarray
    width: int
    space: float

    @cached_property
    def columns(self) -> np.ndarray:
        """The blocks with columns first, (n, h), contiguous."""
        return np.ascontiguousarray(self.blocks.T)

    @property
    def centres(self) -> np.ndarray:
        """x of the middle of each block, (n,)."""
        return (np.arange(self.blocks.shape[1]) + 0.5) * self.width - 0.5


def line_evidence(ink: np.ndarray, space: float) -> Lines:
    """Thin dark lines of the ink (h, w) uint8."""
    import cv2

    d = max(2, round(0.45 * space))
    padded = cv2.copyMakeBorder(ink, d, d, 0, 0, cv2.BORDER_CONSTANT, value=0)
    ridge = cv2.subtract(ink, cv2.max(padded[: -2 * d], padded[2 * d :]))
    width = max(4, round(BLOCK * space))
    count = max(1, -(-ink.shape[1] // width))
    ridge = cv2.copyMakeBorder(ridge, 0, 0, 0, count * width - ink.shape[1], cv2.BORDER_CONSTANT, value=0)
    blocks = cv2.resize(ridge, (count, ink.shape[0]), interpolation=cv2.INTER_AREA)
    return Lines(blocks.astype(np.float32) / 255, width, space)


def skew(lines: Lines, *, limit: float = 9.0) -> float:
    """Mean direction of the lines in degrees, positive where they fall to the right, within +-limit.

    Where rows gather most, within windows of `REACH` blocks, for on a photograph the direction changes over the page. Beams gather
    too: among the likeliest directions the one with most staves is taken.
    """
    count = max(1, round(lines.blocks.shape[1] / REACH))
    windows = [w for w in np.array_split(np.arange(lines.blocks.shape[1]), count) if len(w)]
    coarse = np.arange(-limit, limit + 0.01, 0.75)
    scores = np.array([_gathered(lines, windows, a, 2) for a in coarse])
    padded = np.pad(scores, 1, constant_values=-1.0)
    peaks = np.flatnonzero((scores >= padded[:-2]) & (scores >= padded[2:]))
    peaks = peaks[scores[peaks] - scores.min() >= 0.5 * np.ptp(scores)]
    likely = peaks[np.argsort(-scores[peaks])][:3]
    best = coarse[likely[0]] if len(likely) == 1 else max(coarse[likely], key=lambda a: staff_promise(lines, float(a)))
    fine = best + np.arange(-0.75, 0.76, 0.15)
    return float(fine[int(np.argmax([_gathered(lines, windows, a, 1) for a in fine]))])


def staff_promise(lines: Lines, degrees: float) -> float:
    """How much looks like staves that run in one direction: comb responses above `PEAK`, summed over the page."""
    shift = np.rint(lines.centres * np.tan(np.radians(degrees))).astype(np.intp)
    level = np.stack([np.roll(column, -s) for column, s in zip(lines.columns, shift, strict=True)], axis=1)
    response, _ = comb(Lines(level, lines.width, lines.space), ratios=(0.95, 1.0, 1.05))
    return float(np.maximum(response - PEAK, 0).sum())


def _gathered(lines: Lines, windows: list[np.ndarray], degrees: float, step: int) -> float:
    """Sum of squares of the row sums along a direction, over all windows; every `step`-th block."""
    tangent = np.tan(np.radians(degrees))
    total = 0.0
    for window in windows:
        chosen = window[::step]
        shift = np.rint((chosen - chosen[0]) * lines.width * tangent).astype(np.intp)
        margin = int(np.abs(shift).max(initial=0))
        rows = np.zeros(len(lines.blocks) + 2 * margin, np.float32)
        for column, s in zip(chosen, shift, strict=True):
            rows[margin - s : margin - s + len(lines.blocks)] += lines.columns[column]
        total += float(rows @ rows)
    return total


def comb(lines: Lines, *, ratios: tuple[float, ...] = RATIOS) -> tuple[np.ndarray, np.ndarray]:
    """Response (h, n) float32 of five lines around each place, and the distance (h, n) float32 in pixels that gave it.

    Mean of the five lines' cover and the second weakest (one may be hidden or torn), less what lies in the gaps and where a sixth
    and seventh line would be.
    """
    import cv2

    smooth = np.zeros_like(lines.blocks)
    for slope in SLOPES:
        kernel = _slanted(slope * lines.width)
        smooth = np.maximum(smooth, cv2.filter2D(lines.blocks, -1, kernel, borderType=cv2.BORDER_CONSTANT))
    best = np.zeros_like(smooth)
    distance = np.full_like(smooth, lines.space)
    margin = int(np.ceil(3.2 * max(ratios) * lines.space)) + 2
    padded = np.pad(smooth, ((margin, margin), (0, 0)))
    for ratio in ratios:
        u = ratio * lines.space
        if u < 3:
            continue
        response = _comb_response(padded, len(smooth), margin, u)
        better = response > best
        np.copyto(best, response, where=better)
        distance[better] = u
    return best, distance


def _slanted(per_block: float) -> np.ndarray:
    """Kernel (rows, WINDOW) that averages along a direction, given in pixels per block, a little blurred across it."""
    half = WINDOW // 2
    reach = int(np.ceil(abs(per_block) * half)) + 1
    rows = np.arange(-reach, reach + 1)[:, None]
    away = np.abs(rows - per_block * (np.arange(WINDOW) - half)[None, :])
    return (np.maximum(0, 1.5 - away) / 1.5 / WINDOW).astype(np.float32) * 0.95


def _comb_response(padded: np.ndarray, height: int, margin: int, u: float) -> np.ndarray:
    def at(offset: float) -> np.ndarray:
        low = int(np.floor(offset))
        share = np.float32(offset - low)
        start = margin + low
        shifted: np.ndarray = padded[start : start + height]
        return shifted if share < 0.02 else (1 - share) * shifted + share * padded[start + 1 : start + 1 + height]

    teeth = [at(k * u) for k in LINES]
    gaps = sum(at(k * u) for k in (-1.5, -0.5, 0.5, 1.5)) / 4
    outside = np.maximum(at(-3 * u), at(3 * u))
    mean = sum(teeth) / 5
    response: np.ndarray = 0.5 * mean + 0.5 * _second_smallest(teeth) - 0.7 * gaps - 0.25 * outside
    return response


def _second_smallest(arrays: list[np.ndarray]) -> np.ndarray:
    first, second = np.minimum(arrays[0], arrays[1]), np.maximum(arrays[0], arrays[1])
    for array in arrays[2:]:
        second = np.minimum(second, np.maximum(first, array))
        first = np.minimum(first, array)
    return second


def find_tracks(lines: Lines) -> list[Track]:
    """The middle lines of the staves, top to bottom; their ends are only as exact as a block (see `ends`)."""
    import cv2

    response, distance = comb(lines)
    reach = 2 * round(2.2 * lines.space) + 1
    highest = cv2.dilate(response, np.ones((reach, 1), np.uint8))
    least = float(np.clip(0.3 * np.quantile(response[::2, ::2], 0.995), PALEST_PEAK, PEAK))
    rows, columns = np.nonzero((response >= highest) & (response > least))
    strength = response[rows, columns]
    if len(rows) > MOST_POINTS:
        strong = np.sort(np.argpartition(-strength, MOST_POINTS)[:MOST_POINTS])
        rows, columns, strength = rows[strong], columns[strong], strength[strong]
    tracks = follow(rows.astype(np.float64), columns, strength, distance[rows, columns], space=lines.space)
    tracks = join(tracks, space=lines.space)
    return [t for t in tracks if (t.x[-1] - t.x[0]) * lines.width >= SHORTEST * lines.space]
