"""Parts of the networks that describe each place of a sequence by what lies around it: (n, channels, steps) in and out."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ResidualBlock(nn.Module):
    """Depthwise convolution along the sequence, then a small network at each step (Liu et al. 2022, ConvNeXt), added to the input."""

    def __init__(self, channels: int, *, kernel: int, dilation: int) -> None:
        super().__init__()
        padding = dilation * (kernel // 2)
        self.mix = nn.Conv1d(channels, channels, kernel, padding=padding, dilation=dilation, groups=channels)
        self.norm = nn.BatchNorm1d(channels)
        self.wide = nn.Conv1d(channels, 2 * channels, 1)
        self.narrow = nn.Conv1d(2 * channels, channels, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """(n, channels, steps) -> the same."""
        update: Tensor = self.narrow(F.gelu(self.wide(self.norm(self.mix(maps)))))
        return maps + update


class WindowAttention(nn.Module):
    """Each step gathers from `radius` steps on either side: per head a learned query, weighted by content and by relative place.

    What a vector says is then both what sounds around it and in which order, and the work is shared by overlapping windows.
    """

    def __init__(self, channels: int, *, radius: int, heads: int = 16, width: int = 32) -> None:
        super().__init__()
        self.radius, self.heads, self.width = radius, heads, width
        self.values = nn.Conv1d(channels, heads * width, 1)
        self.scores = nn.Conv1d(channels, heads, 1)
        places = torch.linspace(-1, 1, 2 * radius + 1)
        # Heads begin as windows of their own place and width, so that order counts from the first step.
        centres = torch.linspace(-0.9, 0.9, heads)[:, None]
        self.places = nn.Parameter(-((places - centres) ** 2) / (2 * 0.15**2))
        self.output = nn.Conv1d(heads * width + channels, channels * 2, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """(n, channels, steps) -> (n, 2 * channels, steps)."""
        count, _, steps = maps.shape
        # The weight of place t + s is exp(place[s] + score[t + s]): a product, so that the softmax is one matrix over the sequence.
        content = (4 * torch.tanh(self.scores(maps).float() / 4)).exp()[:, :, None]  # (n, heads, 1, steps)
        values = self.values(maps).view(count, self.heads, self.width, steps)
        near = self._near(steps).to(values.dtype)
        gathered = (values * content.to(values.dtype)) @ near
        total = content.to(near.dtype) @ near
        mean = (gathered / total.clamp_min(1e-6).to(gathered.dtype)).reshape(count, -1, steps)
        output: Tensor = self.output(torch.cat([mean, maps], dim=1))
        return F.gelu(output)

    def _near(self, steps: int) -> Tensor:
        """(heads, from, to): exp of the weight of a place for another one, zero beyond the radius."""
        place = torch.arange(steps, device=self.places.device)
        away = place[:, None] - place
        weights = self.places.exp()[:, (away + self.radius).clamp(0, 2 * self.radius)]
        return weights * (away.abs() <= self.radius)


class Context(nn.Module):
    """Residual blocks and a window attention: (n, channels, steps) -> (n, steps, 2 * channels)."""

    def __init__(
        self,
        channels: int,
        *,
        radius: int,
        kernel: int = 5,
        dilations: tuple[int, ...] = (1, 2, 1),
        dropout: float = 0.0,
    ):
        super().__init__()
        self.blocks = nn.Sequential(*(ResidualBlock(channels, kernel=kernel, dilation=d) for d in dilations))
        self.dropout = nn.Dropout(dropout)
        self.gather = WindowAttention(channels, radius=radius)
        self.radius = radius + sum(d * (kernel // 2) for d in dilations)

    def forward(self, maps: Tensor) -> Tensor:
        """(n, channels, steps) -> (n, steps, 2 * channels)."""
        gathered: Tensor = self.gather(self.dropout(self.blocks(maps)))
        return gathered.transpose(1, 2)


def block_2d(
    channels_in: int, channels_out: int, *, kernel: int = 3, stride: tuple[int, int] = (1, 1), elu: bool = False
) -> nn.Sequential:
    """Convolution, batch normalization and a rectified (elu: exponential, several times slower in bfloat16) linear unit."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, kernel, stride=stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ELU() if elu else nn.ReLU(inplace=True),
    )
