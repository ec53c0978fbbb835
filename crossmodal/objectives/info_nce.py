"""InfoNCE (NT-Xent): which of the targets is the query's own, as a classification with a softmax."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from crossmodal.objectives.comparison import Comparison
from crossmodal.objectives.objective import ComparisonObjective, pair_weights, usable, weighted_mean, zero
from crossmodal.objectives.temperature import Temperature


class InfoNCE(ComparisonObjective):
    """L = mean_i sum_{p in P_i} w_ip / (sum_P w) * -log( e^(s_ip/t) / (e^(s_ip/t) + sum_{n in N_i}
    e^(s_in/t)) ).

    van den Oord et al.: Representation Learning with Contrastive Predictive Coding, 2018, eq. 4; Chen et al.:
    SimCLR, ICML 2020, eq. 1; symmetric: Radford et al.: CLIP, ICML 2021. For several positives the mean of
    their log-probabilities lies outside of the logarithm, as in L_out of Khosla et al. (SupCon, NeurIPS 2020,
    eq. 2), but a query's other positives are left out of the denominator: a right answer is no distractor.
    `positives_in_denominator` puts them in, and is SupCon exactly.

    Weights are the graded relevance of the positives. Queries without positive or without negative are left
    out. temperature: start or fixed value; learned: as its logarithm, held within [minimum_temperature, 1].
    """

    def __init__(
        self,
        *,
        similarity: str = "cosine",
        dimension: int | None = None,
        temperature: float = 0.07,
        learned: bool = False,
        minimum_temperature: float = 0.01,
        symmetric: bool = True,
        positives_in_denominator: bool = False,
    ) -> None:
        super().__init__(similarity=similarity, dimension=dimension)
        self.temperature = Temperature(temperature, learned=learned, minimum=minimum_temperature)
        self.symmetric = symmetric
        self.positives_in_denominator = positives_in_denominator

    def forward(self, comparison: Comparison) -> Tensor:
        """Scalar, at least 0."""
        logits: Tensor = self.temperature(self.similarities(comparison))
        loss = self._one_way(logits, comparison)
        if self.symmetric:
            loss = (loss + self._one_way(logits.T, comparison.transposed())) / 2
        return loss

    def _one_way(self, logits: Tensor, comparison: Comparison) -> Tensor:
        rows = usable(comparison)
        if not rows.any():
            return zero(logits)
        logits, weights = logits[rows], pair_weights(comparison)[rows]
        # Rows without a negative are gone: a logsumexp over nothing but -inf would have a NaN gradient.
        if self.positives_in_denominator:
            others = comparison.positives[rows] | comparison.negatives[rows]
            losses = _logsumexp(logits, others) - logits
        else:
            losses = F.softplus(_logsumexp(logits, comparison.negatives[rows]) - logits)
        total = weights.sum(dim=1)
        per_query = (losses * weights).sum(dim=1) / total.clamp_min(torch.finfo(torch.float32).tiny)
        return weighted_mean(per_query, (total > 0).float())


def _logsumexp(logits: Tensor, mask: Tensor) -> Tensor:
    return logits.masked_fill(~mask, -torch.inf).logsumexp(dim=1, keepdim=True)
