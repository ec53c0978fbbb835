"""What the objectives on comparisons share: a similarity, float32, and honest means over what counts."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from crossmodal.base.errors import RecipeError
from crossmodal.objectives import build_similarity
from crossmodal.objectives.comparison import Comparison


class ComparisonObjective(nn.Module):
    """An objective on a `Comparison`. `similarity` may be replaced by a module that the space shares with it.

    similarity: name of a similarity; dimension: vector length, only for similarities with weights (bilinear).
    """

    def __init__(self, *, similarity: str = "cosine", dimension: int | None = None) -> None:
        super().__init__()
        self.similarity = build_similarity(similarity, dimension)

    def similarities(self, comparison: Comparison) -> Tensor:
        """(n, m) float32."""
        result: Tensor = self.similarity(comparison.queries, comparison.targets)
        return result


def usable(comparison: Comparison) -> Tensor:
    """(n,) boolean: the queries that have at least one positive and one negative."""
    return comparison.positives.any(dim=1) & comparison.negatives.any(dim=1)


def pair_weights(comparison: Comparison) -> Tensor:
    """(n, m) float32: the graded relevance of the positives (1 where none is given), 0 elsewhere."""
    mask = comparison.positives.float()
    return mask if comparison.weights is None else mask * comparison.weights.float()


def weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """Scalar sum(w v) / sum(w); a zero that is still connected to the graph where nothing has weight."""
    total = weights.sum()
    # Not the smallest number: a factor in front of the mean would make the gradient infinite, and infinite times zero is no number.
    return (values * weights).sum() / torch.where(total > 0, total, 1.0)


def zero(values: Tensor) -> Tensor:
    """A scalar zero connected to `values`, so that a batch without pairs can go backward (and DDP sees all
    weights).
    """
    return values.nan_to_num(0.0, 0.0, 0.0).sum() * 0.0


def require_positive(owner: str, **options: float) -> None:
    """Refuse options that must be larger than zero."""
    for name, value in options.items():
        if not value > 0:
            raise RecipeError(f"{owner}.{name}: expected a number above 0, got {value}")
