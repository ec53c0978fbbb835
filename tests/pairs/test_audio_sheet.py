"""Moments of recordings and their places on the page: who belongs to whom, and that both lie where they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from crossmodal.base.errors import InputError
from crossmodal.pages.layout import BAND, SPACE
from pairs.audio_sheet import KEYS, LOWEST, AudioSheetPairs
from pairs.sheet_music import SheetMusic, read_sheet
from pairs.source import AudioPlaces, Example, Item, SheetPlaces

from .small_scores import write_piece


@pytest.fixture(scope="module")
def items(tmp_path_factory: pytest.TempPathFactory) -> list[Item]:
    folder = tmp_path_factory.mktemp("pieces")
    return [write_piece(folder, "one"), write_piece(folder, "other", measures=12)]


def drawn(pairs: AudioSheetPairs, seed: int = 0, index: int = 0) -> Example:
    return pairs.draw(index, np.random.default_rng(seed))


def sheet_slot(example: Example, slot: str = "sheet") -> SheetPlaces:
    found = example.inputs[slot]
    assert isinstance(found, SheetPlaces)
    return found


def audio_slot(example: Example, slot: str = "audio") -> AudioPlaces:
    found = example.inputs[slot]
    assert isinstance(found, AudioPlaces)
    return found


def moments(sheet: SheetMusic) -> list[np.ndarray]:
    """Rows of the notes that begin together."""
    return [np.flatnonzero(sheet.quarters == quarter) for quarter in np.unique(sheet.quarters)]


def chosen(example: Example) -> np.ndarray:
    """Which moments of the piece were drawn."""
    assert isinstance(example.group, np.ndarray)
    return example.group - example.item * 1_000_000


@pytest.mark.parametrize("seed", range(5))
def test_groups_name_moments_and_labels_their_keys(items: list[Item], seed: int) -> None:
    pairs = AudioSheetPairs(items, anchors=5, neighbours=2)
    example = drawn(pairs, seed, index=seed % 2)
    sheet = read_sheet(items[seed % 2].files["sheet"])
    together = moments(sheet)
    labels = np.asarray(example.inputs["label"]).reshape(5, 5, KEYS)
    assert example.item == seed % 2 and len(chosen(example)) == 5
    for row, moment in enumerate(chosen(example)):
        for place in range(-2, 3):
            inside = 0 <= moment + place < len(together)
            expected = set(sheet.pitch[together[moment + place]]) if inside else set()
            assert set(LOWEST + np.flatnonzero(labels[row, place + 2])) == expected
    names = pairs.classes()
    assert len(names) == 5 * KEYS == labels[0].size and names[2 * KEYS + 60 - LOWEST] == "+0:60"
    assert names[0] == f"-2:{LOWEST}" and names[-1] == f"+2:{LOWEST + KEYS - 1}"


@pytest.mark.parametrize("seed", range(5))
def test_both_sides_lie_where_the_notes_do(items: list[Item], seed: int) -> None:
    example = drawn(AudioSheetPairs(items, anchors=6, weather=0.0), seed)
    sheet, strip, audio = read_sheet(items[0].files["sheet"]), sheet_slot(example), audio_slot(example)
    together = moments(sheet)
    assert audio.item == 0 and audio.length == 14.0
    assert (audio.anchors >= audio.start).all() and (audio.anchors <= audio.start + audio.length).all()
    heights = {67: -2, 69: -1, 72: 1, 74: 2, 76: 3, 77: 4, 79: 5}  # steps above the middle line, B4
    for column, second, moment in zip(strip.anchors, audio.anchors, chosen(example), strict=True):
        rows = together[moment]
        assert second == pytest.approx(sheet.seconds[rows[0]])
        assert 0 <= column < strip.strip.width
        top = rows[sheet.staff[rows] == 0][0]
        row = round(BAND / 2 - heights[int(sheet.pitch[top])] * SPACE / 2)
        head = strip.strip.bands[0, row - 1 : row + 2, round(column) - 1 : round(column) + 2]
        assert head.mean() < 120, "the head of the highest note is ink"


def test_damaged_print_takes_the_places_along(items: list[Item]) -> None:
    """Where notes stand there is more ink than half-way to the next, however the paper was stretched."""
    damaged = 0
    for seed in range(6):
        strip = sheet_slot(drawn(AudioSheetPairs(items, anchors=8, weather=0.8), seed))
        clean = sheet_slot(drawn(AudioSheetPairs(items, anchors=8, weather=0.0), seed))
        ink = 255.0 - strip.strip.bands[0].mean(axis=0)
        columns = np.unique(strip.anchors.round().astype(int))
        columns = columns[(columns > 3) & (columns < len(ink) - 12)]
        at, beside = (np.mean([ink[c + shift - 2 : c + shift + 3].mean() for c in columns]) for shift in (0, 8))
        assert at > beside
        damaged += not np.array_equal(strip.strip.bands, clean.strip.bands)
    assert damaged >= 3, "some prints stay clean"


@pytest.mark.parametrize("seed", range(6))
def test_a_stretch_lies_in_one_system_and_its_moments_apart(items: list[Item], seed: int) -> None:
    pairs = AudioSheetPairs(items, anchors=4, columns=150, seconds=8.0, spacing=15.0, weather=0.0)
    example = drawn(pairs, seed)
    strip = sheet_slot(example)
    assert strip.strip.width <= 150 and strip.strip.bands.shape[:2] == (2, BAND)
    different = np.unique(strip.anchors)
    assert len(different) == len(np.unique(chosen(example)))
    assert len(different) < 2 or np.diff(different).min() >= 15
    assert np.ptp(audio_slot(example).anchors) <= 7.0
    sheet = read_sheet(items[0].files["sheet"])
    columns = np.array([np.median(sheet.column[rows]) for rows in moments(sheet)])[chosen(example)]
    assert len(set(np.searchsorted(sheet.ends, columns, side="right"))) == 1


def test_too_few_moments_are_drawn_again(items: list[Item]) -> None:
    example = drawn(AudioSheetPairs(items, anchors=40, columns=100, weather=0.0))
    assert len(chosen(example)) == len(sheet_slot(example).anchors) == len(audio_slot(example).anchors) == 40
    assert len(np.unique(chosen(example))) < 10


def test_the_generator_decides(items: list[Item]) -> None:
    pairs = AudioSheetPairs(items)
    first, again, other = drawn(pairs, 7), drawn(AudioSheetPairs(items), 7), drawn(pairs, 8)
    np.testing.assert_array_equal(sheet_slot(first).strip.bands, sheet_slot(again).strip.bands)
    np.testing.assert_array_equal(sheet_slot(first).anchors, sheet_slot(again).anchors)
    assert audio_slot(first).start == audio_slot(again).start != audio_slot(other).start
    np.testing.assert_array_equal(chosen(first), chosen(again))


def test_views_are_the_same_moments_damaged_otherwise(items: list[Item]) -> None:
    example = drawn(AudioSheetPairs(items, anchors=5, views=2))
    assert list(example.inputs) == ["sheet", "audio", "sheet@2", "audio@2", "label"]
    assert list(drawn(AudioSheetPairs(items)).inputs) == ["sheet", "audio", "label"]
    np.testing.assert_array_equal(audio_slot(example).anchors, audio_slot(example, "audio@2").anchors)
    assert audio_slot(example).start != audio_slot(example, "audio@2").start
    first, second = sheet_slot(example).strip, sheet_slot(example, "sheet@2").strip
    assert not np.array_equal(first.bands, second.bands) and not np.array_equal(first.whole, second.whole)


def test_items_without_both_files_are_left_out(items: list[Item], tmp_path: Path) -> None:
    lone = Item(id="lone", files={"audio": tmp_path / "x.wav"})
    assert [item.id for item in AudioSheetPairs([lone, *items]).items] == ["one", "other"]
    assert len(AudioSheetPairs([])) == 0
    with pytest.raises(InputError, match='"audio" and "sheet"'):
        AudioSheetPairs([lone])
