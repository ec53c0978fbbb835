"""An index of known recordings among any number of strangers: sequences spliced from the recordings that a space was trained on.

A stranger is as long as one of the known recordings and consists of stretches of different training recordings in different keys, so its
hashes and frames are those of real music. Every training recording is encoded once in each key: hashes of the stretches are joined, and the
pruning vector is that of all stretches together, as attention pools them; only what lies within a network's reach of a seam differs from
encoding the spliced frames. Frames are spliced when exact alignment asks for them: a hundred thousand tracks would fill 10 GB.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from crossmodal.applications.collection import SearchableIndex
from crossmodal.applications.hash_sequences import Hashes
from crossmodal.applications.indexing import reference_of
from crossmodal.applications.midi_evaluation import Held
from crossmodal.applications.midi_matching import Matcher
from crossmodal.applications.midi_query import moved
from crossmodal.applications.track_indexing import TrackEncoder
from crossmodal.applications.track_store import FRAMES, HASHES, TrackStore
from crossmodal.base.errors import InputError
from crossmodal.base.files import atomic_write
from crossmodal.base.frame_store import FrameStore, append_frames, from_bytes
from crossmodal.retrieval.header import HEADER, Header
from crossmodal.retrieval.items import IndexedItem
from crossmodal.retrieval.store import Entry, commit
from crossmodal.space import Space
from encoders.constant_q import BINS, FRAMES_PER_SECOND
from encoders.encoder import SequenceEncoder
from encoders.midi_hash import STEP, ConstantQPruning

SHIFTS = (-3, 0, 3)  # semitones by which training recordings are moved; a little leaves the range at either end
SHORTEST, LONGEST = 40, 120  # hashes of a stretch: 15 to 45 s
NAME, SPLICES = "stranger-", "splices.npz"
_TOGETHER = 4096
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Splices:
    """Sequence k is the stretches offsets[k] .. offsets[k + 1]: hashes first .. first + count of a track, moved by shift semitones.

    tracks, firsts, counts, shifts: (p,); offsets: (n + 1,); training: folder of the frame store whose tracks they are.
    """

    training: Path
    tracks: Integers
    firsts: Integers
    counts: Integers
    shifts: Integers
    offsets: Integers

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def starts(self) -> Integers:
        """(p + 1,) hashes before each stretch, of all sequences one after the other."""
        return np.concatenate([[0], np.cumsum(self.counts)]).astype(np.int64)

    def save(self, path: Path) -> None:
        """As arrays."""
        with atomic_write(path) as temporary, temporary.open("wb") as stream:
            np.savez(
                stream, training=np.array(str(self.training)), tracks=self.tracks, firsts=self.firsts, counts=self.counts,
                shifts=self.shifts, offsets=self.offsets, allow_pickle=False,
            )  # fmt: skip

    @classmethod
    def load(cls, path: Path) -> Splices:
        """What `save` wrote."""
        with np.load(path, allow_pickle=False) as kept:
            arrays = [kept[key] for key in ("tracks", "firsts", "counts", "shifts", "offsets")]
            return cls(Path(str(kept["training"])), *arrays)


def draw_splices(training: Path, count: int, lengths: Sequence[int], *, seed: int = 0) -> Splices:
    """`count` sequences with lengths (in hashes) drawn from `lengths`, of stretches of tracks of a frame store.

    InputError where no track of the store is as long as the shortest stretch.
    """
    store, generator = FrameStore(training), np.random.default_rng([seed, 71])
    steps = np.diff(store.offsets) // STEP
    usable = np.flatnonzero(steps >= SHORTEST)
    if not len(usable) or not len(lengths):
        raise InputError(
            f"{training}: expected recordings of {SHORTEST * STEP / FRAMES_PER_SECOND:.0f} s, got none; make a collection"
        )
    wanted = generator.choice(np.asarray(lengths, np.int64), count)
    counts, offsets = [], [0]
    for length in wanted.tolist():
        left = max(length, SHORTEST)
        while left > 0:
            part = int(generator.integers(SHORTEST, LONGEST + 1))
            counts.append(min(part, left) if left - part >= SHORTEST else left)
            left -= counts[-1]
        offsets.append(len(counts))
    tracks = generator.choice(usable, len(counts))
    kept = np.minimum(np.array(counts, np.int64), steps[tracks])
    firsts = (generator.random(len(counts)) * (steps[tracks] - kept + 1)).astype(np.int64)
    shifts = generator.choice(SHIFTS, len(counts))
    return Splices(training, tracks.astype(np.int64), firsts, kept, shifts.astype(np.int64), np.array(offsets, np.int64))  # fmt: skip


def spliced_frames(store: FrameStore, splices: Splices, number: int) -> NDArray[np.float32]:
    """Frames (t, 48) of sequence `number`."""
    parts = []
    for piece in range(int(splices.offsets[number]), int(splices.offsets[number + 1])):
        first, count = int(splices.firsts[piece]) * STEP, int(splices.counts[piece]) * STEP
        parts.append(moved(store.read(int(splices.tracks[piece]), first, count), int(splices.shifts[piece])))
    return np.concatenate(parts)


def encode_splices(encoder: TrackEncoder, splices: Splices) -> tuple[Hashes, NDArray[np.float32]]:
    """Hashes of all sequences one after the other, and their pruning vectors (n, d).

    InputError for a space that makes no hash of every 8 frames. Without a pruning space the vectors are those of `TrackEncoder.vector`.
    """
    hashing = encoder.space.encoder("audio")
    if not isinstance(hashing, SequenceEncoder) or hashing.step != STEP:
        raise InputError(f"expected hashes of {STEP} frames each, got others; splice with another step")
    store, starts = FrameStore(splices.training), splices.starts
    total = int(starts[-1])
    hashes: Hashes = np.zeros(total, np.uint16) if encoder.space.dimension == 16 else np.zeros(total, np.uint32)
    owner = np.repeat(np.arange(len(splices)), np.diff(splices.offsets))
    pooled = _Pooled(encoder.pruning, len(splices)) if encoder.pruning is not None else None
    order = np.lexsort((splices.shifts, splices.tracks))
    bounds = np.flatnonzero(np.diff(splices.tracks[order] * 100 + splices.shifts[order])) + 1
    for group in np.split(order, bounds) if len(order) else []:
        frames = moved(store.read(int(splices.tracks[group[0]])), int(splices.shifts[group[0]]))
        made = encoder.hashes("audio", frames)
        for piece in group:
            first, count = int(splices.firsts[piece]), int(splices.counts[piece])
            hashes[starts[piece] : starts[piece + 1]] = made[first : first + count]
        if pooled is not None:
            pooled.add(frames, owner[group], splices.firsts[group], splices.counts[group])
    if pooled is not None:
        return hashes, pooled.vectors()
    ends = starts[splices.offsets]
    empty = np.zeros((0, BINS), np.float32)
    return hashes, np.stack([encoder.vector("audio", empty, hashes[a:b]) for a, b in itertools.pairwise(ends)])


class _Pooled:
    """Attention over stretches of several recordings: sums of weights and of weighted values, and at the end their quotient."""

    def __init__(self, space: Space, count: int) -> None:
        self._tower = space.embedding.tower("audio")
        network = self._tower.encoder
        if not isinstance(network, ConstantQPruning):
            raise InputError(f"expected a space of pruning vectors, got {space.name}; see midi-audio-pruning")
        self._network = network
        self._values = np.zeros((count, network.dimension), np.float32)
        self._weights = np.zeros((count, network.heads), np.float32)

    def add(self, frames: NDArray[np.float32], owners: Integers, firsts: Integers, counts: Integers) -> None:
        """Steps first .. first + count of a recording, for each of the sequences that have such a stretch of it."""
        weights, values = self._along(frames)
        sums = np.concatenate([np.zeros((1, weights.shape[1])), np.cumsum(weights, axis=0, dtype=np.float64)])
        means = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0, dtype=np.float64)])
        np.add.at(self._weights, owners, (sums[firsts + counts] - sums[firsts]).astype(np.float32))
        np.add.at(self._values, owners, (means[firsts + counts] - means[firsts]).astype(np.float32))

    def _along(self, frames: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(t, 48) -> weights (steps, heads), weighted values (steps, dimension), as `ConstantQPruning.pool` has them."""
        with torch.inference_mode():
            windows = torch.from_numpy(np.ascontiguousarray(frames.T))[None]
            scores, values, sounding = self._network.described(windows)
            weights = scores.exp() * sounding[:, None]
            values = values * weights[:, :, None]
        return weights[0].T.numpy(), values[0].flatten(0, 1).T.numpy()

    def vectors(self) -> NDArray[np.float32]:
        """(n, d). A sequence that is silent throughout has the vector of zeros."""
        share = np.repeat(self._weights, self._values.shape[1] // self._weights.shape[1], axis=1)
        features = np.divide(self._values, share, out=np.zeros_like(self._values), where=share > 0)
        with torch.inference_mode():
            return np.asarray(self._tower.project(torch.from_numpy(features)).numpy(), np.float32)


class SplicedStore(TrackStore):
    """The tracks of an index among which strangers have no frames on disk."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._splices = Splices.load(folder / SPLICES)
        self._training = FrameStore(self._splices.training)

    def frames(self, name: str) -> NDArray[np.float32]:
        """(t, 48) of a content, spliced where it is a stranger."""
        if name.startswith(NAME):
            return spliced_frames(self._training, self._splices, int(name.removeprefix(NAME)))
        return super().frames(name)


def build_among_strangers(
    space: Space, held: Sequence[Held], training: Path, output: Path, *, strangers: int, seed: int = 0
) -> Matcher:
    """An index of the recordings of `held` and so many strangers in `output`, opened. What is there already is taken up.

    training: a collection of `crossmodal.applications.midi_collection`.
    """
    encoder = TrackEncoder.of(space)
    if not (output / HEADER).exists():
        encoded = [encoder.hashes("audio", from_bytes(track.recording)) for track in held]
        splices = draw_splices(training / "frames/recordings", strangers, [len(own) for own in encoded], seed=seed)
        spliced, vectors = encode_splices(encoder, splices)
        known = [encoder.vector("audio", from_bytes(t.recording), own) for t, own in zip(held, encoded, strict=True)]
        splices.save(output / SPLICES)
        write_tracks(
            output, encoder, [*(track.id for track in held), *(f"{NAME}{number}" for number in range(strangers))],
            np.concatenate([*encoded, spliced]),
            np.concatenate([[len(own) for own in encoded], np.diff(splices.starts[splices.offsets])]),
            np.concatenate([*(vector[None] for vector in known), vectors]), [track.recording for track in held],
        )  # fmt: skip
    matcher = Matcher(SearchableIndex.open(output, space=space))
    matcher.store = SplicedStore(output)
    return matcher


def write_tracks(
    output: Path, encoder: TrackEncoder, names: Sequence[str], hashes: NDArray, lengths: Integers, vectors: NDArray[np.float32],
    frames: Sequence[NDArray[np.uint8]] = (),
) -> None:  # fmt: skip
    """An index of tracks that no file holds: hashes one after the other, so many of each, and vectors (n, d); frames of the first few,
    the others have none.
    """
    ends = np.concatenate([[0], np.cumsum(lengths)])
    octets = np.ascontiguousarray(hashes).view(np.uint8).reshape(len(hashes), hashes.itemsize)
    none = np.zeros((0, BINS), np.uint8)
    for first in range(len(FrameStore(output / HASHES)), len(names), _TOGETHER):  # from where a killed run came
        numbers = range(first, min(first + _TOGETHER, len(names)))
        append_frames(output / HASHES, [(names[n], octets[ends[n] : ends[n + 1]]) for n in numbers])
    for first in range(len(FrameStore(output / FRAMES)), len(names), _TOGETHER):
        numbers = range(first, min(first + _TOGETHER, len(names)))
        append_frames(output / FRAMES, [(names[n], frames[n] if n < len(frames) else none) for n in numbers])
    header = Header(
        space=reference_of(encoder.space, encoder.dimension), modality="audio+midi", preprocessing=encoder.preprocessing
    )
    seconds = np.asarray(lengths) * STEP / FRAMES_PER_SECOND
    commit(output, header, _entries(names, seconds, vectors), vectors=len(names))


def _entries(names: Sequence[str], seconds: NDArray[np.float64], vectors: NDArray[np.float32]) -> Iterator[Entry]:
    for name, duration, vector in zip(names, seconds.tolist(), vectors, strict=True):
        item = IndexedItem(name, name, name, 0, 0, "audio", duration=duration)
        yield Entry(item, vector[None], np.zeros(1, np.float32))
