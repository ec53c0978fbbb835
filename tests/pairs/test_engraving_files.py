"""Score files: formats and encodings, what is kept of an engraving, and that a broken score ends a process of its own."""

from __future__ import annotations

import gzip
import subprocess
import zipfile
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from crossmodal.base.errors import InputError
from pairs.engraving import Engraver, Engraving, NoteTable
from pairs.engraving_files import check_xml, engrave_file, load_engraving, main, read_score_text, save_engraving

from .small_scores import MEI, SCALE, TWO_STAVES, music_xml

XML = music_xml(["G4 A4 B4 C5", "D5 C5 B4 A4"])
CONTAINER = '<?xml version="1.0" encoding="UTF-8"?><container><rootfiles><rootfile full-path="score.xml"/></rootfiles></container>'


def assert_same(first: Engraving, second: Engraving) -> None:
    for field in fields(NoteTable):
        np.testing.assert_array_equal(getattr(first.notes, field.name), getattr(second.notes, field.name))
    assert first.measures == second.measures and first.passes == second.passes
    assert len(first.pages) == len(second.pages)
    for one, other in zip(first.pages, second.pages, strict=True):
        np.testing.assert_array_equal(one.image, other.image)
        assert len(one.systems) == len(other.systems)
        for a, b in zip(one.systems, other.systems, strict=True):
            assert (a.page, a.number, len(a.staves)) == (b.page, b.number, len(b.staves))
            for staff, again in zip(a.staves, b.staves, strict=True):
                np.testing.assert_allclose([*staff.x, *staff.y, staff.space], [*again.x, *again.y, again.space])


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    made = Engraver().engrave(TWO_STAVES)
    save_engraving(made, tmp_path / "made.npz")
    assert_same(load_engraving(tmp_path / "made.npz"), made)


def test_a_file_is_engraved_in_another_process_as_in_this_one(tmp_path: Path) -> None:
    path = tmp_path / "two hands é.mei"
    path.write_text(TWO_STAVES, encoding="utf-8")
    np.testing.assert_array_equal(engrave_file(path).notes.pitch, Engraver().engrave(TWO_STAVES).notes.pitch)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_text_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "score.xml"
    path.write_bytes(XML.encode(encoding))
    assert read_score_text(path) == XML


def test_compressed_files(tmp_path: Path) -> None:
    packed = tmp_path / "score.mei.gz"
    packed.write_bytes(gzip.compress(MEI.encode()))
    assert read_score_text(packed) == MEI
    mxl = tmp_path / "score.mxl"
    with zipfile.ZipFile(mxl, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/container.xml", CONTAINER)
        archive.writestr("score.xml", XML)
    content = read_score_text(mxl)
    assert isinstance(content, bytes)
    assert Engraver().engrave(content).notes.pitch.tolist() == [67, 69, 71, 72, 74, 72, 71, 69]


def test_a_broken_mxl_is_told_though_it_ends_the_engraver(tmp_path: Path) -> None:
    path = tmp_path / "score.mxl"
    path.write_bytes(b"PK\x03\x04 and no archive")
    with pytest.raises(InputError, match=r"score\.mxl: expected a score that can be engraved"):
        engrave_file(path)


@pytest.mark.parametrize(
    "content", [b"", b"\x1f\x8b broken", gzip.compress(b"x" * 1000)[:20]], ids=["empty", "no gzip", "cut short"]
)
def test_a_broken_gz_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "score.abc.gz"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        engrave_file(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_an_absent_file_and_one_without_music_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can be read"):
        engrave_file(tmp_path / "absent.abc")
    drums = tmp_path / "drums.musicxml"
    drums.write_text(music_xml(["E4 E4 E4 E4"], percussion=True), encoding="utf-8")
    with pytest.raises(InputError, match=r"drums\.musicxml: .*percussion alone"):
        engrave_file(drums)


def test_a_process_that_dies_is_the_scores_fault_and_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engraver's process is killed by a segmentation fault, as broken scores do."""
    path = tmp_path / "score.abc"
    path.write_text(SCALE, encoding="utf-8")
    run = subprocess.run

    def dying(command: list[str], **options: object) -> object:
        return run([command[0], "-c", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"], **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "run", dying)
    with pytest.raises(InputError, match="ends the engraver"):
        engrave_file(path)


def test_a_score_that_takes_too_long_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "score.abc"
    path.write_text(SCALE, encoding="utf-8")
    monkeypatch.setattr("pairs.engraving_files._SECONDS", 0.01)
    with pytest.raises(InputError, match=r"within 0\.01 s"):
        engrave_file(path)


def test_the_process_tells_its_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "silent.abc"
    path.write_text("X:1\nM:4/4\nL:1/4\nK:C\nz4 |]\n", encoding="utf-8")
    assert main(str(path), str(tmp_path / "made.npz")) == 2
    assert "without" in capsys.readouterr().out and not (tmp_path / "made.npz").exists()
    path.write_text(SCALE, encoding="utf-8")
    assert main(str(path), str(tmp_path / "made.npz")) == 0
    assert len(load_engraving(tmp_path / "made.npz").notes) == 10


def test_a_path_from_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tune.musicxml").write_text(XML, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert len(engrave_file(Path("tune.musicxml")).notes) == 8


def test_xml_that_is_cut_short_is_no_score(tmp_path: Path) -> None:
    cut = tmp_path / "cut.musicxml"
    cut.write_text(XML[: len(XML) * 2 // 3], encoding="utf-8")
    with pytest.raises(InputError, match=r"cut\.musicxml: expected well-formed XML, got a fault \(.*line"):
        engrave_file(cut)


@pytest.mark.parametrize(
    "text", [XML, "\n" + XML, MEI, "X:1\nK:C\nCDEF|", '<?xml version="1.0" encoding="UTF-16"?><mei/>', ""]
)
def test_sound_xml_and_other_texts_pass(tmp_path: Path, text: str) -> None:
    check_xml(tmp_path / "score", text)
