"""Keys by profile correlation (Krumhansl & Kessler 1982), and which keys go together in a mashup."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossmodal.base.errors import InputError

MAJOR = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
MINOR = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])
NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


@dataclass(frozen=True)
class Key:
    """tonic: pitch class, 0 is C; minor or major; fit: correlation of its profile, -1 to 1."""

    tonic: int
    minor: bool
    fit: float

    @property
    def name(self) -> str:
        """As "A minor"."""
        return f"{NAMES[self.tonic]} {'minor' if self.minor else 'major'}"

    @property
    def signature(self) -> int:
        """Tonic of the major key with the same notes: equal for relative keys."""
        return (self.tonic + 3) % 12 if self.minor else self.tonic


def key_fits(profile: ArrayLike) -> NDArray[np.float64]:
    """Pitch-class profile (12,) -> correlation (2, 12) with each major (row 0) and minor key. InputError for a flat or empty one."""
    heard = np.asarray(profile, np.float64)
    if heard.shape != (12,) or not np.isfinite(heard).all() or np.ptp(heard) <= 0:
        raise InputError(
            f"expected 12 pitch classes that are not all equal, got shape {heard.shape}; give music with pitches"
        )
    rolled = np.stack([np.roll(heard, -shift) for shift in range(12)])
    return np.stack([np.corrcoef(np.vstack([template, rolled]))[0, 1:] for template in (MAJOR, MINOR)])


def find_key(profile: ArrayLike) -> Key:
    """The key whose profile correlates best with a pitch-class profile (12,). Raises InputError for a flat or empty one."""
    fits = key_fits(profile)
    mode, tonic = np.unravel_index(int(fits.argmax()), fits.shape)
    return Key(int(tonic), bool(mode), float(fits[mode, tonic]))


def shift_between(source: Key, target: Key) -> int:
    """Semitones, -5 to 6, by which music in `source` must be moved to be in `target` or its relative key."""
    return (target.signature - source.signature + 5) % 12 - 5
