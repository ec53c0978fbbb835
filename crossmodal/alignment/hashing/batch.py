"""One query against many candidates of a collection: bounds, and warpings under a limit. What a thread runs, without Python's lock."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import ArrayLike

from crossmodal.alignment.hashing.bounds import first_end, least_mean
from crossmodal.alignment.hashing.minima import BLOCK, VECTOR, envelope, envelope_minima, refine
from crossmodal.alignment.hashing.rule import Rule, Warping, hashes_of, same_width
from crossmodal.alignment.hashing.warping import warp_pair, workspace

EXCLUDED, ABANDONED = -2, -1  # costs of candidates that were left, by their minima or half done


def warp(one: ArrayLike, other: ArrayLike, *, rule: Rule | None = None) -> Warping:
    """Cost and length of the cheapest path between hashes `one` (m,) and `other` (n,), both uint16 or both uint32.

    Raises InputError for empty sequences, other types, and two widths.
    """
    a, b = hashes_of("one", one), hashes_of("other", other)
    same_width(a, b)
    rule = rule or Rule()
    costs, lengths = np.empty(1, np.int64), np.empty(1, np.int64)
    warp_many(a, b, np.array([0, len(b)]), np.zeros(1, np.int64), rule.gully, rule.penalty, 0, 0, costs, lengths)
    return Warping(int(costs[0]), int(lengths[0]))


@numba.njit(cache=True, nogil=True)
def _longest(query, offsets, chosen):  # type: ignore[no-untyped-def]
    longest = query.shape[0]
    for k in chosen:
        longest = max(longest, offsets[k + 1] - offsets[k])
    return longest


@numba.njit(cache=True, nogil=True)
def bound_many(query, hashes, offsets, chosen, gully, penalty, found):  # type: ignore[no-untyped-def]
    longest = _longest(query, offsets, chosen)
    values, stable = (
        np.empty(longest // BLOCK + VECTOR, hashes.dtype),
        np.empty(longest // BLOCK + VECTOR, hashes.dtype),
    )
    minima, sums = np.empty(longest, np.int32), np.empty(longest + 1, np.int32)
    for x in range(chosen.shape[0]):
        other = hashes[offsets[chosen[x]] : offsets[chosen[x] + 1]]
        rows, columns = (query, other) if query.shape[0] <= other.shape[0] else (other, query)
        m = rows.shape[0]
        count = envelope(columns, values, stable)
        envelope_minima(rows, values[:count], stable[:count], minima[:m])
        found[x] = least_mean(minima[:m], first_end(m, columns.shape[0], gully), penalty, sums)


@numba.njit(cache=True, nogil=True)
def warp_many(query, hashes, offsets, chosen, gully, penalty, limit_cost, limit_length, costs, lengths):  # type: ignore[no-untyped-def]
    longest = _longest(query, offsets, chosen)
    narrow, wide = workspace(longest, np.uint32), workspace(longest, np.uint64)
    values, stable = (
        np.empty(longest // BLOCK + VECTOR, hashes.dtype),
        np.empty(longest // BLOCK + VECTOR, hashes.dtype),
    )
    space = np.empty(longest, np.int64)
    for x in range(chosen.shape[0]):
        other = hashes[offsets[chosen[x]] : offsets[chosen[x] + 1]]
        rows, columns = (query, other) if query.shape[0] <= other.shape[0] else (other, query)
        m = rows.shape[0]
        minima = space[: m if limit_length else 0]
        if limit_length:
            count = envelope(columns, values, stable)
            envelope_minima(rows, values[:count], stable[:count], minima)
            g = first_end(m, columns.shape[0], gully)
            if refine(rows, columns, g, penalty, minima, limit_cost, limit_length):
                costs[x], lengths[x] = EXCLUDED, 0
                continue
        costs[x], lengths[x] = warp_pair(rows, columns, gully, penalty, narrow, wide, minima, limit_cost, limit_length)
