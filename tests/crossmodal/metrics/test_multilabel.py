"""Multi-label R@K against a loop, its single-label special case, and ties."""

from __future__ import annotations

import math

import numpy as np
import pytest

from crossmodal.base.errors import InputError
from crossmodal.metrics.multilabel import multilabel_recall_at_k
from crossmodal.metrics.retrieval import best_rank, recall_at_k


@pytest.mark.parametrize("k", [1, 3, 50])
@pytest.mark.parametrize("masked", [False, True])
def test_against_a_loop(k: int, masked: bool) -> None:
    generator = np.random.default_rng(0)
    similarity = np.round(generator.normal(size=(12, 10)), 1)
    asked, owned = generator.random((12, 6)) < 0.4, generator.random((10, 6)) < 0.4
    asked[0] = False
    allowed = generator.random((12, 10)) < 0.7
    values = multilabel_recall_at_k(similarity, asked, owned, k, candidates=allowed if masked else None)
    for i in range(12):
        wanted = set(np.flatnonzero(asked[i]))
        if not wanted:
            assert math.isnan(values[i])
            continue
        labels = [set(np.flatnonzero(row)) for row in owned]
        found = sorted(
            (j for j in range(10) if allowed[i, j] or not masked),
            key=lambda j: (-similarity[i, j], len(labels[j] & wanted)),
        )
        union = set().union(*(labels[j] for j in found[:k]))
        assert values[i] == pytest.approx(len(wanted & union) / len(wanted))


def test_with_one_label_an_item_it_is_a_hit_rate() -> None:
    generator = np.random.default_rng(1)
    similarity = generator.normal(size=(9, 9))
    labels = np.eye(3, dtype=bool)[np.arange(9) % 3]
    relevant, others = labels @ labels.T, ~np.eye(9, dtype=bool)
    expected = recall_at_k(best_rank(similarity, relevant, candidates=others), 2)
    np.testing.assert_array_equal(multilabel_recall_at_k(similarity, labels, labels, 2, candidates=others), expected)


def test_empty_and_malformed() -> None:
    assert multilabel_recall_at_k(np.zeros((0, 0)), np.zeros((0, 3)), np.zeros((0, 3)), 1).shape == (0,)
    assert multilabel_recall_at_k(np.zeros((2, 0)), np.ones((2, 3), bool), np.zeros((0, 3)), 1).tolist() == [
        0,
        0,
    ]
    with pytest.raises(InputError, match="target_labels"):
        multilabel_recall_at_k(np.zeros((2, 3)), np.ones((2, 4)), np.ones((3, 5)), 1)
    with pytest.raises(InputError, match="query_labels"):
        multilabel_recall_at_k(np.zeros((2, 3)), np.ones(4), np.ones((3, 4)), 1)
