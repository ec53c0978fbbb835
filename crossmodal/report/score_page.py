"""One page that shows a score while its recording plays: pages, sound, a cursor that moves, and places that can be pressed and heard.

A single file that asks no network for anything and works from a disk; what it may do is fixed by its own content security policy.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from crossmodal.base.errors import InputError
from crossmodal.base.files import atomic_write
from crossmodal.report.audio import AudioClip
from crossmodal.report.html import escape
from crossmodal.report.page import ICON, asset, digest

Box = tuple[float, float, float, float]  # left, top, right, bottom in the page's own pixels


@dataclass(frozen=True)
class PageImage:
    """An encoded page. width, height: of the coordinates that all places on it are given in, whatever the image's own size."""

    data: bytes
    media_type: str
    width: int
    height: int

    def data_uri(self) -> str:
        """For the `src` of an image."""
        return f"data:{self.media_type};base64,{base64.b64encode(self.data).decode('ascii')}"


@dataclass(frozen=True)
class Area:
    """A system or a measure: its page (from 0), its box, and the name of a measure."""

    page: int
    box: Box
    name: str = ""


@dataclass(frozen=True)
class Moment:
    """A moment of the recording: seconds, its system (row of `systems`), x, the stretch between two jumps that it is in, its measure
    (row of `measures`), beat, and the tempo in beats a minute, where they are known.
    """

    seconds: float
    system: int
    x: float
    stretch: int
    measure: int | None = None
    beat: float | None = None
    tempo: float | None = None


@dataclass(frozen=True)
class Turn:
    """A repeat, ending or jump in words, and the seconds at which it was taken, none when it was not."""

    text: str
    seconds: Sequence[float]


@dataclass(frozen=True)
class ScoreView:
    """All that the page shows. moments: in the order of time; warning: what the reader must know before anything else."""

    title: str
    lead: str
    pages: Sequence[PageImage]
    systems: Sequence[Area]
    measures: Sequence[Area]
    moments: Sequence[Moment]
    turns: Sequence[Turn]
    sound: AudioClip
    duration: float
    warning: str = ""
    engraved: bool = field(default=True)


def write_score_page(path: str | Path, view: ScoreView) -> int:
    """Writes the page, atomically; returns its bytes. InputError without pages or systems."""
    encoded = render_score_page(view).encode("utf-8", "replace")
    with atomic_write(path) as temporary:
        temporary.write_bytes(encoded)
    return len(encoded)


def render_score_page(view: ScoreView) -> str:
    """The page as text; the same view gives the same text."""
    if not view.pages or not view.systems:
        raise InputError(f"expected pages with systems, got {len(view.pages)} pages, {len(view.systems)} systems")
    style, script = asset("score.css"), asset("score.js")
    policy = (
        f"default-src 'none'; style-src '{digest(style)}'; script-src '{digest(script)}'; "
        "media-src data:; img-src data:; base-uri 'none'; form-action 'none'"
    )
    lead = f'<p class="lead">{escape(view.lead)}</p>' if view.lead else ""
    warning = (
        f'<p class="warning" role="alert"><strong>Careful.</strong> {escape(view.warning)}</p>' if view.warning else ""
    )
    pages = "".join(_page(number, page, len(view.pages), view.engraved) for number, page in enumerate(view.pages))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f'<title>{escape(view.title)}</title><link rel="icon" href="{ICON}"><style>{style}</style></head><body>'
        f"<header><h1>{escape(view.title)}</h1>{lead}{warning}{_turns(view.turns)}"
        '<p class="hint">Press a place in the score to hear it. <kbd>Space</kbd> plays and pauses, <kbd>←</kbd> <kbd>→</kbd> go '
        "5 seconds, <kbd>↑</kbd> <kbd>↓</kbd> a system back and on.</p>"
        "<noscript><p>This page needs its script to move the cursor; the sound and the pages are here all the same.</p></noscript>"
        f'</header><main aria-label="Score">{pages}</main>{_player(view)}'
        f'<script type="application/json" id="score-data">{_data(view)}</script><script>{script}</script></body></html>\n'
    )


def _page(number: int, page: PageImage, count: int, engraved: bool) -> str:
    kind = "engraved" if engraved else "scanned"
    return (
        f'<figure class="page {kind}" id="page-{number + 1}"><div class="sheet">'
        f'<img src="{page.data_uri()}" width="{page.width}" height="{page.height}" alt="Page {number + 1} of the score">'
        f'<svg viewBox="0 0 {page.width} {page.height}" aria-hidden="true" data-page="{number}"></svg></div>'
        f"<figcaption>Page {number + 1} of {count}</figcaption></figure>"
    )


def _turns(turns: Sequence[Turn]) -> str:
    if not turns:
        return ""
    items = "".join(f"<li>{escape(turn.text)}: {_played(turn)}</li>" for turn in turns)
    return f'<details class="turns" open><summary>Repeats and jumps</summary><ul>{items}</ul></details>'


def _played(turn: Turn) -> str:
    if not turn.seconds:
        return "not played"
    times = (
        f'<button type="button" class="time" data-seconds="{seconds:.2f}">{clock(seconds)}</button>'
        for seconds in turn.seconds
    )
    return f"played at {', '.join(times)}"


def _player(view: ScoreView) -> str:
    bars = (
        '<label class="find">Bar <input id="bar" type="text" inputmode="numeric" autocomplete="off" size="4"></label>'
        if view.measures
        else ""
    )
    speeds = "".join(
        f'<option value="{s}"{" selected" if s == 1 else ""}>{s:g}×</option>' for s in (0.5, 0.75, 1, 1.25, 1.5)
    )
    return (
        '<section class="player" aria-label="Player">'
        f'<audio id="sound" preload="auto" src="{view.sound.data_uri()}"></audio>'
        '<button type="button" id="play" aria-label="Play"><svg viewBox="0 0 24 24" aria-hidden="true">'
        '<path class="go" d="M7 4l13 8-13 8z"/>'
        '<path class="halt" d="M6 4h4v16H6zM14 4h4v16h-4z"/></svg></button>'
        '<div class="along"><input id="seek" type="range" min="0" step="0.05" value="0" aria-label="Position in the recording" '
        f'max="{view.duration:.2f}"><div class="told"><span id="clock">0:00</span> / {clock(view.duration)}'
        '<output id="place" for="seek"></output><span id="tempo"></span></div></div>'
        f'<div class="choices">{bars}<label>Speed <select id="speed">{speeds}</select></label>'
        '<label><input id="follow" type="checkbox" checked> Follow</label></div></section>'
    )


def _data(view: ScoreView) -> str:
    moments = view.moments
    data = {
        "systems": [[area.page, *(round(v, 1) for v in area.box)] for area in view.systems],
        "measures": [[area.page, *(round(v, 1) for v in area.box), area.name] for area in view.measures],
        "seconds": [round(m.seconds, 3) for m in moments],
        "system": [m.system for m in moments],
        "x": [round(m.x, 1) for m in moments],
        "stretch": [m.stretch for m in moments],
        "measure": [-1 if m.measure is None else m.measure for m in moments],
        "beat": [None if m.beat is None else round(m.beat, 2) for m in moments],
        "tempo": [None if m.tempo is None else round(m.tempo) for m in moments],
        "duration": round(view.duration, 3),
    }
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def clock(seconds: float) -> str:
    """Minutes and seconds as people write them."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
