"""Running the real command line, in this process or in one of its own."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from crossmodal.cli import main

REPOSITORY = Path(__file__).parents[3]


@dataclass(frozen=True)
class Outcome:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        """What was said on stderr."""
        return self.err.splitlines()


def crossmodal(*arguments: object, stdin: bytes = b"") -> Outcome:
    """Runs a command in this process. Whatever it says on stderr is lines of ours, and never a stack trace."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors=e) for e in ("strict", "backslashreplace"))
    code = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        try:
            main([str(a) for a in arguments])
        except SystemExit as end:
            code = int(end.code or 0)
    texts = []
    for stream in (out, err):
        stream.flush()
        assert isinstance(stream.buffer, io.BytesIO)
        texts.append(stream.buffer.getvalue().decode("utf-8"))
    outcome = Outcome(code, *texts)
    assert all(line.startswith("crossmodal: ") for line in outcome.lines), outcome.err[:2000]
    return outcome


def mistake(*arguments: object, stdin: bytes = b"") -> str:
    """The one line that a user's mistake is answered with; the exit code is 2 and nothing is on stdout."""
    outcome = crossmodal(*arguments, stdin=stdin)
    assert (outcome.code, outcome.out, len(outcome.lines)) == (2, "", 1), str(outcome)[:2000]
    return outcome.err.strip()


def start(*arguments: object, **options: Any) -> subprocess.Popen[bytes]:
    """Starts a command in a process of its own."""
    command = [sys.executable, "-c", "from crossmodal.cli import main; main()", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", **options.pop("env", {})}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen(command, env=environment, **pipes)


def end(process: subprocess.Popen[bytes]) -> Outcome:
    """Waits for a process."""
    out, err = process.communicate(timeout=300)
    return Outcome(process.returncode, (out or b"").decode(), (err or b"").decode())


def signal_when(process: subprocess.Popen[bytes], pattern: str, folder: Path, number: int) -> None:
    """Sends a signal as soon as something that matches `pattern` is in `folder` (or the process has ended)."""
    while process.poll() is None and not any(folder.glob(pattern)):
        time.sleep(0.002)
    if process.poll() is None:
        process.send_signal(number)
