"""Retrieval metrics against loops over rankings, scikit-learn, and the cases that metrics get wrong."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import ArrayLike
from sklearn.metrics import average_precision_score, ndcg_score

from crossmodal.base.errors import InputError
from crossmodal.metrics import retrieval
from crossmodal.metrics.retrieval import QueryScores, score_in_chunks, score_queries
from crossmodal.metrics.values import macro

Example = tuple[np.ndarray, np.ndarray, np.ndarray]


def example(queries: int = 20, targets: int = 15, *, ties: bool = True, seed: int = 0) -> Example:
    generator = np.random.default_rng(seed)
    similarity = generator.normal(size=(queries, targets))
    relevant = generator.random((queries, targets)) < 0.2
    relevant[0] = False
    candidates = generator.random((queries, targets)) < 0.8
    return np.round(similarity, 1 if ties else 9), relevant, candidates


def naive(similarity: np.ndarray, gains: np.ndarray, candidates: np.ndarray) -> list[list[float]]:
    """Gains of each query in the order of its ranking, the worse first among equals."""
    rankings = []
    for s, g, c in zip(similarity, gains, candidates, strict=True):
        found = sorted((-s[j], g[j]) for j in range(len(s)) if c[j])
        rankings.append([float(gain) for _, gain in found])
    return rankings


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_against_loops(ties: bool, masked: bool) -> None:
    similarity, relevant, candidates = example(ties=ties)
    mask = candidates if masked else None
    scores = score_queries(similarity, relevant, candidates=mask)
    everything = candidates if masked else np.ones_like(relevant)
    for i, ranking in enumerate(naive(similarity, relevant, everything)):
        if not any(ranking):
            assert math.isnan(scores.best_rank[i]) and math.isnan(scores.average_precision[i])
            assert math.isnan(scores.ndcg[i])
            continue
        places = [place for place, gain in enumerate(ranking, 1) if gain]
        precisions = [(found + 1) / place for found, place in enumerate(places)]
        gain = sum(1 / math.log2(1 + place) for place in places)
        ideal = sum(1 / math.log2(2 + found) for found in range(len(places)))
        assert scores.best_rank[i] == places[0]
        assert scores.average_precision[i] == pytest.approx(sum(precisions) / len(precisions))
        assert scores.ndcg[i] == pytest.approx(gain / ideal)
    np.testing.assert_array_equal(retrieval.best_rank(similarity, relevant, candidates=mask), scores.best_rank)
    np.testing.assert_array_equal(
        retrieval.average_precision(similarity, relevant, candidates=mask), scores.average_precision
    )


def test_against_scikit_learn_without_ties() -> None:
    similarity, relevant, _ = example(ties=False)
    gains = np.random.default_rng(1).integers(0, 4, similarity.shape)
    ours = retrieval.average_precision(similarity, relevant)
    for i in range(1, len(similarity)):
        if relevant[i].any():
            assert ours[i] == pytest.approx(average_precision_score(relevant[i], similarity[i]))
    for k in (None, 5):
        values = retrieval.ndcg(similarity, gains, k=k)
        assert values.mean() == pytest.approx(ndcg_score(gains, similarity, k=k))


def test_graded_ndcg_with_ties_and_masks_against_a_loop() -> None:
    similarity, _, candidates = example()
    gains = np.random.default_rng(2).integers(0, 4, similarity.shape).astype(float)
    values = retrieval.ndcg(similarity, gains, k=4, candidates=candidates)
    for i, ranking in enumerate(naive(similarity, gains, candidates)):
        reached = sum(g / math.log2(1 + place) for place, g in enumerate(ranking[:4], 1))
        best = sum(g / math.log2(1 + place) for place, g in enumerate(sorted(ranking)[::-1][:4], 1))
        assert values[i] == pytest.approx(reached / best)


def test_rank_based_scores() -> None:
    ranks = [1.0, 2.0, 4.0, math.nan]
    np.testing.assert_array_equal(retrieval.recall_at_k(ranks, 2), [1, 1, 0, math.nan])
    np.testing.assert_array_equal(retrieval.reciprocal_rank(ranks), [1, 0.5, 0.25, math.nan])
    assert retrieval.median_rank(ranks) == 2 and math.isnan(retrieval.median_rank([math.nan]))
    mean = macro(retrieval.recall_at_k(ranks, 2))
    assert (mean.value, mean.n, mean.skipped) == (pytest.approx(2 / 3), 3, 1)


def test_perfect_and_worst_ranking() -> None:
    same = np.eye(5, dtype=bool)
    perfect = score_queries(same.astype(float), same).named((1, 3))
    assert {name: values.mean() for name, values in perfect.items()} == {
        "R@1": 1, "R@3": 1, "MRR": 1, "mAP": 1, "nDCG": 1, "median rank": 1
    }  # fmt: skip
    assert (score_queries(-same.astype(float), same).best_rank == 5).all()


def test_a_space_in_which_all_is_alike_gets_no_credit() -> None:
    same = np.eye(6, dtype=bool)
    scores = score_queries(np.ones((6, 6)), same)
    assert (scores.best_rank == 6).all() and (scores.average_precision == 1 / 6).all()


@pytest.mark.parametrize("chunk", [1, 7, 20, 100])
def test_chunks_are_the_whole(chunk: int) -> None:
    similarity, relevant, candidates = example()
    whole = score_queries(similarity, relevant, candidates=candidates)

    def rows(part: slice) -> tuple[ArrayLike, ArrayLike, ArrayLike]:
        return similarity[part], relevant[part], candidates[part]

    same(whole, score_in_chunks(rows, len(similarity), chunk=chunk))
    assert score_in_chunks(rows, 0).best_rank.shape == (0,)


def same(a: QueryScores, b: QueryScores) -> None:
    for name in ("best_rank", "average_precision", "ndcg"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


@pytest.mark.parametrize("shape", [(0, 0), (0, 4), (3, 0)])
def test_empty(shape: tuple[int, int]) -> None:
    scores = score_queries(np.zeros(shape), np.zeros(shape, bool))
    for values in scores.named().values():
        assert values.shape == (shape[0],) and np.isnan(values).all()
    assert math.isnan(macro(scores.ndcg).value)


def test_malformed() -> None:
    fine = np.zeros((2, 3))
    right = np.zeros((2, 3), bool)
    for similarity, relevant, message in (
        (fine[0], right, "two dimensions"),
        (fine, right.T, "shape"),
        (fine * np.nan, right, "finite"),
        (fine, fine + 0.5, "booleans"),
    ):
        with pytest.raises(InputError, match=message):
            score_queries(similarity, relevant)
    with pytest.raises(InputError, match="whole number"):
        retrieval.recall_at_k([1.0], 0)
    with pytest.raises(InputError, match="at least 0"):
        retrieval.ndcg(fine, fine - 1)
    with pytest.raises(InputError, match="one dimension"):
        macro(fine)
