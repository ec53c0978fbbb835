"""An alignment as the page that shows it: pages as images, boxes of systems and measures, repeats in words, tempo."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from crossmodal.applications.score_alignment import Alignment
from crossmodal.applications.scores import Score
from crossmodal.base.errors import InputError
from crossmodal.base.results import Repeat, ScorePlace
from crossmodal.pages.layout import Page, System
from crossmodal.report.audio import embed_audio
from crossmodal.report.score_page import Area, Box, Moment, PageImage, ScoreView, Turn, write_score_page

WIDEST = 1500  # pixels of a page image: sharp at the width of the page on a common screen
QUALITY = 60  # of lossy WebP, for scans and photographs; engraved pages are kept exactly
TEMPO_ROWS = 20  # on either side of a moment, over which its tempo is measured
ABOVE = 2.5  # staff spaces of notes above and below the staff lines that a system's box takes in


def write_alignment_page(alignment: Alignment, path: str | Path, *, title: str | None = None) -> int:
    """Writes the page of an alignment whose recording still lies where it was; returns its bytes. Raises InputError.

    title: by default the names of both files.
    """
    result, score = alignment.result, alignment.score
    measures = _measures(score)
    title = title or f"{Path(result.recording).stem} – {score.path.name}"
    pages = "1 page" if len(score.pages) == 1 else f"{len(score.pages)} pages"
    bars = f"{len(measures)} bars on {pages}" if measures else f"{len(score.strips)} systems on {pages}"
    view = ScoreView(
        title, f"{bars}. Confidence that the recording is of this score: {result.confidence:.2f}.",
        [_image(page, exact=score.engraving is not None) for page in score.pages], _systems(score), measures,
        _moments(alignment), [_turn(repeat) for repeat in result.repeats],
        embed_audio(result.recording, seconds=alignment.duration + 1), alignment.duration,
        _warning(alignment), score.engraving is not None,
    )  # fmt: skip
    return write_score_page(path, view)


def _warning(alignment: Alignment) -> str:
    if not alignment.rows:
        return "Nothing of this recording fits this score; there is no cursor to follow."
    if alignment.result.abstained:
        return "This recording does not seem to be of this score: the places shown are guesses."
    return ""


def _image(page: Page, *, exact: bool) -> PageImage:
    import cv2  # pages were read with it already

    height, width = page.image.shape
    shown = page.image
    if width > WIDEST:
        shown = cv2.resize(shown, (WIDEST, round(height * WIDEST / width)), interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode(".webp", shown, [cv2.IMWRITE_WEBP_QUALITY, 101 if exact else QUALITY])
    if not done:
        raise InputError(
            f"page {page.number + 1}: expected an image that can be encoded, got {width} x {height} pixels"
        )
    return PageImage(data.tobytes(), "image/webp", width, height)


def _systems(score: Score) -> list[Area]:
    return [Area(strip.system.page, _box(strip.system)) for strip in score.strips]


def _box(system: System) -> Box:
    left, top, right, bottom = system.box
    return left, top - ABOVE * system.space, right, bottom + ABOVE * system.space


def _measures(score: Score) -> list[Area]:
    """In the order of the engraving, so that rows of both are the same."""
    if score.engraving is None:
        return []
    areas = []
    for measure in score.engraving.measures:
        _, top, _, bottom = _box(score.pages[measure.page].systems[measure.system])
        areas.append(Area(measure.page, (measure.left, top, measure.right, bottom), measure.name))
    return areas


def _moments(alignment: Alignment) -> list[Moment]:
    score, rows = alignment.score, alignment.rows
    numbers = {(s.system.page, s.system.number): row for row, s in enumerate(score.strips)}
    systems = [numbers[row.page - 1, row.system - 1] for row in rows]
    found = [score.measure_at(row.page - 1, row.system - 1, row.x) for row in rows]
    tempo = _tempo(alignment, found)
    return [
        Moment(row.audio_seconds, system, row.x, int(stretch), measure, row.beat, speed)
        for row, system, stretch, measure, speed in zip(rows, systems, alignment.segments, found, tempo, strict=True)
    ]


def _tempo(alignment: Alignment, measures: list[int | None]) -> list[float | None]:
    """Beats a minute at each row, over the rows around it up to the next jump; None where it is not known."""
    engraving = alignment.score.engraving
    if engraving is None:
        return [None] * len(measures)
    beats = np.array([
        np.nan if m is None or row.beat is None else engraving.measures[m].quarters / engraving.measures[m].beat + row.beat
        for m, row in zip(measures, alignment.rows, strict=True)
    ])  # fmt: skip
    row = np.arange(len(beats))
    first, last = np.maximum(row - TEMPO_ROWS, 0), np.minimum(row + TEMPO_ROWS, len(beats) - 1)
    stretch, seconds = alignment.segments, alignment.seconds
    first = np.maximum(first, np.searchsorted(stretch, stretch, side="left"))
    last = np.minimum(last, np.searchsorted(stretch, stretch, side="right") - 1)
    elapsed = seconds[last] - seconds[first]
    with np.errstate(invalid="ignore", divide="ignore"):
        tempo = 60 * (beats[last] - beats[first]) / elapsed
    return [float(t) if np.isfinite(t) and t > 0 and e >= 1 else None for t, e in zip(tempo, elapsed, strict=True)]


def _turn(repeat: Repeat) -> Turn:
    words = {"repeat": "Repeat from {} back to {}", "skip": "On from {} to {}", "jump": "Jump from {} to {}"}
    return Turn(words[repeat.kind].format(_name(repeat.origin), _name(repeat.destination)), repeat.seconds)


def _name(place: ScorePlace) -> str:
    return f"bar {place.measure}" if place.measure else f"page {place.page}, system {place.system}"
