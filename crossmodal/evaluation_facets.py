"""Facets under judgement: how often a recording is nearer to one that shares a value of the facet than to one that does not.

Lee, Bryan, Salamon, Jin & Nam, ICASSP 2020, section 4: accuracy over triplets within each facet. Without facets of its own a space is
judged by its whole vectors, which is what a single network without sub-spaces has.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from crossmodal.base.errors import InputError
from crossmodal.base.results import ScoreRow
from crossmodal.facets import Facets
from crossmodal.metrics.bootstrap import bootstrap_interval
from pairs.concepts import values_of
from pairs.relatives import OPPOSITE, RelativePairs
from pairs.source import Item

TRIPLETS = 4000  # a facet
CHANCE = 0.5

Triplets = NDArray[np.int64]


def draw_triplets(items: Sequence[Item], facet: str, *, count: int = TRIPLETS, seed: int = 0) -> Triplets:
    """(t, 3) places in items: an anchor, one that shares a value of the facet, of another work where there is one, and one with values of
    it but none in common. Anchors come in turn, in an order drawn from `seed`. (0, 3) where the items allow none.
    """
    usable = [place for place, item in enumerate(items) if values_of(item, facet)]
    try:
        source = RelativePairs([items[place] for place in usable], by=[facet], opposites=True, unrelated=False)
    except InputError:  # nobody shares anything
        return np.zeros((0, 3), np.int64)
    places = {item.id: place for place, item in enumerate(items)}
    generator = np.random.default_rng(seed)
    order = np.resize(generator.permutation(len(source)), count).tolist() if len(source) else []
    found = []
    for index in order:
        try:
            inputs = source.draw(index, generator).inputs
        except InputError:  # all have this one's values
            continue
        near, far = inputs[f"audio@{facet}"], inputs[f"audio@{OPPOSITE}{facet}"]
        assert isinstance(near, int) and isinstance(far, int)
        if near != index:
            found.append([places[source.items[one].id] for one in (index, near, far)])
    return np.array(found, np.int64).reshape(-1, 3)


def triplet_hits(vectors: NDArray[np.float32], triplets: Triplets) -> NDArray[np.float64]:
    """Vectors (n, d), triplets (t, 3) -> (t,) 1 where the anchor is nearer to the second by cosine, 0 to the third, 0.5 for a tie."""
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    anchors, near, far = (unit[triplets[:, column]] for column in range(3))
    gain = (anchors * near).sum(axis=1) - (anchors * far).sum(axis=1)
    return np.asarray(np.where(np.abs(gain) < 1e-9, 0.5, gain > 0), np.float64)


def score_facets(
    facets: Facets | None, items: Sequence[Item], vectors: NDArray[np.float32], *, seed: int, names: Sequence[str] = ()
) -> list[ScoreRow]:
    """Accuracy over triplets of each facet of a space (or of `names`, by whole vectors where it has none), and over all."""
    names = names or (facets.names if facets else ())
    found = {name: facet_hits(facets, items, vectors, name, seed=seed) for name in names}
    judged = {name: rows for name, rows in found.items() if len(rows[0])}
    if len(judged) > 1:
        hits, works = (np.concatenate(parts) for parts in zip(*judged.values(), strict=True))
        judged["overall"] = hits, works
    return [_row(name, hits, works, seed) for name, (hits, works) in judged.items()]


def facet_hits(
    facets: Facets | None, items: Sequence[Item], vectors: NDArray[np.float32], name: str, *, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """(t,) 1 for a triplet of a facet that holds, 0 for one that does not; and the work of each anchor."""
    triplets = draw_triplets(items, name, seed=seed)
    seen = vectors[:, facets[name]] if facets and name in facets.names else vectors
    works = np.array([items[anchor].work or items[anchor].id for anchor in triplets[:, 0]], np.str_)
    return triplet_hits(seen, triplets), works


def _row(name: str, hits: NDArray[np.float64], works: NDArray[np.str_], seed: int) -> ScoreRow:
    found = bootstrap_interval(hits, works, seed=seed)
    return ScoreRow(
        metric=f"triplets {name}", value=found.value, low=found.low, high=found.high, chance=CHANCE, n=len(hits)
    )
