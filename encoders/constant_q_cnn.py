"""Recordings as eight octaves of semitones -> vectors: the audio tower of album covers (Oramas et al. 2018)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from crossmodal.base.errors import RecipeError
from encoders.constant_q import ConstantQ
from encoders.convolutional import ConvolutionalEncoder

_LEVEL = (
    100.0  # a magnitude S of the front end is seen as log10(1 + 10 * _LEVEL * S): 60 dB below full scale still shows
)


class ConstantQCnn(ConvolutionalEncoder):
    """The network of `MelCnn` on a constant-Q of `bins` semitones from MIDI pitch `lowest` (C1).

    window: frames of 46.4 ms that one vector sees (322: 15 s, with 96 bins the patch of Oramas et al. 2018); hop: frames between windows at
    inference, half a window by default; mean, deviation: of log10(1 + 1000 S) over music (340
    recordings of the demo collection).
    """

    def __init__(
        self, *, lowest: int = 24, bins: int = 96, window: int = 322, hop: int | None = None, mean: float = 0.47,
        deviation: float = 0.51, channels: Sequence[int] = (32, 64, 96, 128),
        pools: Sequence[Sequence[int]] = ((1, 1), (2, 2), (2, 2), (2, 2)), first_kernel: int = 5,
        first_stride: Sequence[int] = (2, 4), activation: str = "relu", dropout: float = 0.0, dimension: int = 256,
    ) -> None:  # fmt: skip
        super().__init__()
        if window < 1 or (hop is not None and hop < 1):
            raise RecipeError(f"constant-q-cnn: expected a window and a hop of 1 frame or more, got {window} and {hop}")
        self.frontend = ConstantQ(lowest=lowest, bins=bins)
        self.sample_rate, self.frame_hop = self.frontend.sample_rate, self.frontend.hop
        self.frame_length = self.frontend.frame_length
        self.window, self.hop = window, max(1, window // 2) if hop is None else hop
        self.mean, self.deviation = mean, deviation
        self.build_network(
            bands=bins, channels=channels, pools=pools, first_kernel=first_kernel, first_stride=first_stride,
            activation=activation, dropout=dropout, dimension=dimension,
        )  # fmt: skip

    def frames(self, samples: Tensor) -> Tensor:
        """(batch, samples) -> (batch, bins, frames), standardized."""
        magnitude = self.frontend.magnitude(samples)
        return (torch.log10(1 + 10 * _LEVEL * magnitude) - self.mean) / self.deviation
