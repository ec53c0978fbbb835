"""Worker processes that may crash, hang or be killed: each loses the one item it works on, nothing else.

Why not concurrent.futures: there one crashed process breaks the whole pool and nobody knows which item was at
fault. Here each worker has its own pipe and one item at a time, so the culprit is known.
`base.cage` has the same for calls that come one by one.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

from crossmodal.base.errors import CrossmodalError, InputError
from crossmodal.base.files import FullDiskError

Function = Callable[[Mapping[str, object], Path], dict[str, object]]
Task = tuple[int, Mapping[str, object]]

_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "RAYON_NUM_THREADS",
)
_PR_SET_PDEATHSIG = 1
_LIMITED: list[int] = []  # the limit on memory of this process, once it is set
_PATIENCE_SECONDS = 5.0  # for a worker to end by itself


@dataclass(frozen=True)
class Failure:
    """Why an item has no row."""

    reason: str


@dataclass(frozen=True)
class FullDisk:
    """Sent by a worker that found no room: the job cannot go on."""

    reason: str


def _work(function: Function, folder: Path, pipe: Connection) -> None:
    """The life of a worker process: take an item, answer with (kind, payload), until told to stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with_parent()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    pipe.send(None)
    while True:
        try:
            item = pipe.recv()
        except EOFError:
            return
        if item is None:
            return
        pipe.send(_answer(function, item, folder))


def _answer(function: Function, item: Mapping[str, object], folder: Path) -> dict[str, object] | Failure | FullDisk:
    try:
        row = function(item, folder)
        json.dumps(row, allow_nan=False)
    except FullDiskError as error:
        return FullDisk(str(error))
    except CrossmodalError as error:
        return Failure(str(error))
    except Exception as error:  # one bad item must not end a job; where it happened is part of the reason
        place = traceback.extract_tb(error.__traceback__)[-1]
        text = " ".join(str(error).split())
        return Failure(f"{type(error).__name__}: {text} ({Path(place.filename).name}:{place.lineno})")
    return row


def limit_memory(extra_bytes: int) -> None:
    """For functions that run in a worker: from its first call on, the process may take so much more memory than it has, then fails.

    Linux only (elsewhere there is the cap on time alone). Later calls change nothing.
    """
    if sys.platform != "linux" or _LIMITED:
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + extra_bytes
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    _LIMITED.append(most)


def _die_with_parent() -> None:
    """Linux: the kernel kills this process with its parent, even when native code holds the interpreter's lock for ever."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _end_with_parent() -> None:
    """End this process when its parent is gone, even in the middle of an item."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


class Worker:
    """One process, its pipe, and what it works on."""

    def __init__(self, function: Function, folder: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(target=_work, args=(function, folder, theirs), daemon=True)
        before = {name: os.environ.get(name) for name in _THREADS}
        os.environ.update(dict.fromkeys(_THREADS, "1"))  # a child reads them when it imports its libraries
        try:
            self.process.start()
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
        theirs.close()
        self.ready = False
        self.task: Task | None = None
        self.deadline = float("inf")

    def give(self, task: Task, timeout_seconds: float | None) -> None:
        self.task = task
        self.deadline = time.monotonic() + timeout_seconds if timeout_seconds else float("inf")
        with contextlib.suppress(BrokenPipeError):  # it died meanwhile: reading from the pipe will say so
            self.pipe.send(task[1])

    def death(self) -> str:
        """How it ended, in words."""
        self.process.join(_PATIENCE_SECONDS)
        code = self.process.exitcode
        if code is not None and code < 0:
            return f"the process was ended by {signal.Signals(-code).name}"
        return f"the process ended with exit code {code}"

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


class WorkerPool:
    """Runs `function(item, folder)` over tasks (index, item) in `processes` processes."""

    def __init__(
        self, function: Function, folder: Path, *, processes: int, timeout_seconds: float | None = None
    ) -> None:
        self._function = function
        self._folder = folder
        self._processes = processes
        self._timeout_seconds = timeout_seconds
        self._workers: list[Worker] = []
        self._last_death = ""

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[int, dict[str, object] | Failure]]:
        """Yield (index, row or Failure) as items are done."""
        fresh = deque(tasks)
        suspects: deque[Task] = deque()  # their process died once; the next time they run alone
        tried: set[int] = set()
        while fresh or suspects or any(worker.task for worker in self._workers):
            self._hand_out(fresh, suspects)
            for worker, result in self._listen():
                task, worker.task = worker.task, None
                if result is None and task is not None and task[0] not in tried:
                    tried.add(task[0])
                    suspects.append(task)
                elif task is not None:
                    yield task[0], result if result is not None else Failure(self._last_death)
        self.close()

    def _hand_out(self, fresh: deque[Task], suspects: deque[Task]) -> None:
        while fresh and len(self._workers) < self._processes:
            self._workers.append(Worker(self._function, self._folder))
        for worker in self._workers:
            if worker.ready and worker.task is None and fresh:
                worker.give(fresh.popleft(), self._timeout_seconds)
        if suspects and not fresh and not any(worker.task for worker in self._workers):
            if not self._workers:
                self._workers.append(Worker(self._function, self._folder))
            worker = self._workers[0]
            if worker.ready:
                worker.give(suspects.popleft(), self._timeout_seconds)

    def _listen(self) -> list[tuple[Worker, dict[str, object] | Failure | None]]:
        """Wait for news: (worker, row or Failure), or (worker, None) for one that died or took too long."""
        now = time.monotonic()
        deadline = min((worker.deadline for worker in self._workers if worker.task), default=float("inf"))
        patience = None if deadline == float("inf") else max(0.0, deadline - now)
        speaking = set(wait([worker.pipe for worker in self._workers], timeout=patience))
        news: list[tuple[Worker, dict[str, object] | Failure | None]] = []
        for worker in list(self._workers):
            if worker.pipe in speaking:
                try:
                    answer = worker.pipe.recv()
                except (EOFError, ConnectionResetError):
                    self._bury(worker, worker.death())
                    news.append((worker, None))
                    continue
                if not worker.ready:
                    worker.ready = True
                elif isinstance(answer, FullDisk):
                    raise FullDiskError(answer.reason)
                else:
                    news.append((worker, answer))
            elif worker.task and worker.deadline <= time.monotonic():
                self._bury(worker, f"took longer than {self._timeout_seconds:g} s")
                news.append((worker, None))
        return news

    def _bury(self, worker: Worker, reason: str) -> None:
        worker.end()
        self._workers.remove(worker)
        self._last_death = reason
        if not worker.ready:
            raise InputError(
                f"worker processes cannot start ({reason}); if a script calls this, put its code under "
                "'if __name__ == \"__main__\":'"
            )

    def close(self) -> None:
        """End all workers, whatever they do."""
        for worker in self._workers:
            worker.end()
        self._workers.clear()
