"""`crossmodal identify` over real files: the answer, the doubt, and every mistake in one line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import soundfile

import crossmodal as library
from crossmodal.base.results import Ranking
from crossmodal.calibration import Calibration, save_calibration
from tests.crossmodal.applications.shelf import RATE, tones, write_shelf, write_tones

from .running import crossmodal, mistake


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scores; recordings in a folder inside. Read only."""
    folder = tmp_path_factory.mktemp("shelf")
    write_shelf(folder / "scores")
    (folder / "recordings").mkdir()
    for number in range(2):
        write_tones(folder / f"recordings/{number}.wav", 5.0, seed=number)
    return folder


@pytest.fixture(scope="module")
def scores(shelf: Path, sheet_space_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of the scores, made by the command. Read only."""
    index = tmp_path_factory.mktemp("made") / "scores"
    outcome = crossmodal("index", sheet_space_folder, shelf / "scores", "--output", index, "--jobs", 1, "--quiet")
    assert outcome.code == 0 and "4 items" in outcome.out and "2 skipped" in outcome.err
    listing = (index / "skipped.csv").read_text(encoding="utf-8")
    assert "broken.mei" in listing and "half.png" in listing
    return index


@pytest.fixture(scope="module")
def recordings(shelf: Path, sheet_space_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of the recordings. Read only."""
    index = tmp_path_factory.mktemp("made") / "recordings"
    assert crossmodal("index", sheet_space_folder, shelf / "recordings", "--output", index, "--quiet").code == 0
    return index


def test_a_recording_is_answered_with_scores(scores: Path, shelf: Path) -> None:
    outcome = crossmodal("identify", scores, shelf / "recordings/0.wav", "--json", "-k", 3)
    assert (outcome.code, outcome.err) == (0, "")
    answer = Ranking.model_validate(outcome.document)
    assert answer.query.modality == "audio" and answer.space.startswith("audio-sheet@")
    assert set(outcome.document) == {"query", "space", "abstained", "results", "skipped"}
    assert set(outcome.document["results"][0]) == {"rank", "id", "path", "similarity", "confidence", "detail"}
    assert [r.rank for r in answer.results] == [1, 2, 3]
    for result in answer.results:
        assert result.path is not None and Path(result.path).parent.name == "scores"
        assert set(result.detail) == {"votes", "page", "system"} and result.detail["page"] >= 1  # type: ignore[operator]
    again = library.identify(library.open_index(scores), shelf / "recordings/0.wav", k=3)
    assert again.model_dump() == answer.model_dump()
    assert library.identify(scores, shelf / "recordings/0.wav", k=1).results == answer.results[:1]


def test_a_page_is_answered_with_recordings(recordings: Path, shelf: Path) -> None:
    for name in ("page.png", "0.mei", "printed.pdf"):
        answer = crossmodal("identify", recordings, shelf / "scores" / name, "--json").document
        assert answer["query"]["modality"] == "sheet"
        assert sorted(result["id"] for result in answer["results"]) == ["0.wav", "1.wav"]
        assert set(answer["results"][0]["detail"]) == {"votes", "seconds"}


def test_doubt_is_said(scores: Path, shelf: Path, sheet_space_folder: Path, tmp_path: Path) -> None:
    space = tmp_path / "audio-sheet"
    shutil.copytree(sheet_space_folder, space)
    index = tmp_path / "index"
    assert crossmodal("index", space, shelf / "scores", "--output", index, "--quiet").code == 0
    certain = Calibration(features=("lift", "margin"), weights=(0.0, 0.0), bias=5.0, data="a test", examples=2)
    save_calibration(space, {"identify": certain})
    told = crossmodal("identify", index, shelf / "recordings/0.wav")
    assert told.code == 0 and "not sure" not in told.out and "0.993" in told.out
    save_calibration(space, {"identify": certain.model_copy(update={"bias": -5.0})})
    told = crossmodal("identify", index, shelf / "recordings/0.wav")
    assert told.code == 0 and "not sure: nothing fits well enough (confidence 0.01)" in told.out
    assert (
        told.out.count(".mei") + told.out.count("page.png") + told.out.count("printed.pdf") >= 2
    )  # listed all the same
    assert crossmodal("identify", index, shelf / "recordings/0.wav", "--json").document["abstained"] is True
    (space / "calibration.json").write_text("{", encoding="utf-8")
    assert "calibration.json: expected JSON" in mistake("identify", index, shelf / "recordings/0.wav")


def test_mistakes_are_told_in_one_line(
    scores: Path, recordings: Path, shelf: Path, index_folder: Path, tmp_path: Path
) -> None:
    sound, page = shelf / "recordings/0.wav", shelf / "scores/page.png"
    assert "holds scores, got a score or page" in mistake("identify", scores, page)
    assert "holds recordings, got a recording" in mistake("identify", recordings, sound)
    assert "made with audio-sheet" in mistake("identify", index_folder, sound)
    assert "found nothing" in mistake("identify", scores, tmp_path / "absent.wav")
    assert "nothing there" in mistake("identify", tmp_path / "no index", sound)
    (tmp_path / "a.txt").write_text("words", encoding="utf-8")
    assert 'got ".txt"' in mistake("identify", scores, tmp_path / "a.txt")
    assert 'got "image"' in mistake("identify", scores, sound, "--modality", "image")
    soundfile.write(tmp_path / "short.wav", tones(0.5), RATE)
    assert "too short" in mistake("identify", scores, tmp_path / "short.wav")
    soundfile.write(tmp_path / "silent.wav", tones(5) * 0, RATE)
    assert "silent" in mistake("identify", scores, tmp_path / "silent.wav")
    assert "damaged" in mistake("identify", recordings, shelf / "scores/half.png")
    assert "a folder" in mistake("identify", scores, shelf / "recordings", "--modality", "audio")


def test_an_index_that_was_emptied(shelf: Path, sheet_space_folder: Path, tmp_path: Path) -> None:
    music, index = tmp_path / "music", tmp_path / "idx"
    music.mkdir()
    shutil.copy(shelf / "recordings/0.wav", music / "a.wav")
    assert crossmodal("index", sheet_space_folder, music, "--output", index, "--quiet").code == 0
    (music / "a.wav").write_bytes(b"no sound any more")
    crossmodal("index", sheet_space_folder, music, "--output", index, "--update", "--quiet")
    assert "got an empty one" in mistake("identify", index, shelf / "scores/page.png")
