"""Bulk work survives bad items, crashes, hangs, kills and full disks."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from crossmodal.base.errors import InputError
from crossmodal.base.files import FullDiskError, atomic_write
from crossmodal.base.jobs import Row, collect, run_shards

REPOSITORY = Path(__file__).parents[3]


def work(item: Mapping[str, object], folder: Path) -> Row:
    """Writes a file named by the item; misbehaves as the item says."""
    kind = item.get("kind")
    if kind == "bad":
        raise InputError(f"{item['id']}: no good")
    if kind == "bug":
        raise ValueError("two\nlines")
    if kind == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if kind == "hang":
        time.sleep(60)
    if kind == "full":
        with atomic_write(folder / "x"):
            raise OSError(errno.ENOSPC, "No space left on device")
    if kind == "crash once" and not (folder / "crashed").exists():
        (folder / "crashed").touch()
        os._exit(3)
    if kind == "slow":
        time.sleep(0.2)
    with atomic_write(folder / f"{item['id']}.txt") as temporary:
        temporary.write_text(str(item["id"]))
    with (folder / "calls.log").open("a") as stream:
        stream.write(f"{item['id']}\n")
    return {"id": item["id"], "threads": os.environ["OMP_NUM_THREADS"]}


def run(
    items: list[dict[str, object]], folder: Path, *, jobs: int = 1, timeout_seconds: float | None = None
) -> tuple[list[Row], dict[str, str]]:
    outcomes = run_shards(
        work, items, output=folder, label="work", jobs=jobs, timeout_seconds=timeout_seconds, shard_size=2
    )
    rows, skipped = collect(outcomes)
    return rows, {row.path: row.reason for row in skipped}


def named(*names: str) -> list[dict[str, object]]:
    return [{"id": name} for name in names]


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_item_has_an_outcome_in_order(tmp_path: Path, jobs: int) -> None:
    items = named(*"abcde")
    items[1]["kind"], items[3]["kind"] = "bad", "bug"
    rows, skipped = run(items, tmp_path, jobs=jobs)
    assert [row["id"] for row in rows] == ["a", "c", "e"]
    assert {row["threads"] for row in rows} == {"1"}
    assert skipped["b"] == "b: no good"
    assert skipped["d"].startswith("ValueError: two lines (test_jobs.py:")


@pytest.mark.parametrize("jobs", [1, 2])
def test_crash_costs_only_its_item(tmp_path: Path, jobs: int) -> None:
    items = named(*"abcd")
    items[1]["kind"], items[2]["kind"] = "crash", "crash once"
    rows, skipped = run(items, tmp_path, jobs=jobs)
    assert [row["id"] for row in rows] == ["a", "c", "d"]
    assert skipped == {"b": "the process was ended by SIGSEGV"}


def test_hanging_item_is_given_up(tmp_path: Path) -> None:
    items = named("a", "b")
    items[0]["kind"] = "hang"
    rows, skipped = run(items, tmp_path, timeout_seconds=0.5)
    assert [row["id"] for row in rows] == ["b"]
    assert skipped == {"a": "took longer than 0.5 s"}


def test_next_run_takes_up_rows_also_when_items_were_inserted(tmp_path: Path) -> None:
    run(named("b", "c", "d"), tmp_path)
    rows, _ = run(named("a", "b", "c", "d"), tmp_path)
    assert [row["id"] for row in rows] == ["a", "b", "c", "d"]
    assert (tmp_path / "calls.log").read_text().split() == ["b", "c", "d", "a"]


def test_changed_parameters_and_lost_files_are_done_again(tmp_path: Path) -> None:
    def again(parameters: dict[str, object]) -> list[bool]:
        outcomes = run_shards(
            work,
            named("a", "b"),
            output=tmp_path,
            label="work",
            parameters=parameters,
            usable=lambda row, folder: (folder / f"{row['id']}.txt").exists(),
        )
        return [outcome.reused for outcome in sorted(outcomes, key=lambda outcome: outcome.index)]

    assert again({"version": 1}) == [False, False]
    assert again({"version": 2}) == [False, False]
    (tmp_path / "b.txt").unlink()
    assert again({"version": 2}) == [True, False]


def test_stopping_in_the_middle_keeps_what_is_done(tmp_path: Path) -> None:
    outcomes = run_shards(work, named(*"abcd"), output=tmp_path, label="work", shard_size=100)
    first = next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]
    again = run_shards(work, named(*"abcd"), output=tmp_path, label="work", shard_size=100)
    assert {outcome.index for outcome in again if outcome.reused} == {first.index}


def test_full_disk_ends_the_job(tmp_path: Path) -> None:
    items = named("a", "b")
    items[1]["kind"] = "full"
    with pytest.raises(FullDiskError, match="room"):
        run(items, tmp_path)
    items[1]["kind"] = "mended"
    run(items, tmp_path)
    assert (tmp_path / "calls.log").read_text().split() == ["a", "b"]


def test_damaged_shard_file_is_done_again(tmp_path: Path) -> None:
    run(named("a"), tmp_path)
    (shard,) = (tmp_path / "shards").glob("*.json")
    shard.write_text('{"half')
    rows, _ = run(named("a"), tmp_path)
    assert len(rows) == 1
    assert (tmp_path / "calls.log").read_text().split() == ["a", "a"]


def test_no_items(tmp_path: Path) -> None:
    assert run([], tmp_path) == ([], {})


def test_wrong_arguments(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="jobs: expected at least 1, got 0"):
        run(named("a"), tmp_path, jobs=0)
    with pytest.raises(InputError, match="JSON"):
        run([{"id": Path("x")}], tmp_path)


SCRIPT = """
import sys
from pathlib import Path
from crossmodal.base.jobs import run_shards
from tests.crossmodal.base.test_jobs import work

if __name__ == "__main__":
    items = [{"id": f"i{number}", "kind": "slow"} for number in range(40)]
    for outcome in run_shards(work, items, output=Path(sys.argv[1]), label="work", jobs=2, shard_size=1):
        print(outcome.index, flush=True)
"""


def children(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[1]) == pid and fields[0] != "Z":
                found.append(int(entry.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to see processes")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_ended_run_is_resumed_and_leaves_no_orphans(tmp_path: Path, how: signal.Signals) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, str(script), str(tmp_path / "out")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(3):
            process.stdout.readline()
        workers = children(process.pid)
        process.send_signal(how)
        process.wait(30)
    assert len(workers) >= 2
    patience = time.monotonic() + 30
    while any(Path(f"/proc/{pid}").exists() for pid in workers) and time.monotonic() < patience:
        time.sleep(0.05)
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
    items = [{"id": f"i{number}", "kind": "slow"} for number in range(40)]
    outcomes = list(run_shards(work, items[:6], output=tmp_path / "out", label="work", jobs=2))
    assert len(outcomes) == 6
    assert sum(outcome.reused for outcome in outcomes) >= 3
