"""Small comparisons for the tests of objectives."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from crossmodal.objectives.comparison import Comparison


def random_comparison(
    queries: int = 7, targets: int = 9, dimension: int = 5, *, seed: int = 0, weighted: bool = False
) -> Comparison:
    """Several positives a query, some pairs in neither mask, one query without positive and one without
    negative.
    """
    generator = torch.Generator().manual_seed(seed)
    draw = torch.rand(queries, targets, generator=generator)
    positives, negatives = draw < 0.3, (draw >= 0.3) & (draw < 0.9)
    positives[0] = False
    negatives[1], positives[1, 0] = False, True
    return Comparison(
        torch.randn(queries, dimension, generator=generator).requires_grad_(),
        torch.randn(targets, dimension, generator=generator).requires_grad_(),
        positives,
        negatives,
        torch.rand(queries, targets, generator=generator) + 0.1 if weighted else None,
    )


def one_positive(rows: int = 6, dimension: int = 5, *, seed: int = 0) -> Comparison:
    """Query i belongs to target i and to no other."""
    generator = torch.Generator().manual_seed(seed)
    same = torch.eye(rows, dtype=torch.bool)
    return Comparison(
        torch.randn(rows, dimension, generator=generator).requires_grad_(),
        torch.randn(rows, dimension, generator=generator).requires_grad_(),
        same,
        ~same,
    )


def self_comparison(labels: list[int], dimension: int = 5, *, seed: int = 0) -> Comparison:
    """One set of unit vectors against itself, by single label; the diagonal is in neither mask."""
    generator = torch.Generator().manual_seed(seed)
    vectors = F.normalize(torch.randn(len(labels), dimension, generator=generator), dim=1)
    ids = torch.tensor(labels)
    same = ids[:, None] == ids[None, :]
    return Comparison(vectors, vectors, same & ~torch.eye(len(ids), dtype=torch.bool), ~same)


def without_pairs(rows: int = 3, columns: int = 4) -> Comparison:
    """A batch in which nothing is known about any pair."""
    nothing = torch.zeros(rows, columns, dtype=torch.bool)
    queries = torch.randn(rows, 5, generator=torch.Generator().manual_seed(1)).requires_grad_()
    return Comparison(queries, torch.ones(columns, 5), nothing, nothing)


def cosine(comparison: Comparison) -> list[list[float]]:
    """(n, m) as Python numbers, one pair at a time."""
    return [[float(_cosine(q, t)) for t in comparison.targets.detach()] for q in comparison.queries.detach()]


def _cosine(query: Tensor, target: Tensor) -> Tensor:
    return query @ target / (query.norm() * target.norm())
