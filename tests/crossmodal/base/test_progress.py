"""Progress passes items through, is silent off a terminal, and shows itself only after a while."""

from __future__ import annotations

import io
import sys
import time

import pytest

from crossmodal.base.progress import Bar, progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_silent_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress([1, 2, 3], "Counting")) == [1, 2, 3]
    bar: Bar[int] = progress(2, "Counting")
    with bar:
        bar.advance()
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


@pytest.mark.parametrize(("seconds", "quiet", "shown"), [(1.3, False, True), (0, False, False), (1.3, True, False)])
def test_shown_after_a_second(monkeypatch: pytest.MonkeyPatch, seconds: float, quiet: bool, shown: bool) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    for _ in progress(iter("a"), "Counting", quiet=quiet):
        time.sleep(seconds)
    assert ("Counting" in terminal.getvalue()) == shown
