"""Progress on stderr for whatever takes over a second; silent where stderr is no terminal, or when told to be
quiet.

for path in progress(paths, "Decoding"): ...

with progress(1000, "Rendering") as bar:
    bar.advance()
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Iterator, Sized
from typing import TYPE_CHECKING, Generic, TypeVar, overload

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

T = TypeVar("T")
_PATIENCE_SECONDS = 1.0


class Bar(Generic[T]):
    """One task's progress: iterate over it, or use it as a context manager and call `advance`."""

    def __init__(self, items: Iterable[T], total: int | None, label: str, *, quiet: bool) -> None:
        self._items = items
        self._total = total
        self._label = label
        self._done = 0
        self._lock = threading.Lock()
        self._shown: tuple[Progress, TaskID] | None = None
        self._timer: threading.Timer | None = None
        self._silent = quiet or not sys.stderr.isatty()

    def advance(self, steps: int = 1) -> None:
        """Note that `steps` more are done."""
        with self._lock:
            self._done += steps
            if self._shown is not None:
                bar, task = self._shown
                bar.update(task, completed=self._done)

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with self._lock:
            if self._timer is None:  # ended while the timer fired
                return
            bar = Progress(*columns, console=Console(stderr=True))
            self._shown = (bar, bar.add_task(self._label, total=self._total, completed=self._done))
            bar.start()

    def __enter__(self) -> Bar[T]:
        if not self._silent:
            self._timer = threading.Timer(_PATIENCE_SECONDS, self._show)
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            timer, self._timer = self._timer, None
            shown, self._shown = self._shown, None
        if timer is not None:
            timer.cancel()
        if shown is not None:
            shown[0].stop()

    def __iter__(self) -> Iterator[T]:
        with self:
            for item in self._items:
                yield item
                self.advance()


@overload
def progress(items: int, label: str, *, quiet: bool = False) -> Bar[int]: ...
@overload
def progress(items: Iterable[T], label: str, *, quiet: bool = False) -> Bar[T]: ...
def progress(items: Iterable[T] | int, label: str, *, quiet: bool = False) -> Bar[T] | Bar[int]:
    """A bar over `items` (an iterable, or the number of steps that `advance` will note)."""
    if isinstance(items, int):
        nothing: tuple[int, ...] = ()
        return Bar(nothing, items, label, quiet=quiet)
    return Bar(items, len(items) if isinstance(items, Sized) else None, label, quiet=quiet)
