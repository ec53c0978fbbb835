"""Simple accompaniments for melodies: triads chosen by the notes that they hold, a bass line, a drum beat."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pairs.notes import Notes, Part

_TRIADS = [(root, quality) for quality in ((0, 4, 7), (0, 3, 7)) for root in range(12)]
_KICK, _SNARE, _HAT = 36, 38, 42


def bar_length(metre: tuple[int, int] | None) -> float:
    """Length of a bar in quarters; 4 where there is no metre."""
    return 4.0 if metre is None else 4.0 * metre[0] / metre[1]


def chords(notes: Notes, *, broken: bool = False) -> Part:
    """A triad for every half bar (every bar in triple metres), in the octave from G3; as chords or broken upwards.

    The triad that covers most of the sounding time wins, weighted by how common its notes are in the whole piece.
    """
    onset, duration, pitch = notes.joined()
    bar = bar_length(notes.metre)
    step = bar / 2 if bar % 2 == 0 and bar >= 4 else bar
    weight = np.bincount(pitch % 12, weights=duration, minlength=12)
    scale = weight / max(float(weight.sum()), 1e-9)
    rows: list[tuple[float, float, int]] = []
    for start in np.arange(0.0, max(notes.end, step), step):
        shared = np.minimum(onset + duration, start + step) - np.maximum(onset, start)
        inside = shared > 0
        heard = np.bincount(pitch[inside] % 12, weights=shared[inside], minlength=12) / step
        worth = [sum(heard[(r + t) % 12] + 0.4 * scale[(r + t) % 12] for t in q) + 0.2 * heard[r] for r, q in _TRIADS]
        root, quality = _TRIADS[int(np.argmax(worth))]
        tones = sorted(55 + (root + tone - 55) % 12 for tone in quality)
        for place, tone in enumerate(tones):
            delay = step * place / len(tones) if broken else 0.0
            rows.append((float(start) + delay, step - delay, tone))
    return part_of_rows(rows, "chords")


def part_of_rows(rows: list[tuple[float, float, int]], name: str, *, drums: bool = False) -> Part:
    """(onset, duration, pitch) rows as a Part of velocity 80, sorted."""
    table = np.array(sorted((onset, pitch, duration) for onset, duration, pitch in rows))
    return Part(name, table[:, 0], table[:, 2], table[:, 1].astype(np.int64), np.full(len(table), 80), drums=drums)


def bass_line(harmony: Part) -> Part:
    """The lowest note of each chord."""
    first = np.ones(len(harmony), bool)
    first[1:] = harmony.pitch[1:] < harmony.pitch[:-1]
    low = harmony.select(first)
    return replace(low, name="bass")


def drum_beat(notes: Notes, generator: np.random.Generator) -> Part:
    """Kick on the first beat, snare on the others or the off-beats, hi-hat between, in the piece's metre."""
    bar = bar_length(notes.metre)
    compound = notes.metre is not None and notes.metre[1] >= 8 and notes.metre[0] % 3 == 0
    beat = 1.5 if compound else 1.0
    finer = beat / 3 if compound else beat / 2
    sparse = generator.random() < 0.3
    rows: list[tuple[float, float, int]] = []
    for start in np.arange(0.0, max(notes.end, bar), bar):
        for place in np.arange(0.0, bar - 1e-6, beat):
            number = round(place / beat)
            rows.append((float(start + place), 0.2, _KICK if number % 2 == 0 else _SNARE))
        if not sparse:
            rows.extend((float(start + place), 0.1, _HAT) for place in np.arange(0.0, bar - 1e-6, finer))
    return part_of_rows(rows, "drums", drums=True)
