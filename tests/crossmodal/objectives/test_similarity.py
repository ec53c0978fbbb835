"""Similarities against loops over pairs, and their folded form against the ranking they stand for."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from crossmodal.objectives.similarity import Bilinear, Cosine, Dot, NegativeEuclidean, Similarity


@pytest.fixture
def vectors() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(6, 4, generator=generator), torch.randn(9, 4, generator=generator)


@pytest.fixture
def bilinear() -> Bilinear:
    similarity = Bilinear(4)
    with torch.no_grad():
        similarity.weight.copy_(torch.randn(4, 4, generator=torch.Generator().manual_seed(4)))
    return similarity


def test_against_loops(vectors: tuple[Tensor, Tensor], bilinear: Bilinear) -> None:
    queries, targets = vectors
    for i, q in enumerate(queries):
        for j, t in enumerate(targets):
            torch.testing.assert_close(Cosine()(queries, targets)[i, j], q @ t / (q.norm() * t.norm()))
            torch.testing.assert_close(Dot()(queries, targets)[i, j], (q * t).sum())
            torch.testing.assert_close(bilinear(queries, targets)[i, j], q @ bilinear.weight @ t)
            torch.testing.assert_close(NegativeEuclidean()(queries, targets)[i, j], -(q - t).norm())


@pytest.mark.parametrize("kind", [Cosine, Dot, Bilinear, NegativeEuclidean])
def test_folded_queries_rank_by_inner_product(
    kind: type[Similarity], vectors: tuple[Tensor, Tensor], bilinear: Bilinear
) -> None:
    similarity = bilinear if kind is Bilinear else kind()
    queries, targets = vectors[0], F.normalize(vectors[1], dim=1)
    direct = similarity(queries, targets).argsort(dim=1, descending=True)
    folded = (similarity.fold(queries) @ targets.T).argsort(dim=1, descending=True)
    assert torch.equal(direct, folded)


def test_bilinear_starts_as_the_inner_product(vectors: tuple[Tensor, Tensor]) -> None:
    torch.testing.assert_close(Bilinear(4)(*vectors), Dot()(*vectors))


def test_zero_vector_and_identical_vectors_have_finite_gradients() -> None:
    zeros = torch.zeros(2, 4, requires_grad=True)
    (Cosine()(zeros, torch.ones(1, 4)) + NegativeEuclidean()(zeros, torch.zeros(1, 4))).sum().backward()
    assert zeros.grad is not None and torch.isfinite(zeros.grad).all()
    assert float(Cosine()(torch.zeros(1, 4), torch.ones(1, 4))) == 0


def test_near_neighbours_keep_their_distance() -> None:
    base = F.normalize(torch.ones(1, 128), dim=1)
    moved = base.clone()
    moved[0, 0] += 1e-5
    torch.testing.assert_close(NegativeEuclidean()(base, moved), torch.tensor([[-1e-5]]), rtol=1e-2, atol=0)
