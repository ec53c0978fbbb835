"""Chance levels against the mean over all orders of a short list, and against simulation."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest

from crossmodal.base.errors import InputError
from crossmodal.metrics import chance, multilabel, retrieval, tagging


@pytest.mark.parametrize("relevant", [1, 2, 4, 6])
def test_all_orders_of_six(relevant: int) -> None:
    row = np.arange(6) < relevant
    similarity = np.array(list(permutations(range(6))), dtype=float)
    rows = np.tile(row, (len(similarity), 1))
    scores = retrieval.score_queries(similarity, rows)
    one = row[None]
    assert chance.mrr(one) == pytest.approx(retrieval.reciprocal_rank(scores.best_rank).mean())
    assert chance.mean_average_precision(one) == pytest.approx(scores.average_precision.mean())
    assert chance.ndcg(one) == pytest.approx(scores.ndcg.mean())
    for k in (1, 3, 6, 9):
        assert chance.recall_at_k(one, k) == pytest.approx(retrieval.recall_at_k(scores.best_rank, k).mean())
    cumulated = [(scores.best_rank <= k).mean() for k in range(1, 7)]
    assert chance.median_rank(one) == 1 + next(i for i, share in enumerate(cumulated) if share >= 0.5 - 1e-12)


def test_graded_gains_cut_at_k() -> None:
    gains = np.array([3.0, 1.0, 0.0, 2.0, 0.0, 0.0])
    similarity = np.array(list(permutations(range(6))), dtype=float)
    values = retrieval.ndcg(similarity, np.tile(gains, (len(similarity), 1)), k=3)
    assert chance.ndcg(gains[None], k=3) == pytest.approx(values.mean())


def test_many_queries_with_masks_by_simulation() -> None:
    generator = np.random.default_rng(0)
    relevant, candidates = generator.random((30, 40)) < 0.1, generator.random((30, 40)) < 0.7
    drawn = [retrieval.score_queries(generator.random((30, 40)), relevant, candidates=candidates) for _ in range(300)]
    ranks = np.stack([d.best_rank for d in drawn])
    precisions = np.stack([d.average_precision for d in drawn])
    assert chance.recall_at_k(relevant, 5, candidates=candidates) == pytest.approx(
        np.nanmean(np.where(np.isnan(ranks), np.nan, ranks <= 5)), abs=0.02
    )
    assert chance.mrr(relevant, candidates=candidates) == pytest.approx(np.nanmean(1 / ranks), abs=0.02)
    assert chance.mean_average_precision(relevant, candidates=candidates) == pytest.approx(
        np.nanmean(precisions), abs=0.02
    )
    assert chance.median_rank(relevant, candidates=candidates) == np.nanmedian(ranks)
    assert chance.ndcg(relevant, candidates=candidates) == pytest.approx(
        np.nanmean(np.stack([d.ndcg for d in drawn])), abs=0.02
    )


@pytest.mark.parametrize("masked", [False, True])
def test_multilabel_by_simulation(masked: bool) -> None:
    generator = np.random.default_rng(1)
    asked, owned = generator.random((20, 5)) < 0.4, generator.random((25, 5)) < 0.15
    allowed = generator.random((20, 25)) < 0.6 if masked else None
    drawn = [
        multilabel.multilabel_recall_at_k(generator.random((20, 25)), asked, owned, 4, candidates=allowed)
        for _ in range(300)
    ]
    exact = chance.multilabel_recall_at_k(asked, owned, 4, candidates=allowed)
    assert exact == pytest.approx(np.nanmean(drawn), abs=0.015)


def test_pr_auc_by_simulation_and_near_the_prevalence() -> None:
    generator = np.random.default_rng(2)
    labels = generator.random((30, 8)) < 0.3
    labels[:, 0] = False
    drawn = [tagging.tag_wise_pr_auc(generator.random((30, 8)), labels) for _ in range(400)]
    assert chance.pr_auc(labels) == pytest.approx(np.nanmean(drawn), abs=0.01)
    many = generator.random((20000, 3)) < 0.3
    assert chance.pr_auc(many) == pytest.approx(many.mean(), abs=1e-3)
    assert chance.ROC_AUC == 0.5


def test_plain_values() -> None:
    one_of_a_thousand = np.zeros((1, 1000), bool)
    one_of_a_thousand[0, 3] = True
    assert chance.recall_at_k(one_of_a_thousand, 10) == pytest.approx(0.01)
    assert chance.median_rank(one_of_a_thousand) == 500
    assert chance.accuracy(["a", "b", "a", "c"]) == 0.5


def test_empty_and_malformed() -> None:
    for shape in ((0, 0), (0, 3), (3, 0), (2, 2)):
        nothing = np.zeros(shape, bool)
        for value in (
            chance.recall_at_k(nothing, 1),
            chance.mrr(nothing),
            chance.median_rank(nothing),
            chance.mean_average_precision(nothing),
            chance.ndcg(nothing),
            chance.pr_auc(nothing),
            chance.multilabel_recall_at_k(nothing, nothing, 1),
            chance.accuracy([]),
        ):
            assert math.isnan(value)
    with pytest.raises(InputError, match="shape"):
        chance.mrr(np.zeros(3, bool))
    with pytest.raises(InputError, match="labels"):
        chance.multilabel_recall_at_k(np.zeros((2, 3)), np.zeros((2, 4)), 1)
