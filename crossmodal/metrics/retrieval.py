"""Retrieval: how well a ranking of targets (n) by similarity answers each query (q).

similarity (q, n), larger is closer; relevant (q, n) boolean, any number per query; candidates (q, n) boolean,
optional: what may be found at all (a query itself may not). Ranks start at 1. Among equal similarities the
irrelevant come first: a space in which everything is alike gets the worst score, never the best. A query
without relevant candidate has NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossmodal.base.errors import InputError
from crossmodal.metrics.values import (
    Booleans,
    Floats,
    boolean_matrix,
    positive_integer,
    scores_matrix,
    vector,
)


@dataclass(frozen=True)
class QueryScores:
    """Per query, (q,) each: rank of the best relevant target, average precision, nDCG (over the whole
    ranking).
    """

    best_rank: Floats
    average_precision: Floats
    ndcg: Floats

    def named(self, ks: Sequence[int] = (1, 5, 10)) -> dict[str, Floats]:
        """Values per query under the names of the field: R@k, MRR, mAP, nDCG (mean them), median rank (median
        it).
        """
        recalls = {f"R@{k}": recall_at_k(self.best_rank, k) for k in ks}
        return recalls | {
            "MRR": reciprocal_rank(self.best_rank),
            "mAP": self.average_precision,
            "nDCG": self.ndcg,
            "median rank": self.best_rank,
        }


def score_queries(similarity: ArrayLike, relevant: ArrayLike, *, candidates: ArrayLike | None = None) -> QueryScores:
    """All per-query scores of one similarity matrix, sorted once."""
    scores, right, allowed = _checked(similarity, relevant, candidates)
    ranked = _ranked(scores, right, allowed)
    return QueryScores(_best_rank(scores, right, allowed), _average_precision(ranked), _ndcg(ranked, right, None))


def score_in_chunks(
    rows: Callable[[slice], tuple[ArrayLike, ArrayLike, ArrayLike | None]], count: int, *, chunk: int = 1024
) -> QueryScores:
    """The same for matrices too large to hold: `rows(slice)` gives (similarity, relevant, candidates) of some
    queries.
    """
    positive_integer("chunk", chunk)
    parts = []
    for start in range(0, count, chunk):
        similarity, relevant, candidates = rows(slice(start, min(start + chunk, count)))
        parts.append(score_queries(similarity, relevant, candidates=candidates))
    none = [np.zeros(0)]
    return QueryScores(
        np.concatenate([p.best_rank for p in parts] or none),
        np.concatenate([p.average_precision for p in parts] or none),
        np.concatenate([p.ndcg for p in parts] or none),
    )


def best_rank(similarity: ArrayLike, relevant: ArrayLike, *, candidates: ArrayLike | None = None) -> Floats:
    """(q,) rank of the best relevant target, 1 at best. Without sorting: 1 + irrelevant ones at least as
    similar.
    """
    return _best_rank(*_checked(similarity, relevant, candidates))


def recall_at_k(ranks: ArrayLike, k: int) -> Floats:
    """(q,) 1 where any relevant target is among the first k, else 0 (the R@K of cross-modal retrieval: a hit
    rate).
    """
    best = vector("ranks", ranks)
    return np.where(np.isnan(best), np.nan, best <= positive_integer("k", k))


def reciprocal_rank(ranks: ArrayLike) -> Floats:
    """(q,) 1 / rank of the best relevant target; its mean is the MRR."""
    return 1.0 / vector("ranks", ranks)


def median_rank(ranks: ArrayLike) -> float:
    """Median of the ranks of the best relevant targets; NaN when no query has one."""
    best = vector("ranks", ranks)
    return float(np.median(best[~np.isnan(best)])) if not np.isnan(best).all() else float("nan")


def average_precision(similarity: ArrayLike, relevant: ArrayLike, *, candidates: ArrayLike | None = None) -> Floats:
    """(q,) mean of the precisions at the ranks of all relevant targets; its mean is the mAP."""
    return _average_precision(_ranked(*_checked(similarity, relevant, candidates)))


def ndcg(
    similarity: ArrayLike, gains: ArrayLike, *, k: int | None = None, candidates: ArrayLike | None = None
) -> Floats:
    """(q,) normalized discounted cumulative gain, sum of gain / log2(1 + rank) over the first k, by the best
    possible.

    Jarvelin & Kekalainen, 2002. gains (q, n), at least 0, graded (or boolean) relevance, taken as they are.
    """
    scores = scores_matrix("similarity", similarity)
    graded = scores_matrix("gains", gains)
    if graded.shape != scores.shape or (graded < 0).any():
        raise InputError(f"gains: expected numbers of at least 0 of shape {scores.shape}, got {graded.shape}")
    allowed = None if candidates is None else boolean_matrix("candidates", candidates, scores.shape)
    if allowed is not None:
        graded = np.where(allowed, graded, 0)
    return _ndcg(_ranked(scores, graded, allowed), graded, k if k is None else positive_integer("k", k))


def top_k(
    similarity: NDArray[np.floating], k: int, worse: NDArray, allowed: Booleans | None = None
) -> NDArray[np.intp]:
    """(q, min(k, n)) indices of the first k; among equals those with the smaller `worse` (q, n) first."""
    return _order(similarity, worse, allowed)[:, :k]


def _checked(
    similarity: ArrayLike, relevant: ArrayLike, candidates: ArrayLike | None
) -> tuple[NDArray[np.floating], Booleans, Booleans | None]:
    scores = scores_matrix("similarity", similarity)
    right = boolean_matrix("relevant", relevant, scores.shape)
    if candidates is None:
        return scores, right, None
    allowed = boolean_matrix("candidates", candidates, scores.shape)
    return scores, right & allowed, allowed


def _order(scores: NDArray[np.floating], gains: NDArray, allowed: Booleans | None) -> NDArray[np.intp]:
    keys = -scores if allowed is None else np.where(allowed, -scores, np.inf)
    return np.lexsort((gains, keys), axis=-1)


def _ranked(scores: NDArray[np.floating], gains: NDArray, allowed: Booleans | None) -> NDArray:
    """Relevance (or gain) in the order of the ranking, the worse first among equals."""
    return np.take_along_axis(gains, _order(scores, gains, allowed), axis=1)


def _best_rank(scores: NDArray[np.floating], right: Booleans, allowed: Booleans | None) -> Floats:
    if scores.shape[1] == 0:
        return np.full(len(scores), np.nan)
    best = np.where(right, scores, -np.inf).max(axis=1, keepdims=True)
    wrong = ~right if allowed is None else allowed & ~right
    ahead = (wrong & (scores >= best)).sum(axis=1)
    return np.where(right.any(axis=1), 1.0 + ahead, np.nan)


def _average_precision(ranked: Booleans) -> Floats:
    precision = np.cumsum(ranked, axis=1) / np.arange(1, ranked.shape[1] + 1)
    found = ranked.sum(axis=1)
    total = (precision * ranked).sum(axis=1)
    return np.divide(total, found, out=np.full(len(ranked), np.nan), where=found > 0)


def _ndcg(ranked: NDArray, gains: NDArray, k: int | None) -> Floats:
    discounts = 1 / np.log2(np.arange(2, ranked.shape[1] + 2))
    ideal = -np.sort(-gains.astype(np.float64), axis=1)
    reached = (ranked * discounts)[:, :k].sum(axis=1)
    possible = (ideal * discounts)[:, :k].sum(axis=1)
    return np.divide(reached, possible, out=np.full(len(ranked), np.nan), where=possible > 0)
