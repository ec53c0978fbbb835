"""Similarities between queries and targets: larger is closer, always.

All take queries (n, d) and targets (m, d) and return (n, m) float32, whatever the inputs' precision and
outside of any autocast: a similarity in bfloat16 has two to three digits, too few for a temperature of 0.05.

A similarity is part of a space. `fold(queries)` gives vectors whose inner products with the stored
(unit-length) targets rank as the similarity does, so that an inner-product index can search them.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Similarity(nn.Module):
    """Base of all similarities."""

    needs_dimension: ClassVar[bool] = False

    def __init__(self, dimension: int | None = None) -> None:
        super().__init__()
        self.dimension = dimension

    def forward(self, queries: Tensor, targets: Tensor) -> Tensor:
        """(n, d), (m, d) -> (n, m) float32; larger is closer."""
        with torch.autocast(queries.device.type, enabled=False):
            return self.compare(queries.float(), targets.float())

    def compare(self, queries: Tensor, targets: Tensor) -> Tensor:
        """The measure itself, on float32."""
        raise NotImplementedError  # abstract

    def fold(self, queries: Tensor) -> Tensor:
        """(n, d) -> (n, d) for search by inner product over unit-length targets."""
        return queries.float()


class Cosine(Similarity):
    """s(q, t) = q.t / (|q| |t|), in [-1, 1]. A zero vector has similarity 0 with everything."""

    def compare(self, queries: Tensor, targets: Tensor) -> Tensor:
        return F.normalize(queries, dim=-1) @ F.normalize(targets, dim=-1).T

    def fold(self, queries: Tensor) -> Tensor:
        return F.normalize(queries.float(), dim=-1)


class Dot(Similarity):
    """s(q, t) = q.t, unbounded."""

    def compare(self, queries: Tensor, targets: Tensor) -> Tensor:
        return queries @ targets.T


class Bilinear(Similarity):
    """s(q, t) = q W t with a learned (d, d) matrix W that starts as the identity.

    Saeed, Grangier, Zeghidour: Contrastive Learning of General-Purpose Audio Representations (COLA), ICASSP
    2021. They start from random weights; from the identity the first step already compares as the
    inner product does.
    """

    needs_dimension: ClassVar[bool] = True

    def __init__(self, dimension: int) -> None:
        super().__init__(dimension)
        self.weight = nn.Parameter(torch.eye(dimension))

    def compare(self, queries: Tensor, targets: Tensor) -> Tensor:
        return (queries @ self.weight.float()) @ targets.T

    def fold(self, queries: Tensor) -> Tensor:
        with torch.autocast(queries.device.type, enabled=False):
            return queries.float() @ self.weight.float()


class NegativeEuclidean(Similarity):
    """s(q, t) = -|q - t|, at most 0. For unit-length targets it ranks as the inner product does."""

    def compare(self, queries: Tensor, targets: Tensor) -> Tensor:
        # The exact form: the one by matrix product loses half the digits of near neighbours, and its gradient
        # is wrong.
        return -torch.cdist(queries, targets, compute_mode="donot_use_mm_for_euclid_dist")


class NegativeSquaredEuclidean(Similarity):
    """s(q, t) = -|q - t|^2, at most 0: the Bregman divergence whose best prototype is the mean (Snell et al., NeurIPS 2017)."""

    def compare(self, queries: Tensor, targets: Tensor) -> Tensor:
        # No product of matrices, as above; and no square of a distance, whose gradient at zero is none.
        return -(queries[:, None, :] - targets[None, :, :]).square().sum(dim=-1)
