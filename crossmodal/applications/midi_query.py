"""What is looked up: constant-Q frames of a file, in its own key and in others."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from crossmodal.applications.track_indexing import TrackEncoder

KEYS = tuple(range(-5, 7))  # semitones by which a query is moved
Frames = NDArray[np.float32]


@dataclass(frozen=True)
class Query:
    """frames (t, 48) of a file, kind "audio" or "midi"."""

    kind: str
    frames: Frames
    _values: dict[int, Frames] = field(default_factory=dict, repr=False, compare=False)

    def values(self, encoder: TrackEncoder, shift: int) -> Frames:
        """What the network makes of it in a key, (t / 8, d) in (-1, 1); made once."""
        if shift not in self._values:
            self._values[shift] = encoder.values(self.kind, moved(self.frames, shift))
        return self._values[shift]


def moved(frames: Frames, semitones: int) -> Frames:
    """Frames (t, 48) as they would sound so many semitones higher; what leaves the range at one end is not known at the other."""
    if not semitones:
        return frames
    found = np.zeros_like(frames)
    if semitones > 0:
        found[:, semitones:] = frames[:, :-semitones]
    else:
        found[:, :semitones] = frames[:, -semitones:]
    length = np.linalg.norm(found, axis=1, keepdims=True)
    return np.divide(found, length, out=np.zeros_like(found), where=length > 0.1)
