"""Tagging: scores (clips, tags), larger is surer, against labels (clips, tags), boolean.

Tag-wise: one value per tag over all clips (can the tag find its clips?); clip-wise: one value per clip over
all tags (which tags fit this clip best?). A tag (or clip) with only one kind of label has NaN: `macro` counts
it as skipped. Ties get half a point in the ROC-AUC and stand at one threshold in the PR-AUC, as in
scikit-learn.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from crossmodal.metrics.values import Booleans, Floats, boolean_matrix, scores_matrix


def tag_wise_roc_auc(scores: ArrayLike, labels: ArrayLike) -> Floats:
    """(tags,) probability that a clip with the tag scores above one without it; chance 0.5."""
    values, right = _checked(scores, labels)
    return _roc_auc(values.T, right.T)


def clip_wise_roc_auc(scores: ArrayLike, labels: ArrayLike) -> Floats:
    """(clips,) probability that a tag of the clip scores above one that it has not; chance 0.5."""
    return _roc_auc(*_checked(scores, labels))


def tag_wise_pr_auc(scores: ArrayLike, labels: ArrayLike) -> Floats:
    """(tags,) average precision: sum over thresholds of (R_i - R_i-1) P_i; chance is near the tag's share of
    clips.
    """
    values, right = _checked(scores, labels)
    return _pr_auc(values.T, right.T)


def clip_wise_pr_auc(scores: ArrayLike, labels: ArrayLike) -> Floats:
    """(clips,) average precision over the tags of each clip; chance is near the clip's share of tags."""
    return _pr_auc(*_checked(scores, labels))


def _checked(scores: ArrayLike, labels: ArrayLike) -> tuple[NDArray[np.floating], Booleans]:
    values = scores_matrix("scores", scores)
    return values, boolean_matrix("labels", labels, values.shape)


def _roc_auc(scores: NDArray[np.floating], labels: Booleans) -> Floats:
    """Each row by itself, by the Mann-Whitney statistic."""
    positives = labels.sum(axis=1).astype(np.float64)
    negatives = labels.shape[1] - positives
    if scores.size == 0:
        return np.full(len(scores), np.nan)
    ranks = rankdata(scores, axis=1)
    wins = (ranks * labels).sum(axis=1) - positives * (positives + 1) / 2
    pairs = positives * negatives
    return np.divide(wins, pairs, out=np.full(len(scores), np.nan), where=pairs > 0)


def _pr_auc(scores: NDArray[np.floating], labels: Booleans) -> Floats:
    """Each row by itself: at each positive the precision at the end of its group of equal scores."""
    rows, columns = scores.shape
    if scores.size == 0:
        return np.full(rows, np.nan)
    order = np.argsort(-scores, axis=1, kind="stable")
    ranked = np.take_along_axis(labels, order, axis=1)
    values = np.take_along_axis(scores, order, axis=1)
    last = np.ones((rows, columns), dtype=bool)
    last[:, :-1] = values[:, 1:] != values[:, :-1]
    ends = np.where(last, np.arange(columns), columns)
    ends = np.minimum.accumulate(ends[:, ::-1], axis=1)[:, ::-1]
    precision = np.cumsum(ranked, axis=1) / np.arange(1, columns + 1)
    total = (np.take_along_axis(precision, ends, axis=1) * ranked).sum(axis=1)
    positives = labels.sum(axis=1)
    defined = (positives > 0) & (positives < columns)
    return np.divide(total, positives, out=np.full(rows, np.nan), where=defined)
