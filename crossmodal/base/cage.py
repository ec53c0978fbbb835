"""Calls that come one by one, from any thread, each answered in a process that may crash, hang or be killed.

`workers.WorkerPool` is for many items that are known at once; this is for what strangers send while a server runs.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import wait
from pathlib import Path

from crossmodal.base.files import FullDiskError
from crossmodal.base.workers import Failure, FullDisk, Function, Worker

_GLANCE_SECONDS = 0.1  # between two looks whether a call was cancelled
_START_SECONDS = 120.0  # for a process to start and import what it needs, on a busy machine
CANCELLED = "cancelled"


class Cage:
    """Runs `function(item, folder)` for whoever calls, in at most `processes` processes that stay for the next call.

    A process that crashed, took too long or was cancelled is gone, and its item failed; the next call begins with a fresh one. Those
    that find all processes busy wait for one.
    """

    def __init__(self, function: Function, folder: Path, *, processes: int, timeout_seconds: float) -> None:
        self._function, self._folder, self._timeout_seconds = function, folder, timeout_seconds
        self._free = threading.BoundedSemaphore(processes)
        self._idle: deque[Worker] = deque()
        # Linux kills a worker with the thread that started it, so that must be one that stays
        self._starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="cage")

    def call(
        self, item: Mapping[str, object], *, cancelled: threading.Event | None = None
    ) -> dict[str, object] | Failure:
        """The row, or why there is none. cancelled: when set, the call ends within a tenth of a second, and the process with it."""
        stop = cancelled or threading.Event()
        while not self._free.acquire(timeout=_GLANCE_SECONDS):
            if stop.is_set():
                return Failure(CANCELLED)
        try:
            worker = self._worker()
            try:
                answer = self._ask(worker, item, stop)
            except BaseException:
                worker.end()
                raise
        finally:
            self._free.release()
        if isinstance(answer, FullDisk):
            raise FullDiskError(answer.reason)
        return answer

    def _worker(self) -> Worker:
        while self._idle:
            worker = self._idle.pop()
            if worker.process.is_alive():
                return worker
            worker.end()
        return self._starter.submit(Worker, self._function, self._folder).result()

    def _ask(
        self, worker: Worker, item: Mapping[str, object], stop: threading.Event
    ) -> dict[str, object] | Failure | FullDisk:
        """Hands over the item once the process is up; a process that is still whole afterwards waits for the next."""
        if worker.ready:
            worker.give((0, item), None)
        deadline = time.monotonic() + (self._timeout_seconds if worker.ready else _START_SECONDS)
        while not stop.is_set() and time.monotonic() < deadline:
            if not wait([worker.pipe], timeout=_GLANCE_SECONDS):
                continue
            try:
                answer: dict[str, object] | Failure | FullDisk = worker.pipe.recv()
            except (EOFError, ConnectionResetError):
                reason = worker.death()
                worker.end()
                return Failure(reason)
            if worker.ready:
                self._idle.append(worker)
                return answer
            worker.ready = True
            deadline = time.monotonic() + self._timeout_seconds
            worker.give((0, item), None)
        worker.end()
        return Failure(CANCELLED if stop.is_set() else f"took longer than {self._timeout_seconds:g} s")

    def close(self) -> None:
        """End the processes that wait for a call."""
        while self._idle:
            self._idle.pop().end()
        self._starter.shutdown(wait=False)
