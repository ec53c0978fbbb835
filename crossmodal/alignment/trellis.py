"""The Viterbi search of `viterbi` over two sequences of vectors: costs are made for a block of rows at a time, inside the band."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossmodal.alignment import viterbi
from crossmodal.alignment.motion import JumpTable, Motion
from crossmodal.alignment.path import Floats, Integers
from crossmodal.base.errors import InputError

BLOCK_CELLS = 1 << 20  # of the costs that are held at once


@dataclass(frozen=True)
class Edges:
    """What it costs to begin and end a path: in a column (m,), and in a row (n,), where infinity forbids it."""

    starts: Floats
    ends: NDArray[np.float64]
    before: NDArray[np.float64]
    after: NDArray[np.float64]

    @classmethod
    def of(
        cls, weights: Floats, starts: NDArray[np.floating], ends: NDArray[np.floating], outside: float | None
    ) -> Edges:
        """outside: cost of a row, times its weight, that comes before the path or after it; None: all rows are on the path."""
        count = len(weights)
        before, after = np.full(count, np.inf), np.full(count, np.inf)
        if outside is not None:
            sums = np.concatenate([[0.0], np.cumsum(weights, dtype=np.float64)])
            before, after = outside * sums[:-1], outside * (sums[-1] - sums[1:])
        before[0], after[-1] = 0.0, 0.0
        return cls(starts.astype(np.float32), ends.astype(np.float64), before, after)


@dataclass(frozen=True)
class Track:
    """A path: columns (n,), -1 outside; index of the jump taken into each row or -1 (n,); first and last row; its cost."""

    columns: Integers
    jumped: Integers
    first: int
    last: int
    cost: float


def search(
    queries: Floats,
    weights: Floats,
    targets: Floats,
    *,
    band: tuple[Integers, Integers],
    edges: Edges,
    motion: Motion,
    jumps: JumpTable,
) -> Track:
    """The cheapest track. band: first column and the one after the last for each row, both never falling."""
    n, m, speeds = len(queries), len(targets), len(motion.speeds)
    low, high = band
    moves = motion.moves(np.arange(n))
    offsets = np.concatenate([[0], np.cumsum((high - low) * speeds)])
    codes = np.empty(offsets[-1], np.uint8)
    shape = (speeds, m)
    buffers = (np.full(shape, np.inf, np.float32), np.empty(shape, np.float32), np.empty(shape, np.uint8),
               np.empty(shape if len(jumps.origins) else (1, 1), np.int32),
               np.empty(speeds * m if len(jumps.origins) else 1, np.int64))  # fmt: skip
    pause = motion.pause * weights if motion.speeds[0] == 0 else np.zeros(n)
    penalties = (np.array([motion.change, motion.slip], np.float32), pause.astype(np.float32))
    grid = jumps.grid()
    leaps, count = np.empty((256, 3), np.int64), 0
    best, end, lifted, row = np.inf, (0, 0, 0), 0.0, 0
    while row < n:
        stop = _block_end(row, low, high)
        left = low[row]
        costs = (1 - queries[row:stop] @ targets[left : high[stop - 1]].T) * weights[row:stop, None]
        leaps, count, found = viterbi.forward(
            row, costs, left, low, high, moves, buffers, codes, offsets, edges.starts, edges.ends,
            (edges.before - lifted).astype(np.float32), edges.after, penalties,
            (jumps.origins, grid), (leaps, count),
        )  # fmt: skip
        if found[0] + lifted < best:
            best, end = found[0] + lifted, found[1:]
        # Sums stay small, so that float32 does not lose the penalties in them.
        state = buffers[0][:, low[stop - 1] : high[stop - 1]]
        least = state.min()
        if np.isfinite(least):
            state -= least
            lifted += float(least)
        row = stop
    if not np.isfinite(best):
        raise InputError(
            "targets: expected enough columns for the rows at the slowest speed, got too few; allow speed 0"
        )
    columns, jumped, first = viterbi.trace(codes, offsets, low, high, moves, leaps[:count], jumps.origins, *end, m)
    return Track(columns, jumped, int(first), int(end[0]), float(best))


def _block_end(row: int, low: Integers, high: Integers) -> int:
    rows = 256
    while rows > 1 and rows * (high[min(row + rows, len(high)) - 1] - low[row]) > BLOCK_CELLS:
        rows //= 2
    return min(row + rows, len(high))
