"""Text blocks of a report: paragraph, command, table, list of recordings with players."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crossmodal.base.errors import InputError
from crossmodal.report.audio import AudioClip
from crossmodal.report.html import Cell, Context, escape, number


@dataclass(frozen=True)
class Paragraph:
    """Plain text; an empty line starts a new paragraph. `note` sets it apart (conventions, caveats)."""

    text: str
    note: bool = False

    def render(self, context: Context) -> str:
        """<p> elements."""
        kind = ' class="note"' if self.note else ""
        parts = (part.strip() for part in self.text.split("\n\n"))
        return "".join(f"<p{kind}>{escape(part)}</p>" for part in parts if part)


@dataclass(frozen=True)
class Command:
    """Something to type in a terminal, and what it does."""

    command: str
    caption: str = ""

    def render(self, context: Context) -> str:
        """A figure with the command."""
        caption = f"<figcaption>{escape(self.caption)}</figcaption>" if self.caption else ""
        code = f'<pre tabindex="0"><code>{escape(self.command)}</code></pre>'
        return f'<figure class="command">{caption}{code}</figure>'


@dataclass(frozen=True)
class Table:
    """Rows of cells under columns. A column of numbers only is set right-aligned; the first column heads its
    row.

    digits: after the point, for floats below 10 (larger ones have one). None and NaN show as a dash.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str
    digits: int = 3

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise InputError(f"Table {self.caption!r}: expected {len(self.columns)} cells a row, got {len(row)}")

    def render(self, context: Context) -> str:
        """A table with caption and scopes, in a region that scrolls by itself on a narrow screen."""
        name = context.new_id("caption")
        numeric = [_numeric([row[i] for row in self.rows]) for i in range(len(self.columns))]
        head = "".join(
            f'<th scope="col"{_kind(right)}>{escape(column)}</th>'
            for column, right in zip(self.columns, numeric, strict=True)
        )
        body = "".join(f"<tr>{self._row(row, numeric)}</tr>" for row in self.rows)
        if not self.rows:
            body = f'<tr><td colspan="{max(1, len(self.columns))}">nothing to show</td></tr>'
        return (
            f'<div class="scroll" role="region" aria-labelledby="{name}" tabindex="0"><table>'
            f'<caption id="{name}">{escape(self.caption)}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )

    def _row(self, row: Sequence[Cell], numeric: Sequence[bool]) -> str:
        cells = [f"<td{_kind(right)}>{self._text(cell)}</td>" for cell, right in zip(row, numeric, strict=True)]
        if row and not numeric[0]:
            cells[0] = f'<th scope="row">{self._text(row[0])}</th>'
        return "".join(cells)

    def _text(self, cell: Cell) -> str:
        if cell is None:
            return "–"
        if isinstance(cell, bool):
            return "yes" if cell else "no"
        return number(cell, self.digits) if isinstance(cell, (int, float)) else escape(cell)


@dataclass(frozen=True)
class AudioEntry:
    """One recording: its name, a line about it, its similarity to the query (optional), its sound or why
    there is none.
    """

    title: str
    text: str = ""
    similarity: float | None = None
    clip: AudioClip | None = None
    missing: str = ""


@dataclass(frozen=True)
class AudioList:
    """Recordings in order of rank, with players."""

    title: str
    entries: Sequence[AudioEntry]
    text: str = ""

    def render(self, context: Context) -> str:
        """A heading and an ordered list."""
        text = f"<p>{escape(self.text)}</p>" if self.text else ""
        items = "".join(f"<li>{_entry(entry, context)}</li>" for entry in self.entries)
        listed = f'<ol class="recordings">{items}</ol>' if items else "<p>nothing found</p>"
        return f'<section class="query"><h3>{escape(self.title)}</h3>{text}{listed}</section>'


def _entry(entry: AudioEntry, context: Context) -> str:
    similarity = ""
    if entry.similarity is not None:
        similarity = f'<span class="similarity" title="similarity">{number(entry.similarity)}</span>'
    text = f'<p class="about">{escape(entry.text)}</p>' if entry.text else ""
    head = f'<div class="head"><strong>{escape(entry.title)}</strong>{similarity}</div>'
    return f"{head}{text}{_player(entry, context)}"


def _player(entry: AudioEntry, context: Context) -> str:
    if entry.clip is None:
        return f'<p class="missing">{escape(entry.missing)}</p>' if entry.missing else ""
    source = entry.clip.data_uri()
    if len(source) > context.sound_bytes:
        context.left_out += 1
        return '<p class="missing">sound left out to keep the page small</p>'
    context.sound_bytes -= len(source)
    label = escape(f"Play {entry.title}")
    return f'<audio controls preload="none" aria-label="{label}" src="{source}"></audio>'


def _numeric(cells: Sequence[Cell]) -> bool:
    numbers = [isinstance(cell, (int, float)) and not isinstance(cell, bool) for cell in cells if cell is not None]
    return bool(numbers) and all(numbers)


def _kind(right: bool) -> str:
    return ' class="number"' if right else ""
