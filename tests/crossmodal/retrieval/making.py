"""Small indexes for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from crossmodal.retrieval.header import SpaceReference
from crossmodal.retrieval.items import Field, IndexedItem
from crossmodal.retrieval.writer import IndexWriter

DIMENSION = 8
SPACE = SpaceReference(name="text-music", location="text-music", fingerprint="a" * 64, dimension=DIMENSION)


def item(identifier: str, *, sha256: str | None = None, fields: Mapping[str, Field] | None = None) -> IndexedItem:
    """An item whose content is its name unless `sha256` says otherwise."""
    content = identifier if sha256 is None else sha256
    return IndexedItem(
        identifier, f"/music/{identifier}.wav", content, 1000, 5, "audio", duration=3.5, fields=fields or {}
    )


def unit(generator: np.random.Generator, count: int, dimension: int = DIMENSION) -> np.ndarray:
    """Random unit vectors (count, dimension) float32."""
    vectors = generator.standard_normal((count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def writer(folder: Path, *, shard_vectors: int = 4) -> IndexWriter:
    return IndexWriter(folder, space=SPACE, modality="audio", shard_vectors=shard_vectors)


def made(folder: Path, names: str, *, vectors_each: int = 3, seed: int = 0) -> dict[str, np.ndarray]:
    """An index of one item a letter, committed; returns the vectors."""
    generator = np.random.default_rng(seed)
    vectors = {name: unit(generator, vectors_each) for name in names}
    with writer(folder) as one:
        for name in names:
            one.add(item(name), vectors[name], np.arange(vectors_each) * 1.5, hop=1.5)
        one.commit()
    return vectors
