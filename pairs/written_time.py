"""Where on the engraved pages each moment of a performance stands: performed second -> quarter of the score's MIDI -> written note.

The score's MIDI and the engraving play the same piece by different clocks (repeats, cadenzas, short bars), so their chords are matched
(`pairs.score_matching`); in between, time runs evenly from one matched chord to the next.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossmodal.base.errors import InputError
from pairs.engraving import Engraving
from pairs.nasap import NasapScore, read_symbolic

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
# Quarters between matched chords beyond which nothing between them is said to be known: two bars of four.
REACH = 8.0
_JUMPS = re.compile(r"<repeat |<ending |dacapo=|dalsegno=|tocoda=|fine=|segno=")


@dataclass(frozen=True)
class Unfolded:
    """Notes as they are played (k,), repeats and all: quarters of the engraver's clock, pitch, row in `Engraving.notes`."""

    quarters: Floats
    pitch: Ints
    note: Ints


@dataclass(frozen=True)
class Places:
    """Where moments stand (m,): row of `Engraving.measures` (-1: unknown), page, system (-1: unknown), x in page pixels (NaN: unknown)."""

    measure: Ints
    page: Ints
    system: Ints
    x: Floats


def plainly_written(text: str) -> bool:
    """Whether a MusicXML text is played once from beginning to end: no repeats, endings or jumps."""
    return _JUMPS.search(text) is None


def unfold(engraving: Engraving) -> Unfolded:
    """The notes of every measure in every pass through it."""
    notes = engraving.notes
    order = np.argsort(notes.measure, kind="stable")
    bounds = np.searchsorted(notes.measure[order], np.arange(len(engraving.measures) + 1))
    rows, quarters = [np.zeros(0, np.int64)], [np.zeros(0)]
    for measure, start in engraving.passes:
        own = order[bounds[measure] : bounds[measure + 1]]
        rows.append(own)
        quarters.append(notes.quarters[own] - engraving.measures[measure].quarters + start)
    note, played = np.concatenate(rows), np.concatenate(quarters)
    by_time = np.argsort(played, kind="stable")
    return Unfolded(played[by_time], notes.pitch[note[by_time]], note[by_time])


class WrittenTime:
    """Quarters of a score's MIDI -> places of its engraving.

    agreement: share of the MIDI's chords that the engraving has too, and the other way round, the smaller one; below about 0.9 the
    two are different versions, or the engraver's clock broke on this score. one_to_one: the pages are played once from beginning to
    end and agree, so that each written moment has one performed moment. engraved, played: the matched chords (m,) in quarters.
    """

    def __init__(self, engraving: Engraving, score: NasapScore) -> None:
        from pairs.score_matching import chords, match  # compiled when first used

        self.engraving = engraving
        self._unfolded = unfold(engraving)
        ours = chords(self._unfolded.quarters, self._unfolded.pitch)
        theirs = chords(*score_notes(score))
        if not len(ours) or not len(theirs):
            raise InputError(f"{score.folder}: expected notes in the score and in its MIDI, got none; leave it out")
        rows, columns = match(ours, theirs)
        self.engraved: Floats = ours.quarters[rows]
        self.played: Floats = theirs.quarters[columns]
        self.agreement = len(rows) / max(len(ours), len(theirs))
        # the engraver's clock may run backwards over a broken bar
        self._passes = sorted(engraving.passes, key=lambda entry: entry[1])
        once = len({measure for measure, _ in engraving.passes}) == len(engraving.passes)
        self.one_to_one = once and self._passes == engraving.passes and self.agreement >= 0.9

    def engraved_time(self, quarters: ArrayLike) -> Floats:
        """Quarters of the MIDI (k,) -> quarters of the engraver's clock, repeats unfolded; NaN far (`REACH`) from what is known."""
        asked = np.asarray(quarters, np.float64)
        if not len(self.played):
            return np.full(asked.shape, np.nan)
        after = np.clip(np.searchsorted(self.played, asked), 1, max(len(self.played) - 1, 1)) % len(self.played)
        gap = self.played[after] - self.played[after - 1]
        inside = np.interp(asked, self.played, self.engraved, left=np.nan, right=np.nan)
        return np.where(gap <= REACH, inside, np.nan)

    def places(self, quarters: ArrayLike) -> Places:
        """Quarters of the MIDI (k,) -> where they are written; between two notes of a measure x runs evenly."""
        asked = np.atleast_1d(self.engraved_time(quarters))
        starts = np.array([start for _, start in self._passes])
        found = [self._place(float(time), starts) for time in asked]
        measure, page, system, x = zip(*found, strict=True) if found else ((), (), (), ())
        return Places(
            np.array(measure, np.int64), np.array(page, np.int64), np.array(system, np.int64), np.array(x, np.float64)
        )

    def _place(self, time: float, starts: Floats) -> tuple[int, int, int, float]:
        row = int(np.searchsorted(starts, time + 1e-6, side="right")) - 1 if np.isfinite(time) else -1
        if row < 0:
            return -1, -1, -1, float("nan")
        measure = self._passes[row][0]
        written = self.engraving.measures[measure]
        notes = self.engraving.notes
        own = notes.measure == measure
        offset = notes.quarters[own] - written.quarters
        onset = np.unique(offset)
        x = np.array([np.median(notes.x[own][np.isclose(offset, q)]) for q in onset])
        # the last note's time runs on to the bar line
        if row + 1 < len(starts) and (not len(onset) or starts[row + 1] - starts[row] > onset[-1]):
            onset, x = np.append(onset, starts[row + 1] - starts[row]), np.append(x, written.right)
        if not len(onset):
            return measure, written.page, written.system, written.left
        return measure, written.page, written.system, float(np.interp(time - starts[row], onset, x))

    def chords(self) -> tuple[Floats, Floats, Places]:
        """Moments (m,) that both have, the safest truth: quarters of the MIDI, the engraver's quarters, and the places of their heads."""
        first = np.searchsorted(self._unfolded.quarters, self.engraved - 1e-9)
        last = np.searchsorted(self._unfolded.quarters, self.engraved + 1e-3)
        notes = self.engraving.notes
        rows = self._unfolded.note[first]
        x = [np.median(notes.x[self._unfolded.note[a : max(b, a + 1)]]) for a, b in zip(first, last, strict=True)]
        places = Places(notes.measure[rows], notes.page[rows], notes.system[rows], np.array(x, np.float64))
        return self.played, self.engraved, places


def score_notes(score: NasapScore) -> tuple[Floats, Ints]:
    """Onset (k,) in quarters and pitch (k,) of all notes of a score's MIDI. InputError when unreadable."""
    midi = read_symbolic(score.midi)
    tables = [track.notes.numpy() for track in midi.tracks if len(track.notes)]
    onset = [table["time"].astype(np.float64) / float(midi.ticks_per_quarter) for table in tables]
    pitch = [table["pitch"].astype(np.int64) for table in tables]
    return np.concatenate([np.zeros(0), *onset]), np.concatenate([np.zeros(0, np.int64), *pitch])
