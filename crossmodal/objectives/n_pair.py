"""N-pair loss: a positive against all negatives of its query at once, on inner products of vectors that are kept short."""

from __future__ import annotations

from torch import Tensor

from crossmodal.base.errors import RecipeError
from crossmodal.objectives.comparison import Comparison
from crossmodal.objectives.hashing import mean_of_paired
from crossmodal.objectives.info_nce import InfoNCE


class NPair(InfoNCE):
    """L = mean_i mean_{p in P_i} log(1 + sum_{n in N_i} e^(s_in - s_ip)) + l mean |v|^2.

    Sohn: Improved Deep Metric Learning with Multi-class N-pair Loss Objective, NeurIPS 2016, eq. 6, with the inner product and the
    penalty on squared lengths (section 3.2.2) of all vectors that are in a pair; `length_weight` l, there 0.02 in the authors' code.
    It is `InfoNCE` one way with temperature 1; where vectors have unit length the penalty is a constant.
    """

    def __init__(
        self, *, similarity: str = "dot", dimension: int | None = None, length_weight: float = 0.0, symmetric: bool = False
    ) -> None:  # fmt: skip
        if length_weight < 0:
            raise RecipeError(f"n-pair.length_weight: expected a number from 0, got {length_weight}")
        super().__init__(similarity=similarity, dimension=dimension, temperature=1.0, symmetric=symmetric)
        self.length_weight = length_weight

    def forward(self, comparison: Comparison) -> Tensor:
        """Scalar, at least 0."""
        loss = super().forward(comparison)
        if not self.length_weight:
            return loss
        return loss + self.length_weight * mean_of_paired(comparison, lambda vectors: vectors.square().sum(dim=1))
