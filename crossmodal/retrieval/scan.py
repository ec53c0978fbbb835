"""Exact similarities by scanning vectors: for filtered searches, and where FAISS would fetch too many."""

from __future__ import annotations

import numpy as np

_BLOCK = 65_536  # vectors read at once


def best_per_item(vectors: np.ndarray, starts: np.ndarray, items: np.ndarray, query: np.ndarray) -> np.ndarray:
    """The largest inner product of `query` (d,) with the vectors of each item.

    vectors: (n, d); starts: (all items + 1,) first row of each item; items: (m,) ascending; returns (m,)
    float32.
    """
    best = np.full(len(items), -np.inf, np.float32)
    position = 0
    while position < len(items):
        first = int(starts[items[position]])
        # items up to the first that ends beyond the block, at least one
        end = int(np.searchsorted(starts[items + 1], first + _BLOCK, side="right"))
        end = max(end, position + 1)
        stop = int(starts[items[end - 1] + 1])
        products = vectors[first:stop] @ query
        part = items[position:end]
        bounds = np.stack([starts[part], starts[part + 1]], axis=1).ravel() - first
        padded = np.append(products, np.float32(-np.inf))  # reduceat takes no bound at the very end
        best[position:end] = np.maximum.reduceat(padded, bounds)[::2]
        position = end
    return best
