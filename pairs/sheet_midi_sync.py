"""Real scans with beats: printed editions of piano pieces and the seconds at which each beat sounds in one MIDI file of the piece.

Tanprasert, Jenrungrot, Mueller & Tsai, "MIDI-Sheet Music Alignment Using Bootleg Score Synthesis", ISMIR 2019. Row k of every edition
of a piece is the k-th beat of its MIDI (repeats are not played). Pages and systems count from 0; systems count over the *annotated*
ones of their page: where a page begins with the end of another piece, that piece's systems are not counted (`Edition.borders` tells
where the annotated ones lie). x is in points of the PDF, from the left of the page cut to its ink, NaN where a beat has no place.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossmodal.base.errors import InputError
from crossmodal.base.results import Skipped
from crossmodal.pages.layout import System

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Place = tuple[int, int]  # page, system


@dataclass(frozen=True)
class Edition:
    """One printed edition of a piece. (k,) arrays of its beats in playing order: page, system, x, seconds (of the piece's MIDI).

    end: seconds at which the last beat ends; borders: page -> (systems + 1,) rows between its annotated systems, in pixels of x's kind.
    """

    piece: str
    name: str
    pdf: Path
    midi: Path
    page: Ints
    system: Ints
    x: Floats
    seconds: Floats
    end: float
    borders: dict[int, Floats]

    @property
    def id(self) -> str:
        """Piece and edition in one word."""
        return f"{self.piece}_{self.name}"

    @property
    def places(self) -> list[Place]:
        """The annotated systems (page, system) in the order in which they are played."""
        return list(dict.fromkeys(zip(self.page.tolist(), self.system.tolist(), strict=True)))

    def spans(self) -> dict[Place, tuple[float, float]]:
        """System -> seconds from its first beat to the first of the next system."""
        starts: dict[Place, float] = {}
        for page, system, second in zip(self.page.tolist(), self.system.tolist(), self.seconds.tolist(), strict=True):
            starts.setdefault((page, system), second)
        ends = [*list(starts.values())[1:], self.end]
        return {place: (start, end) for (place, start), end in zip(starts.items(), ends, strict=True)}


def read_sheet_midi_sync(folder: str | Path) -> tuple[list[Edition], list[Skipped]]:
    """All editions whose scan, beats and MIDI beats are there, by id, and those left out with the reason. InputError for another folder."""
    folder = Path(folder)
    tables = sorted((folder / "annot_data").glob("*_beats.csv"))
    if not tables:
        raise InputError(f"{folder}: expected annot_data with *_beats.csv, found none; give sheet_midi_sync's folder")
    borders = _read_borders(folder / "score_data" / "cfg_files" / "bnds.corrected.txt")
    editions: list[Edition] = []
    skipped: list[Skipped] = []
    for table in tables:
        piece = table.name.removesuffix("_beats.csv")
        for name, rows in _editions(table).items():
            try:
                editions.append(_edition(folder, piece, name, rows, borders))
            except InputError as error:
                skipped.append(Skipped(path=f"{piece}_{name}.pdf", reason=str(error)))
    return sorted(editions, key=lambda e: e.id), skipped


def systems_of_window(edition: Edition, start_seconds: float, end_seconds: float) -> dict[Place, float]:
    """The systems that sound from start to end (seconds of the piece's MIDI) -> the share of the window that each sounds for, above 0.

    The shares sum to 1 where the window lies within the piece.
    """
    return {
        place: common / (end_seconds - start_seconds)
        for place, common in _common(edition, start_seconds, end_seconds).items()
    }


def right_systems(edition: Edition, start_seconds: float, end_seconds: float, *, share: float = 0.5) -> set[Place]:
    """Systems that are a right answer for a window: what sounds of them in it is `share` or more of the window, or of the system where
    that is the shorter one (a system of 6 s can never fill half of 15 s).
    """
    spans = edition.spans()
    window = end_seconds - start_seconds
    return {
        place
        for place, common in _common(edition, start_seconds, end_seconds).items()
        if common >= share * min(window, spans[place][1] - spans[place][0]) - 1e-9
    }


def _common(edition: Edition, start: float, end: float) -> dict[Place, float]:
    if not end > start:
        raise InputError(f"expected a window that ends after it starts, got {start:g} to {end:g} s; swap the two")
    overlap = {place: min(b, end) - max(a, start) for place, (a, b) in edition.spans().items()}
    return {place: seconds for place, seconds in overlap.items() if seconds > 0}


def annotated_systems(
    edition: Edition, page: int, image: NDArray[np.uint8], systems: Sequence[System]
) -> list[int | None]:
    """Systems found on a page's whole image (h, w), any resolution -> the number of the annotated system that each is, None for another
    piece's.
    """
    borders = edition.borders.get(page)
    if borders is None or not len(systems):
        return [None] * len(systems)
    top = ink_box(image)[0]
    scale = image.shape[0] / _points_high(edition.pdf, page)
    middles = np.array([(s.box[1] + s.box[3]) / 2 for s in systems])
    numbers = np.searchsorted(top + borders * scale, middles, side="right") - 1
    inside = (numbers >= 0) & (numbers < len(borders) - 1)
    return [int(n) if ok else None for n, ok in zip(numbers, inside, strict=True)]


def ink_box(image: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """top, left, height, width of a page's ink: rows and columns darker on average than 1 % of the darkest one."""
    dark = 255.0 - image.astype(np.float64)
    rows, columns = dark.mean(axis=1), dark.mean(axis=0)
    inked = [np.flatnonzero(line > 0.01 * line.max()) for line in (rows, columns)]
    if not len(inked[0]) or not len(inked[1]):
        return 0, 0, int(image.shape[0]), int(image.shape[1])
    (top, bottom), (left, right) = ((int(line[0]), int(line[-1])) for line in inked)
    return top, left, bottom - top + 1, right - left + 1


def _points_high(pdf: Path, page: int) -> float:
    import pypdfium2  # a compiled library that reading annotations does not need

    document = pypdfium2.PdfDocument(pdf)
    try:
        return float(document[page].get_height())
    finally:
        document.close()


def _editions(table: Path) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    with table.open(encoding="utf-8-sig", newline="") as stream:
        for row in csv.DictReader(stream):
            found.setdefault(row["score"].rpartition("_")[2], []).append(row)
    return found


def _edition(
    folder: Path, piece: str, name: str, rows: list[dict[str, str]], borders: dict[str, dict[int, Floats]]
) -> Edition:
    pdf = folder / "score_data" / "prepped_pdf" / f"{piece}_{name}.pdf"
    midi = folder / "midi" / f"{piece}.mid"
    for path in (pdf, midi):
        if not path.is_file():
            raise InputError(f"{path.name}: expected this file, found none; fetch it")
    played = _seconds(folder / "annot_data" / "midi" / f"{piece}.csv")
    if not 0 <= len(rows) - len(played) <= 1:  # one table of the data ends a beat before the piece
        raise InputError(f"expected {len(played)} beats, got {len(rows)}; mend the table")
    rows = rows[: len(played)]
    page, system = (np.array([int(row[key]) for row in rows], np.int64) for key in ("page", "strip"))
    x = without_slips(np.array([float(row["hpixel"] or "nan") for row in rows]), page * len(rows) + system)
    return Edition(
        piece=piece, name=name, pdf=pdf, midi=midi, page=page, system=system - 1, x=x, seconds=played,
        end=float(2 * played[-1] - played[-2]), borders=borders.get(f"{piece}_{name}", {}),
    )  # fmt: skip


def without_slips(x: Floats, line: Ints) -> Floats:
    """x (k,) with NaN for what cannot be: a beat that is not between its neighbours of the same line (k,), as 3439 between 333 and 369."""
    mended = x.copy()
    known = np.flatnonzero(~np.isnan(x))
    for before, at, after in zip(known, known[1:], known[2:], strict=False):
        rising = line[before] == line[after] and x[before] < x[after]
        if rising and not x[before] < x[at] < x[after]:
            mended[at] = np.nan
    return mended


def _seconds(path: Path) -> Floats:
    try:
        table = np.loadtxt(path, delimiter=",", ndmin=2)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: expected beats in two columns, got '{error}'; fetch it again") from error
    if len(table) < 2 or (np.diff(table[:, 0]) <= 0).any():
        raise InputError(f"{path}: expected two or more rising beats, got {len(table)}; fetch it again")
    return np.asarray(table[:, 0], np.float64)


def _read_borders(path: Path) -> dict[str, dict[int, Floats]]:
    found: dict[str, dict[int, Floats]] = {}
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    for line in lines:
        name, *rows = line.split()
        edition, _, page = name.rpartition("-")
        found.setdefault(edition, {})[int(page)] = np.array(rows, np.float64)
    return found
