"""Networks on raw samples: SampleCNN (Lee, Park, Kim & Nam 2017) and ReSE-2-Multi (Kim, Lee & Nam 2018).

Input of `forward`: (n, window) mono samples, not normalized; output (n, dimension). A "frame" is one sample.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from crossmodal.base.errors import RecipeError
from encoders.encoder import AudioEncoder


class WaveformEncoder(AudioEncoder):
    """Base of the sample-level encoders: windows of samples as they are.

    hop_seconds: between windows at inference, a whole window by default.
    """

    def __init__(self, *, sample_rate: int, window: int, hop_seconds: float | None) -> None:
        super().__init__()
        self.sample_rate, self.frame_length, self.frame_hop = sample_rate, 1, 1
        self.window = window
        self.hop = window if hop_seconds is None else max(1, round(hop_seconds * sample_rate))

    def frames(self, samples: Tensor) -> Tensor:
        """(batch, samples) -> the same; non-finite samples count as silence."""
        return torch.nan_to_num(samples.float(), nan=0.0, posinf=0.0, neginf=0.0)


def _convolution(before: int, after: int, kernel: int) -> nn.Sequential:
    """Convolution that keeps the length, with bias, then batch normalization; an even kernel is padded on
    the right.
    """
    return nn.Sequential(
        nn.ConstantPad1d(((kernel - 1) // 2, kernel // 2), 0.0),
        nn.Conv1d(before, after, kernel),
        nn.BatchNorm1d(after),
    )


class SampleCnn(WaveformEncoder):
    """SampleCNN m^n (Lee et al. 2017, table 1; the default is 3^9 on 59,049 samples).

    A strided convolution, then per block a convolution, batch normalization, ReLU and max-pooling, then a
    convolution of length 1 and dropout. length: of filters, strides and pools (m); channels: width of the
    strided convolution's blocks (n of them); first: width of the strided convolution; window = m^(n + 1)
    samples; dimension: width of the last convolution. With a layer of 50 tags the default has 2,454,066
    weights and 6,400 of batch normalization.
    """

    def __init__(
        self,
        *,
        sample_rate: int = 22050,
        length: int = 3,
        first: int = 128,
        channels: Sequence[int] = (128, 128, 256, 256, 256, 256, 256, 512, 512),
        dimension: int = 512,
        dropout: float = 0.5,
        hop_seconds: float | None = None,
    ) -> None:
        if length < 2 or not channels:
            raise RecipeError(
                f"expected length of 2 at least and one channel at least; got {length} and {list(channels)}; raise them"
            )
        super().__init__(sample_rate=sample_rate, window=length ** (len(channels) + 1), hop_seconds=hop_seconds)
        self.dimension = dimension
        self.strided = nn.Sequential(nn.Conv1d(1, first, length, stride=length), nn.BatchNorm1d(first), nn.ReLU())
        inputs = [first, *channels[:-1]]
        self.blocks = nn.Sequential(
            *(
                nn.Sequential(_convolution(before, after, length), nn.ReLU(), nn.MaxPool1d(length))
                for before, after in zip(inputs, channels, strict=True)
            )
        )
        self.output = nn.Sequential(_convolution(channels[-1], dimension, 1), nn.ReLU(), nn.Dropout(dropout))

    def forward(self, batch: Tensor) -> Tensor:  # type: ignore[override]
        """(n, samples) -> (n, dimension); a longer input than the window is averaged over time."""
        return self.output(self.blocks(self.strided(batch[:, None]))).mean(dim=-1)

    def layers(self) -> list[nn.Module]:
        """The strided convolution, the blocks, the last convolution."""
        return [self.strided, *self.blocks, self.output]


class SqueezeExcitation(nn.Module):
    """Channel gates from the channels' means (Hu et al. 2018), here widened in between rather than
    narrowed.
    """

    def __init__(self, channels: int, widening: int) -> None:
        super().__init__()
        self.gates = nn.Sequential(
            nn.Linear(channels, channels * widening),
            nn.ReLU(),
            nn.Linear(channels * widening, channels),
            nn.Sigmoid(),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """(n, channels, time) -> the same, each channel times its gate in (0, 1)."""
        return maps * self.gates(maps.mean(dim=-1))[..., None]


class ReSEBlock(nn.Module):
    """Two convolutions with dropout between, squeeze-and-excitation, shortcut, ReLU, pooling by 3 (figure
    1, ReSE-2).
    """

    def __init__(self, before: int, after: int, *, widening: int, dropout: float) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            _convolution(before, after, 3), nn.ReLU(), nn.Dropout(dropout), _convolution(after, after, 3)
        )
        self.excitation = SqueezeExcitation(after, widening)
        self.shortcut = nn.Identity() if before == after else _convolution(before, after, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """(n, before, time) -> (n, after, time // 3)."""
        joined = self.excitation(self.convolutions(maps)) + self.shortcut(maps)
        return nn.functional.max_pool1d(nn.functional.relu(joined), 3)


class ReSE2Multi(WaveformEncoder):
    """ReSE-2-Multi (Kim, Lee & Nam 2018): nine ReSE-2 blocks; the last three, max-pooled over time, are
    joined.

    channels: width of each block (doubled at blocks 3 and 9); first: width of the strided convolution;
    widening: of the squeeze-and-excitation; window = 3^(blocks + 1) samples; dimension: of the dense layer,
    by default the joined width.
    """

    def __init__(
        self,
        *,
        sample_rate: int = 22050,
        first: int = 128,
        channels: Sequence[int] = (128, 128, 256, 256, 256, 256, 256, 256, 512),
        widening: int = 16,
        block_dropout: float = 0.2,
        dropout: float = 0.5,
        dimension: int | None = None,
        hop_seconds: float | None = None,
    ) -> None:
        if len(channels) < 3:
            raise RecipeError(f"expected three blocks at least; got channels {list(channels)}; add some")
        super().__init__(sample_rate=sample_rate, window=math.prod([3] * (len(channels) + 1)), hop_seconds=hop_seconds)
        self.strided = nn.Sequential(nn.Conv1d(1, first, 3, stride=3), nn.BatchNorm1d(first), nn.ReLU())
        inputs = [first, *channels[:-1]]
        self.blocks = nn.ModuleList(
            ReSEBlock(before, after, widening=widening, dropout=block_dropout)
            for before, after in zip(inputs, channels, strict=True)
        )
        joined = sum(channels[-3:])
        self.dimension = dimension or joined
        self.output = nn.Sequential(
            nn.Linear(joined, self.dimension), nn.BatchNorm1d(self.dimension), nn.ReLU(), nn.Dropout(dropout)
        )

    def forward(self, batch: Tensor) -> Tensor:  # type: ignore[override]
        """(n, samples) -> (n, dimension)."""
        maps = self.strided(batch[:, None])
        levels = []
        for block in self.blocks:
            maps = block(maps)
            levels.append(maps.amax(dim=-1))
        return self.output(torch.cat(levels[-3:], dim=-1))

    def layers(self) -> list[nn.Module]:
        """The strided convolution, the blocks, the dense layer."""
        return [self.strided, *self.blocks, self.output]
