"""Lifted structured loss: each positive pair against all negatives of both of its ends."""

from __future__ import annotations

import torch
from torch import Tensor

from crossmodal.objectives.comparison import Comparison
from crossmodal.objectives.objective import (
    ComparisonObjective,
    pair_weights,
    require_positive,
    weighted_mean,
    zero,
)


class LiftedStructure(ComparisonObjective):
    """L = 1/2 mean_{(i, p) in P} max(0, J_ip)^2, J_ip = log( sum_{n in N_i} e^(m + s_in) + sum_{k: p in N_k} e^(m + s_kp) ) - s_ip.

    Oh Song, Xiang, Jegelka, Savarese: Deep Metric Learning via Lifted Structured Feature Embedding, CVPR 2016, eq. 4, with
    s = -|q - t| and margin m = 1. The second sum runs over the queries to which the target is a negative: between two
    slots these are the other end's negatives. Positive pairs whose ends have no negative are left out; graded weights weigh the pairs.
    """

    def __init__(
        self, *, similarity: str = "negative-euclidean", dimension: int | None = None, margin: float = 1.0
    ) -> None:
        super().__init__(similarity=similarity, dimension=dimension)
        require_positive("lifted-structure", margin=margin)
        self.margin = margin

    def forward(self, comparison: Comparison) -> Tensor:
        """Scalar, at least 0."""
        similarities = self.similarities(comparison)
        negatives = comparison.negatives
        counted = comparison.positives & (negatives.any(dim=1, keepdim=True) | negatives.any(dim=0, keepdim=True))
        if not counted.any():
            return zero(similarities)
        pushed = (similarities + self.margin).masked_fill(~negatives, -1e30)
        both = torch.logaddexp(pushed.logsumexp(dim=1, keepdim=True), pushed.logsumexp(dim=0, keepdim=True))
        losses = (both - similarities).clamp_min(0).square() / 2
        return weighted_mean(losses[counted], pair_weights(comparison)[counted])
