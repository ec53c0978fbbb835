"""Voting: the votes of a naive count, and what length may not decide."""

from __future__ import annotations

import math

import numpy as np

from crossmodal.applications.voting import count_votes


def naive(similarities: list[list[float]], owners: list[list[int]], lengths: list[int]) -> list[float]:
    """Scores by the definition."""
    votes: list[tuple[int, float]] = []
    for row, names in zip(similarities, owners, strict=True):
        known = [s for s, name in zip(row, names, strict=True) if name >= 0]
        for s, name in zip(row, names, strict=True):
            if name >= 0:
                votes.append((name, 0.1 + 0.9 * (s - min(known)) / max(max(known) - min(known), 1e-9)))
    total, squares = sum(w for _, w in votes), sum(w * w for _, w in votes)
    scores = []
    for item, length in enumerate(lengths):
        share = length / sum(lengths)
        spread = max(math.sqrt(share * (1 - share) * squares), total / len(votes))
        gained = sum(w for name, w in votes if name == item)
        scores.append((gained - share * total) / spread if length else -math.inf)
    return scores


def test_scores_are_those_of_the_definition() -> None:
    generator = np.random.default_rng(0)
    similarities = -np.sort(-generator.random((7, 5)), axis=1)
    owners = generator.integers(-1, 4, (7, 5))
    lengths = np.array([10, 300, 0, 45, 5])
    owners[owners == 2] = 0  # an item without vectors is nobody's neighbour
    votes = count_votes(similarities, owners, lengths)
    np.testing.assert_allclose(votes.score, naive(similarities.tolist(), owners.tolist(), lengths.tolist()))
    assert votes.count.tolist() == [(owners == item).sum() for item in range(5)]
    assert 2 not in votes.best(10) and len(votes.best(10)) == 4 and len(votes.best(2)) == 2


def test_a_long_item_does_not_win_by_its_size() -> None:
    generator = np.random.default_rng(1)
    lengths = np.array([20_000, 300, 300, 300])
    owners = generator.choice(4, p=lengths / lengths.sum(), size=(60, 25))
    owners[:40, :3] = 2  # what it has beyond chance
    similarities = -np.sort(-generator.random((60, 25)), axis=1)
    votes = count_votes(similarities, owners, lengths)
    assert votes.count.argmax() == 0 and votes.best(1).tolist() == [2]


def test_similar_neighbours_weigh_more() -> None:
    similarities = np.array([[0.9, 0.2, 0.1]] * 4)
    votes = count_votes(similarities, np.array([[1, 0, 0]] * 4), np.array([50, 50]))
    assert votes.count.tolist() == [8, 4] and votes.best(2).tolist() == [1, 0]


def test_nobody_votes() -> None:
    votes = count_votes(np.zeros((3, 2)), np.full((3, 2), -1), np.array([4, 0, 4]))
    assert votes.best(5).tolist() == [0, 2] and not votes.count.any()
    assert len(count_votes(np.zeros((0, 25)), np.zeros((0, 25), int), np.zeros(0, int)).best(5)) == 0
