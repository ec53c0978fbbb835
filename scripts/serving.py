"""A server as people start it, in a process of its own, for scripts and tests; and a headless Chromium to look at it with."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Frame, Page

ROOT = Path(__file__).resolve().parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage",
    "--autoplay-policy=no-user-gesture-required",
)  # fmt: skip


class Server:
    """A running `crossmodal serve`. address: with a slash at its end."""

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self.process, self.address = process, address

    def get(self, path: str, *, seconds: float = 60.0) -> object:
        """An answer of the API."""
        with urllib.request.urlopen(f"{self.address}{path}", timeout=seconds) as answer:
            return json.loads(answer.read())

    def wait(self, *, seconds: float = 300.0) -> None:
        """Until the indexes are open. Raises TimeoutError."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                self.get("api/ready")
                return
            if self.process.poll() is not None:
                raise TimeoutError(f"the server ended with {self.process.returncode}")
            time.sleep(0.2)
        raise TimeoutError(f"{self.address}: not ready after {seconds:g} s")


@contextlib.contextmanager
def serving(indexes: Sequence[Path], *options: str, port: int = 0) -> Iterator[Server]:
    """`crossmodal serve INDEX...` on a free port, ready to answer; ended afterwards."""
    command = [
        sys.executable,
        "-m",
        "crossmodal",
        "serve",
        *map(str, indexes),
        "--port",
        str(port),
        "--quiet",
        *options,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            if not address:
                raise RuntimeError("the server did not begin; its reason stands on stderr")
            server = Server(process, address.partition("?")[0])
            if "?" not in address:
                server.wait()
            yield server
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def browser_path() -> str | None:
    """A Chromium of this machine."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def until(page: Page | Frame, condition: str, *, seconds: float = 120.0) -> None:
    """Waits for an expression of JavaScript to hold; `wait_for_function` cannot, since the page's policy forbids eval.

    Raises TimeoutError.
    """
    end = time.monotonic() + seconds
    while not page.evaluate(condition):
        if time.monotonic() > end:
            raise TimeoutError(f"never true: {condition}")
        time.sleep(0.1)


@contextlib.contextmanager
def browsing() -> Iterator[Browser]:
    """A headless browser. Raises RuntimeError where there is none."""
    from playwright.sync_api import sync_playwright

    path = browser_path()
    if path is None:
        raise RuntimeError("expected a Chromium, found none; install one (apt install chromium)")
    with sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()
