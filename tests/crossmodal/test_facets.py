"""Facets: named dimensions, lengths, weights and composed queries."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from crossmodal.base.errors import InputError, RecipeError
from crossmodal.embedding import pool_windows
from crossmodal.facets import Facets
from crossmodal.recipe import parse_recipe

SIZES = {"genre": 3, "mood": 2, "tempo": 4}


def vectors(count: int, *, each: bool = True, seed: int = 0) -> torch.Tensor:
    return Facets(SIZES, each=each).unit(torch.randn(count, 9, generator=torch.Generator().manual_seed(seed)))


def test_lengths() -> None:
    facets = Facets(SIZES, each=True)
    found = vectors(4)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(4))
    for name in facets.names:
        torch.testing.assert_close(facets.part(found, name).norm(dim=1), torch.full((4,), 3**-0.5))
    raw = torch.randn(4, 9)
    torch.testing.assert_close(Facets(SIZES, each=False).unit(raw), normalize(raw, dim=1))
    torch.testing.assert_close(pool_windows(found, facets), facets.unit(found.mean(dim=0)))


@pytest.mark.parametrize("track", [0.0, 0.3])
def test_a_weighted_query_gives_the_weighted_mean_of_the_cosines_without_other_vectors(track: float) -> None:
    facets = Facets(SIZES, each=True)
    query, *others = vectors(6).numpy()
    weights = {"genre": 0.5, "tempo": 2.0}
    asked = facets.weighted(query, weights, track=track)
    for other in others:
        cosines = {n: float(query[facets[n]] @ other[facets[n]]) * 3 for n in facets.names}
        expected = sum(w * cosines[n] for n, w in weights.items()) + track * float(query @ other)
        assert float(asked @ other) == pytest.approx(expected / (2.5 + track), abs=1e-6)
        assert facets.cosines(query, other[None])[0] == pytest.approx(cosines, abs=1e-5)
    assert float(asked @ query) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("track", [0.0, 0.3])
def test_in_a_space_of_unit_whole_a_weighted_query_counts_the_length_of_what_is_found(track: float) -> None:
    facets = Facets(SIZES, each=False)
    drawn = vectors(8, each=False).numpy()
    weights = {"genre": 0.5, "tempo": 2.0}
    for query in (drawn[0], facets.composed({"genre": drawn[0], "tempo": drawn[1]}) * np.float32(3)):
        asked = facets.weighted(query, weights, track=track)
        for other in drawn:
            cosines = facets.cosines(query, other[None])[0]
            expected = sum(w * cosines[n] * float(np.linalg.norm(other[facets[n]])) for n, w in weights.items())
            expected += track * float(query @ other) / max(1.0, float(np.linalg.norm(query)))
            assert float(asked @ other) == pytest.approx(expected / (2.5 + track), abs=1e-5)
        assert float(np.linalg.norm(asked)) <= 1 + 1e-6
    alone = np.zeros(9, np.float32)
    alone[0] = 1
    assert float(facets.weighted(alone, {"genre": 1.0}) @ alone) == pytest.approx(1.0)
    assert not facets.weighted(alone, {"mood": 1.0}).any()


def test_composed_queries_take_each_facet_from_its_own_track() -> None:
    facets = Facets(SIZES, each=True)
    first, second, other = vectors(3).numpy()
    query = facets.composed({"genre": first, "tempo": second})
    np.testing.assert_array_equal(query[:3], first[:3])
    np.testing.assert_array_equal(query[5:], second[5:])
    assert (
        not query[3:5].any()
        and [list(row) for row in facets.cosines(query, np.stack([other, first]))] == [["genre", "tempo"]] * 2
    )


def test_what_is_no_facet_or_weight_is_refused() -> None:
    facets = Facets(SIZES, each=True)
    with pytest.raises(InputError, match=r'genre, mood, tempo.*"tempi".*Did you mean "tempo"'):
        facets["tempi"]
    for weights in ({}, {"genre": 0.0}, {"genre": -1.0}, {"genre": float("nan")}):
        with pytest.raises(InputError, match="--weight"):
            facets.weighted(np.ones(9, np.float32), weights)


def test_masking_is_the_same_as_a_dense_layer_of_its_own_for_each_facet() -> None:
    """Lee et al. 2020b: multi-task sub-dense layers are the same as masks over one layer."""
    facets = Facets(SIZES, each=True)
    whole = torch.nn.Linear(7, 9)
    features = torch.randn(5, 7)
    for name in facets.names:
        own = torch.nn.Linear(7, SIZES[name])
        own.load_state_dict({"weight": whole.weight[facets[name]], "bias": whole.bias[facets[name]]})
        mask = torch.zeros(9)
        mask[facets[name]] = 1
        masked = whole(features) * mask
        torch.testing.assert_close(masked[:, facets[name]], own(features))
        torch.testing.assert_close(masked @ masked.T, own(features) @ own(features).T)
        torch.testing.assert_close(
            facets.part(facets.unit(whole(features)), name) * 3**0.5, normalize(own(features), dim=1)
        )


RECIPE = """
name: faceted
description: x
towers: {audio: {encoder: {type: mel-cnn, arguments: {dimension: 8}}}}
facets: {genre: 4, mood: 4}
stages:
  one:
    pairs: {type: relatives, arguments: {by: [genre, mood], mixed: true}}
    train: [audio]
    comparisons: [{queries: [audio], targets: ["audio@2"], facet: genre, objective: {type: triplet-hinge}}]
"""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("facet: genre", "facet: mod"), "a facet that the recipe lists"),
        (("facet: genre", 'against: ["audio@3"], by: genre'), "triplets alone"),
        (("facet: genre", "memory: 8"), "beside prototypes or memory"),
        (("facet: genre", "by: genre, prototypes: true, memory: 8"), "memory: expected none beside prototypes"),
        (("facet: genre", "by: genre, prototypes: true, targets: [audio]"), "stands twice"),
        (("name: faceted", "name: faceted\nsimilarity: bilinear"), "mixes the dimensions"),
        (("facets: {genre: 4, mood: 4}", "unit: facets"), "without facets|lists under facets"),
    ],
)
def test_recipes_with_facets_are_checked(change: tuple[str, str], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        parse_recipe(RECIPE.replace(*change), origin="test")


def test_dimensions_add_up_to_the_width_of_the_space() -> None:
    from crossmodal.assembly import build_embedding

    recipe = parse_recipe(RECIPE, origin="test")
    assert build_embedding(recipe).facets is not None and recipe.stages["one"].comparisons[0].concept == "genre"
    with pytest.raises(RecipeError, match="add up to the space's 8, got 7"):
        build_embedding(recipe.model_copy(update={"facets": {"genre": 3, "mood": 4}}))
