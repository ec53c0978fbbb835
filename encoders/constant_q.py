"""Constant-Q spectra of recordings and rolls of MIDI notes on the same grid: semitones from C2, 21.5 frames a second, unit length.

The settings of Raffel (2016): 48 bins from C2 (MIDI 36), hop 46.4 ms, logarithmic magnitude, each frame of unit length. Frame k sees
samples [k * hop, k * hop + frame_length) and nothing else, so that a recording streamed in blocks has the same frames as the whole
file; its place in time is the middle of what it sees. The kernels lie in the frequency domain (Brown & Puckette 1992); no bin lies above
1.05 kHz, so the sound is first brought to a quarter of its rate, which makes all of it four times faster.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from crossmodal.base.errors import InputError

LOWEST_PITCH, BINS = 36, 48
SAMPLE_RATE, HOP = 22_050, 1_024
_DECIMATION, _TAPS, _FFT = 4, 36, 2_048
FRAME_LENGTH = (_FFT - 1) * _DECIMATION + _TAPS
FRAMES_PER_SECOND = SAMPLE_RATE / HOP
CENTRE_SECONDS = FRAME_LENGTH / 2 / SAMPLE_RATE  # of frame 0
_QUALITY = 1 / (2 ** (1 / 12) - 1)
# v = log(1 + S / (RELATIVE * the frame's largest + FLOOR)): 40 dB below the loudest partial counts as hardly anything, whatever the level
# of the recording; 72 dB below full scale nothing does.
_RELATIVE, _FLOOR = 0.01, 2.5e-4


def frame_seconds(frames: int) -> NDArray[np.float64]:
    """Middles of frames 0 .. frames - 1, seconds (frames,)."""
    return np.arange(frames) / FRAMES_PER_SECOND + CENTRE_SECONDS


class ConstantQ(nn.Module):
    """(batch, samples) at 22,050 Hz -> (batch, 48, 1 + (samples - FRAME_LENGTH) // 1024) float32 in [0, 1], frames of unit length.

    Silent frames are zero. tuning: semitones by which all bins are moved, to follow a recording that is not at 440 Hz.
    """

    kernels: Tensor
    lowpass: Tensor

    def __init__(self, *, tuning: float = 0.0) -> None:
        super().__init__()
        self.sample_rate, self.hop, self.fft, self.bands = SAMPLE_RATE, HOP, FRAME_LENGTH, BINS
        kernels, self._first = _kernels(tuning)
        # Not part of the weights: both follow from the arguments.
        self.register_buffer("kernels", torch.from_numpy(kernels), persistent=False)
        self.register_buffer("lowpass", torch.from_numpy(_lowpass())[None, None], persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        """Samples mono in [-1, 1], (batch, samples) -> (batch, 48, frames)."""
        magnitude = self.magnitude(samples)
        loudest = magnitude.amax(dim=1, keepdim=True)
        return unit_frames(torch.log1p(magnitude / (_RELATIVE * loudest + _FLOOR)), silent=loudest < _FLOOR)

    def magnitude(self, samples: Tensor) -> Tensor:
        """Samples -> linear magnitude (batch, 48, frames): 1 for a sine of full scale at the bin's pitch."""
        if samples.shape[-1] < FRAME_LENGTH:
            return samples.new_zeros(samples.shape[0], BINS, 0)
        with torch.autocast(samples.device.type, enabled=False):
            clean = torch.nan_to_num(samples.float(), nan=0.0, posinf=0.0, neginf=0.0)
            low = nn.functional.conv1d(clean[:, None], self.lowpass, stride=_DECIMATION)[:, 0]
            spectrum = torch.fft.rfft(low.unfold(-1, _FFT, HOP // _DECIMATION))
            used = spectrum[..., self._first : self._first + self.kernels.shape[0]]
            products = torch.view_as_real(used).flatten(-2) @ self._real_kernels()
            real, imaginary = products.chunk(2, dim=-1)
            return (real.square() + imaginary.square() + 1e-20).sqrt().transpose(-1, -2)

    def _real_kernels(self) -> Tensor:
        """Complex product as one real matrix: rows alternate real and imaginary parts, columns are real then imaginary bins."""
        k = self.kernels
        rows = torch.stack([torch.cat([k[..., 0], k[..., 1]], -1), torch.cat([-k[..., 1], k[..., 0]], -1)], dim=1)
        return rows.flatten(0, 1)


def unit_frames(values: Tensor, *, silent: Tensor) -> Tensor:
    """(batch, bins, frames) of unit length over the bins; zero where `silent` (batch, 1, frames) holds."""
    length = values.norm(dim=1, keepdim=True).clamp(min=1e-12)
    return torch.where(silent, 0.0, values / length)


def _lowpass() -> NDArray[np.float32]:
    """Windowed sinc (_TAPS,): flat to 1.1 kHz, nothing left above 4.4 kHz, from where decimation folds back onto the bins."""
    places = np.arange(_TAPS) - (_TAPS - 1) / 2
    cutoff = 2_700 / SAMPLE_RATE
    taps = 2 * cutoff * np.sinc(2 * cutoff * places) * np.kaiser(_TAPS, 7.0)
    return np.asarray(taps / taps.sum(), np.float32)


def _kernels(tuning: float) -> tuple[NDArray[np.float32], int]:
    """Conjugate spectra of windowed complex tones (bins of the spectrum that matter, 48, real and imaginary), and the first such bin."""
    rate = SAMPLE_RATE / _DECIMATION
    hertz = 440.0 * 2.0 ** ((LOWEST_PITCH + np.arange(BINS) + tuning - 69) / 12)
    tones = np.zeros((BINS, _FFT), np.complex128)
    for tone, frequency in zip(tones, hertz, strict=True):
        length = min(round(_QUALITY * rate / frequency), _FFT)
        start = (_FFT - length) // 2
        window = np.hanning(length + 2)[1:-1]
        time = np.arange(length) - (length - 1) / 2
        tone[start : start + length] = window / window.sum() * np.exp(2j * np.pi * frequency / rate * time)
    # A real sine of amplitude 1 has half its strength at either frequency; Parseval gives the 1 / _FFT.
    spectra = 2.0 / _FFT * np.conj(np.fft.fft(tones)[:, : _FFT // 2 + 1])
    heard = np.flatnonzero(np.abs(spectra).max(axis=0) > 1e-7 * np.abs(spectra).max())
    chosen = spectra[:, heard[0] : heard[-1] + 1].T
    return np.stack([chosen.real, chosen.imag], axis=-1).astype(np.float32), int(heard[0])


class PianoRoll:
    """Notes -> frames (48, t) like those of `ConstantQ`, without any sound.

    A note's strength is (velocity / 127), fades by `half_life` seconds (None: not at all), and stands at its pitch and, weaker, at the
    overtones among the bins (`overtones`: strength of partials 2, 3, ...); it is seen through the window that a constant-Q bin sees
    through, so that low notes spread in time as they do there. fold: pitches outside the bins move into them by octaves, else only
    their overtones count.
    """

    def __init__(
        self,
        *,
        overtones: tuple[float, ...] = (0.5, 0.35, 0.25, 0.15),
        half_life: float | None = 1.0,
        fold: bool = False,
    ) -> None:
        if half_life is not None and half_life <= 0:
            raise InputError(f"half_life: expected more than 0 s or None, got {half_life}; change it")
        self.overtones, self.half_life, self.fold = overtones, half_life, fold
        self._windows = [_onset_response(bin_) for bin_ in range(BINS)]

    def __call__(
        self,
        onset: np.ndarray,
        duration: np.ndarray,
        pitch: np.ndarray,
        velocity: np.ndarray,
        *,
        frames: int | None = None,
    ) -> Tensor:
        """Seconds, seconds, MIDI numbers, 1 to 127; all (n,), no drums -> (48, frames) float32, of unit length or zero.

        frames: by default up to the end of the last note.
        """
        end = float(np.max(np.add(onset, duration), initial=0.0))
        count = max(1, int(np.ceil((end - CENTRE_SECONDS) * FRAMES_PER_SECOND)) + 1) if frames is None else frames
        energy = self._energy(np.asarray(onset), np.asarray(duration), np.asarray(pitch), np.asarray(velocity), count)
        magnitude = torch.from_numpy(np.sqrt(energy))[None]
        loudest = magnitude.amax(dim=1, keepdim=True)
        return unit_frames(torch.log1p(magnitude / (_RELATIVE * loudest + _FLOOR)), silent=loudest < _FLOOR)[0]

    def _energy(
        self, onset: np.ndarray, duration: np.ndarray, pitch: np.ndarray, velocity: np.ndarray, frames: int
    ) -> NDArray[np.float32]:
        """Squared strength (48, frames) on a grid of `_FINE` steps a frame, smoothed by each bin's window, and thinned out."""
        lead = _STEPS // 2  # steps before frame 0's middle that its window still sees
        fine = np.zeros((BINS, frames * _FINE + _STEPS), np.float32)
        begin = np.round((onset - CENTRE_SECONDS) * FRAMES_PER_SECOND * _FINE).astype(np.int64) + lead
        length = np.maximum(1, np.round(duration * FRAMES_PER_SECOND * _FINE).astype(np.int64))
        strength = (np.asarray(velocity, np.float64) / 127) ** 2
        for partial, weight in enumerate((1.0, *self.overtones), start=1):
            bins = np.round(pitch - LOWEST_PITCH + 12 * np.log2(partial)).astype(np.int64)
            if self.fold:
                bins = np.where(bins < 0, bins % 12, np.where(bins >= BINS, BINS - 12 + bins % 12, bins))
            for index in np.flatnonzero((bins >= 0) & (bins < BINS)):
                first, stop = max(0, begin[index]), min(fine.shape[1], begin[index] + length[index])
                if first < stop:
                    fading = self._fading(first - begin[index], stop - begin[index])
                    fine[bins[index], first:stop] += np.float32(strength[index] * weight**2) * fading
        return (
            np.stack(
                [
                    np.convolve(row, window, mode="same")[lead : lead + frames * _FINE : _FINE]
                    for row, window in zip(fine, self._windows, strict=True)
                ]
            )
            .clip(min=0.0)
            .astype(np.float32)
        )

    def _fading(self, first: int, stop: int) -> NDArray[np.float32]:
        if self.half_life is None:
            return np.ones(stop - first, np.float32)
        seconds = np.arange(first, stop, dtype=np.float32) / np.float32(FRAMES_PER_SECOND * _FINE)
        return np.asarray(0.25 ** (seconds / np.float32(self.half_life)), np.float32)  # of energy: half the strength


_FINE = 4  # steps a frame
_STEPS = 2 * round(_QUALITY / 65.4 * FRAMES_PER_SECOND * _FINE / 2) + 3  # the longest window, odd


def _onset_response(bin_: int) -> NDArray[np.float32]:
    """The bin's window in steps of the fine grid, of unit sum."""
    seconds = _QUALITY / (440.0 * 2.0 ** ((LOWEST_PITCH + bin_ - 69) / 12))
    steps = 2 * int(seconds * FRAMES_PER_SECOND * _FINE / 2) + 1
    window = np.hanning(steps + 2)[1:-1]
    return np.asarray(window / window.sum(), np.float32)
