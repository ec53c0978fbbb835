"""Engraved pages: noteheads lie on the ink, at the staff line of their pitch, at the time they sound."""

from __future__ import annotations

import numpy as np
import pytest

from crossmodal.base.errors import InputError
from pairs.engraving import FONTS, Engraver, Engraving, Look, draw_look

from .small_scores import MEI, SCALE, STEPS, TWO_STAVES, music_xml


@pytest.fixture(scope="module")
def engraver() -> Engraver:
    return Engraver()


@pytest.fixture(scope="module")
def scale(engraver: Engraver) -> Engraving:
    return engraver.engrave(SCALE)


@pytest.fixture(scope="module")
def hands(engraver: Engraver) -> Engraving:
    return engraver.engrave(TWO_STAVES)


def staff_of(engraving: Engraving, row: int) -> tuple[float, float]:
    """Middle line and space of the staff that a note stands on."""
    notes = engraving.notes
    staff = engraving.pages[notes.page[row]].systems[notes.system[row]].staves[notes.staff[row]]
    return float(np.interp(notes.x[row], staff.x, staff.y)), staff.space


def test_pages_are_grey_paper_with_ink(scale: Engraving) -> None:
    for page in scale.pages:
        assert page.image.dtype == np.uint8 and page.image.ndim == 2
        assert page.image.max() == 255 and page.image.min() < 30
        assert (page.image > 200).mean() > 0.8


def test_staff_lines_lie_where_the_system_says(hands: Engraving) -> None:
    for page in hands.pages:
        for system in page.systems:
            for staff in system.staves:
                columns = np.linspace(staff.x[0] + 5, staff.x[-1] - 5, 40).astype(int)
                for line in range(-2, 3):
                    y = int(staff.y[0] + line * staff.space)
                    strip = page.image[y - 1 : y + 2, columns].min(axis=0)
                    assert (strip < 200).mean() > 0.95, "a line of ink"


def test_noteheads_lie_on_ink_between_the_lines(scale: Engraving) -> None:
    for row in range(len(scale.notes)):
        x, y = scale.notes.x[row], scale.notes.y[row]
        image = scale.pages[scale.notes.page[row]].image
        head = image[round(y) - 1 : round(y) + 2, round(x) - 2 : round(x) + 3]
        if scale.notes.duration[row] < 2:  # black heads; white ones are hollow
            assert head.mean() < 100
        else:
            assert image[round(y) - 4 : round(y) + 5, round(x) - 5 : round(x) + 6].min() < 100


def test_height_is_the_pitch_on_the_staff(scale: Engraving) -> None:
    names = "CDEFGAB" + "CDE"
    for row, name in enumerate(names):
        step = STEPS.index(name) + 7 * (row >= 7) - STEPS.index("B")  # from the middle line of the treble clef, B4
        middle, space = staff_of(scale, row)
        assert scale.notes.y[row] == pytest.approx(middle - step * space / 2, abs=0.1)
    assert scale.notes.pitch.tolist() == [60, 62, 64, 65, 67, 69, 71, 72, 74, 76]


def test_times_and_repeats(engraver: Engraver, scale: Engraving) -> None:
    assert scale.notes.quarters.tolist() == [0, 1, 2, 3, 4, 5, 12, 13, 14, 15], "of the first time that it sounds"
    np.testing.assert_allclose(scale.notes.seconds, scale.notes.quarters / 2, atol=1e-3)
    assert scale.notes.duration.tolist() == [1] * 9 + [3]
    assert scale.passes == [(0, 0), (1, 3), (0, 6), (1, 9), (2, 12), (3, 15)]
    once = engraver.engrave(SCALE, repeats=False)
    assert once.notes.quarters.tolist() == list(range(10))
    assert once.passes == [(0, 0), (1, 3), (2, 6), (3, 9)]


def test_measures_hold_their_notes(scale: Engraving) -> None:
    assert [m.name for m in scale.measures] == ["1", "2", "3", "4"]
    assert [m.quarters for m in scale.measures] == [0, 3, 12, 15]
    assert all(m.beat == 1 for m in scale.measures)
    assert scale.notes.measure.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]
    for x, row in zip(scale.notes.x, scale.notes.measure, strict=True):
        assert scale.measures[row].left < x < scale.measures[row].right
    for before, after in zip(scale.measures, scale.measures[1:], strict=False):
        assert before.right == pytest.approx(after.left, abs=1)


def test_beats_are_of_the_metre(engraver: Engraver) -> None:
    assert [m.beat for m in engraver.engrave("X:1\nM:6/8\nL:1/8\nK:C\nCDE FGA | BAG FED |]\n").measures] == [0.5, 0.5]
    changed = engraver.engrave("X:1\nM:2/2\nL:1/4\nK:C\nCDEF |\nM:3/8\nL:1/8\nGAB |]\n").measures
    assert [m.beat for m in changed] == [2.0, 0.5]


