"""Indexing again: what is new comes in, what is gone goes, what was moved is followed, and nothing else is encoded."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import soundfile

from crossmodal.applications.collection import SearchableIndex
from crossmodal.applications.indexing import IndexReport, build_index
from crossmodal.base.errors import InputError
from crossmodal.retrieval.index import Index
from crossmodal.space import Space
from crossmodal.space_files import load_space
from tests.conftest import tone


@pytest.fixture(scope="module")
def space(space_folder: Path) -> Space:
    return load_space(space_folder)


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    for i in range(4):
        soundfile.write(folder / f"{i}.wav", tone(150 + 40 * i, seconds=1.2), 16000)
    return folder


def update(space: Space, source: Path, index: Path) -> tuple[IndexReport, dict[str, str]]:
    """The report, and id -> path of what the index holds; its vectors must be those of a fresh index."""
    report = build_index(space, [source], index, update=True, quiet=True)
    opened = Index.open(index)
    for row, item in enumerate(opened.items):
        expected = space.encode("audio", [item.path])[0]
        np.testing.assert_allclose(opened.vectors_of(row)[0], expected, atol=1e-5)
    assert report.items == len(opened.items) == report.added + report.moved + report.kept
    return report, {item.id: os.path.basename(item.path) for item in opened.items}


def counts(report: IndexReport) -> tuple[int, int, int, int]:
    return report.added, report.removed, report.moved, report.kept


def test_new_gone_moved_and_changed_files(space: Space, music: Path, tmp_path: Path) -> None:
    index = tmp_path / "idx"
    assert counts(update(space, music, index)[0]) == (4, 0, 0, 0)
    assert counts(update(space, music, index)[0]) == (0, 0, 0, 4)
    soundfile.write(music / "new.wav", tone(77, seconds=1.2), 16000)
    (music / "0.wav").unlink()
    (music / "sub").mkdir()
    (music / "1.wav").rename(music / "sub" / "one.wav")
    soundfile.write(music / "2.wav", tone(999, seconds=1.2), 16000)
    os.utime(music / "3.wav", (1, 1))  # touched, not changed
    report, held = update(space, music, index)
    assert counts(report) == (2, 2, 1, 1)
    assert held == {"2.wav": "2.wav", "3.wav": "3.wav", "new.wav": "new.wav", "sub/one.wav": "one.wav"}


def test_a_new_file_under_the_name_of_a_moved_one(space: Space, music: Path, tmp_path: Path) -> None:
    index = tmp_path / "idx"
    update(space, music, index)
    (music / "1.wav").rename(music / "old.wav")
    soundfile.write(music / "1.wav", tone(555, seconds=1.2), 16000)
    report, held = update(space, music, index)
    assert report.items == 5 and set(held) == {"0.wav", "1.wav", "2.wav", "3.wav", "old.wav"}
    (music / "0.wav").rename(music / "x")
    (music / "1.wav").rename(music / "0.wav")
    (music / "x").rename(music / "1.wav")
    report, held = update(space, music, index)
    assert report.items == 5 and held["0.wav"] == "0.wav" and held["1.wav"] == "1.wav"


def test_other_folders_are_added_without_dropping_the_first(space: Space, music: Path, tmp_path: Path) -> None:
    index, other = tmp_path / "idx", tmp_path / "other"
    update(space, music, index)
    other.mkdir()
    soundfile.write(other / "0.wav", tone(70, seconds=1.2), 16000)
    report, held = update(space, other, index)
    assert counts(report) == (1, 0, 0, 4) and str(other / "0.wav") in held
    shutil.rmtree(music)
    assert counts(update(space, other, index)[0]) == (0, 4, 0, 1)


def test_an_edited_catalogue_needs_no_encoding(
    space: Space, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue, index = music / "songs.jsonl", tmp_path / "idx"

    def write(*rows: Mapping[str, object]) -> None:
        catalogue.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")

    write(*({"id": f"song {i}", "audio": f"{i}.wav", "mood": "calm"} for i in range(4)))
    update(space, catalogue, index)
    write(
        {"id": "song 1", "audio": "0.wav", "mood": "calm"},  # two ids exchanged
        {"id": "song 0", "audio": "1.wav", "mood": "calm"},
        {"id": "song 2", "audio": "2.wav", "mood": "wild", "tags": ["loud"]},
    )
    report, held = update(space, catalogue, index)
    assert counts(report) == (0, 1, 0, 3)
    assert held == {"song 1": "0.wav", "song 0": "1.wav", "song 2": "2.wav"}
    opened = SearchableIndex.open(index, space=space)
    assert [r.id for r in opened.search("a sound", filters=["mood=wild"]).results] == ["song 2"]
    assert [r.id for r in opened.search("a sound", filters=["tags=loud"]).results] == ["song 2"]


def test_what_a_killed_renaming_left_is_cleared(space: Space, music: Path, tmp_path: Path) -> None:
    from crossmodal.retrieval.writer import IndexWriter

    index = tmp_path / "idx"
    update(space, music, index)
    with IndexWriter(index, space=Index.open(index).header.space, modality="audio") as writer:
        item = writer.items[0]
        vector = space.encode("audio", [item.path])[0]
        writer.add(type(item)(**{**item.__dict__, "id": "another name"}), vector)  # staged, never committed
    assert set(update(space, music, index)[1]) == {f"{i}.wav" for i in range(4)}


def test_a_column_that_is_not_there(space: Space, music: Path, tmp_path: Path) -> None:
    (music / "covers.csv").write_text("id,image\na,a.png\n", encoding="utf-8")
    (music / "a.png").write_bytes(b"x")
    with pytest.raises(InputError, match="expected a column audio with paths, got none"):
        build_index(space, [music / "covers.csv"], tmp_path / "idx", quiet=True)


def test_python_search(index_folder: Path, sounds: Path, space: Space) -> None:
    import crossmodal

    index = crossmodal.open_index(index_folder)
    assert index.search("a low sound", k=3).results[0].rank == 1
    by_file = index.search(sounds / "track 05.wav", k=1).results[0]
    by_vector = index.search(space.encode("audio", [sounds / "track 05.wav"])[0], k=1).results[0]
    assert by_file.id == by_vector.id == "track-05" and by_file.similarity == by_vector.similarity
    with pytest.raises(InputError, match="empty text"):
        index.search("")
    with pytest.raises(InputError, match="at least 1, got 0"):
        index.search("x", k=0)
