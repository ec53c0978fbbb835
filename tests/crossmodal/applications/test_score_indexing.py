"""Indexes of scores and recordings: what is found in folders, what is skipped, and where each vector stands on the page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from crossmodal.applications import indexing
from crossmodal.applications.collection import SearchableIndex
from crossmodal.applications.encoding import encode_files
from crossmodal.applications.indexing import build_index
from crossmodal.applications.scores import read_score, score_vectors
from crossmodal.applications.sequences import modality_of, sequential
from crossmodal.base.errors import InputError, IntegrityError
from crossmodal.retrieval.header import read_header
from crossmodal.retrieval.index import Index
from crossmodal.space import Space
from crossmodal.space_files import load_space

from .shelf import write_shelf, write_tones


@pytest.fixture(scope="module")
def space(sheet_space_folder: Path) -> Space:
    return load_space(sheet_space_folder)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scores and a recording. Read only."""
    folder = write_shelf(tmp_path_factory.mktemp("shelf"))
    write_tones(folder / "tones.wav", 6.0)
    return folder


@pytest.fixture(scope="module")
def indexed(space: Space, shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of it, indexed. Read only."""
    folder = tmp_path_factory.mktemp("indexed") / "idx"
    report = build_index(space, [shelf], folder, quiet=True)
    assert (report.added, report.items) == (5, 5)
    reasons = {Path(row.path).name: row.reason for row in report.skipped}
    assert set(reasons) == {"broken.mei", "half.png"}
    assert "can be engraved" in reasons["broken.mei"] and "damaged" in reasons["half.png"]
    return folder


def test_extensions_decide_the_modality(space: Space, indexed: Path) -> None:
    assert sequential(space) == ["audio", "sheet"]
    index = Index.open(indexed)
    found = {item.id: item.modality for item in index.items}
    assert found == {
        "0.mei": "sheet",
        "1.mei": "sheet",
        "page.png": "sheet",
        "printed.pdf": "sheet",
        "tones.wav": "audio",
    }
    for name, modality in {"a.FLAC": "audio", "a.musicxml.gz": "sheet", "a.tiff": "sheet", "a.txt": None}.items():
        assert modality_of(Path(name), ("audio", "sheet")) == modality


@pytest.mark.parametrize("name", ["0.mei", "page.png"])
def test_vectors_are_those_of_the_score_with_page_and_system(
    space: Space, shelf: Path, indexed: Path, name: str
) -> None:
    index = Index.open(indexed)
    row = [item.id for item in index.items].index(name)
    part = slice(int(index.starts[row]), int(index.starts[row + 1]))
    score = read_score(shelf / name)
    expected = score_vectors(space, score.strips)
    np.testing.assert_allclose(index.vectors_of(row), expected.vectors, atol=1e-5)
    np.testing.assert_allclose(index.offsets[part], expected.columns, atol=0.01)
    places = [score.place(column) for column in expected.columns]
    assert index.places[part].tolist() == [[place.page, place.system] for place in places]
    assert index.places[part].min() == 1 and len({place.system for place in places}) > 1


def test_recordings_have_seconds_and_no_page(space: Space, shelf: Path, indexed: Path) -> None:
    index = Index.open(indexed)
    row = [item.modality for item in index.items].index("audio")
    part = slice(int(index.starts[row]), int(index.starts[row + 1]))
    sequence = space.sequence("audio", shelf / "tones.wav")
    np.testing.assert_allclose(index.offsets[part], sequence.positions, atol=1e-4)
    assert not index.places[part].any() and index.items[row].duration == pytest.approx(6.0, abs=0.3)


def test_updating_encodes_only_what_is_new(
    space: Space, shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    music = tmp_path / "music"
    shutil.copytree(shelf, music, ignore=shutil.ignore_patterns("*.pdf", "1.mei"))
    build_index(space, [music], tmp_path / "idx", quiet=True)
    before = Index.open(tmp_path / "idx")
    (music / "0.mei").rename(music / "moved.mei")
    (music / "tones.wav").unlink()
    encoded: list[object] = []
    original = Space.sequence

    def counting(self: Space, modality: str, thing: object) -> object:
        encoded.append(thing)
        return original(self, modality, thing)

    monkeypatch.setattr(Space, "sequence", counting)
    report = build_index(space, [music], tmp_path / "idx", update=True, quiet=True)
    assert (report.added, report.removed, report.moved, report.kept) == (0, 1, 1, 1) and not encoded
    after = Index.open(tmp_path / "idx")
    old = [item.id for item in before.items].index("0.mei")
    new = [item.id for item in after.items].index("moved.mei")
    np.testing.assert_array_equal(after.vectors_of(new), before.vectors_of(old))
    assert after.places[after.starts[new]].tolist() == [1, 1]


def test_a_modality_may_be_chosen_and_stays(space: Space, shelf: Path, tmp_path: Path) -> None:
    index = tmp_path / "idx"
    report = build_index(space, [shelf], index, modality="audio", quiet=True)
    assert report.added == 1 and not report.skipped and read_header(index).modality == "audio"
    assert build_index(space, [shelf], index, update=True, quiet=True).kept == 1
    with pytest.raises(IntegrityError, match="modality audio, got sheet"):
        build_index(space, [shelf], index, modality="sheet", update=True, quiet=True)
    with pytest.raises(InputError, match="expected a modality of the space"):
        build_index(space, [shelf], tmp_path / "new", modality="text", quiet=True)


def test_catalogues_name_scores_and_recordings(space: Space, shelf: Path, tmp_path: Path) -> None:
    rows = [
        {"id": "first", "score": str(shelf / "0.mei"), "title": "First"},
        {"id": "second", "sheet": str(shelf / "page.png")},
    ]
    catalogue = tmp_path / "catalogue.jsonl"
    catalogue.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    build_index(space, [catalogue], tmp_path / "idx", quiet=True)
    items = {item.id: item for item in Index.open(tmp_path / "idx").items}
    assert set(items) == {"first", "second"} and items["first"].fields["title"] == "First"
    assert {item.modality for item in items.values()} == {"sheet"}
    rows[0]["audio"] = str(shelf / "tones.wav")
    catalogue.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    with pytest.raises(InputError, match="add --modality"):
        build_index(space, [catalogue], tmp_path / "other", quiet=True)
    assert build_index(space, [catalogue], tmp_path / "third", modality="audio", quiet=True).added == 1


def test_what_an_interrupted_run_encoded_is_kept(
    space: Space, shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    music = tmp_path / "music"
    shutil.copytree(shelf, music, ignore=shutil.ignore_patterns("*.pdf", "broken*", "half*"))
    original = indexing.encode_sequences
    seen: list[str] = []

    def interrupted(*arguments: object, **options: object) -> Iterator[object]:
        for path, made in original(*arguments, **options):  # type: ignore[arg-type]
            if len(seen) == 2:
                raise KeyboardInterrupt
            seen.append(path.name)
            yield path, made

    monkeypatch.setattr(indexing, "encode_sequences", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build_index(space, [music], tmp_path / "idx", quiet=True)
    first = list(seen)
    seen.clear()
    monkeypatch.setattr(indexing, "encode_sequences", original)
    asked: list[str] = []

    def watched(space: Space, files: list[tuple[Path, str]], **options: object) -> Iterator[object]:
        asked.extend(path.name for path, _ in files)
        yield from original(space, files, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(indexing, "encode_sequences", watched)
    report = build_index(space, [music], tmp_path / "idx", resume=True, quiet=True)
    assert len(asked) == 2 and not set(asked) & set(first)
    index = Index.open(tmp_path / "idx")
    assert report.items == 4 and {item.id for item in index.items} == {*asked, *first}
    sheet = np.repeat([item.modality == "sheet" for item in index.items], np.diff(index.starts))
    assert (index.places[sheet] > 0).all() and not index.places[~sheet].any()


def test_a_mixed_index_is_searched_for_one_kind(space: Space, shelf: Path, indexed: Path) -> None:
    opened = SearchableIndex.open(indexed, space=space)
    found = opened.search_many({"audio": shelf / "tones.wav"}, target="sheet")
    assert sorted(result.id or "" for result in found.results) == ["0.mei", "1.mei", "page.png", "printed.pdf"]
    with pytest.raises(InputError, match="expected audio or sheet"):
        opened.search_many({"audio": shelf / "tones.wav"}, target="image")


def test_scores_are_encoded_into_one_vector_each(space: Space, shelf: Path, tmp_path: Path) -> None:
    done = encode_files(space, [shelf], tmp_path / "vectors.parquet", modality="sheet", jobs=1, quiet=True)
    assert done.encoded == 4 and {Path(row.path).name for row in done.skipped} == {"broken.mei", "half.png"}
    rows = {Path(row["path"]).name: row["vector"] for row in pq.read_table(tmp_path / "vectors.parquet").to_pylist()}
    mean = score_vectors(space, read_score(shelf / "1.mei").strips).vectors.mean(axis=0)
    np.testing.assert_allclose(rows["1.mei"], mean / np.linalg.norm(mean), atol=1e-5)
