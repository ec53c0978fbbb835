"""align and follow from the command line: files, JSON, lines, and mistakes in one line."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pytest

from crossmodal.base.results import AlignmentResult, FollowRow
from crossmodal.space import Space
from tests.crossmodal.applications.conftest import sheet_space, tune  # noqa: F401  # fixtures
from tests.crossmodal.applications.playing import BACKWARD, FORWARD, music_xml
from tests.crossmodal.applications.shelf import write_tones

from .running import crossmodal, mistake


@pytest.fixture(scope="module")
def score(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight measures with a repeat."""
    return music_xml(tmp_path_factory.mktemp("score") / "score.musicxml", 8, {3: (FORWARD, ""), 6: ("", BACKWARD)})


def test_align_writes_json_csv_and_a_page(sheet_space: Space, tune: Path, score: Path, tmp_path: Path) -> None:  # noqa: F811
    table, page = tmp_path / "a.csv", tmp_path / "a.html"
    outcome = crossmodal(
        "align", tune, score, "--space", sheet_space.location, "--output", table, "--html", page, "--json"
    )
    assert outcome.code == 0
    result = AlignmentResult.model_validate(outcome.document)
    assert (result.recording, result.score, result.space) == (str(tune), str(score), sheet_space.reference)
    assert [(r.kind, r.origin.measure, r.destination.measure) for r in result.repeats][:1] == [("repeat", "6", "3")]
    assert result.abstained and len(outcome.lines) == 1  # the space was never trained
    assert "<!DOCTYPE html>" in page.read_text(encoding="utf-8")
    assert table.exists() == bool(result.rows)
    if result.rows:
        with table.open(encoding="utf-8", newline="") as stream:
            assert len(list(csv.DictReader(stream))) == len(result.rows)


def test_align_prints_csv_where_nothing_else_is_asked_for(sheet_space: Space, tune: Path, score: Path) -> None:  # noqa: F811
    outcome = crossmodal("align", tune, score, "--space", sheet_space.location)
    assert outcome.code == 0 and outcome.out.splitlines()[0] == "audio_seconds,page,system,x,y,measure,beat"


def test_follow_prints_a_line_for_every_update(sheet_space: Space, tune: Path, score: Path) -> None:  # noqa: F811
    outcome = crossmodal("follow", score, "--audio", tune, "--space", sheet_space.location)
    rows = [FollowRow.model_validate(json.loads(line)) for line in outcome.out.splitlines()]
    assert outcome.code == 0 and outcome.err == "" and 110 <= len(rows) <= 120


def test_follow_says_when_it_heard_nothing(sheet_space: Space, score: Path, tmp_path: Path) -> None:  # noqa: F811
    write_tones(tmp_path / "quiet.wav", 3.0, level=1e-4)
    outcome = crossmodal("follow", score, "--audio", tmp_path / "quiet.wav", "--space", sheet_space.location)
    assert (outcome.code, outcome.out, outcome.lines) == (0, "", ["crossmodal: no music was heard"])


def test_a_microphone_needs_its_package(
    sheet_space: Space, score: Path, monkeypatch: pytest.MonkeyPatch  # noqa: F811
) -> None:  # fmt: skip
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    said = mistake("follow", score, "--microphone", "--space", sheet_space.location, "--quiet")
    assert "pip install 'crossmodal[microphone]'" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["align"], "Missing argument 'RECORDING'"),
        (["align", "{score}", "{tune}"], "did you swap them?"),
        (["align", "{tune}", "{tune}"], "expected a score"),
        (["align", "{tune}", "none.pdf"], "nothing there"),
        (["align", "none.wav", "{score}"], "found nothing"),
        (["follow", "{score}"], "expected one of --audio FILE and --microphone, got neither"),
        (["follow", "{score}", "--audio", "{tune}", "--microphone"], "got both"),
        (["follow", "{score}", "--audio", "{tune}", "--rate", "44100"], "--rate: expected it with --microphone"),
        (["follow", "{score}", "--microphone", "--real-time"], "--real-time: expected it with --audio"),
        (["follow", "{tune}", "--audio", "{score}"], "did you swap them?"),
        (["follow", "{score}", "--audio", "{score}"], "expected a recording"),
    ],
)
def test_mistakes(arguments: list[str], said: str, sheet_space: Space, tune: Path, score: Path) -> None:  # noqa: F811
    shown = [a.format(score=score, tune=tune) for a in arguments]
    assert said in mistake(*shown, *(["--space", sheet_space.location] if len(arguments) > 1 else []))
