"""Written notes -> a pianist's performance: tempo that breathes, hands apart, voicing, articulation, pedal. Times in seconds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pairs.facts import Performance
from pairs.notes import Part

Floats = NDArray[np.float64]
PIANOS = (0, 0, 0, 0, 0, 1, 1, 2, 3, 6)  # General MIDI programs, the acoustic grand most often, a harpsichord at times


@dataclass(frozen=True)
class Played:
    """The sound's score, and when each note of the page begins in it (n,), seconds."""

    performance: Performance
    seconds: Floats


def choose_tempo(quarters: Floats, generator: np.random.Generator) -> float:
    """Quarters a minute at which 2 to 13 moments sound each second: what is dense is slow."""
    moments = np.unique(np.round(quarters, 3))
    per_quarter = len(moments) / max(1.0, float(np.ptp(quarters)))
    rate = float(np.exp(generator.uniform(np.log(2.0), np.log(13.0))))
    return float(np.clip(60 * rate / per_quarter, 30, 260))


def play(
    quarters: Floats,
    duration: Floats,
    pitch: NDArray[np.int64],
    staff: NDArray[np.int64],
    generator: np.random.Generator,
) -> Played:
    """Notes (n,) in the order of time, onset and duration in quarters -> a performance that begins after up to 2 s of silence."""
    begin = float(quarters.min())
    grid = np.arange(0, float((quarters + duration).max()) - begin + 2, 0.25)
    seconds_of = np.concatenate(
        [[0.0], np.cumsum(0.25 * 60 / _tempo(grid, choose_tempo(quarters, generator), generator))]
    )
    knots = np.concatenate([grid, [grid[-1] + 0.25]])

    def clock(values: Floats) -> Floats:
        return np.interp(values - begin, knots, seconds_of)

    apart = generator.normal(0, 0.02) * (staff > 0) + generator.normal(0, generator.uniform(0.004, 0.02), len(quarters))
    onset = np.maximum(0.0, clock(quarters) + apart) + float(generator.uniform(0.1, 2.0))
    end = clock(quarters + duration * _articulation(quarters, generator)) + (onset - clock(quarters))
    end = np.maximum(end, _pedalled(quarters, begin, clock, generator) + (onset - clock(quarters)))
    velocity = _voicing(quarters, pitch, generator)
    part = _part(onset, np.maximum(end - onset, 0.05), pitch, velocity, int(generator.choice(PIANOS)))
    performance = Performance((part,), ("piano",), None, 60.0)
    return Played(performance, onset)


def _part(onset: Floats, length: Floats, pitch: NDArray[np.int64], velocity: Floats, program: int) -> Part:
    order = np.argsort(onset, kind="stable")
    return Part(
        "piano",
        onset[order],
        length[order],
        np.clip(pitch, 12, 118)[order],
        np.round(velocity).astype(np.int64)[order],
        program,
        False,
    )


def _tempo(grid: Floats, qpm: float, generator: np.random.Generator) -> Floats:
    """Quarters a minute at each quarter beat: slow waves, a random walk, and a delay now and then."""
    depth = float(generator.uniform(0.0, 0.15))
    waves = sum(
        generator.normal() * np.sin(2 * np.pi * grid / period + generator.uniform(0, 6.28))
        for period in generator.uniform(4, 40, 3)
    )
    walk = np.cumsum(generator.normal(0, 0.02, len(grid)))
    walk -= np.linspace(walk[0], walk[-1], len(walk))
    log = depth * waves / 1.7 + depth * walk
    for place in generator.uniform(0, grid[-1] + 1, int(generator.poisson(len(grid) / 100))):
        log = log - generator.uniform(0.1, 0.6) * np.exp(
            -((grid - place) ** 2) / (2 * generator.uniform(0.3, 1.5) ** 2)
        )
    return np.asarray(qpm * np.exp(np.clip(log, -1.2, 0.7)))


def _articulation(quarters: Floats, generator: np.random.Generator) -> Floats:
    """Share of the written duration that is held, (n,): it changes every few bars."""
    kinds = generator.choice([0.4, 0.8, 0.98, 1.1], size=64, p=[0.15, 0.25, 0.4, 0.2])
    return np.asarray(kinds[(quarters // float(generator.choice([4, 8, 16]))).astype(int) % 64])


def _pedalled(quarters: Floats, begin: float, clock: object, generator: np.random.Generator) -> Floats:
    """When a pedal that changes each one, two or four quarters lets go of each note, (n,) seconds; 0 where there is none."""
    if generator.random() < 0.3:
        return np.zeros(len(quarters))
    change = float(generator.choice([1, 2, 2, 4]))
    down = generator.random(512) < generator.uniform(0.3, 1.0)
    span = ((quarters - begin) // change).astype(int)
    release = begin + (span + 1) * change
    return np.where(down[span % 512], clock(release), 0.0)  # type: ignore[operator]


def _voicing(quarters: Floats, pitch: NDArray[np.int64], generator: np.random.Generator) -> Floats:
    """Velocities (n,): phrases swell, the highest note of a moment sings."""
    level = generator.uniform(45, 95)
    swell = 14 * np.sin(2 * np.pi * quarters / generator.uniform(8, 40) + generator.uniform(0, 6.28))
    top = np.zeros(len(pitch))
    for rows in np.split(np.arange(len(quarters)), np.flatnonzero(np.diff(quarters) > 1e-3) + 1):
        top[rows[np.argmax(pitch[rows])]] = generator.uniform(0, 18)
    return np.clip(level + swell + top + generator.normal(0, 6, len(pitch)), 15, 125)
