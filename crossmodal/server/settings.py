"""What a server may spend on strangers, and where it listens."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass

_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class Settings:
    """token: what every request must bring, None where only this machine can ask; most_bytes: of a request's body; most_seconds: of
    an uploaded recording; upload_seconds: until a body has come; patience_seconds: for reading a file that came or lies in an index;
    align_seconds: for one alignment; readers: processes that read files; jobs_waiting: alignments that may wait; watch_seconds: between
    looks for a new state of an index.
    """

    token: str | None = None
    most_bytes: int = 200_000_000
    most_seconds: float = 1200.0
    upload_seconds: float = 900.0
    patience_seconds: float = 90.0
    align_seconds: float = 900.0
    readers: int = 2
    jobs_waiting: int = 8
    watch_seconds: float = 2.0


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens there."""
    if host in _LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def leave_a_core() -> None:
    """Keeps networks and searches off one core, for the answering itself, unless OMP_NUM_THREADS says otherwise; on all of them they make
    everyone wait. To be called before anything that computes is imported.
    """
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 2) - 1)))
