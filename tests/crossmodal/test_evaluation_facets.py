"""Triplets of facets: drawn as they should be, and counted."""

from __future__ import annotations

import numpy as np
import pytest

from crossmodal.evaluation_facets import draw_triplets, score_facets, triplet_hits
from crossmodal.facets import Facets
from pairs.concepts import values_of
from pairs.source import Item


def collection(count: int = 24) -> list[Item]:
    kinds = ("jig", "waltz", "reel")
    speeds = ("slow", "fast")
    return [
        Item(f"i{n}", {}, tags=frozenset({kinds[n % 3], speeds[n % 2]}) if n else frozenset(), work=f"w{n // 2}")
        for n in range(count)
    ]


def test_triplets_share_a_value_with_the_second_and_none_with_the_third() -> None:
    items = collection()
    triplets = draw_triplets(items, "genre", count=200)
    assert triplets.shape == (200, 3) and 0 not in triplets
    for anchor, near, far in triplets.tolist():
        own = values_of(items[anchor], "genre")
        assert anchor != near and own & values_of(items[near], "genre") and not own & values_of(items[far], "genre")
        assert items[anchor].work != items[near].work
    np.testing.assert_array_equal(triplets, draw_triplets(items, "genre", count=200))
    assert draw_triplets(items, "era").shape == draw_triplets([], "genre").shape == (0, 3)
    same = [Item(f"s{n}", {}, tags=frozenset({"jig"})) for n in range(4)]
    assert draw_triplets(same, "genre").shape == (0, 3)


def test_hits_are_counted_by_cosine() -> None:
    vectors = np.array([[1, 0], [5, 1], [0, 1], [-1, 0]], np.float32)
    triplets = np.array([[0, 1, 2], [0, 3, 2], [0, 1, 1], [2, 0, 3]])
    assert triplet_hits(vectors, triplets).tolist() == [1.0, 0.0, 0.5, 0.5]


@pytest.mark.parametrize("faceted", [True, False])
def test_a_facet_is_judged_by_its_own_dimensions(faceted: bool) -> None:
    items = collection()
    genres, speeds = ("jig", "waltz", "reel"), ("slow", "fast")
    vectors = np.array(
        [[*(5.0 * (g in item.tags) for g in genres), *(1.0 * (s in item.tags) for s in speeds)] for item in items],
        np.float32,
    )
    facets = Facets({"genre": 3, "tempo": 2}, each=True) if faceted else None
    rows = score_facets(facets, items, vectors, seed=0, names=["genre", "tempo"])
    accuracy = {row.metric: row.value for row in rows}
    assert accuracy["triplets genre"] == 1.0 and all(row.chance == 0.5 for row in rows)
    assert (accuracy["triplets tempo"] == 1.0) == faceted  # whole vectors say the genre above all
