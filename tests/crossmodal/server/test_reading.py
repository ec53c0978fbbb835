"""What a server that was killed left behind is removed by the next one, and nothing else is."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from crossmodal.base.files import FolderLock
from crossmodal.server.reading import Reader, extension_of
from crossmodal.server.settings import Settings


def test_what_a_killed_server_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead, living, young, other = (tmp_path / f"crossmodal-{name}" for name in ("serve-a", "serve-b", "serve-c", "demo"))
    for folder in (dead, living, young, other):
        (folder / "upload-1").mkdir(parents=True)
        (folder / "upload-1" / "query.wav").write_bytes(b"somebody's")
    with FolderLock(living):
        for folder in (dead, living, other):
            os.utime(folder, (1, 1))
        reader = Reader(Settings())
        assert not dead.exists() and living.is_dir() and young.is_dir() and other.is_dir()
        assert reader.folder.stat().st_mode & 0o777 == 0o700
    reader.close()
    assert not reader.folder.exists()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.wav", ".wav"),
        ("A.MXL", ".mxl"),
        ("tune.krn.gz", ".krn.gz"),
        ("none", ""),
        ("a.w/../v", ""),
        ("x.wav\x00", ""),
    ],
)
def test_only_a_plain_ending_of_a_strangers_name_is_used(name: str, expected: str) -> None:
    assert extension_of(name) == expected
