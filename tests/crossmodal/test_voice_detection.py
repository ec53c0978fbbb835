"""Judging voice detection: on stems whose voices are told apart from accompaniments easily, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from crossmodal.base.errors import InputError
from crossmodal.fluctuation import FEATURES
from crossmodal.voice_detection import (
    HISS,
    KINDS,
    SUNG,
    WITHOUT,
    Describe,
    Windows,
    between_phrases,
    by_fluctuation,
    by_mfcc,
    described,
    described_items,
    halves,
    judged,
    learned,
)  # fmt: skip
from pairs.source import Item

RATE = 16_000


@pytest.fixture(scope="module")
def stems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four singers in the layout of MIR-1K: harmonic voices with a pause over dull noise."""
    folder = tmp_path_factory.mktemp("mir1k")
    time = np.arange(5 * RATE) / RATE
    for number, singer in enumerate("abcd"):
        generator = np.random.default_rng(number)
        phase = 2 * np.pi * np.cumsum((150 + 40 * number) * (1 + 0.03 * np.sin(2 * np.pi * 5.5 * time))) / RATE
        voice = 0.1 * sum(np.sin(phase * h) / h for h in range(1, 12)) * (time < 4)
        voice = voice + 1e-4 * generator.standard_normal(len(time))
        ground = 0.1 * np.convolve(generator.standard_normal(len(time)), np.ones(12) / 4, mode="same")
        for kind, samples in (("vocals", voice), ("accompaniment", ground)):
            (folder / kind).mkdir(exist_ok=True)
            soundfile.write(folder / kind / f"{singer}_1_01.wav", samples, RATE)
    return folder


@pytest.mark.parametrize(("describer", "width"), [(by_mfcc, 60), (by_fluctuation, len(FEATURES))])
def test_voices_are_found_by_a_detector_of_other_singers(
    stems: Path, describer: Callable[[], tuple[Describe, int]], width: int
) -> None:
    describe, rate = describer()
    windows = described(stems, describe, rate=rate, quiet=True)
    assert windows.features.shape == (4 * 3 * 2, width) and sorted(set(windows.kind)) == sorted(KINDS)
    first, second = halves(windows)
    assert len(first) == len(second) == 2 and not set(first) & set(second)
    rows = judged(windows.of_singers(second), learned(windows.of_singers(first)), "x")
    assert [row.n for row in rows] == [8, 4, 8, 4] and all(row.value == 1.0 and row.chance == 0.5 for row in rows)


def test_items_of_a_catalogue_teach_too(stems: Path) -> None:
    items = [
        Item(p.stem, {"mix": p, "backing": stems / "accompaniment" / p.name}, fields={"singer": p.stem[0]})
        for p in sorted((stems / "vocals").glob("*.wav"))
    ]
    describe, rate = by_fluctuation()
    windows = described_items([*items, Item("bare", {"mix": items[0].files["mix"]})], describe, rate=rate, quiet=True)
    assert list(windows.kind) == [SUNG, WITHOUT] * 4 and list(windows.singer) == [c for c in "abcd" for _ in range(2)]
    detector = learned(windows)
    assert detector.examples == len(windows.features)  # as many of each answer
    real = described(stems, describe, rate=rate, quiet=True)
    assert all(row.value > 0.9 for row in judged(real, detector, "x"))
    with pytest.raises(InputError, match="mix and backing"):
        described_items([Item("bare", {"mix": items[0].files["mix"]})], describe, rate=rate)


def test_areas_are_those_of_a_naive_count() -> None:
    generator = np.random.default_rng(0)
    kind = np.array(list(KINDS) * 20)
    clip = np.repeat(np.arange(60), 2)
    features = generator.standard_normal((120, 3)) + 0.5 * (kind == SUNG)[clip, None]
    windows = Windows(features, clip, kind, np.array([f"s{n // 6}" for n in range(60)]))
    detector = learned(windows)
    assert detector.examples == 120 + 40  # mixes twice
    scores = features @ np.array(detector.weights) + detector.bias
    means = scores.reshape(60, 2).mean(axis=1)
    for row, values, kinds in zip(
        judged(windows, detector, "x"),
        (scores, means, scores, means),
        (kind[clip], kind, kind[clip], kind),
        strict=True,
    ):
        against = HISS if HISS in row.metric else WITHOUT
        pairs = [(a > b) + 0.5 * (a == b) for a in values[kinds == SUNG] for b in values[kinds == against]]
        assert row.value == pytest.approx(np.mean(pairs)) and row.low is not None and row.low <= row.value


def test_between_phrases_is_what_the_microphone_hears() -> None:
    generator = np.random.default_rng(0)
    time = np.arange(4 * RATE) / RATE
    voice = (np.sin(2 * np.pi * 300 * time) * (time < 2) + 0.001 * generator.standard_normal(len(time))).astype(
        np.float32
    )
    noise = between_phrases(voice, RATE)
    assert noise.shape == voice.shape and 1e-4 < noise.std() < 1.1e-3
    assert not between_phrases(np.sin(300 * time).astype(np.float32), RATE).any()  # it never rests
    assert not between_phrases(np.zeros(10, np.float32), RATE).any()


def test_singers_that_cannot_be_parted_are_told(stems: Path) -> None:
    windows = Windows(np.zeros((2, 1)), np.arange(2), np.array([SUNG, WITHOUT]), np.array(["a", "a"]))
    with pytest.raises(InputError, match="at least 2 singers"):
        halves(windows)
    kept = Windows(np.arange(3.0)[:, None], np.arange(3), np.array(KINDS), np.array(["a", "b", "a"])).of_singers(["a"])
    assert (
        kept.features.ravel().tolist() == [0.0, 2.0]
        and kept.clip.tolist() == [0, 1]
        and kept.kind.tolist() == [SUNG, HISS]
    )
