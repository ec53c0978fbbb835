"""Instrument studies: single notes and short phrases of one instrument, made by rule and not from any score.

Scores give an instrument in the company of rhythm, key and others; recordings of real instruments are often one note. The tags are only
what one note can tell: the instrument, its family, that it is alone, register, loudness, and the recording.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pairs import facts
from pairs.arrangement import SOLOISTS
from pairs.facts import Performance
from pairs.instruments import BY_NAME, DRUMS
from pairs.notes import Part
from pairs.rendering import Rendering, synthesize
from pairs.rooms import draw_condition, record
from pairs.vocabulary import with_implied

INSTRUMENTS = (*SOLOISTS, "timpani", DRUMS)
DRUM_PITCHES = (35, 82)  # of General MIDI's percussion


def study(name: str, *, seed: Sequence[int], number: int) -> Rendering:
    """Study `number` of an instrument: 0.4 to 4 seconds, one to six notes, in a room. The same arguments give the same bytes."""
    generator = np.random.default_rng([*seed, number])
    loudness = str(generator.choice(["", "soft", "loud"]))
    performance = Performance((_part(name, loudness, generator),), (name,))
    condition = draw_condition(generator, natural="study", loudness=loudness)
    samples = record(synthesize(performance), condition, generator)
    heard = facts.instruments(performance) | facts.register(performance) | facts.dynamics(performance)
    tags = with_implied({*heard, *condition.words})
    return Rendering(samples, tags, "study", 60.0, 0.0, condition, performance)


def _part(name: str, loudness: str, generator: np.random.Generator) -> Part:
    count = int(generator.choice([1, 1, 1, 2, 4, 6]))
    length = float(np.exp(generator.uniform(np.log(0.2), np.log(3.0 if count == 1 else 0.8))))
    if name == DRUMS:
        program, low, high = 0, *DRUM_PITCHES
    else:
        instrument = BY_NAME[name]
        program, low, high = int(generator.choice(instrument.programs)), instrument.low, instrument.high + 1
    first = int(generator.integers(low, high))
    steps = np.concatenate([[0], generator.integers(-4, 5, count - 1)]).cumsum()
    centre = {"soft": 40, "loud": 108}.get(loudness, 76)
    return Part(
        name,
        onset=np.asarray(0.02 + np.arange(count) * length, dtype=np.float64),
        duration=np.full(count, length * float(generator.uniform(0.6, 1.0))),
        pitch=np.clip(first + steps, low, high - 1).astype(np.int64),
        velocity=np.clip(centre + generator.normal(0, 6, count), 15, 124).astype(np.int64),
        program=program,
        drums=name == DRUMS,
    )
