"""How well systems are found on real scans (sheet_midi_sync: IMSLP editions with the borders of their systems marked by hand).

    python scripts/evaluate_pages.py [--data DIR] [--seed 0] [--json]

The marked strips are no staff boxes: their borders lie somewhere in the white between two systems, in pixels at 72 dpi below the first
inked row of the page (some editions: 300 dpi; found by the page's height). So a found system's box is extended to the midpoints
between it and its neighbours (outwards of the first and last by the page's mean half distance), and compared along y: a strip is found
when its best system, each taken once, overlaps it by an intersection over union of 0.5 or more. The marks' zero is off by up to 35 pixels
where specks at the edge count as ink: one shift a page, within that, is fitted. Systems outside a page's first and last border belong
to other pieces that nobody marked: they are counted apart, neither right nor wrong. Missed: a strip that no system's centre lies in;
split: a strip with several; merged: a system whose staves lie in several strips. Intervals: 95%, bootstrap over editions.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from crossmodal.applications.show import table
from crossmodal.base.errors import CrossmodalError, InputError
from crossmodal.base.places import data_folder
from crossmodal.metrics.bootstrap import bootstrap_function
from crossmodal.pages.layout import Page
from crossmodal.pages.reading import read_score_pages

DPI = 72.0
LARGE_DPI = 300.0
SHIFTS = np.arange(-35.0, 36.0)  # pixels at 72 dpi
LEAST_OVERLAP = 0.5


@dataclass
class Counts:
    """What was counted on one page, or on many."""

    strips: int = 0
    systems: int = 0
    found: int = 0
    missed: int = 0
    split: int = 0
    merged: int = 0
    outside: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def precision(self) -> float:
        return self.found / self.systems if self.systems else float("nan")

    @property
    def recall(self) -> float:
        return self.found / self.strips if self.strips else float("nan")


def read_borders(path: Path) -> dict[tuple[str, int], np.ndarray]:
    """(edition, page) -> y borders, increasing. InputError when the file is not there or not of this form."""
    borders: dict[tuple[str, int], np.ndarray] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        for line in filter(None, map(str.strip, lines)):
            name, *numbers = line.split()
            if numbers:
                edition, page = name.rsplit("-", 1)
                borders[edition, int(page)] = np.array([float(n) for n in numbers])
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: expected the borders of sheet_midi_sync, got '{error}'; give --data the folder that holds it"
        ) from error
    return borders


def compare(page: Page, borders: np.ndarray, dpi: float) -> Counts:
    """Counts of one page of this many dots per inch, at the best shift of the marks."""
    ink = np.flatnonzero((255.0 - page.image).mean(axis=1) > 0.01 * 255)
    first, last = (float(ink[0]), float(ink[-1])) if len(ink) else (0.0, float(page.image.shape[0]))
    at_72 = (last - first) / dpi * DPI
    per_mark = dpi / (LARGE_DPI if borders[-1] > 1.5 * at_72 else DPI)
    boxes = np.array([s.box for s in page.systems]).reshape(-1, 4)[:, [1, 3]]
    tried = [_counts(page, boxes, borders * per_mark + shift * dpi / DPI + first) for shift in SHIFTS]
    return max(tried, key=lambda t: t[1])[0]


def _counts(page: Page, boxes: np.ndarray, borders: np.ndarray) -> tuple[Counts, float]:
    """Counts, and the sum of overlaps by which the shift is chosen."""
    strips = np.column_stack([borders[:-1], borders[1:]])
    centres = boxes.mean(axis=1)
    inside = (centres > borders[0]) & (centres < borders[-1])
    extended = _extended(boxes)[inside]
    overlap = _overlaps(strips, extended)
    rows, columns = linear_sum_assignment(-overlap)
    found = int((overlap[rows, columns] >= LEAST_OVERLAP).sum())
    within = ((centres[inside] >= strips[:, :1]) & (centres[inside] < strips[:, 1:])).sum(axis=1)
    merged = 0
    for system, counted in zip(page.systems, inside, strict=True):
        places = {int(np.searchsorted(borders, float(np.median(s.y)))) for s in system.staves}
        merged += int(counted and len(places) > 1)
    counts = Counts(
        len(strips), int(inside.sum()), found, int((within == 0).sum()), int((within > 1).sum()), merged,
        int((~inside).sum()),
    )  # fmt: skip
    return counts, float(overlap[rows, columns].sum())


def _extended(boxes: np.ndarray) -> np.ndarray:
    """Top and bottom of each system moved to the midpoints between neighbours."""
    if not len(boxes):
        return boxes
    gaps = boxes[1:, 0] - boxes[:-1, 1]
    usual = float(np.mean(gaps)) / 2 if len(gaps) else float(boxes[0, 1] - boxes[0, 0]) / 2
    middles = boxes[:-1, 1] + gaps / 2
    return np.column_stack([np.r_[boxes[0, 0] - usual, middles], np.r_[middles, boxes[-1, 1] + usual]])


def _overlaps(strips: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union along y, (strips, boxes)."""
    common = np.minimum(strips[:, None, 1], boxes[None, :, 1]) - np.maximum(strips[:, None, 0], boxes[None, :, 0])
    common = np.maximum(common, 0)
    total = np.ptp(strips, axis=1)[:, None] + np.ptp(boxes, axis=1)[None, :] - common
    result: np.ndarray = common / np.maximum(total, 1e-9)
    return result


