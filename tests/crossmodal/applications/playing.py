"""Small scores, and what a recording of them sounds like to a space that knows them: vectors of columns, played in a chosen order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossmodal.applications.score_listening import Listened
from crossmodal.applications.scores import Score, ScoreVectors
from tests.crossmodal.alignment.sequences import noisy, smooth

HOP = 8.0
ROW_SECONDS = 0.1
FORWARD = '<barline location="left"><repeat direction="forward"/></barline>'
BACKWARD = '<barline location="right"><repeat direction="backward"/></barline>'
FINE = '<direction><direction-type><words>Fine</words></direction-type><sound fine="yes"/></direction>'
DA_CAPO = '<direction><direction-type><words>D.C. al Fine</words></direction-type><sound dacapo="yes"/></direction>'


def ending(number: int, kind: str, *, back: bool = False) -> str:
    """The left ("start") or right ("stop") barline of an ending."""
    side = "left" if kind == "start" else "right"
    repeat = '<repeat direction="backward"/>' if back else ""
    return f'<barline location="{side}"><ending number="{number}" type="{kind}"/>{repeat}</barline>'


def music_xml(path: Path, measures: int, marks: dict[int, tuple[str, str]]) -> Path:
    """Writes MusicXML of that many measures of four quarters; marks: number -> what stands before and after its notes."""
    parts = []
    for number in range(1, measures + 1):
        before, after = marks.get(number, ("", ""))
        head = (
            "<attributes><divisions>1</divisions><time><beats>4</beats><beat-type>4</beat-type></time>"
            "<clef><sign>G</sign><line>2</line></clef></attributes>"
        )
        notes = "".join(
            f"<note><pitch><step>{step}</step><octave>{4 + number % 2}</octave></pitch><duration>1</duration>"
            "<type>quarter</type></note>"
            for step in "CEGB"
        )
        parts.append(f'<measure number="{number}">{before if number > 1 else ""}{head if number == 1 else ""}'
                     f'{before if number == 1 else ""}{notes}{after}</measure>')  # fmt: skip
    path.write_text(
        '<?xml version="1.0"?><score-partwise version="4.0"><part-list><score-part id="P1"><part-name>P</part-name></score-part>'
        f'</part-list><part id="P1">{"".join(parts)}</part></score-partwise>',
        encoding="utf-8",
    )
    return path


def invented_vectors(score: Score, *, seed: int = 0) -> ScoreVectors:
    """Vectors of a score in a space of one's own: neighbours are alike, other places are not."""
    counts = [-(-strip.width // int(HOP)) for strip in score.strips]
    columns = [start + HOP * np.arange(count) + 3.5 for start, count in zip(score.starts, counts, strict=False)]
    vectors = smooth(sum(counts), seed=seed, width=4)
    return ScoreVectors(vectors, np.concatenate(columns), np.cumsum([0, *counts]), HOP)


def played_columns_of(score: Score, order: Sequence[int], *, seconds_a_measure: float = 2.0) -> NDArray[np.float64]:
    """The column, counted over all strips, that sounds at each tenth of a second when these measures (rows) are played evenly."""
    assert score.engraving is not None
    notes, columns = score.engraving.notes, []
    for row in order:
        measure = score.engraving.measures[row]
        own = np.sort(notes.x[notes.measure == row])
        places = [score.column(measure.page, measure.system, x) for x in (*own, measure.right)]
        beats = np.linspace(0, 1, len(places))
        columns.append(
            np.interp(np.arange(0, seconds_a_measure - 1e-9, ROW_SECONDS) / seconds_a_measure, beats, places)
        )
    return np.concatenate(columns)


def heard(vectors: ScoreVectors, columns: NDArray[np.float64], *, noise: float = 0.3, seed: int = 1) -> Listened:
    """A recording that sounds these columns, a tenth of a second each."""
    rows = np.abs(vectors.columns[None] - columns[:, None]).argmin(axis=1)
    seconds = ROW_SECONDS * np.arange(len(columns))
    return Listened(
        noisy(vectors.vectors[rows], noise, seed=seed),
        seconds,
        np.ones(len(columns), np.float32),
        ROW_SECONDS,
        float(seconds[-1]),
    )
