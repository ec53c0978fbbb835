"""Recipes: what is accepted, what each mistake is answered with, and overrides."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossmodal.base.errors import RecipeError
from crossmodal.recipe import dump_recipe, load_recipe, parse_recipe, recipe_names

MINIMAL = """
name: tiny
description: smallest
towers:
  audio:
    encoder: {type: mel-cnn}
  text:
    encoder: {type: sentences}
    train: frozen
training: {batch_size: 4}
stages:
  first:
    pairs: {type: views}
    train: [audio]
    comparisons:
      - {queries: [audio], targets: [audio@2], objective: {type: info-nce}}
    training: {steps: 3}
  second:
    pairs: {type: texts}
    train: [audio]
    comparisons:
      - {queries: [text], targets: [audio], objective: {type: info-nce, arguments: {temperature: 0.1}}}
"""


def complaint(text: str, *overrides: str) -> str:
    """The one line that a recipe is refused with."""
    with pytest.raises(RecipeError) as caught:
        parse_recipe(text, origin="r.yaml", overrides=overrides)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_shared_training_reaches_every_stage_and_a_stage_may_differ() -> None:
    recipe = parse_recipe(MINIMAL, origin="r")
    assert [s.training.batch_size for s in recipe.stages.values()] == [4, 4]
    assert [s.training.steps for s in recipe.stages.values()] == [3, 1000]


@pytest.mark.parametrize("number", ["5e-5", "5E-5", "5.0e-5", "0.00005", ".5e-4", "5e-05"])
def test_all_ways_to_write_a_small_number(number: str) -> None:
    text = MINIMAL.replace("batch_size: 4", f"learning_rate: {number}").replace(
        "temperature: 0.1", f"temperature: {number}"
    )
    recipe = parse_recipe(text, origin="r")
    assert recipe.stages["second"].training.learning_rate == pytest.approx(5e-5, rel=1e-12)
    argument = recipe.stages["second"].comparisons[0].objective.arguments["temperature"]
    assert isinstance(argument, float) and argument == pytest.approx(5e-5, rel=1e-12)


@settings(max_examples=50, deadline=None)
@given(st.floats(min_value=1e-300, max_value=1e300))
def test_a_dumped_recipe_reads_back_the_same(rate: float) -> None:
    recipe = parse_recipe(MINIMAL, origin="r", overrides=[f"training.learning_rate={rate!r}"])
    assert recipe.stages["first"].training.learning_rate == rate
    assert parse_recipe(dump_recipe(recipe), origin="again") == recipe


def test_a_text_that_looks_like_a_number_stays_a_text() -> None:
    recipe = parse_recipe(MINIMAL.replace("description: smallest", 'description: "5e-5"'), origin="r")
    assert recipe.description == "5e-5"
    assert parse_recipe(dump_recipe(recipe), origin="again") == recipe


@pytest.mark.parametrize(
    ("right", "wrong", "meant"),
    [
        ("description:", "descripton:", "description"),
        ("towers:", "tower:", "towers"),
        ("training: {batch", "trainning: {batch", "training"),
        ("stages:", "stage:", "stages"),
        ("train: frozen", "trian: frozen", "train"),
        ("encoder: {type: mel-cnn}", "encodr: {type: mel-cnn}", "encoder"),
        ("steps: 3", "stepz: 3", "steps"),
        ("batch_size: 4", "batchsize: 4", "batch_size"),
        ("queries: [text]", "querys: [text]", "queries"),
        ("comparisons:", "comparison:", "comparisons"),
        ("arguments: {temp", "argument: {temp", "arguments"),
    ],
)
def test_every_misspelt_key_is_answered_with_the_nearest(right: str, wrong: str, meant: str) -> None:
    message = complaint(MINIMAL.replace(right, wrong, 1))
    assert message.startswith("r.yaml:") and f'"{meant}"' in message


@pytest.mark.parametrize(
    ("override", "part"),
    [
        ("training.batch_size=true", "valid integer"),
        ('training.batch_size="64"', "valid integer"),
        ("training.batch_size=1", "greater than or equal to 2"),
        ("training.batch_size=6.5", "integer"),
        ("training.learning_rate=fast", "valid number"),
        ("training.learning_rate=0", "greater than 0"),
        ("training.learning_rate=.nan", "finite"),
        ("training.learning_rate=.inf", "finite"),
        ("training.optimizer=adam", "'adamw' or 'sgd'"),
        ("training.precision=32", "'32'"),
        ("seed=1.5", "integer"),
        ("seed=null", "integer"),
        ("name=Not A Name", "pattern"),
        ("description=", "string"),
        ("similarity=euclid", "'cosine' or 'bilinear'"),
        ("towers.text.train=last:0", "at least 1"),
        ("towers.text.train=last:", "valid string"),
        ("towers.text.train=last:²", "last:N"),
        ("towers.text.train=half", "last:N"),
        ("towers={}", "at least 1"),
        ("stages={}", "at least 1"),
        ("stages.first.train=[]", "at least 1"),
        ("stages.first.train=[audio@2]", 'got "audio@2"'),
        ("stages.first.train=[text]", "comparison"),
        ("stages.first.comparisons=[]", "at least 1"),
        ("stages.first.comparisons.0.queries=[]", "at least 1"),
        ("stages.first.comparisons.0.queries=[image]", 'got "image"'),
        ("stages.first.heads={image: {type: linear}}", 'got "image"'),
        ("stages.first.auxiliary={audio: {encoder: {type: mel-cnn}}}", "audio"),
        ("stages.second.comparisons.0.objective.arguments.temperature=[[[1]]]", "temperature: expected a text"),
        ("training=5", "one key below training"),
        ("trainning.steps=5", 'Did you mean "training"?'),
        ("stages.frist.training.steps=5", 'Did you mean "first"?'),
        ("stages.first.comparisons.9.weight=1", 'no "stages.first.comparisons.9"'),
        ("stages.first.comparisons.x.weight=1", 'no "stages.first.comparisons.x"'),
        ("seed.x=1", "seed"),
        ("steps", "expected key=value"),
        ("=5", "expected key=value"),
        ("seed=[", "YAML"),
    ],
)
def test_every_bad_override_is_one_line_that_says_why(override: str, part: str) -> None:
    assert part in complaint(MINIMAL, override)


def test_overrides_reach_all_stages_one_stage_arguments_and_lists() -> None:
    recipe = parse_recipe(
        MINIMAL,
        origin="r",
        overrides=[
            "training.batch_size=64",
            "training.steps=7",
            "stages.second.training.steps=9",
            "towers.audio.encoder.arguments.bands=32",
            "towers.audio.head.type=linear",
            "stages.second.comparisons.0.objective.arguments.temperature=2e-2",
            "stages.first.comparisons.0.weight=0.5",
            "evaluation.split=validation",
            "seed=3",
        ],
    )
    first, second = recipe.stages.values()
    assert (first.training.batch_size, second.training.batch_size) == (64, 64)
    assert (first.training.steps, second.training.steps) == (7, 9)
    assert recipe.towers["audio"].encoder.arguments == {"bands": 32}
    assert second.comparisons[0].objective.arguments == {"temperature": 0.02}
    assert (first.comparisons[0].weight, recipe.evaluation.split, recipe.seed) == (0.5, "validation", 3)


def test_later_overrides_win() -> None:
    recipe = parse_recipe(MINIMAL, origin="r", overrides=["training.steps=5", "training.steps=6"])
    assert recipe.stages["first"].training.steps == 6


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a: 1\na: 2", 'the key "a" stands twice'),
        (MINIMAL + "name: again\n", 'the key "name" stands twice'),
        ("a: &x 1\nb: *x", "no aliases"),
        ("- 1", "expected a mapping"),
        ("", "expected a mapping"),
        ("a: [", "not YAML"),
        ("a: !!python/object/apply:os.system ['true']", "not YAML"),
        ("a: 2020-13-45", "not YAML"),
        ("{[1]: 2}", "not YAML"),
        ("[" * 5000, "nested too deeply"),
        ("stages: [1]", "expected mappings"),
        ("training: 5\nstages: {}", "expected mappings"),
        ("stages: {a: {training: abc}}", "expected a mapping"),
        ("1: 2", "r.yaml"),
        (MINIMAL.replace("  first:", "  ../first:"), "lower case"),
        (MINIMAL.replace("name: tiny", "name: 2020-01-01"), "name"),
    ],
)
def test_what_is_no_recipe_is_refused_in_one_line(text: str, part: str) -> None:
    assert part in complaint(text)


def test_loading_by_name_and_path(tmp_path: Path) -> None:
    assert {"text-music", "zero-shot-tagging", "supervised-tagging"} <= set(recipe_names())
    with pytest.raises(RecipeError, match='Did you mean "text-music"'):
        load_recipe("text-musik")
    with pytest.raises(RecipeError, match="readable recipe"):
        load_recipe(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match="readable recipe"):
        load_recipe(tmp_path / "binary.yaml")
    (tmp_path / "mine.yaml").write_text(MINIMAL, encoding="utf-8")
    assert load_recipe(tmp_path / "mine.yaml").name == "tiny"


def test_an_augmentation_may_change_one_branch_alone() -> None:
    recipe = load_recipe("clmr", overrides=['stages.contrast.augmented=["audio@2"]'])
    assert recipe.stages["contrast"].augmented == ["audio@2"]
    assert parse_recipe(dump_recipe(recipe), origin="again") == recipe
    assert "augmented:" not in dump_recipe(load_recipe("clmr"))
    with pytest.raises(RecipeError, match=r"augmented: expected slots that are compared \(audio, audio@2\)"):
        load_recipe("clmr", overrides=['stages.contrast.augmented=["audio@3"]'])
    with pytest.raises(RecipeError, match="no augmentation"):
        load_recipe("artist-siamese", overrides=['stages.artists.augmented=["audio"]'])
