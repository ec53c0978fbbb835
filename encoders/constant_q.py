"""Constant-Q spectra of recordings and rolls of MIDI notes on the same grid: semitones, 21.5 frames a second, unit length.

The settings of Raffel (2016): 48 bins from C2 (MIDI 36), hop 46.4 ms, logarithmic magnitude, each frame of unit length. Frame k sees
samples [k * hop, k * hop + frame_length) and nothing else, so that a recording streamed in blocks has the same frames as the whole
file; its place in time is the middle of what it sees. The kernels lie in the frequency domain (Brown & Puckette 1992), in banks of 48
bins: a bank's sound is first brought to as low a rate as its highest bin allows, which makes it several times faster.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from crossmodal.base.errors import InputError

LOWEST_PITCH, BINS = 36, 48
SAMPLE_RATE, HOP = 22_050, 1_024
_BANK = 48  # bins that share a rate and a length
_QUALITY = 1 / (2 ** (1 / 12) - 1)
# v = log(1 + S / (RELATIVE * the frame's largest + FLOOR)): 40 dB below the loudest partial counts as hardly anything, whatever the level
# of the recording; 72 dB below full scale nothing does.
_RELATIVE, _FLOOR = 0.01, 2.5e-4


class _Bank(nn.Module):
    """Bins `lowest` to `lowest + bins - 1` (MIDI pitches): (batch, samples) -> linear magnitude (batch, bins, frames).

    length: samples that a frame sees.
    """

    kernels: Tensor
    lowpass: Tensor

    def __init__(self, lowest: int, bins: int, tuning: float) -> None:
        super().__init__()
        hertz = 440.0 * 2.0 ** ((lowest + np.arange(bins) + tuning - 69) / 12)
        highest = 440.0 * 2.0 ** ((lowest + bins - 1 - 69) / 12)
        # The highest bin keeps clear of what decimation folds back; the hop stays a whole number of samples.
        self.decimation = 2 ** max(0, int(np.log2(0.2 * SAMPLE_RATE / highest)))
        rate = SAMPLE_RATE / self.decimation
        untuned = 440.0 * 2.0 ** ((lowest - 69) / 12)  # so that the frames of a tuned transform are as long
        self.fft = 2 ** int(np.ceil(np.log2(_QUALITY * rate / untuned)))
        taps = _lowpass(self.decimation)
        self.length = (self.fft - 1) * self.decimation + len(taps)
        kernels, self._first = _kernels(hertz, rate, self.fft)
        # Not part of the weights: both follow from the arguments.
        self.register_buffer("kernels", torch.from_numpy(kernels), persistent=False)
        self.register_buffer("lowpass", torch.from_numpy(taps)[None, None], persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        low = nn.functional.conv1d(samples[:, None], self.lowpass, stride=self.decimation)[:, 0]
        spectrum = torch.fft.rfft(low.unfold(-1, self.fft, HOP // self.decimation))
        used = spectrum[..., self._first : self._first + self.kernels.shape[0]]
        products = torch.view_as_real(used).flatten(-2) @ self._real_kernels()
        real, imaginary = products.chunk(2, dim=-1)
        return (real.square() + imaginary.square() + 1e-20).sqrt().transpose(-1, -2)

    def _real_kernels(self) -> Tensor:
        """Complex product as one real matrix: rows alternate real and imaginary parts, columns are real then imaginary bins."""
        k = self.kernels
        rows = torch.stack([torch.cat([k[..., 0], k[..., 1]], -1), torch.cat([-k[..., 1], k[..., 0]], -1)], dim=1)
        return rows.flatten(0, 1)


class ConstantQ(nn.Module):
    """(batch, samples) at 22,050 Hz -> (batch, bins, 1 + (samples - frame_length) // 1024) float32 in [0, 1], frames of unit length.

    Silent frames are zero. tuning: semitones by which all bins are moved, to follow a recording that is not at 440 Hz; lowest:
    MIDI pitch of the first bin; bins: semitones from there (96 from C1, MIDI 24: the eight octaves of Oramas et al. 2018).
    """

    def __init__(self, *, tuning: float = 0.0, lowest: int = LOWEST_PITCH, bins: int = BINS) -> None:
        super().__init__()
        if bins < 1 or 440.0 * 2 ** ((lowest + bins - 1 + tuning - 69) / 12) > 0.45 * SAMPLE_RATE:
            raise InputError(
                f"expected bins up to {0.45 * SAMPLE_RATE:.0f} Hz, got {bins} from MIDI {lowest}; take fewer"
            )
        starts = range(0, bins, _BANK)
        self.banks = nn.ModuleList([_Bank(lowest + s, min(_BANK, bins - s), tuning) for s in starts])
        self.frame_length = max(bank.length for bank in self._banks())
        self.sample_rate, self.hop, self.fft, self.bands = SAMPLE_RATE, HOP, self.frame_length, bins

    def _banks(self) -> list[_Bank]:
        return [bank for bank in self.banks if isinstance(bank, _Bank)]

    def forward(self, samples: Tensor) -> Tensor:
        """Samples mono in [-1, 1], (batch, samples) -> (batch, bins, frames)."""
        magnitude = self.magnitude(samples)
        loudest = magnitude.amax(dim=1, keepdim=True)
        return unit_frames(torch.log1p(magnitude / (_RELATIVE * loudest + _FLOOR)), silent=loudest < _FLOOR)

    def magnitude(self, samples: Tensor) -> Tensor:
        """Samples -> linear magnitude (batch, bins, frames): 1 for a sine of full scale at the bin's pitch."""
        if samples.shape[-1] < self.frame_length:
            return samples.new_zeros(samples.shape[0], self.bands, 0)
        frames = 1 + (samples.shape[-1] - self.frame_length) // HOP
        with torch.autocast(samples.device.type, enabled=False):
            clean = torch.nan_to_num(samples.float(), nan=0.0, posinf=0.0, neginf=0.0)
            found = []
            for bank in self._banks():
                first = (self.frame_length - bank.length) // 2  # all banks look at the same middle
                found.append(bank(clean[:, first : first + (frames - 1) * HOP + bank.length]))
        return torch.cat(found, dim=1)


def unit_frames(values: Tensor, *, silent: Tensor) -> Tensor:
    """(batch, bins, frames) of unit length over the bins; zero where `silent` (batch, 1, frames) holds."""
    length = values.norm(dim=1, keepdim=True).clamp(min=1e-12)
    return torch.where(silent, 0.0, values / length)


def _lowpass(decimation: int) -> NDArray[np.float32]:
    """Windowed sinc (9 taps for each sample left out): what would fold back onto the bins is taken away. Every sample kept: as it is."""
    if decimation == 1:
        return np.ones(1, np.float32)
    count = 9 * decimation
    places = np.arange(count) - (count - 1) / 2
    cutoff = 10_800 / decimation / SAMPLE_RATE
    taps = 2 * cutoff * np.sinc(2 * cutoff * places) * np.kaiser(count, 7.0)
    return np.asarray(taps / taps.sum(), np.float32)


def _kernels(hertz: NDArray[np.float64], rate: float, fft: int) -> tuple[NDArray[np.float32], int]:
    """Conjugate spectra of windowed complex tones (bins of the spectrum that matter, tones, real and imaginary), and the first such bin."""
    tones = np.zeros((len(hertz), fft), np.complex128)
    for tone, frequency in zip(tones, hertz, strict=True):
        length = min(round(_QUALITY * rate / frequency), fft)
        start = (fft - length) // 2
        window = np.hanning(length + 2)[1:-1]
        time = np.arange(length) - (length - 1) / 2
        tone[start : start + length] = window / window.sum() * np.exp(2j * np.pi * frequency / rate * time)
    # A real sine of amplitude 1 has half its strength at either frequency; Parseval gives the 1 / fft.
    spectra = 2.0 / fft * np.conj(np.fft.fft(tones)[:, : fft // 2 + 1])
    heard = np.flatnonzero(np.abs(spectra).max(axis=0) > 1e-7 * np.abs(spectra).max())
    chosen = spectra[:, heard[0] : heard[-1] + 1].T
    return np.stack([chosen.real, chosen.imag], axis=-1).astype(np.float32), int(heard[0])


FRAME_LENGTH = _Bank(LOWEST_PITCH, BINS, 0.0).length
FRAMES_PER_SECOND = SAMPLE_RATE / HOP
CENTRE_SECONDS = FRAME_LENGTH / 2 / SAMPLE_RATE  # of frame 0


def frame_seconds(frames: int) -> NDArray[np.float64]:
    """Middles of frames 0 .. frames - 1, seconds (frames,)."""
    return np.arange(frames) / FRAMES_PER_SECOND + CENTRE_SECONDS


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
