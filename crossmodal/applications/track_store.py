"""What an index of hash sequences keeps of its tracks besides their pruning vectors: all hashes and all frames, mapped into memory.

    hashes/     a frame store of two or four bytes a hash: the sequences one after another, as `HashCollection` searches them
    values/     a frame store of the values behind the hashes, in 8 bits, for the exact alignment of the last candidates
    frames/     a frame store of constant-Q in 8 bits, to lay an answer along its query

Tracks are named by the sha256 of their file, so a file that was moved, renamed or copied is stored once, and work that was done before
a run was killed is found again. All only grow: what was removed from the index stays until it is made anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossmodal.alignment.hashing.collection import HashCollection
from crossmodal.alignment.hashing.rule import Hashes
from crossmodal.base.errors import IntegrityError
from crossmodal.base.frame_store import FrameStore, append_frames, from_bytes, to_bytes

HASHES, VALUES, FRAMES = "hashes", "values", "frames"
_ORDER = (FRAMES, VALUES, HASHES)  # of writing
_WORDS = {2: np.uint16, 4: np.uint32}  # bytes of a hash -> its type


class TrackStore:
    """The tracks in an index folder, read-only; what is in it is paged in as it is used."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._hashes, self._values, self._frames = (FrameStore(folder / name) for name in (HASHES, VALUES, FRAMES))
        for store in (self._values, self._frames):  # a million ids take 64 MB
            store.share_ids(self._hashes)
        self._collection: HashCollection | None = None

    def __len__(self) -> int:
        return len(self._hashes)

    def __contains__(self, name: str) -> bool:
        return all(name in store for store in (self._hashes, self._values, self._frames))

    @property
    def collection(self) -> HashCollection:
        """All sequences; track numbers are those of `numbers`. IntegrityError where the folder holds none."""
        if self._collection is None:
            if not len(self._hashes) or self._hashes.bins not in _WORDS:
                raise IntegrityError(f"{self.folder / HASHES}: expected hash sequences, found none; index again")
            path = self.folder / HASHES / "frames.u8"
            hashes = np.memmap(path, _WORDS[self._hashes.bins], "r", shape=(int(self._hashes.offsets[-1]),))
            self._collection = HashCollection(np.asarray(hashes), self._hashes.offsets)
        return self._collection

    def numbers(self, names: Sequence[str]) -> NDArray[np.int64]:
        """Track numbers (n,) of contents. IntegrityError where one is missing."""
        found = np.stack([store.numbers(names) for store in (self._hashes, self._values, self._frames)])
        missing = int((found < 0).any(axis=0).sum())
        if missing:
            raise IntegrityError(
                f"{self.folder}: expected hashes, values and frames of all items, found none of {missing}; index again"
            )
        return np.asarray(found[0])

    def name(self, track: int) -> str:
        """The content of a track number."""
        return self._hashes.name(track)

    def values(self, name: str) -> NDArray[np.float32]:
        """(ceil(t / step), d) of a content, -1 to 1, within 1 / 255 of what the network made."""
        return as_values(self._values.raw(self._values.number(name)))

    def frames(self, name: str) -> NDArray[np.float32]:
        """(t, 48) of a content."""
        return self._frames.read(self._frames.number(name))

    @property
    def bytes_per_track(self) -> float:
        """On disk, all stores."""
        return sum(store.bytes_per_track for store in (self._hashes, self._values, self._frames)) if len(self) else 0.0


def as_bytes(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Values in (-1, 1) in 8 bits."""
    return to_bytes((values + 1) / 2)


def as_values(stored: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What `as_bytes` made, within 1 / 255."""
    return 2 * from_bytes(stored) - 1


class TrackWriter:
    """Adds tracks to the stores of an index folder, many at a time: all appends are durable before `flush` returns."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stores = {name: FrameStore(folder / name) for name in _ORDER}  # of earlier runs
        self._known = {name: set(store.ids) for name, store in self._stores.items()}
        self._waiting: dict[str, dict[str, NDArray[np.uint8]]] = {name: {} for name in _ORDER}

    def known_frames(self, name: str) -> NDArray[np.uint8] | None:
        """(t, 48), if an earlier run left the frames of this content."""
        store = self._stores[FRAMES]
        return store.raw(store.number(name)) if name in store else None

    def add(self, name: str, hashes: Hashes, values: NDArray[np.float32], frames: NDArray[np.uint8]) -> None:
        """A track, kept until the next `flush`; what is stored already is not stored again."""
        rows = np.ascontiguousarray(hashes)
        self._waiting[FRAMES][name] = frames
        self._waiting[VALUES][name] = as_bytes(values)
        self._waiting[HASHES][name] = rows.view(np.uint8).reshape(len(rows), rows.itemsize)

    def flush(self) -> None:
        """Frames first: the rest can be made of them again."""
        for kind in _ORDER:
            fresh = [(name, rows) for name, rows in self._waiting[kind].items() if name not in self._known[kind]]
            append_frames(self._folder / kind, fresh)
            self._known[kind].update(name for name, _ in fresh)
            self._waiting[kind].clear()
