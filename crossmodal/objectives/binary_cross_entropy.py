"""Binary cross-entropy: each pair (or each class of a prediction) is a yes-or-no question of its own."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from crossmodal.base.errors import InputError
from crossmodal.objectives.comparison import Comparison, Prediction
from crossmodal.objectives.objective import ComparisonObjective, require_positive, weighted_mean
from crossmodal.objectives.temperature import Temperature


class BinaryCrossEntropy(ComparisonObjective):
    """L = mean over the pairs in either mask of -[y log sigma(z) + (1 - y) log(1 - sigma(z))], z = s / t + b.

    On a `Comparison` y is "positive" (multi-label classification against proxies or word vectors; with
    learned t and b the pairwise loss of Zhai et al.: Sigmoid Loss for Language Image Pre-Training, ICCV
    2023). On a `Prediction` z are the outputs as they are, y the targets in [0, 1], the mean over the mask.
    Pairs in neither mask do not count; a query with negatives only does: it is a set of answers "no".
    `positive_weight` multiplies the terms of y = 1, and so do graded weights.
    """

    def __init__(
        self,
        *,
        similarity: str = "cosine",
        dimension: int | None = None,
        temperature: float = 0.1,
        bias: float = 0.0,
        learned: bool = False,
        positive_weight: float = 1.0,
    ) -> None:
        super().__init__(similarity=similarity, dimension=dimension)
        require_positive("binary-cross-entropy", positive_weight=positive_weight)
        self.temperature = Temperature(temperature, learned=learned)
        self.bias = nn.Parameter(torch.tensor(float(bias)), requires_grad=learned)
        self.positive_weight = positive_weight

    def forward(self, batch: Comparison | Prediction) -> Tensor:
        """Scalar, at least 0."""
        if isinstance(batch, Prediction):
            return self._predicted(batch)
        logits: Tensor = self.temperature(self.similarities(batch)) + self.bias
        targets = batch.positives.float()
        weights = (batch.positives | batch.negatives).float()
        if batch.weights is not None:
            weights = torch.where(batch.positives, batch.weights.float(), weights)
        return self._mean(logits, targets, weights)

    def _predicted(self, prediction: Prediction) -> Tensor:
        outputs, targets = prediction.outputs.float(), prediction.targets.float()
        if outputs.shape != targets.shape:
            raise InputError(
                "Prediction: expected outputs and targets of one shape, "
                f"got {tuple(outputs.shape)} and {tuple(targets.shape)}"
            )
        mask = torch.ones_like(targets) if prediction.mask is None else prediction.mask.float()
        return self._mean(outputs, targets, mask)

    def _mean(self, logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        weight = torch.tensor(self.positive_weight, device=logits.device)
        losses = F.binary_cross_entropy_with_logits(logits, targets, pos_weight=weight, reduction="none")
        return weighted_mean(losses, weights)
