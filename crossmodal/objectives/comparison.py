"""The seam between vectors and losses: a `Comparison` (who belongs to whom) or a `Prediction`.

An objective is a `torch.nn.Module` whose `forward` takes one of the two and returns a scalar tensor. It never sees
models, batches or modality names.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from crossmodal.base.errors import InputError


@dataclass(frozen=True)
class Comparison:
    """Queries against targets.

    queries: (n, d); targets: (m, d); positives, negatives: (n, m) boolean, disjoint (self-pairs are in neither);
    weights: (n, m) graded relevance, optional; query_ids: (n,), target_ids: (m,) integers for memory banks, optional.
    """

    queries: Tensor
    targets: Tensor
    positives: Tensor
    negatives: Tensor
    weights: Tensor | None = None
    query_ids: Tensor | None = None
    target_ids: Tensor | None = None

    def __post_init__(self) -> None:
        expected = (len(self.queries), len(self.targets))
        for name in ("positives", "negatives"):
            mask = getattr(self, name)
            if tuple(mask.shape) != expected or mask.dtype != torch.bool:
                raise InputError(
                    f"Comparison.{name}: expected a boolean mask of shape {expected}, "
                    f"got {mask.dtype} {tuple(mask.shape)}"
                )

    def transposed(self) -> Comparison:
        """The same pairs seen from the targets."""
        weights = None if self.weights is None else self.weights.T
        return Comparison(
            self.targets,
            self.queries,
            self.positives.T,
            self.negatives.T,
            weights,
            self.target_ids,
            self.query_ids,
        )


@dataclass(frozen=True)
class Prediction:
    """What is not a comparison: outputs (n, c), targets (n, c), optional boolean mask (n, c) of what counts."""

    outputs: Tensor
    targets: Tensor
    mask: Tensor | None = None
