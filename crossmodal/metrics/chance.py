"""Chance: the expectation of each metric when the ranking is drawn at random, exact, with no simulation.

For a query with r relevant among n candidates, all orders equally likely:

    P(best rank > k) = C(n - r, k) / C(n, k)
    E[AP]            = ( H_n + (r - 1) / (n - 1) (n - H_n) ) / n,   H_n = 1 + 1/2 + ... + 1/n
    E[DCG]           = mean gain * sum of discounts

Each function means over the queries that have something to find, as the metrics do; NaN when none has.
relevant and candidates are (q, n) boolean, as in `retrieval`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossmodal.base.errors import InputError
from crossmodal.metrics.values import Floats, boolean_matrix, positive_integer, scores_matrix

ROC_AUC = 0.5


def recall_at_k(relevant: ArrayLike, k: int, *, candidates: ArrayLike | None = None) -> float:
    """Chance of R@k, the hypergeometric probability of any hit."""
    positive_integer("k", k)
    return _mean(relevant, candidates, lambda n, r: 1 - float(_survival(n, r)[min(k, n)]))


def mrr(relevant: ArrayLike, *, candidates: ArrayLike | None = None) -> float:
    """Chance of the mean reciprocal rank: sum over k of P(best rank = k) / k."""

    def expected(n: int, r: int) -> float:
        return float((-np.diff(_survival(n, r)) / np.arange(1, n + 1)).sum())

    return _mean(relevant, candidates, expected)


def median_rank(relevant: ArrayLike, *, candidates: ArrayLike | None = None) -> float:
    """The rank that the best relevant target of a query drawn at random has or betters with probability one
    half.
    """
    sizes = _sizes(relevant, candidates)
    if len(sizes) == 0:
        return float("nan")
    longest = int(sizes[:, 0].max())
    survival = np.zeros(longest + 1)
    for (n, r), times in _counted(sizes):
        survival[: n + 1] += times * _survival(n, r)
    return float((survival <= survival[0] * (0.5 + 1e-12)).argmax())  # a half, but for rounding


def mean_average_precision(relevant: ArrayLike, *, candidates: ArrayLike | None = None) -> float:
    """Chance of the mAP; above the share of relevant targets, and near it for long lists."""
    return _mean(relevant, candidates, _expected_ap)


def ndcg(gains: ArrayLike, *, k: int | None = None, candidates: ArrayLike | None = None) -> float:
    """Chance of the nDCG for gains (q, n), graded or boolean."""
    graded = scores_matrix("gains", np.asarray(gains, dtype=np.float64))
    allowed = np.ones(graded.shape, dtype=bool)
    if candidates is not None:
        allowed = boolean_matrix("candidates", candidates, graded.shape)
    results = []
    for row, mask in zip(graded, allowed, strict=True):
        found = np.sort(row[mask])[::-1]
        discounts = 1 / np.log2(np.arange(2, len(found) + 2))[:k]
        if found.sum() > 0:
            results.append(found.mean() * discounts.sum() / (found[:k] * discounts).sum())
    return float(np.mean(results)) if results else float("nan")


def multilabel_recall_at_k(
    query_labels: ArrayLike, target_labels: ArrayLike, k: int, *, candidates: ArrayLike | None = None
) -> float:
    """Chance of the multi-label R@k: mean over a query's labels of the chance that any of k drawn targets has
    it.
    """
    asked, owned = np.asarray(query_labels), np.asarray(target_labels)
    if asked.ndim != 2 or owned.ndim != 2 or asked.shape[1] != owned.shape[1]:
        raise InputError(f"labels: expected (q, labels) and (n, labels), got {asked.shape} and {owned.shape}")
    asked = boolean_matrix("query_labels", asked, asked.shape)
    owned = boolean_matrix("target_labels", owned, owned.shape)
    positive_integer("k", k)
    allowed = np.ones((len(asked), len(owned)), dtype=bool)
    if candidates is not None:
        allowed = boolean_matrix("candidates", candidates, allowed.shape)
    sizes = allowed.sum(axis=1)
    holders = (allowed.astype(np.float64) @ owned).astype(np.int64)  # candidates of each query that have each label
    known: dict[tuple[int, int], float] = {}
    results = []
    for labels, n, counts in zip(asked, sizes.tolist(), holders, strict=True):
        if labels.any():
            for r in set(counts[labels].tolist()) - {r for m, r in known if m == n}:
                known[n, r] = 1 - float(_survival(n, r)[min(k, n)])
            results.append(np.mean([known[n, r] for r in counts[labels].tolist()]))
    return float(np.mean(results)) if results else float("nan")


def pr_auc(labels: ArrayLike) -> float:
    """Chance of the tag-wise PR-AUC for labels (clips, tags): for many clips the tags' mean prevalence. Clip-
    wise: transpose.
    """
    array = np.asarray(labels)
    right = boolean_matrix("labels", array, array.shape).T
    mixed = right.any(axis=1) & ~right.all(axis=1) if right.size else np.zeros(0, dtype=bool)
    return mean_average_precision(right[mixed]) if mixed.any() else float("nan")


def accuracy(true: ArrayLike) -> float:
    """Accuracy of the best answer that never listens: the share of the largest class."""
    labels = np.asarray(true)
    return float(np.unique(labels, return_counts=True)[1].max() / len(labels)) if len(labels) else float("nan")


def _survival(n: int, r: int) -> Floats:
    """(n + 1,) probability that none of r relevant is among the first 0 .. n."""
    drawn = np.arange(n)
    return np.concatenate([[1.0], np.cumprod(np.maximum(n - r - drawn, 0) / (n - drawn))])


def _expected_ap(n: int, r: int) -> float:
    harmonic = float((1 / np.arange(1, n + 1)).sum())
    others = (r - 1) / (n - 1) * (n - harmonic) if n > 1 else 0.0
    return (harmonic + others) / n


def _sizes(relevant: ArrayLike, candidates: ArrayLike | None) -> NDArray[np.int64]:
    """(queries with something to find, 2): candidates n and relevant r of each."""
    right = np.asarray(relevant)
    if right.ndim != 2:
        raise InputError(f"relevant: expected shape (queries, targets), got {right.shape}")
    right = boolean_matrix("relevant", right, right.shape)
    totals = np.full(len(right), right.shape[1])
    if candidates is not None:
        allowed = boolean_matrix("candidates", candidates, right.shape)
        right, totals = right & allowed, allowed.sum(axis=1)
    sizes = np.stack([totals, right.sum(axis=1)], axis=1)
    return sizes[sizes[:, 1] > 0]


def _counted(sizes: NDArray[np.int64]) -> list[tuple[tuple[int, int], int]]:
    unique, times = np.unique(sizes, axis=0, return_counts=True)
    return [((int(n), int(r)), int(t)) for (n, r), t in zip(unique, times, strict=True)]


def _mean(relevant: ArrayLike, candidates: ArrayLike | None, expected: Callable[[int, int], float]) -> float:
    counted = _counted(_sizes(relevant, candidates))
    total = sum(times for _, times in counted)
    return sum(times * expected(*size) for size, times in counted) / total if total else float("nan")
