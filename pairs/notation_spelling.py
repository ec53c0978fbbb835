"""Pitches on paper: spelling by key on the line of fifths, accidentals within a measure, and the clef of every measure.

A place on the line of fifths (C is 0, G 1, F -1) names a letter and its alteration; the twelve nearest the key spell the pitch classes.
"""

from __future__ import annotations

from collections.abc import Sequence

_LETTERS = "FCGDAEB"  # letter of a place f: _LETTERS[(f + 1) % 7], altered by (f + 1) // 7
_SHARPS = "FCGDAEB"
_NATURAL = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
ACCIDENTALS = {-2: "ff", -1: "f", 0: "n", 1: "s", 2: "x"}
GESTURAL = {**ACCIDENTALS, 2: "ss"}  # a double sharp that is understood, in MEI terms
CLEFS = {
    "G2": (62, 79),
    "F4": (41, 59),
    "C3": (52, 69),
    "C4": (48, 65),
}  # lowest and highest pitch that need no ledger line

Spelling = tuple[str, int, int]  # letter, octave, alteration in semitones


def key_alteration(letter: str, fifths: int) -> int:
    """What the key signature does to a letter: -1, 0 or 1."""
    if fifths > 0:
        return int(letter in _SHARPS[:fifths])
    return -int(letter in _SHARPS[::-1][:-fifths]) if fifths else 0


def spell(pitch: int, fifths: int, toward: int | None = None) -> Spelling:
    """MIDI pitch -> letter, octave, alteration. toward: the pitch that follows; a chromatic step to it is written as a leading note."""
    low = fifths - 3
    place = low + (pitch * 7 - low) % 12  # 7 is its own inverse mod 12: semitones to fifths
    diatonic = fifths - 1 <= place <= fifths + 5
    if not diatonic and toward is not None and abs(toward - pitch) == 1:
        wanted = (
            place + 12
            if toward > pitch and place < fifths
            else place - 12
            if toward < pitch and place > fifths
            else place
        )
        if -9 < wanted < 15 and abs((wanted + 1) // 7) <= 1:
            place = wanted
    letter, alteration = _LETTERS[(place + 1) % 7], (place + 1) // 7
    octave = (pitch - alteration - _NATURAL[letter]) // 12 - 1
    return letter, octave, alteration


class MeasureAccidentals:
    """Which alterations hold within one measure of one staff; ask for notes in order of time."""

    def __init__(self, fifths: int) -> None:
        self._fifths = fifths
        self._held: dict[tuple[str, int], int] = {}

    def written(self, spelling: Spelling) -> bool:
        """Whether this note needs an accidental sign, and remember it."""
        letter, octave, alteration = spelling
        held = self._held.get((letter, octave), key_alteration(letter, self._fifths))
        self._held[letter, octave] = alteration
        return held != alteration


def choose_clefs(measures: Sequence[Sequence[int]], *, home: str, change_cost: float = 14.0) -> list[str]:
    """Pitches per measure -> "G2" or "F4" per measure: fewest ledger lines, few changes; `home` is preferred (Viterbi over measures)."""
    names = ("G2", "F4")
    cost = {name: 0.0 if name == home else change_cost / 2 for name in names}
    back: list[dict[str, str]] = []
    for pitches in measures:
        step = {name: sum(_ledger_cost(pitch, name) for pitch in pitches) + (name != home) for name in names}
        origin, new = {}, {}
        for name, other in (names, names[::-1]):
            origin[name] = name if cost[name] <= cost[other] + change_cost else other
            new[name] = min(cost[name], cost[other] + change_cost) + step[name]
        back.append(origin)
        cost = new
    chosen = [min(names, key=lambda name: cost[name])] if measures else []
    for origin in reversed(back[1:]):
        chosen.append(origin[chosen[-1]])
    return chosen[::-1]


def _ledger_cost(pitch: int, clef: str) -> float:
    """Ledger lines of a note, growing faster than their number: five lines are worse than five notes with one."""
    low, high = CLEFS[clef]
    lines = max(low - pitch, pitch - high, 0) / 3.5
    return lines * (1.0 + 0.3 * lines)
