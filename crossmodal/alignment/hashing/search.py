"""The best warpings of a query among many candidates, on any number of cores: exactly those of the exhaustive search.

All candidates are bounded first, from envelopes (`bounds`), and, but for a few, visited from the lowest bound on, in rounds. A round's
limit is the worst of the best so far; a candidate is left when its bound, its exact minima, or every completion of its half-done matrix
is above the limit. Bounds are proven and equality never excludes, so the ranking (by score, then by index) is that of the exhaustive
search. Rounds and limits do not depend on the threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossmodal.alignment.hashing.batch import ABANDONED, EXCLUDED, bound_many, warp_many
from crossmodal.alignment.hashing.bounds import FRACTION
from crossmodal.alignment.hashing.collection import HashCollection
from crossmodal.alignment.hashing.rule import Hashes, Rule, hashes_of, same_width
from crossmodal.base.errors import InputError

Integers = NDArray[np.int64]
PROBE, LARGEST_ROUND = 16, 1 << 16  # candidates; rounds are short at first, so that limits come early
PAYS = 0.75  # of a probe's candidates may be worked out all the same, for minima to be worth their time
PIECE = 256  # candidates that a thread takes at once


@dataclass(frozen=True)
class Ranking:
    """Best first: `indices` into the collection, `costs` in bits, `lengths` in cells, `scores` = costs / lengths, all (top,).

    bounded, excluded, abandoned, warped: how many candidates were left by their envelope, by their minima, half done, and worked out.
    """

    indices: Integers
    costs: Integers
    lengths: Integers
    scores: NDArray[np.float64]
    bounded: int
    excluded: int
    abandoned: int
    warped: int


def search(
    query: ArrayLike,
    collection: HashCollection,
    *,
    rule: Rule | None = None,
    top: int = 10,
    candidates: ArrayLike | None = None,
    worst: tuple[int, int] | None = None,
    prune: bool = True,
    threads: int | None = 1,
) -> Ranking:
    """The `top` candidates of the least score against `query` (m,), ties by index.

    candidates: different indices into the collection, the likeliest first where that is known, all when None; worst: cost and length of a
    score that is good enough, as of another search: candidates above it may be missing, all others are there; prune: False works out
    every one, with the same result; threads: None for all cores. Raises InputError for an empty query, another width of hash, and indices
    outside the collection or twice in the list.
    """
    hashes = hashes_of("query", query)
    same_width(hashes, collection.hashes)
    chosen = _chosen(candidates, len(collection))
    threads = os.cpu_count() or 1 if threads is None else threads
    if top < 1 or threads < 1:
        raise InputError(f"top, threads: expected 1 or more, got {top} and {threads}")
    work = _Work(hashes, collection, rule or Rule(), threads)
    with ThreadPoolExecutor(threads) as work.pool:
        return _pruned(work, chosen, top, worst) if prune else _exhaustive(work, chosen, top)


def _chosen(candidates: ArrayLike | None, count: int) -> Integers:
    if candidates is None:
        return np.arange(count)
    chosen = np.asarray(candidates)
    if chosen.ndim != 1 or not np.issubdtype(chosen.dtype, np.integer) or not chosen.size:
        raise InputError(f"candidates: expected whole numbers (1 or more,), got {chosen.dtype} of {chosen.shape}")
    if chosen.min() < 0 or chosen.max() >= count or len(np.unique(chosen)) != len(chosen):
        raise InputError(f"candidates: expected different indices from 0 to {count - 1}, got others or doubles")
    return chosen.astype(np.int64)


@dataclass
class _Work:
    """A query against parts of a collection."""

    query: Hashes
    collection: HashCollection
    rule: Rule
    threads: int
    pool: ThreadPoolExecutor | None = None

    def over(self, count: int, run: Callable[[slice], None]) -> None:
        """Calls `run` for slices of `count` candidates, on the threads."""
        pieces = [slice(start, min(start + PIECE, count)) for start in range(0, count, PIECE)]
        if self.pool is None or self.threads == 1 or len(pieces) == 1:
            for piece in pieces:
                run(piece)
        else:
            list(self.pool.map(run, pieces))

    def bound(self, chosen: Integers) -> Integers:
        found = np.empty(len(chosen), np.int64)
        source, gully, penalty = self.collection, self.rule.gully, self.rule.penalty
        self.over(len(chosen), lambda part: bound_many(self.query, source.hashes, source.offsets, chosen[part], gully,
                                                   penalty, found[part]))  # fmt: skip
        return found

    def warp(self, chosen: Integers, limit: tuple[int, int] | None) -> tuple[Integers, Integers]:
        """Costs and lengths; costs are EXCLUDED or ABANDONED for candidates that are worse than the limit (cost, length)."""
        costs, lengths = np.empty(len(chosen), np.int64), np.empty(len(chosen), np.int64)
        source, gully, penalty = self.collection, self.rule.gully, self.rule.penalty
        cost, length = limit or (0, 0)
        self.over(len(chosen), lambda part: warp_many(self.query, source.hashes, source.offsets, chosen[part], gully,
                                                  penalty, cost, length, costs[part], lengths[part]))  # fmt: skip
        return costs, lengths


def _best(indices: Integers, costs: Integers, lengths: Integers, top: int) -> tuple[Integers, Integers, Integers]:
    # Two different quotients of numbers below 2^26 never round to one float64.
    scores = costs / lengths
    if len(scores) > top:  # sort few
        few = scores <= np.partition(scores, top - 1)[top - 1]
        indices, costs, lengths, scores = indices[few], costs[few], lengths[few], scores[few]
    order = np.lexsort((indices, scores))[:top]
    return indices[order], costs[order], lengths[order]


def _exhaustive(work: _Work, chosen: Integers, top: int) -> Ranking:
    indices, costs, lengths = _best(chosen, *work.warp(chosen, None), top)
    return Ranking(indices, costs, lengths, costs / lengths, 0, 0, 0, len(chosen))


def _pruned(work: _Work, chosen: Integers, top: int, worst: tuple[int, int] | None) -> Ranking:
    bounds = work.bound(chosen)
    # The caller may list the likeliest first: these are visited before all others, whatever their bounds, for an early limit.
    order = PROBE + np.argsort(bounds[PROBE:], kind="stable")
    chosen, bounds = np.concatenate([chosen[:PROBE], chosen[order]]), bounds[order]
    best: tuple[Integers, Integers, Integers] = (np.empty(0, np.int64),) * 3
    visited = excluded = abandoned = 0
    sizes = _rounds(top)
    known, pays = worst, True
    stop = _stop(known, bounds, len(chosen))
    while visited < stop:
        size, probing = next(sizes)
        limit = known if probing or pays else None
        part = np.sort(chosen[visited : min(visited + size, stop)])  # in the order of memory
        costs, lengths = work.warp(part, limit)
        kept = costs >= 0
        if probing and limit:
            pays = int(kept.sum()) <= PAYS * len(part)
        visited, excluded = visited + len(part), excluded + int((costs == EXCLUDED).sum())
        abandoned += int((costs == ABANDONED).sum())
        found = (part[kept], costs[kept], lengths[kept])
        indices, costs, lengths = (np.concatenate(pair) for pair in zip(best, found, strict=True))
        best = _best(indices, costs, lengths, top)
        if len(best[0]) == top:
            known = int(best[1][-1]), int(best[2][-1])
            if (
                worst is not None and worst[0] * known[1] < known[0] * worst[1]
            ):  # candidates above it were worked out all the same
                known = worst
        stop = _stop(known, bounds, len(chosen))
    warped = visited - excluded - abandoned
    return Ranking(*best, best[1] / best[2], len(chosen) - visited, excluded, abandoned, warped)


def _stop(limit: tuple[int, int] | None, bounds: Integers, count: int) -> int:
    """How many of `count` candidates are worth a visit: the first few, and those whose bounds are not above the limit."""
    if limit is None:
        return count
    cost, length = limit
    return min(count, PROBE + int(np.searchsorted(bounds, (cost << FRACTION) // length, side="right")))


def _rounds(top: int) -> Iterator[tuple[int, bool]]:
    """Sizes of the rounds, and whether each is a probe: whether minima are worth their time depends on the limit and the collection."""
    size = max(PROBE, top)
    while True:
        yield PROBE, True
        yield size, False
        size = min(4 * size, LARGEST_ROUND)
