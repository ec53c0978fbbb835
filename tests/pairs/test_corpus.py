"""The corpus as works, read without importing music21; licences and titles."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from crossmodal.base.errors import InputError
from pairs.corpus import Work, abc_fields, decode_text, list_works, read_text, tunes
from pairs.genres import genre_words
from pairs.licences import LICENCES, licence_of
from pairs.midi_folders import midi_works
from pairs.scores import ScoreReader
from pairs.works import read_works, title_of


def test_every_work_once_and_music21_stays_unimported() -> None:
    code = "import sys; from pairs.works import read_works; from pairs.corpus import list_works; list_works(); read_works();" \
           "print([m for m in ('music21', 'verovio', 'symusic', 'torch') if m in sys.modules])"  # fmt: skip
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == "[]"
    ids = [work.id for work in list_works()]
    assert len(ids) == len(set(ids)) > 14_000
    assert {row.work for row in read_works()} <= set(list_works())


def test_tune_books_are_split(tmp_path: Path) -> None:
    book = tmp_path / "book.abc"
    book.write_bytes(b"% preface\r\nX:1\r\nT:One\r\nK:G\r\nGABc|\r\n\r\nX: 2\r\nT:Tw\xf6\r\nK:D\r\nDEFG|\r\n")
    first, second = tunes(book)
    assert first.startswith("X:1\nT:One") and "Two" not in first and abc_fields(second)["T"] == ["Twö"]
    assert decode_text("\ufeffX".encode()) == "X" and decode_text("é".encode("utf-16")) == "é"


def test_collections() -> None:
    count = Counter(work.collection for work in read_works())
    assert count["Bach chorales"] > 300 and count["Palestrina masses"] > 1000 and count["O'Neill's tunes"] > 1900
    assert len(count) >= 20


def test_licences() -> None:
    works = read_works()
    assert all(work.licence in LICENCES for work in works)
    free = {work.work.path.split("/")[0] for work in works if work.free}
    assert not free & {"palestrina", "essenFolksong", "haydn", "mozart", "beethoven", "josquin", "airdsAirs", "bach"}
    for work in works[::500]:
        assert licence_of(work.work, read_text(work.work)).name == work.licence
    assert not LICENCES["unclear"].free and licence_of(Work("weber/x.mxl"), "").name == "unclear"


def test_scores_are_read_and_broken_ones_refused() -> None:
    reader = ScoreReader()
    midi, notes = reader.read(Work("bach/bwv66.6.mxl"))
    assert midi.startswith(b"MThd") and len(notes.parts) == 4 and notes.metre == (4, 4)
    for text in ("", "not a score", "<score-partwise/>"):
        with pytest.raises(InputError):
            reader.midi(text)
    assert reader.read(Work("bach/bwv66.6.mxl"))[0] == midi  # nothing is left of the failures
    with pytest.raises(InputError, match="found none"):
        reader.read(Work("bach/none.mxl"))


def test_titles_and_genres() -> None:
    work = Work("ryansMammoth/42dHighlandRegimentStrathspey.abc")
    text = read_text(work)
    assert title_of(work, text) == "42d Highland Regiment -- Strathspey"
    assert "strathspey" in genre_words([title_of(work, text), *abc_fields(text)["R"]], work.folder.words)
    assert genre_words(["Slip jig"], ["folk music", "no such word"]) == {"jig", "folk music"}


def test_midi_folders(tmp_path: Path) -> None:
    for number in range(3):
        for name in (f"{number}.mid", "versions/v1.mid"):
            path = tmp_path / "pop909" / str(number) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"MThd")
    works = midi_works(tmp_path / "pop909")
    assert [work.group for work in works] == ["pop909/0", "pop909/1", "pop909/2"] and works[0].words == ("pop music",)
    assert len({work.id for work in works}) == 3 and len(midi_works(tmp_path / "pop909", most=2)) == 2
    with pytest.raises(InputError, match="check the path"):
        midi_works(tmp_path / "none")
