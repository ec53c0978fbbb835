"""Facets: sub-spaces of named, consecutive dimensions, each of which compares one side of the music (genre, mood, instruments, tempo).

Lee, Bryan, Salamon, Jin & Nam: Disentangled Multidimensional Metric Learning for Music Similarity, ICASSP 2020 (masks over 4 x 64
dimensions; vectors of unit length as a whole); Metric Learning vs Classification for Disentangled Music Representation Learning, ISMIR 2020
(length 1 after masking). A mask of consecutive dimensions is a slice: all that lies outside is zero in every product.

With unit "facets" each facet of a vector has length 1 / sqrt(number of facets): the whole has unit length, and the inner product with a
query whose facets were multiplied by weights is the weighted mean of the facets' cosines. So an index of such vectors is searched with any
weights, and never made again. With unit "whole" it is searched so, too, but the cosine of a facet counts times the length that this facet
has of the found vector: tracks that say little in a facet are found late by it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from crossmodal.base.errors import InputError
from crossmodal.base.names import nearest

Vectors = NDArray[np.float32]


class Facets:
    """Named slices of a vector. sizes: facet -> dimensions, in order; each: whether each facet has a length of its own (see above)."""

    def __init__(self, sizes: Mapping[str, int], *, each: bool) -> None:
        self.names, self.each = list(sizes), each
        ends = np.cumsum([0, *sizes.values()]).tolist()
        self._slices = {name: slice(ends[i], ends[i + 1]) for i, name in enumerate(sizes)}
        self.dimension: int = ends[-1]

    def __getitem__(self, name: str) -> slice:
        """Where a facet lies. InputError naming those that there are."""
        if name not in self._slices:
            raise InputError(
                f'expected a facet of the space ({", ".join(self.names)}), got "{name}".{nearest(name, self.names)}'
            )
        return self._slices[name]

    def part(self, vectors: Tensor, name: str) -> Tensor:
        """(n, d) -> (n, size of the facet)."""
        return vectors[..., self[name]]

    def unit(self, vectors: Tensor) -> Tensor:
        """(..., d) -> the same, of unit length as a whole; with `each`, every facet of the same length."""
        if not self.each:
            return normalize(vectors, dim=-1)
        parts = [normalize(self.part(vectors, name), dim=-1) for name in self.names]
        return torch.cat(parts, dim=-1) / math.sqrt(len(self.names))

    def weighted(self, query: Vectors, weights: Mapping[str, float], *, track: float = 0.0) -> Vectors:
        """(d,) -> (d,), whose inner product with a vector of the space is a weighted mean within [-1, 1]: of the facets' cosines (without
        `each` times the length of the vector's facet) and of the similarity of the whole. Facets of the query count alike, however long.

        weights: facet -> weight, 0 or more; facets that are not named count nothing. track: the weight of the whole vector (the overall
        similarity of tracks). Raises InputError where all are zero, or one is negative or no number.
        """
        given = {**weights, **({"track": track} if track else {})}
        if any(not math.isfinite(w) or w < 0 for w in given.values()) or not any(given.values()):
            told = ", ".join(f"{name}={weight:g}" for name, weight in given.items())
            raise InputError(f"--weight: expected weights of 0 or more, one above 0 at least, got {told or 'none'}")
        share = math.sqrt(len(self.names)) if self.each else 1.0  # one over the greatest length that a facet may have
        found = query * track / max(1.0, float(np.linalg.norm(query)))
        for name, weight in weights.items():
            part = query[self[name]]
            found[self[name]] += part * weight * share / max(float(np.linalg.norm(part)), 1e-12)
        return np.asarray(found / sum(given.values()), np.float32)

    def composed(self, queries: Mapping[str, Vectors]) -> Vectors:
        """Facet -> vector (d,) whose facet is meant: the genre of one, the tempo of another. (d,), zero where no facet is given."""
        found = np.zeros(self.dimension, np.float32)
        for name, vector in queries.items():
            found[self[name]] = vector[self[name]]
        return found

    def cosines(self, query: Vectors, vectors: Vectors) -> list[dict[str, float]]:
        """For each of some vectors (n, d): facet -> cosine with the query (d,); facets of which either says nothing are left out."""
        starts = [self._slices[name].start for name in self.names]
        products = np.add.reduceat(vectors * query, starts, axis=1)
        lengths = np.sqrt(np.add.reduceat(vectors**2, starts, axis=1) * np.add.reduceat(query**2, starts))
        rows = (
            np.divide(products, lengths, out=np.full_like(products, np.nan), where=lengths > 0)
            .astype(np.float64)
            .round(6)
            .tolist()
        )
        return [
            {name: value for name, value in zip(self.names, row, strict=True) if math.isfinite(value)} for row in rows
        ]
