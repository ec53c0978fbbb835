"""The FAISS file of an index: derived from the vectors, checked by its hash, rebuilt when it is damaged or
missing.

Up to `EXACT_LIMIT` vectors it is an exact inner-product index. Above, an inverted file with about 2 sqrt(n)
cells of which 1/16 are looked into: nearly exact on clustered vectors (the tests demand a recall@10 of 0.95).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from crossmodal.base.errors import InputError
from crossmodal.base.files import atomic_write, sha256_file
from crossmodal.retrieval.header import FileRecord

if TYPE_CHECKING:
    import faiss

EXACT_LIMIT = 200_000
_TRAINING_VECTORS_PER_CELL = 40
_BLOCK = 65_536


def build(vectors: np.ndarray, *, exact_limit: int | None = None) -> faiss.Index:
    """A FAISS index over vectors (n, d) float32; its ids are the rows."""
    import faiss

    count, dimension = vectors.shape
    flat = faiss.IndexFlatIP(dimension)
    if count <= (EXACT_LIMIT if exact_limit is None else exact_limit):
        index: faiss.Index = flat
    else:
        cells = max(1, round(2 * count**0.5))
        inverted = faiss.IndexIVFFlat(flat, dimension, cells, faiss.METRIC_INNER_PRODUCT)
        inverted.cp.niter = 10  # the recall that the tests demand holds with fewer passes than the default
        step = max(1, count // (cells * _TRAINING_VECTORS_PER_CELL))
        inverted.train(np.ascontiguousarray(vectors[::step]))
        inverted.nprobe = max(8, cells // 16)
        index = inverted
    for start in range(0, count, _BLOCK):
        index.add(np.ascontiguousarray(vectors[start : start + _BLOCK]))
    return index


def search(
    index: faiss.Index, queries: np.ndarray, k: int, *, allowed: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest of the vectors (n,) that `allowed` marks, or of all: similarities and rows, (q, k); -1 where there are fewer."""
    import faiss

    if allowed is None:
        similarities, rows = index.search(queries, k)
        return similarities, rows
    bits = np.packbits(allowed, bitorder="little")
    selector = faiss.IDSelectorBitmap(len(allowed), faiss.swig_ptr(bits))
    options: faiss.SearchParameters = faiss.SearchParameters()
    if isinstance(index, faiss.IndexIVF):
        options = faiss.SearchParametersIVF()
        options.nprobe = index.nprobe
    options.sel = selector
    similarities, rows = index.search(queries, k, params=options)
    return similarities, rows


def save(index: faiss.Index, path: Path) -> FileRecord:
    """Write the FAISS index atomically."""
    import faiss

    with atomic_write(path) as temporary:
        faiss.write_index(index, str(temporary))
    return FileRecord(name=path.name, sha256=sha256_file(path))


def load(folder: Path, record: FileRecord | None, *, count: int) -> faiss.Index | None:
    """The FAISS index, or None when it is missing or not what was written (FAISS never sees damaged data)."""
    import faiss

    if record is None:
        return None
    path = folder / record.name
    try:
        if sha256_file(path) != record.sha256:
            return None
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)  # pages of it are read as they are searched
    except (InputError, RuntimeError):  # not there, or a commit took it away between the two
        return None
    return index if index.ntotal == count else None
