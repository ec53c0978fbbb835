"""Voices as queries and items: is there singing in a recording, is it alone, and the vector of what is sung.

Both questions are asked of each window of the tower of mixes and answered by logistic regressions that are kept beside the space
(`crossmodal.calibration`); a space without them asks nothing, and the user says with --modality what a file is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossmodal.base.errors import InputError
from crossmodal.calibration import Calibration, fit_calibration, load_calibration, save_calibration
from crossmodal.embedding import pool_windows
from crossmodal.space import Space

ALONE, WITHIN = "voice", "mix"
SUNG, UNACCOMPANIED = "sung", "unaccompanied"
NO_VOICE = "no voice was found"
_LEAST_SHARE = 0.1  # of the windows in which somebody sings, at the least two where there are two
Floats = NDArray[np.float64]


class NoVoiceError(InputError):
    """A recording in which nobody sings."""


@dataclass(frozen=True)
class Listened:
    """sung (t,): probability for each window that somebody sings in it; alone: that the voice is unaccompanied."""

    sung: Floats
    alone: float

    @property
    def windows(self) -> NDArray[np.bool_]:
        """(t,): the windows with singing."""
        return self.sung >= 0.5

    @property
    def anybody(self) -> bool:
        """Whether enough windows have singing."""
        return bool(self.windows.sum() >= max(1.0, _LEAST_SHARE * len(self.sung), min(2, len(self.sung))))


def of_voices(space: Space) -> bool:
    """Whether the space is of voices and mixes."""
    return {ALONE, WITHIN} <= set(space.modalities)


def listen(space: Space, item: Path | NDArray[np.float32]) -> Listened | None:
    """What the tower of mixes hears; None where the space has no calibration to ask."""
    known = _calibrations(space)
    if known is None:
        return None
    vectors = space.sequence(WITHIN, item).vectors.numpy()
    sung = known[SUNG].confidence(vectors)
    singing = vectors[sung >= 0.5] if (sung >= 0.5).any() else vectors
    return Listened(sung, float(np.median(known[UNACCOMPANIED].confidence(singing))))


def sung_vector(space: Space, modality: str, path: Path) -> NDArray[np.float32]:
    """The unit vector (d,) of the singing in a recording: of its windows with voice. Raises NoVoiceError where there is none."""
    heard = listen(space, path)
    vectors = space.sequence(modality, path).vectors
    if heard is None:
        return np.asarray(pool_windows(vectors).numpy(), np.float32)
    if not heard.anybody:
        raise NoVoiceError(f"{path}: {NO_VOICE}")
    return np.asarray(pool_windows(vectors[heard.windows]).numpy(), np.float32)


def query_modality(space: Space, path: Path) -> str:
    """Whether a recording is a voice alone or a mix. Raises NoVoiceError, and InputError where the space cannot tell the two apart."""
    heard = listen(space, path)
    if heard is None:
        raise InputError(
            f"{path}: expected --modality {ALONE} or {WITHIN}, got neither, and {space.name} was not calibrated to hear it"
        )
    if not heard.anybody:
        raise NoVoiceError(f"{path}: {NO_VOICE}")
    return ALONE if heard.alone >= 0.5 else WITHIN


def calibrate_voices(
    space: Space, *, voices: Sequence[Path], mixes: Sequence[Path], backings: Sequence[Path], data: str
) -> dict[str, Calibration]:
    """Learns both answers from windows of unaccompanied voices, of mixes and of accompaniments alone, and keeps them with the space.

    Raises InputError where one of the three kinds is missing.
    """
    kinds = [_windows(space, files) for files in (voices, mixes, backings)]
    if not all(len(rows) for rows in kinds):
        raise InputError("expected voices, mixes and accompaniments to learn from, got none of one of them")
    alone, within, without = kinds
    names = _names(space)
    made = {
        SUNG: fit_calibration(
            np.concatenate([alone, within, without, without]),  # twice, so that both answers are as frequent
            np.repeat([True, True, False], [len(alone), len(within), 2 * len(without)]),
            features=names,
            data=data,
        ),
        UNACCOMPANIED: fit_calibration(
            np.concatenate([alone, within]),
            np.repeat([True, False], [len(alone), len(within)]),
            features=names,
            data=data,
        ),
    }
    save_calibration(Path(space.location), made)
    return made


def _windows(space: Space, files: Sequence[Path]) -> NDArray[np.float32]:
    """Vectors (t, d) of all windows of some files."""
    rows = [space.sequence(WITHIN, path).vectors.numpy() for path in files]
    return np.concatenate(rows) if rows else np.zeros((0, space.dimension), np.float32)


def _names(space: Space) -> list[str]:
    return [f"{WITHIN} {number}" for number in range(space.dimension)]


def _calibrations(space: Space) -> dict[str, Calibration] | None:
    """Both calibrations of a space; None where it has none."""
    names = _names(space)
    never = Calibration(features=tuple(names), weights=(0.0,) * len(names), bias=0.0)
    found = {name: load_calibration(space.location, name, never) for name in (SUNG, UNACCOMPANIED)}
    return None if any(one is never for one in found.values()) else found
