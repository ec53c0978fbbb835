"""Kernels of the alignment with jumps: Viterbi over states (speed, column), inside a band, with one byte kept for each state.

State (k, j) at row i: column j was reached at speed k. From row to row the speed may change (a cost for each neighbour), then the
column moves by the speed's move, give or take one (a slip). The byte holds the speed before in its low four bits and the slip above.
"""

from __future__ import annotations

import numba
import numpy as np

BEGIN, LEAP = 0x30, 0x31  # bytes of states where the path begins, or into which it jumped


@numba.njit(cache=True, nogil=True)
def _cheaper(best, code, candidate, source, extra, mark):  # type: ignore[no-untyped-def]
    """Takes candidate + extra where it is less."""
    for x in range(best.shape[0]):
        value = candidate[x] + extra
        less = value < best[x]
        best[x] = value if less else best[x]
        code[x] = source[x] | mark if less else code[x]


@numba.njit(cache=True, nogil=True)
def _add(values, costs):  # type: ignore[no-untyped-def]
    for x in range(values.shape[0]):
        values[x] += costs[x]


@numba.njit(cache=True, nogil=True)
def _begin(best, code, starts, before):  # type: ignore[no-untyped-def]
    for x in range(best.shape[0]):
        value = starts[x] + before
        less = value < best[x]
        best[x] = value if less else best[x]
        code[x] = np.uint8(BEGIN) if less else code[x]


@numba.njit(cache=True, nogil=True)
def change_speed(state, relaxed, source, low, high, change):  # type: ignore[no-untyped-def]
    """relaxed[k] = min over l of state[l] + change * |k - l|, and that l in `source`, for columns low..high."""
    count = state.shape[0]
    for k in range(count):
        relaxed[k, low:high] = state[k, low:high]
        source[k, low:high] = np.uint8(k)
    for k in range(1, count):
        _cheaper(relaxed[k, low:high], source[k, low:high], relaxed[k - 1, low:high], source[k - 1, low:high],
                 change, np.uint8(0))  # fmt: skip
    for k in range(count - 2, -1, -1):
        _cheaper(relaxed[k, low:high], source[k, low:high], relaxed[k + 1, low:high], source[k + 1, low:high],
                 change, np.uint8(0))  # fmt: skip


@numba.njit(cache=True, nogil=True)
def move_on(state, relaxed, source, code, moves, old, new, slip, pause):  # type: ignore[no-untyped-def]
    """One row further: from columns old[0]..old[1] of `relaxed` to columns new[0]..new[1] of `state`; code (speeds, new width)."""
    for k in range(state.shape[0]):
        state[k, new[0] : new[1]] = np.inf
        code[k] = np.uint8(0)
        for turn in range(3):
            move = moves[k] + (0, -1, 1)[turn]
            low, high = max(new[0], old[0] + move), min(new[1], old[1] + move)
            if move < 0 or low >= high:
                continue
            extra = (np.float32(0) if turn == 0 else slip) + (pause if moves[k] == 0 and k == 0 else np.float32(0))
            _cheaper(state[k, low:high], code[k, low - new[0] : high - new[0]], relaxed[k, low - move : high - move],
                     source[k, low - move : high - move], extra, np.uint8(turn << 4))  # fmt: skip


@numba.njit(cache=True, nogil=True)
def _cheapest(best, chosen, penalties, numbers, value):  # type: ignore[no-untyped-def]
    """For each destination the cheaper of what was found and a jump from one origin; of equals the jump of the lower number."""
    for x in range(best.shape[0]):
        candidate = value + penalties[x]
        less = (candidate < best[x]) | ((candidate == best[x]) & (numbers[x] < chosen[x]))
        best[x] = candidate if less else best[x]
        chosen[x] = numbers[x] if less else chosen[x]


