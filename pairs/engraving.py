"""Symbolic scores -> page images with the exact place and time of every notehead, through verovio and resvg.

This is the ground truth of the audio-sheet space, and how a symbolic score becomes pages for everyone else. A broken score may end
the process (a segmentation fault in the engraver): engrave in workers.
"""

from __future__ import annotations

import base64
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from crossmodal.base.errors import InputError
from crossmodal.pages.layout import Page
from pairs.engraved_page import UNITS_PER_SPACE, Drawn, Head, rasterize, read_svg

FONTS = ("Leipzig", "Bravura", "Gootville", "Petaluma", "Leland")


@dataclass(frozen=True)
class Look:
    """How a score is engraved. space: pixels between staff lines; width, height: of the page in staff spaces; else as in verovio."""

    font: str = "Leipzig"
    space: float = 11.0
    width: float = 110.0
    height: float = 155.0
    spacing_linear: float = 0.25
    spacing_non_linear: float = 0.6
    spacing_staff: int = 12
    spacing_system: int = 6

    def options(self) -> dict[str, object]:
        """Options of the engraver. At scale 100 a staff space is 18 of its page units."""
        return {
            "font": self.font, "pageWidth": round(self.width * 18), "pageHeight": round(self.height * 18), "scale": 100,
            "pageMarginLeft": 90, "pageMarginRight": 90, "pageMarginTop": 90, "pageMarginBottom": 90,
            "spacingLinear": self.spacing_linear, "spacingNonLinear": self.spacing_non_linear,
            "spacingStaff": self.spacing_staff, "spacingSystem": self.spacing_system, "justifyVertically": False,
            "footer": "none", "header": "none", "breaks": "auto", "svgViewBox": True, "condense": "none",
            "svgAdditionalAttribute": ["measure@n"],
        }  # fmt: skip


def draw_look(generator: np.random.Generator) -> Look:
    """A random style of printing: font, spacing, width of the systems and size."""
    return Look(
        font=str(generator.choice(FONTS)),
        space=float(generator.uniform(5.0, 9.0)),
        width=float(generator.uniform(85, 150)),
        height=float(generator.uniform(120, 190)),
        spacing_linear=float(generator.uniform(0.16, 0.34)),
        spacing_non_linear=float(generator.uniform(0.5, 0.7)),
        spacing_staff=int(generator.integers(7, 17)),
        spacing_system=int(generator.integers(4, 12)),
    )


@dataclass(frozen=True)
class NoteTable:
    """Noteheads in the order of time, arrays of (n,): page, system (of its page), staff (of its system) from 0; x, y: centre of the head
    in page pixels; quarters, seconds: score time of the onset (of the first time it sounds); duration in quarters; pitch: MIDI number;
    measure: row in `Engraving.measures`; ids: the engraver's.
    """

    page: NDArray[np.int64]
    system: NDArray[np.int64]
    staff: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    quarters: NDArray[np.float64]
    seconds: NDArray[np.float64]
    duration: NDArray[np.float64]
    pitch: NDArray[np.int64]
    measure: NDArray[np.int64]
    ids: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.x)

    def select(self, mask: NDArray[np.bool_] | NDArray[np.int64]) -> NoteTable:
        """The notes of a mask or of rows."""
        return NoteTable(**{f.name: getattr(self, f.name)[mask] for f in fields(self)})


@dataclass(frozen=True)
class Measure:
    """A written measure: its printed name, page, system, left and right in page pixels, its first time's start in quarters, and how
    many quarters a beat (the metre's lower number) has.
    """

    name: str
    page: int
    system: int
    left: float
    right: float
    quarters: float
    id: str = ""
    beat: float = 1.0


@dataclass(frozen=True)
class Engraving:
    """Pages with exact systems, their notes and measures. passes: (measure row, quarters) of every measure as played, repeats unfolded."""

    pages: list[Page]
    notes: NoteTable
    measures: list[Measure]
    passes: list[tuple[int, float]]


