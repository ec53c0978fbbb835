"""A server in this process, over the small index of all tests."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from crossmodal.server.app import create_app
from crossmodal.server.settings import Settings

HOST = "http://127.0.0.1"


def ready(client: TestClient) -> TestClient:
    """The client, once the indexes are open."""
    end = time.monotonic() + 300
    while client.get("/api/ready").status_code != 200:
        assert time.monotonic() < end, client.get("/api/ready").text
        time.sleep(0.05)
    return client


@pytest.fixture(scope="session")
def client(index_folder: Path) -> Iterator[TestClient]:
    """Of the small collection, whose index is called idx. Read only."""
    settings = Settings(most_bytes=3_000_000, most_seconds=20.0)
    with TestClient(create_app([index_folder], settings=settings), base_url=HOST) as made:
        yield ready(made)
