"""Which items do the excerpts of a query point to? Voting over nearest neighbours (Dorfer, Hajic, Arzt, Frostel & Widmer 2018, 5.2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NEIGHBOURS = 25  # of each excerpt, as published


@dataclass(frozen=True)
class Votes:
    """Of each item, (items,): count, the neighbours that are its; score, by how much it has more (or fewer) of them than its length alone
    would give it, in deviations; minus infinity for items that do not stand for election.
    """

    count: NDArray[np.int64]
    score: NDArray[np.float64]

    def best(self, most: int) -> NDArray[np.int64]:
        """Rows of the items that stand, best first."""
        standing = np.flatnonzero(np.isfinite(self.score))
        order = np.lexsort((standing, -self.score[standing]))
        return standing[order][:most]


def count_votes(similarities: NDArray[np.floating], owners: NDArray[np.integer], lengths: NDArray[np.integer]) -> Votes:
    """Neighbours' similarities (q, k), falling, and items (q, k), -1 where there is none -> the votes of each item.

    A vote weighs by how far the neighbour stands out among the excerpt's k: (s - s_k) / (s_1 - s_k), plus a small constant for being
    among them. lengths (items,): vectors that an item puts up; of w votes at random it would get w * length / all, with the spread of a
    binomial distribution, and the score is the excess over that in such deviations: long scores do not win by their size. An item
    without vectors does not stand.
    """
    number = len(lengths)
    valid = owners >= 0
    none = np.where(lengths > 0, 0.0, -np.inf)
    if not valid.any() or not number:
        return Votes(np.zeros(number, np.int64), none)
    values = np.where(valid, similarities, np.inf).astype(np.float64)
    lowest = values.min(axis=1, keepdims=True)
    values = np.where(valid, values, -np.inf)
    highest = values.max(axis=1, keepdims=True)
    span = np.maximum(highest - lowest, 1e-9)
    weights = np.where(valid, (np.where(valid, values, lowest) - lowest) / span, 0.0)
    weights = np.where(valid, 0.1 + 0.9 * weights, 0.0)
    who, what = owners[valid], weights[valid]
    count = np.bincount(who, minlength=number)
    gained = np.bincount(who, weights=what, minlength=number)
    share = lengths / max(1, int(lengths.sum()))
    deviation = np.sqrt(np.maximum(share * (1 - share) * float(what @ what), 1e-12))
    return Votes(count, none + (gained - share * what.sum()) / np.maximum(deviation, what.mean()))