class Engraver:
    """One verovio toolkit, used for many scores of this process."""

    def __init__(self) -> None:
        import verovio  # a compiled engraver that only this class needs

        verovio.enableLog(verovio.LOG_OFF)
        self._toolkit = verovio.toolkit()

    def engrave(
        self, text: str | bytes, *, look: Look | None = None, repeats: bool = True, pages: int | None = None
    ) -> Engraving:
        """A score's text (MusicXML, MEI, ABC, Humdrum; bytes: compressed MusicXML) -> its pages. InputError where that fails.

        repeats: whether the times are those of a performance that plays what is to be repeated again; pages: draw no
        more than the first of them.
        """
        look = look or Look()
        self._toolkit.setOptions({**look.options(), "expandNever": not repeats, "expandAlways": False})
        if not self._load(text) or self._toolkit.getPageCount() < 1:
            raise InputError(
                "expected a score that can be engraved, got one that verovio cannot read; check it in an editor"
            )
        timemap = self._toolkit.renderToTimemap({"includeMeasures": True})
        if not any(entry.get("on") for entry in timemap):
            raise InputError("expected a score with notes, got one without; give another file")
        count = min(self._toolkit.getPageCount(), pages or sys.maxsize)
        drawn = [self._page(number, look) for number in range(count)]
        rows = [row for page in drawn for row in page.notes]
        times, passes = _times(timemap)
        mei = self._toolkit.getMEI()
        measures, rows_of = _measures(drawn, passes, _beats(mei))
        notes = self._notes(rows, times, rows_of, held=tied(mei))
        if not len(notes):
            raise InputError("expected a score with pitched notes, got none; percussion alone cannot be compared")
        return Engraving(
            [page.page for page in drawn], notes, measures, [(rows_of[m], q) for m, q in passes if m in rows_of]
        )

    def _load(self, text: str | bytes) -> bool:
        if isinstance(text, bytes):
            return bool(
                self._toolkit.loadZipDataBase64(base64.b64encode(text).decode())
            )  # its buffer form wants a C pointer
        return bool(self._toolkit.loadData(text))

    def _page(self, number: int, look: Look) -> Drawn:
        svg = self._toolkit.renderToSVG(number + 1)
        drawn = read_svg(svg, number, look.space)
        return replace(drawn, page=replace(drawn.page, image=rasterize(svg, look.space / UNITS_PER_SPACE)))

    def _notes(
        self,
        rows: list[Head],
        times: Mapping[str, tuple[float, float, float]],
        measures: Mapping[str, int],
        *,
        held: set[str],
    ) -> NoteTable:
        timed = [(row, *times[row.id]) for row in rows if row.id in times]
        pitches = [int(self._toolkit.getMIDIValuesForElement(row.id).get("pitch", 0)) for row, *_ in timed]
        kept = [(*entry, pitch) for entry, pitch in zip(timed, pitches, strict=True) if pitch > 0]
        kept.sort(key=lambda entry: (entry[1], entry[0].page, entry[0].system, entry[0].x, entry[4]))
        ends = _sounding_ends([(e[0].id in held, e[0].staff, e[4], e[1], e[3]) for e in kept])
        kept = [(*e[:3], end, e[4]) for e, end in zip(kept, ends, strict=True) if e[0].id not in held]
        heads = [entry[0] for entry in kept]
        return NoteTable(
            page=np.array([h.page for h in heads], np.int64), system=np.array([h.system for h in heads], np.int64),
            staff=np.array([h.staff for h in heads], np.int64), x=np.array([h.x for h in heads]), y=np.array([h.y for h in heads]),
            quarters=np.array([e[1] for e in kept]), seconds=np.array([e[2] for e in kept]),
            duration=np.array([e[3] - e[1] for e in kept]), pitch=np.array([e[4] for e in kept], np.int64),
            measure=np.array([measures[h.measure] for h in heads], np.int64), ids=np.array([h.id for h in heads], np.str_),
        )  # fmt: skip


def _sounding_ends(notes: Sequence[tuple[bool, int, int, float, float]]) -> list[float]:
    """(held over, staff, pitch, onset, end) of notes in the order of time -> the ends; over ties that of the last note held."""
    ends = [end for *_, end in notes]
    last: dict[tuple[int, int], int] = {}
    for row, (held, staff, pitch, onset, end) in enumerate(notes):
        begun = last.get((staff, pitch))
        if held and begun is not None and abs(ends[begun] - onset) < 1e-3:
            ends[begun] = end
        else:
            last[staff, pitch] = row
    return ends


def _times(
    timemap: Sequence[Mapping[str, object]],
) -> tuple[dict[str, tuple[float, float, float]], list[tuple[str, float]]]:
    """id -> (onset quarters, onset seconds, end quarters) of its first sounding; and (measure id, quarters) of every measure played."""
    onsets: dict[str, tuple[float, float]] = {}
    ends: dict[str, float] = {}
    passes: list[tuple[str, float]] = []
    for entry in timemap:
        quarters, seconds = float(entry["qstamp"]), float(entry["tstamp"]) / 1000  # type: ignore[arg-type]
        if "measureOn" in entry:
            passes.append((_written(str(entry["measureOn"])), quarters))
        for name in entry.get("on", ()):  # type: ignore[attr-defined]
            onsets.setdefault(_written(name), (quarters, seconds))
        for name in entry.get("off", ()):  # type: ignore[attr-defined]
            ends.setdefault(_written(name), quarters)
    return {n: (*start, max(ends.get(n, start[0]), start[0])) for n, start in onsets.items()}, passes


def _written(name: str) -> str:
    """The id of what is written, of what sounds: repeats are numbered by the engraver (`-rend2`)."""
    return name.split("-rend", maxsplit=1)[0]


_TIE_END = re.compile(r'<tie [^>]*\bendid="#([^"]+)"')
_NOTE = re.compile(r"<note [^>]*>")
_ID, _TIED = re.compile(r'xml:id="([^"]+)"'), re.compile(r'\btie="[mt]"')


def tied(mei: str) -> set[str]:
    """Ids of the notes that are held over and not struck again; the engraver's timemap has them begin all the same."""
    found = set(_TIE_END.findall(mei))
    for note in _NOTE.findall(mei):
        if _TIED.search(note) and (name := _ID.search(note)):
            found.add(name[1])
    return found


_METRE = re.compile(r'<measure [^>]*xml:id="([^"]+)"|(?:meter\.unit|<meterSig [^>]*\bunit)="(\d+)"')


def _beats(mei: str) -> dict[str, float]:
    """Measure id -> quarters of a beat, from the metre that holds there."""
    beat, found = 1.0, {}
    for match in _METRE.finditer(mei):
        if match[2]:
            beat = 4.0 / max(1, int(match[2]))
        else:
            found[match[1]] = beat
    return found


def _measures(
    drawn: Sequence[Drawn], passes: Sequence[tuple[str, float]], beats: Mapping[str, float]
) -> tuple[list[Measure], dict[str, int]]:
    first: dict[str, float] = {}
    for name, quarters in passes:
        first.setdefault(name, quarters)
    rows = [(page.page.number, *row) for page in drawn for row in page.measures]
    measures = [
        Measure(
            name or str(number),
            page,
            system,
            left,
            right,
            first.get(identity, float("nan")),
            identity,
            beats.get(identity, 1.0),
        )  # a measure without a printed number (ABC has none) is counted
        for number, (page, identity, name, system, left, right) in enumerate(rows, start=1)
    ]
    return measures, {m.id: row for row, m in enumerate(measures)}
