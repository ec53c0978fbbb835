"""Alignment of a recording with a score in which one may jump: repeats played or not, da capo, pages turned back.

Each row (query, about 0.1 s) is given one column (target, about 1.6 staff spaces). The reader moves as `Motion` says and takes
the jumps that pay; after Fremerey, Müller & Clausen 2010 (alignment with jumps and repeats), with a state of tempo besides. Long
problems are solved on pooled sequences first. The jumps found there cut the score into the segments that were played; the
unrolled segments are aligned again at finer levels, in a band around the path: memory grows with n + m.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from crossmodal.alignment.motion import Jump, JumpTable, Motion
from crossmodal.alignment.path import Floats, Integers, pooled, row_weights, same_dimension, sequence
from crossmodal.alignment.trellis import Edges, Track, search
from crossmodal.alignment.unrolling import FACTOR, Unrolled, unroll
from crossmodal.base.errors import InputError

RAMP = 25  # columns over which the cost of beginning late (ending early) grows to its full value: clef, key, and a bar
EMPTY = JumpTable.of((), 0)


@dataclass(frozen=True)
class JumpPath:
    """columns (n,): the column of each row; rows before `first` and after `last` are outside and hold the nearest one.

    jumps: (row, jump), the row being the first after it. cost: the sum over rows of weight * (1 - similarity), and penalties.
    similarities (n,) along the path; `similarity`: their weighted mean inside; `null`: the same for the score read
    backwards, which keeps its texture and loses its order (NaN where it was not asked for). A recording of the piece is well above it.
    """

    columns: Integers
    jumps: tuple[tuple[int, Jump], ...]
    cost: float
    first: int
    last: int
    similarities: Floats
    similarity: float
    null: float


@dataclass(frozen=True)
class JumpOptions:
    """motion: the model of tempo. start, end: cost of beginning (ending) far from the first (last) column; 0 for excerpts.

    outside: cost of a leading or trailing row that is not of the piece (applause, talk), between 1 - the similarity of what fits
    and 1 - that of what does not; None: all rows are of the piece. radius: half the width of the band, in cells of the coarser
    level; largest: states (row, column, speed) that are searched whole, one byte each; null: measure `JumpPath.null` too.
    """

    motion: Motion = field(default_factory=Motion)
    start: float = 1.0
    end: float = 1.0
    outside: float | None = None
    radius: int = 16
    largest: int = 100_000_000
    null: bool = True

    def __post_init__(self) -> None:
        costs = [self.start, self.end, 0.0 if self.outside is None else self.outside]
        if not all(np.isfinite(cost) and cost >= 0 for cost in costs):
            raise InputError(f"start, end, outside: expected finite costs of 0 or more, got {costs}")
        if self.radius < 1 or self.largest < 1:
            raise InputError(f"radius, largest: expected 1 or more, got {self.radius} and {self.largest}")


def align_with_jumps(
    queries: ArrayLike,
    targets: ArrayLike,
    jumps: Sequence[Jump] = (),
    *,
    weights: ArrayLike | None = None,
    options: JumpOptions | None = None,
) -> JumpPath:
    """Aligns unit vectors `queries` (n, d) with `targets` (m, d).

    weights (n,): what each row counts; rows of 0 (silence) cost nothing and hold a place between their neighbours.
    Raises InputError for empty or infinite input, vectors of two dimensions, and jumps outside the columns.
    """
    queries, targets = sequence("queries", queries), sequence("targets", targets)
    same_dimension(queries, targets)
    counts = row_weights(weights, len(queries))
    options = options or JumpOptions()
    table = JumpTable.of(jumps, len(targets))
    track = _solve(queries, counts, targets, table, options)
    columns, first, last = track.columns, track.first, track.last
    columns[:first], columns[last + 1 :] = columns[first], columns[last]
    similarities = np.einsum("nd,nd->n", queries, targets[columns])
    inside = slice(first, last + 1)
    taken = tuple((int(row), jumps[track.jumped[row]]) for row in np.flatnonzero(track.jumped >= 0))
    null = float("nan")
    if options.null:
        null = _backwards(queries[inside], counts[inside], targets, table, replace(options, outside=None))
    mean = _mean(similarities[inside], counts[inside])
    return JumpPath(columns, taken, track.cost, first, last, similarities, mean, null)


def _mean(similarities: Floats, weights: Floats) -> float:
    total = weights.sum()
    return float(similarities @ weights / total) if total > 0 else float("nan")


def _backwards(queries: Floats, weights: Floats, targets: Floats, table: JumpTable, options: JumpOptions) -> float:
    """Mean similarity of the best path through the columns in reverse, with the jumps turned round."""
    end = len(targets) - 1
    turned = JumpTable(end - table.destinations, end - table.origins, table.penalties)
    reverse = np.ascontiguousarray(targets[::-1])
    columns = _solve(queries, weights, reverse, turned, options).columns
    return _mean(np.einsum("nd,nd->n", queries, reverse[columns]), weights)


def _solve(queries: Floats, weights: Floats, targets: Floats, table: JumpTable, options: JumpOptions) -> Track:
    """The whole problem at the finest level that `largest` allows, then the finer ones along the unrolled path."""
    n, m, size = len(queries), len(targets), 1
    while -(-n // size) * -(-m // size) * len(options.motion.speeds) > options.largest:
        size *= FACTOR
    rows, columns = -(-n // size), -(-m // size)
    band = np.zeros(rows, np.int64), np.full(rows, columns)
    track = _level(queries, weights, targets, size, band, table.pooled(size, columns), options, (True, True))
    if size == 1:
        return track
    unrolled = unroll(track, table, size, m, margin=2 * options.radius * size)
    played = targets[unrolled.places]
    ends = bool(unrolled.places[0] == 0), bool(unrolled.places[-1] == m - 1)
    while size > 1:
        size //= FACTOR
        fine = -(-n // size), -(-len(played) // size)
        band = unrolled.band(*fine, size, options.radius)
        track = _level(queries, weights, played, size, band, EMPTY, options, ends)
        unrolled = unrolled.around(track, size)
    return _rolled(track, unrolled, table)


def _level(
    queries: Floats,
    weights: Floats,
    targets: Floats,
    size: int,
    band: tuple[Integers, Integers],
    table: JumpTable,
    options: JumpOptions,
    ends: tuple[bool, bool],
) -> Track:
    """The search on sequences pooled by `size`. ends: whether the targets hold the first and the last column of the score."""
    coarse = pooled(targets, size)
    counts = np.add.reduceat(weights, np.arange(0, len(weights), size)).astype(np.float32)
    away = np.arange(len(coarse), dtype=np.float32) * size / RAMP
    starts = options.start * (np.minimum(away, 1) if ends[0] else np.ones_like(away))
    closes = options.end * (np.minimum(away[::-1], 1) if ends[1] else np.ones_like(away))
    edges = Edges.of(counts, starts, closes, options.outside)
    return search(pooled(queries, size, weights), counts, coarse, band=band, edges=edges,
                  motion=options.motion, jumps=table)  # fmt: skip


def _rolled(track: Track, unrolled: Unrolled, table: JumpTable) -> Track:
    """The track in columns of the score; its jumps are the borders of segments that it passed."""
    inside = slice(track.first, track.last + 1)
    columns, jumped = np.full_like(track.columns, -1), np.full_like(track.jumped, -1)
    columns[inside] = unrolled.places[track.columns[inside]]
    segment = unrolled.segments(track.columns[inside])
    for row in np.flatnonzero(np.diff(segment) > 0) + 1:
        jumped[track.first + row] = unrolled.taken[segment[row] - 1]
    paid = float(table.penalties[jumped[jumped >= 0]].sum())
    return Track(columns, jumped, track.first, track.last, track.cost + paid)
