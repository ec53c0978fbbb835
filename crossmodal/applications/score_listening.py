"""A recording as aligning and following hear it: vectors of a space, the seconds they stand at, and which of them are silent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossmodal.applications.strips import SHEET_EXTENSIONS
from crossmodal.base.audio import AUDIO_EXTENSIONS, decode
from crossmodal.base.errors import InputError
from crossmodal.space import Space
from encoders.excerpts import ExcerptEncoder

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
    if Path(recording).suffix.lower() in SHEET_EXTENSIONS:
        raise InputError(
            f"{recording}: expected a recording ({_some(AUDIO_EXTENSIONS)}), got a score; did you swap them?"
        )


def check_score_path(score: str | Path) -> None:
    """Raises InputError when a recording was given where a score is expected."""
    if Path(score).suffix.lower() in AUDIO_EXTENSIONS:
        known = _some(SHEET_EXTENSIONS)
        raise InputError(f"{score}: expected a score ({known}), got a recording; did you swap them?")


def audio_encoder(space: Space) -> ExcerptEncoder:
    """The encoder of recordings of a space of sequences of sound and sheet music. InputError where it is none."""
    encoder = space.encoder("audio")
    space.encoder("sheet")
    if not isinstance(encoder, ExcerptEncoder):
        raise InputError(
            f"{space.name}: expected a space of sequences of sound and sheet music, got another; try audio-sheet"
        )
    return encoder


def levels(samples: NDArray[np.float32], rate: int, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Loudness around each of `seconds` (t,), over 0.2 s, in decibels of full scale; -200 at most quiet."""
    return 20 * np.log10(np.maximum(loudness(samples, seconds, rate, around=0.2), 1e-10))


def loudness(
    samples: NDArray[np.float32], seconds: NDArray[np.float64], rate: int, *, around: float
) -> NDArray[np.float64]:
    """Root mean square of the samples (n,) within `around` seconds about each of some times (t,), in seconds."""
    energy = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    half = around / 2
    first = np.clip(((seconds - half) * rate).astype(np.int64), 0, len(samples) - 1)
    end = np.clip(((seconds + half) * rate).astype(np.int64), first + 1, len(samples))
    return np.sqrt(np.maximum(energy[end] - energy[first], 0.0) / (end - first))


def audible(decibels: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which levels (t,) of a recording are more than its silence."""
    if not len(decibels):
        return np.zeros(0, bool)
    return decibels > max(SILENT_DECIBELS, float(np.percentile(decibels, LOUDEST)) - BELOW_LOUDEST)


def _some(extensions: frozenset[str] | set[str]) -> str:
    shown = [
        e
        for e in (".wav", ".mp3", ".flac", ".musicxml", ".mxl", ".mei", ".abc", ".krn", ".pdf", ".png")
        if e in extensions
    ]
    return ", ".join(shown) + ", ..."
