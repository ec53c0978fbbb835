"""Identification, alignment jobs and matching over HTTP, with small real indexes of scores and of recordings."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from crossmodal.applications.identification import identify
from crossmodal.applications.indexing import build_index
from crossmodal.applications.midi_matching import match
from crossmodal.base.errors import InputError
from crossmodal.base.results import AlignmentResult, Ranking
from crossmodal.server.app import create_app
from crossmodal.server.models import Job, MatchView
from crossmodal.server.reading import Reader
from crossmodal.server.settings import Settings
from crossmodal.space_files import load_space
from pairs.midi_reading import read_music
from tests.crossmodal.applications.shelf import write_shelf, write_tones
from tests.crossmodal.applications.tunes import TuneShelf
from tests.crossmodal.server.conftest import HOST, ready


@pytest.fixture(scope="module")
def shelf(sheet_space_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """scores/, made into index/, and a recording tones.wav. Read only."""
    folder = tmp_path_factory.mktemp("shelf")
    write_shelf(folder / "scores")
    write_tones(folder / "tones.wav", 8.0)
    build_index(load_space(sheet_space_folder), [folder / "scores"], folder / "index", modality="sheet", quiet=True)
    return folder


@pytest.fixture(scope="module")
def scores(shelf: Path) -> Iterator[TestClient]:
    with TestClient(create_app([shelf / "index"]), base_url=HOST) as made:
        yield ready(made)


def test_a_recording_is_identified_as_by_the_library(scores: TestClient, shelf: Path) -> None:
    data = (shelf / "tones.wav").read_bytes()
    answer = scores.post("/api/indexes/index/identify", files={"file": ("tones.wav", data)}, params={"k": 3})
    found, expected = Ranking.model_validate(answer.json()), identify(shelf / "index", shelf / "tones.wav", k=3)
    assert [r.id for r in found.results] == [r.id for r in expected.results]
    assert found.abstained == expected.abstained and found.query.path == "tones.wav"


def test_a_score_is_told_that_it_needs_recordings(scores: TestClient, shelf: Path) -> None:
    data = (shelf / "scores" / "0.mei").read_bytes()
    answer = scores.post("/api/indexes/index/identify", files={"file": ("mine.mei", data)})
    assert answer.status_code == 400 and "expected a recording" in answer.json()["error"]
    assert str(shelf) not in answer.json()["error"]
    broken = scores.post("/api/indexes/index/identify", files={"file": ("mine.wav", b"no music")})
    assert broken.status_code == 400 and broken.json()["error"].startswith("mine.wav")


def test_pages_of_scores_are_pictures(scores: TestClient) -> None:
    sizes = scores.get("/api/indexes/index/pages", params={"id": "0.mei"}).json()["sizes"]
    page = scores.get("/api/indexes/index/pages/1", params={"id": "0.mei"})
    assert len(sizes) >= 1 and page.status_code == 200 and page.content.startswith(b"\x89PNG")
    assert scores.get(f"/api/indexes/index/pages/{len(sizes) + 1}", params={"id": "0.mei"}).status_code == 404
    assert scores.get("/api/indexes/index/audio", params={"id": "0.mei"}).status_code == 404


def ended(client: TestClient, identifier: str) -> Job:
    """A job, once it has ended."""
    end = time.monotonic() + 400
    while True:
        job = Job.model_validate(client.get(f"/api/align/{identifier}").json())
        if job.state not in ("waiting", "running"):
            return job
        assert time.monotonic() < end
        time.sleep(0.1)


def test_an_alignment_runs_as_a_job_and_leaves_its_page(scores: TestClient, shelf: Path) -> None:
    begun = scores.post("/api/align", files={"recording": ("my take.wav", (shelf / "tones.wav").read_bytes())},
                        data={"index": "index", "score_id": "0.mei"})  # fmt: skip
    assert begun.status_code == 202
    identifier = begun.json()["id"]
    early = scores.get(f"/api/align/{identifier}/result")
    assert early.status_code in (200, 404)
    job = ended(scores, identifier)
    assert (job.state, job.progress, job.error) == ("done", 1.0, None)
    result = AlignmentResult.model_validate(scores.get(f"/api/align/{identifier}/result").json())
    assert (result.recording, result.score) == ("my take.wav", "0.mei")
    page = scores.get(f"/api/align/{identifier}/page")
    assert "my take – 0.mei" in page.text and page.headers["x-frame-options"] == "SAMEORIGIN"
    assert (shelf / "scores" / "0.mei").is_file()  # what is indexed is copied, not taken


def test_a_job_that_fails_says_why_and_one_that_is_cancelled_ends(scores: TestClient, shelf: Path) -> None:
    sound = ("a.wav", (shelf / "tones.wav").read_bytes())
    bad = scores.post("/api/align", files={"recording": sound, "score": ("mine.mei", b"no music")}).json()["id"]
    slow = scores.post(
        "/api/align", files={"recording": sound, "score": ("b.mei", (shelf / "scores/1.mei").read_bytes())}
    ).json()["id"]
    assert scores.delete(f"/api/align/{slow}").json()["state"] in ("cancelled", "running")
    job = ended(scores, bad)
    assert (
        job.state == "failed" and job.error is not None and job.error.startswith("mine.mei") and "job-" not in job.error
    )
    assert ended(scores, slow).state == "cancelled"
    assert scores.get(f"/api/align/{slow}/page").status_code == 404
    assert scores.get("/api/align/unknown").status_code == 404


def test_what_is_too_long_is_not_aligned(shelf: Path) -> None:
    sound = ("long.wav", (shelf / "tones.wav").read_bytes())  # 8 s
    with TestClient(create_app([shelf / "index"], settings=Settings(most_seconds=5.0)), base_url=HOST) as client:
        ready(client)
        begun = client.post("/api/align", files={"recording": sound}, data={"index": "index", "score_id": "0.mei"})
    assert begun.status_code == 400 and begun.json()["error"].startswith("long.wav: expected at most 5 s of sound")


def test_what_is_too_long_is_not_matched(shelf: Path) -> None:
    reader = Reader(Settings(most_seconds=5.0))
    try:
        with (
            (shelf / "tones.wav").open("rb") as sound,
            reader.upload("long.wav", sound) as upload,
            pytest.raises(InputError, match=r"^long\.wav: expected at most 5 s of sound"),
        ):
            reader.make("frames", upload, kind="audio", rolls=False)
    finally:
        reader.close()


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"index": "index", "score_id": "0.mei", "recording_id": "0.mei"},
        {"index": "no", "score_id": "x", "recording_id": "y"},
    ],
)
def test_an_alignment_needs_both_sides(scores: TestClient, data: dict[str, str]) -> None:
    answer = scores.post("/api/align", data=data)
    assert answer.status_code in (400, 404) and "expected" in answer.json()["error"]


def test_midi_is_matched_and_laid_over_the_recording(tune_shelf: TuneShelf) -> None:
    file = tune_shelf.folder / "queries/2.mid"
    with TestClient(create_app([tune_shelf.index]), base_url=HOST) as client:
        ready(client)
        view = MatchView.model_validate(
            client.post(
                "/api/indexes/index/match", files={"file": ("q.mid", file.read_bytes())}, params={"k": 2}
            ).json()
        )
        like = client.get("/api/indexes/index/similar", params={"id": "2.wav"}).json()
        assert like["results"] and "2.wav" not in [row["id"] for row in like["results"]]
        assert all(-1 <= row["similarity"] <= 1 for row in like["results"])
        assert client.post("/api/indexes/index/match", files={"file": ("q.mid", b"MThd")}).status_code == 400
        other = client.post("/api/indexes/index/match", files={"file": ("q.wav", b"x")})
        assert other.status_code == 400 and "q.wav: expected a MIDI file, since index holds" in other.json()["error"]
    expected = match(tune_shelf.index, file, k=2)
    assert [r.id for r in view.ranking.results] == [
        r.id for r in expected.results
    ] and view.ranking.query.path == "q.mid"
    roll = view.roll
    assert roll is not None and roll.id == "2.wav" and len(base64.b64decode(roll.frames)) % roll.bins == 0
    music = read_music(tune_shelf.folder / "midi/2.mid").performance.joined
    played = tune_shelf.recorded[2].clock(music[0])
    onsets = np.array(sorted({onset for onset, _, _ in roll.notes}))
    nearest = np.abs(played[:, None] - onsets[None]).min(axis=1)
    assert np.median(nearest) < 0.1
    assert {pitch % 12 for _, _, pitch in roll.notes} <= {int(p) % 12 for p in music[2]}
