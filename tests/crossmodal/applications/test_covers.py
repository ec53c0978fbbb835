"""Indexing recordings with their covers, searching across, and genres of both."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crossmodal.applications.collection import SearchableIndex
from crossmodal.applications.genres import confidences, genres_of_catalogue, genres_of_files, in_words
from crossmodal.applications.indexing import build_index
from crossmodal.base.errors import InputError
from crossmodal.retrieval.index import Index
from crossmodal.space import Space
from crossmodal.space_files import load_space
from pairs.catalogue import read_catalogue


@pytest.fixture(scope="module")
def space(cover_space_folder: Path) -> Space:
    return load_space(cover_space_folder)


@pytest.fixture
def album(covers: Path, tmp_path: Path) -> Path:
    """Two tracks with a cover beside them, one with a cover in its tags, one with none; and a booklet."""
    from mutagen.id3 import APIC
    from mutagen.wave import WAVE

    folder = tmp_path / "music"
    for name in ("album", "single", "bare"):
        (folder / name).mkdir(parents=True)
    for number, place in enumerate(("album/a", "album/b", "single/c", "bare/d")):
        shutil.copy(covers.parent / f"track {number:02}.wav", folder / f"{place}.wav")
    shutil.copy(covers.parent / "track-00.png", folder / "album" / "Cover.png")
    Image.new("RGB", (40, 40)).save(folder / "album" / "booklet.jpg")
    tagged = WAVE(folder / "single" / "c.wav")
    tagged.add_tags()
    data = (covers.parent / "track-01.png").read_bytes()
    tagged.tags.add(APIC(encoding=3, mime="image/png", type=3, desc="", data=data))
    tagged.save()
    return folder


def held(index: Path) -> dict[str, str]:
    return {item.id: item.modality for item in Index.open(index).items}


def test_a_folder_brings_its_covers(space: Space, album: Path, tmp_path: Path) -> None:
    report = build_index(space, [album], tmp_path / "idx", quiet=True)
    assert not report.skipped and report.without_cover == 1 and ", 1 recordings without a cover" in report.summary()
    sounds = dict.fromkeys(("album/a.wav", "album/b.wav", "single/c.wav", "bare/d.wav"), "audio")
    pictures = {"album/Cover.png": "image", "single/c.wav (cover)": "image"}
    assert held(tmp_path / "idx") == sounds | pictures
    (album / "single" / "c.wav").unlink()
    (album / "album" / "Cover.png").unlink()
    again = build_index(space, [album], tmp_path / "idx", update=True, quiet=True)
    assert (again.added, again.removed) == (0, 3)
    assert held(tmp_path / "idx") == dict.fromkeys(("album/a.wav", "album/b.wav", "bare/d.wav"), "audio")
    assert not list((tmp_path / "idx" / "covers").iterdir())


def test_covers_from_tags_outlive_an_update_from_elsewhere(space: Space, album: Path, tmp_path: Path) -> None:
    index = tmp_path / "idx"
    build_index(space, [album / "single"], index, quiet=True)
    build_index(space, [album / "album"], index, update=True, quiet=True)
    assert {"c.wav", "c.wav (cover)"} <= held(index).keys() and len(list((index / "covers").iterdir())) == 1


def test_an_index_without_covers_says_so(space: Space, album: Path, tmp_path: Path) -> None:
    report = build_index(space, [album / "bare"], tmp_path / "idx", quiet=True)
    assert (report.items, report.without_cover) == (1, 1)
    opened = SearchableIndex.open(tmp_path / "idx", space=space)
    answer = opened.search_many({"audio": album / "bare" / "d.wav"}, target="image")
    assert not answer.results and answer.warnings == ["this index holds no image: none was found when it was made"]


def test_a_bad_cover_in_tags_is_told_by_its_recording(space: Space, album: Path, tmp_path: Path) -> None:
    from mutagen.wave import WAVE

    tagged = WAVE(album / "single" / "c.wav")
    tagged.tags.getall("APIC")[0].data = b"no picture"
    tagged.save()
    report = build_index(space, [album / "single"], tmp_path / "idx", quiet=True)
    assert report.items == 1 and [row.path for row in report.skipped] == ["c.wav (cover)"]


def test_a_folder_of_pictures_alone(space: Space, album: Path, tmp_path: Path) -> None:
    for path in album.rglob("*.wav"):
        path.unlink()
    build_index(space, [album], tmp_path / "idx", quiet=True)
    assert held(tmp_path / "idx") == {"album/Cover.png": "image", "album/booklet.jpg": "image"}


def test_a_bad_cover_is_skipped_and_its_recording_kept(space: Space, album: Path, tmp_path: Path) -> None:
    (album / "album" / "Cover.png").write_bytes(b"<svg></svg>")
    report = build_index(space, [album], tmp_path / "idx", quiet=True)
    assert [Path(s.path).name for s in report.skipped] == ["Cover.png"] and "SVG" in report.skipped[0].reason
    assert "album/a.wav" in held(tmp_path / "idx")


def test_a_catalogue_is_searched_across(space: Space, covers: Path, tmp_path: Path) -> None:
    build_index(space, [covers], tmp_path / "idx", quiet=True)
    items = read_catalogue(covers).items
    assert held(tmp_path / "idx") == {i.id: "audio" for i in items} | {f"{i.id} (cover)": "image" for i in items}
    opened = SearchableIndex.open(tmp_path / "idx", space=space)
    picture, sound = items[0].files["image"], items[0].files["audio"]
    for queries, target, kind in (
        ({"image": picture}, None, "audio"),
        ({"audio": sound}, "image", "image"),
        ({"image": picture}, "image", "image"),
    ):
        answer = opened.search_many(queries, k=5, target=target)
        column = "image" if kind == "image" else "audio"
        expected = space.similarity(
            space.encode(*_only(queries)), space.encode(kind, [i.files[column] for i in items])
        )[0]
        found = [result.similarity for result in answer.results]
        np.testing.assert_allclose(found, np.sort(expected)[::-1][:5], atol=1e-4)
        assert all(result.id.endswith("(cover)") == (kind == "image") for result in answer.results if result.id)


def _only(queries: dict[str, Path]) -> tuple[str, list[object]]:
    ((modality, path),) = queries.items()
    return modality, [path]


def test_genres_of_both_are_between_those_of_either(space: Space, covers: Path) -> None:
    item = read_catalogue(covers).items[0]
    files = {m: item.files[m] for m in ("audio", "image")}

    def scores(**given: Path) -> dict[str, float]:
        answer = genres_of_files(space, given, k=3)
        assert [r.rank for r in answer.results] == [1, 2, 3] and answer.results[0].id is None
        return {str(r.detail["tag"]): r.similarity for r in answer.results}

    sound, picture, both = scores(audio=files["audio"]), scores(image=files["image"]), scores(**files)
    assert set(sound) == {"Bass", "Drone", "Treble"}
    for genre, value in both.items():
        assert value == pytest.approx((sound[genre] + picture[genre]) / 2, abs=1e-4)
    answer = genres_of_files(space, files, k=3, single=True)
    assert len(answer.results) == 1 and not answer.abstained
    assert str(answer.results[0].detail["tag"]) in in_words([answer])


def test_confidence_is_what_the_space_was_trained_to_say(space: Space) -> None:
    assert space.recipe is not None
    found = confidences(space, np.array([0.4, -1.0, 1.0], np.float32))
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-(np.array([4.0, -10.0, 10.0]) - 4.0))), rtol=1e-5)


def test_genres_of_a_catalogue(space: Space, covers: Path, tmp_path: Path) -> None:
    rankings, skipped = genres_of_catalogue(space, covers, covers=tmp_path, k=2, quiet=True)
    assert len(rankings) == 12 and not skipped
    assert rankings[0].query.modality == "audio+image"


def test_what_cannot_be_answered(space: Space, space_folder: Path, covers: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="got neither"):
        genres_of_files(space, {}, k=3)
    with pytest.raises(InputError, match="expected a space of genres"):
        genres_of_files(load_space(space_folder), {"audio": covers.parent / "track 00.wav"}, k=3)
    with pytest.raises(InputError, match="found nothing"):
        genres_of_files(space, {"image": tmp_path / "none.jpg"}, k=3)
