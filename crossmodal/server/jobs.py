"""Alignments: begun by a request, worked on one after another, looked at, cancelled, and forgotten after a while."""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from crossmodal.base.cage import CANCELLED, Cage
from crossmodal.base.errors import CrossmodalError, InputError
from crossmodal.base.files import read_json
from crossmodal.base.workers import Failure
from crossmodal.server.align_job import STEPS, align
from crossmodal.server.library import UnknownError
from crossmodal.server.models import Job
from crossmodal.server.reading import Upload, extension_of
from crossmodal.server.settings import Settings

_KEPT_SECONDS = 3600.0
State = Literal["waiting", "running", "done", "failed", "cancelled"]


class BusyError(InputError):
    """Too much waits already."""


@dataclass
class _Work:
    """A job and its folder, which holds its own copies of what it works on."""

    id: str
    folder: Path
    item: Mapping[str, object]
    state: State = "waiting"
    error: str | None = None
    ended: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)


class Jobs:
    """One alignment at a time: each takes a core and some hundred megabytes."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._folder, self._settings = folder, settings
        self._cage = Cage(align, folder, processes=1, timeout_seconds=settings.align_seconds)
        self._queue = ThreadPoolExecutor(max_workers=1, thread_name_prefix="jobs")
        self._jobs: dict[str, _Work] = {}
        self._lock = threading.Lock()

    def begin(self, recording: Upload, score: Upload, *, space: str) -> Job:
        """Takes copies of both files and begins. BusyError when too many wait."""
        with self._lock:
            self._forget()
            if sum(job.state in ("waiting", "running") for job in self._jobs.values()) > self._settings.jobs_waiting:
                raise BusyError(
                    f"expected at most {self._settings.jobs_waiting} alignments that wait; try again in a few minutes"
                )
            identifier = secrets.token_urlsafe(16)
            folder = self._folder / f"job-{secrets.token_hex(12)}"
            folder.mkdir(mode=0o700)
            item = {
                "recording": _copy(recording, folder, "recording"), "score": _copy(score, folder, "score"), "space": space,
                "name": f"{folder.name}/made", "shown_recording": recording.shown, "shown_score": score.shown,
            }  # fmt: skip
            job = self._jobs[identifier] = _Work(identifier, folder, item)
        self._queue.submit(self._run, job)
        return self.look(identifier)

    def _run(self, job: _Work) -> None:
        if job.stop.is_set():
            return
        job.state = "running"
        try:
            answer = self._cage.call(job.item, cancelled=job.stop)
        except CrossmodalError as error:
            answer = Failure(str(error))
        if isinstance(answer, Failure):
            job.error = None if answer.reason == CANCELLED else self._plain(job, answer.reason)
            job.state = "cancelled" if answer.reason == CANCELLED else "failed"
        else:
            job.state = "done"
        self._clear(job)

    def _clear(self, job: _Work) -> None:
        """What was sent is deleted as soon as it is not needed."""
        job.ended = time.monotonic()
        for key in ("recording", "score"):
            Path(str(job.item[key])).unlink(missing_ok=True)

    @staticmethod
    def _plain(job: _Work, reason: str) -> str:
        for key in ("recording", "score"):
            reason = reason.replace(str(job.item[key]), str(job.item[f"shown_{key}"]))
        return reason.replace(f"{job.folder}/", "")

    def look(self, identifier: str) -> Job:
        """How far a job is. UnknownError where there is none."""
        job = self._get(identifier)
        step, progress = STEPS[0], 0.0
        path = job.folder / "made.step"
        if path.is_file():
            told = read_json(path)
            assert isinstance(told, dict)
            step, progress = str(told["step"]), float(told["progress"])
        if job.state == "waiting":
            step = "waiting for its turn"
        return Job(id=identifier, state=job.state, step=step, progress=progress, error=job.error)

    def cancel(self, identifier: str) -> Job:
        """Ends a job that waits or runs; one that has ended stays as it is."""
        job = self._get(identifier)
        job.stop.set()
        if job.state == "waiting":
            job.state = "cancelled"
            self._clear(job)
        return self.look(identifier)

    def result(self, identifier: str, ending: str) -> Path:
        """The file that a finished job made: "json" or "html". UnknownError where there is none."""
        job = self._get(identifier)
        if job.state != "done":
            raise UnknownError(
                f"expected a finished job, got one that is {job.state}; {job.error or 'look again later'}"
            )
        return job.folder / f"made.{ending}"

    def _get(self, identifier: str) -> _Work:
        job = self._jobs.get(identifier)
        if job is None:
            raise UnknownError("expected a job of this server, got an unknown one; results are kept for an hour")
        return job

    def _forget(self) -> None:
        for job in list(self._jobs.values()):
            if job.ended and time.monotonic() - job.ended > _KEPT_SECONDS:
                shutil.rmtree(job.folder, ignore_errors=True)
                del self._jobs[job.id]

    def close(self) -> None:
        """Ends whatever runs or waits."""
        for job in self._jobs.values():
            job.stop.set()
        self._queue.shutdown(wait=True, cancel_futures=True)
        self._cage.close()


def _copy(upload: Upload, folder: Path, name: str) -> str:
    return str(shutil.copyfile(upload.path, folder / f"{name}{extension_of(upload.path.name)}"))
