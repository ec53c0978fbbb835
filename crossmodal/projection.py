"""Vectors in two dimensions, for every map: t-SNE (van der Maaten & Hinton 2008) on cosine distances, begun from the principal axes."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Method = Literal["t-SNE", "PCA"]
MOST_NEIGHBOURS = 3000  # items; beyond, t-SNE takes minutes on one core
_PERPLEXITY = 30.0


def project(vectors: NDArray[np.float32], *, method: Method = "t-SNE", seed: int = 0) -> NDArray[np.float32]:
    """Vectors (n, d) -> places (n, 2) in [0, 1]; the same vectors and seed give the same places. PCA takes no time for many items."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    count = len(vectors)
    if count < 3:
        return np.linspace(0, 1, 2 * count, dtype=np.float32).reshape(count, 2)
    exact = np.asarray(vectors, np.float64)
    flat = PCA(n_components=min(2, *exact.shape), random_state=seed).fit_transform(exact)
    flat = np.pad(flat, ((0, 0), (0, 2 - flat.shape[1])))
    if method == "t-SNE":
        begin = flat / max(float(flat[:, 0].std()), 1e-9) * 1e-4  # as small as t-SNE wants it
        perplexity = min(_PERPLEXITY, (count - 1) / 3)
        flat = TSNE(perplexity=perplexity, init=begin, random_state=seed, metric="cosine").fit_transform(exact)
    low, high = flat.min(axis=0), flat.max(axis=0)
    return np.asarray((flat - low) / np.maximum(high - low, 1e-9), np.float32)
