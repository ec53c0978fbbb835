"""Wholly invented keyboard music, for pages and sounds that no licence binds: harmony, phrases with motifs, figures for both hands.

The music is plain, but what it puts on paper is what keyboard music puts there: runs, arpeggios, octaves, chords, leaps, all keys.
"""

from __future__ import annotations

import numpy as np

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
    beat = 36 if meter[1] == 8 else 24
    bars = int(generator.integers(16, 41))
    scale = [(7 * key + step) % 12 for step in ((0, 2, 4, 5, 7, 9, 11) if not minor else (9, 11, 0, 2, 4, 5, 7))]
    lush = float(generator.choice([0.05, 0.2, 0.5]))
    centres = np.array([generator.normal(74, 5), generator.normal(50, 5)])
    notes: list[ScoreNote] = []
    degree, number = 0, 0
    while number < bars:
        size = min(int(generator.choice([1, 2, 2, 4, 4, 8])), bars - number)
        figures = [_draw(RIGHT, generator), _draw(LEFT, generator)]
        motifs = [_rhythm(length, beat, generator) for _ in range(2)]
        contours = [
            tuple(int(move) for move in generator.choice([-3, -2, -1, -1, 0, 1, 1, 2, 3, 5], size=64)) for _ in range(2)
        ]
        shift = np.round(generator.normal(0, (6.0, 4.0)))
        for place in range(size):
            chord, chordal_scale = _harmony(scale, degree, minor=minor, lush=lush, generator=generator)
            for staff in (0, 1):
                if generator.random() < 0.15:
                    motifs[place % 2] = _rhythm(length, beat, generator)
                low, high = ((60, 83), (38, 66))[staff]
                centre = int(np.clip(centres[staff] + shift[staff], low, high))
                bar = Bar(length, beat, chord, chordal_scale, centre, motifs[place % 2], contours[place % 2])
                notes += _placed(figures[staff](bar, generator), (number + place) * length, staff)
            degree = int(generator.choice(_FOLLOWS[degree]))
        number += size
    return QuantizedSong(_ending(settle(_in_reach(notes)), scale, bars, length), meter, key, title="")


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


def _harmony(
    scale: list[int], degree: int, *, minor: bool, lush: float, generator: np.random.Generator
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Chord (root first) and scale of a bar. The dominant in minor has its leading note.

    lush: how likely sevenths and altered chords are.
    """
    local = list(scale)
    if minor and degree in (4, 6):
        local[6] = (scale[0] - 1) % 12
    size = 4 if generator.random() < lush else 3
    chord = [local[(degree + 2 * third) % 7] for third in range(size)]
    if generator.random() < 0.3 * lush:
        kind = generator.choice(["dominant", "diminished"])
        root = chord[0]
        chord = (
            [root, (root + 4) % 12, (root + 7) % 12, (root + 10) % 12]
            if kind == "dominant"
            else [(root + 3 * k) % 12 for k in range(4)]
        )
        local = sorted(set(chord) | {p for p in local if all((p - c) % 12 not in (1, 11) for c in chord)})
    return tuple(chord), tuple(local)


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
