"""Dynamic time warping of long sequences in memory that grows with n + m: coarse first, then finer in a band around the path.

After Müller, Mattes & Kurth 2006 (multiscale) and Salvador & Chan 2007 (FastDTW). Each level pools FACTOR vectors of the finer one
into their mean; costs are 1 - inner product, made inside the band only, a block of rows at a time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossmodal.alignment.dtw import ACROSS, BOTH, CORNER, DOWN, START, cheapest_end, dtw, free_edges, step_weights
from crossmodal.alignment.path import Floats, Integers, Path, pooled, same_dimension, sequence
from crossmodal.base.errors import InputError

FACTOR = 4
BLOCK_CELLS = 1 << 18  # of the costs that are held at once


def align(
    queries: ArrayLike,
    targets: ArrayLike,
    *,
    subsequence: bool = False,
    gully: float | None = None,
    weights_add: Sequence[float] = (0.0, 0.0, 0.0),
    weights_mul: Sequence[float] = (1.0, 1.0, 1.0),
    radius: int = 16,
    largest: int = 1 << 20,
) -> Path:
    """A cheap path between unit vectors `queries` (n, d) and `targets` (m, d) under the cost 1 - inner product.

    subsequence, gully, weights_add, weights_mul: as in `dtw`. radius: half the width of the band, in cells of the coarser level;
    largest: cells of a matrix that is solved whole, so that small problems are solved exactly. Raises InputError for
    empty or infinite input and for vectors of two dimensions.
    """
    queries, targets = sequence("queries", queries), sequence("targets", targets)
    same_dimension(queries, targets)
    if radius < 1 or largest < 1:
        raise InputError(f"radius, largest: expected 1 or more, got {radius} and {largest}")
    add, multiply = step_weights(weights_add, weights_mul)
    size = 1
    while -(-len(queries) // size) * -(-len(targets) // size) > largest:
        size *= FACTOR
    costs = 1 - pooled(queries, size) @ pooled(targets, size).T
    path = dtw(costs, subsequence=subsequence, gully=gully, weights_add=weights_add, weights_mul=weights_mul)
    while size > 1:
        size //= FACTOR
        fine = pooled(queries, size), pooled(targets, size)
        low, high = _band(path, len(fine[0]), len(fine[1]), radius)
        path = _refine(*fine, low, high, subsequence, gully, add, multiply)
    return path


def align_near(
    queries: ArrayLike, targets: ArrayLike, *, radius: int, weights_add: Sequence[float] = (0.0, 0.0, 0.0)
) -> Path:
    """The cheapest path from the first to the last cell that stays within `radius` columns of the diagonal.

    queries, targets: (n, d), of one length, laid along each other already, only not exactly; otherwise as `align`. Raises InputError for
    different lengths, and for a radius below 0.
    """
    rows, columns = sequence("queries", queries), sequence("targets", targets)
    same_dimension(rows, columns)
    if len(rows) != len(columns) or radius < 0:
        raise InputError(
            f"expected sequences of one length and a radius from 0, got {len(rows)} and {len(columns)} vectors and {radius}"
        )
    add, multiply = step_weights(weights_add, (1.0, 1.0, 1.0))
    places = np.arange(len(rows))
    low, high = np.maximum(places - radius, 0), np.minimum(places + radius + 1, len(rows))
    return _refine(rows, columns, low, high, False, None, add, multiply)


def _band(path: Path, n: int, m: int, radius: int) -> tuple[Integers, Integers]:
    """First column and the one after the last, for each of n finer rows, around a coarse path; both never fall."""
    count = int(path.rows[-1]) + 1
    first = path.columns[np.searchsorted(path.rows, np.arange(count), side="left")]
    last = path.columns[np.searchsorted(path.rows, np.arange(count), side="right") - 1]
    coarse = np.arange(n) // FACTOR
    low = first[np.clip(coarse - radius, 0, count - 1)] - radius
    high = last[np.minimum(coarse + radius, count - 1)] + radius + 1
    return np.maximum(low * FACTOR, 0), np.minimum(high * FACTOR, m)


def _refine(
    queries: Floats,
    targets: Floats,
    low: Integers,
    high: Integers,
    subsequence: bool,
    gully: float | None,
    add: NDArray[np.float64],
    multiply: NDArray[np.float64],
) -> Path:
    """The cheapest path inside the band."""
    n, m = len(queries), len(targets)
    offsets = np.concatenate([[0], np.cumsum(high - low)])
    directions = np.empty(offsets[-1], np.uint8)
    previous, current, side = np.full(m, np.inf), np.full(m, np.inf), np.full(n, np.inf)
    edges = free_edges(subsequence, gully)
    row = 0
    while row < n:
        rows = 128
        while rows > 1 and rows * (high[min(row + rows, n) - 1] - low[row]) > BLOCK_CELLS:
            rows //= 2
        end = min(row + rows, n)
        left = low[row]
        costs = 1 - queries[row:end] @ targets[left : high[end - 1]].T
        for i in range(row, end):
            span = slice(low[i] - left, high[i] - left)
            _band_row(costs[i - row, span], directions[offsets[i] : offsets[i + 1]], previous, current, low[i],
                      low[i - 1] if i else 0, high[i - 1] if i else 0, i == 0, edges, add, multiply)  # fmt: skip
            previous, current = current, previous
            side[i] = previous[-1] if high[i] == m else np.inf
        row = end
    previous[: low[-1]] = previous[high[-1] :] = np.inf  # stale
    bottom, right, total = cheapest_end(previous, side, subsequence, gully)
    rows_, columns = _trace_band(directions, offsets, low, bottom, right)
    return Path(rows_, columns, total)


@numba.njit(cache=True, nogil=True)
def _band_row(  # type: ignore[no-untyped-def]
    costs, directions, previous, current, low, previous_low, previous_high, is_first, edges, add, multiply
):
    """One row of the band. `previous` and `current` (m,) hold sums; those outside their row's band are stale."""
    left = np.inf
    for x in range(costs.shape[0]):
        j = low + x
        cost = np.float64(costs[x])
        corner = previous[j - 1] if previous_low < j <= previous_high else np.inf
        above = previous[j] if previous_low <= j < previous_high else np.inf
        best, step = corner + (multiply[0] * cost + add[0]), 0
        across, down = left + (multiply[1] * cost + add[1]), above + (multiply[2] * cost + add[2])
        if across < best:
            best, step = across, ACROSS
        if down < best:
            best, step = down, DOWN
        begins = is_first if edges != CORNER and j else j == 0 and (is_first or edges == BOTH)
        if begins and cost <= best:
            best, step = cost, START
        current[j] = left = best
        directions[x] = step


@numba.njit(cache=True, nogil=True)
def _trace_band(directions, offsets, low, row, column):  # type: ignore[no-untyped-def]
    length = row + column + 1
    rows, columns = np.empty(length, np.int64), np.empty(length, np.int64)
    while True:
        length -= 1
        rows[length], columns[length] = row, column
        step = directions[offsets[row] + column - low[row]]
        if step == START:
            break
        row -= 1 if step != ACROSS else 0
        column -= 1 if step != DOWN else 0
    return rows[length:].copy(), columns[length:].copy()
