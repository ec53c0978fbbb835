"""Pairs of voices, and the levels of mixes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from crossmodal.base.errors import InputError, RecipeError
from pairs.source import Item, Overlay
from pairs.vocal_mix import KINDS, NOBODY, SingerPairs, VocalMixPairs
from pairs.vocal_mixing import (
    LOUDEST,
    QUIETEST,
    draw_backing_condition,
    draw_master,
    draw_voice_condition,
    equal_power,
    mix,
    recorded,
)


def items(singers: int = 4, songs: int = 3) -> list[Item]:
    return [
        Item(
            f"{s}-{n}", {"voice": Path(f"v{s}{n}.wav"), "mix": Path(f"m{s}{n}.wav")}, work=f"singer-{s}",
            fields={"singer": f"s{s}", "song": f"s{s}-{n // 2}"},
        )
        for s in range(singers) for n in range(songs)
    ]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_pairs_are_two_songs_of_one_singer(kind: str) -> None:
    source = VocalMixPairs(items(), kind=kind)
    seen = set()
    for index in range(len(source)):
        for seed in range(12):
            example = source.draw(index, np.random.default_rng(seed))
            assert tuple(example.inputs) == KINDS[kind]
            first, second = example.inputs.values()
            assert isinstance(first, int) and isinstance(second, int) and first == index == example.item
            assert source.items[first].fields["singer"] == source.items[second].fields["singer"]
            assert source.items[first].fields["song"] != source.items[second].fields["song"]
            assert example.group == index // 3
            seen.add((first, second))
    assert len(seen) == 4 * 4  # of three rows two are of one song: four ordered pairs of two songs


def test_a_singer_of_one_song_is_paired_with_another_window_of_it() -> None:
    source = VocalMixPairs(items(2, 1))
    assert dict(source.draw(1, np.random.default_rng(0)).inputs) == {"voice": 1, "mix": 1}


def test_what_is_no_pair_is_told() -> None:
    with pytest.raises(RecipeError, match="mono, mix, cross"):
        VocalMixPairs([], kind="both")
    with pytest.raises(InputError, match="mix and voice"):
        VocalMixPairs([Item("a", {"voice": Path("a.wav")}, fields={"singer": "s"})])
    assert len(VocalMixPairs([])) == 0
    assert len(VocalMixPairs([Item("a", {"voice": Path("a.wav")}, fields={"artist": "s"})], kind="mono")) == 1


@pytest.mark.parametrize("decibels", [-8.0, 0.0, 7.0])
def test_levels_of_a_mix(decibels: float) -> None:
    generator = np.random.default_rng(0)
    voice, backing = ((scale * generator.standard_normal(20_000)).astype(np.float32) for scale in (0.3, 0.01))
    both, gain = mix(voice, backing[:15_000], decibels=decibels)
    assert len(both) == 15_000 and np.abs(both).max() <= 0.97 + 1e-6
    loud = equal_power(voice[:15_000]) * 10 ** (decibels / 20) * gain
    assert np.allclose(both - loud, equal_power(backing[:15_000]) * gain, atol=1e-5)
    assert gain <= 1


def test_silence_stays_silence_and_recordings_keep_their_length() -> None:
    silence = np.zeros(1000, np.float32)
    assert not equal_power(silence).any() and not mix(silence, silence, decibels=3.0)[0].any()
    generator = np.random.default_rng(1)
    sound = (0.5 * generator.standard_normal(30_000)).astype(np.float32)
    for draw in (draw_voice_condition, draw_backing_condition, draw_master):
        made = recorded(sound, draw(generator), generator)
        assert made.shape == sound.shape and 0 < np.abs(made).max() <= 0.9701


def with_backings() -> list[Item]:
    return [
        Item(item.id, {**item.files, "backing": Path(f"b{n}.wav")} if n % 5 == 0 else item.files, work=item.work, fields=item.fields)
        for n, item in enumerate(items())
    ]  # fmt: skip


def test_overlays_take_the_place_of_some_mixes() -> None:
    source = VocalMixPairs(with_backings(), overlay=0.5)
    drawn = [source.draw(index, np.random.default_rng(seed)) for index in range(len(source)) for seed in range(20)]
    made = [example.inputs["mix"] for example in drawn if isinstance(example.inputs["mix"], Overlay)]
    assert 0.35 < len(made) / len(drawn) < 0.65 and all(isinstance(example.inputs["voice"], int) for example in drawn)
    for example in drawn:
        mixed = example.inputs["mix"]
        if isinstance(mixed, Overlay):
            assert source.items[mixed.voice].fields["singer"] == source.items[example.item].fields["singer"]
            assert "backing" in source.items[mixed.backing].files and QUIETEST <= mixed.decibels <= LOUDEST
    assert all(
        isinstance(VocalMixPairs(items(), overlay=1.0).draw(0, np.random.default_rng(s)).inputs["mix"], int)
        for s in range(9)
    )
    with pytest.raises(RecipeError, match="between 0 and 1"):
        VocalMixPairs([], overlay=1.5)


def test_singers_as_classes() -> None:
    source = SingerPairs(items())
    assert source.classes() == ["s0", "s1", "s2", "s3"]
    for index in range(len(source)):
        label = source.draw(index, np.random.default_rng(index)).inputs["label"]
        assert label == tuple(name == source.items[index].fields["singer"] for name in source.classes())
    known = SingerPairs(items(), labels=["s9", "s2"])
    assert {item.fields["singer"] for item in known.items} == {"s2"} and known.classes() == ["s9", "s2"]
    assert known.draw(0, np.random.default_rng(0)).inputs["label"] == (False, True)
    with pytest.raises(InputError, match="singers that are classes"):
        SingerPairs(items(), labels=["nobody"])
    assert len(SingerPairs([])) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_is_a_class_of_accompaniments_alone(kind: str) -> None:
    source = SingerPairs(with_backings(), kind=kind, nobody=0.3)
    assert source.classes() == ["s0", "s1", "s2", "s3", NOBODY]
    drawn = [
        source.draw(index, np.random.default_rng([index, seed])) for index in range(len(source)) for seed in range(20)
    ]
    silent = [example for example in drawn if example.inputs["label"] == (False, False, False, False, True)]
    assert 0.2 < len(silent) / len(drawn) < 0.4
    for example in silent:
        assert example.group == 4 and tuple(example.inputs) == (*KINDS[kind], "label")
        overlays = [value for value in example.inputs.values() if isinstance(value, Overlay)]
        assert len(overlays) == 2
        assert all(one.decibels == -np.inf and "backing" in source.items[one.backing].files for one in overlays)
    assert SingerPairs(items(), kind=kind, nobody=0.3).classes() == [
        "s0",
        "s1",
        "s2",
        "s3",
    ]  # no accompaniment is at hand
    with pytest.raises(RecipeError, match="nobody"):
        SingerPairs([], nobody=1.0)
