"""Convolutional networks on log-mel spectrograms: a 2-D one of the VGG/FCN family and the 1-D one of Choi
2019.

Input of `forward`: (n, bands, frames), standardized by a fixed mean and deviation; output (n, dimension).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from crossmodal.base.errors import RecipeError
from encoders.convolutional import ConvolutionalEncoder, activation_of
from encoders.encoder import AudioEncoder
from encoders.frontends import LogMel
from encoders.pooling import AutoPool, pooling_of


class MelEncoder(AudioEncoder):
    """Base of the encoders that look at standardized log-mel windows.

    window_seconds: what one vector sees; hop_seconds: between windows at inference, half a window by default;
    mean, deviation: of log10(1 + 10 S) over music (Lee et al. 2020: 0.2 and 0.25).
    """

    def __init__(
        self,
        *,
        sample_rate: int,
        fft: int,
        frame_hop: int,
        bands: int,
        lowest_hertz: float,
        highest_hertz: float | None,
        window_seconds: float,
        hop_seconds: float | None,
        mean: float,
        deviation: float,
    ) -> None:
        super().__init__()
        self.frontend = LogMel(
            sample_rate=sample_rate,
            fft=fft,
            hop=frame_hop,
            bands=bands,
            lowest_hertz=lowest_hertz,
            highest_hertz=highest_hertz,
        )
        self.sample_rate, self.frame_length, self.frame_hop, self.bands = sample_rate, fft, frame_hop, bands
        self.mean, self.deviation = mean, deviation
        frames_per_second = sample_rate / frame_hop
        self.window = math.ceil(window_seconds * frames_per_second)
        seconds = window_seconds / 2 if hop_seconds is None else hop_seconds
        self.hop = max(1, round(seconds * frames_per_second))

    def frames(self, samples: Tensor) -> Tensor:
        """(batch, samples) -> (batch, bands, frames), standardized."""
        return (self.frontend(samples) - self.mean) / self.deviation


class MelCnn(MelEncoder, ConvolutionalEncoder):
    """2-D fully convolutional network (Choi, Fazekas & Sandler 2016), mean and max over time.

    channels: width of each block; pools: (frequency, time) max-pooling after each block; first_kernel,
    first_stride: the first convolution, where a stride saves most of the work, for the first layers cost
    the most. The frequency axis that is left is joined to the channels, so that register is kept, and mixed
    by a 1-D convolution of width 1. dropout: on whole channels after each block but the first, and before
    the output.
    """

    def __init__(
        self,
        *,
        sample_rate: int = 22050,
        fft: int = 1024,
        frame_hop: int = 512,
        bands: int = 96,
        lowest_hertz: float = 30.0,
        highest_hertz: float | None = None,
        window_seconds: float = 5.0,
        hop_seconds: float | None = None,
        mean: float = 0.2,
        deviation: float = 0.25,
        channels: Sequence[int] = (32, 64, 96, 128),
        pools: Sequence[Sequence[int]] = ((1, 1), (2, 2), (2, 2), (2, 2)),
        first_kernel: int = 5,
        first_stride: Sequence[int] = (2, 4),
        activation: str = "relu",
        dropout: float = 0.0,
        dimension: int = 256,
    ) -> None:
        super().__init__(
            sample_rate=sample_rate,
            fft=fft,
            frame_hop=frame_hop,
            bands=bands,
            lowest_hertz=lowest_hertz,
            highest_hertz=highest_hertz,
            window_seconds=window_seconds,
            hop_seconds=hop_seconds,
            mean=mean,
            deviation=deviation,
        )
        self.build_network(
            bands=bands,
            channels=channels,
            pools=pools,
            first_kernel=first_kernel,
            first_stride=first_stride,
            activation=activation,
            dropout=dropout,
            dimension=dimension,
        )


class StrongerLogarithm(nn.Module):
    """log(1 + gain * 10 S) of the frames log10(1 + 10 S), then each band at mean 0 and deviation 1 over the training.

    With the frames as they are, bands above 3 kHz stay near the silence that they are standardized to; a voice's upper formants are there.
    """

    def __init__(self, *, gain: float, bands: int, mean: float, deviation: float) -> None:
        super().__init__()
        self.gain, self.mean, self.deviation = gain, mean, deviation
        self.standardize = nn.BatchNorm1d(bands)

    def forward(self, frames: Tensor) -> Tensor:
        """(n, bands, frames) -> the same shape."""
        magnitude = torch.exp((frames * self.deviation + self.mean) * math.log(10)) - 1
        standardized: Tensor = self.standardize(torch.log1p(self.gain * magnitude.clamp_min(0)))
        return standardized


class MelCnn1d(MelEncoder):
    """1-D convolutions along time over all mel bands (Choi et al. 2019, section 4.1), mean over time.

    channels, kernels, pools: one entry a layer; the layer of `dimension` filters of length 1 follows.
    Defaults are the paper's: 128 of length 4 with pooling 4 three times, 128 of length 2 with pooling 2,
    100 of length 1. The last layer has no non-linearity, for the words it is compared with have negative
    coordinates too. Lee & Nam 2019 (voices): lengths and poolings of 3, "leaky-relu", 256 of length 1.
    pooling: over time, "mean" or "auto" (`encoders.pooling`).
    log_gain: a stronger logarithm and each band standardized before the first layer (`StrongerLogarithm`); 0: neither.
    """

    def __init__(
        self,
        *,
        sample_rate: int = 22050,
        fft: int = 1024,
        frame_hop: int = 512,
        bands: int = 128,
        lowest_hertz: float = 0.0,
        highest_hertz: float | None = None,
        window_seconds: float = 3.0,
        hop_seconds: float | None = None,
        mean: float = 0.2,
        deviation: float = 0.25,
        channels: Sequence[int] = (128, 128, 128, 128),
        kernels: Sequence[int] = (4, 4, 4, 2),
        pools: Sequence[int] = (4, 4, 4, 2),
        activation: str = "relu",
        dropout: float = 0.0,
        log_gain: float = 0.0,
        pooling: str = "mean",
        dimension: int = 100,
    ) -> None:
        super().__init__(
            sample_rate=sample_rate,
            fft=fft,
            frame_hop=frame_hop,
            bands=bands,
            lowest_hertz=lowest_hertz,
            highest_hertz=highest_hertz,
            window_seconds=window_seconds,
            hop_seconds=hop_seconds,
            mean=mean,
            deviation=deviation,
        )
        if not len(channels) == len(kernels) == len(pools):
            raise RecipeError(
                f"expected as many kernels and pools as channels; got {len(channels)} channels, "
                f"{len(kernels)} kernels, "
                f"{len(pools)} pools; make them equal"
            )
        if math.prod(pools) > self.window:
            raise RecipeError(
                f"expected pools whose product is at most the window of {self.window} frames; got "
                f"{list(pools)}; pool less"
            )
        if log_gain < 0:
            raise RecipeError(f"log_gain: expected 0 (off) or more, got {log_gain:g}; 100 suits voices")
        self.louder = (
            StrongerLogarithm(gain=log_gain, bands=bands, mean=mean, deviation=deviation) if log_gain else nn.Identity()
        )
        self.dimension = dimension
        inputs = [bands, *channels[:-1]]
        self.blocks = nn.Sequential(
            *(
                nn.Sequential(
                    # As Keras' "same": an even kernel is padded once more on the right.
                    nn.ConstantPad1d(((kernel - 1) // 2, kernel // 2), 0.0),
                    nn.Conv1d(before, after, kernel, bias=False),
                    nn.BatchNorm1d(after),
                    activation_of(activation),
                    nn.MaxPool1d(pool),
                    nn.Dropout(dropout),
                )
                for before, after, kernel, pool in zip(inputs, channels, kernels, pools, strict=True)
            )
        )
        self.output = nn.Conv1d(channels[-1], dimension, 1)
        self.pool = pooling_of(pooling, dimension)

    def forward(self, batch: Tensor) -> Tensor:  # type: ignore[override]
        """(n, bands, frames) -> (n, dimension)."""
        vectors: Tensor = self.pool(self.output(self.blocks(self.louder(batch))))
        return vectors

    def layers(self) -> list[nn.Module]:
        """The stronger logarithm where there is one, the convolution blocks and the output convolution."""
        first = [self.louder] if isinstance(self.louder, StrongerLogarithm) else []
        last = [self.pool] if isinstance(self.pool, AutoPool) else []
        return [*first, *self.blocks, self.output, *last]
