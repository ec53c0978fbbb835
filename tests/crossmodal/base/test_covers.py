"""Covers beside recordings and in their tags."""

from __future__ import annotations

import base64
import io
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from crossmodal.base.covers import cover_beside, embedded_cover
from crossmodal.base.errors import InputError


def picture(colour: str) -> bytes:
    """A small PNG of one colour."""
    stream = io.BytesIO()
    Image.new("RGB", (20, 20), colour).save(stream, "PNG")
    return stream.getvalue()


def recording(path: Path) -> Path:
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 8000).astype(np.float32), 8000)
    return path


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["cover.jpg", "folder.png"], "cover.jpg"),
        (["Folder.PNG", "other.png"], "Folder.PNG"),
        (["FRONT.webp"], "FRONT.webp"),
        (["front (scan).png", "backside.png"], "front (scan).png"),
        (["track.jpg", "cover.jpg"], "track.jpg"),
        (["covers.jpg", "booklet.png", "cover.txt"], None),
        ([], None),
    ],
)
def test_the_picture_beside_a_recording(tmp_path: Path, names: list[str], expected: str | None) -> None:
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    found = cover_beside(tmp_path / "Track.flac")
    assert (found.name if found else None) == expected


def test_a_folder_named_like_a_cover_is_none(tmp_path: Path) -> None:
    (tmp_path / "cover.jpg").mkdir()
    assert cover_beside(tmp_path / "track.flac") is None
    assert cover_beside(tmp_path / "gone" / "track.flac") is None


def flac_picture(data: bytes, kind: int) -> object:
    from mutagen.flac import Picture

    made = Picture()
    made.data, made.type, made.mime = data, kind, "image/png"
    return made


def test_flac_prefers_the_front_cover(tmp_path: Path) -> None:
    from mutagen.flac import FLAC

    path = recording(tmp_path / "a.flac")
    assert embedded_cover(path) is None
    tagged = FLAC(path)
    tagged.add_picture(flac_picture(picture("blue"), 4))
    tagged.add_picture(flac_picture(picture("red"), 3))
    tagged.save()
    assert embedded_cover(path) == picture("red")


def test_mp3(tmp_path: Path) -> None:
    from mutagen.id3 import APIC, ID3

    path = recording(tmp_path / "a.mp3")
    tags = ID3()
    tags.add(APIC(encoding=3, mime="image/png", type=0, desc="other", data=picture("blue")))
    tags.save(path)
    assert embedded_cover(path) == picture("blue")


def test_ogg(tmp_path: Path) -> None:
    from mutagen.oggvorbis import OggVorbis

    path = recording(tmp_path / "a.ogg")
    tagged = OggVorbis(path)
    tagged["metadata_block_picture"] = [
        "not a picture",
        base64.b64encode(flac_picture(picture("red"), 3).write()).decode(),  # type: ignore[attr-defined]
    ]
    tagged.save()
    assert embedded_cover(path) == picture("red")


def test_m4a(tmp_path: Path) -> None:
    imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg")
    from mutagen.mp4 import MP4, MP4Cover

    source, path = recording(tmp_path / "a.wav"), tmp_path / "a.m4a"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-i", str(source), "-c:a", "aac", str(path)]
    subprocess.run(command, check=True)
    assert embedded_cover(path) is None
    tagged = MP4(path)
    tagged["covr"] = [MP4Cover(picture("red"), MP4Cover.FORMAT_PNG)]
    tagged.save()
    assert embedded_cover(path) == picture("red")


def test_what_has_no_readable_tags(tmp_path: Path) -> None:
    assert embedded_cover(recording(tmp_path / "plain.wav")) is None
    (tmp_path / "noise.bin").write_bytes(bytes(range(256)) * 20)
    assert embedded_cover(tmp_path / "noise.bin") is None
    with pytest.raises(InputError, match="found nothing"):
        embedded_cover(tmp_path / "none.mp3")
    (tmp_path / "broken.flac").write_bytes(b"fLaC" + bytes(50))
    with pytest.raises(InputError, match="damaged") as caught:
        embedded_cover(tmp_path / "broken.flac")
    assert "\n" not in str(caught.value)
