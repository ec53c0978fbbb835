"""Straightened systems as files: what is written is what is read, and notes stand where the ink is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from crossmodal.pages.layout import BAND, SPACE, WHOLE
from pairs.engraving import Engraver, Engraving, Look
from pairs.sheet_music import STAVES, SheetMusic, read_sheet, sheet_of, write_sheet

from .small_scores import TWO_STAVES, mei

MANY = mei([("c5:4 d5:4 e5:4 f5:4", "c3:2 g3:2")] * 24)


@pytest.fixture(scope="module")
def engraver() -> Engraver:
    return Engraver()


@pytest.fixture(scope="module")
def engraving(engraver: Engraver) -> Engraving:
    return engraver.engrave(MANY, look=Look(width=60, height=70))


@pytest.fixture(scope="module")
def sheet(engraving: Engraving) -> SheetMusic:
    return sheet_of(engraving)


def test_systems_lie_side_by_side_in_reading_order(engraving: Engraving, sheet: SheetMusic) -> None:
    systems = [system for page in engraving.pages for system in page.systems]
    assert len(sheet.ends) == len(systems) > 4 and len(engraving.pages) > 1
    assert sheet.bands.shape == (sheet.ends[-1], STAVES, BAND) and sheet.whole.shape == (sheet.ends[-1], WHOLE)
    widths = np.diff(sheet.ends, prepend=0)
    for width, system in zip(widths, systems, strict=True):
        left, _, right, _ = system.box
        assert width == pytest.approx((right - left) * SPACE / system.space, abs=1)
    assert np.all(np.diff(sheet.column[np.argsort(sheet.quarters, kind="stable")]) > -3), "time goes to the right"
    order = np.searchsorted(sheet.ends, sheet.column, side="right")
    counts = np.cumsum([0, *(len(page.systems) for page in engraving.pages)])
    np.testing.assert_array_equal(order, counts[engraving.notes.page] + engraving.notes.system)


def test_notes_keep_what_is_known_of_them(engraving: Engraving, sheet: SheetMusic) -> None:
    for name in ("quarters", "seconds", "duration", "pitch", "staff"):
        np.testing.assert_array_equal(getattr(sheet, name), getattr(engraving.notes, name))


def test_heads_are_ink_in_the_band_of_their_staff_at_the_height_of_their_pitch(sheet: SheetMusic) -> None:
    steps = {72: 1, 74: 2, 76: 3, 77: 4}  # above the middle line of the treble staff, B4
    black = np.flatnonzero((sheet.staff == 0) & (sheet.duration == 1))
    assert len(black) == 96
    for row in black:
        column = round(sheet.column[row])
        place = BAND / 2 - steps[int(sheet.pitch[row])] * SPACE / 2
        head = sheet.bands[column - 1 : column + 2, 0, round(place) - 1 : round(place) + 2]
        assert head.mean() < 110


def test_a_lone_staff_has_blank_paper_below_it(engraver: Engraver) -> None:
    found = sheet_of(engraver.engrave(mei([("c5:4 d5:4 e5:4 f5:4",)], clefs=("G",))))
    assert found.bands[:, 0].min() < 50 and (found.bands[:, 1] == 255).all()


def test_of_more_staves_the_outer_ones_are_kept(engraver: Engraver) -> None:
    found = sheet_of(engraver.engrave(mei([("c5:1", "g4:4 a4:4 b4:4 g4:4", "c3:1")], clefs=("G", "G", "F"))))
    assert found.bands.shape[1] == STAVES
    lower = sheet_of(engraver.engrave(mei([("c5:1", "c3:1")])))
    clef = slice(5, 18)
    blank = (found.bands[clef, 1] < 128).sum()
    assert blank == pytest.approx((lower.bands[clef, 1] < 128).sum(), rel=0.2), "the bass clef stands in the last band"


def test_what_is_written_is_what_is_read(sheet: SheetMusic, tmp_path: Path) -> None:
    path = tmp_path / "a piece.sheet.npy"
    write_sheet(path, sheet)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a piece.sheet.npy", "a piece.sheet.npz"]
    found = read_sheet(path)
    for name in ("bands", "whole", "ends", "column", "quarters", "seconds", "duration", "pitch", "staff"):
        np.testing.assert_array_equal(getattr(found, name), getattr(sheet, name))
    assert isinstance(found.bands.base, np.memmap) or isinstance(found.bands, np.memmap), "images stay on disk"


def test_a_crop_is_a_strip(sheet: SheetMusic) -> None:
    strip = sheet.crop(20, 70)
    assert strip.bands.shape == (STAVES, BAND, 50) and strip.whole.shape == (WHOLE, 50) and strip.width == 50
    np.testing.assert_array_equal(strip.bands[1, :, 7], sheet.bands[27, 1])
    np.testing.assert_array_equal(strip.whole[:, 7], sheet.whole[27])
    assert strip.bands.flags.c_contiguous and strip.bands.flags.writeable


def test_two_staves_are_both_there(engraver: Engraver) -> None:
    found = sheet_of(engraver.engrave(TWO_STAVES))
    assert found.bands[:, 0].min() < 50 and found.bands[:, 1].min() < 50
    assert set(found.staff) == {0, 1}
