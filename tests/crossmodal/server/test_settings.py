"""A core is left to the answering, unless the user says otherwise; answers leave at once."""

from __future__ import annotations

import os
import socket

import pytest

from crossmodal.server.running import bind
from crossmodal.server.settings import leave_a_core


def test_a_core_is_left_unless_the_user_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    leave_a_core()
    assert os.environ["OMP_NUM_THREADS"] == "7"
    for cores, threads in ((1, "1"), (2, "1"), (8, "7")):
        monkeypatch.delenv("OMP_NUM_THREADS")
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        leave_a_core()
        assert os.environ["OMP_NUM_THREADS"] == threads


def test_the_listening_socket_names_tcp_so_that_asyncio_sends_at_once() -> None:
    with bind("127.0.0.1", 0) as bound:
        assert bound.proto == socket.IPPROTO_TCP
