"""Invented music: playable, deterministic, on the grid, and set by the engraver's writer."""

from __future__ import annotations

import numpy as np
import pytest

from pairs import invention_figures, invention_textures
from pairs.invention import invent
from pairs.invention_figures import Bar, Figure
from pairs.notation import write_mei

FIGURES = [*invention_figures.RIGHT, *invention_figures.LEFT, *invention_textures.RIGHT, *invention_textures.LEFT]
CONTOUR = (0, 1, -1, 2, -2, 1, 3, -1) * 8


@pytest.mark.parametrize("beat", [24, 36])
@pytest.mark.parametrize("beats", [1, 2, 4])
@pytest.mark.parametrize("figure", [figure for figure, _ in FIGURES])
def test_a_figure_stays_within_its_bar(figure: Figure, beats: int, beat: int) -> None:
    rhythm = ((0, beat), *((beat * k, beat) for k in range(1, beats)))
    bar = Bar(beats * beat, beat, (0, 4, 7), (0, 2, 4, 5, 7, 9, 11), 60, rhythm, CONTOUR)
    for seed in range(8):
        for onset, duration, pitch in figure(bar, np.random.default_rng(seed)):
            assert 0 <= onset < bar.length and 0 < duration <= bar.length - onset
            assert 0 <= pitch <= 127


@pytest.mark.parametrize("seed", range(6))
def test_a_piece_can_be_written(seed: int) -> None:
    song = invent(np.random.default_rng(seed))
    assert {note.staff for note in song.notes} == {0, 1}
    assert all(21 <= note.pitch <= 108 for note in song.notes)
    last = max(note.onset for note in song.notes)
    assert last % (96 * song.meter[0] // song.meter[1]) == 0  # the final chord begins the last bar
    text = write_mei(song.notes, meter=song.meter, key=song.key, decoration=np.random.default_rng(seed))
    assert text.count("<measure") >= 16


def test_a_seed_makes_one_piece() -> None:
    first, again, other = (invent(np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert first == again and first.notes != other.notes
