"""Networks over constant-Q frames, of recordings and of MIDI files alike: sequences to be hashed, and one vector of a whole track.

All of them take frames (n, 48, t) as `encoders.constant_q` makes them, zero where it is silent, and make the bins comparable by the mean
and deviation of each, which they gather while training. A vector is made for every 8 frames (371 ms).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from crossmodal.base.errors import InputError
from encoders.constant_q import BINS, FRAME_LENGTH, HOP, SAMPLE_RATE, ConstantQ
from encoders.context import Context, ResidualBlock, block_2d
from encoders.encoder import AudioEncoder, SequenceEncoder, WholeEncoder

STEP = 8  # frames a vector


class Standardize(nn.Module):
    """Frames (n, 48, t) by the deviation of each bin, and with `centred` without its mean: both are buffers that follow the batches."""

    mean: Tensor
    deviation: Tensor
    batches: Tensor

    def __init__(self, *, centred: bool) -> None:
        super().__init__()
        self.centred = centred
        self.register_buffer("mean", torch.zeros(BINS, 1))
        self.register_buffer("deviation", torch.full((BINS, 1), 0.15))
        self.register_buffer("batches", torch.zeros((), dtype=torch.long))

    def forward(self, frames: Tensor) -> Tensor:
        """In training after the buffers have moved towards the batch, by a hundredth at least."""
        if self.training:
            with torch.no_grad():
                share = max(0.01, 1 / (1 + int(self.batches)))
                deviation, mean = torch.std_mean(frames.float(), dim=(0, 2), correction=0)
                self.mean.lerp_(mean[:, None], share)
                self.deviation.lerp_(deviation[:, None].clamp_min(1e-3), share)
                self.batches += 1
        return (frames - self.mean) / self.deviation if self.centred else frames / self.deviation


class ConstantQEncoder(AudioEncoder):
    """Base: the front end. An item is a recording (a path, or samples at 22,050 Hz), or frames (t, 48) that were made of a MIDI file.

    rolls: whether the frames of MIDI files are to be piano rolls, made without any sound; else their synthesized sound.
    """

    def __init__(self, *, window: int, rolls: bool = False) -> None:
        super().__init__()
        self.rolls = rolls
        self.frontend = ConstantQ()
        self.sample_rate, self.frame_length, self.frame_hop = SAMPLE_RATE, FRAME_LENGTH, HOP
        self.window, self.hop = window, window // 2

    def prepare(self, item: object) -> Tensor:
        """-> frames (48, t). Raises InputError with the reason."""
        if isinstance(item, (str, Path)) and Path(item).suffix.lower() in (".mid", ".midi"):
            raise InputError(
                f"{item}: expected sound or frames, got MIDI; make them by crossmodal.applications.midi_features"
            )
        if not isinstance(item, np.ndarray) or item.ndim != 2:
            return super().prepare(item)  # type: ignore[arg-type]
        if item.shape[1] != BINS or not len(item) or not np.isfinite(item).all():
            raise InputError(f"frames: expected finite ones, (t, {BINS}), got {item.shape}; make them anew")
        return torch.from_numpy(np.array(item.T, np.float32, order="C"))

    def frames(self, samples: Tensor) -> Tensor:
        """(n, samples) -> (n, 48, frames) in [0, 1]."""
        found: Tensor = self.frontend(samples)
        return found


class _Front(nn.Sequential):
    """(n, 48, t) -> (n, width, ceil(t / 8)): 2-D layers that halve time thrice and pitch once, then all pitches joined."""

    def __init__(self, channels: Sequence[int], width: int) -> None:
        first, second, third = channels
        super().__init__(
            block_2d(1, first, stride=(1, 2)),
            block_2d(first, second, stride=(1, 2)),
            block_2d(second, third, stride=(2, 2)),
            nn.Flatten(1, 2),
            nn.Conv1d(third * BINS // 2, width, 1, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
        )
        self.to(memory_format=torch.channels_last)

    def forward(self, frames: Tensor) -> Tensor:
        padded = F.pad(frames, (0, -frames.shape[-1] % STEP))
        maps: Tensor = super().forward(padded[:, None].contiguous(memory_format=torch.channels_last))
        return maps


class ConstantQHash(SequenceEncoder, ConstantQEncoder):
    """Ours: 2-D layers, then a context of several seconds, so that a hash says what comes in which order.

    radius: steps of 8 frames (371 ms) that a vector gathers from on either side, to which four more are mixed in.
    """

    def __init__(
        self, *, channels: Sequence[int] = (16, 24, 32), width: int = 192, radius: int = 8, dropout: float = 0.1,
        window: int = 256, rolls: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(window=window, rolls=rolls)
        self.step, self.dimension = STEP, 2 * width
        self.standard = Standardize(centred=False)  # so that padding with zeros is silence
        self.front = _Front(channels, width)
        self.context = Context(width, radius=radius, kernel=3, dilations=(1, 2, 1), dropout=dropout)
        self.reach = STEP * (self.context.radius + 2)

    def along(self, windows: Tensor) -> Tensor:
        """(n, 48, frames) -> (n, steps, dimension)."""
        vectors: Tensor = self.context(self.front(self.standard(windows)))
        return vectors

    def layers(self) -> list[nn.Module]:
        """The 2-D layers, the joining of pitches, and the context."""
        return [*self.front, self.context]


class ConstantQHash2016(SequenceEncoder, ConstantQEncoder):
    """The hash network of Raffel's thesis (2016): two 3 x 3 convolutions and a pooling of time by 2, three times; two dense layers of
    2,048 at each step. The layer of 32 tanh units is the head `hash`. Rectified linear units throughout, frames z-scored.
    """

    def __init__(
        self, *, channels: Sequence[int] = (16, 32, 64), hidden: int = 2048, dropout: float = 0.5, window: int = 256, rolls: bool = False
    ) -> None:  # fmt: skip
        super().__init__(window=window, rolls=rolls)
        self.step, self.dimension = 2 ** len(channels), hidden
        self.standard = Standardize(centred=True)
        layers: list[nn.Module] = []
        before = 1
        for width in channels:
            convolutions = [
                nn.Conv2d(before, width, 3, padding=1),
                nn.ReLU(),
                nn.Conv2d(width, width, 3, padding=1),
                nn.ReLU(),
            ]
            layers.append(nn.Sequential(*convolutions, nn.MaxPool2d((1, 2))))
            before = width
        self.blocks = nn.Sequential(*layers)
        self.dense = nn.Sequential(
            nn.Conv1d(before * BINS, hidden, 1), nn.ReLU(), nn.Dropout(dropout),
            nn.Conv1d(hidden, hidden, 1), nn.ReLU(), nn.Dropout(dropout),
        )  # fmt: skip
        self.reach = 2 * (self.step - 1) + self.step

    def along(self, windows: Tensor) -> Tensor:
        """(n, 48, frames) -> (n, steps, dimension)."""
        padded = F.pad(windows, (0, -windows.shape[-1] % self.step))
        maps: Tensor = self.dense(self.blocks(self.standard(padded)[:, None]).flatten(1, 2))
        return maps.transpose(1, 2)

    def layers(self) -> list[nn.Module]:
        """The blocks of two convolutions, and the dense layers."""
        return [*self.blocks, self.dense[:3], self.dense[3:]]


class ConstantQPruning(WholeEncoder, ConstantQEncoder):
    """A whole track in one vector: every step is weighted by what is heard there, and their mean taken (feed-forward attention, Raffel &
    Ellis 2015; the pruning embedding of Raffel 2016 with our layers). Silent steps have no weight. The 128 tanh units are the head `hash`.

    heads: means of their own weights and channels, side by side.
    """

    def __init__(
        self, *, channels: Sequence[int] = (16, 24, 32), width: int = 128, heads: int = 8, window: int = 640, rolls: bool = False
    ) -> None:  # fmt: skip
        super().__init__(window=window, rolls=rolls)
        self.dimension, self.heads = 2 * width, heads
        self.standard = Standardize(centred=False)
        self.front = _Front(channels, width)
        self.mix = nn.Sequential(*(ResidualBlock(width, kernel=5, dilation=dilation) for dilation in (1, 2)))
        self.scores = nn.Conv1d(width, heads, 1)
        self.values = nn.Conv1d(width, 2 * width, 1)

    def described(self, windows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(n, 48, frames) -> scores (n, heads, steps), values (n, heads, dimension / heads, steps), and which steps sound (n, steps)."""
        maps = self.mix(self.front(self.standard(windows)))
        sounding = F.max_pool1d(windows.amax(dim=1), STEP, STEP, ceil_mode=True) > 0
        scores = 4 * torch.tanh(self.scores(maps).float() / 4)
        return scores, self.values(maps).float().unflatten(1, (self.heads, -1)), sounding

    def pool(self, windows: Tensor) -> Tensor:
        """(n, 48, frames) -> (n, dimension)."""
        scores, values, sounding = self.described(windows)
        sounding = sounding | ~sounding.any(dim=1, keepdim=True)
        weights = scores.masked_fill(~sounding[:, None], -torch.inf).softmax(dim=-1)
        return torch.einsum("nhs,nhcs->nhc", weights, values).flatten(1)

    def layers(self) -> list[nn.Module]:
        """The 2-D layers, the joining of pitches, the mixing of steps, and the attention."""
        return [*self.front, self.mix, nn.ModuleList([self.scores, self.values])]
