"""Multi-label R@K: how much of what a query is labelled with is found among its nearest neighbours.

    R@K = 1/N sum_q |Y_q and (Y_1 or ... or Y_K)| / |Y_q|

with Y_q the labels of the query and Y_1 ... Y_K those of its K nearest targets: the share of the query's labels that the
union of its neighbours' labels covers. This is how we read the multi-label R@K of Lee, Bryan, Salamon, Jin, Nam: Metric
Learning vs Classification for Disentangled Music Representation Learning, ISMIR 2020 (eq. 5.17 of J. Lee's thesis). For one
label an item it is the usual R@K: a hit when any of the K has it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from crossmodal.base.errors import InputError
from crossmodal.metrics.retrieval import top_k
from crossmodal.metrics.values import Floats, boolean_matrix, positive_integer, scores_matrix


def multilabel_recall_at_k(
    similarity: ArrayLike,
    query_labels: ArrayLike,
    target_labels: ArrayLike,
    k: int,
    *,
    candidates: ArrayLike | None = None,
) -> Floats:
    """(q,) share of the query's labels that its k nearest targets have between them; NaN for a query without
    labels.

    similarity (q, n); query_labels (q, labels), target_labels (n, labels) boolean. Among equal similarities
    the targets that share fewer labels with the query come first. candidates (q, n): what may be found,
    optional.
    """
    scores = scores_matrix("similarity", similarity)
    asked = np.asarray(query_labels)
    if asked.ndim != 2:
        raise InputError(f"query_labels: expected shape (queries, labels), got {asked.shape}")
    asked = boolean_matrix("query_labels", asked, (scores.shape[0], asked.shape[1]))
    owned = boolean_matrix("target_labels", target_labels, (scores.shape[1], asked.shape[1]))
    allowed = None if candidates is None else boolean_matrix("candidates", candidates, scores.shape)
    shared = asked.astype(np.float32) @ owned.astype(np.float32).T
    nearest = top_k(scores, positive_integer("k", k), shared, allowed)
    covered = np.zeros_like(asked)
    for column in nearest.T:
        usable = True if allowed is None else allowed[np.arange(len(asked)), column][:, None]
        covered |= owned[column] & usable
    total = asked.sum(axis=1)
    return np.divide((covered & asked).sum(axis=1), total, out=np.full(len(asked), np.nan), where=total > 0)
