"""A searchable index on disk: vectors of one space, with the items they belong to.

Similarity is the inner product, larger is closer; an item is as similar as the best of its vectors.
Retrieval never encodes: queries come as vectors, from the same space (`check_space`).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from crossmodal.base.errors import CrossmodalError, InputError
from crossmodal.base.files import FolderLock
from crossmodal.retrieval import ann
from crossmodal.retrieval.filters import Where, select
from crossmodal.retrieval.header import Header, SpaceReference, check_space, read_header, write_header
from crossmodal.retrieval.items import IndexedItem, ItemTable
from crossmodal.retrieval.scan import best_per_item
from crossmodal.retrieval.store import Tables, open_tables, staging_name

if TYPE_CHECKING:
    import faiss

_MOST_FETCHED = 2048  # beyond, a scan of all vectors is as fast as FAISS
_TRIES = 3  # a commit may replace the files between reading the header and opening them


class IndexWarning(UserWarning):
    """Something of an index had to be made again."""


@dataclass(frozen=True)
class Hit:
    """An item found. vector_row: the row of its best vector; offset: that vector's place in seconds;
    copies: paths of items with
    the same content, which are not listed themselves."""

    item: IndexedItem
    similarity: float
    vector_row: int
    offset: float
    copies: tuple[str, ...] = ()


class Index:
    """A committed state of an index folder, read-only. It stays valid while a writer commits the next one."""

    def __init__(self, folder: Path, header: Header, tables: Tables, searcher: faiss.Index) -> None:
        self.folder = folder
        self.header = header
        self._tables = tables
        self._searcher = searcher
        self._contents = _content_groups(tables.items.column("sha256"))
        self._copied = np.bincount(self._contents, minlength=1) > 1  # of each content, whether several items have it

    @classmethod
    def open(cls, folder: str | Path, *, space: SpaceReference | None = None) -> Index:
        """Open an index; with `space`, only if its vectors are of that space.

        Raises InputError where there is no index and IntegrityError where it is damaged or of another
        space. A damaged or missing FAISS file is rebuilt, with an `IndexWarning`.
        """
        folder = Path(folder)
        header, tables = _open(folder)
        if space is not None:
            check_space(header, space, where=str(folder))
        searcher = ann.load(folder, header.files.get("ann"), count=header.vectors)
        if searcher is None and read_header(folder).generation != header.generation:
            return cls.open(folder, space=space)  # a commit replaced it meanwhile
        if searcher is None:
            searcher = ann.build(tables.vectors)
            if header.files:
                warnings.warn(
                    f"{folder}: its FAISS file was damaged or missing and was rebuilt from the vectors",
                    IndexWarning,
                    stacklevel=2,
                )
                _repair(folder, header, searcher)
        return cls(folder, header, tables, searcher)

    @property
    def items(self) -> ItemTable:
        """What is indexed, in order."""
        return self._tables.items

    @property
    def vectors(self) -> np.ndarray:
        """(n, d) float32, memory-mapped, read-only."""
        return self._tables.vectors

    @property
    def offsets(self) -> np.ndarray:
        """(n,) place of each vector in its file: seconds, or columns of sheet music counted over all its systems."""
        return self._tables.offsets

    @property
    def places(self) -> np.ndarray:
        """(n, 2) page and system of each vector, counted from 1; 0 where there are none."""
        return self._tables.places

    @property
    def starts(self) -> np.ndarray:
        """(items + 1,) the first vector of each item, and at the end how many there are."""
        return self._tables.starts

    @property
    def contents(self) -> np.ndarray:
        """(items,) a number for each content: copies of one file have the same."""
        return self._contents

    @property
    def interrupted(self) -> bool:
        """Whether a run that adds to this index was ended before its commit (or is under way)."""
        staged = self.folder / staging_name(self.header.generation + 1)
        return staged.is_dir() and any(staged.glob("*.npz"))

    def vectors_of(self, row: int) -> np.ndarray:
        """(t, d) vectors of the item at `row` of `items`."""
        return self.vectors[int(self._tables.starts[row]) : int(self._tables.starts[row + 1])]

    def check_space(self, space: SpaceReference) -> None:
        """IntegrityError, naming both, unless the vectors are of `space`."""
        check_space(self.header, space, where=str(self.folder))

    def nearest(self, queries: np.ndarray, *, k: int, items: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The k vectors that FAISS finds nearest to each query (q, d), among those of `items` (a boolean mask (items,)).

        Returns similarities (q, k), falling, and the rows of the items they belong to (q, k), -1 where there are fewer.
        """
        queries = self._checked(queries, k)
        mask = None if items is None or items.all() else np.repeat(items, np.diff(self._tables.starts))
        similarities, rows = ann.search(self._searcher, queries, k, allowed=mask)
        owners = np.searchsorted(self._tables.starts, rows, side="right") - 1
        return similarities, np.where(rows < 0, -1, owners)

    def search(
        self, queries: np.ndarray, *, k: int, where: Where = None, collapse_duplicates: bool = True
    ) -> list[list[Hit]]:
        """The `k` most similar items of each query (q, d), most similar first; fewer when the index holds
        fewer.

        where: filters that all hold; a filtered search is exact. collapse_duplicates: of items with the same
        content only the first comes. Raises InputError for queries that do not fit.
        """
        queries = self._checked(queries, k)
        mask = select(self.items, where)
        allowed = None if mask.all() else mask
        contents = self._contents if collapse_duplicates else np.arange(len(self.items))
        found: list[list[Hit]] = []
        fetch = min(len(self.vectors), max(64, 4 * k))
        first = None  # of all queries at once: one pass over the vectors instead of one a query
        if allowed is None and 0 < fetch <= _MOST_FETCHED:
            first = self._searcher.search(queries, fetch)
        for number, query in enumerate(queries):
            candidates = None
            if first is not None:
                candidates = self._near(query, k, contents, (first[0][number], first[1][number]))
            rows, similarities = candidates or self._scan(query, allowed)
            found.append(self._hits(query, rows, similarities, k, contents, allowed, collapse_duplicates))
        return found

    def _checked(self, queries: np.ndarray, k: int) -> np.ndarray:
        queries = np.ascontiguousarray(np.atleast_2d(queries), np.float32)
        if queries.ndim != 2 or queries.shape[1] != self.header.space.dimension:
            raise InputError(f"queries: expected (q, {self.header.space.dimension}), got {queries.shape}")
        if not np.isfinite(queries).all():
            raise InputError("queries: expected finite vectors, got NaN or infinity")
        if k < 1:
            raise InputError(f"k: expected at least 1, got {k}")
        return queries

    def _near(
        self, query: np.ndarray, k: int, contents: np.ndarray, nearest: tuple[np.ndarray, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """Items (rows, similarities) that FAISS finds, enough for k different contents; None when a scan
        must do. nearest: what it found at first, similarities and rows (n,).
        """
        count = len(self.vectors)
        similarities, rows = nearest
        while True:
            found = rows >= 0
            owners = np.searchsorted(self._tables.starts, rows[found], side="right") - 1
            unique, first = np.unique(owners, return_index=True)  # sorted by similarity: the first is the best
            if len(np.unique(contents[unique])) >= k:
                return unique, similarities[found][first]
            fetch = min(count, len(rows) * 4)
            if len(rows) == count or not found.all() or fetch > _MOST_FETCHED:
                return None
            similarities, rows = (part[0] for part in self._searcher.search(query[None], fetch))

    def _scan(self, query: np.ndarray, allowed: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        rows = np.arange(len(self.items)) if allowed is None else np.flatnonzero(allowed)
        return rows, best_per_item(self.vectors, self._tables.starts, rows, query)

    def _hits(
        self,
        query: np.ndarray,
        rows: np.ndarray,
        similarities: np.ndarray,
        k: int,
        contents: np.ndarray,
        allowed: np.ndarray | None,
        collapse: bool,
    ) -> list[Hit]:
        """The k best of the candidates, one of each content."""
        hits: list[Hit] = []
        seen: set[int] = set()
        for place in np.lexsort((rows, -similarities)):
            row = int(rows[place])
            if contents[row] in seen:
                continue
            seen.add(int(contents[row]))
            start = int(self._tables.starts[row])
            best = start + int(np.argmax(self.vectors_of(row) @ query))
            copies = self._copies(row, allowed) if collapse else ()
            offset = float(self.offsets[best])
            hits.append(Hit(self.items[row], float(similarities[place]), best, offset, copies))
            if len(hits) == k:
                break
        return hits

    def _copies(self, row: int, allowed: np.ndarray | None) -> tuple[str, ...]:
        if not self._copied[self._contents[row]]:
            return ()
        same = self._contents == self._contents[row]
        if allowed is not None:
            same &= allowed
        return tuple(self.items[int(other)].path for other in np.flatnonzero(same) if other != row)


def _open(folder: Path) -> tuple[Header, Tables]:
    """Header and tables of one generation, also while a writer replaces it."""
    header = read_header(folder)
    for _ in range(_TRIES):
        try:
            return header, open_tables(folder, header)
        except (CrossmodalError, OSError):
            fresh = read_header(folder)
            if fresh.generation == header.generation:
                raise
            header = fresh
    return header, open_tables(folder, header)


def _repair(folder: Path, header: Header, searcher: faiss.Index) -> None:
    """Write the rebuilt FAISS file, where one may write and nobody else does."""
    lock = FolderLock(folder)
    try:
        lock.acquire()
        if read_header(folder) == header:
            record = ann.save(searcher, folder / f"ann-{header.generation:06d}.faiss")
            write_header(folder, header.model_copy(update={"files": {**header.files, "ann": record}}))
    except InputError:
        return  # the index in memory is whole all the same
    finally:
        lock.release()


def _content_groups(hashes: Sequence[object]) -> np.ndarray:
    """(items,) a number for each content; items without a hash are each their own."""
    numbers: dict[object, int] = {}
    keys = [value or row for row, value in enumerate(hashes)]
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)
