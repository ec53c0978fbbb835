"""The 2-D fully convolutional network that encoders of spectrograms share: blocks of convolution, pooling and activation.

Input of `forward`: (n, bands, frames), standardized by a fixed mean and deviation; output (n, dimension).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from crossmodal.base.errors import RecipeError
from encoders.encoder import AudioEncoder


def activation_of(name: str) -> nn.Module:
    """A fresh activation layer: "relu", "elu" or "leaky-relu" (slope 0.2)."""
    known: dict[str, Callable[[], nn.Module]] = {
        "relu": nn.ReLU, "elu": nn.ELU, "leaky-relu": functools.partial(nn.LeakyReLU, 0.2),
    }  # fmt: skip
    if name not in known:
        raise RecipeError(f"expected activation to be {', '.join(known)}; got {name!r}; choose one of them")
    return known[name]()


class ConvolutionalEncoder(AudioEncoder):
    """A 2-D fully convolutional network on standardized windows (n, bands, frames), mean and max over time; see `MelCnn`."""

    def build_network(
        self, *, bands: int, channels: Sequence[int], pools: Sequence[Sequence[int]], first_kernel: int,
        first_stride: Sequence[int], activation: str, dropout: float, dimension: int,
    ) -> None:  # fmt: skip
        """The layers. `window` is set. Raises RecipeError where strides and pooling leave nothing."""
        self.dimension = dimension
        self.blocks = _blocks(
            channels,
            pools,
            first_kernel=first_kernel,
            first_stride=first_stride,
            activation=activation,
            dropout=dropout,
        )
        height, width = _size_after(bands, self.window, pools, first_stride)
        if min(height, width) < 1:
            raise RecipeError(
                f"expected {bands} bands and {self.window} frames to survive strides and pooling; "
                "got an empty map; pool less or lengthen the window"
            )
        self.mix = nn.Sequential(
            nn.Conv1d(channels[-1] * height, dimension, 1, bias=False),
            nn.BatchNorm1d(dimension),
            activation_of(activation),
        )
        self.output = nn.Sequential(nn.Dropout(dropout), nn.Linear(2 * dimension, dimension))
        self.to(memory_format=torch.channels_last)

    def forward(self, batch: Tensor) -> Tensor:  # type: ignore[override]
        """(n, bands, frames) -> (n, dimension)."""
        maps = self.blocks(batch[:, None].contiguous(memory_format=torch.channels_last))
        times = self.mix(maps.flatten(1, 2))
        vectors: Tensor = self.output(torch.cat([times.mean(dim=-1), times.amax(dim=-1)], dim=-1))
        return vectors

    def layers(self) -> list[nn.Module]:
        """The blocks, the mixing layer and the output layer."""
        return [*self.blocks, self.mix, self.output]


def _size_after(
    height: int, width: int, pools: Sequence[Sequence[int]], first_stride: Sequence[int]
) -> tuple[int, int]:
    """Size of the map (frequency, time) after the strided convolution and all pools."""
    height, width = (height - 1) // first_stride[0] + 1, (width - 1) // first_stride[1] + 1
    for pool in pools:
        height, width = height // pool[0], width // pool[1]
    return height, width


def _blocks(
    channels: Sequence[int],
    pools: Sequence[Sequence[int]],
    *,
    first_kernel: int,
    first_stride: Sequence[int],
    activation: str,
    dropout: float,
) -> nn.Sequential:
    if len(pools) != len(channels):
        raise RecipeError(
            f"expected one pooling per block; got {len(pools)} for {len(channels)} channels; make them equal"
        )
    if first_kernel % 2 == 0:
        raise RecipeError(f"expected an odd first_kernel; got {first_kernel}; use {first_kernel + 1}")
    inputs = [1, *channels[:-1]]
    return nn.Sequential(
        *(
            _block(
                before,
                after,
                kernel=3 if index else first_kernel,
                stride=(1, 1) if index else first_stride,
                pool=pool,
                activation=activation,
                dropout=dropout if index else 0.0,
            )
            for index, (before, after, pool) in enumerate(zip(inputs, channels, pools, strict=True))
        )
    )


def _block(
    before: int,
    after: int,
    *,
    kernel: int,
    stride: Sequence[int],
    pool: Sequence[int],
    activation: str,
    dropout: float,
) -> nn.Sequential:
    parts: list[nn.Module] = [
        nn.Conv2d(before, after, kernel, stride=(stride[0], stride[1]), padding=kernel // 2, bias=False),
        nn.BatchNorm2d(after),
    ]
    if max(pool) > 1:
        parts.append(nn.MaxPool2d((pool[0], pool[1])))
    # After the pooling, on a quarter of the values: both activations rise with their input, so nothing else changes.
    parts.append(activation_of(activation))
    if dropout:
        parts.append(nn.Dropout2d(dropout))
    return nn.Sequential(*parts)
