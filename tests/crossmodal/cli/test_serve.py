"""`crossmodal serve`: the address on stdout, the server behind it, and every mistake in one line."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from scripts.serving import serving

from .running import mistake


def test_it_says_where_it_is_and_answers(index_folder: Path) -> None:
    with serving([index_folder]) as server:
        assert server.address.startswith("http://127.0.0.1:")
        assert server.get("api/health") == {"ready": True, "indexes": 1, "problems": []}
        with urllib.request.urlopen(server.address) as page:
            assert b"<title>crossmodal</title>" in page.read()


def test_where_others_can_ask_it_wants_a_token(index_folder: Path) -> None:
    with (
        serving([index_folder], "--host", "0.0.0.0", "--token", "a-token-of-mine") as server,
        pytest.raises(urllib.error.HTTPError) as refused,
    ):
        port = server.address.rstrip("/").rpartition(":")[2]
        urllib.request.urlopen(f"http://127.0.0.1:{port}/api/indexes")
    assert refused.value.code == 401


def test_mistakes_are_told_in_one_line(index_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "crossmodal demo" in mistake("serve")
    assert "expected an index" in mistake("serve", tmp_path / "nothing")
    assert "--token" in mistake("serve", index_folder, "--token", "short")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert "--port" in mistake("serve", index_folder, "--port", taken.getsockname()[1])
