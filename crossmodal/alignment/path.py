"""What all alignments share: the path, and the checks and the pooling of sequences of vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossmodal.base.errors import InputError

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Path:
    """A warping path: `rows` and `columns` (length,) of its cells from start to end; `cost`: the weighted sum of its cells."""

    rows: Integers
    columns: Integers
    cost: float


def sequence(name: str, values: ArrayLike) -> Floats:
    """Checked sequence of vectors (t, d), float32, C order; raises InputError when it is empty or holds NaN or infinity."""
    array = np.ascontiguousarray(values, dtype=np.float32)
    if array.ndim != 2 or 0 in array.shape:
        raise InputError(f"{name}: expected vectors (t, d) with t and d of 1 or more, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise InputError(
            f"{name}: expected finite numbers, got NaN or infinity; give such rows a weight of 0 and zeros"
        )
    return array


def same_dimension(queries: Floats, targets: Floats) -> None:
    """Raises InputError unless both sequences hold vectors of one space."""
    if queries.shape[1] != targets.shape[1]:
        raise InputError(
            f"targets: expected vectors of dimension {queries.shape[1]} like the queries, got {targets.shape[1]};"
            " encode both with one space"
        )


def row_weights(values: ArrayLike | None, count: int) -> Floats:
    """Checked weights (n,), finite and not negative, some above 0; ones where none are given."""
    weights = np.ones(count, np.float32) if values is None else np.asarray(values, dtype=np.float32)
    if weights.shape != (count,):
        raise InputError(f"weight: expected one value a row, shape ({count},), got shape {weights.shape}")
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise InputError("weight: expected finite numbers of 0 or more, got others; clip them at 0")
    if not weights.any():
        raise InputError("weight: expected some rows above 0, got none; there is nothing to align in silence")
    return weights


def pooled(vectors: Floats, size: int, weights: Floats | None = None) -> Floats:
    """Weighted means of `size` vectors each, (t, d) -> (ceil(t / size), d), scaled to unit length (zeros stay zeros)."""
    if size == 1:
        return vectors
    starts = np.arange(0, len(vectors), size)
    sums = np.add.reduceat(vectors if weights is None else vectors * weights[:, None], starts, axis=0)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.divide(sums, lengths, out=np.zeros_like(sums), where=lengths > 0)
