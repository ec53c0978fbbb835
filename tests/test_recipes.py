"""The contract of every recipe that ships: it is checked, trains a few steps on a small collection, and its space reloads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from crossmodal.assembly import check_recipe
from crossmodal.evaluation import evaluate
from crossmodal.recipe import Recipe, dump_recipe, load_recipe, parse_recipe, recipe_names
from crossmodal.space import Space
from crossmodal.space_files import load_space
from crossmodal.training import train

SMALL = {  # encoder -> arguments that make it small, as a recipe would write them
    "mel-cnn": "{sample_rate: 16000, bands: 16, channels: [4, 4], pools: [[2, 2], [2, 2]], window_seconds: 1.0, dimension: 8}",
    "mel-cnn-1d": "{sample_rate: 16000, bands: 16, channels: [8], kernels: [4], pools: [4], window_seconds: 1.0, dimension: 100}",
}
WORDS = ("low", "high", "rich", "pure", "slow", "solemn", "choir", "lively", "fiddle", "tune")


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Word vectors in GloVe's format."""
    generator = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("words") / "glove.txt"
    rows = (f"{word} {' '.join(f'{x:.3f}' for x in generator.normal(size=12))}\n" for word in WORDS)
    path.write_text("".join(rows), encoding="utf-8")
    return path


def small(name: str, words: Path) -> Recipe:
    """The recipe with its networks and its training made small, by overrides alone."""
    full = load_recipe(name)
    overrides = ["training.steps=2", "training.batch_size=4", "training.validate_every=1", 'training.precision="32"']
    for modality, tower in full.towers.items():
        place = f"towers.{modality}.encoder.arguments"
        if tower.encoder.type in SMALL:
            overrides.append(f"{place}={SMALL[tower.encoder.type]}")
        elif tower.encoder.type == "word-vectors":
            overrides.append(f"{place}.source={words}")
    return load_recipe(name, overrides=overrides)


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_is_checked_and_complete(name: str) -> None:
    recipe = load_recipe(name)
    check_recipe(recipe)
    assert recipe.name == name and recipe.description.strip() and recipe.source.strip()
    assert parse_recipe(dump_recipe(recipe), origin="again") == recipe


@pytest.mark.slow
@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_trains_and_its_space_reloads(name: str, words: Path, sounds: Path, tmp_path: Path) -> None:
    recipe = small(name, words)
    trained, skipped = train(recipe, sounds / "catalogue.jsonl", tmp_path / name, jobs=1, device="cpu", quiet=True)
    assert not skipped
    space = load_space(tmp_path / name)
    assert (
        isinstance(space, Space)
        and space.fingerprint == trained.fingerprint
        and space.modalities == list(recipe.towers)
    )
    assert set(space.vocabulary) == {"low", "high", "rich", "pure"}
    paths = sorted(sounds.glob("*.wav"))[:3]
    np.testing.assert_allclose(space.encode("audio", paths), trained.encode("audio", paths), atol=1e-6)
    other = "text" if "text" in space.modalities else "label"
    np.testing.assert_allclose(
        space.encode(other, space.vocabulary), trained.encode(other, space.vocabulary), atol=1e-6
    )
    assert space.similarity(space.encode(other, ["low"]), space.encode("audio", paths)).shape == (1, 3)
    table = evaluate(space, sounds / "catalogue.jsonl", quiet=True)
    assert table.rows and all(row.chance is not None for row in table.rows)
