"""Heads: what stands between an encoder's vector and the shared space, (n, input) -> (n, dimension).

Normalization to unit length belongs to the joint embedding, not to a head; a head whose vectors have a length that is meant says
`unit = False`.
"""

from __future__ import annotations

import torch
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


class Free(Identity):
    """The vectors as they are, of whatever length: proxies that are not normalized, a classifier's last layer."""

    unit = False


class Hash(nn.Module):
    """Values in (-1, 1) whose signs are the bits of a hash: tanh of a linear layer (Raffel 2016). Their length is meant, so that the
    joint embedding leaves them as they are.

    balanced: batch normalization before the tanh, which leaves each value a learned size and no offset, so that each bit is set about
    half of the time.
    """

    unit = False

    def __init__(self, input: int, dimension: int = 32, *, balanced: bool = False) -> None:
        super().__init__()
        self.linear = nn.Linear(input, dimension, bias=not balanced)
        self.balanced = nn.BatchNorm1d(dimension, affine=False) if balanced else None
        self.size = nn.Parameter(torch.ones(dimension)) if balanced else None

    def forward(self, vectors: Tensor) -> Tensor:
        """(n, input) -> (n, dimension) float32, whatever the autocast."""
        values: Tensor = self.linear(vectors).float()
        if self.balanced is not None and self.size is not None:
            values = self.balanced(values) * self.size
        return values.tanh()
