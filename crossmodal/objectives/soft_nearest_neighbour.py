"""Soft nearest neighbours: a query draws one target by similarity; how likely is it one of its own?"""

from __future__ import annotations

from torch import Tensor

from crossmodal.objectives.comparison import Comparison
from crossmodal.objectives.objective import ComparisonObjective, pair_weights, usable, weighted_mean, zero
from crossmodal.objectives.temperature import Temperature


class SoftNearestNeighbour(ComparisonObjective):
    """L = mean_i -log( sum_{p in P_i} w_ip e^(s_ip/t) / sum_{k in P_i or N_i} e^(s_ik/t) ).

    Salakhutdinov & Hinton: Learning a Nonlinear Embedding by Preserving Class Neighbourhood Structure, AISTATS 2007 (with
    similarity "negative-squared-euclidean" and temperature 1: neighbourhood component analysis); Frosst, Papernot, Hinton: Analyzing
    and Improving Representations with the Soft Nearest Neighbor Loss, ICML 2019, eq. 1. With targets that are the support of an episode
    it is the loss of matching networks (Vinyals et al., NeurIPS 2016, eq. 1), whose attention is this softmax over cosines.

    The sum over positives lies within the logarithm: one near positive is enough, where `InfoNCE` wants all of them near. Weights:
    graded relevance, divided by the largest of a query, so that they are shares. Queries without positive or negative are left out.
    """

    def __init__(
        self,
        *,
        similarity: str = "cosine",
        dimension: int | None = None,
        temperature: float = 0.1,
        learned: bool = False,
    ) -> None:
        super().__init__(similarity=similarity, dimension=dimension)
        self.temperature = Temperature(temperature, learned=learned)

    def forward(self, comparison: Comparison) -> Tensor:
        """Scalar, at least 0."""
        logits: Tensor = self.temperature(self.similarities(comparison))
        rows = usable(comparison)
        if not rows.any():
            return zero(logits)
        logits, positives, negatives = logits[rows], comparison.positives[rows], comparison.negatives[rows]
        weights = pair_weights(comparison)[rows]
        shares = weights / weights.amax(dim=1, keepdim=True).clamp_min(1e-12)
        # A weight of zero is no target at all: its logarithm would be -inf, and the gradient there no number.
        near = (logits + shares.clamp_min(1e-12).log()).masked_fill(~positives | (shares <= 0), -1e30)
        right = near.logsumexp(dim=1)
        everything = logits.masked_fill(~(positives | negatives), -1e30).logsumexp(dim=1)
        return weighted_mean(everything - right, (weights.sum(dim=1) > 0).float())
