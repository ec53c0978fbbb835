"""What is looked up: constant-Q frames of a file, in its own key and tempo and in others; and what may be its answer."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from crossmodal.alignment.comparison import Comparison
from crossmodal.applications.hash_sequences import pack
from crossmodal.applications.track_indexing import TrackEncoder
from pairs.midi_audio import transposed

KEYS = tuple(range(-5, 7))  # semitones by which a query is moved
TEMPOS = (0.74, 1.0, 1.35)  # lengths that a query is given, where its hashes are compared
Frames = NDArray[np.float32]


@dataclass(frozen=True)
class Query:
    """frames (t, 48) of a file, kind "audio" or "midi"."""

    kind: str
    frames: Frames
    _values: dict[tuple[int, float], Frames] = field(default_factory=dict, repr=False, compare=False)
    _vectors: dict[int, Frames] = field(default_factory=dict, repr=False, compare=False)

    def values(self, encoder: TrackEncoder, shift: int, *, tempo: float = 1.0) -> Frames:
        """What the network makes of it in a key, `tempo` times as long, (tempo t / 8, d) in (-1, 1); made once."""
        if (shift, tempo) not in self._values:
            self._values[shift, tempo] = encoder.values(self.kind, moved(stretched(self.frames, tempo), shift))
        return self._values[shift, tempo]

    def vector(self, encoder: TrackEncoder, shift: int) -> Frames:
        """Its pruning vector in a key, (d,); made once."""
        if shift not in self._vectors:
            hashes = pack(self.values(encoder, shift))
            self._vectors[shift] = encoder.vector(self.kind, moved(self.frames, shift), hashes)
        return self._vectors[shift]


@dataclass(frozen=True)
class Hit:
    """A track near a query by its hashes. row: its item; shift, tempo: of the query, as in `Candidate`; score: bits a cell."""

    row: int
    shift: int
    tempo: float
    score: float


@dataclass(frozen=True)
class Candidate:
    """A track that may be it. row: its item in the index; shift: semitones by which the query was moved; tempo: how many times as long it
    was made; comparison: the alignment of the query's values (rows) with the track's (columns).
    """

    row: int
    shift: int
    tempo: float
    comparison: Comparison

    @property
    def similarity(self) -> float:
        """1 is equal, about 0 what chance gives."""
        return 1.0 - self.comparison.score


def stretched(frames: Frames, tempo: float) -> Frames:
    """Frames (t, 48) `tempo` times as many, by straight lines."""
    if tempo == 1.0 or not len(frames):
        return frames
    return at_places(frames, np.linspace(0, len(frames) - 1, max(1, round(tempo * len(frames)))))


def at_places(frames: Frames, places: NDArray[np.float64]) -> Frames:
    """Frames at fractional places (n,) inside, by straight lines."""
    below = np.clip(np.floor(places).astype(np.int64), 0, len(frames) - 1)
    above = np.minimum(below + 1, len(frames) - 1)
    part = (places - below)[:, None].astype(np.float32)
    return np.asarray(frames[below] * (1 - part) + frames[above] * part, np.float32)


def moved(frames: Frames, semitones: int) -> Frames:
    """Frames (t, 48) as they would sound so many semitones higher; what leaves the range at one end is not known at the other."""
    if not semitones:
        return frames
    found = transposed(frames, semitones)
    length = np.linalg.norm(found, axis=1, keepdims=True)
    return np.divide(found, length, out=np.zeros_like(found), where=length > 0.1)
