"""Miners against their definitions, one pair at a time."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch import Tensor

from crossmodal.objectives import miners
from crossmodal.objectives.miners import MINERS

from .examples import random_comparison


def example(seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    comparison = random_comparison(seed=seed)
    similarities = torch.randn(comparison.positives.shape, generator=torch.Generator().manual_seed(seed + 9))
    return similarities, comparison.positives, comparison.negatives


def mined(name: str, count: int, seed: int = 0) -> dict[tuple[int, int], list[int]]:
    triplets = MINERS[name](*example(seed), count, torch.Generator().manual_seed(1))
    found: dict[tuple[int, int], list[int]] = {}
    for a, p, n in zip(*(x.tolist() for x in (triplets.anchors, triplets.positives, triplets.negatives)), strict=True):
        found.setdefault((a, p), []).append(n)
    return found


def order(name: str, s: list[float], p: int, candidates: list[int]) -> list[int]:
    """All candidates of a pair, the one to be taken first in front."""
    if name in {"hard", "all"}:
        return sorted(candidates, key=lambda n: -s[n])
    if name == "easy":
        return sorted(candidates, key=lambda n: s[n])
    below = sorted((n for n in candidates if s[n] < s[p]), key=lambda n: -s[n])
    return below + sorted((n for n in candidates if s[n] >= s[p]), key=lambda n: s[n])


@pytest.mark.parametrize("name", ["easy", "semi-hard", "hard", "all"])
@pytest.mark.parametrize("count", [1, 3, 100])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("chunk", [miners.CHUNK, 1])
def test_ordered_miners(name: str, count: int, seed: int, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(miners, "CHUNK", chunk)
    similarities, positives, negatives = example(seed)
    expected = {}
    for a, p in positives.nonzero().tolist():
        candidates = negatives[a].nonzero().flatten().tolist()
        if candidates:
            taken = len(candidates) if name == "all" else count
            expected[a, p] = order(name, similarities[a].tolist(), p, candidates)[:taken]
    assert mined(name, count, seed) == expected


def test_random_negatives_are_allowed_distinct_seeded_and_even() -> None:
    _, positives, negatives = example()
    assert mined("random", 2) == mined("random", 2)
    for (a, p), chosen in mined("random", 3).items():
        assert positives[a, p] and all(negatives[a, n] for n in chosen)
        assert len(set(chosen)) == len(chosen) == min(3, int(negatives[a].sum()))
    many = torch.ones(4000, 5, dtype=torch.bool)
    one = torch.zeros_like(many)
    one[:, 0] = True
    drawn = MINERS["random"](torch.zeros(4000, 5), one, many & ~one, 1, torch.Generator().manual_seed(0))
    counts = Counter(drawn.negatives.tolist())
    assert set(counts) == {1, 2, 3, 4} and all(abs(c - 1000) < 120 for c in counts.values())


@pytest.mark.parametrize("name", MINERS)
def test_nothing_to_mine(name: str) -> None:
    for shape in ((0, 0), (0, 3), (3, 0), (2, 3)):
        nothing = torch.zeros(shape, dtype=torch.bool)
        assert len(MINERS[name](torch.zeros(shape), nothing, nothing, 2, torch.Generator())) == 0


def test_semi_hard_still_leaves_a_collapsed_space() -> None:
    same = torch.eye(4, dtype=torch.bool)
    triplets = MINERS["semi-hard"](torch.ones(4, 4), same, ~same, 1, torch.Generator())
    assert len(triplets) == 4


def test_batch_hard_takes_the_farthest_positive_and_the_nearest_negatives() -> None:
    similarities, positives, negatives = example(2)
    expected = {}
    for a in range(len(similarities)):
        own, others = positives[a].nonzero().flatten().tolist(), negatives[a].nonzero().flatten().tolist()
        if own and others:
            farthest = min(own, key=lambda p: float(similarities[a, p]))
            expected[a, farthest] = sorted(others, key=lambda n: -float(similarities[a, n]))[:2]
    assert mined("batch-hard", 2, 2) == expected


def test_distance_weighted_draws_by_one_over_the_density_of_distances() -> None:
    distances = [1.0, 1.01, 1.02, 1.3, 1.5]
    weights = [1 / (d**126 * (1 - d * d / 4) ** 62.5) for d in distances[:4]] + [
        0.0
    ]  # 128 dimensions; 1.5 is beyond 1.4
    similarities = torch.tensor([[1.0, *(1 - d * d / 2 for d in distances)]]).expand(20000, -1)
    one = torch.zeros(similarities.shape, dtype=torch.bool)
    one[:, 0] = True
    drawn = MINERS["distance-weighted"](similarities, one, ~one, 1, torch.Generator().manual_seed(0)).negatives
    counts = Counter(drawn.tolist())
    for place, weight in enumerate(weights, start=1):
        assert counts[place] / 20000 == pytest.approx(weight / sum(weights), abs=0.015)
    lone = torch.zeros((1, 2), dtype=torch.bool)
    lone[0, 0] = True
    far = MINERS["distance-weighted"](torch.tensor([[0.5, -0.5]]), lone, ~lone, 1, torch.Generator().manual_seed(0))
    assert far.negatives.tolist() == [1]  # there is no other
