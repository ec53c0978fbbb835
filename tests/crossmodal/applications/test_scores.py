"""Scores as one long sequence of columns: places, measures and beats, whatever the score is made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from crossmodal.applications.scores import Score, read_score, score_vectors
from crossmodal.base.errors import InputError
from crossmodal.embedding import JointEmbedding, TowerModule
from crossmodal.space import Space
from encoders.heads import Linear
from encoders.sheets import SheetContext
from pairs.engraving import Engraver, Look
from tests.pairs.small_scores import SCALE, mei

LONG = mei([("c5:4 d5:4 e5:4 f5:4", "c3:2 g3:2")] * 30, first=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("scores")
    (made / "scale.abc").write_text(SCALE, encoding="utf-8")
    (made / "long.mei").write_text(LONG, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def scale(folder: Path) -> Score:
    return read_score(folder / "scale.abc")


@pytest.fixture(scope="module")
def long(folder: Path) -> Score:
    return read_score(folder / "long.mei")


def test_every_note_has_its_measure_and_beat(scale: Score) -> None:
    assert scale.engraving is not None
    notes = scale.engraving.notes
    expected = [("1", 1), ("1", 2), ("1", 3), ("2", 1), ("2", 2), ("2", 3), ("3", 1), ("3", 2), ("3", 3), ("4", 1)]
    for row, (measure, beat) in enumerate(expected):
        place = scale.place(scale.column(notes.page[row], notes.system[row], notes.x[row]))
        assert (place.page, place.system, place.measure) == (1, 1, measure)
        assert place.beat == pytest.approx(beat, abs=0.02)
        assert place.x == pytest.approx(notes.x[row], abs=0.01)


def test_half_way_between_two_beats_is_half_a_beat(scale: Score) -> None:
    assert scale.engraving is not None
    notes = scale.engraving.notes
    place = scale.place(scale.column(0, 0, (notes.x[0] + notes.x[1]) / 2))
    assert place.measure == "1" and place.beat == pytest.approx(1.5, abs=0.02)


def test_columns_and_places_are_inverse(long: Score) -> None:
    assert long.engraving is not None and len(long.strips) > 3
    notes = long.engraving.notes
    assert np.all(np.diff(long.starts) == [strip.width for strip in long.strips])
    before = -1.0
    for row in np.flatnonzero(notes.staff == 0)[::7]:
        column = long.column(notes.page[row], notes.system[row], notes.x[row])
        assert column > before, "reading order is the order of time"
        before = column
        place = long.place(column)
        assert (place.page, place.system) == (notes.page[row] + 1, notes.system[row] + 1)
        assert place.x == pytest.approx(notes.x[row], abs=0.5)
        assert place.measure == str(3 + int(notes.quarters[row]) // 4), "as printed"
        assert place.beat == pytest.approx(1 + notes.quarters[row] % 4, abs=0.05)
        staves = long.pages[place.page - 1].systems[place.system - 1].staves
        assert staves[0].y[0] < place.y < staves[1].y[0]


@pytest.mark.parametrize("column", [-50.0, 0.0, 1e9])
def test_columns_beyond_the_ends_are_the_first_and_last_system(long: Score, column: float) -> None:
    place, last = long.place(column), long.strips[-1].system
    assert (place.page, place.system) == ((1, 1) if column <= 0 else (last.page + 1, last.number + 1))
    assert place.measure == ("3" if column <= 0 else "32")


def test_a_score_of_images_has_places_without_measures(tmp_path: Path) -> None:
    import cv2

    known = Engraver().engrave(LONG, look=Look(space=10.0)).pages[0]
    path = tmp_path / "page.png"
    cv2.imwrite(str(path), known.image)
    found = read_score(path)
    assert found.engraving is None and len(found.strips) == len(known.systems) > 2
    for strip, system in zip(found.strips, known.systems, strict=True):
        left, _, right, _ = system.box
        assert strip.width == pytest.approx((right - left) / 2, abs=8)
    middle = found.place(float(found.starts[1]) + 40)
    assert (middle.page, middle.system, middle.measure, middle.beat) == (1, 2, None, None)
    assert middle.x == pytest.approx(known.systems[1].box[0] + 80, abs=12)
    assert found.column(0, 1, middle.x) == pytest.approx(float(found.starts[1]) + 40, abs=1e-6)


def test_a_score_in_a_space(long: Score) -> None:
    torch.manual_seed(0)
    encoder = SheetContext(channels=(2, 2, 3), width=6, radius=3)
    embedding = JointEmbedding({"sheet": TowerModule(encoder, Linear(encoder.dimension, 5))}).eval()
    found = score_vectors(Space("small", "", "", embedding), long.strips)
    counts = [-(-strip.width // 8) for strip in long.strips]
    assert found.vectors.shape == (sum(counts), 5) and found.vectors.dtype == np.float32 and found.hop == 8
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(found.starts, np.cumsum([0, *counts]))
    for number, start in enumerate(found.starts[:-1]):
        own = found.columns[start : found.starts[number + 1]]
        centres = np.minimum(3.5 + 8 * np.arange(len(own)), long.strips[number].width - 1)
        np.testing.assert_allclose(own, long.starts[number] + centres)


@pytest.mark.parametrize(
    ("name", "part"), [("absent.abc", "nothing there"), ("", "a folder"), ("notes.docx", 'got ".docx"')]
)
def test_what_is_no_score_is_told(folder: Path, name: str, part: str) -> None:
    (folder / "notes.docx").write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match=part) as caught:
        read_score(folder / name)
    assert "\n" not in str(caught.value)
