"""librosa is imported by one process at a time."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from filelock import FileLock

from crossmodal.base.librosa_import import load_librosa

LOADING = """
from crossmodal.base.librosa_import import load_librosa
print("begins", flush=True)
load_librosa().stft
print("loaded", flush=True)
"""


def test_a_second_process_waits_for_the_first(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    lock = FileLock(tmp_path / "cache" / "librosa.lock")
    with (
        lock,
        subprocess.Popen(
            [sys.executable, "-c", LOADING],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "CROSSMODAL_HOME": str(tmp_path)},
        ) as other,
    ):
        assert other.stdout is not None
        assert other.stdout.readline() == "begins\n"
        said: list[str] = []
        reader = threading.Thread(target=lambda: said.append(other.stdout.readline()), daemon=True)
        reader.start()
        reader.join(5)
        assert said == []
        lock.release()
        reader.join(60)
        assert said == ["loaded\n"]
        assert other.wait() == 0


def test_where_nothing_can_be_written_it_loads_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CROSSMODAL_HOME", str(tmp_path / "file"))
    assert load_librosa.__wrapped__().beat.beat_track is load_librosa().beat.beat_track
