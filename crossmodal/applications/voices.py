"""Voices as queries and items: is there singing in a recording, is it alone, and the vector of what is sung.

Both questions are asked of each window of the tower of mixes and answered by logistic regressions that are kept beside the space
(`crossmodal.calibration`): the first by how pitches move in it (`crossmodal.fluctuation`), the second by the tower's vector. A space
without them asks nothing, and the user says with --modality what a file is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossmodal.base.audio import decode
from crossmodal.base.errors import InputError
from crossmodal.calibration import Calibration, fit_calibration, load_calibration, save_calibration
from crossmodal.embedding import pool_windows
from crossmodal.fluctuation import FEATURES, RATE, fluctuations
from crossmodal.space import Space
from encoders.encoder import AudioEncoder

ALONE, WITHIN = "voice", "mix"
SUNG, UNACCOMPANIED = "sung", "unaccompanied"
NO_VOICE = "no voice was found"
_LEAST_SHARE = 0.1  # of the windows in which somebody surely sings, at the least two where there are two
_SURE = 0.7  # orchestras and pianos come near to 0.6 at times (recordings of librosa's examples)
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
        """Whether enough windows surely have singing."""
        return bool((self.sung >= _SURE).sum() >= max(1.0, _LEAST_SHARE * len(self.sung), min(2, len(self.sung))))


def of_voices(space: Space) -> bool:
    """Whether the space is of voices and mixes."""
    return {ALONE, WITHIN} <= set(space.modalities)


def listen(space: Space, item: Path | NDArray[np.float32]) -> Listened | None:
    """What the tower of mixes hears; None where the space has no calibration to ask."""
    known = calibrations(space)
    if known is None:
        return None
    vectors, moving = _windows(space, item)
    sung = known[SUNG].confidence(moving)
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
    if not (voices and mixes and backings):
        raise InputError("expected voices, mixes and accompaniments to learn from, got none of one of them")
    kinds = []
    for files in (voices, mixes, backings):
        pairs = [_windows(space, path) for path in files]
        kinds.append(tuple(np.concatenate([pair[part] for pair in pairs]) for part in (0, 1)))
    alone, within, without = kinds
    names = _features(space)
    made = {
        SUNG: fit_calibration(
            np.concatenate(
                [alone[1], within[1], without[1], without[1]]
            ),  # twice, so that both answers are as frequent
            np.repeat([True, True, False], [len(alone[1]), len(within[1]), 2 * len(without[1])]),
            features=names[SUNG],
            data=data,
        ),
        UNACCOMPANIED: fit_calibration(
            np.concatenate([alone[0], within[0]]),
            np.repeat([True, False], [len(alone[0]), len(within[0])]),
            features=names[UNACCOMPANIED],
            data=data,
        ),
    }
    save_calibration(Path(space.location), made)
    return made


def _windows(space: Space, item: Path | NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Of all windows of a recording the tower's vectors (t, d), and how pitches move in them (t, features)."""
    found = space.sequence(WITHIN, item)
    encoder = space.encoder(WITHIN)
    assert isinstance(encoder, AudioEncoder)
    if isinstance(item, Path):
        samples = decode(item, sample_rate=RATE)
    else:
        import soxr

        samples = soxr.resample(item, encoder.sample_rate, RATE, quality="HQ")
    return found.vectors.numpy(), fluctuations(samples, found.positions.numpy())


def _features(space: Space) -> dict[str, tuple[str, ...]]:
    return {SUNG: FEATURES, UNACCOMPANIED: tuple(f"{WITHIN} {number}" for number in range(space.dimension))}


def calibrations(space: Space) -> dict[str, Calibration] | None:
    """Both calibrations of a space; None where it has none."""
    found: dict[str, Calibration] = {}
    for name, features in _features(space).items():
        never = Calibration(features=features, weights=(0.0,) * len(features), bias=0.0)
        one = load_calibration(space.location, name, never)
        if one is never:
            return None
        found[name] = one
    return found
