"""The files of one generation of an index, and how a commit replaces them.

    items-000003.parquet      one row an item
    rows-000003.parquet       one row a vector: item (its row in the items), offset and hop (seconds, or columns of
                              sheet music), page and system (from 1; 0 where there are none)
    vectors-000003.npy        (n, d) float32, row for row
    ann-000003.faiss          derived

The vectors of an item lie together, in the order of the items. A commit writes the files of the next
generation, fsyncs them, replaces header.json, and only then removes the files of the last one. Whatever the
header does not name is a leftover.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crossmodal.base.errors import IntegrityError
from crossmodal.base.files import LEFTOVER_PREFIX, atomic_write, sha256_file
from crossmodal.retrieval import ann
from crossmodal.retrieval.header import FileRecord, Header, write_header
from crossmodal.retrieval.items import IndexedItem, ItemTable, write_items

_OURS = re.compile(r"(items|rows|vectors|ann|staging)-\d{6}(\.\w+)?|" + re.escape(LEFTOVER_PREFIX) + ".*")


@dataclass(frozen=True)
class Entry:
    """An item with its vectors (t, d) float32, their offsets (t,) in seconds or columns, and the hop between them (0
    for one vector). places (t, 2): page and system of each vector from 1, or None.
    """

    item: IndexedItem
    vectors: np.ndarray
    offsets: np.ndarray
    hop: float = 0.0
    places: np.ndarray | None = None


@dataclass(frozen=True)
class Tables:
    """An opened generation. starts: (items + 1,) the first vector row of each item; vectors: memory-mapped,
    read-only.
    """

    items: ItemTable
    vectors: np.ndarray
    offsets: np.ndarray
    hops: np.ndarray
    starts: np.ndarray
    places: np.ndarray

    def entries(self) -> Iterator[Entry]:
        """Items with their vectors, in order."""
        for row, item in enumerate(self.items):
            part = slice(int(self.starts[row]), int(self.starts[row + 1]))
            places = self.places[part]
            hop = float(self.hops[part.start])
            yield Entry(item, self.vectors[part], self.offsets[part], hop, places if places.any() else None)


def staging_name(generation: int) -> str:
    """The folder of work done for a generation that is not committed yet."""
    return f"staging-{generation:06d}"


def open_tables(folder: Path, header: Header) -> Tables:
    """Read a generation. IntegrityError when a file is missing, tampered with or damaged."""
    import pyarrow.parquet as pq

    if not header.files:
        empty = np.zeros(0, np.float32)
        vectors = empty.reshape(0, header.space.dimension)
        return Tables(ItemTable.empty(), vectors, empty, empty, np.zeros(1, np.int64), np.zeros((0, 2), np.int32))
    for kind, record in header.files.items():
        path = folder / record.name
        if kind == "ann":
            continue
        if not path.is_file():
            raise IntegrityError(f"{path}: expected the {kind} of this index, found nothing; index again")
        if sha256_file(path) != record.sha256:
            raise IntegrityError(f"{path}: the {kind} of this index were changed or damaged; index again")
    rows = pq.read_table(folder / header.files["rows"].name)
    owners = rows.column("item").to_numpy()
    vectors = np.load(folder / header.files["vectors"].name, mmap_mode="r", allow_pickle=False)
    items = ItemTable.read(folder / header.files["items"].name)
    starts = np.searchsorted(owners, np.arange(len(items) + 1))
    if len(owners) != len(vectors) or vectors.shape[1:] != (header.space.dimension,):
        raise IntegrityError(f"{folder}: its tables do not fit each other; index again")
    places = np.zeros((len(vectors), 2), np.int32)
    if "page" in rows.column_names:  # indexes made before there was sheet music have none
        places = np.stack([rows.column("page").to_numpy(), rows.column("system").to_numpy()], axis=1)
    return Tables(items, vectors, rows.column("offset").to_numpy(), rows.column("hop").to_numpy(), starts, places)


def commit(folder: Path, header: Header, entries: Iterator[Entry], *, vectors: int) -> Header:
    """Write the next generation from `entries` (`vectors` vectors in all), make it the index's state,
    remove the last one.
    """
    generation = header.generation + 1
    names = {kind: f"{kind}-{generation:06d}" for kind in ("items", "rows", "vectors", "ann")}
    items, rows = _write_vectors(folder / f"{names['vectors']}.npy", entries, (vectors, header.space.dimension))
    write_items(folder / f"{names['items']}.parquet", items)
    _write_rows(folder / f"{names['rows']}.parquet", rows)
    files = {}
    for kind, suffix in (("items", "parquet"), ("rows", "parquet"), ("vectors", "npy")):
        path = folder / f"{names[kind]}.{suffix}"
        files[kind] = FileRecord(name=path.name, sha256=sha256_file(path))
    matrix = np.load(folder / f"{names['vectors']}.npy", mmap_mode="r", allow_pickle=False)
    files["ann"] = ann.save(ann.build(matrix), folder / f"{names['ann']}.faiss")
    after = {"generation": generation, "items": len(items), "vectors": vectors, "files": files}
    fresh = Header.model_validate({**header.model_dump(), **after})
    write_header(folder, fresh)
    remove_stale(folder, fresh)
    return fresh


def _write_vectors(
    path: Path, entries: Iterator[Entry], shape: tuple[int, int]
) -> tuple[list[IndexedItem], dict[str, np.ndarray]]:
    """Stream the vectors to a .npy file; return the items and the columns of the rows table."""
    items: list[IndexedItem] = []
    counts: list[int] = []
    offsets, hops = np.zeros(shape[0], np.float32), np.zeros(shape[0], np.float32)
    places = np.zeros((shape[0], 2), np.int32)
    done = 0
    with atomic_write(path) as temporary, temporary.open("wb") as stream:
        layout = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(stream, layout)
        for entry in entries:
            stream.write(np.ascontiguousarray(entry.vectors, "<f4").tobytes())
            part = slice(done, done + len(entry.vectors))
            offsets[part], hops[part] = entry.offsets, entry.hop
            if entry.places is not None:
                places[part] = entry.places
            items.append(entry.item)
            counts.append(len(entry.vectors))
            done = part.stop
        if done != shape[0]:
            raise IntegrityError(f"{path.parent}: staged work was damaged while it was read; run again")
    owners = np.repeat(np.arange(len(items)), counts)
    return items, {"item": owners, "offset": offsets, "hop": hops, "page": places[:, 0], "system": places[:, 1]}


def _write_rows(path: Path, columns: dict[str, np.ndarray]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with atomic_write(path) as temporary:
        pq.write_table(pa.table(columns), temporary)


def remove_stale(folder: Path, header: Header) -> None:
    """Delete what the header does not name: older generations, leftovers of killed runs, work staged for
    past commits.

    Other people's files in the folder are left alone. Only call it while holding the folder's lock.
    """
    kept = {record.name for record in header.files.values()} | {staging_name(header.generation + 1)}
    for path in folder.iterdir():
        if _OURS.fullmatch(path.name) and path.name not in kept:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
