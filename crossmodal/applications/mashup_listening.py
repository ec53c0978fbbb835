"""What a mashup has to know of a recording: tempo, beats and downbeats (librosa), key, and whether anything in it is sung or beaten.

Beats: dynamic programming over onset strength (Ellis 2007). Key: correlation of the mean chroma with the profiles of Krumhansl & Kessler.
Pulse: autocorrelation of the onset strength at the beat, by its energy; near 0 where nothing recurs.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossmodal.base.audio import decode
from crossmodal.base.errors import InputError
from crossmodal.base.librosa_import import load_librosa
from pairs.keys import Key, find_key

RATE = 22_050
HOP = 512
LEAST_VOCAL_SECONDS = 3.0
LONGEST_SECONDS = 600.0  # of a recording that are used
LEAST_PULSE = 0.2
LEAST_BEATS = 8
LEAST_CHANGE = 0.15  # decibels: deviation of the onset strength of what is no drone
LEAST_SUNG = 0.15  # share of the sounding moments that have a pitch in the range of voices
_IRREGULAR = 0.12  # a pair of beats is that much longer or shorter than most
_LOWEST, _HIGHEST, _PERIODIC, _RETURNS = 70.0, 1000.0, 0.55, 0.25
Floats = NDArray[np.float64]
Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Heard:
    """samples (n,) mono at RATE; tempo in beats a minute; beats (b,) and downbeats (d,) in seconds; pulse: how clear the beat is, 0 to 1;
    begin, end: seconds between which something sounds.
    """

    path: Path
    samples: Samples
    tempo: float
    beats: Floats
    downbeats: Floats
    pulse: float
    key: Key
    begin: float
    end: float

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return len(self.samples) / RATE


def hear_vocal(path: Path) -> Heard:
    """An unaccompanied voice. InputError with the reason: under 3 s, silent, or nothing in it that is sung."""
    samples = _read(path)
    if len(samples) < LEAST_VOCAL_SECONDS * RATE:
        raise InputError(f"expected a vocal of at least {LEAST_VOCAL_SECONDS:g} s, got {len(samples) / RATE:.1f} s")
    if sung_share(samples) < LEAST_SUNG:
        raise InputError("no voice was found: hardly anything in it has a pitch in the range of voices")
    heard = _hear(path, samples)
    if heard.end - heard.begin < LEAST_VOCAL_SECONDS:
        raise InputError(
            f"expected at least {LEAST_VOCAL_SECONDS:g} s of singing, got {heard.end - heard.begin:.1f} s between the silences"
        )
    if not len(heard.beats):
        raise InputError("expected singing in time, got no beat in it")
    return heard


def hear_backing(path: Path) -> Heard:
    """An accompaniment. InputError where it has no beat."""
    heard = _hear(path, _read(path))
    if heard.pulse < LEAST_PULSE or len(heard.beats) < LEAST_BEATS:
        raise InputError(
            f"expected a backing with a beat, got a pulse of {heard.pulse:.2f} (at least {LEAST_PULSE:g}) and {len(heard.beats)} beats"
        )
    return heard


def _read(path: Path) -> Samples:
    return np.asarray(decode(path, sample_rate=RATE)[: int(LONGEST_SECONDS * RATE)], np.float32)


def _hear(path: Path, samples: Samples) -> Heard:
    librosa = load_librosa()
    spectrum = np.abs(librosa.stft(samples, n_fft=2048, hop_length=HOP))
    onsets = librosa.onset.onset_strength(S=librosa.power_to_db(_mel(spectrum)), sr=RATE, hop_length=HOP)
    tempo, frames = librosa.beat.beat_track(onset_envelope=onsets, sr=RATE, hop_length=HOP)
    beats = librosa.frames_to_time(frames, sr=RATE, hop_length=HOP)
    chroma = librosa.feature.chroma_stft(S=spectrum**2, sr=RATE, n_fft=2048)
    level = spectrum.sum(axis=0)
    sounding = np.flatnonzero(level > 0.02 * np.percentile(level, 95))
    begin, end = (sounding[0] * HOP / RATE, sounding[-1] * HOP / RATE) if len(sounding) else (0.0, 0.0)
    if len(beats) > 1:
        tempo = tempo_of(beats)
    return Heard(
        path=path, samples=samples, tempo=float(np.atleast_1d(tempo)[0]), beats=beats,
        downbeats=beats[_downbeat_rows(spectrum, chroma, frames)], pulse=pulse_of(onsets, float(np.atleast_1d(tempo)[0])),
        key=find_key((chroma * level).sum(axis=1)), begin=float(begin), end=float(end),
    )  # fmt: skip


def tempo_of(beats: Floats) -> float:
    """Beats (b,), b > 1, in seconds -> beats a minute: of the mean distance of those about as far apart as the median pair.

    One distance is known to a frame only (4% of it at 100 beats a minute); in their mean these errors cancel.
    """
    apart = np.diff(beats)
    usual = np.abs(apart / np.median(apart) - 1) < _IRREGULAR
    return 60.0 / float(apart[usual].mean())


def _mel(spectrum: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(load_librosa().feature.melspectrogram(S=spectrum**2, sr=RATE, n_fft=2048), np.float32)


def pulse_of(onsets: NDArray[np.floating], tempo: float) -> float:
    """Onset strength (t,) in decibels -> its autocorrelation at one, two or four beats (or near them), over that at 0; from 0 to 1.

    Where it hardly changes (a drone) it is 0, whatever the little that is left.
    """
    centred = np.asarray(onsets, np.float64) - np.mean(onsets)
    energy = float(centred @ centred)
    beat = 60.0 / max(tempo, 1.0) * RATE / HOP
    lags = [round(times * beat) + shift for times in (1, 2, 4) for shift in (-1, 0, 1)]
    found = [float(centred[lag:] @ centred[:-lag]) for lag in lags if 0 < lag < 0.75 * len(centred)]
    if energy < LEAST_CHANGE**2 * len(centred) or not found:
        return 0.0
    return float(np.clip(max(found) / energy, 0, 1))


def _downbeat_rows(spectrum: NDArray[np.float32], chroma: NDArray, frames: NDArray[np.integer]) -> NDArray[np.intp]:
    """Rows of the beats that begin a bar: of three or four beats, where bass and harmony change most."""
    if len(frames) < LEAST_BEATS:
        return np.arange(len(frames))
    edges = [*frames.tolist(), spectrum.shape[1]]
    bass = spectrum[: round(200 * 2048 / RATE)].sum(axis=0)
    struck = np.array([bass[f : f + 6].max() - bass[max(0, f - 4) : f + 1].min() for f in frames])
    means = np.stack([chroma[:, a : max(b, a + 1)].mean(axis=1) for a, b in itertools.pairwise(edges)])
    moved = np.concatenate([[0.0], np.abs(np.diff(means, axis=0)).sum(axis=1)])
    weight = _standard(struck) + _standard(moved)
    best = max(
        ((weight[first::bar].mean(), bar, first) for bar in (4, 3) for first in range(bar)), key=lambda row: row[0]
    )
    return np.arange(best[2], len(frames), best[1])


def _standard(values: Floats) -> Floats:
    return np.asarray((values - values.mean()) / max(float(values.std()), 1e-9), np.float64)


def sung_share(samples: Samples) -> float:
    """Share of the sounding moments (50 ms) of samples at RATE that are periodic at 70 to 1,000 Hz."""
    size, step = 1024, 2048
    if len(samples) < 2 * size:
        return 0.0
    frames = np.lib.stride_tricks.sliding_window_view(samples, 2 * size)[::step].astype(np.float64)
    power = (frames**2).mean(axis=1)
    frames = frames[power > 0.01 * np.percentile(power, 95)]
    if not len(frames) or power.max(initial=0.0) <= 0:
        return 0.0
    spectrum = np.fft.rfft(frames * np.hanning(2 * size), 4 * size, axis=1)
    likeness = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)
    window = np.fft.irfft(np.abs(np.fft.rfft(np.hanning(2 * size), 4 * size)) ** 2)
    lags = np.arange(1, int(RATE / _LOWEST))
    normal = likeness[:, lags] / np.maximum(likeness[:, :1], 1e-12) * window[0] / window[lags]
    dip = np.minimum.accumulate(
        normal, axis=1
    )  # a period comes back after a half period of unlikeness; rumble only fades
    peak = np.where(normal - dip > _RETURNS, normal, 0.0)[:, int(RATE / _HIGHEST) :].max(axis=1)
    return float((peak > _PERIODIC).mean())
