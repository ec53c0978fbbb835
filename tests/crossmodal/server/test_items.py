"""Items and their files: only what is indexed, whole or in part."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from fastapi.testclient import TestClient
from PIL import Image

from crossmodal.applications.indexing import build_index
from crossmodal.server.app import create_app
from crossmodal.space_files import load_space
from tests.conftest import RATE, SECONDS
from tests.crossmodal.server.conftest import HOST, ready

AUDIO = "/api/indexes/idx/audio"


def test_items_tell_what_they_are(client: TestClient) -> None:
    items = client.get("/api/indexes/idx/items", params={"start": 2, "k": 3}).json()
    assert [item["id"] for item in items] == ["track-02", "track-03", "track-04"]
    assert items[0]["has_audio"] and not items[0]["has_cover"] and items[0]["fields"]["artist"] == "artist 2"
    assert items[0]["tags"] and all(-1 <= tag["similarity"] <= 1 for tag in items[0]["tags"])
    some = client.get("/api/indexes/idx/items/some", params={"id": ["track-05", "track-01"]}).json()
    assert [item["id"] for item in some] == ["track-05", "track-01"]


def test_sound_is_sent_whole_and_in_parts(client: TestClient, sounds: Path) -> None:
    data = (sounds / "track 01.wav").read_bytes()
    whole = client.get(AUDIO, params={"id": "track-01"})
    assert whole.status_code == 200 and whole.content == data
    assert whole.headers["accept-ranges"] == "bytes" and whole.headers["content-type"] == "audio/wav"
    size = len(data)
    for asked, (start, end) in {
        "bytes=0-0": (0, 1), "bytes=100-199": (100, 200), "bytes=100-": (100, size), "bytes=-50": (size - 50, size),
        f"bytes=10-{10 * size}": (10, size), f"bytes=-{10 * size}": (0, size),
    }.items():  # fmt: skip
        part = client.get(AUDIO, params={"id": "track-01"}, headers={"range": asked})
        assert part.status_code == 206 and part.content == data[start:end], asked
        assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
    for asked in (f"bytes={size}-", "bytes=20-10", "bytes=-0"):
        assert client.get(AUDIO, params={"id": "track-01"}, headers={"range": asked}).status_code == 416
    for asked in ("bytes=0-1,5-6", "lines=1-2", "bytes=-", "bytes=a-b", f"bytes=0-{'9' * 5000}"):
        assert client.get(AUDIO, params={"id": "track-01"}, headers={"range": asked}).content == data


def test_sound_that_did_not_change_is_not_sent_again(client: TestClient) -> None:
    tag = client.get(AUDIO, params={"id": "track-01"}).headers["etag"]
    again = client.get(AUDIO, params={"id": "track-01"}, headers={"if-none-match": tag})
    assert again.status_code == 304 and not again.content
    other = client.get(AUDIO, params={"id": "track-01"}, headers={"if-range": '"another"', "range": "bytes=0-9"})
    assert other.status_code == 200


def test_a_waveform_decays_as_its_sound_does(client: TestClient) -> None:
    made = client.get("/api/indexes/idx/waveform", params={"id": "track-01"}).json()
    assert made["seconds"] == pytest.approx(SECONDS, abs=0.02)
    assert 100 < len(made["peaks"]) <= 480 and made["peaks"][5] > 2 * made["peaks"][-5] > 0


@pytest.mark.parametrize(
    "id",
    [
        "nobody",
        "../track 01.wav",
        "%2e%2e%2fetc%2fpasswd",
        "/etc/passwd",
        "track 01.wav",
        "\x00",
        "track-01/../track-02",
    ],
)
@pytest.mark.parametrize("what", ["audio", "cover", "waveform", "pages", "pages/1", "similar", "items/some"])
def test_what_is_no_item_is_not_there(client: TestClient, what: str, id: str) -> None:
    answer = client.get(f"/api/indexes/idx/{what}", params={"id": id})
    assert answer.status_code == 404 and set(answer.json()) == {"error"}


def test_a_recording_has_no_pages(client: TestClient) -> None:
    for what in ("pages", "pages/1", "cover"):
        assert client.get(f"/api/indexes/idx/{what}", params={"id": "track-01"}).status_code == 404


@pytest.fixture(scope="module")
def own(
    sounds: Path, space_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[TestClient, Path]]:
    """A server of a folder of recordings whose files a test may change: a, b, c, an AIFF, and one with a cover."""
    folder = tmp_path_factory.mktemp("own") / "music"
    folder.mkdir()
    for name, source in (("a.wav", "track 00.wav"), ("b.wav", "track 01.wav"), ("c.wav", "track 02.wav")):
        shutil.copy(sounds / source, folder / name)
    samples, _ = soundfile.read(sounds / "track 03.wav")
    soundfile.write(folder / "d.aiff", samples, RATE)
    (folder.parent / "secret.wav").write_bytes((sounds / "track 04.wav").read_bytes())
    Image.new("RGB", (900, 600), "red").save(folder / "cover.jpg")
    index = folder.parent / "idx"
    build_index(load_space(space_folder), [folder], index, quiet=True)
    with TestClient(create_app([index]), base_url=HOST) as made:
        yield ready(made), folder


def test_what_browsers_do_not_play_comes_as_mp3(own: tuple[TestClient, Path]) -> None:
    answer = own[0].get(AUDIO, params={"id": "d.aiff"})
    assert answer.status_code == 200 and answer.headers["content-type"] == "audio/mpeg"
    samples, rate = soundfile.read(io.BytesIO(answer.content))
    assert len(samples) / rate == pytest.approx(SECONDS, abs=0.15)


def test_a_cover_is_drawn_anew_and_smaller(own: tuple[TestClient, Path]) -> None:
    answer = own[0].get("/api/indexes/idx/cover", params={"id": "b.wav"})
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/png"
    image = Image.open(io.BytesIO(answer.content))
    assert image.size == (640, 427) and image.getpixel((5, 5))[0] > 200  # type: ignore[index]


def test_a_link_that_leads_out_of_its_folder_is_not_followed(own: tuple[TestClient, Path]) -> None:
    client, folder = own
    was = (folder / "a.wav").stat()
    (folder / "a.wav").unlink()
    (folder / "a.wav").symlink_to(folder.parent / "secret.wav")
    os.utime(folder.parent / "secret.wav", ns=(was.st_atime_ns, was.st_mtime_ns))
    assert (folder / "a.wav").stat().st_mtime_ns == was.st_mtime_ns
    for what in ("audio", "waveform"):
        answer = client.get(f"/api/indexes/idx/{what}", params={"id": "a.wav"})
        assert answer.status_code == 404 and "link" in answer.json()["error"]


def test_a_file_that_was_changed_is_not_sent(own: tuple[TestClient, Path]) -> None:
    client, folder = own
    (folder / "c.wav").write_bytes(b"something else")
    answer = client.get(AUDIO, params={"id": "c.wav"})
    assert answer.status_code == 404 and "--update" in answer.json()["error"]
    (folder / "c.wav").unlink()
    assert "gone" in client.get(AUDIO, params={"id": "c.wav"}).json()["error"]


def test_a_cover_that_links_elsewhere_is_not_shown(own: tuple[TestClient, Path]) -> None:
    client, folder = own
    Image.new("RGB", (60, 60), "blue").save(folder.parent / "private.png")
    (folder / "cover.jpg").unlink()
    (folder / "cover.jpg").symlink_to(folder.parent / "private.png")
    assert client.get("/api/indexes/idx/cover", params={"id": "b.wav"}).status_code == 404
