"""A recording as aligning and following hear it: vectors of a space, the seconds they stand at, and which of them are silent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossmodal.base.audio import AUDIO_EXTENSIONS, decode
from crossmodal.base.errors import InputError
from crossmodal.pages.files import PAGE_EXTENSIONS
from crossmodal.space import Space
from encoders.encoder import AudioEncoder, SequenceEncoder
from pairs.engraving_files import SCORE_EXTENSIONS

SHORTEST_SECONDS = 2.0  # about half of what one vector describes
SILENT_DECIBELS = -70.0  # below full scale: no microphone is so quiet while someone plays
BELOW_LOUDEST = 50.0  # decibels below the loudest moments at which nothing of the music is left
LOUDEST = 99.0  # percentile of the levels that counts as the loudest: a click is not the music


@dataclass(frozen=True)
class Listened:
    """vectors (t, d) of unit length; seconds (t,), rising, hop seconds apart; weights (t,): 0 where it is silent, else 1;
    duration: of the whole recording in seconds.
    """

    vectors: NDArray[np.float32]
    seconds: NDArray[np.float64]
    weights: NDArray[np.float32]
    hop: float
    duration: float


def listen(space: Space, recording: str | Path) -> Listened:
    """A whole recording. Raises InputError for files that are no recording, too short, or silent."""
    encoder = audio_encoder(space)
    check_recording_path(recording)
    samples = decode(recording, sample_rate=encoder.sample_rate)
    duration = len(samples) / encoder.sample_rate
    if duration < SHORTEST_SECONDS:
        raise InputError(
            f"{recording}: expected at least {SHORTEST_SECONDS:g} s of music, got {duration:.1f} s; give a longer recording"
        )
    embedding = space.sequence("audio", samples)
    seconds = embedding.positions.numpy().astype(np.float64)
    weights = audible(levels(samples, encoder.sample_rate, seconds)).astype(np.float32)
    if weights.sum() * embedding.hop < SHORTEST_SECONDS / 2:
        raise InputError(
            f"{recording}: expected music, got silence (almost no moment is louder than {SILENT_DECIBELS:g} dB of full scale); "
            "check the recording"
        )
    return Listened(embedding.vectors.numpy(), seconds, weights, embedding.hop, duration)


def check_recording_path(recording: str | Path) -> None:
    """Raises InputError when a score was given where a recording is expected."""
    if Path(recording).suffix.lower() in _SCORES:
        raise InputError(
            f"{recording}: expected a recording ({_some(AUDIO_EXTENSIONS)}), got a score; did you swap them?"
        )


def check_score_path(score: str | Path) -> None:
    """Raises InputError when a recording was given where a score is expected."""
    if Path(score).suffix.lower() in AUDIO_EXTENSIONS:
        known = _some((*SCORE_EXTENSIONS, *PAGE_EXTENSIONS))
        raise InputError(f"{score}: expected a score ({known}), got a recording; did you swap them?")


def audio_encoder(space: Space) -> AudioEncoder:
    """The encoder of recordings of a space of sequences of sound and sheet music. InputError where it is none."""
    encoder = space.encoder("audio")
    space.encoder("sheet")
    if not (isinstance(encoder, AudioEncoder) and isinstance(encoder, SequenceEncoder)):
        raise InputError(
            f"{space.name}: expected a space of sequences of sound and sheet music, got another; try audio-sheet"
        )
    return encoder


def sequence_steps(encoder: AudioEncoder) -> tuple[int, int]:
    """step and reach of an encoder from `audio_encoder`, which is a SequenceEncoder too."""
    assert isinstance(encoder, SequenceEncoder)
    return encoder.step, encoder.reach


def levels(samples: NDArray[np.float32], rate: int, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Loudness around each of `seconds` (t,), over 0.2 s, in decibels of full scale; -200 at most quiet."""
    sums = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    centre, half = np.round(seconds * rate).astype(np.int64), round(0.1 * rate)
    low, high = np.clip(centre - half, 0, len(samples)), np.clip(centre + half, 0, len(samples))
    power = np.maximum(sums[high] - sums[low], 0) / np.maximum(high - low, 1)
    return 10 * np.log10(np.maximum(power, 1e-20))


def audible(decibels: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which levels (t,) of a recording are more than its silence."""
    if not len(decibels):
        return np.zeros(0, bool)
    return decibels > max(SILENT_DECIBELS, float(np.percentile(decibels, LOUDEST)) - BELOW_LOUDEST)


_SCORES = frozenset((*SCORE_EXTENSIONS, *PAGE_EXTENSIONS))


def _some(extensions: Sequence[str] | frozenset[str] | set[str]) -> str:
    shown = [
        e
        for e in (".wav", ".mp3", ".flac", ".musicxml", ".mxl", ".mei", ".abc", ".krn", ".pdf", ".png")
        if e in extensions
    ]
    return ", ".join(shown) + ", ..."
