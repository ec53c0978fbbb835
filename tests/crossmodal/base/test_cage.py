"""Calls in processes that crash, hang, or are cancelled."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from crossmodal.base.cage import Cage
from crossmodal.base.errors import InputError
from crossmodal.base.workers import Failure


def work(item: Mapping[str, object], folder: Path) -> dict[str, object]:
    """What the processes of these tests do."""
    if item["do"] == "die":
        os._exit(3)
    if item["do"] == "hang":
        time.sleep(600)
    if item["do"] == "refuse":
        raise InputError("expected more, got less; give more")
    if item["do"] == "write":
        (folder / "made").write_text("it")
    return {"process": os.getpid(), "item": str(item["do"])}


@pytest.fixture
def cage(tmp_path: Path) -> Cage:
    return Cage(work, tmp_path, processes=2, timeout_seconds=1.0)


def test_answers_come_from_other_processes_that_stay(cage: Cage, tmp_path: Path) -> None:
    first, second = cage.call({"do": "write"}), cage.call({"do": "again"})
    assert isinstance(first, dict) and isinstance(second, dict)
    assert first["process"] == second["process"] != os.getpid() and (tmp_path / "made").read_text() == "it"
    cage.close()


def test_one_that_dies_hangs_or_refuses_costs_only_its_item(cage: Cage) -> None:
    died, hung, refused = (cage.call({"do": what}) for what in ("die", "hang", "refuse"))
    assert died == Failure("the process ended with exit code 3")
    assert hung == Failure("took longer than 1 s")
    assert refused == Failure("expected more, got less; give more")
    assert isinstance(cage.call({"do": "go on"}), dict)
    cage.close()


def test_a_call_can_be_cancelled_while_it_runs_and_while_it_waits(tmp_path: Path) -> None:
    cage = Cage(work, tmp_path, processes=1, timeout_seconds=600)
    stops = [threading.Event(), threading.Event()]
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(cage.call, {"do": "hang"}, cancelled=stop) for stop in stops]
        for stop in stops:
            stop.set()
        assert [call.result() for call in calls] == [Failure("cancelled")] * 2
    assert isinstance(cage.call({"do": "go on"}), dict)
    cage.close()


def test_processes_outlive_the_thread_that_called(cage: Cage) -> None:
    made: list[object] = []
    thread = threading.Thread(target=lambda: made.append(cage.call({"do": "a"})))
    thread.start()
    thread.join()
    time.sleep(0.2)
    again = cage.call({"do": "b"})
    assert isinstance(again, dict) and isinstance(made[0], dict) and again["process"] == made[0]["process"]
    cage.close()
