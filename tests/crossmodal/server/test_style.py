"""Text of the page stands out from its ground in both themes, by WCAG 2.2: 4.5 (1.4.3); what is pressed, and marks: 3 (1.4.11)."""

from __future__ import annotations

import re

import pytest

from crossmodal.server.app import PAGE

TEXT = [
    ("--ink", "--page"), ("--ink", "--card"), ("--ink", "--track"), ("--soft", "--page"), ("--soft", "--card"), ("--accent", "--page"),
    ("--accent", "--card"), ("--on", "--accent"), ("--warn", "--warned"), ("--page", "--ink"),
]  # fmt: skip
MARKS = [
    ("--rest", "--card"),
    ("--rest", "--page"),
    ("--accent", "--track"),
    *((f"--k{n}", "--card") for n in range(8)),
]


def themes() -> dict[str, dict[str, str]]:
    """Theme -> name -> colour."""
    found = re.findall(r":root \{(.*?)\}", (PAGE / "style.css").read_text(encoding="utf-8"), re.S)
    light, dark = (dict(re.findall(r"(--\w+): (#[0-9a-f]{6})", block)) for block in found[:2])
    return {"light": light, "dark": {**light, **dark}}


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb, in [0, 1]."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    """From 1, the same, to 21, black on white."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_contrast(theme: str) -> None:
    colours = themes()[theme]
    for pairs, least in ((TEXT, 4.5), (MARKS, 3.0)):
        measured = {pair: round(contrast(colours[pair[0]], colours[pair[1]]), 2) for pair in pairs}
        assert not {pair: value for pair, value in measured.items() if value < least}
