"""Training end to end: resuming, guards, what is left out, and classes that keep their vectors."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from crossmodal import training
from crossmodal.base.errors import InputError, RecipeError
from crossmodal.material import class_names, track_vectors
from crossmodal.recipe import Recipe, parse_recipe
from crossmodal.space_files import load_space
from crossmodal.training import train
from encoders.labels import Labels
from pairs.catalogue import read_catalogue
from pairs.tags import TextPairs
from tests.conftest import RECIPE

LABELS = """
name: tiny-labels
description: Classes.
towers:
  audio:
    encoder:
      type: mel-cnn
      arguments: {sample_rate: 16000, bands: 16, channels: [4], pools: [[2, 2]], window_seconds: 1.0, dimension: 8}
  label:
    encoder: {type: labels, arguments: {dimension: 8}}
training: {batch_size: 4, steps: 4, warmup_steps: 1, validate_every: 2, precision: "32"}
stages:
  tagging:
    pairs: {type: labels}
    train: [audio, label]
    comparisons:
      - {queries: [audio], targets: [label], objective: {type: binary-cross-entropy}}
"""


def recipe(*overrides: str, text: str = RECIPE) -> Recipe:
    return parse_recipe(text, origin="tiny", overrides=overrides)


def run(chosen: Recipe, catalogue: Path, output: Path, *, resume: bool = False) -> tuple[object, list[str]]:
    space, skipped = train(chosen, catalogue, output, jobs=1, device="cpu", resume=resume, quiet=True)
    return space, [s.path for s in skipped]


@pytest.fixture
def collection(sounds: Path, tmp_path: Path) -> Path:
    """A copy of the small collection that a test may change."""
    copy = tmp_path / "collection"
    shutil.copytree(sounds, copy)
    return copy


def rewrite(collection: Path, change: dict[int, dict[str, object]]) -> Path:
    """Changes rows of the catalogue."""
    path = collection / "catalogue.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for number, fields in change.items():
        rows[number].update(fields)
    path.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def interrupted_in_the_second_stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, int]]:
    """Ctrl-C in the draws of the texts, once."""
    left = {"draws": 6 * 5 + 3}
    original = TextPairs.draw

    def draw(self: TextPairs, index: int, generator: np.random.Generator) -> object:
        left["draws"] -= 1
        if left["draws"] == 0:
            raise KeyboardInterrupt
        return original(self, index, generator)

    monkeypatch.setattr(TextPairs, "draw", draw)
    yield left


def test_resuming_an_interrupted_training_gives_the_same_space(
    space_folder: Path, sounds: Path, tmp_path: Path, interrupted_in_the_second_stage: dict[str, int]
) -> None:
    output = tmp_path / "broken"
    with pytest.raises(KeyboardInterrupt):
        run(recipe(), sounds / "catalogue.jsonl", output)
    assert not (output / "manifest.json").exists()
    with pytest.raises(InputError, match="--resume"):
        load_space(output)
    run(recipe(), sounds / "catalogue.jsonl", output, resume=True)
    straight, resumed = load_file(space_folder / "weights.safetensors"), load_file(output / "weights.safetensors")
    assert straight.keys() == resumed.keys()
    for name, tensor in straight.items():
        torch.testing.assert_close(resumed[name], tensor, atol=1e-6, rtol=1e-5, msg=name)


def test_another_recipe_or_catalogue_cannot_resume(collection: Path, tmp_path: Path) -> None:
    catalogue = collection / "catalogue.jsonl"
    output = tmp_path / "space"
    run(recipe("training.steps=1"), catalogue, output)
    with pytest.raises(InputError, match="expected the recipe that this training began with"):
        run(recipe("training.steps=2"), catalogue, output, resume=True)
    rewrite(collection, {0: {"caption": "another"}})
    with pytest.raises(InputError, match="expected the catalogue that this training began with"):
        run(recipe("training.steps=1"), catalogue, output, resume=True)


def test_a_finished_space_is_reused_and_never_overwritten(
    space_copy: Path, sounds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {p: p.stat().st_mtime_ns for p in space_copy.iterdir()}
    monkeypatch.setattr(training, "run_stage", lambda *_, **__: pytest.fail("trained again"))
    space, skipped = run(recipe(), sounds / "catalogue.jsonl", space_copy, resume=True)
    assert getattr(space, "fingerprint", "") == load_space(space_copy).fingerprint and skipped == []
    with pytest.raises(InputError, match="expected a new folder, got a finished space"):
        run(recipe(), sounds / "catalogue.jsonl", space_copy)
    assert {p: p.stat().st_mtime_ns for p in space_copy.iterdir() if p.is_file()} == {
        p: t for p, t in before.items() if p.is_file()
    }


def test_bad_recordings_are_left_out_and_listed(collection: Path, tmp_path: Path) -> None:
    (collection / "track 02.wav").write_bytes(b"")
    (collection / "track 03.wav").unlink()
    space, skipped = run(recipe("training.steps=1"), collection / "catalogue.jsonl", tmp_path / "space")
    assert {Path(p).name for p in skipped} == {"track 02.wav", "track 03.wav"}
    assert "track-02" not in getattr(space, "works", ()) and "track-01" in getattr(space, "works", ())
    _, again = run(recipe("training.steps=1"), collection / "catalogue.jsonl", tmp_path / "space", resume=True)
    assert again == skipped


def test_the_space_knows_what_it_was_trained_on(space_folder: Path, sounds: Path) -> None:
    space = load_space(space_folder)
    items = read_catalogue(sounds / "catalogue.jsonl").items
    assert space.works == {i.work for i in items if i.split == "train"}
    assert space.vocabulary == ["high", "low", "pure", "rich"]
    assert space.background is not None and space.background.mean.shape == (space.dimension,)
    vectors = space.encode("audio", [i.files["audio"] for i in items if i.split == "train"])
    np.testing.assert_allclose(space.background.mean.numpy(), vectors.mean(axis=0), atol=5e-3)  # from float16 frames
    np.testing.assert_allclose(space.background.covariance.numpy(), np.cov(vectors.T), atol=5e-3)


def test_classes_keep_their_vectors_whatever_their_order(collection: Path, tmp_path: Path) -> None:
    catalogue = rewrite(collection, {10: {"tags": ["low", "only in the test part"]}, 8: {"tags": ["only to watch"]}})
    listed = "stages.tagging.pairs.arguments.labels=[rich, low, pure, high]"
    for number, overrides in enumerate(([], [listed])):
        chosen = recipe(*overrides, text=LABELS)
        trained, _ = run(chosen, catalogue, tmp_path / str(number))
        space = load_space(tmp_path / str(number))
        encoder = space.encoder("label")
        assert isinstance(encoder, Labels)
        assert space.vocabulary == encoder.names == class_names(chosen, read_catalogue(catalogue))
        assert sorted(space.vocabulary) == ["high", "low", "pure", "rich"]
        for name in space.vocabulary:
            assert np.array_equal(space.encode("label", [name]), getattr(trained, "encode")("label", [name]))  # noqa: B009
    assert space.vocabulary == ["rich", "low", "pure", "high"]
    state = torch.load(tmp_path / "1" / "training" / "1-tagging" / "checkpoints" / "best.ckpt", weights_only=True)[
        "state_dict"
    ]
    table = state["embedding.towers.label.encoder.table.weight"]
    expected = torch.nn.functional.normalize(table[2], dim=0).numpy()
    np.testing.assert_allclose(space.encode("label", ["pure"])[0], expected, atol=1e-6)


def test_whole_recordings_from_prepared_frames(space_folder: Path, sounds: Path) -> None:
    from crossmodal.prepared import prepare_store
    from encoders.encoder import AudioEncoder

    space = load_space(space_folder)
    encoder = space.encoder("audio")
    assert isinstance(encoder, AudioEncoder)
    items = read_catalogue(sounds / "catalogue.jsonl").items[:4]
    paths = [i.files["audio"] for i in items]
    store, _ = prepare_store(encoder, paths, folder=space_folder / "training" / "prepared", jobs=1, quiet=True)
    found = track_vectors(space.embedding, store, items).numpy()
    np.testing.assert_allclose(found, space.encode("audio", paths), atol=5e-3)


@pytest.mark.parametrize(
    ("overrides", "error", "part"),
    [
        (["stages.alignment.comparisons.0.targets=[audio@2]"], RecipeError, 'slots audio, text, got "audio@2"'),
        (["towers.audio.head.arguments.dimension=8"], RecipeError, "audio 8, text 16"),
        (["stages.alignment.pairs.type=labels"], RecipeError, 'slots audio, label, got "text"'),
    ],
)
def test_recipes_that_do_not_fit_their_pairs(
    overrides: list[str], error: type[Exception], part: str, sounds: Path, tmp_path: Path
) -> None:
    with pytest.raises(error) as caught:
        run(recipe("training.steps=1", *overrides), sounds / "catalogue.jsonl", tmp_path / "space")
    assert part in str(caught.value)


def test_catalogues_that_cannot_be_trained_on(collection: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        run(recipe(), tmp_path / "none.jsonl", tmp_path / "space")
    catalogue = rewrite(collection, {i: {"split": "test"} for i in range(12)})
    with pytest.raises(InputError, match=r"got none|got 0"):
        run(recipe(), catalogue, tmp_path / "space 2")


def test_a_bilinear_space_is_saved_and_searched_by_its_form(sounds: Path, tmp_path: Path) -> None:
    from crossmodal.applications.collection import SearchableIndex
    from crossmodal.applications.indexing import build_index
    from crossmodal.embedding import SymmetricBilinear

    chosen = recipe("similarity=bilinear", "training.learning_rate=0.05", "stages.alignment.training.steps=6")
    trained, _ = run(chosen, sounds / "catalogue.jsonl", tmp_path / "space")
    space = load_space(tmp_path / "space")
    form, before = space.embedding.similarity, getattr(trained, "embedding").similarity  # noqa: B009
    assert isinstance(form, SymmetricBilinear) and torch.equal(form.weight, before.weight)
    assert not torch.allclose(form.weight, torch.eye(16), atol=1e-3), "it has learnt something"
    build_index(space, [sounds / "catalogue.jsonl"], tmp_path / "idx", quiet=True)
    query = space.encode("text", ["a high pure sound"])
    paths = [i.files["audio"] for i in read_catalogue(sounds / "catalogue.jsonl").items]
    expected = space.similarity(query, space.encode("audio", paths))[0]
    results = SearchableIndex.open(tmp_path / "idx", space=space).search("a high pure sound", k=12).results
    order = np.argsort(-expected)
    assert [Path(str(r.path)).name for r in results] == [paths[j].name for j in order]
    np.testing.assert_allclose([r.similarity for r in results], expected[order], atol=1e-4)


def test_training_begins_with_the_weights_of_another_space(collection: Path, tmp_path: Path) -> None:
    first, _ = train(recipe(), collection / "catalogue.jsonl", tmp_path / "first", jobs=1, device="cpu", quiet=True)
    still = recipe(f"start={tmp_path / 'first'}", "training.learning_rate=1e-12", "name=second")
    second, _ = train(still, collection / "catalogue.jsonl", tmp_path / "second", jobs=1, device="cpu", quiet=True)
    begun, ended = first.embedding.state_dict(), second.embedding.state_dict()
    learned = [name for name, _ in first.embedding.named_parameters()]
    assert all(torch.allclose(begun[name], ended[name], atol=1e-6) for name in learned)
    assert first.works <= second.works and first.reference in second.card


def test_a_start_with_other_towers_is_refused(collection: Path, tmp_path: Path) -> None:
    train(recipe(text=LABELS), collection / "catalogue.jsonl", tmp_path / "first", jobs=1, device="cpu", quiet=True)
    with pytest.raises(RecipeError, match="start: expected a space with the towers of this recipe"):
        chosen = recipe(f"start={tmp_path / 'first'}")
        train(chosen, collection / "catalogue.jsonl", tmp_path / "second", jobs=1, device="cpu", quiet=True)
