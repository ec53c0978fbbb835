"""Augmentation of raw samples: the chain of CLMR (Spijkervet & Burgoyne 2021), each link with a probability of its own for each window.

Batched, in torch, and drawn from the given generator: a resumed training hears what it would have heard, and a GPU is kept busy.
audiomentations, which has some of the links, draws from global generators a sound at a time, has neither delay nor a reverberation without
recorded rooms, and holds soxr below 1. The random crop, the first link, is where the windows are drawn (`crossmodal.prepared`).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from crossmodal.augmentation import Augmentation
from crossmodal.base.errors import RecipeError
from encoders.encoder import Encoder


class WaveformAugmentation(Augmentation):
    """Base: windows of samples (n, t) in [-1, 1], some of which are changed. probability: of each window."""

    modality = "audio"

    def __init__(self, *, encoder: Encoder, probability: float) -> None:
        super().__init__()
        rate, hop = getattr(encoder, "sample_rate", None), getattr(encoder, "frame_hop", None)
        if not isinstance(rate, int) or hop != 1:
            raise RecipeError(
                f"{type(self).__name__}: expected an encoder of samples, got {type(encoder).__name__}; leave the augmentation out"
            )
        if not 0 <= probability <= 1:
            raise RecipeError(f"{type(self).__name__}: expected a probability between 0 and 1, got {probability}")
        self.rate, self.probability = rate, probability

    def forward(self, windows: Tensor, generator: torch.Generator) -> Tensor:
        """(n, t) -> the same shape."""
        chosen = torch.rand(len(windows), generator=generator) < self.probability
        if not chosen.any():
            return windows
        rows = chosen.nonzero()[:, 0].to(windows.device)
        return windows.index_copy(0, rows, self.change(windows[rows], generator))

    def change(self, windows: Tensor, generator: torch.Generator) -> Tensor:
        """(n, t), all of which are changed."""
        raise NotImplementedError  # abstract


def _even(count: int, low: float, high: float, generator: torch.Generator, windows: Tensor) -> Tensor:
    """(count, 1) drawn evenly, where the windows are."""
    return (low + (high - low) * torch.rand(count, 1, generator=generator)).to(windows.device)


class Polarity(WaveformAugmentation):
    """The sign of all samples is turned."""

    def __init__(self, *, encoder: Encoder, probability: float = 0.8) -> None:
        super().__init__(encoder=encoder, probability=probability)

    def change(self, windows: Tensor, generator: torch.Generator) -> Tensor:
        return -windows


class Noise(WaveformAugmentation):
    """White noise. quietest, loudest: its deviation as a share of the window's."""

    def __init__(
        self, *, encoder: Encoder, probability: float = 0.01, quietest: float = 0.001, loudest: float = 0.05
    ) -> None:
        super().__init__(encoder=encoder, probability=probability)
        self.range = (quietest, loudest)

    def change(self, windows: Tensor, generator: torch.Generator) -> Tensor:
        level = _even(len(windows), *self.range, generator, windows) * windows.std(dim=1, keepdim=True)
        return windows + level * torch.randn(windows.shape, generator=generator).to(windows.device)


class Gain(WaveformAugmentation):
    """Another level. lowest, highest: decibels."""

    def __init__(
        self, *, encoder: Encoder, probability: float = 0.3, lowest: float = -20.0, highest: float = -1.0
    ) -> None:
        super().__init__(encoder=encoder, probability=probability)
        self.range = (lowest, highest)

    def change(self, windows: Tensor, generator: torch.Generator) -> Tensor:
        return windows * 10 ** (_even(len(windows), *self.range, generator, windows) / 20)


class Filter(WaveformAugmentation):
    """A low-pass (cut-off 2,200 to 4,000 Hz) or, as often, a high-pass (200 to 1,200 Hz), 12 dB an octave, without phase."""

    def __init__(self, *, encoder: Encoder, probability: float = 0.8) -> None:
        super().__init__(encoder=encoder, probability=probability)

    def change(self, windows: Tensor, generator: torch.Generator) -> Tensor:
        count, size = windows.shape
        low = (torch.rand(count, 1, generator=generator) < 0.5).to(windows.device)
        cut = torch.where(
            low, _even(count, 2200, 4000, generator, windows), _even(count, 200, 1200, generator, windows)
        )
        hertz = torch.fft.rfftfreq(size, 1 / self.rate, device=windows.device)
        ratio = torch.where(low, hertz / cut, cut / hertz.clamp_min(1e-3))
        response = torch.rsqrt(1 + ratio**4)
        return torch.fft.irfft(torch.fft.rfft(windows.float()) * response, n=size).to(windows.dtype)


