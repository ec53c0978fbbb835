"""Judging of MIDI matching in a small size: ranks against slow forms, the tables, and refusals of what a space was trained on."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import crossmodal
from crossmodal.alignment.hashing.search import search
from crossmodal.applications.hash_sequences import pack
from crossmodal.applications.midi_calibration import pruning_rank
from crossmodal.applications.midi_evaluation import HeldSource
from crossmodal.applications.midi_matching import Matcher
from crossmodal.applications.midi_query import KEYS, TEMPOS, moved
from crossmodal.base.errors import InputError
from crossmodal.base.jobs import Row
from scripts import evaluate_midi, midi_baseline, midi_judging
from tests.crossmodal.applications.tunes import KEYS as TUNE_KEYS
from tests.crossmodal.applications.tunes import TuneShelf, make_shelf


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> TuneShelf:
    return make_shelf(tmp_path_factory.mktemp("shelf"))


@pytest.fixture(scope="module")
def matcher(shelf: TuneShelf) -> Matcher:
    return Matcher.of(shelf.index)


def test_the_rank_by_hashes_is_that_of_the_whole_search(matcher: Matcher, shelf: TuneShelf) -> None:
    for number in range(6):
        query = matcher.read(shelf.folder / f"queries/{number}.mid", "midi")
        for own in range(6):
            best = np.full(6, np.inf)
            for shift, tempo in itertools.product(KEYS, TEMPOS):
                hashes = pack(query.values(matcher.encoder, shift, tempo=tempo))
                found = search(hashes, matcher.store.collection, rule=matcher.cuts.rule, top=6, prune=False)
                best[found.indices] = np.minimum(best[found.indices], found.scores)
            tracks = matcher.store.numbers([str(name) for name in matcher.index.items.column("sha256")])
            assert midi_judging.hash_rank(matcher, query, own) == 1 + (best < best[tracks[own]]).sum()


def test_ranks_by_pruning_vectors(matcher: Matcher, shelf: TuneShelf) -> None:
    vectors = midi_judging.Vectors.of(np.asarray(matcher.index.vectors, np.float32))
    query = matcher.read(shelf.folder / "queries/1.mid", "midi")
    asked = np.stack([
        matcher.encoder.vector("midi", f, matcher.encoder.hashes("midi", f)) for f in (moved(query.frames, s) for s in KEYS)
    ])  # fmt: skip
    all_pairs = sorted(float(((vectors.real[row] - q) ** 2).sum()) for q in asked for row in range(6))
    nearest = min(float(((vectors.real[1] - q) ** 2).sum()) for q in asked)
    assert pruning_rank(matcher, query, 1) == 1 + np.searchsorted(all_pairs, nearest - 1e-6) // len(KEYS)
    own = float(((vectors.real[1] - asked[4]) ** 2).sum())
    assert vectors.ranks(asked, 1, 4)["pruning pairs"] == pytest.approx(1 + np.searchsorted(all_pairs, own), abs=0.5)


def test_signs_and_reduced_vectors_rank_like_the_vectors_they_are_of() -> None:
    generator = np.random.default_rng(0)
    real = generator.choice([-0.9, 0.9], (300, 128)).astype(np.float32)
    vectors = midi_judging.Vectors.of(real)
    ranks = vectors.ranks(real[:1] + generator.normal(0, 0.05, (1, 128)).astype(np.float32), 0, 0)
    assert ranks["pruning real"] == ranks["pruning binary"] == ranks["pruning small"] == 1
    assert vectors.small.shape == (300, midi_judging.SMALL) and np.abs(vectors.small).max() <= 127


def test_the_cascade_with_the_answer_and_without(matcher: Matcher, shelf: TuneShelf) -> None:
    query = matcher.read(shelf.folder / "queries/0.mid", "midi")
    found = midi_judging.cascade(matcher, query, 0, shelf.recorded[0].clock, -TUNE_KEYS[0], 1e9)
    assert found["rank"] == 1 and found["right"] and found["key"]
    assert float(str(found["confidence"])) > 0.9 > float(str(found["missing"]))
    alone = matcher.rank(query, np.arange(6) != 0)
    assert np.allclose(found["features"][1], matcher.measure(query, alone)[:3])  # type: ignore[index]


def test_tables() -> None:
    row: Row = {
        "kind": "irish", "damage": ["cut ends"], "tracks": 1000, "hashing": 1, "rank": 1, "right": True, "confidence": 0.9,
        "missing": 0.1, "errors": [1.0, 3.0, 80.0], "key": True, "offset": 0.01,
    }  # fmt: skip
    rows = [row, {**row, "hashing": 3, "rank": 0, "right": False, "confidence": 0.2}]
    found = {r.metric: r for r in evaluate_midi.ranking_rows("x", np.array([1.0, 3.0, 0.0]), 1000, seed=0)}
    assert found["x: MRR"].value == pytest.approx((1 + 1 / 3) / 3) and found["x: top-1"].value == pytest.approx(1 / 3)
    assert found["x: top-1"].chance == pytest.approx(0.001) and found["x: top-5"].value == pytest.approx(2 / 3)
    said = {r.metric: r.value for r in evaluate_midi.confidence_rows(rows, 0.5, seed=0)}
    assert said["confidence: ROC-AUC of right against wrong"] == 1
    assert said["threshold 0.5: answered, its recording in the index"] == 0.5
    assert said["threshold 0.5: right, of those answered"] == 1
    aligned = {r.metric: r.value for r in evaluate_midi.alignment_rows(rows, seed=0)}
    assert aligned["alignment: median error (ms)"] == 3
    assert aligned["alignment: within 50 ms"] == pytest.approx(2 / 3)
    split = {r.metric: r for r in evaluate_midi.split_rows("x", rows, lambda r: float(bool(r["right"])), seed=0)}
    assert split["x, irish"].value == 0.5 and split["x, cut ends"].n == 2 and "x, pop909" not in split
    kept = {"pruning real": 2.0, "pruning binary": 1.0, "pruning small": 500.0, "pruning pairs": 7.0}
    shares = {r.metric: r.value for r in evaluate_midi.pruning_rows([{**row, **kept}], 0.002, seed=0)}
    assert shares["pruning to 0.10%: kept, 128 numbers, 512 bytes"] == 0
    assert shares["pruning to 0.20% (the cut): kept, 128 numbers, 512 bytes"] == 1
    assert shares["pruning to 5.00%: kept, 16 numbers of 8 bits, 16 bytes"] == 0


def test_chroma_is_found_in_another_key() -> None:
    generator = np.random.default_rng(1)
    frames = np.repeat(generator.random((40, 48)) * (generator.random((40, 48)) < 0.1), 16, axis=0).astype(np.float32)
    other = np.repeat(generator.random((40, 48)) * (generator.random((40, 48)) < 0.1), 16, axis=0).astype(np.float32)
    part = midi_baseline.chroma(frames[80:480])
    moved_part = np.roll(part, 3, axis=0)
    assert midi_baseline.warped_chroma(moved_part, midi_baseline.chroma(frames)) == pytest.approx(0, abs=1e-6)
    assert midi_baseline.warped_chroma(moved_part, midi_baseline.chroma(other)) > 0.1


def test_what_a_space_was_trained_on_is_refused(shelf: TuneShelf, monkeypatch: pytest.MonkeyPatch) -> None:
    space = crossmodal.load(shelf.space)
    sources = [HeldSource({"id": "a"}, "irish", "a")]
    monkeypatch.setattr(evaluate_midi, "trained_groups", lambda _: frozenset({"b"}))
    evaluate_midi.check_unseen(replace(space, works=frozenset({"b"})), sources, Path())
    with pytest.raises(InputError, match="not trained on, 1 are: a"):
        evaluate_midi.check_unseen(replace(space, works=frozenset({"a", "b"})), sources, Path())
    with pytest.raises(InputError, match="1 others: c"):
        evaluate_midi.check_unseen(replace(space, works=frozenset({"c"})), sources, Path())
