"""How far apart the staff lines are, from run lengths: black and white runs of a column that follow each other add up to it.

Cardoso & Rebelo, "Robust staffline thickness and distance estimation in binary and gray-level music scores", ICPR 2010: the most
frequent sum of consecutive runs is steadier than the most frequent white run, whatever the threshold did to the lines' thickness.
"""

from __future__ import annotations

import numpy as np

SMALLEST, LARGEST = 3, 90  # pixels between two lines that are looked for
DARK = 96  # ink level above which a pixel is black
COLUMNS = 400  # columns looked at
MINIMUM_RUNS = 60  # pairs of runs that agree, below which there are no staves


def staff_spaces(ink: np.ndarray, *, candidates: int = 3) -> list[tuple[float, float]]:
    """Likely distances between staff lines in pixels and how often each was seen, likeliest first; none on a page without lines.

    ink: (h, w) uint8, 255 is black.
    """
    columns = np.ascontiguousarray(ink[:, :: max(1, ink.shape[1] // COLUMNS)].T) > DARK
    sums = _run_pairs(columns)
    counts = np.bincount(sums, minlength=LARGEST + 2).astype(np.float64)[: LARGEST + 2]
    counts[: SMALLEST - 1] = 0
    smooth = np.convolve(counts, [0.5, 1, 0.5], mode="same")
    found: list[tuple[float, float]] = []
    for _ in range(candidates):
        peak = int(smooth[SMALLEST:LARGEST].argmax()) + SMALLEST
        if smooth[peak] < MINIMUM_RUNS:
            break
        near = slice(max(0, peak - 1), peak + 2)
        mean = np.average(np.arange(peak - 1, peak + 2), weights=counts[near] + 1e-9)
        found.append((float(mean), float(smooth[peak])))
        smooth[max(0, int(peak * 0.8)) : int(peak * 1.25) + 2] = 0
    return found


def _run_pairs(columns: np.ndarray) -> np.ndarray:
    """Sums of a black run and the white run after it, of lines (n, length) bool, where the black one is the shorter."""
    n, length = columns.shape
    padded = np.zeros((n, length + 2), bool)
    padded[:, 1:-1] = columns
    rows, places = np.nonzero(padded[:, 1:] != padded[:, :-1])
    starts, ends = places[0::2], places[1::2]  # of the black runs: every line begins and ends white
    same = rows[0::2][1:] == rows[0::2][:-1]
    black, total = (ends - starts)[:-1], starts[1:] - starts[:-1]
    kept: np.ndarray = total[same & (black <= 0.6 * total) & (total <= LARGEST)]
    return kept
