"""Two symbolic forms of one score, note against note: which onset of one is which of the other.

Files of one score disagree in their clocks (cadenzas, short bars, grace notes, repeats written or played out), so onsets are matched by
what sounds: the order-keeping matching of chords with the greatest sum of Jaccard similarities (Needleman & Wunsch 1970, gaps free).
This module compiles with numba: import it where it is used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from crossmodal.base.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SAME_MOMENT = 1 / 64  # quarters: onsets closer than this are one chord
# Chords that share less than this are not the same moment; also what keeps the many half-alike chords of a piece apart.
LEAST_ALIKE = 0.3
MOST_CELLS = 400_000_000


@dataclass(frozen=True)
class Chords:
    """Distinct onsets (n,) in rising quarters, and the pitches of each as bits (n, 2)."""

    quarters: Floats
    pitches: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.quarters)


def chords(quarters: Floats, pitch: Ints) -> Chords:
    """Notes (k,), in any order, pitch as MIDI numbers 0 to 127 -> their chords."""
    if quarters.shape != pitch.shape or quarters.ndim != 1:
        raise InputError(f"expected as many onsets as pitches, got {quarters.shape} and {pitch.shape}")
    if len(pitch) and not (pitch.min() >= 0 and pitch.max() <= 127):
        raise InputError(f"expected MIDI numbers from 0 to 127, got {pitch.min()} to {pitch.max()}")
    order = np.argsort(quarters, kind="stable")
    onset, tone = quarters[order], pitch[order].astype(np.uint64)
    begins = np.ones(len(onset), dtype=bool)
    begins[1:] = np.diff(onset) > SAME_MOMENT
    bits = np.zeros((int(begins.sum()), 2), np.uint64)
    np.bitwise_or.at(
        bits, (np.cumsum(begins) - 1, (tone >> np.uint64(6)).astype(np.intp)), np.uint64(1) << (tone & np.uint64(63))
    )
    return Chords(onset[begins], bits)


def match(first: Chords, second: Chords) -> tuple[Ints, Ints]:
    """Rows (m,) of the first and of the second that are the same moments, both rising. InputError for scores too long to compare."""
    if len(first) * len(second) > MOST_CELLS:
        raise InputError(f"expected scores of at most 20,000 onsets, got {len(first)} and {len(second)}; cut them")
    rows = _match(first.pitches, second.pitches, np.float32(LEAST_ALIKE))
    return rows[:, 0], rows[:, 1]


@numba.njit(cache=True)
def _ones(word: np.uint64) -> int:
    count = 0
    while word:
        word &= word - np.uint64(1)
        count += 1
    return count


@numba.njit(cache=True)
def _alike(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> np.float32:
    """Jaccard similarity of two sets of pitches."""
    common = _ones(a[0] & b[0]) + _ones(a[1] & b[1])
    if common == 0:
        return np.float32(0)
    return np.float32(common / (_ones(a[0] | b[0]) + _ones(a[1] | b[1])))


@numba.njit(cache=True)
def _match(a: NDArray[np.uint64], b: NDArray[np.uint64], least: np.float32) -> Ints:
    n, m = len(a), len(b)
    step = np.zeros((n + 1, m + 1), np.uint8)  # 1: matched, 2: a row of the first left out, 3: of the second
    above = np.zeros(m + 1, np.float32)
    here = np.zeros(m + 1, np.float32)
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            best, way = above[j], 2
            if here[j - 1] > best:
                best, way = here[j - 1], 3
            alike = _alike(a[i - 1], b[j - 1])
            if alike > least and above[j - 1] + alike - least > best:
                best, way = above[j - 1] + alike - least, 1
            here[j] = best
            step[i, j] = way
        above, here = here, above
    rows = np.empty((min(n, m), 2), np.int64)
    i, j, count = n, m, 0
    while i > 0 and j > 0:
        if step[i, j] == 1:
            i, j = i - 1, j - 1
            rows[count, 0], rows[count, 1] = i, j
            count += 1
        elif step[i, j] == 2:
            i -= 1
        else:
            j -= 1
    return rows[:count][::-1].copy()
