"""The page around the blocks: head, contents, sections, one style and one script, and the file on disk."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from crossmodal.base.errors import InputError
from crossmodal.base.files import atomic_write
from crossmodal.report.html import Block, Context, escape

ICON = "data:image/svg+xml;base64," + base64.b64encode(
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">'
    b'<circle cx="5" cy="8" r="4" fill="#0072b2"/>'
    b'<circle cx="11" cy="8" r="4" fill="#d55e00" fill-opacity=".8"/></svg>'
).decode("ascii")


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it."""

    title: str
    blocks: Sequence[Block]


def write_report(
    path: str | Path,
    sections: Sequence[Section],
    *,
    title: str = "crossmodal report",
    subtitle: str = "",
    maximum_megabytes: float = 15.0,
    sounds: bool = False,
) -> int:
    """Write one self-contained page, atomically; returns its bytes. The same input gives the same bytes.

    sounds: whether it may play recordings that lie beside it (`Point.sound`); then it is self-contained but for these.

    When the sounds would make it larger than `maximum_megabytes`, the last ones are left out, and the page
    says so.
    """
    if not maximum_megabytes > 0:
        raise InputError(f"maximum_megabytes: expected a number above 0, got {maximum_megabytes}")
    page = render_report(sections, title=title, subtitle=subtitle, maximum_megabytes=maximum_megabytes, sounds=sounds)
    encoded = page.encode("utf-8", "replace")
    with atomic_write(path) as temporary:
        temporary.write_bytes(encoded)
    return len(encoded)


def render_report(
    sections: Sequence[Section], *, title: str, subtitle: str = "", maximum_megabytes: float = 15.0,
    sounds: bool = False,
) -> str:  # fmt: skip
    """The page as text."""
    context = Context(sound_bytes=int(maximum_megabytes * 0.9 * 1e6))  # the rest is for text and charts
    body = "".join(
        f'<section aria-labelledby="part-{i}"><h2 id="part-{i}">{escape(section.title)}</h2>'
        f"{''.join(block.render(context) for block in section.blocks)}</section>"
        for i, section in enumerate(sections, 1)
    )
    contents = "".join(
        f'<li><a href="#part-{i}">{escape(section.title)}</a></li>' for i, section in enumerate(sections, 1)
    )
    lead = f'<p class="lead">{escape(subtitle)}</p>' if subtitle else ""
    notice = ""
    if context.left_out:
        reason = f"to keep this page below {maximum_megabytes:g} MB"
        notice = f'<p class="note">{context.left_out} sounds were left out {reason}.</p>'
    style, script = asset("report.css"), asset("report.js")
    media = "data: 'self' file:" if sounds else "data:"
    policy = (
        f"default-src 'none'; style-src '{digest(style)}'; script-src '{digest(script)}'; "
        f"media-src {media}; img-src data:; base-uri 'none'; form-action 'none'"
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f'<title>{escape(title)}</title><link rel="icon" href="{ICON}"><style>{style}</style></head><body>'
        f"<header><h1>{escape(title)}</h1>{lead}{notice}"
        f'<nav aria-label="Contents"><ul>{contents}</ul></nav></header><main>{body}</main>'
        f"<script>{script}</script></body></html>\n"
    )


def asset(name: str) -> str:
    """A template of the package."""
    return (files("crossmodal") / "templates" / name).read_text(encoding="utf-8")


def digest(text: str) -> str:
    """What a content security policy calls an inline style or script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
