"""Thicker figures, as romantic and virtuoso piano music has them: wide arpeggios, inner voices, tremolos, full chords, patterns.

As those of `invention_figures`: each takes a Bar and a generator and gives (onset, duration, pitch), in ticks from the bar's start.
"""

from __future__ import annotations

import numpy as np

from pairs.invention_figures import Bar, Figure, Tone, ladder, melody, nearest, voicing


def fine_step(bar: Bar, generator: np.random.Generator, *, coarsest: int = 2) -> int:
    """Ticks of a fast note: the beat in 2, 3, 4, 6 or 8 parts, where the beat is a dotted one in 3, 6 or 12."""
    if bar.beat == 36:
        return int(bar.beat // generator.choice([3, 6, 6]))
    choices = [parts for parts in (2, 3, 4, 4, 4, 6, 6, 8) if parts >= coarsest]
    return int(bar.beat // generator.choice(choices))


def _grid(bar: Bar, step: int, pitches: list[int]) -> list[Tone]:
    return [(tick, step, pitches[place % len(pitches)]) for place, tick in enumerate(range(0, bar.length, step))]


def wide_arpeggio(bar: Bar, generator: np.random.Generator) -> list[Tone]:
    """Bass, fifth, octave, tenth and on, up and back, over two or three octaves."""
    bass = nearest((bar.chord[0],), bar.centre - 10)
    tones = ladder(bar.chord, bass + 5, bass + int(generator.choice([17, 22, 29, 36])))
    if generator.random() < 0.5:
        tones = tones[:: int(generator.integers(1, 3))]
    line = [bass, *tones]
    back = line[-2:0:-1] if generator.random() < 0.7 else []
    return _grid(bar, fine_step(bar, generator), line + back)


def held_bass_arpeggio(bar: Bar, generator: np.random.Generator) -> list[Tone]:
    """A bass that lasts, in octaves at times, with the chord broken above it."""
    bass = nearest((bar.chord[0],), bar.centre - 12)
    step = fine_step(bar, generator)
    above = ladder(bar.chord, bass + 7, bass + 21) or [bass + 12]
    tones: list[Tone] = [(0, bar.length, bass)]
    if generator.random() < 0.35:
        tones.append((0, bar.length, bass - 12))
    shift = int(generator.integers(0, 3))
    ticks = range(step, bar.length, step)
    return tones + [(tick, step, above[(place + shift) % len(above)]) for place, tick in enumerate(ticks)]


def melody_over_arpeggio(bar: Bar, generator: np.random.Generator) -> list[Tone]:
    """The motif on top and the chord broken beneath it, one hand, two voices."""
    tones = melody(bar, generator)
    if not tones:
        return tones
    low = min(pitch for _, _, pitch in tones)
    inner = ladder(bar.chord, low - 13, low - 2) or [low - 7]
    step = fine_step(bar, generator, coarsest=3)
    wave = inner + inner[-2:0:-1]
    struck = {onset for onset, _, _ in tones}
    grid = [(t, step, wave[i % len(wave)]) for i, t in enumerate(range(0, bar.length, step)) if t not in struck]
    return tones + grid


def full_chords(bar: Bar, generator: np.random.Generator) -> list[Tone]:
    """The motif in chords of three to five notes, the outer ones an octave apart."""
    tones = []
    size = int(generator.integers(1, 4))
    for onset, duration, pitch in melody(bar, generator):
        between = ladder(bar.chord, pitch - 10, pitch - 2)
        tones += [(onset, duration, p) for p in {pitch, pitch - 12, *between[-size:]}]
    return tones


def tremolo(bar: Bar, generator: np.random.Generator) -> list[Tone]:
    """Two halves of a chord in turn, written out."""
    chord = voicing(bar, bar.centre, int(generator.integers(2, 5)))
    half = max(1, len(chord) // 2)
    lower, upper = chord[:half], chord[half:] or [chord[0] + 12]
    if generator.random() < 0.3:
        lower, upper = upper, lower
    step = fine_step(bar, generator, coarsest=4)
    ticks = enumerate(range(0, bar.length, step))
    return [(tick, step, pitch) for place, tick in ticks for pitch in (upper if place % 2 else lower)]


def repeated_notes(bar: Bar, generator: np.random.Generator) -> list[Tone]:
    """The motif's notes struck again and again."""
    step = fine_step(bar, generator)
    tones = []
    for onset, duration, pitch in melody(bar, generator):
        first = -(-onset // step) * step
        if first != onset or duration <= step:
            tones.append((onset, duration, pitch))
        else:
            tones += [
                (tick, min(step, onset + duration - tick), pitch) for tick in range(onset, onset + duration, step)
            ]
    return tones


def pattern(bar: Bar, generator: np.random.Generator) -> list[Tone]:
    """A group of 3 to 8 notes on scale and chord, given by the motif's contour, that repeats on other steps: preludes and studies."""
    step = fine_step(bar, generator)
    size = int(np.clip(3 + abs(sum(bar.contour[:5])) % 6, 3, 8)) if generator.random() < 0.5 else bar.beat // step
    chordal = bar.contour[5] > 0
    rungs = ladder(bar.chord if chordal else bar.scale, bar.centre - 17, bar.centre + 20)
    middle = int(np.argmin(np.abs(np.array(rungs) - bar.centre)))
    offsets = np.cumsum([0, *bar.contour[6 : 5 + max(size, 2)]])
    drift = int(np.sign(bar.contour[20])) if generator.random() < 0.6 else 0
    tones = []
    for place, tick in enumerate(range(0, bar.length, step)):
        at = middle + int(offsets[place % len(offsets)]) + drift * (place // len(offsets))
        pitch = rungs[int(np.clip(at, 0, len(rungs) - 1))]
        if not chordal and generator.random() < 0.05:
            pitch += 1
        tones.append((tick, step, pitch))
    return tones


def broken_intervals(bar: Bar, generator: np.random.Generator) -> list[Tone]:
    """A scale in broken thirds, sixths or octaves."""
    interval = int(generator.choice([2, 3, 5, 7]))
    steps = ladder(bar.scale, bar.centre - 17, bar.centre + 20)
    step = fine_step(bar, generator)
    direction = 1 if bar.contour[0] >= 0 else -1
    at = len(steps) // 2 - direction * int(generator.integers(0, 6))
    tones = []
    for place, tick in enumerate(range(0, bar.length, step)):
        rung = at + direction * (place // 2) + (interval if place % 2 else 0)
        tones.append((tick, step, steps[int(np.clip(rung, 0, len(steps) - 1))]))
    return tones


def offbeat_chords(bar: Bar, generator: np.random.Generator) -> list[Tone]:
    """Chords on every second fast note, against the other hand."""
    chord = voicing(bar, bar.centre, int(generator.integers(1, 5)))
    step = fine_step(bar, generator)
    return [(tick, step, pitch) for tick in range(step, bar.length, 2 * step) for pitch in chord]


def two_lines(bar: Bar, generator: np.random.Generator) -> list[Tone]:
    """The motif with a second melody below in another rhythm."""
    upper = melody(bar, generator)
    low = min((pitch for _, _, pitch in upper), default=bar.centre)
    steps = ladder(bar.scale, low - 13, low - 3) or [low - 5]
    step = int(generator.choice([bar.beat, bar.beat // 2 if bar.beat == 24 else bar.beat // 3]))
    at = len(steps) // 2
    lower = []
    for place, tick in enumerate(range(0, bar.length, step)):
        at = int(np.clip(at + bar.contour[30 + place % 30], 0, len(steps) - 1))
        lower.append((tick, step, steps[at]))
    return upper + lower


def leaps(bar: Bar, generator: np.random.Generator) -> list[Tone]:
    """Low octave, then chords more than an octave above, over and over."""
    bass = nearest((bar.chord[0],), bar.centre - 14)
    chord = voicing(bar, bar.centre + int(generator.integers(2, 10)), int(generator.integers(2, 5)))
    step = bar.beat // (1 if generator.random() < 0.4 else 2 if bar.beat == 24 else 3)
    group = int(generator.choice([2, 2, 3, 4]))
    tones = []
    for place, tick in enumerate(range(0, bar.length, step)):
        struck = [bass, bass - 12] if place % group == 0 else chord
        tones += [(tick, step, pitch) for pitch in struck]
    return tones


def thick_run(bar: Bar, generator: np.random.Generator) -> list[Tone]:
    """Chords that move along the scale with the motif's contour: parallel sixth chords, sevenths or full triads."""
    shape = ((0, 2, 5), (0, 3, 5), (0, 2, 4, 7), (0, 4))[int(generator.integers(4))]
    steps = ladder(bar.scale, bar.centre - 24, bar.centre + 26)
    step = fine_step(bar, generator) if generator.random() < 0.3 else bar.beat // (2 if bar.beat == 24 else 3)
    at = int(np.argmin(np.abs(np.array(steps) - bar.centre))) - 2
    tones = []
    for place, tick in enumerate(range(0, bar.length, step)):
        at = int(np.clip(at + np.sign(bar.contour[place % 60]), 0, len(steps) - 8))
        tones += [(tick, step, steps[at + offset]) for offset in shape]
    return tones


RIGHT: tuple[tuple[Figure, float], ...] = (
    (melody_over_arpeggio, 3), (full_chords, 2), (pattern, 3), (wide_arpeggio, 1.5), (tremolo, 0.8), (repeated_notes, 0.8),
    (broken_intervals, 1), (offbeat_chords, 0.8), (two_lines, 2), (thick_run, 0.8), (melody, 2),
)  # fmt: skip
LEFT: tuple[tuple[Figure, float], ...] = (
    (wide_arpeggio, 4), (held_bass_arpeggio, 3), (pattern, 2), (leaps, 2), (tremolo, 1), (full_chords, 0.8), (two_lines, 1),
    (offbeat_chords, 0.8), (broken_intervals, 0.6), (repeated_notes, 0.4), (melody_over_arpeggio, 0.6),
)  # fmt: skip
