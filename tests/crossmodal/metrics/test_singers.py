"""Scores of singers against naive loops, and in the extremes."""

from __future__ import annotations

import numpy as np
import pytest

from crossmodal.base.errors import InputError
from crossmodal.metrics.singers import Recordings, singer_scores


def recordings(seed: int, *, singers: int = 4, clips: int = 6, noise: float = 1.0) -> Recordings:
    generator = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(singers, 8))
    names = np.repeat([f"s{n}" for n in range(singers)], clips)
    songs = np.array([f"{name}-{number % clips // 2}" for number, name in enumerate(names)])
    vectors = np.repeat(centres, clips, axis=0) + noise * generator.normal(size=(len(names), 8))
    return Recordings(vectors, names, songs)


def naive(queries: Recordings, targets: Recordings) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    precision: dict[str, list[float]] = {}
    first: dict[str, list[float]] = {}
    for q, singer, song in zip(queries.vectors, queries.singer, queries.song, strict=True):
        rows = []
        for t, other, its in zip(targets.vectors, targets.singer, targets.song, strict=True):
            if its != song:
                rows.append((float(q @ t / np.linalg.norm(q) / np.linalg.norm(t)), other == singer))
        rows.sort(key=lambda row: -row[0])
        hits, total = 0, []
        for rank, (_, right) in enumerate(rows, 1):
            hits += right
            if right:
                total.append(hits / rank)
        precision.setdefault(singer, []).append(float(np.mean(total)))
        first.setdefault(singer, []).append(float(rows[0][1]))
    return precision, first


def test_retrieval_is_that_of_a_naive_loop() -> None:
    queries, targets = recordings(0), recordings(1)
    found = singer_scores(queries, targets)
    precision, first = naive(queries, targets)
    for place, name in enumerate(found.singers):
        assert found.values["mAP"][place] == pytest.approx(np.mean(precision[name]))
        assert found.values["R@1"][place] == pytest.approx(np.mean(first[name]))
    assert found.queries == 24 and found.chance["accuracy"] == pytest.approx(0.25)


def test_identification_by_all_other_songs_is_the_nearest_centroid() -> None:
    queries, targets = recordings(2), recordings(3)
    found = singer_scores(queries, targets, shots=6)
    unit = targets.vectors / np.linalg.norm(targets.vectors, axis=1, keepdims=True)
    right: dict[str, list[bool]] = {}
    for q, singer, song in zip(queries.vectors, queries.singer, queries.song, strict=True):
        names = np.unique(targets.singer)
        centroids = [unit[(targets.singer == name) & (targets.song != song)].mean(axis=0) for name in names]
        nearest = np.argmax([q @ c / np.linalg.norm(c) for c in centroids])
        right.setdefault(singer, []).append(bool(names[nearest] == singer))
    assert found.values["accuracy"].tolist() == pytest.approx([np.mean(right[name]) for name in found.singers])


def test_perfect_and_meaningless_vectors() -> None:
    same = recordings(0, noise=0.0)
    perfect = singer_scores(same, same)
    assert all((values == 1).all() for values in perfect.values.values())
    noise = recordings(5, singers=30, noise=1e3)
    found = singer_scores(noise, recordings(6, singers=30, noise=1e3))
    for metric in ("mAP", "R@1", "accuracy"):
        assert abs(found.values[metric].mean() - found.chance[metric]) < 0.05


def test_a_loud_direction_hides_singers_until_it_is_standardized() -> None:
    plain = recordings(7, noise=0.3)
    vectors = plain.vectors.copy()
    vectors[:, 0] = 50 * np.random.default_rng(0).normal(size=len(vectors))
    loud = Recordings(vectors, plain.singer, plain.song)
    assert singer_scores(loud.standardized(), loud.standardized()).values["mAP"].mean() > 0.8
    assert singer_scores(loud, loud).values["mAP"].mean() < 0.6
    np.testing.assert_allclose(loud.standardized().vectors.std(axis=0), 1.0)


def test_singers_of_one_song_are_left_out_and_none_is_an_error() -> None:
    given = recordings(0)
    keep = ~((given.singer == "s0") & (given.song != "s0-0"))
    fewer = Recordings(given.vectors[keep], given.singer[keep], given.song[keep])
    assert singer_scores(fewer, fewer).singers == ("s1", "s2", "s3")
    one = Recordings(np.eye(3), np.array(["a", "b", "c"]), np.array(["x", "y", "z"]))
    with pytest.raises(InputError, match="two songs"):
        singer_scores(one, one)
    with pytest.raises(InputError, match="shots"):
        singer_scores(given, given, shots=0)
    with pytest.raises(InputError, match="a singer and a song for each"):
        Recordings(np.eye(3), np.array(["a"]), np.array(["x"]))
