"""MIDI music as it sounds: parts in seconds with beats and tempi, clocks that warp it, and its form on disk.

A `Clock` maps seconds of one time line to those of another along straight lines; all warps of the collection are clocks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from crossmodal.base.errors import InputError
from pairs.facts import Performance
from pairs.instruments import instrument_name
from pairs.notes import Floats, Part, metre_of

if TYPE_CHECKING:
    from pretty_midi import PrettyMIDI

SHORTEST_SECONDS = 0.01
COLUMNS = ("onset", "duration", "pitch", "velocity")


@dataclass(frozen=True)
class MidiMusic:
    """A MIDI file as it sounds. performance: its parts, in seconds; beats: (b,) seconds, from 0 to the last note's end;

    tempo_seconds, qpm: (m,) from when on, and how many quarters a minute.
    """

    performance: Performance
    beats: Floats
    tempo_seconds: Floats
    qpm: Floats

    @property
    def end(self) -> float:
        """Seconds from the file's zero to the end of the last note, drums among them."""
        return max(float(part.offset.max()) for part in self.performance.parts)

    def warped(self, source: Floats, target: Floats) -> MidiMusic:
        """The same music on another clock: seconds source (k,) become target (k,), both increasing; straight lines between them.

        Beyond both ends the clock goes on as the nearest stretch of it does.
        """
        clock = Clock(source, target)
        parts = []
        for part in self.performance.parts:
            onset, offset = clock(part.onset), clock(part.offset)
            parts.append(replace(part, onset=onset, duration=np.maximum(offset - onset, SHORTEST_SECONDS)))
        beats = clock(self.beats)
        starts = clock(self.tempo_seconds)
        rates = clock.rate(self.tempo_seconds)
        return MidiMusic(replace(self.performance, parts=tuple(parts), bpm=None), beats, starts, self.qpm / rates)

    def to_pretty_midi(self) -> PrettyMIDI:
        """The object that users know: notes at their seconds (to half a millisecond), an instrument for each part; none before 0."""
        import pretty_midi

        found = pretty_midi.PrettyMIDI(resolution=960, initial_tempo=120.0)
        for part in self.performance.parts:
            instrument = pretty_midi.Instrument(program=part.program, is_drum=part.drums, name=part.name)
            kept = part.select(part.offset > 0)
            rows = zip(kept.velocity, kept.pitch, np.maximum(kept.onset, 0.0), kept.offset, strict=True)
            instrument.notes = [pretty_midi.Note(int(v), int(p), float(s), float(e)) for v, p, s, e in rows]
            if instrument.notes:
                found.instruments.append(instrument)
        return found


class Clock:
    """A piecewise straight, increasing map of seconds: source (k,) -> target (k,), k at least 2. InputError when it is none."""

    def __init__(self, source: Floats, target: Floats) -> None:
        self.source, self.target = np.asarray(source, np.float64), np.asarray(target, np.float64)
        right = self.source.ndim == 1 and self.source.shape == self.target.shape and len(self.source) >= 2
        if not right or not (np.diff(self.source) > 0).all() or not (np.diff(self.target) > 0).all():
            raise InputError("expected two rows of at least 2 increasing times of one length; mend the alignment")

    def __call__(self, seconds: Floats) -> Floats:
        """Seconds of the source, any shape -> seconds of the target."""
        seconds = np.asarray(seconds, np.float64)
        place = self._stretch(seconds)
        return self.target[place] + (seconds - self.source[place]) * self._slopes[place]

    def rate(self, seconds: Floats) -> Floats:
        """Target seconds that a source second takes, right after these moments."""
        return self._slopes[self._stretch(np.asarray(seconds, np.float64))]

    @property
    def inverse(self) -> Clock:
        """From target to source."""
        return Clock(self.target, self.source)

    @property
    def _slopes(self) -> Floats:
        return np.diff(self.target) / np.diff(self.source)

    def _stretch(self, seconds: Floats) -> NDArray[np.int64]:
        return np.clip(np.searchsorted(self.source, seconds, side="right") - 1, 0, len(self.source) - 2)


def save_music(path: Path, music: MidiMusic) -> None:
    """Writes arrays only (npz); `load_music` reads them."""
    parts = music.performance.parts
    joined = {key: np.concatenate([getattr(part, key) for part in parts]) for key in COLUMNS}
    joined |= {key: getattr(music, key) for key in ("beats", "tempo_seconds", "qpm")}
    joined["sizes"] = np.array([len(part) for part in parts])
    joined["programs"] = np.array([part.program for part in parts])
    joined["drums"] = np.array([part.drums for part in parts])
    joined["names"] = np.array([part.name for part in parts], dtype=np.str_)
    joined["metre"] = np.array(music.performance.metre or (0, 0))
    joined["bpm"] = np.array(music.performance.bpm or np.nan)
    with path.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **joined)


def load_music(path: Path) -> MidiMusic:
    """What `save_music` wrote."""
    with np.load(path, allow_pickle=False) as kept:
        ends = np.cumsum(kept["sizes"])
        columns = [np.split(kept[key], ends[:-1]) for key in COLUMNS]
        heads = zip(kept["names"].tolist(), kept["programs"].tolist(), kept["drums"].tolist(), *columns, strict=True)
        parts = tuple(
            Part(name, on, length, key, force, program, drums) for name, program, drums, on, length, key, force in heads
        )
        names = tuple(instrument_name(part.program, drums=part.drums) for part in parts)
        numerator, denominator = (int(value) for value in kept["metre"])
        bpm = float(kept["bpm"])
        performance = Performance(parts, names, metre_of(numerator, denominator), None if np.isnan(bpm) else bpm)
        return MidiMusic(performance, kept["beats"], kept["tempo_seconds"], kept["qpm"])
