"""Rooms, recording conditions and levels: what stands between the instruments and the file, as one filter and some noise.

Impulse responses are early reflections and exponentially decaying noise, faster in the high frequencies; all filters
are applied in one product of spectra. Everything is a pure function of its arguments.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 22_050
_LENGTH = 655_360  # samples of every transform (29.7 s, a product of small primes)
LONGEST_SECONDS = 25.0
_VARIANTS = 6

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Condition:
    """How a performance is recorded. room: reverberation time in seconds (0: none); wet: its share of the energy, 0 to 1;
    lowpass, highpass: hertz (0: none); tilt: decibels from 100 Hz to 8 kHz; noise: decibels below the music (None: none);
    level: root mean square in decibels below full scale."""

    room: float = 0.0
    wet: float = 0.0
    variant: int = 0
    lowpass: float = 0.0
    highpass: float = 0.0
    tilt: float = 0.0
    noise: float | None = None
    level: float = -20.0

    @property
    def words(self) -> frozenset[str]:
        """Tags that can be heard: nothing is said of a common small room."""
        found = set()
        if self.room <= 0.35:
            found.add("dry")
        if self.room >= 1.8 and self.wet >= 0.35:
            found.add("reverberant")
        if self.room >= 3.2 and self.wet >= 0.45:
            found.add("cathedral")
        if self.noise is not None and self.noise <= 18:
            found.add("noisy")
        if 0 < self.lowpass <= 2400:
            found.add("muffled")
        return frozenset(found)


def draw_condition(generator: np.random.Generator, *, natural: str, loudness: str = "") -> Condition:
    """A condition; natural: kind of repertory, since choirs are mostly heard in churches; loudness: "soft", "loud" or ""."""
    church = 0.35 if natural == "choir" else 0.12
    kind = generator.choice(["none", "small", "hall", "church"], p=[0.3, 0.7 - 0.2 - church, 0.2, church])
    low, high, least, most = {
        "none": (0.0, 0.3, 0.0, 0.15), "small": (0.5, 1.2, 0.1, 0.3),
        "hall": (1.8, 2.8, 0.35, 0.5), "church": (3.2, 5.5, 0.45, 0.65),
    }[str(kind)]  # fmt: skip
    muffled = generator.random() < 0.12
    noisy = generator.random() < 0.15
    bands = {"soft": (-32.0, -27.0), "loud": (-17.0, -13.0)}.get(loudness, (-26.0, -17.0))
    return Condition(
        room=float(generator.uniform(low, high)),
        wet=float(generator.uniform(least, most)),
        variant=int(generator.integers(_VARIANTS)),
        lowpass=float(generator.uniform(1100, 2400)) if muffled else 0.0,
        highpass=float(generator.uniform(120, 350)) if generator.random() < 0.1 else 0.0,
        tilt=float(generator.uniform(-6, 6)),
        noise=float(generator.uniform(8, 18)) if noisy else None,
        level=float(generator.uniform(*bands)),
    )


@lru_cache(maxsize=64)
def room_response(room: float, variant: int) -> NDArray[np.complex64]:
    """Spectrum (_LENGTH // 2 + 1,) of a room of unit energy; room: reverberation time in seconds."""
    generator = np.random.default_rng([20261, variant])
    length = int(min(room * 1.1 + 0.07, 5.0) * SAMPLE_RATE)  # longer than the last early reflection
    seconds = np.arange(length) / SAMPLE_RATE
    decay = np.exp(-6.9 * seconds / max(room, 0.05))
    fast = np.exp(-6.9 * seconds / max(room * 0.45, 0.03))
    noise = generator.standard_normal(length)
    smooth = np.convolve(noise, np.ones(6) / 6, mode="same")
    response = smooth * decay * 2.0 + (noise - smooth) * fast
    response[: int(0.008 * SAMPLE_RATE)] *= 0.1
    delays = generator.uniform(0.006, 0.06, 8)
    response[(delays * SAMPLE_RATE).astype(int)] += generator.choice([-1.0, 1.0], 8) * np.linspace(6, 2, 8)
    response /= np.sqrt(np.sum(response**2))
    return np.fft.rfft(response, _LENGTH).astype(np.complex64)


@lru_cache(maxsize=1)
def _hertz() -> NDArray[np.float32]:
    return np.fft.rfftfreq(_LENGTH, 1 / SAMPLE_RATE).astype(np.float32)


def filter_gain(condition: Condition) -> NDArray[np.float32]:
    """Gain (_LENGTH // 2 + 1,) of the condition's tilt, low-pass and high-pass (24 dB an octave)."""
    hertz = np.maximum(_hertz(), 1.0)
    octaves = np.clip(np.log2(hertz / 900.0), -3.2, 3.2)
    gain = np.exp2(octaves * np.float32(condition.tilt / 6.4 / 6.02)).astype(np.float32)
    if condition.lowpass:
        gain /= np.sqrt(1 + (hertz / condition.lowpass) ** 8)
    if condition.highpass:
        gain /= np.sqrt(1 + (condition.highpass / hertz) ** 8)
    return gain


def _heard(samples: Samples, condition: Condition, length: int) -> Samples:
    """(n,) through room and filters, (length,): blocks of `LONGEST_SECONDS`, their decays added up."""
    from scipy.fft import irfft, rfft  # single precision, several times faster than numpy's

    through = filter_gain(condition).astype(np.complex64)
    if condition.room > 0 and condition.wet > 0:
        wet = room_response(round(condition.room, 1), condition.variant) * np.float32(np.sqrt(condition.wet))
        through = (wet + np.float32(np.sqrt(1 - condition.wet))) * filter_gain(condition)
    block = int(LONGEST_SECONDS * SAMPLE_RATE)
    heard = np.zeros(length, np.float32)
    for start in range(0, len(samples), block):
        spectrum = rfft(np.asarray(samples[start : start + block], dtype=np.float32), _LENGTH)
        sound = irfft(spectrum * through, _LENGTH)[: length - start]
        heard[start : start + len(sound)] += sound.astype(np.float32)
    return heard


def record(samples: Samples, condition: Condition, generator: np.random.Generator) -> Samples:
    """Dry samples (n,) -> (n + up to 1 s of decay,) in [-1, 1], never clipped."""
    length = len(samples) + int(min(condition.room, 1.0) * SAMPLE_RATE)
    heard = _heard(samples, condition, length)
    power = float(np.sqrt(np.mean(heard**2))) or 1.0
    if condition.noise is not None:
        hiss = generator.standard_normal(length, dtype=np.float32)
        hum = np.sin(2 * np.pi * 50 * np.arange(length, dtype=np.float32) / SAMPLE_RATE)
        level = np.float32(power * 10 ** (-condition.noise / 20))
        heard += (hiss + np.float32(0.3) * hum).astype(np.float32) * level
    fade = min(int(0.08 * SAMPLE_RATE), length)
    heard[length - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    gain = 10 ** (condition.level / 20) / power
    peak = float(np.abs(heard).max()) * gain
    return (heard * np.float32(gain * min(1.0, 0.97 / max(peak, 1e-9)))).astype(np.float32)
