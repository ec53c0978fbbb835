"""Heads: what stands between an encoder's vector and the shared space, (n, input) -> (n, dimension).

Normalization to unit length belongs to the joint embedding, not to a head.
"""

from __future__ import annotations

from torch import Tensor, nn


class Linear(nn.Linear):
    """One matrix with bias, (n, input) -> (n, dimension)."""

    def __init__(self, input: int, dimension: int) -> None:
        super().__init__(input, dimension)


class Projection(nn.Sequential):
    """Linear, batch normalization, ReLU, dropout, linear: the projector of contrastive learning (Chen et
    al. 2020, SimCLR, section 2).

    hidden: width of the middle layer, `input` by default; dropout: probability before the last layer.
    """

    def __init__(self, input: int, dimension: int, *, hidden: int | None = None, dropout: float = 0.0) -> None:
        width = hidden or input
        super().__init__(
            nn.Linear(input, width),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(width, dimension),
        )


class Identity(nn.Module):
    """The vectors as they are."""

    def __init__(self, input: int) -> None:
        super().__init__()
        self.dimension = input

    def forward(self, vectors: Tensor) -> Tensor:
        """(n, input) -> the same."""
        return vectors