@numba.njit(cache=True, nogil=True)
def leap(state, relaxed, code, moves, old, new, jumps, winner, touched):  # type: ignore[no-untyped-def]
    """Adds the jumps of one row; jumps: (origins, destinations, penalties, numbers) of `JumpTable.grid`.

    A move of s columns over the border after the origin, from `back` columns before it, lands s - 1 - back columns behind the
    destination. winner (speeds, columns) holds 16 * jump + back. Returns how many states of `touched` were jumped into.
    """
    origins, destinations, penalties, numbers = jumps
    best = np.empty(destinations.shape[0], np.float32)
    chosen = np.empty(destinations.shape[0], np.int32)
    count = 0
    for k in range(state.shape[0]):
        for back in range(moves[k]):
            best[:] = np.float32(np.inf)
            chosen[:] = np.int32(0)
            for x in range(origins.shape[0]):
                left = origins[x] - back
                if old[0] <= left < old[1]:
                    _cheapest(best, chosen, penalties[x], numbers[x], relaxed[k, left])
            for x in range(destinations.shape[0]):
                landed = destinations[x] + moves[k] - 1 - back
                if landed < new[0] or landed >= new[1]:
                    continue
                found, mark = code[k, landed - new[0]] == LEAP, (chosen[x] << 4) | back
                if best[x] < state[k, landed] or (best[x] == state[k, landed] and found and mark < winner[k, landed]):
                    state[k, landed] = best[x]
                    if not found:
                        touched[count] = k * state.shape[1] + landed
                        count += 1
                    code[k, landed - new[0]] = np.uint8(LEAP)
                    winner[k, landed] = mark
    return count


@numba.njit(cache=True, nogil=True)
def forward(  # type: ignore[no-untyped-def]
    first, costs, left, low, high, moves, buffers, codes, offsets, starts, ends, before, after, penalties, jumps, leaps
):
    """Rows first.. first + len(costs) of the trellis.

    costs (rows, width) from column `left` on; low, high, moves, before, after for all rows: the band, moves (n, speeds), what the rows
    before cost when the path begins here, and the rows after when it ends here (infinity: it may not). starts, ends (m,): costs
    of beginning and ending in a column. penalties: (change, slip), pause per row. jumps: the origin of each, and their grid. leaps:
    int64 (capacity, 3) of jumps taken with their count. Returns the leaps, their count, and the best end as (cost, row, speed, column).
    """
    state, relaxed, source, winner, touched = buffers
    taken, count = leaps
    jumps_from, grid = jumps
    speeds, m = state.shape
    best, best_row, best_speed, best_column = np.inf, -1, 0, 0
    for i in range(first, first + costs.shape[0]):
        code = codes[offsets[i] : offsets[i + 1]].reshape((speeds, high[i] - low[i]))
        new = (low[i], high[i])
        old = (low[i - 1], high[i - 1]) if i else (low[0], low[0])
        change_speed(state, relaxed, source, old[0], old[1], penalties[0][0])
        move_on(state, relaxed, source, code, moves[i], old, new, penalties[0][1], penalties[1][i])
        if jumps_from.shape[0]:
            found = leap(state, relaxed, code, moves[i], old, new, grid, winner, touched)
            if count + found > taken.shape[0]:
                larger = np.empty((2 * (count + found), 3), np.int64)
                larger[:count] = taken[:count]
                taken = larger
            for x in range(found):
                k, j = touched[x] // m, touched[x] % m
                # A begin in the same place, below, costs less only where nothing led here.
                taken[count, 0], taken[count, 1], taken[count, 2] = i, touched[x], winner[k, j]
                taken[count, 2] = (taken[count, 2] << 4) | source[
                    k, jumps_from[winner[k, j] >> 4] - (winner[k, j] & 15)
                ]
                count += 1
        for k in range(speeds):
            if before[i] < np.inf:
                _begin(state[k, new[0] : new[1]], code[k], starts[new[0] : new[1]], before[i])
            _add(state[k, new[0] : new[1]], costs[i - first, new[0] - left : new[1] - left])
            if after[i] < np.inf:
                for j in range(new[0], new[1]):
                    value = np.float64(state[k, j]) + ends[j] + after[i]
                    if value < best:
                        best, best_row, best_speed, best_column = value, i, k, j
    return taken, count, (best, best_row, best_speed, best_column)


@numba.njit(cache=True, nogil=True)
def trace(codes, offsets, low, high, moves, leaps, origins, row, speed, column, m):  # type: ignore[no-untyped-def]
    """Columns (n,), the index of the jump taken into each row or -1 (n,), and the row where the path begins."""
    columns, jumped = np.full(low.shape[0], -1, np.int64), np.full(low.shape[0], -1, np.int64)
    k, at = speed, leaps.shape[0] - 1
    while True:
        columns[row] = column
        code = codes[offsets[row] + k * (high[row] - low[row]) + column - low[row]]
        if code == BEGIN:
            return columns, jumped, row
        if code == LEAP:
            while leaps[at, 0] != row or leaps[at, 1] != k * m + column:
                at -= 1
            jumped[row] = leaps[at, 2] >> 8
            column = origins[jumped[row]] - ((leaps[at, 2] >> 4) & 15)
            k = leaps[at, 2] & 15
        else:
            column -= moves[row, k] + (0, -1, 1)[code >> 4]
            k = code & 15
        row -= 1
