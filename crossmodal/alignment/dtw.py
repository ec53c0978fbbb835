"""Dynamic time warping of a whole cost matrix with the steps (1, 1), (0, 1), (1, 0), as `librosa.sequence.dtw` has it.

Sakoe & Chiba 1978; subsequences after Müller 2007. D[i, j] = min over steps s of D[i - s0, j - s1] + multiply[s] * cost[i, j] + add[s].
The matrix is worked through in strips of rows, and each strip by its anti-diagonals, whose cells do not depend on each other:
the processor does many of them at once. Sums are float64, so that long paths lose nothing. Rows are queries, columns targets.
"""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossmodal.alignment.path import Path
from crossmodal.base.errors import InputError

STRIP = 400  # rows; longer diagonals gain little, and no power of two (such strides fall on the same cache lines)
ACROSS, DOWN, START = 1, 2, 3  # directions; 0 is the diagonal
CORNER, ROW, BOTH = 0, 1, 2  # where paths may begin: in the first cell, in the first row, in the first row or column


def dtw(
    cost: ArrayLike,
    *,
    subsequence: bool = False,
    gully: float | None = None,
    weights_add: Sequence[float] = (0.0, 0.0, 0.0),
    weights_mul: Sequence[float] = (1.0, 1.0, 1.0),
) -> Path:
    """The cheapest path through `cost` (n, m).

    subsequence: all rows are used, from any column to any column; otherwise from corner to corner. gully, (0, 1]: from any cell of the
    first row or column to one of the last row or column, of which the column or row is g = min(floor(gully * min(n, m)), min(n, m) - 1)
    or later, so that at least this part of the shorter sequence is used (Raffel 2016); of equal ends those of the last row come first.
    weights_add, weights_mul: one number each for the steps (1, 1), (0, 1), (1, 0); the first cell counts unweighted. A cost of infinity
    forbids a cell. Raises InputError for an empty matrix, NaN, or when no path is left.
    """
    matrix = np.ascontiguousarray(cost)
    if matrix.dtype not in (np.float32, np.float64):
        matrix = matrix.astype(np.float64)
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise InputError(f"cost: expected a matrix (n, m) with n and m of 1 or more, got shape {matrix.shape}")
    add, multiply = step_weights(weights_add, weights_mul)
    edges = free_edges(subsequence, gully)
    strip = min(STRIP, matrix.shape[0])
    last, side, directions, clean = _forward(matrix, strip, edges, add, multiply)
    if not clean:
        raise InputError(
            "cost: expected numbers above minus infinity, got NaN or minus infinity; use infinity to forbid"
        )
    row, column, total = cheapest_end(last, side, subsequence, gully)
    if not np.isfinite(total):
        raise InputError("cost: expected a path of finite cost, got none; allow more cells")
    rows, columns = _trace(directions, strip, row, column)
    return Path(rows, columns, total)


def free_edges(subsequence: bool, gully: float | None) -> int:
    """CORNER, ROW or BOTH, where paths may begin; raises InputError for a wrong gully."""
    if gully is None:
        return ROW if subsequence else CORNER
    if subsequence or not 0 < gully <= 1:
        raise InputError(f"gully: expected a number above 0 and at most 1, without subsequence, got {gully}")
    return BOTH


def cheapest_end(
    last: NDArray[np.float64], side: NDArray[np.float64], subsequence: bool, gully: float | None
) -> tuple[int, int, float]:
    """Row, column and sum of the best end, from the sums of the last row (m,) and of the last column (n,)."""
    bottom, right = len(side) - 1, len(last) - 1
    if gully is None:
        end = int(np.argmin(last)) if subsequence else right
        return bottom, end, float(last[end])
    first = min(int(gully * min(len(last), len(side))), bottom, right)
    column, row = first + int(np.argmin(last[first:])), first + int(np.argmin(side[first:]))
    if side[row] < last[column]:
        return row, right, float(side[row])
    return bottom, column, float(last[column])


