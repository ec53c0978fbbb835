"""Networks on raw samples: SampleCNN (Lee, Park, Kim & Nam 2017) of any size and ReSE-2-Multi (Kim, Lee & Nam 2018).

Input of `forward`: (n, window) mono samples, not normalized; output (n, dimension). A "frame" is one sample.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from crossmodal.base.errors import InputError, RecipeError
from encoders.encoder import AudioEncoder

BLOCKS = 9  # of the 3^9 model


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


def _lengths(
    length: int, blocks: int | None, strides: Sequence[int] | None, channels: Sequence[int] | None
) -> list[int]:
    """Of the strided convolution and of each block. RecipeError where the arguments contradict each other."""
    given = {} if blocks is None else {"blocks": blocks}
    if strides is not None:
        given["strides"] = len(strides) - 1
    if channels is not None:
        given["channels"] = len(channels)
    if len(set(given.values())) > 1:
        told = ", ".join(f"{name}: {count}" for name, count in given.items())
        raise RecipeError(f"expected one number of blocks; got {told}; leave all but one out")
    found = [length] * (next(iter(given.values()), BLOCKS) + 1) if strides is None else list(strides)
    if len(found) < 2 or min(found) < 2:
        raise RecipeError(
            f"expected lengths of 2 at least and one block at least; got {found} (the first of the strided convolution); raise them"
        )
    return found


def usual_channels(blocks: int) -> list[int]:
    """Channels of the blocks by the rule of 3^9: 128 twice, then 256, and 512 for the last two."""
    narrow, wide = min(2, blocks), min(2, max(0, blocks - 2))
    return [128] * narrow + [256] * (blocks - narrow - wide) + [512] * wide


def mixed_strides(samples: int, *, layers: int = BLOCKS + 1) -> list[int]:
    """Lengths of 2 to 5, larger ones first, whose product is the nearest to `samples` by ratio: the same depth for other windows.

    59,049 samples at 22,050 Hz are 5,356 at 2,000 Hz: 3, 3, 3, 3, 2, 2, 2, 2, 2, 2 (5,184). InputError where no product is within a tenth.
    """
    mixes = itertools.combinations_with_replacement((5, 4, 3, 2), layers)
    best = min(mixes, key=lambda mix: (abs(math.log(math.prod(mix) / samples)), mix)) if samples > 0 else ()
    if not best or abs(math.prod(best) / samples - 1) > 0.1:
        raise InputError(
            f"expected {2**layers} to {5**layers} samples for {layers} layers of lengths 2 to 5, got {samples}; change the rate"
        )
    return list(best)


class SampleCnn(WaveformEncoder):
    """SampleCNN m^n (Lee et al. 2017, table 1; the default is 3^9 on 59,049 samples).

    A strided convolution, then per block a convolution, batch normalization, ReLU and max-pooling, then a
    convolution of length 1 and dropout. length (m): of filters, strides and pools; blocks (n): 9 by default.
    Lee & Nam 2017 aggregate 2^13, 2^14, 3^8, 3^9, 4^6, 4^7, 5^5 and 5^6 (length, blocks). strides: in place of
    both, one length for the strided convolution and one for each block: a mix of 2 to 5 keeps depth and seconds
    at other sampling rates (`mixed_strides`; Lee et al. 2018); a first one of 256 or 512 makes frames of the
    samples (Dieleman & Schrauwen 2014). first: width of the strided convolution; channels: of the blocks, by
    default 128 twice, then 256, and 512 for the last two; dimension: of the last convolution. A window is as
    many samples as the product of all lengths. With a layer of 50 tags the default has 2,454,066 weights and
    6,400 of batch normalization. RecipeError for arguments that contradict each other.
    """

    def __init__(
        self,
        *,
        sample_rate: int = 22050,
        length: int = 3,
        blocks: int | None = None,
        strides: Sequence[int] | None = None,
        first: int = 128,
        channels: Sequence[int] | None = None,
        dimension: int = 512,
        dropout: float = 0.5,
        hop_seconds: float | None = None,
    ) -> None:
        lengths = _lengths(length, blocks, strides, channels)
        widths = list(channels) if channels is not None else usual_channels(len(lengths) - 1)
        super().__init__(sample_rate=sample_rate, window=math.prod(lengths), hop_seconds=hop_seconds)
        self.dimension = dimension
        self.strided = nn.Sequential(
            nn.Conv1d(1, first, lengths[0], stride=lengths[0]), nn.BatchNorm1d(first), nn.ReLU()
        )
        inputs = [first, *widths[:-1]]
        self.blocks = nn.Sequential(
            *(
                nn.Sequential(_convolution(before, after, size), nn.ReLU(), nn.MaxPool1d(size))
                for before, after, size in zip(inputs, widths, lengths[1:], strict=True)
            )
        )
        self.output = nn.Sequential(_convolution(widths[-1], dimension, 1), nn.ReLU(), nn.Dropout(dropout))

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
