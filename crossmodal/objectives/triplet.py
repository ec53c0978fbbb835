"""Triplet hinge: a positive shall be more similar to its anchor than a negative is, by a margin."""

from __future__ import annotations

import torch
from torch import Tensor

from crossmodal.base.errors import RecipeError
from crossmodal.objectives.comparison import Comparison
from crossmodal.objectives.miners import MINERS
from crossmodal.objectives.objective import (
    ComparisonObjective,
    pair_weights,
    require_positive,
    weighted_mean,
    zero,
)

COSINES = ("cosine", "dot")  # between unit vectors, whose distances follow from them


class TripletHinge(ComparisonObjective):
    """L = mean over triplets of max(0, margin - s(a, p) + s(a, n)).

    Frome et al.: DeViSE, NeurIPS 2013, eq. 1; Schroff et al.: FaceNet, CVPR 2015, eq. 3; Choi et al.:
    Zero-Shot Learning for Audio-Based Music Classification and Tagging, ISMIR 2019 (cosine, margin
    0.4, one random negative).

    mining: random, all, easy, semi-hard, hard, batch-hard or distance-weighted (of cosines alone; see miners); negatives: how many for each
    positive pair;
    symmetric: the mean of both directions; active_only: the mean is over triplets within the margin, which
    keeps gradients large when most triplets are solved already; seed: of the random negatives, which go on
    where they were after a resume. Graded weights weigh by the positive.
    """

    step: Tensor

    def __init__(
        self,
        *,
        similarity: str = "cosine",
        dimension: int | None = None,
        margin: float = 0.4,
        mining: str = "random",
        negatives: int = 1,
        symmetric: bool = False,
        active_only: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__(similarity=similarity, dimension=dimension)
        require_positive("triplet-hinge", margin=margin, negatives=negatives)
        if mining not in MINERS:
            raise RecipeError(f"triplet-hinge.mining: expected one of {', '.join(MINERS)}, got {mining!r}")
        if mining == "distance-weighted" and similarity not in COSINES:
            raise RecipeError(
                f'triplet-hinge.mining: expected similarity {" or ".join(COSINES)} beside distance-weighted, got "{similarity}"; '
                "use one of them, or another mining"
            )
        self.margin, self.mining, self.negatives = margin, mining, negatives
        self.symmetric, self.active_only, self.seed = symmetric, active_only, seed
        self.register_buffer("step", torch.zeros((), dtype=torch.long))

    def forward(self, comparison: Comparison) -> Tensor:
        """Scalar, at least 0."""
        similarities = self.similarities(comparison)
        generator = torch.Generator().manual_seed(self.seed + 1_000_003 * int(self.step))
        if self.training:
            self.step += 1
        loss = self._hinge(similarities, comparison, generator)
        if self.symmetric:
            loss = (loss + self._hinge(similarities.T, comparison.transposed(), generator)) / 2
        return loss

    def _hinge(self, similarities: Tensor, comparison: Comparison, generator: torch.Generator) -> Tensor:
        triplets = MINERS[self.mining](
            similarities.detach(), comparison.positives, comparison.negatives, self.negatives, generator
        )
        if len(triplets) == 0:
            return zero(similarities)
        positive = similarities[triplets.anchors, triplets.positives]
        negative = similarities[triplets.anchors, triplets.negatives]
        losses = (self.margin - positive + negative).clamp_min(0)
        weights = pair_weights(comparison)[triplets.anchors, triplets.positives]
        if self.active_only:
            weights = weights * (losses > 0)
        return weighted_mean(losses, weights)