def step_weights(add: Sequence[float], multiply: Sequence[float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Checked weights of the three steps."""
    pair = np.asarray(add, dtype=np.float64), np.asarray(multiply, dtype=np.float64)
    for name, values in zip(("weights_add", "weights_mul"), pair, strict=True):
        if values.shape != (3,) or not np.isfinite(values).all():
            raise InputError(f"{name}: expected 3 finite numbers, for the steps (1, 1), (0, 1), (1, 0), got {values}")
    return pair


@numba.njit(cache=True, nogil=True)
def _usable(values):  # type: ignore[no-untyped-def]
    lowest = values.dtype.type(-np.inf)
    bad = np.int32(0)
    for x in range(values.shape[0]):
        bad |= np.int32(0) if values[x] > lowest else np.int32(1)
    return bad == 0


@numba.njit(cache=True, nogil=True)
def _gather(into, flat, stride):  # type: ignore[no-untyped-def]
    for r in range(into.shape[0]):
        into[r] = flat[r * stride]


@numba.njit(cache=True, nogil=True)
def _diagonal(current, direction, corner, above, left, cost):  # type: ignore[no-untyped-def]
    """One anti-diagonal without weights; every argument is a slice over its rows."""
    for r in range(current.shape[0]):
        best, across, down = corner[r], left[r], above[r]
        step = np.uint8(ACROSS) if across < best else np.uint8(0)
        best = across if across < best else best
        step = np.uint8(DOWN) if down < best else step
        best = down if down < best else best
        current[r] = best + cost[r]
        direction[r] = step


@numba.njit(cache=True, nogil=True)
def _diagonal_weighted(current, direction, corner, above, left, cost, add, multiply):  # type: ignore[no-untyped-def]
    """One anti-diagonal; every argument but the weights is a slice over its rows."""
    a0, a1, a2 = add[0], add[1], add[2]
    m0, m1, m2 = multiply[0], multiply[1], multiply[2]
    for r in range(current.shape[0]):
        best = corner[r] + (m0 * cost[r] + a0)
        across = left[r] + (m1 * cost[r] + a1)
        down = above[r] + (m2 * cost[r] + a2)
        step = np.uint8(ACROSS) if across < best else np.uint8(0)
        best = across if across < best else best
        step = np.uint8(DOWN) if down < best else step
        best = down if down < best else best
        current[r] = best
        direction[r] = step


@numba.njit(cache=True, nogil=True)
def _forward(cost, strip, edges, add, multiply):  # type: ignore[no-untyped-def]
    """Sums of the last row (m,) and column (n,), directions (strips, diagonals, rows of a strip), and whether all costs can be used."""
    n, m = cost.shape
    count = (n + strip - 1) // strip
    directions = np.empty((count, m + strip - 1, strip), np.uint8)
    border = np.full(m + 1, np.inf)  # sums of the row above the strip, one place to the right
    side = np.full(n, np.inf)
    flat = cost.reshape(-1)
    gathered = np.zeros(strip, cost.dtype)
    plain = (add == 0).all() and (multiply == 1).all()
    for s in range(count):
        first = s * strip
        height = min(strip, n - first)
        if not _usable(flat[first * m : (first + height) * m]):
            return border[1:], side, directions, False
        lines = np.full((3, strip + 1), np.inf)
        before, previous, current = lines[0], lines[1], lines[2]
        for t in range(m + height - 1):
            if t < m:
                previous[0] = border[t + 1]
            low, high = max(0, t - m + 1), min(height, t + 1)
            # Slices are made inside the calls: a named one would be counted by reference, which costs as much as the work.
            _gather(gathered[low:high], flat[first * m + t + low * (m - 1) :], m - 1)
            if plain:
                _diagonal(current[low + 1 : high + 1], directions[s, t, low:high], before[low:high],
                          previous[low:high], previous[low + 1 : high + 1], gathered[low:high])  # fmt: skip
            else:
                _diagonal_weighted(current[low + 1 : high + 1], directions[s, t, low:high], before[low:high],
                                   previous[low:high], previous[low + 1 : high + 1], gathered[low:high],
                                   add, multiply)  # fmt: skip
            # The first row can begin a path: in every column, or in the first one.
            if s == 0 and low == 0 and (edges != CORNER or t == 0) and gathered[0] <= current[1]:
                current[1] = gathered[0]
                directions[s, t, 0] = np.uint8(START)
            if edges == BOTH and t < height and gathered[t] <= current[t + 1]:
                current[t + 1] = gathered[t]
                directions[s, t, t] = np.uint8(START)
            if t >= m - 1:
                side[first + t - m + 1] = current[t - m + 2]
            if t >= height - 1:
                border[t - height + 2] = current[height]
            before, previous, current = previous, current, before
    return border[1:], side, directions, True


@numba.njit(cache=True, nogil=True)
def _trace(directions, strip, row, column):  # type: ignore[no-untyped-def]
    length = row + column + 1
    rows, columns = np.empty(length, np.int64), np.empty(length, np.int64)
    while True:
        length -= 1
        rows[length], columns[length] = row, column
        r = row % strip
        step = directions[row // strip, r + column, r]
        if step == START:
            break
        row -= 1 if step != ACROSS else 0
        column -= 1 if step != DOWN else 0
    return rows[length:].copy(), columns[length:].copy()
