"""Augmentation in training: what changes a sound (or a picture, `crossmodal.picture_augmentation`) and not what it is. Batched tensors in
and out.

All randomness comes from the given generator, so that a resumed training draws what it would have drawn.
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from crossmodal.base.errors import RecipeError
from encoders.encoder import Encoder

AUGMENTATIONS = {
    "delay": "crossmodal.waveform_augmentation:Delay",
    "equalize": "crossmodal.augmentation:Equalize",
    "filter": "crossmodal.waveform_augmentation:Filter",
    "gain": "crossmodal.waveform_augmentation:Gain",
    "mask": "crossmodal.augmentation:Mask",
    "noise": "crossmodal.waveform_augmentation:Noise",
    "pitch-shift": "crossmodal.waveform_augmentation:PitchShift",
    "polarity": "crossmodal.waveform_augmentation:Polarity",
    "recolour": "crossmodal.picture_augmentation:Recolour",
    "reframe": "crossmodal.picture_augmentation:Reframe",
    "reverberate": "crossmodal.waveform_augmentation:Reverberate",
    "shorten": "crossmodal.augmentation:Shorten",
}


class Augmentation(nn.Module):
    """Base of all. modality: of the encoders whose inputs it changes."""

    modality: ClassVar[str]

    def forward(self, windows: Tensor, generator: torch.Generator) -> Tensor:
        """Inputs of an encoder (n, ...) -> the same shape."""
        raise NotImplementedError  # abstract


class SpectrogramAugmentation(Augmentation):
    """Base of those that work on log-mel windows: knows how to get back to magnitudes."""

    modality = "audio"

    def __init__(self, *, encoder: Encoder) -> None:
        super().__init__()
        mean, deviation = getattr(encoder, "mean", None), getattr(encoder, "deviation", None)
        if not isinstance(mean, float) or not isinstance(deviation, float):
            raise RecipeError(
                f"{type(self).__name__}: expected an encoder of log-mel windows, got {type(encoder).__name__}; leave the augmentation out"
            )
        self.mean, self.deviation = mean, deviation

    def forward(self, windows: Tensor, generator: torch.Generator) -> Tensor:
        """(n, bands, frames) -> the same shape."""
        raise NotImplementedError  # abstract


class Equalize(SpectrogramAugmentation):
    """Another level, tone control and noise floor: recordings differ in all three and mean the same.

    gain_decibels: level, uniform in +-; tilt_decibels: linear over the bands from bottom to top, uniform in +-; wave_decibels:
    a cosine over the bands with random phase, 1 to 4 periods; noise: largest noise magnitude beside a magnitude of 1.
    """

    def __init__(
        self,
        *,
        encoder: Encoder,
        gain_decibels: float = 10.0,
        tilt_decibels: float = 8.0,
        wave_decibels: float = 4.0,
        noise: float = 0.02,
    ) -> None:
        super().__init__(encoder=encoder)
        self.gain, self.tilt, self.wave, self.noise = gain_decibels, tilt_decibels, wave_decibels, noise

    def forward(self, windows: Tensor, generator: torch.Generator) -> Tensor:
        """(n, bands, frames) standardized log10(1 + 10 S) -> the same."""
        count, bands = windows.shape[:2]
        draws = torch.rand(count, 6, 1, generator=generator).to(windows.device)
        axis = torch.linspace(-1, 1, bands, device=windows.device)
        signed = 2 * draws - 1
        periods, phase = 1 + 3 * draws[:, 3], 2 * torch.pi * draws[:, 4]
        decibels = self.gain * signed[:, 0] + self.tilt * signed[:, 1] * axis
        decibels = decibels + self.wave * draws[:, 2] * torch.cos(torch.pi * periods * axis + phase)
        # exp costs a tenth of a power
        magnitude = (
            torch.exp(windows * (self.deviation * math.log(10)) + self.mean * math.log(10)).sub_(1).clamp_min_(0)
        )
        magnitude = magnitude.mul_(10 ** (decibels / 20)[..., None])
        floor = (
            torch.rand(windows.shape, generator=generator).to(windows.device) * (10 * self.noise) * draws[:, 5:6] ** 3
        )
        return (torch.log10(1 + magnitude + floor) - self.mean) / self.deviation


class Mask(SpectrogramAugmentation):
    """SpecAugment (Park et al. 2019): a band of frequencies and a stretch of time are replaced by silence.

    bands, frames: largest widths as shares of the window.
    """

    def __init__(self, *, encoder: Encoder, bands: float = 0.15, frames: float = 0.2) -> None:
        super().__init__(encoder=encoder)
        self.shares = (bands, frames)

    def forward(self, windows: Tensor, generator: torch.Generator) -> Tensor:
        """(n, bands, frames) -> the same."""
        hidden = torch.zeros(windows.shape, dtype=torch.bool, device=windows.device)
        for dimension, share in zip((1, 2), self.shares, strict=True):
            size = windows.shape[dimension]
            draws = torch.rand(2, len(windows), 1, generator=generator).to(windows.device)
            width = draws[0] * share * size
            start = draws[1] * (size - width)
            place = torch.arange(size, device=windows.device)
            inside = (place >= start) & (place < start + width)
            hidden |= inside[:, :, None] if dimension == 1 else inside[:, None, :]
        return windows.masked_fill(hidden, -self.mean / self.deviation)


class Shorten(SpectrogramAugmentation):
    """Some windows keep only a stretch and are silent around it: single notes and short sounds are recordings too.

    share: of the windows that are shortened; shortest: share of the window that is left at the least.
    """

    def __init__(self, *, encoder: Encoder, share: float = 0.25, shortest: float = 0.08) -> None:
        super().__init__(encoder=encoder)
        self.share, self.shortest = share, shortest

    def forward(self, windows: Tensor, generator: torch.Generator) -> Tensor:
        """(n, bands, frames) -> the same."""
        size = windows.shape[2]
        draws = torch.rand(3, len(windows), 1, generator=generator).to(windows.device)
        width = (self.shortest + (1 - self.shortest) * draws[0]) * size
        start = draws[1] * (size - width)
        place = torch.arange(size, device=windows.device)
        outside = (place < start) | (place >= start + width)
        chosen = draws[2] < self.share
        return windows.masked_fill((outside & chosen)[:, None, :], -self.mean / self.deviation)
