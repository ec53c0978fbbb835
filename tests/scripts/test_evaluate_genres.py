"""The genre table: which genres can be judged, what is scored, and all nine rows from a tiny training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score

from crossmodal.base.errors import InputError
from pairs.catalogue import read_catalogue
from scripts import evaluate_genres
from scripts.evaluate_genres import ROWS, baselines, classify, genre_catalogue, genre_table, labels_of, scores


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Genres of a small collection can be judged."""
    monkeypatch.setattr(evaluate_genres, "LEAST_TRAINED", 2)
    monkeypatch.setattr(evaluate_genres, "LEAST_JUDGED", 1)


def test_scores_are_macro_over_genres() -> None:
    labels = np.array([[1, 0], [1, 1], [0, 1], [0, 0]], bool)
    said = np.array([[1, 0], [0, 1], [0, 0], [1, 0]], bool)
    precision, recall, f1 = scores(said, labels)
    assert precision == pytest.approx((0.5 + 1.0) / 2) and recall == pytest.approx((0.5 + 0.5) / 2)
    assert f1 == pytest.approx(f1_score(labels, said, average="macro"))
    assert scores(np.zeros_like(said), labels) == (0, 0, 0)


@pytest.mark.parametrize("single", [True, False])
def test_separable_features_are_told_apart(single: bool) -> None:
    random = np.random.default_rng(0)
    features, labels = {}, {}
    for split, count in (("train", 60), ("validation", 20), ("test", 20)):
        kind = random.integers(0, 3, count)
        labels[split] = np.eye(3, dtype=bool)[kind]
        if not single:
            labels[split][:, 2] = random.integers(0, 2, count)
        features[split] = 4.0 * labels[split] + random.normal(0, 0.3, (count, 3))
    assert scores(classify(features, labels, single=single), labels["test"])[2] > 0.95
    assert max(value[2] for value in baselines(labels, single=single).values()) < 0.75


def test_only_genres_that_can_be_judged_count(covers: Path, few: None, tmp_path: Path) -> None:
    made, genres = genre_catalogue(covers, tmp_path / "g.jsonl", column="genre", jobs=1)
    items = read_catalogue(made).items
    assert genres == ["Bass", "Treble"] and len(items) == 12
    labels = labels_of(items, genres)
    assert labels.sum(axis=1).tolist() == [1] * 12
    with pytest.raises(InputError, match="at least two genres"):
        genre_catalogue(covers, tmp_path / "h.jsonl", column="style", jobs=1)


@pytest.mark.slow
def test_all_nine_rows(covers: Path, few: None, tmp_path: Path) -> None:
    overrides = [
        "towers.audio.encoder.arguments={window: 24, channels: [2, 4], pools: [[4, 2], [2, 2]], dimension: 8}",
        "towers.image.encoder.arguments={stages: 1, size: 32}",
        "training.batch_size=4",
        "training.steps=2",
    ]
    overrides += [f"stages.{name}.training.steps=2" for name in ("covers-alone", "recordings-alone", "alignment")]
    rows = genre_table(covers, tmp_path, column="genre", seeds=[0, 1], overrides=overrides, jobs=1)
    assert [row["features"] for row in rows[:9]] == list(ROWS)
    assert "2 genres, one each" in str(rows[-1]["features"]) and len(rows) == 12
    assert all("(" in str(row["F1"]) for row in rows[:9])