def test_printed_names_of_measures_are_kept(engraver: Engraver) -> None:
    found = engraver.engrave(MEI)
    assert [m.name for m in found.measures] == ["7", "8"]
    assert found.notes.pitch.tolist() == [72, 76, 79] and found.notes.quarters.tolist() == [0, 1, 2]


def test_two_staves_and_chords(hands: Engraving) -> None:
    notes = hands.notes
    assert all(len(system.staves) == 2 for page in hands.pages for system in page.systems)
    assert np.all(np.diff(notes.quarters) >= 0), "in the order of time"
    upper, lower = notes.select(notes.staff == 0), notes.select(notes.staff == 1)
    assert upper.pitch.tolist() == [71, 72, 74, 76, 74, 67, 71, 74]
    assert lower.pitch.tolist() == [55, 57, 43, 50] and lower.quarters.tolist() == [0, 2, 4, 8]
    chord = notes.select((notes.quarters == 6) & (notes.staff == 0))
    assert len(chord) == 3 and np.ptp(chord.x) < 0.1
    first = notes.select(notes.quarters == 0)
    assert np.ptp(first.x) < 1, "what sounds together stands one above the other"
    middle = {s: hands.pages[0].systems[0].staves[s].y[0] for s in (0, 1)}
    assert abs(upper.y - middle[0]).max() < abs(upper.y - middle[1]).min()


def test_music_xml_and_accidentals(engraver: Engraver) -> None:
    found = engraver.engrave(music_xml(["G4 G#4 Ab4 B4", "C5 D5 E5 F5"]))
    assert found.notes.pitch.tolist() == [67, 68, 68, 71, 72, 74, 76, 77]
    assert found.notes.y[0] == pytest.approx(found.notes.y[1]) and found.notes.y[2] < found.notes.y[1]
    bass = engraver.engrave(music_xml(["D3 E3 F3 G3"], clef=("F", 4)))
    middle, space = staff_of(bass, 0)
    assert bass.notes.y[0] == pytest.approx(middle, abs=0.1), "D3 is the middle line of the bass clef"
    assert bass.notes.y[3] == pytest.approx(middle - 1.5 * space, abs=0.1)


@pytest.mark.parametrize("font", FONTS)
def test_all_fonts_and_sizes_put_heads_on_ink(engraver: Engraver, font: str) -> None:
    look = Look(font=font, space=9.0 if font == "Bravura" else 5.5, width=90, height=130)
    found = engraver.engrave(SCALE, look=look)
    assert found.pages[0].systems[0].space == pytest.approx(look.space, abs=0.01)
    assert found.pages[0].image.shape == pytest.approx((look.height * look.space, look.width * look.space), abs=2)
    for row in np.flatnonzero(found.notes.duration < 2):
        x, y = round(found.notes.x[row]), round(found.notes.y[row])
        assert found.pages[0].image[y - 1 : y + 2, x - 1 : x + 2].mean() < 120


def test_looks_are_drawn_by_the_generator() -> None:
    first, again = (draw_look(np.random.default_rng(3)) for _ in range(2))
    assert first == again != draw_look(np.random.default_rng(4))


def test_long_scores_have_many_pages_and_some_can_be_left_out(engraver: Engraver) -> None:
    text = "X:1\nM:4/4\nL:1/8\nK:D\n" + "DEFG ABcd | dcBA GFED |\n" * 60
    whole = engraver.engrave(text, look=Look(height=90))
    assert len(whole.pages) > 2 and len(whole.notes) == 960
    assert [p.number for p in whole.pages] == list(range(len(whole.pages)))
    for page in whole.pages:
        assert [(s.page, s.number) for s in page.systems] == [(page.number, n) for n in range(len(page.systems))]
    order = whole.notes.page * 1000 + whole.notes.system
    assert np.all(np.diff(order) >= 0), "pages and systems in the order of time"
    part = engraver.engrave(text, look=Look(height=90), pages=2)
    assert len(part.pages) == 2 and set(part.notes.page) == {0, 1}
    assert len(part.notes) == int((whole.notes.page < 2).sum())


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "cannot read"),
        ("no music at all", "cannot read"),
        ("<?xml version='1.0'?><score-partwise/>", "expected a score"),
        ("X:1\nM:4/4\nL:1/4\nK:C\nz4 | z4 |]\n", "without"),
        (music_xml(["E4 E4 E4 E4"], percussion=True), "percussion alone"),
    ],
)
def test_what_cannot_be_engraved_is_told_in_one_line(engraver: Engraver, text: str, part: str) -> None:
    with pytest.raises(InputError, match=part) as caught:
        engraver.engrave(text)
    assert "\n" not in str(caught.value)
    assert len(engraver.engrave(SCALE).notes) == 10, "the same engraver goes on"
