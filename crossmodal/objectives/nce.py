"""Noise-contrastive estimation: is this target data or noise? Yes or no for each, with the odds that noise has."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from crossmodal.base.errors import RecipeError
from crossmodal.objectives.comparison import Comparison
from crossmodal.objectives.objective import ComparisonObjective, pair_weights, usable, weighted_mean, zero
from crossmodal.objectives.temperature import Temperature


class NCE(ComparisonObjective):
    """L = mean_i ( -mean_{p in P_i} log h_ip - sum_{n in N_i} log(1 - h_in) ), h_ij = P_ij / (P_ij + m_i / M), P_ij = e^(s_ij/t) / Z.

    Gutmann & Hyvaerinen, AISTATS 2010; Wu, Xiong, Yu, Lin: Unsupervised Feature Learning via Non-Parametric Instance Discrimination, CVPR
    2018, eq. 5 to 8: m_i
    negatives drawn from noise that is even over M targets. `population` M: how many targets there are in all (there the
    size of the memory bank); 0: as many as are compared. Z = M mean e^(s/t) (their eq. 9): the mean is that of the pairs of a training's
    first batch and constant then, M that of the batch at hand, for a memory fills up.

    Queries without positive or negative are left out. Graded weights weigh the positives of a query.
    """

    log_mean: Tensor

    def __init__(
        self, *, similarity: str = "cosine", dimension: int | None = None, temperature: float = 0.07, population: int = 0
    ) -> None:  # fmt: skip
        super().__init__(similarity=similarity, dimension=dimension)
        if population < 0:
            raise RecipeError(
                f"nce.population: expected 0 (those compared) or how many targets there are, got {population}"
            )
        self.temperature = Temperature(temperature)
        self.population = population
        self.register_buffer("log_mean", torch.tensor(torch.nan))

    def forward(self, comparison: Comparison) -> Tensor:
        """Scalar, at least 0."""
        logits: Tensor = self.temperature(self.similarities(comparison))
        rows = usable(comparison)
        if not rows.any():
            return zero(logits)
        logits, negatives, weights = logits[rows], comparison.negatives[rows], pair_weights(comparison)[rows]
        compared = comparison.positives[rows] | negatives
        population = self.population or logits.shape[1]
        log_z = self._log_mean(logits.detach()[compared]) + math.log(population)
        noise = negatives.sum(dim=1, keepdim=True).float().log() - math.log(population)
        odds = logits - log_z - noise
        right = (F.softplus(-odds) * weights).sum(dim=1) / weights.sum(dim=1).clamp_min(1e-12)
        wrong = (F.softplus(odds) * negatives).sum(dim=1)
        return weighted_mean(right + wrong, (weights.sum(dim=1) > 0).float())

    def _log_mean(self, values: Tensor) -> Tensor:
        """log(Z / M), a scalar, of logits (k,): of the first training batch, or of this one where nothing was trained yet."""
        if not torch.isnan(self.log_mean):
            return self.log_mean
        found = values.logsumexp(dim=0) - math.log(len(values))
        if self.training:
            self.log_mean.copy_(found)
        return found
