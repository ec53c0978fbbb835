"""Splits: groups stay whole, whatever ties their items, and the committed table of works leaks nothing."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from crossmodal.base.errors import InputError
from pairs.melody import LENGTH, melody, plain_title, shingles, similar_works
from pairs.notes import Notes, Part
from pairs.source import Item
from pairs.splits import assign_splits, by_field, by_work, check_leakage, group_items, part_of
from pairs.works import TABLE, read_works, title_key


def item(name: str, work: str = "", split: str | None = None, artist: str | None = None) -> Item:
    return Item(name, {"audio": Path(f"{name}.wav")}, work=work, split=split, fields={"artist": artist})


def test_keys_chain() -> None:
    items = [item("a", "w1", artist="x"), item("b", "w1", artist="y"), item("c", "w2", artist="y"), item("d", "w3")]
    assert sorted(map(sorted, group_items(items, [by_work, by_field("artist")]))) == [[0, 1, 2], [3]]


def test_shares_and_stability() -> None:
    parts = [part_of(str(number)) for number in range(4000)]
    assert abs(parts.count("train") / 4000 - 0.7) < 0.03 and abs(parts.count("test") / 4000 - 0.2) < 0.03
    items = [item(str(number)) for number in range(50)]
    assert assign_splits(items)[:20] == assign_splits(items[:20])


def test_given_splits_decide_for_their_group() -> None:
    items = assign_splits([item("a", "w", "test"), item("b", "w"), item("c", "w")])
    assert {entry.split for entry in items} == {"test"}


def test_leaks_are_refused() -> None:
    with pytest.raises(InputError, match=r'"a" in test.*"b" in train'):
        check_leakage([item("a", "w", "test"), item("b", "w", "train")])
    with pytest.raises(InputError, match="sum to 1"):
        part_of("x", shares=(0.5, 0.1, 0.1))


def line(pitches: list[int]) -> frozenset[int]:
    import numpy as np

    count = len(pitches)
    part = Part(
        "p", 0.5 * np.arange(count, dtype=np.float64), np.full(count, 0.5), np.array(pitches), np.full(count, 80)
    )
    return shingles(melody(Notes((part,))))


def test_melodies_are_the_same_in_every_key() -> None:
    tune = [60, 62, 64, 65, 67, 65, 64, 62, 67, 69, 71, 72, 71, 69, 67, 60, 64, 67, 72, 60]
    other = [60, 72, 60, 61, 60, 66, 63, 70, 61, 68, 62, 59, 71, 60, 66, 61, 67, 62, 60, 73]
    assert line(tune) == line([pitch + 5 for pitch in tune])
    assert line(tune) == line([60, *tune])  # a note said twice
    assert similar_works({"a": line(tune), "b": line([p + 3 for p in tune]), "c": line(other)}) == [("a", "b")]
    assert line([]) == line([60, 60]) == frozenset() and len(line(tune)) == len(tune) - LENGTH


def test_titles() -> None:
    assert plain_title("The White Cockade.") == plain_title("White Cockade, The") == "white cockade"
    assert plain_title("42d Highland Regiment -- Strathspey") == "42d highland regiment"
    assert plain_title("Quick Step") == ""


def test_table_is_small_and_no_group_or_title_lies_in_two_splits() -> None:
    assert TABLE.stat().st_size < 1_000_000
    works = read_works()
    assert len(works) > 14_000 and len({work.id for work in works}) == len(works)
    for keyed in (lambda w: w.group, lambda w: title_key(w.work, w.title)):
        parts: dict[object, set[str]] = defaultdict(set)
        for work in works:
            if keyed(work) is not None:
                parts[keyed(work)].add(work.split)
        assert all(len(found) == 1 for found in parts.values())
    shares = [sum(work.split == part for work in works) / len(works) for part in ("train", "validation", "test")]
    assert abs(shares[0] - 0.7) < 0.03 and abs(shares[2] - 0.2) < 0.03


def test_no_composer_and_no_group_lies_in_two_composer_splits() -> None:
    for keyed in (lambda w: w.composer or w.collection, lambda w: w.group):
        parts: dict[str, set[str]] = defaultdict(set)
        for work in read_works():
            if work.composer_split:
                parts[keyed(work)].add(work.composer_split)
        assert all(len(found) == 1 for found in parts.values())
