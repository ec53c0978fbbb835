"""Wholly invented keyboard music, for pages and sounds that no licence binds: harmony, phrases with motifs, figures for both hands.

The music is plain, but what it puts on paper is what keyboard music puts there: runs, arpeggios, octaves, chords, leaps, all keys.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pairs import invention_textures
from pairs.invention_figures import LEFT, RIGHT, Bar, Figure, Tone
from pairs.notation_voices import ScoreNote
from pairs.quantization import QUARTER, QuantizedSong, settle

_METERS = ((4, 4), (3, 4), (2, 4), (6, 8), (2, 2), (3, 8), (9, 8), (12, 8))
_METER_WEIGHTS = (0.38, 0.22, 0.14, 0.12, 0.05, 0.04, 0.02, 0.03)
_SIMPLE = (
    (24,),
    (12, 12),
    (6, 6, 6, 6),
    (18, 6),
    (12, 6, 6),
    (6, 6, 12),
    (8, 8, 8),
    (6, 12, 6),
    (6, 18),
    (-12, 12),
    (-24,),
    (8, 16),
    (16, 8),
)
_SIMPLE_WEIGHTS = (0.28, 0.24, 0.12, 0.08, 0.05, 0.05, 0.05, 0.02, 0.01, 0.04, 0.02, 0.01, 0.03)
_LONG = ((36, 12), (48,), (12, 24, 12), (24, 24), (12, 36), (42, 6), (36, 6, 6))
_COMPOUND = ((36,), (24, 12), (12, 12, 12), (18, 6, 12), (6,) * 6, (12, 24), (12, 12, 6, 6), (-12, 12, 12))
_COMPOUND_WEIGHTS = (0.2, 0.25, 0.25, 0.08, 0.06, 0.04, 0.08, 0.04)
# Degrees that follow a degree (0 is the tonic), in major and minor alike.
_FOLLOWS = {
    0: (3, 4, 5, 1, 0, 2),
    1: (4, 4, 0, 6),
    2: (5, 3),
    3: (0, 4, 1, 4),
    4: (0, 0, 5, 3),
    5: (1, 3, 4),
    6: (0, 4),
}


def invent(generator: np.random.Generator) -> QuantizedSong:
    """16 to 40 bars for two hands in a key of up to six signs; at times chromatic harmony, hands high or low. All drawn from generator."""
    meter = _METERS[int(generator.choice(len(_METERS), p=_METER_WEIGHTS))]
    key = int(np.clip(np.round(generator.normal(0, 3)), -6, 6))
    minor = bool(generator.random() < 0.4)
    length = 4 * QUARTER * meter[0] // meter[1]
    bars = int(generator.integers(16, 41))
    harmony = _Harmony(key, minor, float(generator.choice([0.05, 0.2, 0.5])), generator)
    centres = np.array([generator.normal(74, 5), generator.normal(50, 5)])
    choices = _choices(generator)
    notes: list[ScoreNote] = []
    number = 0
    while number < bars:
        size = min(int(generator.choice([1, 2, 2, 4, 4, 8])), bars - number)
        harmony.modulate()
        shift = np.round(generator.normal(0, (6.0, 4.0)))
        middle = [int(np.clip(c + s, *span)) for c, s, span in zip(centres, shift, ((60, 83), (38, 66)), strict=True)]
        phrase = _phrase(size, length, 36 if meter[1] == 8 else 24, harmony, choices, middle, generator)
        notes += [replace(note, onset=note.onset + number * length) for note in phrase]
        number += size
    return QuantizedSong(_ending(settle(_in_reach(notes)), harmony.home, bars, length), meter, key, title="")


class _Harmony:
    """The chords of a piece as they follow each other. home: the scale of its key; lush: how likely sevenths and altered chords are."""

    def __init__(self, key: int, minor: bool, lush: float, generator: np.random.Generator) -> None:
        self.minor, self.lush, self.generator = minor, lush, generator
        self.home = [
            (7 * key + step) % 12 for step in ((0, 2, 4, 5, 7, 9, 11) if not minor else (9, 11, 0, 2, 4, 5, 7))
        ]
        self.scale, self.degree = self.home, 0

    def modulate(self) -> None:
        """Away to another key of the same mode at times, and home again."""
        fifths = int(self.generator.choice([0, 0, 0, 0, 1, -1, 2, -3, 3, 4, -4, 6]))
        self.scale = [(pitch + 7 * fifths) % 12 for pitch in self.home]

    def chord(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Chord (root first) and scale of the next stretch. The dominant in minor has its leading note."""
        degree, generator = self.degree, self.generator
        self.degree = int(generator.choice(_FOLLOWS[degree]))
        local = list(self.scale)
        if self.minor and degree in (4, 6):
            local[6] = (self.scale[0] - 1) % 12
        size = 4 if generator.random() < self.lush else 3
        chord = [local[(degree + 2 * third) % 7] for third in range(size)]
        if generator.random() < 0.3 * self.lush:
            kind = generator.choice(["dominant", "diminished"])
            steps = (0, 4, 7, 10) if kind == "dominant" else (0, 3, 6, 9)
            chord = [(chord[0] + step) % 12 for step in steps]
            local = sorted(set(chord) | {p for p in local if all((p - c) % 12 not in (1, 11) for c in chord)})
        return tuple(chord), tuple(local)


