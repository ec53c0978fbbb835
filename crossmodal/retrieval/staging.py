"""Work done for the next commit of an index, durable shard by shard, so that a killed run goes on where it was.

A shard is a .npz file whose name ends with the hash of its content. It is written when it holds `shard_vectors` vectors,
or when its first entry is `shard_seconds` old (noticed at the next addition), which bounds what a kill -9 can cost.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from crossmodal.base.files import atomic_write, make_folder, remove_leftovers
from crossmodal.retrieval.items import IndexedItem
from crossmodal.retrieval.store import Entry


class Staging:
    """Entries added since the last commit. An id added again replaces what was added before."""

    def __init__(self, folder: Path, *, shard_vectors: int, shard_seconds: float) -> None:
        self._folder = make_folder(folder)
        self._shard_vectors = shard_vectors
        self._shard_seconds = shard_seconds
        self._since = 0.0
        self._open: dict[str, Entry] = {}
        self._held = 0  # vectors in them
        self._where: dict[str, int] = {}  # the number of the shard that holds an item
        self.items: dict[str, IndexedItem] = {}
        self.counts: dict[str, int] = {}
        remove_leftovers(folder)
        self._next = 0
        for path in self._shards():
            self._next = _number(path) + 1
            for entry in _read(path):
                self._note(entry, _number(path))

    def _shards(self) -> list[Path]:
        return sorted(self._folder.glob("*.npz"))

    def _note(self, entry: Entry, shard: int) -> None:
        self.items.pop(entry.item.id, None)  # so that the order is that of the last addition
        self.items[entry.item.id] = entry.item
        self.counts[entry.item.id] = len(entry.vectors)
        self._where[entry.item.id] = shard

    def add(self, entry: Entry) -> None:
        """Take an entry; it is durable when its shard is full or old, or `flush` was called."""
        if not self._open:
            self._since = time.monotonic()
        self._held += len(entry.vectors) - self._length(entry.item.id)
        self._open[entry.item.id] = entry
        self._note(entry, self._next)
        if self._held >= self._shard_vectors or time.monotonic() - self._since >= self._shard_seconds:
            self.flush()

    def _length(self, identifier: str) -> int:
        """Vectors of an entry that is not durable yet; 0 where there is none."""
        entry = self._open.get(identifier)
        return 0 if entry is None else len(entry.vectors)

    def replace_item(self, item: IndexedItem) -> None:
        """Change what is known of a staged item; its vectors stay."""
        self.items[item.id] = item

    def drop(self, identifier: str) -> None:
        """Forget an item."""
        self._held -= self._length(identifier)
        for known in (self.items, self.counts, self._where, self._open):
            known.pop(identifier, None)

    def close(self) -> None:
        """Make what was added durable; a folder in which nothing is goes."""
        self.flush()
        with contextlib.suppress(OSError):  # not empty, or gone
            self._folder.rmdir()

    def flush(self) -> None:
        """Make what was added durable."""
        if not self._open:
            return
        entries = list(self._open.values())
        record = [{"item": entry.item.to_json(), "hop": entry.hop} for entry in entries]
        buffer = io.BytesIO()
        np.savez(
            buffer,
            items=np.frombuffer(json.dumps(record).encode(), np.uint8),
            counts=np.array([len(entry.vectors) for entry in entries]),
            vectors=np.concatenate([entry.vectors for entry in entries]),
            offsets=np.concatenate([entry.offsets for entry in entries]),
            places=np.concatenate([_places(entry) for entry in entries]),
        )
        content = buffer.getvalue()
        with atomic_write(self._folder / f"{self._next:08d}-{_hash(content)}.npz") as temporary:
            temporary.write_bytes(content)
        self._open.clear()
        self._held = 0
        self._next += 1

    def entries(self) -> Iterator[Entry]:
        """What is staged, shard by shard."""
        self.flush()
        for path in self._shards():
            for entry in _read(path):
                if self._where.get(entry.item.id) == _number(path):
                    yield replace(entry, item=self.items[entry.item.id])


def _places(entry: Entry) -> np.ndarray:
    return np.zeros((len(entry.vectors), 2), np.int32) if entry.places is None else entry.places


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _number(path: Path) -> int:
    return int(path.name.partition("-")[0])


def _read(path: Path) -> list[Entry]:
    """The entries of a shard; none when it is damaged: they are made again."""
    content = path.read_bytes()
    if path.stem.partition("-")[2] != _hash(content):
        path.unlink()
        return []
    with np.load(io.BytesIO(content), allow_pickle=False) as shard:
        record = json.loads(shard["items"].tobytes())
        starts = np.cumsum([0, *shard["counts"]])
        vectors, offsets = shard["vectors"], shard["offsets"]
        places = shard["places"] if "places" in shard.files else np.zeros((len(vectors), 2), np.int32)
    return [
        Entry(
            IndexedItem.from_json(one["item"]),
            vectors[starts[index] : starts[index + 1]],
            offsets[starts[index] : starts[index + 1]],
            one["hop"],
            places[starts[index] : starts[index + 1]],
        )
        for index, one in enumerate(record)
    ]