def evaluate(folder: Path) -> dict[str, Counts]:
    """Counts by edition, of the editions that are there. InputError when there are none."""
    import pypdfium2

    borders = read_borders(folder / "score_data" / "cfg_files" / "bnds.corrected.txt")
    files = sorted((folder / "score_data" / "prepped_pdf").glob("*.pdf"))
    result: dict[str, Counts] = {}
    for path in files:
        with pypdfium2.PdfDocument(path) as document:
            heights = [page.get_size()[1] for page in document]
        total = Counts()
        for page in read_score_pages(path):
            if (path.stem, page.number) in borders:
                height = page.image.shape[1] if page.turned in (90, 270) else page.image.shape[0]
                total = total + compare(page, borders[path.stem, page.number], height / heights[page.number] * DPI)
        if total.strips:
            result[path.stem] = total
    if not result:
        raise InputError(f"{folder}: expected marked editions, got none; give --data the folder of sheet_midi_sync")
    return result


def rows_of(editions: dict[str, Counts], *, seed: int) -> list[dict[str, object]]:
    """One row an edition, and one for all with intervals."""
    rows: list[dict[str, object]] = [_row(name, counts) for name, counts in editions.items()]
    every = list(editions.values())
    total = _row("all", sum(every, Counts()))
    for name in ("precision", "recall"):

        def value(chosen: NDArray[np.intp], name: str = name) -> float:
            return float(getattr(sum((every[i] for i in chosen), Counts()), name))

        drawn = bootstrap_function(value, len(every), seed=seed)
        total[f"{name} interval"] = f"{drawn.low:.3f} to {drawn.high:.3f}"
    return [{**row, **{k: row.get(k) for k in total}} for row in [*rows, total]]


def _row(name: str, counts: Counts) -> dict[str, object]:
    numbers = {f.name: getattr(counts, f.name) for f in fields(counts)}
    return {"edition": name, **numbers, "precision": counts.precision, "recall": counts.recall}


def main() -> None:
    """Prints the table, or one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, help="sheet_midi_sync, or the folder that holds it; default: CROSSMODAL_DATA"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    folder = chosen.data or data_folder()
    if folder is None:
        raise InputError("expected the folder of sheet_midi_sync, got none; give --data or set CROSSMODAL_DATA")
    if (folder / "sheet_midi_sync").is_dir():
        folder = folder / "sheet_midi_sync"
    rows = rows_of(evaluate(folder), seed=chosen.seed)
    if chosen.json:
        print(json.dumps({"data": "sheet_midi_sync", "seed": chosen.seed, "rows": rows}, indent=2))
        return
    print(f"systems of sheet_midi_sync (IoU {LEAST_OVERLAP} along y, seed {chosen.seed}; 95% bootstrap over editions)")
    print(table(rows))


if __name__ == "__main__":
    try:
        main()
    except CrossmodalError as error:
        sys.exit(f"evaluate_pages: {error}")
