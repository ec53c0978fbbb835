"""How well two sequences of feature vectors match: the exact alignment of the last candidates of a search, and its score.

Raffel 2016, chapter on matching MIDI files to recordings: cosine distances of constant-Q, most of the shorter sequence has to be used
(gully), and steps other than (1, 1) cost the median distance more. The score is the cost of the path, divided by its length and by the
mean distance in the rectangle of the path, so that pieces whose vectors are all alike do not seem to match: 0 is equal, and about 1 what
chance gives.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from crossmodal.alignment.multires import align
from crossmodal.alignment.path import Floats, Path, same_dimension, sequence

SAMPLE = 1000  # vectors of each sequence, evenly spaced, between which the median distance is taken


@dataclass(frozen=True)
class Comparison:
    """path: cells of `queries` (rows) and `targets` (columns); score: 0 or more, smaller is closer; penalty: what other steps cost."""

    path: Path
    score: float
    penalty: float


def compare(
    queries: ArrayLike, targets: ArrayLike, *, gully: float = 0.96, penalty: float | None = None, radius: int = 16,
    largest: int = 1 << 24,
) -> Comparison:  # fmt: skip
    """Aligns `queries` (n, d) with `targets` (m, d) by cosine distance, a vector of zeros being at distance 1 from all.

    gully: as in `dtw`; penalty: added to steps that are not (1, 1), the median distance when None; radius, largest: as in `align`, exact
    up to `largest` cells. Raises InputError for empty or infinite input, vectors of two dimensions, and a gully outside (0, 1].
    """
    rows, columns = sequence("queries", queries), sequence("targets", targets)
    same_dimension(rows, columns)
    rows, columns = _unit(rows), _unit(columns)
    if penalty is None:
        penalty = float(np.median(np.maximum(1 - _sample(rows) @ _sample(columns).T, 0)))
    add = (0.0, penalty, penalty)
    path = align(rows, columns, gully=gully, weights_add=add, radius=radius, largest=largest)
    used = rows[path.rows[0] : path.rows[-1] + 1], columns[path.columns[0] : path.columns[-1] + 1]
    # The mean over all pairs of 1 - x . y is one less the product of the means.
    mean = 1 - float(used[0].mean(axis=0, dtype=np.float64) @ used[1].mean(axis=0, dtype=np.float64))
    cost = max(path.cost, 0.0)  # float32 vectors of length 1 may be a little longer
    return Comparison(path, cost / len(path.rows) / mean if mean > 1e-6 else 0.0, penalty)


def _unit(vectors: Floats) -> Floats:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(norms > 0, norms, 1), dtype=np.float32)


def _sample(vectors: Floats) -> Floats:
    return vectors[:: -(-len(vectors) // SAMPLE)]
