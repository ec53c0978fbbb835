"""Evaluation: what is left out, seen and unseen words, right answers against a loop, chance beside each number."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from crossmodal.base.errors import InputError
from crossmodal.base.results import ScoreRow
from crossmodal.evaluation import Judged, encode_items, encode_known, evaluate, score_captions, score_tags, unread
from crossmodal.metrics import tagging
from crossmodal.space import Space
from crossmodal.space_files import load_space
from encoders.words import WordVectors
from pairs.source import Caption, Item


@pytest.fixture(scope="module")
def space(space_folder: Path) -> Space:
    return load_space(space_folder)


@pytest.fixture
def catalogue(sounds: Path, tmp_path: Path) -> Path:
    """The small collection with words that training never saw, and without splits."""
    folder = tmp_path / "collection"
    shutil.copytree(sounds, folder)
    path = folder / "catalogue.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for i, row in enumerate(rows):
        del row["split"]
        row["tags"].append("even" if i % 2 else "odd")
        row["captions"] = [{"text": row.pop("caption"), "tags": row["tags"][:2]}, f"an {row['tags'][2]} one"]
    path.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    return path


def judged_by_hand(space: Space, count: int = 14) -> Judged:
    generator = np.random.default_rng(0)
    items = []
    for i in range(count):
        tags = {"low" if i % 2 else "high", "rich" if i % 3 else "pure", "odd" if i % 5 else "even"}
        captions = (Caption(f"sound {i % 4}", frozenset(sorted(tags)[: 1 + i % 2])), Caption(f"number {i}"))
        items.append(Item(id=str(i), files={}, tags=frozenset(tags), captions=captions, work=f"w{i // 2}"))
    vectors = generator.normal(size=(count, space.dimension)).astype(np.float32)
    return Judged(items, vectors / np.linalg.norm(vectors, axis=1, keepdims=True), 0, [])


def by_name(rows: list[ScoreRow]) -> dict[str, ScoreRow]:
    assert len({row.metric for row in rows}) == len(rows)
    return {row.metric: row for row in rows}


def test_training_works_are_left_out_and_counted(space: Space, catalogue: Path) -> None:
    judged = encode_items(space, catalogue, quiet=True)
    assert judged.excluded == len(space.works) == 8
    assert {i.id for i in judged.items} == {"track-08", "track-09", "track-10", "track-11"}
    table = evaluate(space, catalogue, quiet=True)
    assert table.excluded == 8 and table.space == space.reference and table.split == "all"


def test_the_split_of_the_catalogue_decides(space: Space, sounds: Path) -> None:
    test = encode_items(space, sounds / "catalogue.jsonl", quiet=True)
    assert {i.id for i in test.items} == {"track-10", "track-11"} and test.excluded == 0
    watched = encode_items(space, sounds / "catalogue.jsonl", split="validation", quiet=True)
    assert {i.id for i in watched.items} == {"track-08", "track-09"}
    with pytest.raises(InputError, match="not trained on, got none of 8"):
        encode_items(space, sounds / "catalogue.jsonl", split="train", quiet=True)


def test_bad_recordings_are_listed(space: Space, catalogue: Path) -> None:
    (catalogue.parent / "track 09.wav").write_bytes(b"")
    table = evaluate(space, catalogue, quiet=True)
    assert [Path(s.path).name for s in table.skipped] == ["track 09.wav"]
    for name in ("track 08.wav", "track 10.wav", "track 11.wav"):
        (catalogue.parent / name).write_bytes(b"")
    with pytest.raises(InputError, match="readable recordings, got none"):
        evaluate(space, catalogue, quiet=True)


def test_an_evaluation_is_the_same_on_every_run(space: Space, catalogue: Path) -> None:
    first, second = (evaluate(space, catalogue, quiet=True) for _ in range(2))
    assert first == second and first.rows
    for row in first.rows:
        assert row.chance is not None and row.n > 0 and row.low is not None and row.high is not None
        assert row.low <= row.value <= row.high or np.isnan(row.value)


def test_tags_are_seen_or_unseen_and_scored_as_a_loop_would(space: Space) -> None:
    judged = judged_by_hand(space)
    rows = by_name(score_tags(space, judged, seed=0))
    for kind, tags in (("seen", ["high", "low", "pure", "rich"]), ("unseen", ["even", "odd"])):
        words = space.encode("text", tags)
        values = []
        for tag, word in zip(tags, words, strict=True):
            scores = [float(word @ v) for v in judged.vectors]
            right = [tag in item.tags for item in judged.items]
            pairs = [
                (a, b)
                for a, ya in zip(scores, right, strict=True)
                if ya
                for b, yb in zip(scores, right, strict=True)
                if not yb
            ]
            values.append(np.mean([1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs]))
        assert rows[f"ROC-AUC {kind} tags"].value == pytest.approx(np.mean(values), abs=1e-6)
        assert rows[f"ROC-AUC {kind} tags"].n == len(tags) and rows[f"ROC-AUC {kind} tags"].chance == 0.5
    told = by_name(score_tags(space, judged, seed=0, unseen=["low"]))
    assert told["ROC-AUC unseen tags"].n == 1 and told["ROC-AUC seen tags"].n == 5


def test_clip_wise_scores_compare_words_in_deviations(space: Space) -> None:
    judged = judged_by_hand(space)
    tags = ["high", "low", "pure", "rich"]
    words = space.encode("text", tags)
    scores = space.standardize(words, space.similarity(words, judged.vectors)).T
    labels = np.array([[t in i.tags for t in tags] for i in judged.items])
    expected = float(np.nanmean(tagging.clip_wise_roc_auc(scores, labels)))
    assert by_name(score_tags(space, judged, seed=0))["clip-wise ROC-AUC seen tags"].value == pytest.approx(expected)


def test_right_answers_of_captions_against_a_loop(space: Space) -> None:
    judged = judged_by_hand(space)
    rows = by_name(score_captions(space, judged, seed=0))
    seen = set(space.vocabulary)
    found: dict[str, list[float]] = {"captions": [], "captions with unseen words": []}
    asked = dict.fromkeys((c.text, c.facts, i.work) for i in judged.items for c in i.captions)
    for text, facts, work in asked:
        vector = space.encode("text", [text])[0]
        ranked = sorted(range(len(judged.items)), key=lambda j: -float(vector @ judged.vectors[j]))
        right = [
            all(f in judged.items[j].tags for f in facts) if facts else judged.items[j].work == work for j in ranked
        ]
        found["captions" if facts <= seen else "captions with unseen words"].append(1 / (1 + right.index(True)))
    for kind, values in found.items():
        row = rows[f"MRR {kind}"]
        assert row.n == len(values) and row.value == pytest.approx(np.mean(values), abs=1e-6)
        assert row.chance is not None and 0 < row.chance < 1


def test_tags_that_hold_for_all_or_none_are_no_question(space: Space) -> None:
    judged = judged_by_hand(space)
    items = [Item(id=i.id, files={}, tags=i.tags | {"sound"}, work=i.work) for i in judged.items]
    rows = by_name(score_tags(space, Judged(items, judged.vectors, 0, []), seed=0))
    assert rows["ROC-AUC unseen tags"].n == 2


def test_words_that_a_tower_does_not_know_are_told(
    space: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "words.txt"
    table.write_text("low 1 0 0\nhigh 0 1 0\nodd 0 0 1\neven 1 1 1\nsound 1 1 0\n", encoding="utf-8")
    known = WordVectors(source=str(table))
    monkeypatch.setattr(space.embedding.tower("text").encoder, "prepare", lambda text: (known.prepare(text), text)[1])
    judged = judged_by_hand(space)
    told = {row.path: row.reason for row in unread(space, judged.items)}
    assert told["tags"].startswith('2 of 6 have words that the space does not know, such as "pure"')
    assert told["captions"].startswith("18 of 18")
    assert by_name(score_tags(space, judged, seed=0))["ROC-AUC seen tags"].n == 2
    assert score_captions(space, judged, seed=0) == []
    indices, vectors = encode_known(space, "text", ["pure", "low", "rich", "odd"])
    assert indices == [1, 3] and vectors.shape == (2, space.dimension)
    with pytest.raises(InputError, match="knows, got none of them in: pure, rich"):
        encode_known(space, "text", ["pure", "rich"])
