"""Relatives by concept, and few-shot episodes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from crossmodal.base.errors import InputError, RecipeError
from pairs.concepts import concept_of, values_of
from pairs.ranked_lists import RankedListPairs
from pairs.relatives import EpisodePairs, RelativePairs
from pairs.source import Another, Item

ARTISTS = ["a", "a", "a", "b", "b", "c", ""]


def item(number: int, artist: str = "", **fields: str) -> Item:
    tags = frozenset({"jig" if number % 2 else "waltz", "slow" if number % 3 == 0 else "fast", "violin"})
    return Item(
        f"t{number}",
        {"audio": Path(f"{number}.wav")},
        tags=tags,
        work=f"w{number}",
        fields={"artist": artist, **fields},
    )


def collection() -> list[Item]:
    return [item(number, artist) for number, artist in enumerate(ARTISTS)]


def generator() -> np.random.Generator:
    return np.random.default_rng(0)


def test_values_are_columns_tags_or_facets() -> None:
    one = Item(
        "x",
        {},
        tags=frozenset({"jig", "slow", "own word"}),
        fields={"artist": "a; b", "lists": '["p", "q"]', "mood": "wild", "n": 3},
    )
    assert values_of(one, "track") == {"x"} and values_of(one, "work") == {"x"} and values_of(one, "tag") == one.tags
    assert (
        values_of(one, "artist") == {"a", "b"}
        and values_of(one, "lists") == {"p", "q"}
        and values_of(one, "n") == {"3"}
    )
    assert (
        values_of(one, "genre") == {"jig"}
        and values_of(one, "tempo") == {"slow"}
        and values_of(one, "mood") == {"wild"}
    )
    assert not values_of(one, "album") and values_of(Item("y", {}, fields={"lists": "[broken"}), "lists") == {"[broken"}


@pytest.mark.parametrize("mixed", [True, False])
def test_the_track_itself_may_be_asked_for_apart(mixed: bool) -> None:
    pairs = RelativePairs(collection(), by=["artist", "track"], mixed=mixed, apart=True)
    example = pairs.draw(0, generator())
    assert example.inputs["audio@track"] == Another(0, "audio") and next(iter(example.inputs)) == "audio"
    assert (
        RelativePairs(collection(), by=["artist", "track"], mixed=mixed).draw(0, generator()).inputs["audio@track"] == 0
    )
    with pytest.raises(RecipeError, match="track among the concepts"):
        RelativePairs(collection(), by=["artist"], apart=True)


def test_concepts_have_ids_and_members() -> None:
    found = concept_of(collection(), "artist")
    assert found.names == ["a", "b", "c"] and found.ids[:, 0].tolist() == [0, 0, 0, 1, 1, 2, -1]
    assert found.members() == [[0, 1, 2], [3, 4], [5]] and found.of_names(["c", "nobody"]).tolist() == [[2], [-1]]
    with pytest.raises(InputError, match=r'the column "artst".*artist'):
        concept_of(collection(), "artst")
    assert concept_of([], "artist").ids.shape == (0, 1)


def test_relatives_share_a_value_and_opposites_none() -> None:
    items = collection()
    source = RelativePairs(items, by=["artist", "genre", "track"], opposites=False)
    for index in range(len(items)):
        for _ in range(5):
            inputs = source.draw(index, generator()).inputs
            assert inputs["audio"] == inputs["audio@track"] == index
            artist, genre = inputs["audio@artist"], inputs["audio@genre"]
            assert isinstance(artist, int) and isinstance(genre, int)
            alone = ARTISTS.count(ARTISTS[index]) < 2 or not ARTISTS[index]
            assert (artist == index) == alone and ARTISTS[artist] == ARTISTS[
                index
            ]  # an artist with one track is its own relative
            assert genre != index and values_of(items[genre], "genre") == values_of(items[index], "genre")
    assert {"jig", "waltz", "a", "b", "c"} == set(source.classes())
    triplets = RelativePairs(items, by=["genre"], opposites=True)
    for index in range(len(items)):
        far = triplets.draw(index, generator()).inputs["audio@not-genre"]
        assert isinstance(far, int) and values_of(items[far], "genre") != values_of(items[index], "genre")


def test_mixed_relatives_are_of_a_concept_that_has_some() -> None:
    items = collection()
    source = RelativePairs(items, by=["artist", "tempo"], mixed=True)
    drawn = {
        (index, source.draw(index, np.random.default_rng(seed)).inputs["audio@2"])
        for index in (0, 5)
        for seed in range(40)
    }
    assert {other for index, other in drawn if index == 0} == {1, 2, 3, 6}  # same artist, or slow as well
    assert {other for index, other in drawn if index == 5} == {1, 2, 4}  # nobody else is by its artist


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(RecipeError, match="different concepts"):
        RelativePairs(collection(), by=[])
    with pytest.raises(InputError, match="several values"):
        RelativePairs(collection(), by=["instruments"], opposites=True).draw(0, generator())
    alone = [item(number, f"artist {number}") for number in range(3)]
    with pytest.raises(InputError, match="share a value of artist"):
        RelativePairs(alone, by=["artist"], unrelated=False)
    assert len(RelativePairs(collection(), by=["artist"], unrelated=False)) == 5


def test_episodes_have_different_classes_and_other_items_as_support() -> None:
    source = EpisodePairs(collection(), by="artist", shots=2)
    chosen = source.choose(2, generator())
    assert {ARTISTS[index] for index in chosen} == {"a", "b"}
    for index in chosen:
        inputs = source.draw(index, generator()).inputs
        assert list(inputs) == ["audio", "audio@1", "audio@2"]
        support = [inputs["audio@1"], inputs["audio@2"]]
        assert index not in support and all(
            ARTISTS[other] == ARTISTS[index] for other in support if isinstance(other, int)
        )
        assert len(set(support)) == (2 if ARTISTS[index] == "a" else 1)
    assert len(source.choose(5, generator())) == 2
    with pytest.raises(InputError, match="two classes"):
        EpisodePairs(collection()[:4], by="artist").choose(2, generator())
    with pytest.raises(RecipeError, match="one shot"):
        EpisodePairs(collection(), by="artist", shots=0)


def ranked(count: int = 21) -> list[Item]:
    names = [f"t{number}" for number in range(count)]
    lists = {0: ";".join(names[1:]), 1: json.dumps([names[1], names[0], "elsewhere"]), 2: json.dumps(["t0", "t1"])}
    return [item(number, "", ranked=lists.get(number, "")) for number in range(count)]


@pytest.mark.parametrize(
    ("mining", "first", "last"), [("any", range(1, 20), range(2, 21)), ("extremes", range(1, 6), range(16, 21))]
)
def test_ranked_lists_give_the_nearer_as_positive(mining: str, first: range, last: range) -> None:
    source = RankedListPairs(ranked(), mining=mining)
    drawn = [source.draw(0, np.random.default_rng(seed)).inputs for seed in range(1000)]
    names = [int(one.id.removeprefix("t")) for one in source.items]
    near, far = ([names[int(str(inputs[slot]))] for inputs in drawn] for slot in ("audio@near", "audio@far"))
    assert all(a < b for a, b in zip(near, far, strict=True))
    assert set(near) == set(first) and set(far) == set(last)


def test_ranked_neighbours_are_close_and_tracks_without_a_list_stand_aside() -> None:
    source = RankedListPairs(ranked(), mining="neighbours")
    names = [int(one.id.removeprefix("t")) for one in source.items]
    gaps = set()
    for seed in range(100):
        inputs = source.draw(0, np.random.default_rng(seed)).inputs
        near, far = (names[int(str(inputs[slot]))] for slot in ("audio@near", "audio@far"))
        gaps.add(far - near)
    assert gaps == {1, 2}
    # The list of track 1 names itself, one other and one that is not there: it is no anchor.
    assert len(source) == 2 and [one.id for one in source.items[:3]] == ["t0", "t2", "t1"]
    inputs = source.draw(1, generator()).inputs
    assert [source.items[int(str(inputs[slot]))].id for slot in inputs] == ["t2", "t0", "t1"]
    with pytest.raises(InputError, match='column "ranked"'):
        RankedListPairs(ranked()[3:])
    with pytest.raises(RecipeError, match="mining"):
        RankedListPairs(ranked(), mining="anyhow")


def test_a_repeated_id_is_never_near_and_far_at_once() -> None:
    items = [item(0, ranked="t1;t1;t2;t0;t1"), item(1, ranked="t0;t0"), item(2)]
    source = RankedListPairs(items)
    assert len(source) == 1  # of track 1 there is one other alone
    for seed in range(50):
        assert list(source.draw(0, np.random.default_rng(seed)).inputs.values()) == [0, 1, 2]
