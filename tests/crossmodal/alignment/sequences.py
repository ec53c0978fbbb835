"""Sequences of unit vectors that resemble those of a sequence space: neighbours are alike, other places are not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


def unit(vectors: np.ndarray) -> Vectors:
    """Rows of unit length."""
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def smooth(count: int, *, seed: int, dimension: int = 24, width: int = 8) -> Vectors:
    """Random unit vectors (count, dimension), each an average over about 2 * width places."""
    noise = np.random.default_rng(seed).standard_normal((count + 2 * width, dimension))
    sums = np.cumsum(noise, axis=0)
    return unit(sums[2 * width :] - sums[: -2 * width])


def noisy(vectors: Vectors, amount: float, *, seed: int) -> Vectors:
    """Unit vectors with noise of length `amount` added."""
    noise = np.random.default_rng(seed).standard_normal(vectors.shape) * amount / np.sqrt(vectors.shape[1])
    return unit(vectors + noise)


def played(segments: Sequence[tuple[int, int]], *, speed: float = 1.0) -> NDArray[np.int64]:
    """The column of each row when the segments (first, end) are played one after another at `speed` columns a row."""
    columns = np.concatenate([np.arange(first, end) for first, end in segments])
    return columns[(np.arange(int(len(columns) / speed)) * speed).astype(np.int64)]
