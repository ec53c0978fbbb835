"""Recordings and MIDI files -> what an index keeps of them for matching: frames, hash sequences, and pruning vectors."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossmodal.applications.encoding import one_thread_each
from crossmodal.applications.hash_sequences import hash_hop, pack, pruning_space, pruning_vector, values_of
from crossmodal.applications.sequences import Encoded
from crossmodal.applications.track_frames import TrackFrames, frames_apart
from crossmodal.applications.track_store import TrackWriter
from crossmodal.base.errors import CrossmodalError, InputError
from crossmodal.base.frame_store import from_bytes
from crossmodal.base.results import Skipped
from crossmodal.retrieval.update import FileFacts
from crossmodal.space import Space

MODALITIES = ("audio", "midi")
FLUSH_TRACKS, FLUSH_SECONDS = (
    256,
    10.0,
)  # what was read is durable after so many files or seconds, whichever comes first
PRUNING = "pruning"  # in the header's preprocessing: the space of the vectors, or NO_PRUNING
NO_PRUNING = "none: means of the hash bits"
Bytes = NDArray[np.uint8]


def makes_hashes(space: Space) -> bool:
    """Whether the space turns recordings and MIDI files into hash sequences."""
    if not set(MODALITIES) <= set(space.modalities):
        return False
    try:
        return all(hash_hop(space, modality) > 0 for modality in MODALITIES)
    except InputError:
        return False


class TrackEncoder:
    """Frames -> hashes and pruning vector. pruning: the space of pruning vectors that belongs to `space`, where there is one."""

    def __init__(self, space: Space, pruning: Space | None) -> None:
        self.space, self.pruning = space, pruning

    @classmethod
    def of(cls, space: Space) -> TrackEncoder:
        """With the pruning space that is found beside it or by name."""
        return cls(space, pruning_space(space))

    @property
    def dimension(self) -> int:
        """Width of the vectors."""
        return self.space.dimension if self.pruning is None else self.pruning.dimension

    @property
    def rolls(self) -> bool:
        """Whether MIDI files are read as piano rolls."""
        return bool(getattr(self.space.encoder("midi"), "rolls", False))

    @property
    def preprocessing(self) -> dict[str, str | int | float | bool | None]:
        """What an index says of its vectors."""
        named = NO_PRUNING if self.pruning is None else f"{self.pruning.name}@{self.pruning.fingerprint}"
        return {PRUNING: named}

    def hashes(self, modality: str, frames: NDArray[np.float32]) -> NDArray[np.uint16] | NDArray[np.uint32]:
        """(t, 48) -> (ceil(t / step),)."""
        return pack(self.values(modality, frames))

    def values(self, modality: str, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        """(t, 48) -> (ceil(t / step), d) in (-1, 1), whose signs are the hashes."""
        with one_thread_each():  # sums differ in their last bits with the number of threads; an index's must not
            return values_of(self.space, modality, frames)

    def vector(
        self, modality: str, frames: NDArray[np.float32], hashes: NDArray[np.uint16] | NDArray[np.uint32]
    ) -> NDArray[np.float32]:
        """(t, 48) and its hashes -> (d,). Without a pruning space: the mean of each bit, -1 to 1, which prunes nothing."""
        if self.pruning is not None:
            with one_thread_each():
                return pruning_vector(self.pruning, modality, frames)
        bits = np.unpackbits(hashes.view(np.uint8).reshape(len(hashes), -1), axis=1, bitorder="little")
        return (2 * bits.mean(axis=0) - 1).astype(np.float32)


def index_tracks(
    encoder: TrackEncoder, files: Mapping[Path, FileFacts], modalities: Mapping[str, str], output: Path, *, jobs: int,
    quiet: bool = False,
) -> Iterator[tuple[Path, Encoded | Skipped]]:  # fmt: skip
    """(path, pruning vector or why there is none) of new files; their hashes and frames go into the stores of `output` first."""
    writer = TrackWriter(output)
    ready: list[tuple[Path, Encoded]] = []
    since = time.monotonic()
    try:
        for path, read in _frames(writer, files, modalities, rolls=encoder.rolls, jobs=jobs, quiet=quiet):
            if isinstance(read, Skipped):
                yield path, read
                continue
            try:
                ready.append((path, _keep(encoder, writer, files[path], modalities[str(path)], read)))
            except CrossmodalError as error:
                yield path, Skipped(path=str(path), reason=str(error))
            if len(ready) >= FLUSH_TRACKS or time.monotonic() - since >= FLUSH_SECONDS:
                writer.flush()
                yield from ready
                ready, since = [], time.monotonic()
    finally:  # also when the run is interrupted: what was read need not be read again
        writer.flush()
    yield from ready


def _frames(
    writer: TrackWriter,
    files: Mapping[Path, FileFacts],
    modalities: Mapping[str, str],
    *,
    rolls: bool,
    jobs: int,
    quiet: bool,
) -> Iterator[tuple[Path, TrackFrames | Skipped]]:
    """Frames that an interrupted run left, then those of the other files."""
    unread: list[tuple[Path, str]] = []
    for path, facts in files.items():
        kept = writer.known_frames(facts.sha256)
        if kept is None:
            unread.append((path, modalities[str(path)]))
        else:
            yield path, TrackFrames.of(kept)
    yield from frames_apart(unread, rolls=rolls, jobs=jobs, quiet=quiet, label="indexing")


def _keep(encoder: TrackEncoder, writer: TrackWriter, facts: FileFacts, modality: str, read: TrackFrames) -> Encoded:
    frames = from_bytes(read.frames)
    hashes = encoder.hashes(modality, frames)
    vector = encoder.vector(modality, frames, hashes)
    writer.add(facts.sha256, hashes, read.frames)
    return Encoded(vector[None], np.zeros(1, np.float32), duration=read.seconds)
