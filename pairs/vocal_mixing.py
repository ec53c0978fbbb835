"""A voice and an accompaniment as a recording: rooms, tone and levels of each, and of the whole. Nothing is ever clipped."""

from __future__ import annotations

import numpy as np

from pairs.rooms import Condition, Samples, record

QUIETEST, LOUDEST = -5.0, 7.0  # decibels of the voice over its accompaniment
_PEAK = 0.97


def draw_voice_condition(generator: np.random.Generator) -> Condition:
    """How a voice is recorded: closer and drier than instruments, another microphone each time."""
    wet = float(generator.uniform(0.02, 0.25)) if generator.random() < 0.7 else 0.0
    return Condition(
        room=float(generator.choice([0.3, 0.6, 1.0, 1.6, 2.2])),
        wet=wet,
        variant=int(generator.integers(6)),
        lowpass=float(generator.uniform(4500, 9500)) if generator.random() < 0.1 else 0.0,
        highpass=float(generator.uniform(60, 180)) if generator.random() < 0.4 else 0.0,
        tilt=float(generator.uniform(-4, 4)),
        noise=float(generator.uniform(22, 45)) if generator.random() < 0.4 else None,
        level=float(generator.uniform(-27, -16)),
    )


def draw_backing_condition(generator: np.random.Generator) -> Condition:
    """How an accompaniment is recorded."""
    return Condition(
        room=float(generator.choice([0.3, 0.6, 1.2, 2.0])),
        wet=float(generator.uniform(0.0, 0.35)),
        variant=int(generator.integers(6)),
        tilt=float(generator.uniform(-6, 6)),
        level=-20.0,
    )


def equal_power(samples: Samples) -> Samples:
    """Samples (n,) at a root mean square of 0.1, silence as it is."""
    power = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    return samples if power < 1e-9 else (samples * np.float32(0.1 / power)).astype(np.float32)


def mix(voice: Samples, backing: Samples, *, decibels: float) -> tuple[Samples, float]:
    """Two recordings (n,), (m,) together, (min(n, m),): equalized in root mean square, then the voice so many decibels louder. Scaled down
    where it would clip, by the gain that is told.
    """
    length = min(len(voice), len(backing))
    both = equal_power(voice[:length]) * np.float32(10 ** (decibels / 20)) + equal_power(backing[:length])
    gain = min(1.0, _PEAK / max(float(np.abs(both).max(initial=0.0)), 1e-9))
    return (both * np.float32(gain)).astype(np.float32), gain


def draw_master(generator: np.random.Generator) -> Condition:
    """What is done to a whole mix: tone, level, at times hiss."""
    return Condition(
        tilt=float(generator.uniform(-3, 3)),
        lowpass=float(generator.uniform(4500, 9500)) if generator.random() < 0.05 else 0.0,
        noise=float(generator.uniform(25, 45)) if generator.random() < 0.15 else None,
        level=float(generator.uniform(-26, -16)),
    )


def recorded(samples: Samples, condition: Condition, generator: np.random.Generator) -> Samples:
    """As `pairs.rooms.record`, cut to the length of the samples (n,)."""
    return record(samples, condition, generator)[: len(samples)]
