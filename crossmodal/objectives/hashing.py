"""Losses of vectors whose signs are to be the bits of a hash: a comparison as ever, and a term for what taking the signs loses."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from crossmodal.base.errors import RecipeError
from crossmodal.objectives.comparison import Comparison
from crossmodal.objectives.contrastive import Contrastive
from crossmodal.objectives.info_nce import InfoNCE
from crossmodal.objectives.objective import weighted_mean


class HashContrastive(Contrastive):
    """L = mean_P |q - t|^2 + a mean_N max(0, m - |q - t|)^2 + b mean |h|^2, q and t tanh outputs, h all of them that are in a pair.

    Raffel: Learning-Based Methods for Comparing Sequences, thesis 2016 (and Raffel & Ellis, ISMIR 2015), with its a = 5.33, margin m = 4
    and weight b = 0.05 of the outputs' squares, which keeps tanh from saturating while signs still change.
    """

    def __init__(
        self, *, similarity: str = "negative-euclidean", dimension: int | None = None, margin: float = 4.0,
        negative_weight: float = 5.33, output_weight: float = 0.05,
    ) -> None:  # fmt: skip
        if margin <= 0 or output_weight < 0:
            raise RecipeError(
                f"hash-contrastive: expected margin above 0 and output_weight from 0, got {margin} and {output_weight}"
            )
        super().__init__(
            similarity=similarity, dimension=dimension, positive_margin=0.0, negative_margin=-margin, negative_weight=negative_weight
        )  # fmt: skip
        self.output_weight = output_weight

    def forward(self, comparison: Comparison) -> Tensor:
        """Scalar, at least 0."""
        squares = mean_of_paired(comparison, lambda vectors: vectors.square().sum(dim=1))
        return super().forward(comparison) + self.output_weight * squares


class HashInfoNCE(InfoNCE):
    """L = InfoNCE + c mean (1 - |h_i|)^2 over all values h_i of vectors in a pair: each is pulled to the sign that stands for it.

    The quantization term of Liu et al.: Deep Supervised Hashing, CVPR 2016, squared. The cosine is a similarity that signs keep.
    """

    def __init__(
        self, *, similarity: str = "cosine", dimension: int | None = None, temperature: float = 0.1, learned: bool = False,
        minimum_temperature: float = 0.01, symmetric: bool = True, quantization: float = 0.1,
    ) -> None:  # fmt: skip
        if quantization < 0:
            raise RecipeError(f"hash-info-nce.quantization: expected a number from 0, got {quantization}")
        super().__init__(
            similarity=similarity, dimension=dimension, temperature=temperature, learned=learned,
            minimum_temperature=minimum_temperature, symmetric=symmetric,
        )  # fmt: skip
        self.quantization = quantization

    def forward(self, comparison: Comparison) -> Tensor:
        """Scalar, at least 0."""
        lost = mean_of_paired(comparison, lambda vectors: (1 - vectors.abs()).square().mean(dim=1))
        return super().forward(comparison) + self.quantization * lost


def mean_of_paired(comparison: Comparison, term: Callable[[Tensor], Tensor]) -> Tensor:
    """Mean of a term (n,) of vectors (n, d) over the queries and targets that are in a pair; zero where none is."""
    paired = comparison.positives | comparison.negatives
    with torch.autocast(paired.device.type, enabled=False):
        terms = torch.cat([term(comparison.queries.float()), term(comparison.targets.float())])
        return weighted_mean(terms, torch.cat([paired.any(dim=1), paired.any(dim=0)]).float())
