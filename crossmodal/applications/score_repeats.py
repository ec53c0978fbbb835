"""Where a player may go on elsewhere than at the next note: repeats, endings, da capo; and, in images, from system to system.

Symbolic scores say it: wherever the order in which the engraver plays the measures is not the order in which they are written, there
is a jump that may be taken or not. Images do not: there a reader may go from the end of any system to the beginning of any other, at
a price that only strong evidence pays. In both, what stands at the beginning of a line and does not sound (clef, key) may be passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from crossmodal.alignment.motion import Jump
from crossmodal.applications.scores import Score, ScoreVectors
from crossmodal.pages.layout import SPACE
from pairs.engraving import Engraving

Kind = Literal["repeat", "skip", "jump", "line"]

WRITTEN = 0.2  # penalty of what the score asks for: a fifth of a row in which nothing fits
UNSEEN = 1.5  # of leaving out an ending that the engraver did not recognize as one
UNWRITTEN = 20.0  # of a jump that nothing in the score asks for: several seconds in which nothing else fits
LINE = 0.02  # of passing over what stands at the beginning of a line
ENDING = 4  # measures of an ending at most
LEAD = 1.5  # staff spaces before the first note of a measure at which its sound begins
CLEF = (4.0, 8.0, 12.0)  # staff spaces that clef, key and metre may take in an image


@dataclass(frozen=True)
class ScoreJump:
    """A jump of the alignment, in rows of `ScoreVectors`, and what it is to a reader.

    kind: "repeat" goes back and "skip" ahead, both written; "jump": not written; "line": over clef and key. origin, destination: columns
    counted over all strips, of the end of what is played before and of the beginning of what is played after.
    """

    kind: Kind
    jump: Jump
    origin: float
    destination: float

    @property
    def written(self) -> bool:
        """Whether the score asks for it, so that it is told even when it was not played."""
        return self.kind != "line" and self.jump.penalty <= WRITTEN


def score_jumps(score: Score, vectors: ScoreVectors) -> list[ScoreJump]:
    """All jumps that aligning a recording with this score may take, no two of them with the same rows."""
    found = list(_lines(score, vectors))
    found += _written(score, vectors) if score.engraving is not None else _turns(score, vectors)
    unique: dict[tuple[int, int], ScoreJump] = {}
    for item in found:
        key = (item.jump.origin, item.jump.destination)
        if key not in unique or unique[key].jump.penalty > item.jump.penalty:
            unique[key] = item
    return list(unique.values())


def played_order(engraving: Engraving) -> list[tuple[int, int]]:
    """Pairs of measure rows that follow each other in playing but not in writing, each once, in the order of playing."""
    rows = [row for row, _ in engraving.passes]
    return list(dict.fromkeys((a, b) for a, b in pairwise(rows) if b != a + 1))


def _written(score: Score, vectors: ScoreVectors) -> Iterator[ScoreJump]:
    assert score.engraving is not None
    order = played_order(score.engraving)
    spans = _measure_spans(score)
    landings = {b for a, b in order if b > a}
    for a, b in order:
        if a not in spans or b not in spans:
            continue
        kind: Kind = "repeat" if b <= a else "skip"
        yield _jump(kind, vectors, spans[a][1], spans[b][0], WRITTEN)
        after = a + 1
        if b <= a and after in spans and after not in landings:
            for row in range(max(b, a - ENDING), a):
                if row in spans:
                    yield _jump("skip", vectors, spans[row][1], spans[after][0], UNSEEN)
    first, last = min(spans), max(spans)
    if (last, first) not in order:
        yield _jump("jump", vectors, spans[last][1], spans[first][0], UNWRITTEN)


def _measure_spans(score: Score) -> dict[int, tuple[float, float]]:
    """Measure row -> columns (counted over all strips) between which its music stands."""
    assert score.engraving is not None
    known = {(strip.system.page, strip.system.number) for strip in score.strips}
    notes, spans = score.engraving.notes, {}
    first = np.full(len(score.engraving.measures), np.inf)
    np.minimum.at(first, notes.measure, notes.x)
    for row, measure in enumerate(score.engraving.measures):
        if (measure.page, measure.system) in known:
            space = score.pages[measure.page].systems[measure.system].space
            left = max(measure.left, first[row] - LEAD * space) if np.isfinite(first[row]) else measure.left
            end = score.column(measure.page, measure.system, measure.right)
            spans[row] = (min(score.column(measure.page, measure.system, left), end), end)
    return spans


def _lines(score: Score, vectors: ScoreVectors) -> Iterator[ScoreJump]:
    """From the end of each line to where the next one's music begins (in images: may begin)."""
    begins = _line_begins(score)
    for row in range(1, len(score.strips)):
        start, stop = float(score.starts[row]), float(score.starts[row + 1])
        for begin in begins[row]:
            if start + vectors.hop < begin < stop:
                yield _jump("line", vectors, start, begin, LINE)


def _line_begins(score: Score) -> list[list[float]]:
    """Columns at which the music of each strip (may) begin."""
    if score.engraving is None:
        return [[float(start) + spaces * SPACE for spaces in CLEF] for start in score.starts[:-1]]
    notes, begins = score.engraving.notes, []
    for strip in score.strips:
        own = (notes.page == strip.system.page) & (notes.system == strip.system.number)
        x = [float(notes.x[own].min()) - LEAD * strip.system.space] if own.any() else []
        begins.append([score.column(strip.system.page, strip.system.number, value) for value in x])
    return begins


def _turns(score: Score, vectors: ScoreVectors) -> Iterator[ScoreJump]:
    """From the end of every system to the beginning of every other that does not follow it anyway."""
    begins = [column[0] for column in _line_begins(score)]
    for row in range(len(score.strips)):
        for other in range(len(score.strips)):
            if other != row + 1:
                yield _jump("jump", vectors, float(score.starts[row + 1]), begins[other], UNWRITTEN)


def _jump(kind: Kind, vectors: ScoreVectors, origin: float, destination: float, penalty: float) -> ScoreJump:
    """Between the last vector before the column `origin` and the first one from the column `destination` on."""
    last = len(vectors.columns) - 1
    left = int(np.clip(np.searchsorted(vectors.columns, origin) - 1, 0, last))
    landed = int(np.clip(np.searchsorted(vectors.columns, destination - vectors.hop / 2), 0, last))
    return ScoreJump(kind, Jump(left, landed, penalty), origin, destination)
