"""Playlists from tastes, co-occurrences, and vectors of tracks."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from crossmodal.base.errors import InputError
from encoders.words import WordVectors
from pairs.concepts import listed
from pairs.playlists import (
    Taste,
    TrackVectorPairs,
    co_occurrences,
    draw_playlists,
    learn_track_vectors,
    tastes_of,
    token_of,
    with_playlists,
)
from pairs.source import Item


def collection() -> list[Item]:
    tags = [("jig", "fast"), ("jig", "slow"), ("waltz", "slow"), ("waltz", "fast")]
    return [Item(f"a track-{n}", {"audio": Path(f"{n}.wav")}, tags=frozenset(tags[n % 4])) for n in range(40)]


def test_tastes_are_pairs_of_values_that_occur() -> None:
    found = tastes_of(collection(), concepts=["genre", "tempo"], fewest=10)
    assert {taste.name for taste in found} == {"jig + fast", "jig + slow", "waltz + slow", "waltz + fast"}
    assert found[0].likes(collection()[0]) and not found[0].likes(collection()[1])
    with pytest.raises(InputError, match="11 items"):
        tastes_of(collection(), concepts=["genre", "tempo"], fewest=11)


def test_playlists_follow_their_taste_but_for_the_noise() -> None:
    items = collection()
    taste = Taste("jigs", {"genre": "jig"})
    pure = draw_playlists(items, [taste], count=30, length=8, noise=0.0)
    jigs = {item.id for item in items if "jig" in item.tags}
    assert len(pure) == 30 and all(len(set(members)) == 8 and set(members) <= jigs for members in pure.values())
    noisy = draw_playlists(items, [taste], count=300, length=8, noise=0.5)
    members = [track for tracks in noisy.values() for track in tracks]
    assert 0.6 < np.mean([track in jigs for track in members]) < 0.85
    assert noisy == draw_playlists(items, [taste], count=300, length=8, noise=0.5)
    assert noisy != draw_playlists(items, [taste], count=300, length=8, noise=0.5, seed=1)
    with pytest.raises(InputError, match="for the taste"):
        draw_playlists(items, [Taste("reels", {"genre": "reel"})], count=1)
    with pytest.raises(InputError, match="noise"):
        draw_playlists(items, [taste], count=1, noise=2)


def test_co_occurrences_are_counted() -> None:
    lists = {"x": ["a", "b", "c"], "y": ["b", "a"], "z": ["c", "d", "c"]}
    counts = {
        (one, two): sum({one, two} <= set(members) for members in lists.values())
        for one, two in permutations("abcd", 2)
    }
    found = co_occurrences(lists)
    for track in "abcd":
        others = sorted((-counts[track, o], o) for o in "abcd" if counts.get((track, o)))
        assert found[track] == [other for _, other in others]
    assert co_occurrences(lists, top=1) == {"a": ["b"], "b": ["a"], "c": ["a"], "d": ["c"]}
    items = with_playlists([Item(name, {}) for name in "abe"], lists, top=2)
    assert listed(items[0].fields["playlists"]) == ["x", "y"] and listed(items[0].fields["together"]) == ["b", "c"]
    assert not items[2].fields


def test_tracks_of_one_taste_have_vectors_alike(tmp_path: Path) -> None:
    items = collection()
    lists = draw_playlists(
        items, [Taste("jigs", {"genre": "jig"}), Taste("waltzes", {"genre": "waltz"})], count=400, noise=0.1
    )
    file = tmp_path / "tracks.txt"
    assert learn_track_vectors(lists, file, dimension=16) == 40
    first = file.read_bytes()
    learn_track_vectors(lists, file, dimension=16)
    assert file.read_bytes() == first
    encoder = WordVectors(source=str(file))
    source = TrackVectorPairs(with_playlists(items, lists))
    assert (
        len(source) == 40
        and source.texts()[3] == token_of(items[3].id) == source.draw(3, np.random.default_rng()).inputs["text"]
    )
    prepared = encoder.collate([encoder.prepare(text) for text in source.texts()])
    vectors = encoder(prepared).detach()
    vectors = vectors / vectors.norm(dim=1, keepdim=True)
    similarity = (vectors @ vectors.T).fill_diagonal_(-2)
    jig = ["jig" in item.tags for item in items]
    assert np.mean([jig[int(n)] == own for n, own in zip(similarity.argmax(dim=1), jig, strict=True)]) > 0.9
    with pytest.raises(InputError, match="column playlists"):
        TrackVectorPairs(items)
    with pytest.raises(InputError, match="two tracks"):
        learn_track_vectors({"x": ["a"]}, file)