class Delay(WaveformAugmentation):
    """An echo. shortest, longest: seconds, in steps of 50 ms; level: of the echo, before both are brought to the old peak."""

    def __init__(
        self, *, encoder: Encoder, probability: float = 0.3, shortest: float = 0.2, longest: float = 0.5, level: float = 0.5
    ) -> None:  # fmt: skip
        super().__init__(encoder=encoder, probability=probability)
        self.range, self.level = (shortest, longest), level

    def change(self, windows: Tensor, generator: torch.Generator) -> Tensor:
        size = windows.shape[1]
        seconds = (_even(len(windows), *self.range, generator, windows) / 0.05).round() * 0.05
        place = torch.arange(size, device=windows.device) - (seconds * self.rate).round().long()
        echo = windows.gather(1, place.clamp_min(0)) * (place >= 0)
        return _same_peak(windows + self.level * echo, windows)


class PitchShift(WaveformAugmentation):
    """Another pitch at the same speed, by a phase vocoder (Flanagan & Golden 1966) and resampling. semitones: at the most, either way."""

    FFT, HOP = 1024, 256

    def __init__(self, *, encoder: Encoder, probability: float = 0.6, semitones: float = 4.0) -> None:
        super().__init__(encoder=encoder, probability=probability)
        if not 0 < semitones <= 12:
            raise RecipeError(f"PitchShift: expected semitones above 0, 12 at the most, got {semitones}")
        self.semitones = semitones

    def change(self, windows: Tensor, generator: torch.Generator) -> Tensor:
        count, size = windows.shape
        ratio = 2 ** (_even(count, -self.semitones, self.semitones, generator, windows) / 12)  # of frequencies
        longer = self._stretched(windows.float(), ratio)
        place = torch.arange(size, device=windows.device) * ratio
        whole = place.floor().long().clamp_max(longer.shape[1] - 2)
        part = place - whole
        return (longer.gather(1, whole) * (1 - part) + longer.gather(1, whole + 1) * part).to(windows.dtype)

    def _stretched(self, windows: Tensor, ratio: Tensor) -> Tensor:
        """(n, t) -> (n, T), each as many times longer as its ratio (n, 1) says, at the same pitch; silence after its end."""
        size = windows.shape[1]
        window = torch.hann_window(self.FFT, device=windows.device)
        spectra = torch.stft(windows, self.FFT, self.HOP, window=window, return_complex=True)  # (n, bins, frames)
        frames = spectra.shape[2]
        steps = math.ceil(frames * float(ratio.max()))
        place = torch.arange(steps, device=windows.device) / ratio  # (n, steps), in frames of the original
        before = place.floor().long().clamp_max(frames - 2)
        part = (place - before).clamp(0, 1)[:, None]
        index = before[:, None].expand(-1, spectra.shape[1], -1)
        first, second = spectra.gather(2, index), spectra.gather(2, index + 1)
        magnitude = (1 - part) * first.abs() + part * second.abs()
        # How far each bin's phase goes in a hop: as an angle near what its frequency would make.
        usual = torch.arange(spectra.shape[1], device=windows.device)[:, None] * (2 * math.pi * self.HOP / self.FFT)
        turn = second.angle() - first.angle() - usual
        advance = turn - 2 * math.pi * (turn / (2 * math.pi)).round() + usual
        gone = advance.cumsum(dim=-1) - advance
        # From the middle on, both ways: what is mirrored before the beginning has phases of its own, which would stay in all frames.
        middle = min(steps, frames) // 2
        phase = first.angle()[..., middle, None] + gone - gone[..., middle, None]
        made = torch.polar(magnitude * (place <= frames - 1)[:, None], phase)
        return torch.istft(made, self.FFT, self.HOP, window=window, length=max(size, (steps - 1) * self.HOP))


class Reverberate(WaveformAugmentation):
    """A room: noise that dies away, as impulse response (Moorer 1979). shortest, longest: seconds until it is 60 dB down; level: of the
    room, its energy beside that of the sound.
    """

    def __init__(
        self, *, encoder: Encoder, probability: float = 0.6, shortest: float = 0.2, longest: float = 1.5, level: float = 0.5
    ) -> None:  # fmt: skip
        super().__init__(encoder=encoder, probability=probability)
        self.range, self.level = (shortest, longest), level

    def change(self, windows: Tensor, generator: torch.Generator) -> Tensor:
        count, size = windows.shape
        length = min(size, round(self.range[1] * self.rate))
        seconds = torch.arange(length, device=windows.device) / self.rate
        room = torch.randn(count, length, generator=generator).to(windows.device)
        room = room * torch.exp(-math.log(1000) * seconds / _even(count, *self.range, generator, windows))
        room = self.level * room / room.norm(dim=1, keepdim=True)
        room[:, 0] = 1.0  # the sound itself
        whole = size + length
        heard = torch.fft.irfft(torch.fft.rfft(windows.float(), n=whole) * torch.fft.rfft(room, n=whole), n=whole)
        return _same_peak(heard[:, :size].to(windows.dtype), windows)


def _same_peak(changed: Tensor, windows: Tensor) -> Tensor:
    """As loud at the loudest sample as before, so that nothing is clipped."""
    before, after = windows.abs().amax(dim=1, keepdim=True), changed.abs().amax(dim=1, keepdim=True)
    return changed * before / after.clamp_min(1e-8)
