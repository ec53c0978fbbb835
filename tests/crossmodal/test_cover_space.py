"""A space of recordings, covers and genres: it trains, reloads, knows its genres and says what its towers began with."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from crossmodal.base.errors import InputError
from crossmodal.evaluation import evaluate
from crossmodal.recipe import load_recipe
from crossmodal.space import Space
from crossmodal.space_files import load_space
from crossmodal.training import train
from pairs.catalogue import read_catalogue


@pytest.fixture(scope="module")
def space(cover_space_folder: Path) -> Space:
    return load_space(cover_space_folder)


def test_has_three_towers_of_one_width(space: Space, covers: Path) -> None:
    items = read_catalogue(covers).items
    assert space.modalities == ["audio", "image", "label"] and space.vocabulary == ["Bass", "Drone", "Treble"]
    pictures = space.encode("image", [item.files["image"] for item in items])
    sounds = space.encode("audio", [item.files["audio"] for item in items])
    assert pictures.shape == sounds.shape == (12, 128)
    np.testing.assert_allclose(np.linalg.norm(pictures, axis=1), 1, atol=1e-5)
    assert space.works == {item.work for item in items if item.split == "train"}


def test_the_card_says_what_the_visual_tower_began_with(space: Space) -> None:
    assert "The image tower began with: resnet18 from scratch" in space.card


def test_evaluation_judges_both_ways_and_the_genres(space: Space, covers: Path) -> None:
    rows = {row.metric: row for row in evaluate(space, covers, split="validation", quiet=True).rows}
    for way in ("image to audio", "audio to image"):
        assert 0 <= rows[f"R@10 {way}"].value <= 1 and rows[f"R@10 {way}"].chance is not None
    for source in ("audio", "image", "audio+image"):
        assert 0 <= rows[f"ROC-AUC genres from {source}"].value <= 1


def test_recordings_without_a_cover_are_left_out_and_told(covers: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in covers.read_text(encoding="utf-8").splitlines()]
    for number, row in enumerate(rows):
        row["audio"] = str(covers.parent / row["audio"])
        row["image"] = "" if number == 0 else str(covers.parent / row["image"])
    rows[1]["image"] = str(covers)  # no picture
    (tmp_path / "c.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    overrides = [
        "towers.audio.encoder.arguments={window: 24, channels: [2], pools: [[4, 2]], dimension: 4}",
        "towers.image.encoder.arguments={stages: 1, size: 32}",
        "training.steps=1",
        "training.batch_size=4",
    ]
    overrides += [f"stages.{name}.training.steps=1" for name in load_recipe("cover-audio").stages]
    trained, skipped = train(
        load_recipe("cover-audio", overrides=overrides),
        tmp_path / "c.jsonl",
        tmp_path / "s",
        jobs=1,
        device="cpu",
        quiet=True,
    )
    told = {Path(row.path).name: row.reason for row in skipped}
    assert told["track 00.wav"] == "no cover" and "something else" in told["catalogue.jsonl"]
    assert "track-01" not in trained.works and "track-02" in trained.works


def test_a_space_of_covers_alone(covers: Path, tmp_path: Path) -> None:
    overrides = ["towers.image.encoder.arguments={stages: 1, size: 32}", "training.batch_size=4"]
    recipe = load_recipe("cover-genres", overrides=[*overrides, "stages.genres.training.steps=2"])
    train(recipe, covers, tmp_path / "s", jobs=1, device="cpu", quiet=True)
    space = load_space(tmp_path / "s")
    assert space.modalities == ["image", "label"] and space.vocabulary == ["high", "low", "pure", "rich"]
    bare = tmp_path / "bare.csv"
    bare.write_text("id,audio\na,x.wav\n", encoding="utf-8")
    (tmp_path / "x.wav").write_bytes(b"x")
    with pytest.raises(InputError, match="fill the column tags or genre"):
        train(recipe, bare, tmp_path / "t", jobs=1, device="cpu", quiet=True)
