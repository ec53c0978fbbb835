"""Recordings and scores as sequences of vectors with their places: what an index of a sequence space holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossmodal.applications.encoding import EXTENSIONS, stream
from crossmodal.applications.scores import score_vectors
from crossmodal.applications.strips import Strips, strips_of
from crossmodal.base.errors import CrossmodalError
from crossmodal.base.results import Skipped
from crossmodal.space import Space
from encoders.encoder import SequenceEncoder


@dataclass(frozen=True)
class Encoded:
    """vectors (t, d), unit length; offsets (t,): their places in seconds, or in columns counted over all systems; hop between them;
    places (t, 2): page and system from 1, of scores; duration in seconds, of recordings.
    """

    vectors: NDArray[np.float32]
    offsets: NDArray[np.float32]
    hop: float = 0.0
    places: NDArray[np.int32] | None = None
    duration: float | None = None


def sequential(space: Space) -> list[str]:
    """The modalities that the space turns into sequences; none in a space of one vector an item."""
    return [modality for modality in space.modalities if isinstance(space.encoder(modality), SequenceEncoder)]


def modality_of(path: Path, among: Sequence[str]) -> str | None:
    """The first of some modalities whose files have this one's extension."""
    suffix = path.suffix.lower()
    return next((modality for modality in among if suffix in EXTENSIONS.get(modality, ())), None)


def encode_sequences(
    space: Space, files: Sequence[tuple[Path, str]], *, jobs: int, quiet: bool = False
) -> Iterator[tuple[Path, Encoded | Skipped]]:
    """(path, sequence or why there is none) of files with their modalities: recordings in threads, scores in processes."""
    recordings = [path for path, modality in files if modality != "sheet"]
    scores = [path for path, modality in files if modality == "sheet"]
    if recordings:
        yield from stream(
            recordings, lambda path: encode_recording(space, path), jobs=jobs, quiet=quiet, label="indexing recordings"
        )
    if scores:
        yield from _encode_scores(space, scores, jobs=jobs, quiet=quiet, label="indexing scores")


def _encode_scores(
    space: Space, paths: Sequence[Path], *, jobs: int, quiet: bool, label: str
) -> Iterator[tuple[Path, Encoded | Skipped]]:
    for path, read in strips_of(paths, jobs=jobs, quiet=quiet, label=label):
        if isinstance(read, Skipped):
            yield path, read
            continue
        try:
            yield path, encode_strips(space, read)
        except CrossmodalError as error:
            yield path, Skipped(path=str(path), reason=str(error))


def mean_vectors(
    space: Space, paths: Sequence[Path], *, jobs: int, quiet: bool = False, label: str
) -> Iterator[tuple[Path, NDArray[np.float32] | Skipped]]:
    """(path, the unit vector of the whole score or why there is none)."""
    for path, made in _encode_scores(space, paths, jobs=jobs, quiet=quiet, label=label):
        if isinstance(made, Skipped):
            yield path, made
        else:
            mean = made.vectors.mean(axis=0)
            yield path, mean / max(float(np.linalg.norm(mean)), 1e-12)


def encode_recording(space: Space, path: Path) -> Encoded:
    """A recording: vectors about every 0.1 s. Raises InputError with the reason."""
    sequence = space.sequence("audio", path)
    offsets = sequence.positions.numpy().astype(np.float32)
    return Encoded(sequence.vectors.numpy(), offsets, sequence.hop, duration=float(offsets[-1] + sequence.hop))


def encode_strips(space: Space, read: Strips) -> Encoded:
    """A score: vectors every few columns."""
    made = score_vectors(space, read.strips)
    places = np.repeat(read.places, np.diff(made.starts), axis=0)
    return Encoded(made.vectors, made.columns.astype(np.float32), made.hop, places)
