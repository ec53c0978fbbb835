"""Judging on real covers: what is read, who is judged by whom, and the histograms it is compared with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crossmodal.base.errors import InputError
from scripts import evaluate_covers
from scripts.evaluate_covers import (
    HUES,
    SATURATIONS,
    VALUES,
    auc,
    histogram,
    histogram_scores,
    network_scores,
    read_covers,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 covers: red ones are Rock, blue ones Pop, every sixth both; two files of a release; and one that is not there."""
    root = tmp_path_factory.mktemp("album_covers")
    lines = ["file,discogs_release_id,genres,n_genres,duplicate_files"]
    random = np.random.default_rng(0)
    for number in range(24):
        red = number % 2 == 0
        pixels = random.integers(0, 90, (40, 40, 3), np.uint8)
        pixels[..., 0 if red else 2] += 120
        Image.fromarray(pixels).save(root / f"{number}.png")
        genres = "Pop|Rock" if number % 6 == 0 else "Rock" if red else "Pop"
        lines.append(f"{number}.png,{number // 2},{genres},1,")
    lines.append("gone.png,99,Rock,1,")
    (root / "labels_dedup.csv").write_text("\n".join(lines), encoding="utf-8")
    return root


def test_a_release_is_judged_in_one_fold(folder: Path) -> None:
    covers = read_covers(folder, 3)
    assert len(covers.paths) == 24 and covers.genres == ["Pop", "Rock"]
    assert covers.labels[0].all() and covers.labels[1].tolist() == [True, False]
    for release in set(covers.releases):
        assert len(set(covers.folds[covers.releases == release])) == 1
    assert set(covers.folds) == {0, 1, 2}
    with pytest.raises(InputError, match="labels of the covers"):
        read_covers(folder / "none", 3)
    with pytest.raises(InputError, match="at least 40 covers"):
        read_covers(folder, 20)


def test_a_histogram_counts_colours(tmp_path: Path) -> None:
    pixels = np.zeros((20, 20, 3), np.uint8)
    pixels[:, :5] = (255, 0, 0)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    found = histogram(tmp_path / "a.png").reshape(HUES, SATURATIONS, VALUES)
    assert found[0, -1, -1] == pytest.approx(0.5) and found[0, 0, 0] == pytest.approx(np.sqrt(0.75))
    assert (found**2).sum() == pytest.approx(1)


@pytest.mark.parametrize("kind", ["logistic", "forest"])
def test_histograms_tell_red_from_blue(folder: Path, kind: str) -> None:
    covers = read_covers(folder, 3)
    scores = histogram_scores(covers, kind)
    single = np.arange(24) % 6 != 0
    assert ((scores[:, 1] > scores[:, 0]) == (np.arange(24) % 2 == 0))[single].all()
    assert auc(covers, scores).value > 0.8
    same = auc(covers, scores, minus=scores)
    assert (same.value, same.low, same.high) == (0, 0, 0)


@pytest.mark.slow
def test_networks_judge_only_what_they_never_saw(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    covers = read_covers(folder, 3)
    trained: list[set[str]] = []
    real = evaluate_covers.train

    def watch(*arguments: object, **options: object) -> object:
        space, skipped = real(*arguments, **options)  # type: ignore[arg-type]
        trained.append(set(space.works))
        return space, skipped

    monkeypatch.setattr(evaluate_covers, "train", watch)
    small = [
        "towers.image.encoder.arguments={stages: 1, size: 32}",
        "stages.genres.training.steps=2",
        "training.batch_size=4",
    ]
    scores = network_scores(covers, tmp_path, seeds=[0], overrides=small, jobs=1)
    assert scores.shape == (24, 2) and (np.abs(scores) > 0).all()
    for fold, works in enumerate(trained):
        assert not works & set(covers.releases[covers.folds == fold])
