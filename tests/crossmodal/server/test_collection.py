"""Health, indexes, reloads, maps and the listening experiment."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from crossmodal.applications.collection import SearchableIndex
from crossmodal.applications.indexing import build_index
from crossmodal.base.errors import InputError
from crossmodal.cli_serve import indexes_in
from crossmodal.retrieval.index import Index
from crossmodal.server.app import create_app
from crossmodal.server.library import Library, NotReadyError, UnknownError
from crossmodal.server.settings import Settings
from crossmodal.space_files import load_space
from tests.crossmodal.server.conftest import HOST, ready


def test_the_server_tells_what_it_holds(client: TestClient) -> None:
    assert client.get("/api/health").json() == {"ready": True, "indexes": 1, "problems": []}
    (info,) = client.get("/api/indexes").json()
    assert info["name"] == "idx" and info["items"] == 12 and info["asks"] == ["text", "audio"]
    assert (
        {"tags", "map", "features"} <= set(info["can"])
        and "identify" not in info["can"]
        and "artist" in info["columns"]
    )
    assert client.get("/api/indexes/idx").json() == info
    missing = client.get("/api/indexes/idy")
    assert missing.status_code == 404 and 'Did you mean "idx"' in missing.json()["error"]


def test_what_cannot_be_opened_is_told_and_the_rest_serves(index_folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken" / "idx"
    shutil.copytree(index_folder, broken)
    next(broken.glob("vectors-*.npy")).write_bytes(b"")
    library = Library([index_folder, broken])
    with pytest.raises(NotReadyError):
        library.get("idx")
    library.open_all()
    assert [opened.name for opened in library.all()] == ["idx"] and len(library.problems) == 1
    with pytest.raises(UnknownError, match=r"broken-idx: could not be opened: .*vectors"):
        library.get("broken-idx")
    assert library.refresh() == [] and len(library.problems) == 1
    shutil.rmtree(broken)
    shutil.copytree(index_folder, broken)
    assert library.refresh() == ["broken-idx"] and library.problems == []
    assert library.get("broken-idx").info.items == 12


def test_an_index_that_is_made_anew_is_taken_up(sounds: Path, space_folder: Path, tmp_path: Path) -> None:
    """Its generation is the first again."""
    space = load_space(space_folder)
    for count in (3, 1):
        music = tmp_path / f"music-{count}"
        music.mkdir()
        for number in range(count):
            shutil.copy(sounds / f"track {number:02}.wav", music)
        build_index(space, [music], tmp_path / f"idx-{count}", quiet=True)
    shutil.copytree(tmp_path / "idx-3", tmp_path / "idx")
    library = Library([tmp_path / "idx"])
    library.open_all()
    assert library.refresh() == [] and library.get("idx").info.items == 3
    shutil.rmtree(tmp_path / "idx")
    shutil.copytree(tmp_path / "idx-1", tmp_path / "idx")
    assert library.refresh() == ["idx"] and library.get("idx").info.items == 1


def test_indexes_are_called_after_their_folders(tmp_path: Path) -> None:
    folders = [tmp_path / "demo/index", tmp_path / "covers/index", tmp_path / "covers/index", tmp_path / "x/my tunes"]
    with pytest.raises(UnknownError, match=r"\(index, covers-index, covers-index-2, my-tunes\)"):
        Library(folders).get("other")


def test_a_reload_swaps_while_others_ask_and_no_request_fails(sounds: Path, space_folder: Path, tmp_path: Path) -> None:
    music, index = tmp_path / "music", tmp_path / "idx"
    music.mkdir()
    for number in range(6):
        shutil.copy(sounds / f"track {number:02}.wav", music)
    space = load_space(space_folder)
    build_index(space, [music], index, quiet=True)
    answers: list[tuple[int, int]] = []
    stop = threading.Event()
    with TestClient(create_app([index], settings=Settings(watch_seconds=0.05)), base_url=HOST) as client:
        ready(client)

        def ask() -> None:
            while not stop.is_set():
                answer = client.get("/api/indexes/idx/search", params={"text": "low", "k": 50})
                answers.append((answer.status_code, len(answer.json().get("results", []))))

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        for number in range(6, 10):
            shutil.copy(sounds / f"track {number:02}.wav", music)
            build_index(space, [music], index, update=True, quiet=True)
        while not any(found == 10 for _, found in answers[-9:]):
            assert len(answers) < 20_000
        stop.set()
        for thread in threads:
            thread.join()
        assert client.post("/api/indexes/idx/reload").json()["items"] == 10
    assert {status for status, _ in answers} == {200}
    assert {found for _, found in answers} <= set(range(6, 11)) and (200, 6) in answers


def test_a_map_has_a_place_for_every_item_and_stays(client: TestClient) -> None:
    first, second = (client.get("/api/indexes/idx/map").json() for _ in range(2))
    assert first == second and first["method"] == "t-SNE" and first["ids"] == [f"track-{n:02}" for n in range(12)]
    assert min(first["x"]) == 0 and max(first["x"]) == 1 and len(first["y"]) == 12


def test_colours_by_a_word_and_by_a_column(client: TestClient) -> None:
    words = client.get("/api/indexes/idx/map/colours", params={"tag": "low"}).json()
    assert (
        len(words["values"]) == 12
        and all(-1 <= v <= 1 for v in words["values"])
        and "groups" not in {k for k, v in words.items() if v}
    )
    column = client.get("/api/indexes/idx/map/colours", params={"column": "artist"}).json()
    assert [column["names"][g] for g in column["groups"]] == [f"artist {n % 4}" for n in range(12)]
    assert client.get("/api/indexes/idx/map/colours", params={"column": "sha256"}).status_code == 400
    assert client.get("/api/indexes/idx/map/colours").status_code == 400


def test_the_clips_that_excite_a_feature_most_come_first(client: TestClient, index_folder: Path) -> None:
    index = Index.open(index_folder)
    made = client.get("/api/indexes/idx/excitement", params={"feature": 3, "k": 5}).json()
    expected = np.sort(index.vectors[:, 3])[::-1][:5]
    assert [clip["value"] for clip in made["clips"]] == pytest.approx(expected, abs=1e-4)
    opened = SearchableIndex.open(index_folder, device="cpu")
    for clip in made["clips"]:
        item = next(item for item in index.items if item.id == clip["id"])
        sequence = opened.space.sequence("audio", Path(item.path))
        assert clip["seconds"] == pytest.approx(
            float(sequence.positions[int(sequence.vectors[:, 3].argmax())]), abs=0.01
        )
    assert client.get("/api/indexes/idx/excitement", params={"feature": 16}).status_code == 400
    assert client.get("/api/indexes/idx/excitement", params={"feature": 1, "tag": "low"}).status_code == 400
    words = client.get("/api/indexes/idx/excitement", params={"tag": "low", "k": 3}).json()
    assert len(words["clips"]) == 3 and words["by"] == "low"


def test_the_demos_indexes_are_found_where_it_was_made(index_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="crossmodal demo"):
        indexes_in(tmp_path / "demo")
    for place in ("index", "covers/index", "score-index-1234"):
        shutil.copytree(index_folder, tmp_path / "demo" / place)
    found = [path.relative_to(tmp_path / "demo").as_posix() for path in indexes_in(tmp_path / "demo")]
    assert indexes_in(tmp_path / "demo/index") == [tmp_path / "demo/index"]
    with pytest.raises(InputError, match="folder with indexes"):
        indexes_in(tmp_path / "demo/index/nothing")
    assert found == ["index", "covers/index", "score-index-1234"]
