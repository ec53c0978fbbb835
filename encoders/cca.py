"""The head of a correlated space: a matrix that is fitted to pairs in closed form, never trained by gradient."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from crossmodal.base.errors import InputError


class Canonical(nn.Module):
    """y = (x - mean) W, the canonically correlated layer of Dorfer et al. 2018 (End-to-end cross-modality retrieval with CCA
    projections and pairwise ranking loss, section 3.2). Until it is fitted it leaves the vectors as they are.

    Mean and matrix are part of a space's weights, but no parameters: an optimizer does not see them.
    """

    mean: Tensor
    matrix: Tensor

    def __init__(self, input: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(input))
        self.register_buffer("matrix", torch.eye(input))

    def forward(self, vectors: Tensor) -> Tensor:
        """(n, input) -> (n, input)."""
        with torch.autocast(vectors.device.type, enabled=False):
            return (vectors.float() - self.mean) @ self.matrix

    def set_projection(self, mean: Tensor, matrix: Tensor) -> None:
        """Takes a mean (input,) and a matrix (input, input). Raises InputError for other shapes or values that are not finite."""
        if mean.shape != self.mean.shape or matrix.shape != self.matrix.shape:
            raise InputError(
                f"expected a mean {tuple(self.mean.shape)} and a matrix {tuple(self.matrix.shape)}, "
                f"got {tuple(mean.shape)} and {tuple(matrix.shape)}; fit on vectors of this head's encoder"
            )
        if not (mean.isfinite().all() and matrix.isfinite().all()):
            raise InputError("expected a finite projection, got infinite or missing values; raise the regularization")
        self.mean.copy_(mean)
        self.matrix.copy_(matrix)
