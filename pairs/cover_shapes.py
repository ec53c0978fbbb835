"""Motifs and emblems of drawn covers, on a Pillow canvas. Lengths are shares of the side; places are (x, y) from the upper left corner."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from pairs.cover_styles import Colour

if TYPE_CHECKING:
    from PIL import ImageDraw


class Canvas:
    """A square drawing of `side` pixels, addressed in shares of the side."""

    def __init__(self, draw: ImageDraw.ImageDraw, side: int) -> None:
        self.draw, self.side = draw, side

    def ring(self, x: float, y: float, radius: float, colour: Colour, width: float = 0.0) -> None:
        """A disc, or with a width its edge alone."""
        box = [self.side * v for v in (x - radius, y - radius, x + radius, y + radius)]
        if width:
            self.draw.ellipse(box, outline=colour, width=self.thick(width))
        else:
            self.draw.ellipse(box, fill=colour)

    def arc(self, x: float, y: float, radius: float, start: float, end: float, colour: Colour, width: float) -> None:
        """Part of a circle, from `start` to `end` degrees, clockwise from the right."""
        box = [self.side * v for v in (x - radius, y - radius, x + radius, y + radius)]
        self.draw.arc(box, start, end, fill=colour, width=self.thick(width))

    def box(self, x: float, y: float, wide: float, high: float, colour: Colour, width: float = 0.0) -> None:
        """A rectangle from its upper left corner, or with a width its edge alone."""
        corners = [self.side * v for v in (x, y, x + wide, y + high)]
        if width:
            self.draw.rectangle(corners, outline=colour, width=self.thick(width))
        else:
            self.draw.rectangle(corners, fill=colour)

    def polygon(self, points: list[tuple[float, float]], colour: Colour) -> None:
        """A filled outline."""
        self.draw.polygon([(self.side * x, self.side * y) for x, y in points], fill=colour)

    def line(self, points: list[tuple[float, float]], colour: Colour, width: float) -> None:
        """Joined points."""
        joined = [(self.side * x, self.side * y) for x, y in points]
        self.draw.line(joined, fill=colour, width=self.thick(width), joint="curve")

    def thick(self, width: float) -> int:
        """A width in pixels."""
        return max(1, round(self.side * width))


def _circles(canvas: Canvas, x: float, y: float, size: float, colour: Colour) -> None:
    canvas.ring(x, y, size / 2, colour)
    canvas.ring(x, y, size / 3, colour, 0.01)


def _stripes(canvas: Canvas, x: float, y: float, size: float, colour: Colour) -> None:
    for step in range(3):
        shift = step * size / 3
        canvas.line([(x - size / 2 + shift, y + size / 2), (x + shift, y - size / 2)], colour, size / 9)


def _waves(canvas: Canvas, x: float, y: float, size: float, colour: Colour) -> None:
    for row in range(2):
        points = [
            (x + size * (t - 0.5), y + size * (0.3 * row + 0.15 * math.sin(2 * math.pi * t)))
            for t in np.linspace(0, 1, 16)
        ]
        canvas.line(points, colour, size / 10)


def _triangles(canvas: Canvas, x: float, y: float, size: float, colour: Colour) -> None:
    canvas.polygon([(x, y - size / 2), (x + size / 2, y + size / 2), (x - size / 2, y + size / 2)], colour)


def _arches(canvas: Canvas, x: float, y: float, size: float, colour: Colour) -> None:
    for part in (1.0, 0.6):
        half = part * size / 2
        canvas.arc(x, y, half, 180, 360, colour, size / 12)
        for side in (-half, half):
            canvas.line([(x + side, y), (x + side, y + size / 2)], colour, size / 12)


def _knots(canvas: Canvas, x: float, y: float, size: float, colour: Colour) -> None:
    for turn in range(3):
        angle = 2 * math.pi * turn / 3 - math.pi / 2
        canvas.ring(x + size / 5 * math.cos(angle), y + size / 5 * math.sin(angle), size / 3.2, colour, size / 14)


def _stars(canvas: Canvas, x: float, y: float, size: float, colour: Colour) -> None:
    angles = [math.pi * (0.2 * k - 0.5) for k in range(10)]
    radii = [size / 2 if k % 2 == 0 else size / 5 for k in range(10)]
    canvas.polygon([(x + r * math.cos(a), y + r * math.sin(a)) for a, r in zip(angles, radii, strict=True)], colour)


def _leaves(canvas: Canvas, x: float, y: float, size: float, colour: Colour) -> None:
    up = [(x + size * (t - 0.5), y - size * 0.25 * math.sin(math.pi * t)) for t in np.linspace(0, 1, 12)]
    down = [(x + size * (0.5 - t), y + size * 0.25 * math.sin(math.pi * t)) for t in np.linspace(0, 1, 12)]
    canvas.polygon([*up, *down], colour)


def _grid(canvas: Canvas, x: float, y: float, size: float, colour: Colour) -> None:
    for row in range(2):
        for column in range(2):
            canvas.box(x + (column - 1) * size / 2, y + (row - 1) * size / 2, size / 2.6, size / 2.6, colour)


def _moon(canvas: Canvas, x: float, y: float, size: float, colour: Colour) -> None:
    canvas.arc(x, y, size / 2, 40, 320, colour, size / 5)


Shape = Callable[[Canvas, float, float, float, Colour], None]
MOTIF_SHAPES: dict[str, Shape] = {
    "circles": _circles, "stripes": _stripes, "waves": _waves, "triangles": _triangles, "arches": _arches,
    "knots": _knots, "stars": _stars, "leaves": _leaves, "grid": _grid, "moon": _moon,
}  # fmt: skip


def draw_emblem(canvas: Canvas, name: str, x: float, y: float, size: float, colour: Colour) -> None:
    """What a family of instruments is known by, in a square of `size` around (x, y)."""
    half, width = size / 2, size / 9
    if name == "strings":  # four strings and a bow
        for k in range(4):
            canvas.line([(x - half + k * size / 3, y - half), (x - half + k * size / 3, y + half)], colour, width / 2)
        canvas.line([(x - half, y + half / 2), (x + half, y - half / 2)], colour, width)
    elif name == "plucked":  # a round body with its hole and neck
        canvas.ring(x - half / 3, y + half / 3, half * 0.65, colour, width)
        canvas.ring(x - half / 3, y + half / 3, half * 0.2, colour)
        canvas.line([(x, y), (x + half, y - half)], colour, width)
    elif name == "woodwind":  # a pipe with holes
        canvas.box(x - half, y - half / 4, size, half / 2, colour, width / 2)
        for k in range(4):
            canvas.ring(x - half * 0.6 + k * half * 0.4, y, half / 9, colour)
    elif name == "brass":  # a bell
        canvas.polygon(
            [(x - half, y - width / 2), (x, y - width), (x + half, y - half), (x + half, y + half), (x, y + width)],
            colour,
        )
    elif name == "keyboard":
        canvas.box(x - half, y - half * 0.6, size, size * 0.6, colour, width / 2)
        for k in (1, 2, 4, 5, 6):
            canvas.box(x - half + k * size / 7 - size / 24, y - half * 0.6, size / 12, size * 0.36, colour)
    elif name == "percussion":  # a drum from above, with its sticks
        canvas.ring(x, y, half * 0.7, colour, width)
        canvas.line([(x - half, y - half), (x, y)], colour, width / 2)
        canvas.line([(x + half, y - half), (x, y)], colour, width / 2)
    elif name == "voices":  # heads and shoulders
        for side in (-half / 2, half / 2):
            canvas.ring(x + side, y - half * 0.4, half * 0.3, colour)
            canvas.arc(x + side, y + half * 0.7, half * 0.5, 180, 360, colour, width)
    else:  # electronic: a saw-tooth
        points = [(x - half + size * k / 6, y + (half * 0.6 if k % 2 else -half * 0.6)) for k in range(7)]
        canvas.line(points, colour, width)
