"""Softmax over proxies: classification as a comparison of a query with one learned vector per class."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from crossmodal.base.errors import InputError
from crossmodal.objectives.comparison import Comparison
from crossmodal.objectives.objective import ComparisonObjective, usable, zero
from crossmodal.objectives.temperature import Temperature


class NormalizedSoftmax(ComparisonObjective):
    """L = mean_i -log( e^(cos(q_i, t_p)/t) / sum_{j in P_i or N_i} e^(cos(q_i, t_j)/t) ), one positive proxy
    a query.

    Zhai & Wu: Classification is a Strong Baseline for Deep Metric Learning, BMVC 2019 (temperature
    0.05). Queries without positive or negative are left out; a query with several positives is an InputError:
    binary-cross-entropy and info-nce take those.
    """

    def __init__(
        self,
        *,
        similarity: str = "cosine",
        dimension: int | None = None,
        temperature: float = 0.05,
        learned: bool = False,
    ) -> None:
        super().__init__(similarity=similarity, dimension=dimension)
        self.temperature = Temperature(temperature, learned=learned)

    def forward(self, comparison: Comparison) -> Tensor:
        """Scalar, at least 0."""
        most = int(comparison.positives.sum(dim=1).max()) if comparison.positives.numel() else 0
        if most > 1:
            raise InputError(
                f"{type(self).__name__}: expected one positive a query, got {most}; "
                "use binary-cross-entropy or info-nce"
            )
        logits: Tensor = self.temperature(self.similarities(comparison))
        rows = usable(comparison)
        if not rows.any():
            return zero(logits)
        positives, negatives = comparison.positives[rows], comparison.negatives[rows]
        candidates = logits[rows].masked_fill(~(positives | negatives), -torch.inf)
        return F.cross_entropy(candidates, positives.int().argmax(dim=1))


class ProxyClassification(NormalizedSoftmax):
    """L = mean_i -log softmax(q_i . t)_p: plain classification, the weights of the last layer being the
    targets.

    Lee et al.: Metric Learning vs Classification for Disentangled Music Representation Learning, ISMIR 2020:
    the proxies are not normalized.
    """

    def __init__(
        self,
        *,
        similarity: str = "dot",
        dimension: int | None = None,
        temperature: float = 1.0,
        learned: bool = False,
    ) -> None:
        super().__init__(similarity=similarity, dimension=dimension, temperature=temperature, learned=learned)


class Prototypical(NormalizedSoftmax):
    """L = mean_i -log( e^(-|q_i - c_p|^2) / sum_j e^(-|q_i - c_j|^2) ), the targets c being means of the vectors of a class.

    Snell, Swersky, Zemel: Prototypical Networks for Few-shot Learning, NeurIPS 2017, eq. 2. The means are made where the comparison
    is (a recipe's `prototypes: true`); squared Euclidean distance, for means of unit vectors are shorter than they.
    """

    def __init__(
        self,
        *,
        similarity: str = "negative-squared-euclidean",
        dimension: int | None = None,
        temperature: float = 1.0,
        learned: bool = False,
    ) -> None:
        super().__init__(similarity=similarity, dimension=dimension, temperature=temperature, learned=learned)
