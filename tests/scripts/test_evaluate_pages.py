"""The comparison of marked strips with found systems."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from crossmodal.base.errors import InputError
from crossmodal.pages.layout import Page, Staff, System
from scripts.evaluate_pages import Counts, compare, evaluate, read_borders


def page(tops: list[list[float]]) -> Page:
    """A page of 72 dpi with ink from its first row to its last; staves 32 pixels high at these tops."""
    image = np.full((800, 100), 255, np.uint8)
    image[[0, 799]] = 0
    x = np.array([0.0, 99.0])
    systems = [tuple(Staff(x, np.full(2, top + 16.0), 8.0) for top in staves) for staves in tops]
    return Page(0, image, tuple(System(0, i, staves) for i, staves in enumerate(systems)))


def test_right_systems_count_whatever_the_marks_unit_and_zero() -> None:
    found = page([[60, 130], [260, 330], [460, 530]])
    for borders in ([20, 210, 410, 610], [40, 230, 430, 630]):
        counts = compare(found, np.array(borders, np.float64), 72.0)
        assert (counts.strips, counts.systems, counts.found) == (3, 3, 3)
        assert (counts.missed, counts.split, counts.merged, counts.outside) == (0, 0, 0, 0)
    counts = compare(found, np.array([20, 210, 410, 610.0]) * 300 / 72, 72.0)
    assert (counts.found, counts.precision, counts.recall) == (3, 1.0, 1.0)


def test_missed_split_merged_and_outside_systems() -> None:
    borders = np.array([20, 210, 410, 610.0])
    assert compare(page([[60, 130], [460, 530]]), borders, 72.0).missed == 1
    split = compare(page([[60], [130], [260, 330], [460, 530]]), borders, 72.0)
    assert (split.split, split.systems) == (1, 4)
    merged = compare(page([[60, 130, 260, 330], [460, 530]]), borders, 72.0)
    assert merged.merged == 1
    assert merged.recall < 1
    assert compare(page([[60, 130], [260, 330], [460, 530], [700, 750]]), borders, 72.0).outside == 1
    empty = compare(page([]), borders, 72.0)
    assert (empty.strips, empty.systems, empty.missed, empty.recall) == (3, 0, 3, 0.0)


def test_counts_add_up() -> None:
    assert Counts(1, 2, 1) + Counts(3, 1, 1, 2) == Counts(4, 3, 2, 2)


def test_missing_and_malformed_marks_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--data"):
        evaluate(tmp_path)
    (tmp_path / "marks.txt").write_text("piece_v1-0 0 abc\n")
    with pytest.raises(InputError, match="borders"):
        read_borders(tmp_path / "marks.txt")
    (tmp_path / "marks.txt").write_text("17\n\npiece_v1-0 0 10 20\n")
    assert list(read_borders(tmp_path / "marks.txt")) == [("piece_v1", 0)]
