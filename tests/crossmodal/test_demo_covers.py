"""The demo's part about covers, with a tiny space: it asks, tells what is drawn, and says why it is left out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import soundfile

from crossmodal.demo_covers import ask_covers, covers_section
from crossmodal.report import write_report
from crossmodal.report.html import Context
from crossmodal.report.pictures import PictureEntry, PictureRow
from crossmodal.space_files import load_space
from pairs.catalogue import read_catalogue
from tests.conftest import RATE, tone


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    rows = []
    for number in range(22):
        soundfile.write(folder / f"{number}.wav", tone(100 + 30 * number, seconds=1.0), RATE)
        row = {
            "id": f"new-{number}",
            "audio": f"{number}.wav",
            "title": f"Piece <{number}>",
            "genre": "Bass" if number % 2 else "Treble",
        }
        rows.append(json.dumps(row))
    (folder / "c.jsonl").write_text("\n".join(rows), encoding="utf-8")
    return folder / "c.jsonl"


def test_covers_are_drawn_indexed_asked_and_told(cover_space_folder: Path, recordings: Path, tmp_path: Path) -> None:
    space = load_space(cover_space_folder)
    items = read_catalogue(recordings).items
    found = ask_covers(space, items, tmp_path, most=21, seed=0, jobs=1, quiet=True)
    assert found is not None and len(found.items) == 21 and found.excluded == 0
    assert {"R@10 image to audio", "R@10 audio to image"} <= {row.metric for row in found.rows}
    assert len(found.summary()) == 2 and "chance" in found.summary()[0]
    assert all("(cover)" in str(result.id) for _, answer in found.from_sounds for result in answer.results)
    write_report(tmp_path / "r.html", [covers_section(found)])
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "drawings, made by rule" in page and "data:image/jpeg;base64," in page and "Piece &lt;" in page
    again = ask_covers(space, items, tmp_path, most=21, seed=0, jobs=1, quiet=True)
    assert again is not None and again.rows == found.rows


def test_what_is_left_out_says_why(cover_space_folder: Path, recordings: Path, tmp_path: Path) -> None:
    space = load_space(cover_space_folder)
    few = read_catalogue(recordings).items[:19]
    assert ask_covers(space, few, tmp_path, most=50, seed=0, jobs=1, quiet=True) is None
    assert "Left out" in covers_section(None).blocks[0].render(Context(sound_bytes=0))


def test_a_picture_that_cannot_be_read_is_told_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"<svg>")
    shown = PictureRow("Row", [PictureEntry(tmp_path / "bad.jpg", "<b>", "x")]).render(Context(sound_bytes=0))
    assert "<img" not in shown and "an SVG drawing" in shown and "&lt;b&gt;" in shown
