"""The contract of every pair source in PAIRS, and what each promises besides."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from crossmodal.base.errors import InputError, RecipeError
from crossmodal.base.names import resolve
from pairs import PAIRS
from pairs.source import Caption, Item, PairSource

TAGS = ("slow", "choir", "violin", "jig", "loud")


NEEDED: dict[str, dict[str, object]] = {"episodes": {"by": "work"}, "relatives": {"by": ["work", "tag"]}}


def collection(count: int = 12) -> list[Item]:
    return [
        Item(
            f"item-{n}", {"audio": Path(f"{n}.wav"), "image": Path(f"{n}.jpg")},
            frozenset(tag for place, tag in enumerate(TAGS) if (n + place) % 3),
            (Caption("A slow piece", frozenset({"slow"})),) if n % 3 else (Caption("Of unknown facts"),), f"work-{n // 2}",
            fields={"playlists": "one; two", "ranked": ";".join(f"item-{(n + step) % count}" for step in range(1, 6))},
        )
        for n in range(count)
    ]  # fmt: skip


def build(name: str, items: list[Item], **arguments: object) -> PairSource:
    return resolve(PAIRS, name, "a pair source")(items, **{**NEEDED.get(name, {}), **arguments})


# those with files of their own kinds have tests of their own: tests/pairs/test_audio_sheet.py, test_midi_audio.py, test_vocal_mix.py
@pytest.mark.parametrize(
    "name", [name for name in PAIRS if name not in ("audio-sheet", "midi-audio", "vocal-mix", "singers")]
)
def test_contract(name: str) -> None:
    items = collection()
    source = build(name, items)
    assert 0 < len(source) <= len(items)
    for index in range(len(source)):
        for seed in range(8):
            example = source.draw(index, np.random.default_rng(seed))
            assert example == source.draw(index, np.random.default_rng(seed))  # no hidden randomness
            assert example.item == index and example.inputs["audio"] == index
            assert all(value < len(source) for value in example.inputs.values() if isinstance(value, int))
            if example.facts:
                assert example.facts <= source.items[index].tags
    assert len(build(name, [])) == 0


def test_unknown_names_are_answered_with_the_nearest() -> None:
    with pytest.raises(RecipeError, match='"texts"'):
        resolve(PAIRS, "textt", "a pair source")


@pytest.mark.parametrize("name", ["tags", "texts"])
def test_unseen_words_are_never_drawn(name: str) -> None:
    source = build(name, collection(), unseen=["slow"])
    for index in range(len(source)):
        for seed in range(30):
            assert "slow" not in str(source.draw(index, np.random.default_rng(seed)).inputs["text"])


def test_texts_come_in_the_shares_asked_for() -> None:
    source = build("texts", collection(), tag=1.0, tags=0.0, caption=0.0)
    assert all(source.draw(1, np.random.default_rng(seed)).inputs["text"] in TAGS for seed in range(20))
    source = build("texts", collection(), tag=0.0, tags=0.0, caption=1.0)
    assert source.draw(1, np.random.default_rng(0)).inputs["text"] == "A slow piece"
    with pytest.raises(InputError, match="shares"):
        build("texts", collection(), tag=-1.0)


@pytest.mark.parametrize("name", ["tags", "texts"])
def test_items_without_words_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="fill the column"):
        build(name, [Item("a", {"audio": Path("a.wav")})])


def test_labels_are_the_tags() -> None:
    source = build("labels", collection(), labels=list(TAGS))
    for index in range(len(source)):
        example = source.draw(index, np.random.default_rng(0))
        assert [tag for tag, on in zip(TAGS, example.inputs["label"], strict=True) if on] == [  # type: ignore[call-overload]
            tag for tag in TAGS if tag in source.items[index].tags
        ]


def test_views_may_be_other_recordings_of_the_work() -> None:
    alone = build("views", collection())
    both = build("views", collection(), renditions=1.0)
    assert all(alone.draw(3, np.random.default_rng(seed)).inputs["audio@2"] == 3 for seed in range(10))
    assert {both.draw(3, np.random.default_rng(seed)).inputs["audio@2"] for seed in range(20)} == {2, 3}
    assert both.draw(3, np.random.default_rng(0)).group == both.draw(2, np.random.default_rng(0)).group
    assert build("views", collection(), of="image").draw(3, np.random.default_rng(0)).inputs == {
        "image": 3,
        "image@2": 3,
    }
