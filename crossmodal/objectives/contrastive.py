"""Contrastive loss: each pair by itself, positives pulled above one similarity, negatives pushed below
another.
"""

from __future__ import annotations

from torch import Tensor

from crossmodal.base.errors import RecipeError
from crossmodal.objectives.comparison import Comparison
from crossmodal.objectives.objective import ComparisonObjective, pair_weights, require_positive, weighted_mean


class Contrastive(ComparisonObjective):
    """L = mean_P max(0, m+ - s)^p + a mean_N max(0, s - m-)^p.

    Hadsell, Chopra, LeCun: Dimensionality Reduction by Learning an Invariant Mapping, CVPR 2006, eq. 4, on a
    similarity. With similarity "negative-euclidean", positive_margin 0, negative_margin -m and power 2 it is
    theirs (but for the factor 1/2). `negative_weight` a: Raffel & Ellis, Large-Scale Content-Based Matching
    of MIDI and Audio Files, ISMIR 2015.

    The two means are over all positive and all negative pairs: a query with only one kind still counts for
    that kind. Graded weights of a comparison weigh its positive pairs.
    """

    def __init__(
        self,
        *,
        similarity: str = "cosine",
        dimension: int | None = None,
        positive_margin: float = 1.0,
        negative_margin: float = 0.4,
        negative_weight: float = 1.0,
        power: int = 2,
    ) -> None:
        super().__init__(similarity=similarity, dimension=dimension)
        require_positive("contrastive", negative_weight=negative_weight, power=power)
        if positive_margin <= negative_margin:
            raise RecipeError(
                "contrastive.positive_margin: expected more than "
                f"negative_margin ({negative_margin}), got {positive_margin}"
            )
        self.positive_margin, self.negative_margin = positive_margin, negative_margin
        self.negative_weight, self.power = negative_weight, power

    def forward(self, comparison: Comparison) -> Tensor:
        """Scalar, at least 0."""
        similarities = self.similarities(comparison)
        pull = (self.positive_margin - similarities).clamp_min(0).pow(self.power)
        push = (similarities - self.negative_margin).clamp_min(0).pow(self.power)
        positives = weighted_mean(pull, pair_weights(comparison))
        return positives + self.negative_weight * weighted_mean(push, comparison.negatives.float())
