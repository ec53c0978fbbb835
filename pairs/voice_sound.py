"""The sound of a voice from tracks of its parameters: a glottal pulse through a cascade of resonators, with noise beside it.

Pulse: Rosenberg (1971), the derivative of the trigonometric flow, with a one-pole return (the spectral tilt of Klatt & Klatt 1990); each
period has a length and a height of its own (jitter, shimmer). Tract: Klatt's (1980) digital resonators in cascade, a pole and a zero of the
nose, a zero of the piriform sinuses; their coefficients move linearly from one frame of 5 ms to the next. Everything is computed at twice
the rate, so that the closure of the glottis does not alias into what is heard.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from pairs.rooms import SAMPLE_RATE, Samples

FRAMES = 200  # a second
_RATE = 2 * SAMPLE_RATE
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class VoiceTracks:
    """Parameters (t,) at FRAMES a second. hertz: pitch; voicing, aspiration, hiss: levels; hiss_hertz, hiss_bandwidth; formants, bandwidths
    (t, f) in hertz; nasal: 0 to 1; open_quotient; tilt_hertz. skew, jitter, shimmer, roughness, hollow_hertz: as of a `Singer`.
    """

    hertz: Floats
    voicing: Floats
    aspiration: Floats
    hiss: Floats
    hiss_hertz: Floats
    hiss_bandwidth: Floats
    formants: Floats
    bandwidths: Floats
    nasal: Floats
    open_quotient: Floats
    tilt_hertz: Floats
    skew: float
    jitter: float
    shimmer: float
    roughness: float
    hollow_hertz: float


def voice_sound(tracks: VoiceTracks, generator: np.random.Generator) -> Samples:
    """Samples (n,) mono at SAMPLE_RATE, not normalized: a voicing of 1 makes a closure of height 1 before the tract."""
    import soxr

    count = int((len(tracks.hertz) - 1) * _RATE / FRAMES)
    noise = generator.standard_normal(count, dtype=np.float32)
    periods = int(tracks.hertz.max() * count / _RATE * 1.1) + 16
    uneven = np.clip(generator.standard_normal((periods, 2)), -3, 3)
    uneven[:, 0] = 1 + tracks.jitter * uneven[:, 0]
    uneven[:, 1] = 1 + tracks.shimmer * uneven[:, 1]
    uneven[1::2, 1] *= 1 - tracks.roughness
    sound = _render(
        np.column_stack([tracks.hertz, tracks.voicing, tracks.aspiration, tracks.hiss, tracks.open_quotient]),
        _tilt(tracks.tilt_hertz), _sections(tracks), tracks.skew, uneven, noise,
    )  # fmt: skip
    resampled: Samples = soxr.resample(sound, _RATE, SAMPLE_RATE, quality="MQ")
    return resampled


def _tilt(hertz: Floats) -> Floats:
    """Coefficient (t,) of the one-pole low-pass."""
    return np.exp(-2 * np.pi * hertz / _RATE)


def resonator(hertz: Floats, bandwidth: Floats, rate: float = _RATE) -> Floats:
    """(..., 3): a, b, c of y[n] = a x[n] + b y[n - 1] + c y[n - 2], of gain 1 at 0 Hz (Klatt 1980, eq. 1)."""
    c = -np.exp(-2 * np.pi * bandwidth / rate)
    b = 2 * np.exp(-np.pi * bandwidth / rate) * np.cos(2 * np.pi * hertz / rate)
    return np.stack([1 - b - c, b, c], axis=-1)


def _sections(tracks: VoiceTracks) -> Floats:
    """(t, 3, f + 4): resonators of the formants and the nose, the zeros of nose and sinuses as resonators to invert, the hiss."""
    width = np.full_like(tracks.nasal, 100.0)
    pole = resonator(np.full_like(tracks.nasal, 270.0), width)
    zero = resonator(270.0 + 180.0 * tracks.nasal, width)
    hollow = resonator(np.full_like(tracks.nasal, tracks.hollow_hertz), np.full_like(tracks.nasal, 700.0))
    hiss = resonator(tracks.hiss_hertz, tracks.hiss_bandwidth)
    tract = resonator(tracks.formants, tracks.bandwidths)
    whole = np.concatenate([tract, np.stack([pole, zero, hollow, hiss], axis=1)], axis=1)
    return np.ascontiguousarray(np.moveaxis(whole, 1, 2))


@numba.njit(cache=True, nogil=True, fastmath=True)
def _render(
    slow: Floats, tilt: Floats, sections: Floats, skew: float, uneven: Floats, noise: NDArray[np.float32]
) -> NDArray[np.float32]:  # pragma: no cover - compiled
    """slow (t, 5): hertz, voicing, aspiration, hiss, open quotient; sections (t, 3, s): coefficients a, b, c, the last three: nasal zero,
    sinuses, hiss. In step n resonator s filters sample n - s, so that all resonators of a step are computed at once.
    """
    resonators = sections.shape[2] - 3
    now, past, older, given = np.zeros(resonators), np.zeros(resonators), np.zeros(resonators), np.zeros(resonators)
    zeros, rub = np.zeros((2, 2)), np.zeros(2)
    sound = np.empty(len(noise), np.float32)
    phase, period, returned, earlier, breath, previous = 0.0, 0, 0.0, 0.0, 0.0, 0.0
    step = FRAMES / _RATE
    frame, share = 0, 0.0
    for n in range(len(noise)):
        values = slow[frame] + share * (slow[frame + 1] - slow[frame])
        phase += values[0] / _RATE / uneven[period, 0]
        if phase >= 1.0:
            phase -= 1.0
            period = (period + 1) % len(uneven)
        pulse, flow = _pulse(phase, values[4], skew)
        returned = (1 - tilt[frame]) * pulse * uneven[period, 1] + tilt[frame] * returned
        before, previous = previous, breath
        breath, earlier = noise[n] - 0.6 * earlier, noise[n]
        source = values[1] * returned + values[2] * breath * (0.35 + 0.65 * flow if values[1] > 0.05 else 1.0)
        for s in range(resonators - 1, 0, -1):
            given[s] = now[s - 1]
        given[0] = source
        for s in range(resonators):
            a = sections[frame, 0, s] + share * (sections[frame + 1, 0, s] - sections[frame, 0, s])
            b = sections[frame, 1, s] + share * (sections[frame + 1, 1, s] - sections[frame, 1, s])
            c = sections[frame, 2, s] + share * (sections[frame + 1, 2, s] - sections[frame, 2, s])
            older[s], past[s] = past[s], now[s]
            now[s] = a * given[s] + b * past[s] + c * older[s]
        x = now[resonators - 1]
        for z in range(2):  # zeros: what a resonator of this frequency would take back
            s = resonators + z
            y = (x - sections[frame, 1, s] * zeros[z, 0] - sections[frame, 2, s] * zeros[z, 1]) / sections[frame, 0, s]
            zeros[z, 1], zeros[z, 0] = zeros[z, 0], x
            x = y
        b, c = sections[frame, 1, resonators + 2], sections[frame, 2, resonators + 2]
        hiss = np.sqrt(0.5 * (1 + c)) * values[3] * (breath - before) + b * rub[0] + c * rub[1]
        rub[1], rub[0] = rub[0], hiss
        sound[n] = x + hiss
        share += step
        if share >= 1.0:
            share -= 1.0
            frame += 1
    return sound


@numba.njit(cache=True, nogil=True, fastmath=True)
def _pulse(phase: float, opened: float, skew: float) -> tuple[float, float]:  # pragma: no cover - compiled
    """Derivative of the glottal flow (-1 where the glottis closes) and the flow, at a phase of the period from 0 to 1."""
    rise = opened * skew / (1 + skew)
    fall = opened - rise
    if phase < rise:
        angle = np.pi * phase / rise
        return fall / rise * np.sin(angle), 0.5 * (1 - np.cos(angle))
    if phase < opened:
        angle = 0.5 * np.pi * (phase - rise) / fall
        return -np.sin(angle), np.cos(angle)
    return 0.0, 0.0
