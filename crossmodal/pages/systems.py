"""Staves that sound together: joined by a system line, a brace's or bracket's line, or bar lines through the gap between them.

The gap between two neighbouring staves is straightened to a small picture, in which such lines are upright (a page seen in perspective
leans them by some degrees: several leanings are tried). A join by the left edge or by bar lines is certain; where neither can be
seen (a cut-off margin, torn lines) the page's own pattern decides: staves as near to each other as those of certain systems.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from crossmodal.pages.curves import Curve

ROWS = 32  # of the straightened gap
LEANS = np.tan(np.radians([-6.0, -4.5, -3.0, -1.5, 0.0, 1.5, 3.0, 4.5, 6.0]))
EDGE = 1.3  # spaces left and right of the staves' left end where the system line may be
WHOLE_LINE = 0.9  # share of the gap's height that a line darkens
TORN_LINE = 0.55  # the same where the page's pattern speaks for a join
WIDEST_GAP = (
    45.0  # spaces between staves of one system: piano systems with many ledger lines reach 20, orchestral ones 30
)
OVERLAP = 0.5  # of the shorter staff's length


@dataclass(frozen=True)
class Join:
    """Evidence between a staff and the next: gap in spaces; left: cover of the best line at the left edge; bars: lines through."""

    gap: float
    left: float
    bars: int
    side_by_side: bool

    @property
    def certain(self) -> bool:
        """Joined for sure."""
        return self.left >= WHOLE_LINE or self.bars >= 2


def group(ink: np.ndarray, curves: list[Curve], *, dark: float) -> list[list[Curve]]:
    """Staves (top to bottom) -> systems, each a list of staves top to bottom.

    ink: (h, w) uint8, 255 is black; dark: the level from which a pixel is ink.
    """
    ordered = sorted(curves, key=lambda c: float(c.at((c.left + c.right) / 2)))
    rows = _rows(ordered)
    groups: list[list[Curve]] = []
    for chain in rows:
        joins = [examine(ink, a, b, dark=dark) for a, b in pairwise(chain)]
        joined = _decide(joins)
        current = [chain[0]]
        for staff, together in zip(chain[1:], joined, strict=True):
            if together:
                current.append(staff)
            else:
                groups.append(current)
                current = [staff]
        groups.append(current)
    return _reading_order(groups)


def _reading_order(groups: list[list[Curve]]) -> list[list[Curve]]:
    """From top to bottom, and from left to right where systems stand beside each other."""
    ordered: list[list[Curve]] = []
    for staves in sorted(groups, key=lambda g: float(np.median(g[0].y))):
        place = len(ordered)
        while place and _beside(ordered[place - 1], staves) and staves[0].left < ordered[place - 1][0].left:
            place -= 1
        ordered.insert(place, staves)
    return ordered


def _beside(a: list[Curve], b: list[Curve]) -> bool:
    """Whether two systems share more than half of the lower one's height."""
    tops = [float(np.median(g[0].y)) - 2 * g[0].space for g in (a, b)]
    bottoms = [float(np.median(g[-1].y)) + 2 * g[-1].space for g in (a, b)]
    return min(bottoms) - max(tops) > 0.5 * min(bottoms[0] - tops[0], bottoms[1] - tops[1])


def _rows(ordered: list[Curve]) -> list[list[Curve]]:
    """Chains of staves under each other; staves side by side (a coda after a cut, two columns of exercises) go to other chains."""
    chains: list[list[Curve]] = []
    for curve in ordered:
        above = [c for c in chains if _overlap(c[-1], curve) >= OVERLAP]
        if above:
            max(above, key=lambda c: float(np.median(c[-1].y))).append(curve)
        else:
            chains.append([curve])
    return chains


def _overlap(a: Curve, b: Curve) -> float:
    common = min(a.right, b.right) - max(a.left, b.left)
    return common / max(1.0, min(a.right - a.left, b.right - b.left))


def examine(ink: np.ndarray, upper: Curve, lower: Curve, *, dark: float) -> Join:
    """What joins two neighbouring staves."""
    space = (upper.space + lower.space) / 2
    left, right = max(upper.left, lower.left), min(upper.right, lower.right)
    first, last = min(upper.left, lower.left) - 2 * space, right + 2 * space
    x = np.arange(max(0, np.floor(first)), min(ink.shape[1] - 1, np.ceil(last)) + 1)
    top, bottom = upper.at(x) + 2 * upper.space, lower.at(x) - 2 * lower.space
    gap = float(np.median(bottom - top))
    if gap < 0 or gap > WIDEST_GAP * space:
        return Join(gap / space, 0.0, 0, True)
    cover = _line_cover(ink, x, top, bottom, dark)
    near = np.abs(x - left) <= EDGE * space
    ends = abs(upper.left - lower.left) <= 3 * space
    edge = float(cover[near].max(initial=0.0)) if ends else 0.0
    inside = (x > left + 3 * space) & (x < right + EDGE * space)
    bars = _count_runs(inside & (cover >= WHOLE_LINE), round(2 * space))
    return Join(gap / space, edge, bars, False)


def _line_cover(ink: np.ndarray, x: np.ndarray, top: np.ndarray, bottom: np.ndarray, dark: float) -> np.ndarray:
    """For each column the share of the gap's height that one upright, perhaps leaning line through it darkens, (columns,)."""
    import cv2

    share = (np.arange(ROWS, dtype=np.float32) + 0.5) / ROWS
    y = top[None, :] + share[:, None] * (bottom - top)[None, :]
    height = float(np.median(bottom - top))
    best = np.zeros(len(x))
    wide = cv2.dilate(ink, np.ones((1, 3), np.uint8))
    for lean in LEANS:
        xs = x[None, :] + (share[:, None] - 0.5) * height * lean
        patch = cv2.remap(wide, xs.astype(np.float32), y.astype(np.float32), cv2.INTER_NEAREST, borderValue=0)
        best = np.maximum(best, (patch >= dark).mean(axis=0))
    return best


def _count_runs(flags: np.ndarray, apart: int) -> int:
    """Groups of set places that are at least `apart` from each other."""
    places = np.flatnonzero(flags)
    return 0 if not len(places) else 1 + int((np.diff(places) > apart).sum())


def _decide(joins: list[Join]) -> list[bool]:
    """Certain joins, and weaker ones of the same gap that complete the page's pattern."""
    certain = [j.certain for j in joins]
    if not any(certain):
        return certain
    gaps = [j.gap for j, c in zip(joins, certain, strict=True) if c]
    widest = 1.15 * max(gaps)
    size = _usual_size(certain)
    joined = list(certain)
    for i, join in enumerate(joins):
        if certain[i] or join.side_by_side or join.gap > widest:
            continue
        torn = join.left >= TORN_LINE or join.bars >= 1
        alone = not (i > 0 and joined[i - 1]) and not (i + 1 < len(certain) and certain[i + 1])
        if torn and (alone or size > 2):
            joined[i] = True
    return joined


def _usual_size(joined: list[bool]) -> int:
    """Staves of the page's most frequent system with more than one."""
    sizes, current = [], 1
    for together in [*joined, False]:
        if together:
            current += 1
        else:
            sizes.append(current)
            current = 1
    several = [s for s in sizes if s > 1]
    return int(np.bincount(several).argmax()) if several else 1
