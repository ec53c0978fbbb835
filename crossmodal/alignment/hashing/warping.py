"""The cheapest path of `rule` between two hash sequences, strip by strip, without ever holding the matrix.

Keys hold cost << shift | length. No key of a cell can overflow, by this bound: the diagonal that ends in (i, j) begins at the edge, has
at most min(i, j) + 1 cells and no penalty, so the least cost at (i, j) is at most width * min(m, n), and no path has more than m + n
cells. Before the minimum is taken, one penalty is added. So 32 bits do where width * min(m, n) + penalty < 2^(32 - shift) with 2^shift >
m + n: for 32-bit hashes up to 8,191 against 8,191 or 2,047 against 29,000; longer pairs take keys of 64 bits. Columns behind the last one
may hold anything: no real cell reads them.
"""

from __future__ import annotations

import numba
import numpy as np

from crossmodal.alignment.hashing.bounds import completions_exceed, first_end
from crossmodal.alignment.hashing.lanes import MOST_REGISTERS, VECTOR_BITS, make_strip

MARGIN = 3 * MOST_REGISTERS * VECTOR_BITS // 32  # what strips read and write outside the columns
_strip_1, _strip_2, _strip_3 = make_strip(1), make_strip(2), make_strip(3)
_strip_4, _strip_5, _strip_6 = make_strip(4), make_strip(5), make_strip(6)


@numba.njit(cache=True, nogil=True)
def workspace(longest, kind):  # type: ignore[no-untyped-def]
    """Memory for pairs of at most `longest` hashes: rows, columns, and the border between strips."""
    return np.empty(longest + MARGIN, kind), np.empty(longest + MARGIN, kind), np.empty(longest + MARGIN, kind)


@numba.njit(cache=True, nogil=True)
def warp_pair(a, b, gully, penalty, narrow, wide, minima, limit_cost, limit_length):  # type: ignore[no-untyped-def]
    """(cost, length) of the best path; (-1, 0) when it was found, on the way, to be worse than the limit.

    narrow, wide: workspaces of 32 and 64 bits. minima: as `completions_exceed` takes them, for the rows of the shorter sequence; when
    empty, nothing is abandoned.
    """
    rows, columns = (a, b) if a.shape[0] <= b.shape[0] else (b, a)
    m, n = rows.shape[0], columns.shape[0]
    g = first_end(m, n, gully)
    shift = 1
    while (m + n) >> shift:
        shift += 1
    width = 8 * rows.itemsize
    if shift < 32 and width * m + penalty < 1 << (32 - shift):
        return _warp(rows, columns, g, penalty, shift, narrow, minima, limit_cost, limit_length)
    return _warp(rows, columns, g, penalty, 32, wide, minima, limit_cost, limit_length)


@numba.njit(cache=True, nogil=True)
def _warp(rows, columns, g, penalty, shift, space, minima, limit_cost, limit_length):  # type: ignore[no-untyped-def]
    queries, targets, border = space
    key = border.dtype.type
    m, n = rows.shape[0], columns.shape[0]
    lanes = VECTOR_BITS // 8 // border.itemsize
    vectors = (m + lanes - 1) // lanes
    strips = (vectors + MOST_REGISTERS - 1) // MOST_REGISTERS
    registers = (vectors + strips - 1) // strips if border.itemsize == 4 else MOST_REGISTERS
    height = registers * lanes
    padding = strips * height - m  # rows above the first, which the first strip passes over
    # One by one: numba takes seconds to compile the same with slices. What is not set may hold anything: no real cell reads it.
    for x in range(m):
        queries[x] = rows[m - 1 - x]
    for j in range(n):
        targets[height - 1 + j] = columns[j]
        border[height + j] = 0
    best = ~key(0)
    for s in range(strips):
        done = (s + 1) * height - padding  # rows, after this strip
        found = _strip(registers, queries[(strips - s - 1) * height :], targets, border, n, padding - s * height,
                       g + padding - s * height, key(shift), key(penalty))  # fmt: skip
        best = min(best, found)
        if minima.shape[0] and s < strips - 1 and completions_exceed(
            border[height : height + n], best, key(shift), done, g, penalty, minima, limit_cost, limit_length
        ):  # fmt: skip
            return -1, 0
    for j in range(g, n):
        best = min(best, border[height + j])
    return np.int64(best >> key(shift)), np.int64(best & ((key(1) << key(shift)) - key(1)))


@numba.njit(cache=True, nogil=True)
def _strip(registers, queries, targets, border, n, first, eligible, shift, penalty):  # type: ignore[no-untyped-def]
    # Long pairs alone take keys of 64 bits: the compiler sees this, and leaves the other forms out.
    if border.itemsize == 8:
        return _strip_6(queries, targets, border, n, first, eligible, shift, penalty)
    if registers == 1:
        found = _strip_1(queries, targets, border, n, first, eligible, shift, penalty)
    elif registers == 2:
        found = _strip_2(queries, targets, border, n, first, eligible, shift, penalty)
    elif registers == 3:
        found = _strip_3(queries, targets, border, n, first, eligible, shift, penalty)
    elif registers == 4:
        found = _strip_4(queries, targets, border, n, first, eligible, shift, penalty)
    elif registers == 5:
        found = _strip_5(queries, targets, border, n, first, eligible, shift, penalty)
    else:
        found = _strip_6(queries, targets, border, n, first, eligible, shift, penalty)
    return found
