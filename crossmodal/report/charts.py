"""Line and bar charts. Colours are classes of the style sheet, so that light and dark pages each have their
own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from crossmodal.base.errors import InputError
from crossmodal.report.html import Context, escape, figure, number, short, ticks

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 14, 46
COLOURS = 8  # categorical colours that the style sheet has
MAXIMUM_POINTS = 400  # a line of more is thinned: no screen shows them


@dataclass(frozen=True)
class Series:
    """A named line: x and y of equal length; NaN leaves a gap."""

    name: str
    x: Sequence[float]
    y: Sequence[float]

    def __post_init__(self) -> None:
        if len(self.x) != len(self.y):
            raise InputError(f"Series {self.name!r}: expected as many x as y, got {len(self.x)} and {len(self.y)}")

    def points(self) -> list[tuple[float, float]]:
        """What can be drawn, thinned evenly, first and last kept."""
        kept = [(float(x), float(y)) for x, y in zip(self.x, self.y, strict=True) if math.isfinite(x)]
        if len(kept) <= MAXIMUM_POINTS:
            return kept
        stride = (len(kept) - 1) / (MAXIMUM_POINTS - 1)
        return [kept[round(i * stride)] for i in range(MAXIMUM_POINTS)]


@dataclass(frozen=True)
class LineChart:
    """Lines over a common x axis (loss over steps), named at their ends."""

    title: str
    series: Sequence[Series]
    x_label: str
    y_label: str

    def render(self, context: Context) -> str:
        """A figure with an inline SVG, a legend for narrow screens, and a description in words."""
        lines = [(s.name, s.points()) for s in self.series]
        flat = [p for _, points in lines for p in points if math.isfinite(p[1])]
        if not flat:
            return figure(self.title, "<p>nothing to show</p>")
        scale = _Scale(flat)
        drawn = "".join(_line(i, points, scale) for i, (_, points) in enumerate(lines))
        names = _end_labels(lines, scale)
        description = f"Line chart, {self.y_label} over {self.x_label}. " + " ".join(
            _in_words(name, points) for name, points in lines
        )
        svg = (
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(description)}">'
            f"{scale.axes(self.x_label, self.y_label)}{drawn}{names}</svg>"
        )
        keys = "".join(
            f'<li><svg class="key" viewBox="0 0 24 8" aria-hidden="true">'
            f'<path class="line c{i % COLOURS} d{i % 4}" d="M0 4H24"/></svg>{escape(name)}</li>'
            for i, (name, _) in enumerate(lines)
        )
        return figure(self.title, f'<ul class="legend narrow">{keys}</ul><div class="labelled">{svg}</div>')


@dataclass(frozen=True)
class Bar:
    """A value with its interval and chance level, where known."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    chance: float | None = None


@dataclass(frozen=True)
class BarChart:
    """Horizontal bars from 0, with intervals as whiskers and chance as a mark. maximum: end of the scale,
    default the largest.
    """

    title: str
    bars: Sequence[Bar]
    maximum: float | None = None
    digits: int = 3

    def render(self, context: Context) -> str:
        """A figure whose rows are text beside a stretching bar, so that it reads on any width."""
        numbers = [v for b in self.bars for v in (b.value, b.high, b.chance) if v is not None and math.isfinite(v)]
        top = self.maximum or max(numbers, default=0.0) or 1.0
        rows = "".join(f'<div class="row">{self._row(bar, top)}</div>' for bar in self.bars)
        marks = ['<span class="swatch bar"></span>value']
        if any(b.low is not None and b.high is not None for b in self.bars):
            marks.append('<span class="swatch whisker"></span>interval')
        if any(b.chance is not None for b in self.bars):
            marks.append('<span class="swatch chance"></span>chance')
        legend = "".join(f"<li>{mark}</li>" for mark in marks)
        body = f'<div class="bars">{rows}</div>' if rows else "<p>nothing to show</p>"
        return figure(self.title, f'<ul class="legend">{legend}</ul>{body}')

    def _row(self, bar: Bar, top: float) -> str:
        value = max(0.0, min(bar.value, top)) / top * 100 if math.isfinite(bar.value) else 0.0
        shapes = '<rect class="track" width="100" height="20"/>'
        shapes += f'<rect class="fill" y="3" width="{value:.2f}" height="14"/>'
        text = number(bar.value, self.digits)
        if bar.low is not None and bar.high is not None and math.isfinite(bar.low + bar.high):
            low, high = (max(0.0, min(v, top)) / top * 100 for v in (bar.low, bar.high))
            shapes += f'<path class="whisker" d="M{low:.2f} 10H{high:.2f}M{low:.2f} 6V14M{high:.2f} 6V14"/>'
            text += f" <small>{number(bar.low, self.digits)} to {number(bar.high, self.digits)}</small>"
        if bar.chance is not None and math.isfinite(bar.chance):
            level = max(0.0, min(bar.chance, top)) / top * 100
            shapes += f'<path class="chance" d="M{level:.2f} 0V20"/>'
            text += f' <small class="chance-text">chance {number(bar.chance, self.digits)}</small>'
        return (
            f'<span class="label">{escape(bar.label)}</span>'
            f'<svg viewBox="0 0 100 20" preserveAspectRatio="none" aria-hidden="true">{shapes}</svg>'
            f'<span class="value">{text}</span>'
        )


