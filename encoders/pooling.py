"""Pooling of a sequence over time, (n, channels, t) -> (n, channels)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from crossmodal.base.errors import RecipeError


class AutoPool(nn.Module):
    """z = sum_t x_t e^(a x_t) / sum_t e^(a x_t), with a learned a for each channel: 0 is the mean, 1 the soft maximum, beyond the maximum.

    McFee, Salamon, Bello: Adaptive Pooling Operators for Weakly Labeled Sound Event Detection, TASLP 2018, eq. 6; used for music by Pretet,
    Richard & Peeters 2020. a starts at 0, so that training begins with the mean.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.sharpness = nn.Parameter(torch.zeros(channels, 1))

    def forward(self, maps: Tensor) -> Tensor:
        """(n, channels, t) -> (n, channels)."""
        shares: Tensor = torch.softmax(self.sharpness * maps, dim=-1)
        return (maps * shares).sum(dim=-1)


class MeanPool(nn.Module):
    """The mean over time."""

    def forward(self, maps: Tensor) -> Tensor:
        """(n, channels, t) -> (n, channels)."""
        return maps.mean(dim=-1)


def pooling_of(name: str, channels: int) -> nn.Module:
    """A fresh pooling layer: "mean" or "auto". Raises RecipeError."""
    if name == "mean":
        return MeanPool()
    if name == "auto":
        return AutoPool(channels)
    raise RecipeError(f"pooling: expected mean or auto, got {name!r}")
