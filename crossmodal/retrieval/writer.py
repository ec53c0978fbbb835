"""Writing an index: add, remove and move items, then commit; killed at any moment, the index is as it was
last committed.

    with IndexWriter(folder, space=reference, modality="audio") as writer:
        plan = plan_update(writer.items, paths)
        writer.apply(plan)                              # removals and moves
        for file in plan.add:
            writer.add(item_of(file), vectors, offsets)  # staged, durable shard by shard
        writer.commit()

A later writer of the same folder finds in `items` what a killed one had added, so that it need not be
encoded again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from crossmodal.base.errors import InputError, IntegrityError
from crossmodal.base.files import FolderLock, make_folder
from crossmodal.retrieval.header import HEADER, Header, SpaceReference, check_space, read_header, write_header
from crossmodal.retrieval.items import IndexedItem
from crossmodal.retrieval.staging import Staging
from crossmodal.retrieval.store import Entry, Tables, commit, open_tables, remove_stale, staging_name

if TYPE_CHECKING:
    from crossmodal.retrieval.update import UpdatePlan


class IndexWriter:
    """The one writer of an index folder, new or existing. Closing it keeps what was added but does not
    commit.

    Raises InputError when another process writes there, IntegrityError when the index is damaged or holds
    vectors of another space, modality or preprocessing.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        space: SpaceReference,
        modality: str,
        preprocessing: Mapping[str, str | int | float | bool | None] | None = None,
        shard_vectors: int = 4096,
        shard_seconds: float = 5.0,
    ) -> None:
        self.folder = make_folder(folder)
        self._shard_vectors = shard_vectors
        self._shard_seconds = shard_seconds
        self._lock = FolderLock(self.folder)
        self._lock.acquire()
        try:
            wanted = Header(space=space, modality=modality, preprocessing=dict(preprocessing or {}))
            self.header = self._open_header(wanted)
            self._open_state()
        except BaseException:
            self._lock.release()
            raise

    def _open_header(self, wanted: Header) -> Header:
        if not (self.folder / HEADER).exists():
            write_header(self.folder, wanted)  # from now on the staged work is known to be of this space
            return wanted
        found = read_header(self.folder)
        check_space(found, wanted.space, where=str(self.folder))
        for name in ("modality", "preprocessing"):
            if getattr(found, name) != getattr(wanted, name):
                raise IntegrityError(
                    f"{self.folder}: this index was made with {name} {getattr(found, name)}, got "
                    f"{getattr(wanted, name)}; index into another folder"
                )
        return found

    def _open_state(self) -> None:
        """Load what is committed and what is staged."""
        remove_stale(self.folder, self.header)
        self._tables: Tables = open_tables(self.folder, self.header)
        self._committed = {item.id: item for item in self._tables.items}
        self._sizes = dict(zip(self._committed, np.diff(self._tables.starts).tolist(), strict=True))
        self._staging = Staging(
            self.folder / staging_name(self.header.generation + 1),
            shard_vectors=self._shard_vectors,
            shard_seconds=self._shard_seconds,
        )
        for identifier in self._staging.items:
            self._committed.pop(identifier, None)

    @property
    def items(self) -> list[IndexedItem]:
        """What the index will hold after a commit: committed items that stay, then the staged ones."""
        return [*self._committed.values(), *self._staging.items.values()]

    def add(
        self,
        item: IndexedItem,
        vectors: np.ndarray,
        offsets: np.ndarray | None = None,
        *,
        hop: float = 0.0,
        places: np.ndarray | None = None,
    ) -> None:
        """Add an item with its vectors (t, d), or (d,), and their offsets (t,) in seconds (columns of sheet music, whose `places`
        (t, 2) are page and system from 1); an item of the same id is replaced.
        """
        vectors = np.atleast_2d(np.asarray(vectors, np.float32))
        offsets = np.zeros(len(vectors), np.float32) if offsets is None else np.asarray(offsets, np.float32)
        if vectors.ndim != 2 or not len(vectors) or vectors.shape[1] != self.header.space.dimension:
            raise InputError(f"{item.id}: expected vectors (t, {self.header.space.dimension}), got {vectors.shape}")
        if offsets.shape != (len(vectors),):
            raise InputError(f"{item.id}: expected an offset for each of {len(vectors)} vectors, got {offsets.shape}")
        if places is not None and places.shape != (len(vectors), 2):
            raise InputError(f"{item.id}: expected places ({len(vectors)}, 2), got {places.shape}")
        if not np.isfinite(vectors).all():
            raise InputError(f"{item.id}: expected finite vectors, got NaN or infinity")
        self._committed.pop(item.id, None)
        self._staging.add(Entry(item, vectors, offsets, hop, None if places is None else np.asarray(places, np.int32)))

    def remove(self, identifiers: Iterable[str]) -> None:
        """Drop items. InputError for an id that the index does not hold."""
        for identifier in identifiers:
            self._find(identifier)
            self._committed.pop(identifier, None)
            self._staging.drop(identifier)

    def move(self, identifier: str, path: str | Path, *, size: int, modified_ns: int) -> None:
        """Note that an item's file, its content unchanged, is now at `path`. InputError for an unknown id."""
        item = self._find(identifier).moved(path=str(path), size=size, modified_ns=modified_ns)
        if identifier in self._committed:
            self._committed[identifier] = item
        else:
            self._staging.replace_item(item)

    def apply(self, plan: UpdatePlan) -> None:
        """Do the removals and moves of an update plan; its additions are the caller's to encode and `add`."""
        self.remove(plan.remove)
        for identifier, file in plan.move:
            self.move(identifier, file.path, size=file.size, modified_ns=file.modified_ns)

    def revise(self, changes: Mapping[str, IndexedItem]) -> None:
        """Change ids, fields or places of items (id -> the item as it shall be); their vectors stay. Exchanged ids are
        exchanged."""
        entries = [
            Entry(changes[e.item.id], np.array(e.vectors), np.array(e.offsets), e.hop, e.places)
            for e in self._entries()
            if e.item.id in changes
        ]
        self.remove(changes)
        for entry in entries:
            self._committed.pop(entry.item.id, None)
            self._staging.add(entry)

    def _find(self, identifier: str) -> IndexedItem:
        item = self._committed.get(identifier) or self._staging.items.get(identifier)
        if item is None:
            raise InputError(
                f"{self.folder}: expected the id of an item, got '{identifier}', which is not in the index"
            )
        return item

    def flush(self) -> None:
        """Make everything added so far durable, so that not even kill -9 loses it."""
        self._staging.flush()

    def commit(self) -> Header:
        """Make the additions, removals and moves the state of the index, in one step."""
        kept = sum(self._sizes[identifier] for identifier in self._committed)
        vectors = kept + sum(self._staging.counts.values())
        self.header = commit(self.folder, self.header, self._entries(), vectors=vectors)
        self._open_state()
        return self.header

    def _entries(self) -> Iterator[Entry]:
        for entry in self._tables.entries():
            item = self._committed.get(entry.item.id)
            if item is not None:
                yield replace(entry, item=item)
        yield from self._staging.entries()

    def close(self) -> None:
        """Keep what was added for the next writer and let it in."""
        try:
            self._staging.close()
        finally:
            self._lock.release()

    def __enter__(self) -> IndexWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
