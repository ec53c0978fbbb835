"""What editions print around the notes: slurs, dynamics, articulation, fingering, pedal, words. None of it alters a time.

Each kind is drawn or left out for a whole piece, then placed with a density of its own, so that pages differ as editions do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pairs.notation_rhythm import Meter
from pairs.notation_voices import Layer, Symbol

_DYNAMICS = ("pp", "p", "mp", "mf", "f", "ff", "sf", "fp", "sfz")
_TEMPI = ("Allegro", "Andante", "Adagio", "Presto", "Moderato", "Largo", "Allegretto", "Vivace", "Lento", "Andantino", "Tempo di Minuetto",
          "Allegro con brio", "Grave", "Molto allegro", "Langsam", "Lebhaft", "Un poco vivace", "Maestoso")  # fmt: skip
_WORDS = ("dolce", "cresc.", "dim.", "legato", "espressivo", "cantabile", "poco rit.", "a tempo", "leggiero", "sempre p", "marcato",
          "rit.", "sotto voce", "con fuoco", "tranquillo", "m.s.", "decresc.", "simile")  # fmt: skip
_SYLLABLES = (
    "la",
    "do",
    "mein",
    "ta",
    "ve",
    "ri",
    "lo",
    "ge",
    "Herz",
    "sei",
    "mor",
    "san",
    "ni",
    "al",
    "le",
    "lu",
    "love",
    "the",
    "my",
    "ge",
)


@dataclass
class Marks:
    """controls: XML per measure; attributes and children: XML for the symbol of an id."""

    controls: list[list[str]]
    attributes: dict[str, str]
    children: dict[str, str]


Staves = Sequence[Sequence[Sequence[Layer]]]  # [staff][measure][layer]


def octave_shifts(staff: Sequence[Sequence[Layer]], clefs: Sequence[str], generator: np.random.Generator) -> list[int]:
    """1 for measures of a staff to write under an 8va, -1 under an 8vb, else 0; no note is tied into or out of a run of them."""
    shifts = []
    for layers, clef in zip(staff, clefs, strict=True):
        pitches = [pitch for layer in layers for symbol in layer for _, pitch in symbol.heads]
        high = clef == "G2" and bool(pitches) and min(pitches) >= 76 and max(pitches) >= 91
        low = clef == "F4" and bool(pitches) and max(pitches) <= 48 and min(pitches) <= 30
        shifts.append(int(high) - int(low))
    if generator.random() < 0.4:
        return [0] * len(shifts)
    indices = [{index for layer in layers for symbol in layer for index, _ in symbol.heads} for layers in staff]
    changed = True
    while changed:
        changed = False
        for place, (one, two) in enumerate(pairwise(shifts)):
            if one != two and indices[place] & indices[place + 1]:
                shifts[place] = shifts[place + 1] = 0
                changed = True
    return shifts


def _octave_signs(marks: Marks, staff: Sequence[Sequence[Layer]], number: int) -> None:
    runs: list[list[tuple[int, Symbol]]] = []
    before = 0
    for measure, layers in enumerate(staff):
        symbols = sorted((symbol for layer in layers for symbol in layer if symbol.heads), key=lambda s: s.value.start)
        shift = symbols[0].shift if symbols else 0
        if shift and shift != before:
            runs.append([])
        if shift:
            runs[-1] += [(measure, symbol) for symbol in symbols]
        before = shift
    for run in runs:
        place = "above" if run[0][1].shift > 0 else "below"
        marks.controls[run[0][0]].append(
            f'<octave staff="{number + 1}" dis="8" dis.place="{place}" startid="#{run[0][1].id}" endid="#{run[-1][1].id}"/>'
        )


def draw_marks(staves: Staves, grid: Meter, generator: np.random.Generator) -> Marks:
    """Marks for a laid out piece."""
    marks = Marks([[] for _ in staves[0]], {}, {})
    sparse = float(generator.uniform(0.2, 1.0))  # how much this edition prints at all
    if generator.random() < 0.6:
        _words(marks, staves, generator, sparse)
    if generator.random() < 0.65 * sparse + 0.15:
        _dynamics(marks, staves, generator, float(generator.uniform(0.1, 0.6)))
    for staff in range(len(staves)):
        _octave_signs(marks, staves[staff], staff)
        if generator.random() < 0.6 * sparse + 0.1:
            _slurs(marks, staves[staff], grid.beats, generator, float(generator.uniform(0.2, 0.9)))
    if generator.random() < 0.6 * sparse:
        _articulation(marks, staves, generator, float(generator.uniform(0.03, 0.35)))
    if generator.random() < 0.4 * sparse:
        _fingering(marks, staves, generator, float(generator.uniform(0.05, 0.4)))
    if len(staves) == 2 and generator.random() < 0.35 * sparse:
        _pedal(marks, staves, grid, generator)
    if (len(staves) != 2 and generator.random() < 0.5) or generator.random() < 0.04:
        _lyrics(marks, staves[0], generator)
    if generator.random() < 0.25:
        last = _struck(staves[0][-1])
        if last:
            marks.controls[-1].append(f'<fermata startid="#{last[-1].id}" place="above"/>')
    return marks


def _struck(layers: Sequence[Layer], layer: int = 0) -> list[Symbol]:
    return [symbol for symbol in layers[min(layer, len(layers) - 1)] if symbol.heads and symbol.begins]


def _words(marks: Marks, staves: Staves, generator: np.random.Generator, density: float) -> None:
    words = str(generator.choice(_TEMPI))
    marks.controls[0].append(f'<tempo tstamp="1" staff="1" place="above">{words}</tempo>')
    for measure in range(1, len(staves[0])):
        if generator.random() < 0.08 * density:
            place = "above" if generator.random() < 0.3 else "below"
            word = generator.choice(_WORDS)
            marks.controls[measure].append(
                f'<dir tstamp="1" staff="1" place="{place}"><rend fontstyle="italic">{word}</rend></dir>'
            )


def _dynamics(marks: Marks, staves: Staves, generator: np.random.Generator, density: float) -> None:
    for measure, layers in enumerate(staves[0]):
        notes = _struck(layers)
        if not notes or (measure and generator.random() > density):
            continue
        first = notes[int(generator.integers(len(notes)))] if measure else notes[0]
        if generator.random() < 0.65 or not measure:
            level = generator.choice(_DYNAMICS, p=(0.1, 0.25, 0.1, 0.15, 0.2, 0.07, 0.07, 0.03, 0.03))
            marks.controls[measure].append(f'<dynam startid="#{first.id}" place="below">{level}</dynam>')
        elif first is not notes[-1]:
            form = "cres" if generator.random() < 0.5 else "dim"
            marks.controls[measure].append(
                f'<hairpin form="{form}" startid="#{first.id}" endid="#{notes[-1].id}" place="below"/>'
            )


def _slurs(
    marks: Marks, staff: Sequence[Sequence[Layer]], beats: Sequence[int], generator: np.random.Generator, density: float
) -> None:
    """Phrases of the first layer, of 2 to about 12 notes, never over a rest, most from a beat."""
    line: list[tuple[int, Symbol]] = []
    length = int(generator.integers(2, 13))
    for measure, layers in enumerate(staff):
        for symbol in layers[0]:
            if symbol.heads:
                if symbol.begins and (line or symbol.value.start in beats or generator.random() < 0.2):
                    line.append((measure, symbol))
                if len(line) < length:
                    continue
            if len(line) > 1 and generator.random() < density:
                marks.controls[line[0][0]].append(f'<slur startid="#{line[0][1].id}" endid="#{line[-1][1].id}"/>')
            line, length = [], int(generator.integers(2, 13))


def _articulation(marks: Marks, staves: Staves, generator: np.random.Generator, density: float) -> None:
    for staff in staves:
        for layers in staff:
            here = generator.random() < density
            kind = str(generator.choice(["stacc", "acc", "ten", "marc", "stacciss"], p=(0.6, 0.2, 0.1, 0.05, 0.05)))
            for layer in layers:
                for symbol in layer:
                    if (
                        here
                        and symbol.heads
                        and symbol.begins
                        and symbol.value.value >= (4 if kind.startswith("stacc") else 2)
                    ) and generator.random() < (0.8 if kind == "stacc" else 0.3):
                        marks.attributes[symbol.id] = f' artic="{kind}"'


def _fingering(marks: Marks, staves: Staves, generator: np.random.Generator, density: float) -> None:
    for staff, measures in enumerate(staves):
        place = "below" if staff == len(staves) - 1 and staff else "above"
        for measure, layers in enumerate(measures):
            for symbol in _struck(layers):
                if generator.random() < density:
                    marks.controls[measure].append(
                        f'<fing startid="#{symbol.id}" place="{place}">{generator.integers(1, 6)}</fing>'
                    )


def _pedal(marks: Marks, staves: Staves, grid: Meter, generator: np.random.Generator) -> None:
    unit = 4 * grid.quarter // grid.denominator
    for measure in range(len(staves[0])):
        if generator.random() < 0.6 and len(grid.beats) > 2:
            up = 1 + grid.beats[int(generator.integers(1, len(grid.beats) - 1))] / unit
            for way, stamp in (("down", 1.0), ("up", up)):
                marks.controls[measure].append(f'<pedal dir="{way}" tstamp="{stamp:g}" staff="2" place="below"/>')


def _lyrics(marks: Marks, staff: Sequence[Sequence[Layer]], generator: np.random.Generator) -> None:
    for layers in staff:
        for symbol in _struck(layers):
            if symbol.value.value <= 8 and generator.random() < 0.95:
                word = generator.choice(_SYLLABLES)
                marks.children[symbol.id] = f'<verse n="1"><syl>{word}</syl></verse>'
