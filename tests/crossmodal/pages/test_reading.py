"""A score file becomes upright pages with systems."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crossmodal.base.errors import InputError
from crossmodal.pages.reading import read_score_pages
from tests.crossmodal.pages import drawing


def test_pages_are_upright_and_numbered(tmp_path: Path) -> None:
    music = drawing.engraved(2)
    pages = [Image.fromarray(p) for p in (music, music[::-1, ::-1], drawing.blank())]
    pages[0].save(tmp_path / "score.tif", save_all=True, append_images=pages[1:])
    found = read_score_pages(tmp_path / "score.tif")
    assert [p.number for p in found] == [0, 1, 2]
    assert [p.turned for p in found] == [0, 180, 0]
    np.testing.assert_array_equal(found[0].image, found[1].image)
    assert len(found[0].systems) == len(found[1].systems) >= 2
    assert found[2].systems == ()
    assert [s.page for s in found[1].systems] == [1] * len(found[1].systems)


@pytest.mark.parametrize("make", [drawing.blank, drawing.text_page])
def test_a_file_without_music_is_refused(tmp_path: Path, make: object) -> None:
    assert callable(make)
    Image.fromarray(make()).save(tmp_path / "letter.png")
    with pytest.raises(InputError, match="expected a page of music, got a page on which no staff lines were found"):
        read_score_pages(tmp_path / "letter.png")


@pytest.mark.real_data
def test_real_scans_have_the_systems_that_people_marked() -> None:
    from scripts.evaluate_pages import Counts, evaluate

    folder = Path(os.environ.get("CROSSMODAL_DATA", "absent")) / "sheet_midi_sync"
    if not folder.is_dir():
        pytest.skip("CROSSMODAL_DATA has no sheet_midi_sync")
    total = sum(evaluate(folder).values(), Counts())
    assert total.precision >= 0.98
    assert total.recall >= 0.98
