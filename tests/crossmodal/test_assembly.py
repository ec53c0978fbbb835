"""Components against their constructors, widths, and the similarity that a space is searched by."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from crossmodal.assembly import build, build_embedding, build_pairs, build_tower, check_recipe, checked_arguments
from crossmodal.base.errors import RecipeError
from crossmodal.embedding import SymmetricBilinear
from crossmodal.objectives.similarity import Cosine
from crossmodal.recipe import Recipe, load_recipe, parse_recipe
from crossmodal.recipe_parts import Component, Tower
from encoders import HEADS
from pairs.source import Item

BASE = """
name: tiny
description: d
towers:
  audio:
    encoder: {type: mel-cnn, arguments: {bands: 16, channels: [4], pools: [[2, 2]], window_seconds: 0.5, dimension: 8}}
    head: {type: linear, arguments: {dimension: 6}}
  label:
    encoder: {type: labels, arguments: {dimension: 6}}
stages:
  s:
    pairs: {type: labels}
    train: [audio, label]
    comparisons:
      - {queries: [audio], targets: [label], objective: {type: info-nce}}
"""


class Sample:
    """A constructor with every kind of argument."""

    def __init__(
        self,
        *,
        given: int,
        width: int,
        share: float = 0.5,
        name: str | None = None,
        flag: bool = False,
        sizes: Sequence[Sequence[int]] = (),
    ) -> None: ...


def check(**arguments: object) -> dict[str, object]:
    component = Component.model_validate({"type": "sample", "arguments": arguments})
    return checked_arguments(Sample, component, {"given": 1})


def recipe(*overrides: str) -> Recipe:
    return parse_recipe(BASE, origin="r", overrides=overrides)


def test_arguments_keep_their_types_and_defaults_live_in_the_constructor() -> None:
    assert check(width=3) == {"width": 3}
    assert check(width=3, share=1, name="x", flag=True, sizes=[[1, 2], [3, 4]]) == {
        "width": 3,
        "share": 1.0,
        "name": "x",
        "flag": True,
        "sizes": [[1, 2], [3, 4]],
    }
    assert check(width=3, name=None)["name"] is None


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ({"width": 3, "shar": 0.5}, 'unknown argument "shar". Did you mean "share"? Known: width, share'),
        ({"width": 3, "given": 2}, 'unknown argument "given"'),
        ({}, "expected the arguments width"),
        ({"width": "3"}, 'argument "width"'),
        ({"width": True}, 'argument "width"'),
        ({"width": 3.5}, 'argument "width"'),
        ({"width": 3, "share": "much"}, 'argument "share"'),
        ({"width": 3, "share": None}, 'argument "share"'),
        ({"width": 3, "name": 5}, 'argument "name"'),
        ({"width": 3, "flag": 1}, 'argument "flag"'),
        ({"width": 3, "flag": "yes"}, 'argument "flag"'),
        ({"width": 3, "sizes": [1, 2]}, 'argument "sizes"'),
        ({"width": 3, "sizes": "12"}, 'argument "sizes"'),
    ],
)
def test_wrong_arguments_are_one_line(arguments: dict[str, object], part: str) -> None:
    with pytest.raises(RecipeError) as caught:
        check(**arguments)
    assert part in str(caught.value) and "\n" not in str(caught.value) and str(caught.value).startswith("sample")


def test_an_unknown_type_is_answered_with_the_nearest() -> None:
    with pytest.raises(RecipeError, match=r'"liner".*Did you mean "linear"'):
        build(Component(type="liner"), HEADS, "a head", input=3)


@pytest.mark.parametrize(
    ("override", "part"),
    [
        ("towers.audio.encoder.type=mel-cn", 'Did you mean "mel-cnn"'),
        ("towers.audio.encoder.arguments.band=3", 'Did you mean "bands"'),
        ("towers.audio.head.arguments.input=3", 'unknown argument "input"'),
        ("towers.label.encoder.arguments.names=[a]", 'unknown argument "names"'),
        ("stages.s.pairs.type=label", 'Did you mean "labels"'),
        ("stages.s.pairs.arguments.items=[]", 'unknown argument "items"'),
        ("stages.s.comparisons.0.objective.type=infonce", 'Did you mean "info-nce"'),
        ("stages.s.comparisons.0.objective.arguments.temprature=1", 'Did you mean "temperature"'),
        ("stages.s.augmentation=[{type: equalise}]", 'Did you mean "equalize"'),
        ("stages.s.augmentation=[{type: equalize, arguments: {encoder: x}}]", 'unknown argument "encoder"'),
        ("stages.s.heads={audio: {type: linear}}", "expected the arguments dimension"),
        ("stages.s.auxiliary={proxy: {encoder: {type: labels, arguments: {size: 2}}}}", "none"),
    ],
)
def test_check_recipe_looks_at_every_component(override: str, part: str) -> None:
    with pytest.raises(RecipeError) as caught:
        check_recipe(recipe(override))
    assert part in str(caught.value) or "comparison" in str(caught.value)


def test_towers_of_different_widths_are_refused() -> None:
    with pytest.raises(RecipeError, match="audio 6, label 7"):
        build_embedding(recipe("towers.label.encoder.arguments.dimension=7"), names=["a", "b"])


def test_more_layers_than_there_are_is_refused() -> None:
    tower = recipe().towers["audio"].model_copy(update={"train": "last:9"})
    with pytest.raises(RecipeError, match="at most the 3 layers"):
        build_tower(tower)


def test_labels_are_given_unless_the_recipe_lists_them() -> None:
    items = [Item(id="x", files={}, tags=frozenset({"a"}))]
    given = build_pairs(Component(type="labels"), items, labels=["a", "b"])
    listed = build_pairs(
        Component.model_validate({"type": "labels", "arguments": {"labels": ["c"]}}), items, labels=["a", "b"]
    )
    assert (given.labels, listed.labels) == (["a", "b"], ["c"])  # type: ignore[attr-defined]


@pytest.mark.parametrize("similarity", ["cosine", "dot", "negative-euclidean"])
def test_similarities_that_rank_unit_vectors_like_the_cosine_are_fine(similarity: str) -> None:
    check_recipe(recipe(f"stages.s.comparisons.0.objective.arguments.similarity={similarity}"))


def test_a_space_is_learnt_by_what_it_is_searched_by() -> None:
    bilinear = "stages.s.comparisons.0.objective.arguments={similarity: bilinear, dimension: 6}"
    with pytest.raises(RecipeError, match=r'stages\.s: .*got "bilinear"; write "similarity: bilinear" at the top'):
        check_recipe(recipe(bilinear))
    with pytest.raises(RecipeError, match="the recipe's bilinear one holds"):
        check_recipe(recipe(bilinear, "similarity=bilinear"))
    check_recipe(recipe("similarity=bilinear"))
    own_head = "stages.s.heads={audio: {type: linear, arguments: {dimension: 6}}}"
    check_recipe(recipe(bilinear, own_head))  # thrown away after the stage: any similarity will do


def test_the_space_gets_the_similarity_of_its_recipe() -> None:
    assert isinstance(build_embedding(recipe(), names=["a"]).similarity, Cosine)
    similarity = build_embedding(recipe("similarity=bilinear"), names=["a"]).similarity
    assert isinstance(similarity, SymmetricBilinear) and similarity.weight.shape == (6, 6)


def test_the_symmetric_form_against_a_naive_loop() -> None:
    form = SymmetricBilinear(3)
    nn.init.normal_(form.weight)
    queries, targets = torch.randn(2, 3), torch.randn(4, 3)
    naive = torch.zeros(2, 4)
    for i in range(2):
        for j in range(4):
            for a in range(3):
                for b in range(3):
                    naive[i, j] += queries[i, a] * (form.weight[a, b] + form.weight[b, a]).detach() / 2 * targets[j, b]
    found: Tensor = form(queries, targets)
    torch.testing.assert_close(found, naive)
    torch.testing.assert_close(form(targets, queries).T, found)
    torch.testing.assert_close(form.fold(queries) @ targets.T, found)


def test_every_tower_knows_its_width_and_asking_changes_nothing() -> None:
    tower = build_tower(
        Tower.model_validate(
            recipe().towers["audio"].model_dump() | {"head": {"type": "projection", "arguments": {"dimension": 5}}}
        )
    )
    before = {k: v.clone() for k, v in tower.state_dict().items()}
    tower.train()
    assert tower.dimension == 5 and tower.head.training
    assert all(torch.equal(before[k], v) for k, v in tower.state_dict().items())


@pytest.mark.parametrize(
    ("name", "override"),
    [
        ("sample-cnn", "towers.audio.encoder.arguments={length: 4, blocks: 7}"),
        ("sample-cnn", "towers.audio.encoder.arguments={sample_rate: 8000, strides: [5, 5, 3, 3, 3, 2, 2, 2, 2, 2]}"),
        ("waveform-frames", "towers.audio.encoder.arguments.strides=[512, 4, 4, 4, 2]"),
        ("conditional-triplet", "stages.facets.pairs.arguments.apart=true"),
        ("clmr", 'stages.contrast.augmented=["audio@2"]'),
        *(
            ("artist-album-track", f"stages.concepts.comparisons.0.objective.arguments.negatives={count}")
            for count in (1, 16)
        ),
    ],
)
def test_the_studies_of_the_papers_are_overrides_of_their_recipes(name: str, override: str) -> None:
    check_recipe(load_recipe(name, overrides=[override]))
