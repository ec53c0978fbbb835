"""Rows of small pictures that live inside a page."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from crossmodal.base.errors import InputError
from crossmodal.base.pictures import read_picture
from crossmodal.report.html import Context, escape, figure

SIDE = 160  # pixels of the longer side


@dataclass(frozen=True)
class PictureEntry:
    """A picture with its name and a line about it."""

    path: Path
    title: str
    text: str = ""


@dataclass(frozen=True)
class PictureRow:
    """Pictures beside each other. A picture that cannot be read is told in its place."""

    title: str
    entries: Sequence[PictureEntry]

    def render(self, context: Context) -> str:
        """A figure with a list."""
        return figure(self.title, f'<ul class="pictures">{"".join(_entry(e) for e in self.entries)}</ul>', "row")


def _entry(entry: PictureEntry) -> str:
    about = f"<span>{escape(entry.text)}</span>" if entry.text else ""
    try:
        shown = f'<img alt="cover of {escape(entry.title)}" src="{thumbnail(entry.path)}">'
    except InputError as error:
        shown = f"<span>{escape(error)}</span>"
    return f"<li>{shown}<b>{escape(entry.title)}</b>{about}</li>"


def thumbnail(path: Path) -> str:
    """A small JPEG as a data address. Raises InputError for what is no picture."""
    from PIL import Image

    image = Image.fromarray(read_picture(path))
    image.thumbnail((SIDE, SIDE))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"
