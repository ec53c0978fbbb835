"""The page of an alignment: whole, self-contained, safe against names, and honest."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from crossmodal.base.errors import InputError
from crossmodal.report.audio import AudioClip
from crossmodal.report.score_page import (
    Area,
    Moment,
    PageImage,
    ScoreView,
    Turn,
    clock,
    render_score_page,
    write_score_page,
)

VIEW = ScoreView(
    title="recording – score",
    lead="2 bars on 1 page.",
    pages=[PageImage(b"webp", "image/webp", 800, 1000)],
    systems=[Area(0, (50, 100, 750, 200))],
    measures=[Area(0, (50, 100, 400, 200), "1"), Area(0, (400, 100, 750, 200), "2")],
    moments=[Moment(0.1, 0, 60.0, 0, 0, 1.0, 90.0), Moment(0.2, 0, 70.04, 0, 0, 1.5), Moment(0.3, 0, 60.0, 1)],
    turns=[Turn("Repeat from bar 2 back to bar 1", [0.3]), Turn("On from bar 1 to bar 2", [])],
    sound=AudioClip(b"mp3"),
    duration=61.0,
)


class Reader(HTMLParser):
    """Tags with their attributes, and whether every tag is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag not in {"meta", "link", "input", "img", "path"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag != "path":
            assert self.open.pop() == tag


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    return reader


def data(text: str) -> dict[str, list[object]]:
    found = re.search(r'<script type="application/json" id="score-data">(.*?)</script>', text)
    assert found is not None
    loaded: dict[str, list[object]] = json.loads(found[1])
    return loaded


def test_the_page_asks_no_network_for_anything() -> None:
    text = render_score_page(VIEW)
    for _, attributes in read(text).tags:
        for name in ("src", "href"):
            assert (attributes.get(name) or "data:").startswith("data:")
        assert "style" not in attributes and not any(name.startswith("on") for name in attributes)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy is not None and "default-src 'none'" in policy[1]
    style, script = (re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL) for tag in ("style", "script"))
    for part in (style, script):
        assert part is not None
        assert "sha256-" + base64.b64encode(hashlib.sha256(part[1].encode()).digest()).decode() in policy[1]


def test_the_page_holds_what_the_script_reads() -> None:
    found = data(render_score_page(VIEW))
    assert found["seconds"] == [0.1, 0.2, 0.3] and found["x"] == [60.0, 70.0, 60.0] and found["stretch"] == [0, 0, 1]
    assert found["measure"] == [0, 0, -1] and found["beat"] == [1.0, 1.5, None] and found["tempo"] == [90, None, None]
    assert found["systems"] == [[0, 50, 100, 750, 200]] and found["measures"][1] == [0, 400, 100, 750, 200, "2"]


def test_every_control_has_a_name() -> None:
    text = render_score_page(VIEW)
    reader = read(text)
    named = {
        a["aria-label"] for t, a in reader.tags if t in {"button", "input", "section", "main"} and "aria-label" in a
    }
    assert {"Play", "Position in the recording", "Player", "Score"} <= named
    assert [a["alt"] for t, a in reader.tags if t == "img"] == ["Page 1 of the score"]
    for label in ("Bar <input", "Speed <select", "> Follow</label>"):
        assert label in text


def test_repeats_are_told() -> None:
    text = render_score_page(VIEW)
    assert (
        'Repeat from bar 2 back to bar 1: played at <button type="button" class="time" data-seconds="0.30">0:00</button>'
        in text
    )
    assert "On from bar 1 to bar 2: not played" in text
    assert "Repeats and jumps" not in render_score_page(replace(VIEW, turns=[]))


def test_a_warning_stands_first_and_only_where_there_is_one() -> None:
    assert 'class="warning"' not in render_score_page(VIEW)
    text = render_score_page(replace(VIEW, warning="Does not fit."))
    assert text.index("Does not fit.") < text.index("<main")


def test_names_are_only_ever_text() -> None:
    evil = "</script><script>alert(1)</script>\"'<b>\x00"
    view = replace(
        VIEW, title=evil, lead=evil, warning=evil, turns=[Turn(evil, [])], measures=[Area(0, (0, 0, 1, 1), evil)]
    )
    text = render_score_page(view)
    assert text.count("<script") == 2 and "<b>" not in text
    assert data(text)["measures"] == [[0, 0, 0, 1, 1, evil]]


def test_without_rows_or_measures_there_is_still_a_page() -> None:
    text = render_score_page(replace(VIEW, moments=[], measures=[], turns=[]))
    read(text)
    assert data(text)["seconds"] == [] and 'id="bar"' not in text


def test_the_same_view_gives_the_same_bytes(tmp_path: Path) -> None:
    sizes = [write_score_page(tmp_path / name, VIEW) for name in ("a.html", "b.html")]
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    assert sizes == [(tmp_path / "a.html").stat().st_size] * 2


def test_a_page_without_music_is_refused(tmp_path: Path) -> None:
    for view in (replace(VIEW, pages=[]), replace(VIEW, systems=[])):
        with pytest.raises(InputError, match="expected pages with systems"):
            write_score_page(tmp_path / "a.html", view)


def test_clock() -> None:
    assert [clock(s) for s in (0, 9.99, 60, 3599)] == ["0:00", "0:09", "1:00", "59:59"]
