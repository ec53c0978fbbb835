"""Losses of hashes against loops over pairs and vectors."""

from __future__ import annotations

import pytest
import torch

from crossmodal.base.errors import RecipeError
from crossmodal.objectives.comparison import Comparison
from crossmodal.objectives.hashing import HashContrastive, HashInfoNCE
from crossmodal.objectives.info_nce import InfoNCE

from .examples import random_comparison


def in_a_pair(c: Comparison) -> list[torch.Tensor]:
    paired = c.positives | c.negatives
    queries = [c.queries[i] for i in range(len(c.queries)) if bool(paired[i].any())]
    return queries + [c.targets[j] for j in range(len(c.targets)) if bool(paired[:, j].any())]


def test_the_published_contrastive_loss() -> None:
    c = random_comparison()
    pull: list[float] = []
    push: list[float] = []
    for i, j in (c.positives | c.negatives).nonzero().tolist():
        distance = (c.queries[i] - c.targets[j]).norm().item()
        (pull if c.positives[i, j] else push).append(distance**2 if c.positives[i, j] else max(0, 4 - distance) ** 2)
    lengths = [vector.norm().item() ** 2 for vector in in_a_pair(c)]
    expected = sum(pull) / len(pull) + 5.33 * sum(push) / len(push) + 0.05 * sum(lengths) / len(lengths)
    assert HashContrastive()(c).item() == pytest.approx(expected, rel=1e-5)


def test_info_nce_and_what_the_signs_lose() -> None:
    c = random_comparison()
    lost = [(1 - abs(value)) ** 2 for vector in in_a_pair(c) for value in vector.tolist()]
    expected = InfoNCE(temperature=0.1)(c).item() + 0.3 * sum(lost) / len(lost)
    assert HashInfoNCE(quantization=0.3)(c).item() == pytest.approx(expected, rel=1e-5)


def test_vectors_in_no_pair_cost_nothing() -> None:
    c = random_comparison()
    paired = c.positives.clone(), c.negatives.clone()
    for mask in paired:
        mask[0] = False
    once = Comparison(c.queries, c.targets, *paired)
    far = c.queries.detach().clone()
    far[0] = 100
    twice = Comparison(far, c.targets, *paired)
    for objective in (HashContrastive(), HashInfoNCE()):
        torch.testing.assert_close(objective(once), objective(twice))


def test_quantization_pulls_values_to_their_signs() -> None:
    values = torch.tensor([[0.3, -0.2], [-0.6, 0.9]], requires_grad=True)
    same = torch.eye(2, dtype=torch.bool)
    (HashInfoNCE(quantization=1e3)(Comparison(values, values.detach(), same, ~same))).backward()
    assert values.grad is not None and torch.equal(values.grad.sign(), -values.detach().sign())


@pytest.mark.parametrize("options", [{"margin": 0.0}, {"output_weight": -1.0}, {"negative_weight": 0.0}])
def test_impossible_options_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(RecipeError, match="expected"):
        HashContrastive(**options)  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match="expected"):
        HashInfoNCE(quantization=-0.1)
