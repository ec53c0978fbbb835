"""The least Hamming distance of each row to any column, from below: what the lemma of `bounds` builds on.

Least of all costs an envelope: of BLOCK successive columns keep the bits in which they agree; the distance of a row to any of them is at
least the number of those bits in which it differs. Then come the exact minima of all columns, ROWS rows at a time, as long as they are
needed.
"""

from __future__ import annotations

import numba
import numpy as np

from crossmodal.alignment.hashing.bounds import windows_exceed
from crossmodal.alignment.hashing.hamming import popcount

BLOCK = 4  # columns of an envelope
VECTOR = 64  # envelopes are filled up to whole vectors, with copies of the last
ROWS, LOOKS = 16, 8  # at least so many rows between two looks at whether the bound suffices; at most so many looks


@numba.njit(cache=True, nogil=True)
def envelope(columns, values, stable):  # type: ignore[no-untyped-def]
    """Fills `values` and `stable` (blocks,): a hash of each block, and the bits all of the block share; returns how many there are."""
    n = columns.shape[0]
    blocks = (n + BLOCK - 1) // BLOCK
    for b in range(n // BLOCK):
        x = columns[BLOCK * b]
        change = (x ^ columns[BLOCK * b + 1]) | (x ^ columns[BLOCK * b + 2]) | (x ^ columns[BLOCK * b + 3])
        values[b], stable[b] = x, ~change
    if blocks > n // BLOCK:
        x = change = columns[n - 1]
        change ^= x
        for j in range(BLOCK * (blocks - 1), n):
            change |= x ^ columns[j]
        values[blocks - 1], stable[blocks - 1] = x, ~change
    filled = (blocks + VECTOR - 1) // VECTOR * VECTOR
    values[blocks:filled], stable[blocks:filled] = values[blocks - 1], stable[blocks - 1]
    return filled


@numba.njit(cache=True, nogil=True)
def envelope_minima(rows, values, stable, minima):  # type: ignore[no-untyped-def]
    """r(i) for all rows from the envelope of the columns; `values` and `stable` hold nothing else."""
    last = rows.shape[0] - 1
    for i in range(0, last + 1, 4):  # four rows to a load; rows behind the last repeat it
        i1, i2, i3 = min(i + 1, last), min(i + 2, last), min(i + 3, last)
        row0, row1, row2, row3 = rows[i], rows[i1], rows[i2], rows[i3]
        least0 = least1 = least2 = least3 = np.uint32(255)
        for b in range(values.shape[0]):
            value, bits = values[b], stable[b]
            least0 = min(least0, np.uint32(popcount((row0 ^ value) & bits)))
            least1 = min(least1, np.uint32(popcount((row1 ^ value) & bits)))
            least2 = min(least2, np.uint32(popcount((row2 ^ value) & bits)))
            least3 = min(least3, np.uint32(popcount((row3 ^ value) & bits)))
        minima[i], minima[i1], minima[i2], minima[i3] = least0, least1, least2, least3


@numba.njit(cache=True, nogil=True)
def exact_minima(rows, columns, minima):  # type: ignore[no-untyped-def]
    """r(i) for all rows from all columns."""
    for i in range(rows.shape[0]):
        row, least = rows[i], np.uint32(255)
        for j in range(columns.shape[0]):
            least = min(least, np.uint32(popcount(row ^ columns[j])))
        minima[i] = least


@numba.njit(cache=True, nogil=True)
def refine(rows, columns, g, penalty, minima, cost, length):  # type: ignore[no-untyped-def]
    """Replaces the minima of an envelope by exact ones until the score is proven to be above cost / length; whether it was.

    Gives up where the rows so far do not promise it: that costs time at worst, and the minima that are left stay below the distances.
    """
    m = rows.shape[0]
    total = minima.sum() * length - m * cost
    if total > 0 and windows_exceed(minima, g, penalty, cost, length):
        return True
    gain = np.int64(0)
    size = max(ROWS, (m + LOOKS - 1) // LOOKS)
    for start in range(0, m, size):
        stop = min(start + size, m)
        old = minima[start:stop].sum()
        exact_minima(rows[start:stop], columns, minima[start:stop])
        gain += (minima[start:stop].sum() - old) * length
        if total + gain + gain // stop * (m - stop) <= 0:
            return False
        # The window of all rows is one of those that have to exceed, and the cheapest to look at.
        if total + gain > 0 and windows_exceed(minima, g, penalty, cost, length):
            return True
    return False
