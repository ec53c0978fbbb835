"""The rule of `crossmodal.alignment.hashing.rule`, row by row, as plainly as can be; and invented sequences."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crossmodal.alignment.hashing.rule import Rule


def naive_warp(a: NDArray, b: NDArray, rule: Rule) -> tuple[int, int]:
    """(cost, length) of the cheapest path, of those the shortest."""
    m, n = len(a), len(b)
    g = min(int(rule.gully * min(m, n)), min(m, n) - 1)
    best: dict[tuple[int, int], tuple[int, int]] = {}
    ends = []
    for i in range(m):
        for j in range(n):
            before = [(0, 0)] if i == 0 or j == 0 else [best[i - 1, j - 1]]
            for key in ((i - 1, j), (i, j - 1)):
                if key in best:
                    before.append((best[key][0] + rule.penalty, best[key][1]))
            cost, length = min(before)
            best[i, j] = cost + (int(a[i]) ^ int(b[j])).bit_count(), length + 1
            if (i == m - 1 and j >= g) or (j == n - 1 and i >= g):
                ends.append(best[i, j])
    return min(ends)


def random_hashes(generator: np.random.Generator, length: int, kind: type, *, words: int = 0) -> NDArray:
    """Hashes (length,) of independent bits; words: only so many different ones, so that ties are many."""
    top = np.iinfo(kind).max
    if not words:
        return generator.integers(0, top, length, dtype=kind, endpoint=True)
    return generator.choice(generator.integers(0, top, words, dtype=kind, endpoint=True), length)


def drifting_hashes(generator: np.random.Generator, length: int, kind: type, *, flips: float = 0.1) -> NDArray:
    """Hashes (length,) whose bits change from one to the next with a probability of `flips`, like those of music."""
    bits = generator.random((length, 8 * np.dtype(kind).itemsize)) < flips
    bits[0] = generator.random(bits.shape[1]) < 0.5
    return np.packbits(np.cumsum(bits, axis=0) % 2 == 1, axis=1).view(kind).ravel()


def corrupted(generator: np.random.Generator, hashes: NDArray, *, errors: float = 0.08) -> NDArray:
    """The same sequence with wrong bits, some hashes left out and some doubled."""
    bits = generator.random((len(hashes), 8 * hashes.itemsize)) < errors
    wrong = hashes ^ np.packbits(bits, axis=1).view(hashes.dtype).ravel()
    times = generator.choice([0, 1, 2], len(hashes), p=[0.05, 0.9, 0.05])
    times[0] = 1
    return np.repeat(wrong, times)
