"""A score, symbolic or of images, as one long sequence of columns: what identifying, aligning and following work on."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossmodal.base.errors import InputError
from crossmodal.pages.files import PAGE_EXTENSIONS
from crossmodal.pages.layout import Page, Strip
from crossmodal.pages.reading import read_score_pages
from crossmodal.pages.strips import straighten_pages
from crossmodal.space import Space
from pairs.engraving import Engraving
from pairs.engraving_files import SCORE_EXTENSIONS, engrave_file


@dataclass(frozen=True)
class Place:
    """A place of a score. page, system: counted from 1, as a reader counts; x, y: page pixels, y of the system's middle; measure: its
    printed name; beat: from 1, of the metre's lower number; both None where the score is of images.
    """

    page: int
    system: int
    x: float
    y: float
    measure: str | None = None
    beat: float | None = None


@dataclass(frozen=True)
class Score:
    """Pages with their systems, the systems straightened in reading order, and where it is symbolic, its engraving."""

    path: Path
    pages: list[Page]
    strips: list[Strip]
    engraving: Engraving | None = None

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """First column of each strip (and, last, of all columns the number) when the strips lie side by side."""
        return np.cumsum([0, *(strip.width for strip in self.strips)])

    def place(self, column: float) -> Place:
        """A column, counted over all strips, as a place on the page and in the music."""
        row = int(np.clip(np.searchsorted(self.starts, column, side="right") - 1, 0, len(self.strips) - 1))
        strip = self.strips[row]
        x = float(strip.page_x(column - self.starts[row]))
        staves = strip.system.staves
        y = float(np.mean([np.interp(x, staff.x, staff.y) for staff in (staves[0], staves[-1])]))
        measure, beat = self._beat(strip.system.page, strip.system.number, x)
        return Place(strip.system.page + 1, strip.system.number + 1, x, y, measure, beat)

    def column(self, page: int, system: int, x: float) -> float:
        """Page and system (from 0) and x in page pixels -> the column counted over all strips."""
        row = next(i for i, s in enumerate(self.strips) if (s.system.page, s.system.number) == (page, system))
        return float(self.starts[row] + np.clip(self.strips[row].column(x), 0, self.strips[row].width - 1))

    def measure_at(self, page: int, system: int, x: float) -> int | None:
        """Row (of `Engraving.measures`) of the measure at a place, page and system from 0, or of the nearest one; None in images."""
        rows, lefts = self._bars.get((page, system), ((), ()))
        return rows[max(bisect_right(lefts, x) - 1, 0)] if rows else None

    @cached_property
    def _bars(self) -> dict[tuple[int, int], tuple[list[int], list[float]]]:
        """(page, system) -> its measures' rows and left ends, from left to right."""
        bars: dict[tuple[int, int], tuple[list[int], list[float]]] = {}
        for row, measure in enumerate(self.engraving.measures if self.engraving else ()):
            rows, lefts = bars.setdefault((measure.page, measure.system), ([], []))
            rows.append(row)
            lefts.append(measure.left)
        return bars

    def _beat(self, page: int, system: int, x: float) -> tuple[str | None, float | None]:
        row = self.measure_at(page, system, x)
        if row is None or self.engraving is None:
            return None, None
        measure = self.engraving.measures[row]
        places, quarters = self._onsets(row)
        if not len(places) or not np.isfinite(measure.quarters):
            return measure.name, 1.0
        return measure.name, 1 + max(0.0, float(np.interp(x, places, quarters)) - measure.quarters) / measure.beat

    def _onsets(self, row: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """x and quarters of what begins in a measure, and its end; both rising. Computed once: a path asks for every moment."""
        if row not in self._known_onsets and self.engraving is not None:
            notes, measure = self.engraving.notes, self.engraving.measures[row]
            own = notes.measure == row
            onset, first = np.unique(notes.quarters[own], return_index=True)
            places = notes.x[own][first]
            if len(onset):
                onset = np.append(onset, (notes.quarters + notes.duration)[own].max())
                places = np.append(places, measure.right)
            order = np.argsort(places, kind="stable")
            self._known_onsets[row] = places[order], np.maximum.accumulate(onset[order])
        return self._known_onsets[row]

    @cached_property
    def _known_onsets(self) -> dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]]:
        return {}


@dataclass(frozen=True)
class ScoreVectors:
    """A score in the space: vectors (m, d) of unit length; columns (m,): their places, counted over all strips; hop: columns between
    them; starts: (strips + 1,) the first vector of each strip.
    """

    vectors: NDArray[np.float32]
    columns: NDArray[np.float64]
    starts: NDArray[np.int64]
    hop: float


def read_score(path: str | Path) -> Score:
    """A score file of any kind. Raises InputError where it cannot be read or holds no music."""
    path = Path(path)
    if not path.is_file():
        raise InputError(
            f"{path}: expected a score file, got {'a folder' if path.is_dir() else 'nothing there'}; check the path"
        )
    suffix = path.suffix.lower()
    if suffix in SCORE_EXTENSIONS:
        engraving = engrave_file(path)
        return _score(path, engraving.pages, engraving)
    if suffix in PAGE_EXTENSIONS:
        return _score(path, read_score_pages(path), None)
    raise InputError(
        f'{path}: expected a score ({", ".join((*SCORE_EXTENSIONS, *PAGE_EXTENSIONS))}), got "{suffix}"; convert it first'
    )


def _score(path: Path, pages: list[Page], engraving: Engraving | None) -> Score:
    return Score(path, pages, straighten_pages(pages), engraving)


def score_vectors(space: Space, strips: Sequence[Strip]) -> ScoreVectors:
    """The strips of a score in the space, one after another."""
    sequences = [space.sequence("sheet", strip) for strip in strips]
    starts = np.cumsum([0, *(strip.width for strip in strips)])
    columns = [sequence.positions.numpy() + start for sequence, start in zip(sequences, starts, strict=False)]
    return ScoreVectors(
        np.concatenate([sequence.vectors.numpy() for sequence in sequences]),
        np.concatenate(columns).astype(np.float64),
        np.cumsum([0, *(len(sequence.vectors) for sequence in sequences)]),
        sequences[0].hop,
    )
