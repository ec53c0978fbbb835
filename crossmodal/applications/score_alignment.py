"""A recording against a score: where in the score each moment sounds, which repeats were played, and whether it fits at all.

After Dorfer, Arzt & Widmer 2017 (alignment in a joint space of audio and sheet music) with the jumps of Fremerey, Müller &
Clausen 2010. The recording may begin and end anywhere in the score, and hold applause or silence around the music.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from crossmodal.alignment.jumps import JumpOptions, JumpPath, align_with_jumps
from crossmodal.alignment.motion import Jump
from crossmodal.applications.score_fit import ALIGN, path_confidence
from crossmodal.applications.score_listening import SHORTEST_SECONDS, Listened, check_score_path, listen
from crossmodal.applications.score_repeats import ScoreJump, score_jumps
from crossmodal.applications.scores import Place, Score, ScoreVectors, read_score, score_vectors
from crossmodal.base.errors import InputError
from crossmodal.base.files import atomic_write
from crossmodal.base.results import AlignmentResult, AlignRow, Repeat, ScorePlace
from crossmodal.calibration import Calibration, load_calibration
from crossmodal.space import Space

Floats = NDArray[np.float64]
OPTIONS = JumpOptions(outside=0.75)
SMOOTHING = 9  # rows (0.9 s) over which the path, which steps by whole vectors, is straightened
NEAR = 40.0  # columns (8 staff spaces) beside what was played that still mean it


@dataclass(frozen=True)
class Alignment:
    """A recording laid along a score. seconds, columns (n,): what `result.rows` are made of, columns counted over all strips;
    segments (n,): the number of jumps taken before each of them; duration: of the recording, in seconds.
    """

    score: Score
    result: AlignmentResult
    seconds: Floats
    columns: Floats
    segments: NDArray[np.int64]
    duration: float

    @property
    def rows(self) -> list[AlignRow]:
        """A row about every tenth of a second, none for what comes before and after the music."""
        return self.result.rows

    @property
    def confidence(self) -> float:
        """In [0, 1], that the recording is of the score."""
        return self.result.confidence

    @cached_property
    def repeats(self) -> list[Repeat]:
        """The repeats and endings of the score, with the seconds at which they were played, and other jumps that were taken."""
        return self.result.repeats

    def place_at(self, seconds: float) -> Place:
        """Where in the score a moment sounds; moments before and after the music are its first and last place."""
        self._check()
        last = (
            int(np.clip(np.searchsorted(self.seconds, seconds), 1, len(self.seconds) - 1))
            if len(self.seconds) > 1
            else 0
        )
        before = max(last - 1, 0)
        if self.segments[before] != self.segments[last]:  # between the two lies a jump, and nothing else
            nearest = before if seconds - self.seconds[before] <= self.seconds[last] - seconds else last
            return self.score.place(float(self.columns[nearest]))
        pair = [before, last]
        return self.score.place(float(np.interp(seconds, self.seconds[pair], self.columns[pair])))

    def seconds_at(self, page: int, system: int, x: float) -> list[float]:
        """When a place sounds: page and system from 1, x in pixels; a time for each time it was played, none where it never was.

        Raises InputError for a page or system that the score does not have.
        """
        self._check()
        if not any((s.system.page, s.system.number) == (page - 1, system - 1) for s in self.score.strips):
            raise InputError(f"expected a page and system of the score, both from 1, got page {page}, system {system}")
        column = self.score.column(page - 1, system - 1, x)
        found = [self._sounding(segment, column) for segment in np.unique(self.segments)]
        return [time for time in found if time is not None]

    def _sounding(self, segment: int, column: float) -> float | None:
        own = self.segments == segment
        seconds, columns = self.seconds[own], self.columns[own]
        if not columns[0] - NEAR <= column <= columns[-1] + NEAR:
            return None
        first = np.concatenate([[True], np.diff(columns) > 0])  # of a held place, the moment at which it began
        return float(np.interp(column, columns[first], seconds[first]))

    def _check(self) -> None:
        if not len(self.seconds):
            raise InputError(
                f"{self.result.recording}: nothing of it fits {self.result.score}; there are no places to ask for"
            )

    def to_csv(self, path: str | Path) -> None:
        """The rows, with the names of `AlignRow` in the first line; empty where measure and beat are not known."""
        with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
            self.write_csv(stream)

    def write_csv(self, stream: IO[str]) -> None:
        """As `to_csv`, into an open file."""
        writer = csv.DictWriter(stream, list(AlignRow.model_fields), lineterminator="\n")
        writer.writeheader()
        writer.writerows(row.model_dump() for row in self.rows)


def align_recording(space: Space, recording: str | Path, score: str | Path | Score) -> Alignment:
    """Aligns a recording with a score (a file, or one that was read). Raises InputError with the reason where either cannot be used."""
    if not isinstance(score, Score):
        check_score_path(score)
    heard = listen(space, recording)
    known = score if isinstance(score, Score) else read_score(score)
    check_systems(known)
    calibration = load_calibration(space.location, "align", ALIGN)
    vectors = score_vectors(space, known.strips)
    return align_vectors(
        heard, known, vectors, recording=str(recording), space=space.reference, calibration=calibration
    )


def check_systems(score: Score) -> None:
    """Raises InputError for a score in which nothing can be played."""
    if not score.strips:
        raise InputError(f"{score.path}: expected a score with staves of five lines, got none; give another file")


def align_vectors(
    heard: Listened, score: Score, vectors: ScoreVectors, *, recording: str, space: str,
    calibration: Calibration = ALIGN, options: JumpOptions = OPTIONS,
) -> Alignment:  # fmt: skip
    """As `align_recording`, of what was encoded already. recording, space: as the result names them."""
    jumps = score_jumps(score, vectors)
    path = align_with_jumps(
        heard.vectors, vectors.vectors, [item.jump for item in jumps], weights=heard.weights, options=options
    )
    inside = slice(path.first, path.last + 1)
    fits = float(heard.weights[inside].sum()) * heard.hop >= SHORTEST_SECONDS
    confidence = path_confidence(path, calibration) if fits else 0.0
    seconds = heard.seconds[inside] if fits else np.zeros(0)
    columns, segments = played_columns(path, vectors, jumps)
    columns, segments = columns[: len(seconds)], segments[: len(seconds)]
    result = AlignmentResult(
        recording=recording, score=str(score.path), space=space, confidence=round(confidence, 4), threshold=calibration.threshold,
        abstained=confidence < calibration.threshold, repeats=_repeats(score, heard, jumps, path.jumps if fits else ()),
        rows=[_row(time, score.place(column)) for time, column in zip(seconds.tolist(), columns.tolist(), strict=True)],
    )  # fmt: skip
    return Alignment(score, result, seconds, columns, segments, heard.duration)


def played_columns(
    path: JumpPath, vectors: ScoreVectors, jumps: Sequence[ScoreJump]
) -> tuple[Floats, NDArray[np.int64]]:
    """Columns (n,) of the rows inside, counted over all strips, never falling between two jumps; and the number of jumps before each.

    What lies over a clef is no jump to a reader, but no place for the path to dwell either: it is straightened up to it and after it.
    """
    kinds = {item.jump: item.kind for item in jumps}
    taken = [(row - path.first, kinds[jump]) for row, jump in path.jumps]
    count = path.last + 1 - path.first
    segments = np.zeros(count, np.int64)
    for row, kind in taken:
        segments[row:] += kind != "line"
    places = path.columns[path.first : path.last + 1].astype(np.float64)
    borders = [0, *(row for row, _ in taken), count]
    smooth = np.concatenate([_straight(places[a:b]) for a, b in pairwise(borders)])
    columns = np.interp(smooth, np.arange(len(vectors.columns)), vectors.columns)
    return columns, segments


def _straight(places: Floats) -> Floats:
    """Steps of whole vectors, made straight: means over `SMOOTHING` rows, over fewer towards the ends; never falling."""
    count = len(places)
    row = np.arange(count)
    half = np.minimum(SMOOTHING // 2, np.minimum(row, count - 1 - row))
    sums = np.concatenate([[0.0], np.cumsum(places)])
    means: Floats = (sums[row + half + 1] - sums[row - half]) / (2 * half + 1)
    return np.maximum.accumulate(means)


def _row(seconds: float, place: Place) -> AlignRow:
    beat = None if place.beat is None else round(place.beat, 3)
    return AlignRow(audio_seconds=round(seconds, 3), page=place.page, system=place.system, x=round(place.x, 1),
                    y=round(place.y, 1), measure=place.measure, beat=beat)  # fmt: skip


def _repeats(
    score: Score, heard: Listened, jumps: Sequence[ScoreJump], taken: Sequence[tuple[int, Jump]]
) -> list[Repeat]:
    times: dict[Jump, list[float]] = {}
    for row, jump in taken:
        times.setdefault(jump, []).append(round(float(heard.seconds[row]), 2))
    shown = [item for item in jumps if item.kind != "line" and (item.written or item.jump in times)]
    shown.sort(key=lambda item: (item.origin, item.destination))
    return [
        Repeat(kind=item.kind, origin=_place(score, item.origin - 1), destination=_place(score, item.destination + 1),
               seconds=times.get(item.jump, []))
        for item in shown
    ]  # fmt: skip


def _place(score: Score, column: float) -> ScorePlace:
    place = score.place(column)
    return ScorePlace(page=place.page, system=place.system, x=round(place.x, 1), measure=place.measure)
