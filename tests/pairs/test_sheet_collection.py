"""A collection of engraved and performed pieces: complete, the same every time, and a second run does only what is new."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from crossmodal.base.errors import InputError
from pairs.catalogue import read_catalogue
from pairs.sheet_collection import LONGEST_SECONDS, build_sheet_collection, make_pair
from pairs.sheet_music import read_sheet


def modified(folder: Path) -> dict[str, int]:
    return {p.name: p.stat().st_mtime_ns for p in folder.rglob("*") if p.suffix in {".flac", ".npy", ".npz"}}


@pytest.mark.slow
def test_a_second_run_makes_only_what_is_new(tmp_path: Path) -> None:
    catalogue = build_sheet_collection(tmp_path, works=0, inventions=1, jobs=1, quiet=True)
    before = modified(tmp_path)
    assert len(before) == 3 and [item.id for item in read_catalogue(catalogue).items] == ["invention-00000"]
    assert build_sheet_collection(tmp_path, works=0, inventions=2, jobs=1, quiet=True) == catalogue
    after = modified(tmp_path)
    assert len(after) == 6 and {name: after[name] for name in before} == before
    assert [item.id for item in read_catalogue(catalogue).items] == ["invention-00000", "invention-00001"]


@pytest.mark.slow
def test_pieces_have_pages_notes_and_a_sound(sheets: Path) -> None:
    items = read_catalogue(sheets).items
    assert len(items) == 4 and not (sheets.parent / "skipped.csv").read_text(encoding="utf-8").splitlines()[1:]
    for item in items:
        assert item.split == "train" and item.fields["licence"] == "free"
        sheet, sound = read_sheet(item.files["sheet"]), soundfile.info(item.files["audio"])
        assert sheet.ends[-1] == len(sheet.bands) and len(sheet.pitch) == len(sheet.seconds) > 24
        assert 0 < sheet.seconds.min() < 3 and sheet.seconds.max() < min(LONGEST_SECONDS, sound.duration)
        assert (sheet.column >= 0).all() and (sheet.column < len(sheet.bands)).all()
        samples, rate = soundfile.read(item.files["audio"], always_2d=True)
        loud = np.abs(samples).mean(axis=1)
        begin = int(sheet.seconds.min() * rate)
        assert loud[begin : begin + 2 * rate].max() > 4 * np.median(loud[: max(1, begin - rate // 20)])


@pytest.mark.slow
def test_a_piece_is_the_same_in_every_process(sheets: Path, tmp_path: Path) -> None:
    row = make_pair({"id": "invention-00000", "kind": "invented", "seed": 0}, tmp_path)
    made, known = read_sheet(tmp_path / str(row["sheet"])), read_sheet(read_catalogue(sheets).items[0].files["sheet"])
    for name in ("bands", "column", "seconds", "pitch"):
        np.testing.assert_array_equal(getattr(made, name), getattr(known, name))
    other = make_pair({"id": "invention-00000", "kind": "invented", "seed": 1}, tmp_path / "other")
    assert len(read_sheet(tmp_path / "other" / str(other["sheet"])).pitch) != len(made.pitch)


@pytest.mark.parametrize(
    "wrong", [{"works": 0, "inventions": 0}, {"works": -1}, {"inventions": -3}, {"songs": -1, "works": 1}]
)
def test_nothing_to_make_is_told(tmp_path: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match="at least one work"):
        build_sheet_collection(tmp_path, quiet=True, **wrong)  # type: ignore[arg-type]


def test_a_folder_that_is_not_pop909_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="POP909"):
        build_sheet_collection(tmp_path / "out", works=0, inventions=0, pop909=tmp_path, quiet=True)
