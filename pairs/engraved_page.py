"""A page as the engraver's SVG tells it: places of systems, staves, measures and noteheads, and its image."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

import numpy as np

from crossmodal.base.errors import InputError
from crossmodal.pages.layout import Page, Staff, System

UNITS_PER_SPACE = 180.0  # of verovio's inner coordinates, whatever the scale
_SVG = "{http://www.w3.org/2000/svg}"
_LINE = re.compile(r"M\s*(-?[\d.]+)[ ,](-?[\d.]+) L\s*(-?[\d.]+)[ ,](-?[\d.]+)")
_PLACE = re.compile(r"translate\(\s*(-?[\d.]+)[ ,]+(-?[\d.]+)\s*\)")


@dataclass(frozen=True)
class Head:
    """A notehead: the engraver's id of its note and measure, and its centre in page pixels."""

    id: str
    page: int
    system: int
    staff: int
    x: float
    y: float
    measure: str


@dataclass(frozen=True)
class Drawn:
    """A page as its SVG tells it. measures: (id, name, system, left, right)."""

    page: Page
    notes: list[Head]
    measures: list[tuple[str, str, int, float, float]]


def read_svg(svg: str, number: int, space: float) -> Drawn:
    """A page of the engraver; its image is left empty. number: of the page, from 0; space: pixels between staff lines."""
    root = ElementTree.fromstring(svg)
    scale = space / UNITS_PER_SPACE
    margin = next(g for g in root.iter(f"{_SVG}g") if g.get("class") == "page-margin")
    place = _PLACE.search(margin.get("transform", ""))
    shift = (float(place[1]), float(place[2])) if place else (0.0, 0.0)
    systems: list[System] = []
    heads: list[Head] = []
    measures: list[tuple[str, str, int, float, float]] = []
    for system in (g for g in margin.iter(f"{_SVG}g") if g.get("class") == "system"):
        lines: dict[int, list[list[tuple[float, ...]]]] = {}
        for measure in (g for g in system if _kind(g) == "measure"):
            staves = [g for g in measure if _kind(g) == "staff"]
            spans = [_staff_lines(staff) for staff in staves]
            for index, span in enumerate(spans):
                if len(span) == 5:
                    lines.setdefault(index, []).append(span)
            order = {index: row for row, index in enumerate(sorted(lines))}
            identity = measure.get("id", "")
            for index, staff in enumerate(staves):
                if index in order:
                    heads.extend(
                        Head(
                            i,
                            number,
                            len(systems),
                            order[index],
                            (x + shift[0]) * scale,
                            (y + shift[1]) * scale,
                            identity,
                        )
                        for i, x, y in _noteheads(staff)
                    )
            if spans and spans[0]:
                left, right = min(s[0] for s in spans[0]), max(s[2] for s in spans[0])
                name = measure.get("data-n", "")
                measures.append((identity, name, len(systems), (left + shift[0]) * scale, (right + shift[0]) * scale))
        if lines:
            staves_of = tuple(_staff(lines[index], shift, scale) for index in sorted(lines))
            systems.append(System(number, len(systems), staves_of))
    empty = np.zeros((0, 0), np.uint8)
    return Drawn(Page(number, empty, tuple(systems)), heads, measures)


def _kind(element: ElementTree.Element) -> str:
    return (element.get("class") or "").split(" ")[0]


def _staff_lines(staff: ElementTree.Element) -> list[tuple[float, ...]]:
    found = (_LINE.match(path.get("d", "")) for path in staff if path.tag == f"{_SVG}path")
    return [tuple(float(v) for v in line.groups()) for line in found if line]


def _staff(spans: Sequence[Sequence[tuple[float, ...]]], shift: tuple[float, float], scale: float) -> Staff:
    left, right = min(s[0][0] for s in spans), max(s[0][2] for s in spans)
    rows = np.median([[line[1] for line in span] for span in spans], axis=0)
    middle = (float(rows[2]) + shift[1]) * scale
    x = (np.array([left, right]) + shift[0]) * scale
    return Staff(x, np.array([middle, middle]), float(rows[4] - rows[0]) / 4 * scale)


def _noteheads(staff: ElementTree.Element) -> list[tuple[str, float, float]]:
    found = []
    for note in (g for g in staff.iter(f"{_SVG}g") if _kind(g) == "note"):
        head = next((g for g in note if _kind(g) == "notehead"), None)
        glyph = next((u for u in head if u.tag == f"{_SVG}use"), None) if head is not None else None
        place = _PLACE.search(glyph.get("transform", "")) if glyph is not None else None
        if place:  # half the width of a black head, from its left edge
            found.append((note.get("id", ""), float(place[1]) + 0.6 * UNITS_PER_SPACE, float(place[2])))
    return found


def rasterize(svg: str, scale: float) -> np.ndarray:
    """An engraved page -> (h, w) uint8, 255 is paper. scale: pixels for one of the engraver's inner units."""
    import cv2
    import resvg_py

    inner = re.search(r'class="definition-scale"[^>]*viewBox="0 0 (\d+) (\d+)"', svg)
    if inner is None:
        raise InputError("expected a page from the engraver, got none of its coordinates; update verovio")
    width, height = round(int(inner[1]) * scale), round(int(inner[2]) * scale)
    png = resvg_py.svg_to_bytes(svg_string=svg, width=width, height=height, background="white")
    image = cv2.imdecode(np.frombuffer(bytes(png), np.uint8), cv2.IMREAD_GRAYSCALE)
    return np.ascontiguousarray(image)
