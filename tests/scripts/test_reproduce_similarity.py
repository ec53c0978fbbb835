"""The study of music similarity: its material, what it measures, and a relation from tiny trainings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from crossmodal.base.errors import InputError
from crossmodal.metrics.bootstrap import Interval
from crossmodal.recipe import load_recipe
from pairs.concepts import listed, values_of
from scripts import similarity_systems
from scripts.reproduce_similarity import as_document, in_words
from scripts.similarity_measures import Measures, timbre, whole
from scripts.similarity_real import real_recordings
from scripts.similarity_relations import RELATIONS, Claim
from scripts.similarity_study import Heard, Study
from scripts.similarity_systems import SYSTEMS
from tests.conftest import RATE, tone

TINY = {
    "type": "mel-cnn",
    "arguments": {
        "sample_rate": 16000, "bands": 16, "channels": [4, 4], "pools": [[2, 2], [2, 2]], "window_seconds": 0.5, "dimension": 256,
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four composers of known works, and a collection of tunes; genre, mood, instruments and tempo are words of the tag table."""
    import soundfile

    folder = tmp_path_factory.mktemp("study")
    rows = []
    for number in range(60):
        soundfile.write(folder / f"{number}.wav", tone(100 + 20 * number, seconds=1.2), RATE)
        artist = f"Composer {number % 4}" if number % 5 else ""
        tags = ["jig" if number % 2 else "mass", "happy" if number % 3 else "sad", "fast" if number % 4 < 2 else "slow"]
        rows.append(
            {
                "id": f"r{number}", "audio": f"{number}.wav", "work": f"w{number // 2}", "artist": artist, "collection": "Old tunes",
                "tags": [*tags, "flute" if number % 7 < 3 else "piano"], "split": "test" if number >= 40 else "train",
            }
        )  # fmt: skip
    (folder / "c.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return folder / "c.jsonl"


@pytest.fixture(scope="module")
def study(catalogue: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(similarity_systems, "_MEL", TINY)
        yield Study(catalogue, tmp_path_factory.mktemp("work"), steps=2, jobs=1)


def test_every_system_is_a_recipe_that_ships() -> None:
    for name, system in SYSTEMS.items():
        recipe = load_recipe(system.recipe, overrides=system.settings(seed=3, steps=7))
        assert recipe.seed == 3 and all(stage.training.steps == 7 * system.times for stage in recipe.stages.values()), (
            name
        )
    kept = [part for stage in load_recipe("artist-siamese").stages.values() for part in stage.comparisons]
    assert all(part.by == "artist" for part in kept)


def test_the_material_says_who_is_an_artist_and_who_met_whom(study: Study) -> None:
    train = study.items["train"]
    assert {str(item.fields["artist"]) for item in train} == {*(f"Composer {n}" for n in range(4)), "Old tunes"}
    assert all(item.fields["album"] == item.work for item in train)
    four = {str(item.fields["artist-4"]) for item in train} - {""}
    assert len(four) == 4
    ids = {item.id for item in train}
    for item in train:
        met = listed(item.fields["together"])
        assert set(met) <= ids - {item.id} and set(met) <= set(listed(item.fields["ranked"]))
    few, more = (study.labelled(f"tags-{share}%") for share in (1, 10))
    assert {item.id for item in few} <= {item.id for item in more} and len(few) == len(more) == 4
    assert "sad" in study.tags


def test_measures_against_loops(study: Study) -> None:
    measures = Measures(study, [0])
    items, random = study.items["test"], np.random.default_rng(1)
    vectors = random.normal(size=(len(items), 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    scores = vectors @ vectors.T
    found = measures.genre_precision(scores)
    for row, item in enumerate(items):
        others = [other for other in np.argsort(-scores[row]) if items[other].work != item.work]
        right = [bool(values_of(items[other], "genre") & values_of(item, "genre")) for other in others]
        precisions = [sum(right[: place + 1]) / (place + 1) for place, hit in enumerate(right) if hit]
        assert found[row] == pytest.approx(np.mean(precisions) if precisions else np.nan, nan_ok=True)
        nearest = items[others[0]].tags & set(study.tags)
        own = item.tags & set(study.tags)
        assert measures.tag_recall(scores)[row] == pytest.approx(len(own & nearest) / len(own))
    perfect = Heard({}, np.zeros((0, 0), np.float32), np.stack([vectors, vectors], axis=1))
    assert measures.track_hits(perfect).mean() == 1.0


def test_a_claim_is_held_by_its_interval_alone() -> None:
    verdicts = [Claim("", Interval(value, low, high, 5, 5)).verdict for value, low, high in
                ((0.2, 0.1, 0.3), (0.1, -0.1, 0.3), (-0.1, -0.2, 0.1), (-0.2, -0.3, -0.1))]  # fmt: skip
    assert verdicts == ["held", "held by value, not by interval", "refuted by value, not by interval", "refuted"]
    assert Claim("", Interval(0.0, -0.02, 0.01, 5, 5), within=0.02).verdict == "held"
    assert Claim("", Interval(0.02, 0.01, 0.03, 5, 5), within=0.02).verdict == "refuted"


@pytest.mark.slow
def test_relations_from_tiny_trainings_and_again_without_training(study: Study, catalogue: Path) -> None:
    chosen = [1, 3]
    found = [RELATIONS[number](Measures(study, [0])) for number in chosen]
    assert [one.number for one in found] == chosen
    assert all(np.isfinite(claim.difference.value) for one in found for claim in one.claims)
    assert "held" in in_words(found[0]) or "refuted" in in_words(found[0])
    json.dumps([as_document(one) for one in found])
    times = {file: file.stat().st_mtime_ns for file in study.work.glob("systems/*/heard.npz")}
    assert len(times) == 4
    reopened = Measures(Study(catalogue, study.work, steps=2, jobs=1), [0])
    again = [RELATIONS[number](reopened) for number in chosen]
    assert again == found and {file: file.stat().st_mtime_ns for file in times} == times
    heard = study.heard("classifier, normalized", 0)
    assert np.allclose(np.diag(whole(heard)), 1, atol=1e-5) and heard.logits.shape == (20, len(study.tags))


@pytest.mark.slow
def test_baselines_hear_alike_what_is_alike(study: Study) -> None:
    measures = Measures(study, [0])
    for name in ("mfcc-vq", "gmm-kl"):
        scores = measures.baseline(name, 0)
        own = np.diag(scores)  # neighbouring tones may fall into the same centroids
        assert (
            scores.shape == (20, 20)
            and np.allclose(scores.max(axis=1), own, atol=1e-3)
            and scores.min() < own.min() - 0.1
        )
    assert set(RELATIONS) == set(range(1, 9))


def test_real_recordings_are_judged_by_label_and_never_by_their_own_song(tmp_path: Path) -> None:
    import soundfile

    for genre in ("blues", "pop"):
        (tmp_path / "gtzan_mini" / genre).mkdir(parents=True)
        for number in range(3):
            sound = tone(300 if genre == "pop" else 900, seconds=0.5)
            soundfile.write(tmp_path / "gtzan_mini" / genre / f"{number}.flac", sound, RATE)
    (part,) = real_recordings(tmp_path)
    assert part.labels.tolist() == ["blues"] * 3 + ["pop"] * 3 and part.chance < 0.7
    scores = timbre("mfcc-vq", part.paths, part.paths, seed=0)
    assert part.precision(scores).tolist() == [1.0] * 6
    with pytest.raises(InputError, match="philharmonia, gtzan_mini or mir1k"):
        real_recordings(tmp_path / "gtzan_mini")
