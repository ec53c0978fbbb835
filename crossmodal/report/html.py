"""Escaping, numbers as people read them, and what the blocks of one page share."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass, field
from typing import Protocol

Cell = str | int | float | bool | None


def escape(text: object) -> str:
    """Safe in text and in double-quoted attributes; control characters, which HTML forbids, become spaces."""
    plain = "".join(c if c.isprintable() or c in "\n\t" else " " for c in str(text))
    return html.escape(plain, quote=True)


def number(value: float, digits: int = 3) -> str:
    """A number for a table: thousands apart, a true minus sign, a dash for what is not defined; from 10 on
    one digit
    after the point, as a rank of 31.000 says no more than 31.0."""
    if not math.isfinite(value):
        return "–"
    places = digits if abs(value) < 10 else min(digits, 1)
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.{places}f}"
    return text.replace("-", "\N{MINUS SIGN}")


def short(value: float) -> str:
    """A number for an axis: as few digits as it needs."""
    text = f"{value:.6g}"
    if abs(value) >= 10_000:
        unit, letter = (1e6, "M") if abs(value) >= 1e6 else (1e3, "k")
        text = f"{value / unit:.6g}{letter}"
    elif 0 < abs(value) < 0.001:
        digits, power = f"{value:.2e}".split("e")
        text = f"{float(digits):g}e{int(power)}"
    return text.replace("-", "\N{MINUS SIGN}")


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """At most about `count` round numbers within `low` and `high`, in steps of 1, 2 or 5 times a power of
    ten.
    """
    span = high - low
    if not span > 0 or not math.isfinite(span):
        return [low]
    power = 10.0 ** math.floor(math.log10(span / count))
    step = next(power * m for m in (1, 2, 5, 10) if span / (power * m) <= count)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def figure(title: str, body: str, kind: str = "chart") -> str:
    """A titled figure around HTML that is escaped already."""
    return f'<figure class="{kind}"><figcaption>{escape(title)}</figcaption>{body}</figure>'


@dataclass
class Context:
    """State of one page while it is rendered: fresh ids, and how many bytes of sound still fit."""

    sound_bytes: int
    left_out: int = 0
    _ids: int = field(default=0)

    def new_id(self, kind: str) -> str:
        """An id that no other element of the page has."""
        self._ids += 1
        return f"{kind}-{self._ids}"


class Block(Protocol):
    """What a section is made of."""

    def render(self, context: Context) -> str:
        """Its HTML, everything escaped."""
        ...