class _Scale:
    """Data to pixels of the plot area."""

    def __init__(self, points: Sequence[tuple[float, float]]) -> None:
        self.x0, self.x1 = min(x for x, _ in points), max(x for x, _ in points)
        low, high = min(y for _, y in points), max(y for _, y in points)
        if low > 0 and low < 0.5 * high:
            low = 0.0  # a loss that falls far is read against zero
        margin = 0.05 * (high - low) or 0.5
        self.y0, self.y1 = (low if low == 0 else low - margin), high + margin
        if self.x0 == self.x1:
            self.x0, self.x1 = self.x0 - 0.5, self.x1 + 0.5

    def x(self, value: float) -> float:
        return LEFT + (value - self.x0) / (self.x1 - self.x0) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (value - self.y0) / (self.y1 - self.y0) * (HEIGHT - TOP - BOTTOM)

    def axes(self, x_label: str, y_label: str) -> str:
        """Grid, tick numbers and axis names."""
        parts = []
        for value in ticks(self.y0, self.y1):
            y = self.y(value)
            parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
            parts.append(f'<text x="{LEFT - 8}" y="{y:.1f}" dy=".35em" text-anchor="end">{short(value)}</text>')
        for value in ticks(self.x0, self.x1):
            x, y = self.x(value), HEIGHT - BOTTOM + 8
            parts.append(f'<text x="{x:.1f}" y="{y}" dy=".8em" text-anchor="middle">{short(value)}</text>')
        parts.append(f'<path class="axis" d="M{LEFT} {HEIGHT - BOTTOM}H{WIDTH - RIGHT}"/>')
        middle = (LEFT + WIDTH - RIGHT) / 2
        parts.append(f'<text class="name" x="{middle}" y="{HEIGHT - 4}" text-anchor="middle">{escape(x_label)}</text>')
        parts.append(f'<text class="name" x="{LEFT}" y="{TOP - 4}" text-anchor="start">{escape(y_label)}</text>')
        return "".join(parts)


def _line(index: int, points: Sequence[tuple[float, float]], scale: _Scale) -> str:
    path, pen = [], "M"
    for x, y in points:
        if math.isfinite(y):
            path.append(f"{pen}{scale.x(x):.1f} {scale.y(y):.1f}")
            pen = "L"
        else:
            pen = "M"
    if not path:
        return ""
    kind = f"c{index % COLOURS} d{index % 4}"
    if len(path) == 1:
        across, down = path[0][1:].split(" ")
        return f'<circle class="dot {kind}" cx="{across}" cy="{down}" r="4"/>'
    return f'<path class="line {kind}" d="{"".join(path)}"/>'


def _end_labels(lines: Sequence[tuple[str, Sequence[tuple[float, float]]]], scale: _Scale) -> str:
    """Names at the right ends of the lines, pushed apart where they would overlap."""
    ends: list[tuple[float, int, str]] = []
    for index, (name, points) in enumerate(lines):
        finite = [p for p in points if math.isfinite(p[1])]
        if finite:
            ends.append((scale.y(finite[-1][1]), index, name))
    texts, lowest = [], -math.inf
    for place, index, name in sorted(ends):
        lowest = max(place, lowest + 16)
        shown = name if len(name) <= 22 else f"{name[:21]}…"
        texts.append(
            f'<text class="end t{index % COLOURS}" x="{WIDTH - RIGHT + 8}" y="{lowest:.1f}" dy=".35em">'
            f"{escape(shown)}</text>"
        )
    return "".join(texts)


def _in_words(name: str, points: Sequence[tuple[float, float]]) -> str:
    finite = [p for p in points if math.isfinite(p[1])]
    if not finite:
        return f"{name}: no values."
    first, last, least = finite[0][1], finite[-1][1], min(y for _, y in finite)
    return f"{name}: from {first:.4g} to {last:.4g}, least {least:.4g}."
