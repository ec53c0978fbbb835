"""Front ends: samples -> frames, in torch, batched and differentiable.

Convention: frame k sees samples [k * hop, k * hop + fft) and nothing else (no centre padding), so that a
recording streamed in blocks has the same frames as the whole file. Time is the last axis.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from crossmodal.base.errors import RecipeError

MelScale = Literal["slaney", "htk"]

# Slaney's Auditory Toolbox (1998): linear below 1 kHz, logarithmic above, 27 steps for a factor of 6.4.
_LINEAR_STEP = 200.0 / 3
_BREAK_HERTZ = 1000.0
_BREAK_MEL = _BREAK_HERTZ / _LINEAR_STEP
_LOG_STEP = np.log(6.4) / 27.0


def hertz_to_mel(hertz: np.ndarray, scale: MelScale = "slaney") -> np.ndarray:
    """Frequencies in hertz, any shape -> mel."""
    hertz = np.asarray(hertz, np.float64)
    if scale == "htk":
        return 2595.0 * np.log10(1.0 + hertz / 700.0)
    above = _BREAK_MEL + np.log(np.maximum(hertz, _BREAK_HERTZ) / _BREAK_HERTZ) / _LOG_STEP
    return np.where(hertz < _BREAK_HERTZ, hertz / _LINEAR_STEP, above)


def mel_to_hertz(mel: np.ndarray, scale: MelScale = "slaney") -> np.ndarray:
    """Mel, any shape -> frequencies in hertz; the inverse of `hertz_to_mel`."""
    mel = np.asarray(mel, np.float64)
    if scale == "htk":
        return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    above = _BREAK_HERTZ * np.exp(_LOG_STEP * (np.maximum(mel, _BREAK_MEL) - _BREAK_MEL))
    return np.where(mel < _BREAK_MEL, mel * _LINEAR_STEP, above)


def mel_filters(
    sample_rate: int,
    fft: int,
    bands: int,
    *,
    lowest_hertz: float = 0.0,
    highest_hertz: float | None = None,
    scale: MelScale = "slaney",
    equal_area: bool = True,
    straight_in_mel: bool = False,
) -> np.ndarray:
    """Triangular filters (bands, fft // 2 + 1), float32.

    equal_area: each is divided by half its width in hertz (Slaney); straight_in_mel: the sides are straight
    lines over mel, as Kaldi has them, rather than over hertz.
    """
    top = sample_rate / 2 if highest_hertz is None else highest_hertz
    if not 0 <= lowest_hertz < top <= sample_rate / 2:
        raise RecipeError(
            f"expected 0 <= lowest_hertz < highest_hertz <= {sample_rate / 2:g} (half the sample rate); "
            f"got {lowest_hertz:g} and {top:g}; change the two or the sample rate"
        )
    ends = hertz_to_mel(np.array([lowest_hertz, top]), scale)
    corners = np.linspace(ends[0], ends[1], bands + 2)
    bins = np.arange(fft // 2 + 1) * (sample_rate / fft)
    if straight_in_mel:
        bins = hertz_to_mel(bins, scale)
    else:
        corners = mel_to_hertz(corners, scale)
    rising = (bins - corners[:-2, None]) / np.diff(corners)[:-1, None]
    falling = (corners[2:, None] - bins) / np.diff(corners)[1:, None]
    filters = np.maximum(0.0, np.minimum(rising, falling))
    if equal_area:
        filters *= 2.0 / (corners[2:] - corners[:-2])[:, None]
    return filters.astype(np.float32)


def log_frequency_filters(
    sample_rate: int, fft: int, *, bands_per_octave: int = 16, lowest_hertz: float = 30.0, highest_hertz: float = 6000.0
) -> np.ndarray:
    """Triangular filters (bands, fft // 2 + 1) float32 at logarithmically spaced bins of the spectrum, of unit area.

    Low bands that would fall on one bin are joined (Boeck et al. 2016, madmom): 16 bands an octave from 30 Hz to 6 kHz over 2,048
    samples at 22,050 Hz make the 92 bands of Dorfer et al. 2018.
    """
    if not 0 < lowest_hertz < highest_hertz <= sample_rate / 2:
        raise RecipeError(
            f"expected 0 < lowest_hertz < highest_hertz <= {sample_rate / 2:g}; got {lowest_hertz:g} and {highest_hertz:g}; change the two"
        )
    # The grid goes through A4, as madmom's, so that semitones and bands keep one relation at all rates.
    first = int(np.floor(np.log2(lowest_hertz / 440.0) * bands_per_octave))
    last = int(np.ceil(np.log2(highest_hertz / 440.0) * bands_per_octave))
    centres = 440.0 * 2.0 ** (np.arange(first, last + 1) / bands_per_octave)
    centres = centres[(centres >= lowest_hertz) & (centres <= highest_hertz)]
    bins = np.unique(np.clip(np.round(centres * fft / sample_rate), 1, fft // 2 - 1).astype(int))
    filters = np.zeros((len(bins) - 2, fft // 2 + 1), np.float32)
    for band, (left, middle, right) in enumerate(zip(bins, bins[1:], bins[2:], strict=False)):
        filters[band, left : middle + 1] = np.linspace(0, 1, middle - left + 1)
        filters[band, middle : right + 1] = np.linspace(1, 0, right - middle + 1)
    return np.asarray(filters / filters.sum(axis=1, keepdims=True), np.float32)


class LogBands(nn.Module):
    """log10(1 + 10 S), S the bands of the magnitude spectrum under a Hann window, through any filters (bands, fft // 2 + 1).

    sample_rate: hertz; fft: samples that a frame sees; hop: samples between frames. Non-finite samples count as silence, so that one
    bad sample cannot spoil a recording.
    """

    filters: Tensor
    taper: Tensor

    def __init__(self, filters: np.ndarray, *, sample_rate: int, fft: int, hop: int) -> None:
        super().__init__()
        self.sample_rate, self.fft, self.hop, self.bands = sample_rate, fft, hop, len(filters)
        # Not part of the weights: both follow from the arguments.
        self.register_buffer("filters", torch.from_numpy(filters), persistent=False)
        self.register_buffer("taper", torch.hann_window(fft), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        """(batch, samples) mono in [-1, 1] -> (batch, bands, 1 + (samples - fft) // hop) float32, zero for
        silence.
        """
        if samples.shape[-1] < self.fft:
            return samples.new_zeros(samples.shape[0], self.bands, 0)
        with torch.autocast(samples.device.type, enabled=False):
            clean = torch.nan_to_num(samples.float(), nan=0.0, posinf=0.0, neginf=0.0)
            # unfold + rfft: about three times as fast as torch.stft on a CPU, which reorders its output.
            spectrum = torch.fft.rfft(clean.unfold(-1, self.fft, self.hop) * self.taper)
            # The tiny constant keeps the gradient of the root finite at silence; it vanishes in the
            # logarithm.
            magnitude = (spectrum.real.square() + spectrum.imag.square() + 1e-20).sqrt()
            return torch.log10(1.0 + 10.0 * (magnitude @ self.filters.T)).transpose(-1, -2)


class LogMel(LogBands):
    """Mel bands (Choi et al. 2019, section 4). bands: number of mel filters between the two frequencies."""

    def __init__(
        self,
        *,
        sample_rate: int = 22050,
        fft: int = 1024,
        hop: int = 512,
        bands: int = 128,
        lowest_hertz: float = 0.0,
        highest_hertz: float | None = None,
    ) -> None:
        filters = mel_filters(sample_rate, fft, bands, lowest_hertz=lowest_hertz, highest_hertz=highest_hertz)
        super().__init__(filters, sample_rate=sample_rate, fft=fft, hop=hop)


class LogFrequency(LogBands):
    """Logarithmically spaced bands (Dorfer et al. 2018), 20 frames a second by default."""

    def __init__(
        self, *, sample_rate: int = 22050, fft: int = 2048, hop: int = 1102, bands_per_octave: int = 16,
        lowest_hertz: float = 30.0, highest_hertz: float = 6000.0,
    ) -> None:  # fmt: skip
        filters = log_frequency_filters(
            sample_rate, fft, bands_per_octave=bands_per_octave, lowest_hertz=lowest_hertz, highest_hertz=highest_hertz
        )
        super().__init__(filters, sample_rate=sample_rate, fft=fft, hop=hop)


class KaldiMel(nn.Module):
    """Kaldi's log filter-bank energies at 16 kHz, as the public spectrogram transformers were trained on.

    Frames of 25 ms every 10 ms; mean removed, pre-emphasis 0.97, Hann window, 512-point power spectrum,
    `bands` mel filters from 20 Hz to 8 kHz, natural logarithm, floor 2^-23.
    """

    filters: Tensor
    taper: Tensor
    frame_samples, hop, fft = 400, 160, 512

    def __init__(self, *, bands: int = 128) -> None:
        super().__init__()
        self.bands = bands
        filters = mel_filters(
            16000, self.fft, bands, lowest_hertz=20.0, scale="htk", equal_area=False, straight_in_mel=True
        )
        self.register_buffer("filters", torch.from_numpy(filters), persistent=False)
        self.register_buffer("taper", torch.hann_window(self.frame_samples, periodic=False), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        """(batch, samples) mono in [-1, 1] at 16 kHz -> (batch, bands, 1 + (samples - 400) // 160) float32."""
        if samples.shape[-1] < self.frame_samples:
            return samples.new_zeros(samples.shape[0], self.bands, 0)
        with torch.autocast(samples.device.type, enabled=False):
            clean = torch.nan_to_num(samples.float(), nan=0.0, posinf=0.0, neginf=0.0)
            frames = clean.unfold(-1, self.frame_samples, self.hop)
            frames = frames - frames.mean(dim=-1, keepdim=True)
            # Kaldi repeats the first sample before the frame.
            before = torch.cat([frames[..., :1], frames[..., :-1]], dim=-1)
            spectrum = torch.fft.rfft((frames - 0.97 * before) * self.taper, n=self.fft)
            energies = (spectrum.real.square() + spectrum.imag.square()) @ self.filters.T
            return energies.clamp(min=2.0**-23).log().transpose(-1, -2)
