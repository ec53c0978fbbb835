"""A stage that is fitted: its place in a recipe, and that the heads of both towers meet."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from crossmodal.assembly import build_fit, check_recipe
from crossmodal.base.errors import InputError, RecipeError
from crossmodal.data import BatchSource
from crossmodal.embedding import JointEmbedding, TowerModule, owned_state
from crossmodal.objectives.correlation import Cca
from crossmodal.recipe import Recipe, dump_recipe, load_recipe, parse_recipe
from crossmodal.stages.closed_form import fit_heads
from encoders.cca import Canonical
from encoders.encoder import Encoder
from encoders.heads import Identity
from pairs.source import Example, Item, PairSource

RECIPE = """
name: fitted
description: two towers and a correlation
towers:
  audio: {encoder: {type: excerpt-vgg}, head: {type: cca}}
  sheet: {encoder: {type: sheet-vgg}, head: {type: cca}}
stages:
  correlation:
    pairs: {type: audio-sheet}
    train: [audio, sheet]
    fit: {type: cca, arguments: {pairs: 50}}
"""


class Mixed(Encoder):
    """Numbers in a text, mixed by a fixed matrix."""

    modality = "text"

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.dimension = 4
        generator = torch.Generator().manual_seed(seed)
        self.mixing = torch.nn.Parameter(torch.linalg.qr(torch.randn(4, 4, generator=generator))[0])
        self.batches = 0

    def prepare(self, item: object) -> Tensor:
        return torch.tensor([float(word) for word in str(item).split()])

    def forward(self, batch: object) -> Tensor:
        assert isinstance(batch, Tensor) and not self.training
        self.batches += 1
        return batch @ self.mixing + 2


class Numbers(PairSource):
    """The same four numbers for both sides, a few different ones for each item."""

    def draw(self, index: int, generator: np.random.Generator) -> Example:
        text = " ".join(f"{x:.5f}" for x in np.random.default_rng(index).normal(size=4))
        return Example(index, {"left": text, "right": text})


def towers() -> JointEmbedding:
    return JointEmbedding({side: TowerModule(Mixed(n), Canonical(4)) for n, side in enumerate(("left", "right"))})


def batches(embedding: JointEmbedding, size: int = 8) -> BatchSource:
    items = [Item(id=str(n), files={}) for n in range(40)]
    encoders = {side: embedding.tower(side).encoder for side in embedding.towers}
    return BatchSource(Numbers(items), encoders, None, batch_size=size, seed=0)


def test_both_sides_meet_and_only_the_heads_change(tmp_path: Path) -> None:
    embedding = towers()
    source = batches(embedding)
    before = {k: v.clone() for k, v in embedding.state_dict().items()}
    fit_heads(embedding, ["left", "right"], Cca(pairs=40), source, folder=tmp_path / "s", device="cpu", quiet=True)
    changed = {k for k, v in embedding.state_dict().items() if not torch.equal(v, before[k])}
    assert changed == {f"towers.{side}.head.{name}" for side in ("left", "right") for name in ("mean", "matrix")}
    assert changed <= set(owned_state(embedding)), "and they are saved with the space"
    fresh = torch.randn(30, 4, generator=torch.Generator().manual_seed(9))
    with torch.inference_mode():
        left, right = embedding("left", fresh), embedding("right", fresh)
    assert (left * right).sum(dim=1).min() > 0.99
    written = json.loads((tmp_path / "s" / "correlations.json").read_text(encoding="utf-8"))
    assert written["pairs"] == 40 and len(written["correlations"]) == 4 and min(written["correlations"]) > 0.99


@pytest.mark.parametrize(("pairs", "size", "expected"), [(40, 8, 5), (41, 8, 6), (3, 8, 1)])
def test_so_many_pairs_are_read(tmp_path: Path, pairs: int, size: int, expected: int) -> None:
    embedding = towers()
    fit_heads(
        embedding,
        ["left", "right"],
        Cca(pairs=pairs),
        batches(embedding, size),
        folder=tmp_path,
        device="cpu",
        quiet=True,
    )
    encoder = embedding.tower("left").encoder
    assert isinstance(encoder, Mixed) and encoder.batches == expected
    assert json.loads((tmp_path / "correlations.json").read_text(encoding="utf-8"))["pairs"] == pairs


def test_another_head_cannot_be_fitted(tmp_path: Path) -> None:
    embedding = towers()
    embedding.tower("right").head = Identity(4)
    with pytest.raises(RecipeError, match=r"towers\.right\.head.*Identity"):
        fit_heads(
            embedding, ["left", "right"], Cca(pairs=8), batches(embedding), folder=tmp_path, device="cpu", quiet=True
        )


def test_towers_that_say_the_same_of_everything_are_told(tmp_path: Path) -> None:
    embedding = towers()
    mixing = embedding.tower("left").encoder.mixing
    assert isinstance(mixing, Tensor)
    mixing.data.zero_()
    with pytest.raises(InputError, match="vary"):
        fit_heads(
            embedding, ["left", "right"], Cca(pairs=8), batches(embedding), folder=tmp_path, device="cpu", quiet=True
        )


def recipe(*overrides: str) -> Recipe:
    return parse_recipe(RECIPE, origin="r.yaml", overrides=overrides)


def test_a_recipe_may_fit_a_stage() -> None:
    found = recipe()
    check_recipe(found)
    stage = found.stages["correlation"]
    assert stage.fit is not None and stage.comparisons == [] and stage.slots == ["audio", "sheet"]
    assert build_fit(stage.fit).pairs == 50
    assert parse_recipe(dump_recipe(found), origin="again") == found


@pytest.mark.parametrize(
    ("override", "part"),
    [
        ("stages.correlation.fit.type=cac", 'Did you mean "cca"'),
        ("stages.correlation.fit.arguments={pair: 3}", 'Did you mean "pairs"'),
        ("stages.correlation.fit.arguments={pairs: many}", 'argument "pairs"'),
        ("stages.correlation.fit=null", "at least 1"),
        ("stages.correlation.train=[audio]", "two towers"),
        ("stages.correlation.train=[audio, audio]", "two towers"),
        ("stages.correlation.train=[audio, image]", 'got "image"'),
        ("stages.correlation.heads={audio: {type: identity}}", "fit alone"),
        ("stages.correlation.augmentation=[{type: mask}]", "fit alone"),
        ("towers.sheet.head={type: identity}", 'got "identity" for sheet'),
    ],
)
def test_mistakes_are_one_line(override: str, part: str) -> None:
    with pytest.raises(RecipeError) as caught:
        check_recipe(recipe(override))
    assert part in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("override", "part"),
    [
        ("stages.codebook.by=artist", "no classes (by), for it fits frames"),
        ("stages.codebook.train=[audio, audio]", None),
        (
            "towers.audio.encoder={type: mel-cnn}",
            'expected a tower whose encoder holds such a model, got "mel-cnn" for audio',
        ),
        ("stages.codebook.fit.type=gaussian-mixture", 'got "mfcc-histogram" for audio'),
        ("stages.codebook.fit.type=lda", "expected by: the concept"),
    ],
)
def test_models_of_frames_belong_to_their_encoders(override: str, part: str | None) -> None:
    found = load_recipe("mfcc-vq", overrides=[override])
    if part is None:
        check_recipe(found)
        return
    with pytest.raises(RecipeError) as caught:
        check_recipe(found)
    assert part in str(caught.value) and "\n" not in str(caught.value)