def _choices(generator: np.random.Generator) -> tuple[list[Figure], list[Figure]]:
    """The few figures that a piece uses in each hand: plain ones, thick ones or both."""
    manner = int(generator.integers(3))
    found = []
    for plain, thick in ((RIGHT, invention_textures.RIGHT), (LEFT, invention_textures.LEFT)):
        table = (plain, thick, plain + thick)[manner]
        found.append([_draw(table, generator) for _ in range(int(generator.integers(2, 6)))])
    return found[0], found[1]


def _phrase(
    size: int, length: int, beat: int, harmony: _Harmony, choices: tuple[list[Figure], list[Figure]], centres: list[int],
    generator: np.random.Generator,
) -> list[ScoreNote]:  # fmt: skip
    """Bars with one figure a hand, on one or several chords each."""
    figures = [hand[int(generator.integers(len(hand)))] for hand in choices]
    motifs = [_rhythm(length, beat, generator) for _ in range(2)]
    contours = [
        tuple(int(move) for move in generator.choice([-3, -2, -1, -1, 0, 1, 1, 2, 3, 5], size=64)) for _ in range(2)
    ]
    # Drawn anew for each bar, or the same way in all, as a study keeps its pattern.
    seeds = [int(seed) for seed in generator.integers(2**32, size=2)] if generator.random() < 0.7 else []
    unison = bool(generator.random() < 0.06)
    # Chords a bar: one, two halves, or one each beat.
    beats = length // beat
    parts = int(generator.choice([1, 1, 2 if beats % 2 == 0 else 1, beats]))
    notes: list[ScoreNote] = []
    for place in range(size):
        if generator.random() < 0.3:
            motifs[place % 2] = _rhythm(length, beat, generator)
        for part in range(parts):
            start, end = part * length // parts, (part + 1) * length // parts
            chord, scale = harmony.chord()
            rhythm = tuple((t - start, min(d, end - t)) for t, d in motifs[place % 2] if start <= t < end)
            right, left = (Bar(end - start, beat, chord, scale, c, rhythm, contours[place % 2]) for c in centres)
            draws = [np.random.default_rng(seed) for seed in seeds] or [generator, generator]
            upper = figures[0](right, draws[0])
            lower = [(t, d, p - 12) for t, d, p in upper] if unison else figures[1](left, draws[1])
            notes += _placed(upper, place * length + start, 0) + _placed(lower, place * length + start, 1)
    return notes


def _draw(figures: tuple[tuple[Figure, float], ...], generator: np.random.Generator) -> Figure:
    weights = np.array([weight for _, weight in figures])
    return figures[int(generator.choice(len(figures), p=weights / weights.sum()))][0]


def _rhythm(length: int, beat: int, generator: np.random.Generator) -> tuple[tuple[int, int], ...]:
    """A bar's (onset, duration); rests are gaps."""
    cells: list[int] = []
    while (used := sum(map(abs, cells))) < length:
        if beat == 36:
            cells += _COMPOUND[int(generator.choice(len(_COMPOUND), p=_COMPOUND_WEIGHTS))]
        elif used + 48 <= length and used % 48 == 0 and generator.random() < 0.3:
            cells += _LONG[int(generator.integers(len(_LONG)))]
        else:
            cells += _SIMPLE[int(generator.choice(len(_SIMPLE), p=_SIMPLE_WEIGHTS))]
    starts = np.cumsum([0, *map(abs, cells[:-1])])
    return tuple((int(start), cell) for start, cell in zip(starts, cells, strict=True) if cell > 0)


def _placed(tones: list[Tone], start: int, staff: int) -> list[ScoreNote]:
    return [ScoreNote(start + onset, duration, pitch, staff) for onset, duration, pitch in tones]


def _in_reach(notes: list[ScoreNote]) -> list[ScoreNote]:
    """Pitches folded into the piano's compass; a left hand that would cross the right one's notes at its onset is left out."""
    lowest: dict[int, int] = {}
    for note in notes:
        if note.staff == 0:
            lowest[note.onset] = min(lowest.get(note.onset, 127), note.pitch)
    kept = []
    for note in notes:
        if note.staff == 1 and note.pitch >= lowest.get(note.onset, 127):
            continue
        pitch = note.pitch + 12 * max(-(-(24 - note.pitch) // 12), 0) - 12 * max(-(-(note.pitch - 103) // 12), 0)
        kept.append(ScoreNote(note.onset, note.duration, pitch, note.staff))
    return kept


def _ending(notes: list[ScoreNote], scale: list[int], bars: int, length: int) -> list[ScoreNote]:
    """The last bar becomes a chord of the tonic."""
    last = (bars - 1) * length
    before = [note for note in notes if note.onset < last]
    tonic = scale[0]
    low = 36 + (tonic - 36) % 12
    final = [(low, 1), (low + 12, 1), *((p, 0) for p in range(62, 76) if p % 12 in (scale[0], scale[2], scale[4]))]
    return before + [ScoreNote(last, length, pitch, staff) for pitch, staff in final]
