"""Asking the API gives what the library and the command line give."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile
from fastapi.testclient import TestClient

from crossmodal.applications.collection import SearchableIndex
from crossmodal.applications.similarity import similar
from crossmodal.applications.tagging import tag_files
from crossmodal.base.results import Ranking
from crossmodal.server.app import create_app
from tests.conftest import RATE, tone
from tests.crossmodal.server.conftest import HOST, ready


@pytest.fixture(scope="module")
def opened(index_folder: Path) -> SearchableIndex:
    return SearchableIndex.open(index_folder, device="cpu")


def test_words_find_what_the_library_finds(client: TestClient, opened: SearchableIndex) -> None:
    answer = client.get("/api/indexes/idx/search", params={"text": "a low rich sound", "k": 5})
    assert answer.status_code == 200
    expected = opened.search("a low rich sound", k=5)
    found = Ranking.model_validate(answer.json())
    assert [r.id for r in found.results] == [r.id for r in expected.results]
    assert [r.similarity for r in found.results] == pytest.approx([r.similarity for r in expected.results], abs=1e-5)
    assert (found.query, found.space, found.abstained) == (expected.query, expected.space, False)


def test_filters_hold(client: TestClient) -> None:
    answer = client.get("/api/indexes/idx/search", params={"text": "sound", "filter": ["artist=artist 1", "year=1993"]})
    assert answer.status_code == 400 or {r["id"] for r in answer.json()["results"]} <= {
        "track-01",
        "track-05",
        "track-09",
    }
    only = client.get("/api/indexes/idx/search", params={"text": "sound", "filter": "artist=artist 1"}).json()
    assert {r["id"] for r in only["results"]} == {"track-01", "track-05", "track-09"}
    wrong = client.get("/api/indexes/idx/search", params={"text": "sound", "filter": "artsit=x"})
    assert wrong.status_code == 400 and "did you mean 'artist'" in wrong.json()["error"]


@pytest.mark.parametrize("text", ["   ", "\n"])
def test_words_that_are_none_are_refused(client: TestClient, text: str) -> None:
    answer = client.get("/api/indexes/idx/search", params={"text": text})
    assert answer.status_code == 400 and "expected words" in answer.json()["error"]


def test_many_at_once_get_each_their_own_answer(client: TestClient, opened: SearchableIndex) -> None:
    texts = [
        f"a {pitch} {kind} sound number {n}" for n in range(6) for pitch in ("low", "high") for kind in ("rich", "pure")
    ]

    async def all_of_them() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=client.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as asking:
            return await asyncio.gather(
                *(asking.get("/api/indexes/idx/search", params={"text": t, "k": 3}) for t in texts)
            )

    answers = asyncio.run(all_of_them())
    for text, answer in zip(texts, answers, strict=True):
        expected = opened.search(text, k=3)
        assert answer.json()["query"]["text"] == text
        assert [r["similarity"] for r in answer.json()["results"]] == pytest.approx(
            [r.similarity for r in expected.results], abs=1e-4
        )


def test_a_recording_finds_itself_and_its_name_is_told(
    client: TestClient, sounds: Path, opened: SearchableIndex
) -> None:
    data = (sounds / "track 03.wav").read_bytes()
    answer = client.post(
        "/api/indexes/idx/search", params={"kind": "audio", "k": 3}, files={"file": ("my tune.wav", data)}
    )
    assert answer.status_code == 200
    found = Ranking.model_validate(answer.json())
    expected = opened.search(sounds / "track 03.wav", k=3)
    assert found.results[0].id == "track-03" and found.query.path == "my tune.wav"
    assert [r.similarity for r in found.results] == pytest.approx([r.similarity for r in expected.results], abs=1e-4)


def test_more_like_an_item_leaves_the_item_out(client: TestClient) -> None:
    found = client.get("/api/indexes/idx/similar", params={"id": "track-02", "k": 4}).json()["results"]
    assert len(found) == 4 and "track-02" not in [r["id"] for r in found] and [r["rank"] for r in found] == [1, 2, 3, 4]
    assert all(a["similarity"] >= b["similarity"] for a, b in pairwise(found))


def test_more_like_an_item_by_the_weights_of_its_facets(faceted_index: Path) -> None:
    with TestClient(create_app([faceted_index]), base_url=HOST) as client:
        ready(client)
        assert client.get("/api/indexes/index").json()["facets"] == ["genre", "mood"]
        values = {"id": "track-02", "k": 5, "weight": ["genre=1", "mood=0.25"], "track_weight": 0.5}
        answer = client.get("/api/indexes/index/similar", params=values).json()
        weights = {"genre": 1.0, "mood": 0.25}
        expected = similar(SearchableIndex.open(faceted_index), ["track-02"], weights=weights, track_weight=0.5, k=5)
        found = Ranking.model_validate(answer)
        assert found.query.modality == "audio" and str(found.query.path).endswith("track 02.wav")
        assert [(r.id, r.detail["facets"]) for r in found.results] == [
            (r.id, r.detail["facets"]) for r in expected.results
        ]
        for wrong, told in ((["tempo=1"], "genre, mood"), (["genre"], "FACET=NUMBER"), (["genre=0"], "above 0")):
            refused = client.get("/api/indexes/index/similar", params={"id": "track-02", "weight": wrong})
            assert refused.status_code == 400 and told in refused.json()["error"]


def test_a_space_without_facets_takes_no_weights_and_no_path_instead_of_an_id(client: TestClient, sounds: Path) -> None:
    assert client.get("/api/indexes/idx").json()["facets"] == []
    refused = client.get("/api/indexes/idx/similar", params={"id": "track-02", "weight": "mood=1"})
    assert refused.status_code == 400 and "facets" in refused.json()["error"]
    for path in (sounds / "track 02.wav", "track 02.wav", "/etc/passwd"):
        assert client.get("/api/indexes/idx/similar", params={"id": str(path)}).status_code == 404


def test_tags_are_those_of_the_command_line(
    client: TestClient, sounds: Path, opened: SearchableIndex, tmp_path: Path
) -> None:
    path = sounds / "track 00.wav"
    answer = client.post("/api/indexes/idx/tag", files={"file": (path.name, path.read_bytes())}, params={"k": 3})
    (expected,), _, _ = tag_files(opened.space, [path], vocabulary=None, k=3, quiet=True)
    assert [r["detail"]["tag"] for r in answer.json()["results"]] == [r.detail["tag"] for r in expected.results]
    own = client.post(
        "/api/indexes/idx/tag",
        files={"file": (path.name, path.read_bytes())},
        data={"vocabulary": "purple\n\nround\npurple"},
    ).json()
    assert {r["detail"]["tag"] for r in own["results"]} == {"purple", "round"}


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("a.wav", b"", "empty"),
        ("a.wav", b"no sound at all", "not audio"),
        ("../../etc/passwd", b"root:x:0:0", "not audio"),
        ("a.wav", None, "silent"),
    ],
)
def test_files_that_are_no_music_are_told_by_their_own_names(
    client: TestClient, tmp_path: Path, name: str, data: bytes | None, told: str
) -> None:
    if data is None:
        soundfile.write(tmp_path / "s.wav", np.zeros(RATE, np.float32), RATE)
        data = (tmp_path / "s.wav").read_bytes()
    answer = client.post("/api/indexes/idx/search", params={"kind": "audio"}, files={"file": (name, data)})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert told in error and "upload-" not in error and "crossmodal-serve" not in error
    assert error.startswith(name.rpartition("/")[2])


def test_a_recording_that_is_too_long_is_refused(client: TestClient, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.flac", tone(220, seconds=25), RATE)
    answer = client.post(
        "/api/indexes/idx/search",
        params={"kind": "audio"},
        files={"file": ("long.flac", (tmp_path / "long.flac").read_bytes())},
    )
    assert answer.status_code == 400 and "at most 20 s" in answer.json()["error"]


@pytest.mark.parametrize("way", ["tag", "search?kind=audio"])
def test_a_recording_that_breaks_off_is_used_and_that_is_told(client: TestClient, tmp_path: Path, way: str) -> None:
    soundfile.write(tmp_path / "a.flac", tone(440.0, seconds=12.0), RATE)
    data = (tmp_path / "a.flac").read_bytes()
    answer = client.post(f"/api/indexes/idx/{way}", files={"file": ("take 1.flac", data[: len(data) * 2 // 3])})
    (told,) = Ranking.model_validate(answer.json()).warnings
    assert told.startswith("take 1.flac: truncated: the first ") and "/" not in told


def test_what_an_index_cannot_answer_is_said(client: TestClient) -> None:
    for path, query in (("identify", {}), ("match", {}), ("search", {"kind": "midi"})):
        answer = client.post(f"/api/indexes/idx/{path}", params=query, files={"file": ("a.mid", b"MThd")})
        assert answer.status_code == 400 and "expected" in answer.json()["error"], path


def test_nothing_that_was_sent_stays(client: TestClient, sounds: Path) -> None:
    folder = client.app.state.crossmodal.reader.folder  # type: ignore[attr-defined]
    client.post("/api/indexes/idx/tag", files={"file": ("a.wav", (sounds / "track 01.wav").read_bytes())})
    client.post("/api/indexes/idx/tag", files={"file": ("a.wav", b"broken")})
    assert not list(folder.glob("upload-*"))
