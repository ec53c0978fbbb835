"""Tagging metrics against scikit-learn and a loop over pairs, ties included."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from crossmodal.base.errors import InputError
from crossmodal.metrics.tagging import clip_wise_pr_auc, clip_wise_roc_auc, tag_wise_pr_auc, tag_wise_roc_auc
from crossmodal.metrics.values import macro

Metric = Callable[[np.ndarray, np.ndarray], np.ndarray]
ALL: list[Metric] = [tag_wise_roc_auc, clip_wise_roc_auc, tag_wise_pr_auc, clip_wise_pr_auc]


def example(decimals: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    scores = np.round(generator.normal(size=(30, 12)), decimals)
    labels = generator.random((30, 12)) < 0.3
    labels[3], labels[:, 0] = False, False
    return scores, labels


@pytest.mark.parametrize("decimals", [0, 1, 9])
@pytest.mark.parametrize("metric", ALL)
def test_against_scikit_learn(metric: Metric, decimals: int) -> None:
    scores, labels = example(decimals)
    values = metric(scores, labels)
    if metric in (tag_wise_roc_auc, tag_wise_pr_auc):
        scores, labels = scores.T, labels.T
    reference = roc_auc_score if metric in (tag_wise_roc_auc, clip_wise_roc_auc) else average_precision_score
    assert len(values) == len(scores)
    for value, score, label in zip(values, scores, labels, strict=True):
        if label.all() or not label.any():
            assert math.isnan(value)
        else:
            assert value == pytest.approx(reference(label, score))


def test_roc_auc_is_the_share_of_pairs_in_the_right_order() -> None:
    scores, labels = example(0)
    values = tag_wise_roc_auc(scores, labels)
    for tag in range(1, 12):
        wins = [
            float(a > b) + 0.5 * float(a == b)
            for a in scores[labels[:, tag], tag]
            for b in scores[~labels[:, tag], tag]
        ]
        assert values[tag] == pytest.approx(sum(wins) / len(wins))
    assert (macro(values).n, macro(values).skipped) == (11, 1)


@pytest.mark.parametrize("metric", ALL)
def test_perfect_empty_and_malformed(metric: Metric) -> None:
    labels = np.array([[True, False], [False, True]])
    assert metric(labels.astype(float), labels).tolist() == [1, 1]
    for shape in ((0, 0), (0, 3), (3, 0)):
        assert np.isnan(metric(np.zeros(shape), np.zeros(shape, bool))).all()
    with pytest.raises(InputError, match="finite"):
        metric(np.full((2, 2), np.nan), labels)
    with pytest.raises(InputError, match="shape"):
        metric(np.zeros((2, 3)), labels)
