"""The part of the demo's report about scores: which recording was found, what was left unnamed, and one alignment to look at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossmodal.applications.score_alignment import align_recording
from crossmodal.applications.score_view import write_alignment_page
from crossmodal.base.results import ScoreRow
from crossmodal.demo_scores import EXCERPT_SECONDS, SPACE, Answer, Performed, Shelf, title_of
from crossmodal.demo_shares import summary_lines
from crossmodal.report import AudioEntry, AudioList, Command, Paragraph, Section, Table, embed_audio
from crossmodal.report.html import Context, escape
from crossmodal.space import Space

Floats = NDArray[np.float64]
ALIGNED = "alignment.html"
WITHIN = 0.5  # seconds
HEARD = 3  # excerpts with players


@dataclass(frozen=True)
class Link:
    """A line that leads to a file beside the report. target: relative to it."""

    target: str
    text: str
    about: str = ""

    def render(self, context: Context) -> str:
        """A paragraph with the link."""
        return f'<p><a href="{escape(self.target)}">{escape(self.text)}</a> {escape(self.about)}</p>'


@dataclass(frozen=True)
class Aligned:
    """An alignment page and how well the alignment fits what was played: median error in seconds of performance, and the share of
    moments within `WITHIN`; None where nothing fitted.
    """

    page: Path
    title: str
    confidence: float
    error: float | None
    within: float | None


@dataclass(frozen=True)
class ScoreResults:
    """What the demo has to tell about scores."""

    shelf: Shelf
    rows: list[ScoreRow]
    aligned: Aligned
    index: Path
    space: str

    def summary(self) -> list[str]:
        """The figures that the terminal shows."""
        named = sum(answer.answered for answer in self.shelf.outside)
        outside = f"{SPACE}: {named} of {len(self.shelf.outside)} recordings that are not on the shelf given a name"
        return [*summary_lines(SPACE, self.rows), outside]


def align_one(space: Space, shelf: Shelf, page: Path) -> Aligned:
    """Writes the page of the first recording that was found; of the first one of all where none was."""
    found = [one for one, answer in zip(shelf.performed, shelf.answers, strict=True) if answer.rank == 1]
    chosen = (found or shelf.performed)[0]
    made = align_recording(space, chosen.recording, shelf.scores[chosen.work.id])
    write_alignment_page(made, page)
    if not len(made.seconds):
        return Aligned(page, title_of(chosen.work), made.confidence, None, None)
    errors = alignment_errors(made.seconds, made.columns, chosen)
    median, within = float(np.median(errors)), float((errors <= WITHIN).mean())
    return Aligned(page, title_of(chosen.work), made.confidence, median, within)


def alignment_errors(seconds: Floats, columns: Floats, truth: Performed) -> Floats:
    """(n,) seconds between each moment played and the moment at which the place is played that is shown for it.

    seconds, columns (t,): an alignment, at least one row of it; before and after it its first and last place are shown.
    """
    shown = np.interp(truth.seconds, seconds, columns)
    played = np.interp(shown, np.maximum.accumulate(truth.columns), truth.seconds)
    return np.abs(played - truth.seconds)


def scores_section(results: ScoreResults | None) -> Section:
    """The section; without results, why there are none."""
    title = "Recordings and sheet music"
    if results is None:
        missing = (
            f"Left out: no space of recordings and sheet music is installed under the name {SPACE}. One that is trained here "
            "is used when the demo runs again."
        )
        return Section(
            title, [Paragraph(missing), Command(f"crossmodal train {SPACE} --catalogue CATALOGUE", "Train one")]
        )
    shelf = results.shelf
    about = (
        f"{len(shelf.scores)} real scores were engraved and indexed; a synthesized pianist played each of them, with tempo that "
        f"breathes and in different rooms. {EXCERPT_SECONDS:.0f} s of each recording were looked up in the index. None of these "
        f"works is among those that {results.space} was trained on. Where nothing fits well enough the answer is that it is not sure."
    )
    if shelf.skipped:
        about += f" {len(shelf.skipped)} works were left out, since they cannot be engraved, or are too short or of one line."
    table = Table(
        ["metric", "value", "low", "high", "chance", "n"],
        [[row.metric, row.value, row.low, row.high, row.chance, row.n] for row in results.rows],
        "Which score is it? 95% intervals over works",
    )
    try_it = Command(
        f"crossmodal identify {results.index} {shelf.performed[0].recording}", "Ask for one of them, or for your own recording"
    )  # fmt: skip
    return Section(
        title, [Paragraph(about), table, _outside(shelf), *_aligned(results), _heard(shelf), _each(shelf), try_it]
    )


def _outside(shelf: Shelf) -> Table:
    rows = [[answer.title, _said(answer), answer.nearest or None, answer.confidence] for answer in shelf.outside]
    caption = "What is not on the shelf: the right answer is none"
    return Table(["recording", "answer", "nearest score", "confidence"], rows, caption)


def _said(answer: Answer) -> str:
    if answer.refused:
        return f"none: {answer.refused}"
    return answer.nearest if answer.answered else "none: not sure"


def _each(shelf: Shelf) -> Table:
    rows = [
        [answer.title, answer.nearest or None, answer.rank == 1, answer.confidence, answer.answered]
        for answer in shelf.answers
    ]
    return Table(["recording of", "first answer", "right", "confidence", "sure"], rows, "Every recording")


def _heard(shelf: Shelf) -> AudioList:
    entries = [
        AudioEntry(answer.title, f"Answer: {_said(answer)}", None, embed_audio(answer.excerpt, seconds=8.0))
        for answer in (*shelf.answers[:HEARD], *shelf.outside[:1])
    ]
    return AudioList("Some of what was asked", entries, "The first seconds of the excerpts.")


def _aligned(results: ScoreResults) -> list[Paragraph | Link]:
    aligned = results.aligned
    if aligned.error is None or aligned.within is None:
        told = "Nothing of the recording fitted its score."
    else:
        told = (
            f"The place shown is off by {aligned.error:.2f} s in the median; {aligned.within:.0%} of the moments played lie within "
            f"{WITHIN:g} s. Confidence that the recording is of this score: {aligned.confidence:.2f}."
        )
    about = "plays the recording with a cursor in its score; press a bar and hear it."
    return [Link(aligned.page.name, f"The alignment of {aligned.title}", about), Paragraph(told, note=True)]
