"""A map of points: colour and shape by category, names on pointing, one category at a time on pressing its
legend.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from crossmodal.report.charts import COLOURS
from crossmodal.report.html import Context, escape, figure

WIDTH, HEIGHT, MARGIN = 720, 520, 16


@dataclass(frozen=True)
class Point:
    """A place on the map, its name, its category and a line about it. hollow: drawn as an outline, for a second kind within categories.
    sound: address of a recording, relative to the page, that plays on a click (needs `sounds` of `write_report`).
    """

    x: float
    y: float
    name: str
    category: str
    detail: str = ""
    hollow: bool = False
    sound: str = ""


@dataclass(frozen=True)
class ScatterMap:
    """Points (up to some 3,000) in two dimensions; the axes of a projection have no unit, so none are drawn.

    The most frequent categories have a colour and a shape each; the rest are grey together, and so named.
    """

    title: str
    points: Sequence[Point]
    text: str = ""

    def render(self, context: Context) -> str:
        """A figure with an inline SVG. Without scripts the names are the points' tooltips."""
        points = [p for p in self.points if math.isfinite(p.x) and math.isfinite(p.y)]
        if not points:
            return figure(self.title, "<p>nothing to show</p>")
        groups = _groups(points)
        place = _placing(points)
        radius = 5.0 if len(points) <= 300 else 4.0 if len(points) <= 1200 else 3.0
        drawn = "".join(
            f'<g class="points {kind}" data-group="{i}">'
            f"{''.join(_mark(i, kind, p, place, radius) for p in members)}</g>"
            for i, (_, kind, members) in reversed(list(enumerate(groups)))
        )
        description = f"Map of {len(points)} points. " + ", ".join(
            f"{name}: {len(members)}" for name, _, members in groups
        )
        legend = "".join(
            f'<li><button type="button" data-group="{i}" aria-pressed="false">{_key(i, kind)}{escape(name) or "none"} '
            f"<small>{len(members)}</small></button></li>"
            for i, (name, kind, members) in enumerate(groups)
        )
        find = context.new_id("find")
        text = f"<p>{escape(self.text)}</p>" if self.text else ""
        player = '<audio controls preload="none"></audio>' if any(p.sound for p in points) else ""
        svg = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(description)}">{drawn}</svg>'
        return figure(
            self.title,
            f'{text}<ul class="legend">{legend}</ul><p class="find"><label for="{find}">Find</label> '
            f'<input id="{find}" type="search" autocomplete="off"></p>'
            f'<div class="plane">{svg}<output class="tip"></output>{player}</div>',
            "chart map",
        )


def _groups(points: Sequence[Point]) -> list[tuple[str, str, list[Point]]]:
    """(name, class, points), most frequent first, the rest last."""
    counts = Counter(point.category for point in points)
    names = sorted(counts, key=lambda name: (-counts[name], name))
    shown = names if len(names) <= COLOURS else names[: COLOURS - 1]
    groups = [(name, f"c{i}", [p for p in points if p.category == name]) for i, name in enumerate(shown)]
    rest = set(names) - set(shown)
    if rest:
        groups.append((f"{len(rest)} others", "rest", [p for p in points if p.category in rest]))
    return groups


def _placing(points: Sequence[Point]) -> tuple[float, float, float]:
    """(left, top, scale): one scale for both axes, since distances are what a map shows; centred."""
    x0, x1 = min(p.x for p in points), max(p.x for p in points)
    y0, y1 = min(p.y for p in points), max(p.y for p in points)
    spans = [(WIDTH - 2 * MARGIN) / (x1 - x0 or 1e-9), (HEIGHT - 2 * MARGIN) / (y1 - y0 or 1e-9)]
    scale = min(*spans, 1e9)
    return WIDTH / 2 - scale * (x0 + x1) / 2, HEIGHT / 2 + scale * (y0 + y1) / 2, scale


def _mark(group: int, kind: str, point: Point, place: tuple[float, float, float], radius: float) -> str:
    left, top, scale = place
    name = " · ".join(part for part in (point.name, point.category, point.detail) if part)
    shape = _shape(group if kind != "rest" else 0, left + scale * point.x, top - scale * point.y, radius)
    drawn = ' class="hollow"' if point.hollow else ""
    heard = f' data-sound="{escape(point.sound)}"' if point.sound else ""
    return f'<path{drawn}{heard} d="{shape}"><title>{escape(name)}</title></path>'


def _shape(group: int, x: float, y: float, r: float) -> str:
    """Circle, square, triangle or diamond of about one area, so that colour is not the only sign."""
    kind = group % 4
    if kind == 0:
        return f"M{x - r:.1f} {y:.1f}a{r} {r} 0 1 0 {2 * r} 0a{r} {r} 0 1 0 {-2 * r} 0z"
    if kind == 1:
        s = 0.88 * r
        return f"M{x - s:.1f} {y - s:.1f}h{2 * s:.1f}v{2 * s:.1f}h{-2 * s:.1f}z"
    if kind == 2:
        s = 1.2 * r
        return f"M{x:.1f} {y - s:.1f}l{s:.1f} {1.8 * s:.1f}h{-2 * s:.1f}z"
    s = 1.25 * r
    return f"M{x:.1f} {y - s:.1f}l{s:.1f} {s:.1f}l{-s:.1f} {s:.1f}l{-s:.1f} {-s:.1f}z"


def _key(group: int, kind: str) -> str:
    shape = _shape(group if kind != "rest" else 0, 8, 8, 5)
    return f'<svg class="key" viewBox="0 0 16 16" aria-hidden="true"><path class="{kind}" d="{shape}"/></svg>'
