"""Figures of keyboard music: how a hand plays a bar's harmony. Each takes a Bar and a generator and gives (onset, duration, pitch).

Times in ticks from the bar's start, 24 a quarter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Tone = tuple[int, int, int]


@dataclass(frozen=True)
class Bar:
    """What a figure needs: length and beat in ticks; chord and scale as pitch classes (root first); the hand's centre, a MIDI pitch.

    rhythm: the motif of the phrase as (onset, duration), contour: its steps along the scale.
    """

    length: int
    beat: int
    chord: tuple[int, ...]
    scale: tuple[int, ...]
    centre: int
    rhythm: tuple[tuple[int, int], ...]
    contour: tuple[int, ...]

    @property
    def beats(self) -> list[int]:
        """Where beats begin."""
        return list(range(0, self.length, self.beat))


Figure = Callable[[Bar, np.random.Generator], list[Tone]]


def ladder(classes: Sequence[int], low: int, high: int) -> list[int]:
    """All pitches of the classes in [low, high]."""
    return [pitch for pitch in range(low, high + 1) if pitch % 12 in classes]


def nearest(classes: Sequence[int], pitch: int) -> int:
    """The pitch of the classes that lies nearest."""
    return min((p for p in range(pitch - 6, pitch + 7) if p % 12 in classes), key=lambda p: abs(p - pitch))


def voicing(bar: Bar, centre: int, size: int) -> list[int]:
    """A close chord of `size` notes around a pitch."""
    tones = sorted(ladder(bar.chord, centre - 12, centre + 13), key=lambda p: abs(p - centre))
    return sorted(tones[:size])


def _grid(bar: Bar, step: int, line: Callable[[int], int]) -> list[Tone]:
    return [(tick, step, line(place)) for place, tick in enumerate(range(0, bar.length, step))]


def _bass(bar: Bar) -> int:
    return nearest((bar.chord[0],), bar.centre - 8)


def melody(bar: Bar, generator: np.random.Generator) -> list[Tone]:
    """The motif on the scale, chord notes on beats."""
    steps = ladder(bar.scale, bar.centre - 14, bar.centre + 17)
    place = min(range(len(steps)), key=lambda i: abs(steps[i] - nearest(bar.chord, bar.centre + 3)))
    tones = []
    for (onset, duration), move in zip(bar.rhythm, bar.contour, strict=False):
        place = int(np.clip(place + move, 0, len(steps) - 1))
        pitch = nearest(bar.chord, steps[place]) if onset % bar.beat == 0 and generator.random() < 0.6 else steps[place]
        if generator.random() < 0.06:
            pitch -= 1  # a chromatic neighbour
        tones.append((onset, duration, pitch))
    return tones


def _under(interval: int) -> Figure:
    """The melody with notes so many scale steps below."""

    def play(bar: Bar, generator: np.random.Generator) -> list[Tone]:
        tones = melody(bar, generator)
        steps = ladder(bar.scale, bar.centre - 40, bar.centre + 40)
        below = []
        for onset, duration, pitch in tones:
            at = int(np.searchsorted(steps, pitch))
            below.append((onset, duration, pitch - 12 if interval == 7 else steps[max(at - interval, 0)]))
        return tones + below

    return play


def chordal_melody(bar: Bar, generator: np.random.Generator) -> list[Tone]:
    """The melody on top of chords."""
    size = int(generator.integers(2, 4))
    tones = melody(bar, generator)
    full = []
    for onset, duration, pitch in tones:
        if duration >= bar.beat // 2 and generator.random() < 0.8:
            full += [(onset, duration, p) for p in ladder(bar.chord, pitch - 10, pitch - 3)[-size:]]
    return tones + full


def two_voices(bar: Bar, generator: np.random.Generator) -> list[Tone]:
    """The melody above a slower second voice."""
    tones = melody(bar, generator)
    low = min(pitch for _, _, pitch in tones) if tones else bar.centre
    held = bar.length if generator.random() < 0.4 else bar.beat
    return tones + [(tick, held, nearest(bar.chord, low - 6)) for tick in range(0, bar.length - held + 1, held)]


def run(bar: Bar, generator: np.random.Generator) -> list[Tone]:
    """A scale, diatonic or chromatic, up, down or turning."""
    steps = (
        list(range(bar.centre - 12, bar.centre + 16))
        if generator.random() < 0.25
        else ladder(bar.scale, bar.centre - 14, bar.centre + 18)
    )
    step = bar.beat // int(generator.choice([2, 4, 4, 3] if bar.beat == 24 else [3, 6]))
    direction = 1 if generator.random() < 0.5 else -1
    at = len(steps) // 4 if direction > 0 else 3 * len(steps) // 4
    turn = int(generator.integers(4, 17))
    tones = []
    for place, tick in enumerate(range(0, bar.length, step)):
        if place and (place % turn == 0 or not 0 <= at + direction < len(steps)):
            direction = -direction
        tones.append((tick, step, steps[at]))
        at = int(np.clip(at + direction, 0, len(steps) - 1))
    return tones


def _doubled_run(interval: int) -> Figure:
    """A run in thirds (2), sixths (5) or octaves (7)."""

    def play(bar: Bar, generator: np.random.Generator) -> list[Tone]:
        tones = run(bar, generator)
        steps = ladder(bar.scale, bar.centre - 40, bar.centre + 40)
        lower = [
            steps[max(int(np.searchsorted(steps, p)) - interval, 0)] if interval != 7 else p - 12 for _, _, p in tones
        ]
        return tones + [(tick, length, pitch) for (tick, length, _), pitch in zip(tones, lower, strict=True)]

    return play


def arpeggio(bar: Bar, generator: np.random.Generator) -> list[Tone]:
    """The chord up and down over up to three octaves."""
    reach = int(generator.choice([12, 17, 24, 30]))
    tones = ladder(bar.chord, bar.centre - reach // 2, bar.centre + (reach + 1) // 2)
    step = bar.beat // int(generator.choice([2, 4, 4, 3] if bar.beat == 24 else [3, 6]))
    shape = str(generator.choice(["up", "down", "wave"]))
    wave = tones + tones[-2:0:-1]
    line = {"up": tones, "down": tones[::-1], "wave": wave}[shape]
    return _grid(bar, step, lambda place: line[place % len(line)])


def repeated_chords(bar: Bar, generator: np.random.Generator) -> list[Tone]:
    """A chord on every beat or half beat."""
    chord = voicing(bar, bar.centre, int(generator.integers(2, 5)))
    step = bar.beat // (1 if generator.random() < 0.5 else 2 if bar.beat == 24 else 3)
    return [(tick, step, pitch) for tick in range(0, bar.length, step) for pitch in chord]


def long_chord(bar: Bar, generator: np.random.Generator) -> list[Tone]:
    """One chord a bar."""
    return [(0, bar.length, pitch) for pitch in voicing(bar, bar.centre, int(generator.integers(1, 5)))]


def alberti(bar: Bar, generator: np.random.Generator) -> list[Tone]:
    """Low, high, middle, high."""
    low, middle, high = voicing(bar, bar.centre, 3)
    order = (low, high, middle, high) if bar.beat == 24 else (low, middle, high)
    step = bar.beat // int(generator.choice([2, 4] if bar.beat == 24 else [3, 6]))
    return _grid(bar, step, lambda place: order[place % len(order)])


def stride(bar: Bar, generator: np.random.Generator) -> list[Tone]:
    """Bass on the first beat (or every other one), chords on the others; waltz and march."""
    chord = voicing(bar, bar.centre + 4, int(generator.integers(2, 4)))
    bass = _bass(bar) - (12 if generator.random() < 0.4 else 0)
    waltz = len(bar.beats) == 3
    tones: list[Tone] = []
    for place, tick in enumerate(bar.beats):
        low = place == 0 or (not waltz and place % 2 == 0)
        tones += [(tick, bar.beat, pitch) for pitch in ([bass] if low else chord)]
        if len(bar.beats) <= 2 and low and bar.beat == 24:
            tones[-1] = (tick, 12, bass)
            tones += [(tick + 12, 12, pitch) for pitch in chord]
    return tones


def octaves(bar: Bar, generator: np.random.Generator) -> list[Tone]:
    """A bass in octaves, on beats or in motion."""
    step = bar.beat // (1 if generator.random() < 0.6 else 2 if bar.beat == 24 else 3)
    walk = ladder(bar.scale if generator.random() < 0.4 else bar.chord, _bass(bar) - 5, _bass(bar) + 8)
    at = int(np.argmin(np.abs(np.array(walk) - _bass(bar))))
    tones = []
    for tick in range(0, bar.length, step):
        tones += [(tick, step, walk[at]), (tick, step, walk[at] - 12)]
        at = int(np.clip(at + generator.integers(-1, 2), 0, len(walk) - 1))
    return tones


def broken_octaves(bar: Bar, generator: np.random.Generator) -> list[Tone]:
    """A written-out tremolo between the bass and its octave, or between chord halves."""
    low, high = _bass(bar), _bass(bar) + 12
    step = bar.beat // int(generator.choice([2, 4] if bar.beat == 24 else [3, 6]))
    return _grid(bar, step, lambda place: high if place % 2 else low)


def held_bass(bar: Bar, generator: np.random.Generator) -> list[Tone]:
    """A bass note that lasts under offbeat chords: two voices."""
    chord = voicing(bar, bar.centre + 5, int(generator.integers(1, 4)))
    bass = _bass(bar) - (5 if generator.random() < 0.3 else 0)
    bass = nearest((bar.chord[0],), bass)
    half = bar.beat // 2 if bar.beat == 24 else bar.beat // 3
    tones = [(0, bar.length, bass)]
    for tick in bar.beats:
        tones += [(tick + half, bar.beat - half, pitch) for pitch in chord if pitch > bass]
    return tones


def walking(bar: Bar, generator: np.random.Generator) -> list[Tone]:
    """One scale note a beat."""
    steps = ladder(bar.scale, bar.centre - 12, bar.centre + 12)
    at = int(np.argmin(np.abs(np.array(steps) - nearest(bar.chord, bar.centre))))
    tones = []
    for tick in bar.beats:
        tones.append((tick, bar.beat, steps[at]))
        at = int(np.clip(at + generator.choice([-2, -1, 1, 2]), 0, len(steps) - 1))
    return tones


def silence(bar: Bar, generator: np.random.Generator) -> list[Tone]:
    """Nothing."""
    return []


RIGHT: tuple[tuple[Figure, float], ...] = (
    (melody, 5), (chordal_melody, 3), (two_voices, 2), (_under(2), 1.2), (_under(5), 1.2), (_under(7), 1.5), (run, 2),
    (_doubled_run(2), 0.5), (_doubled_run(5), 0.4), (_doubled_run(7), 0.5), (arpeggio, 1.5), (repeated_chords, 1), (long_chord, 0.5),
    (silence, 0.15),
)  # fmt: skip
LEFT: tuple[tuple[Figure, float], ...] = (
    (alberti, 2), (stride, 2), (octaves, 1.5), (arpeggio, 2), (repeated_chords, 1.2), (long_chord, 1.5), (broken_octaves, 0.7),
    (held_bass, 1.5), (walking, 1.2), (melody, 0.8), (run, 0.6), (_doubled_run(7), 0.2), (silence, 0.3),
)  # fmt: skip
