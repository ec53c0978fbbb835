"""Judge an audio-sheet space on real scans: 15 s of a piece as fluidsynth plays it -> the systems of all editions that sound in them.

    python scripts/evaluate_scans.py SPACE --data FOLDER --work FOLDER [--seconds 15]

FOLDER holds `sheet_midi_sync`. A system is right where it fills half of the 15 s or more, or, being shorter, half of itself sounds in them.
The systems are those that our detection finds; a system that it misses can only be wrong.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from numpy.typing import NDArray

import crossmodal
from crossmodal.base.results import ScoreRow
from crossmodal.metrics.bootstrap import bootstrap_interval
from crossmodal.pages.reading import read_score_pages
from crossmodal.pages.strips import straighten
from crossmodal.space import Space
from pairs.sheet_midi_sync import Edition, annotated_systems, read_sheet_midi_sync, right_systems
from scripts.evaluate_audio_sheet import recording, show

HOP_SECONDS = 5.0
SPEEDS = np.geomspace(0.25, 4.0, 17)  # columns of 8 pixels a tenth of a second


@dataclass(frozen=True)
class Scan:
    """An edition in the space: vectors (m, d), and for each the row in `systems` (edition, page, annotated system or None)."""

    edition: Edition
    vectors: NDArray[np.float32]
    owner: NDArray[np.int64]
    systems: list[tuple[int, int | None]]


def read_scan(space: Space, edition: Edition) -> Scan:
    """All systems that are found in an edition."""
    vectors, owner, systems = [], [], []
    for page in read_score_pages(edition.pdf):
        numbers = annotated_systems(edition, page.number, page.image, page.systems)
        for system, number in zip(page.systems, numbers, strict=True):
            own = space.sequence("sheet", straighten(page.image, system)).vectors.numpy()
            owner.append(np.full(len(own), len(systems)))
            systems.append((page.number, number))
            vectors.append(own)
    return Scan(edition, np.concatenate(vectors), np.concatenate(owner), systems)


def system_scores(similarity: NDArray[np.float32], owner: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """Similarity (n, m) of a window to an edition's columns -> for each system the best mean of lines whose middle it holds."""
    rows, columns = similarity.shape
    best = np.full(count, -np.inf)
    time = np.arange(rows)
    for speed in SPEEDS:
        offset = np.round(time * speed).astype(int)
        starts = np.arange(-int(offset[-1] // 2), columns - int(offset[-1] // 2))
        places = starts[:, None] + offset
        inside = (places >= 0) & (places < columns)
        held = similarity[time, places.clip(0, columns - 1)] * inside
        middle = owner[places[:, rows // 2].clip(0, columns - 1)]
        np.maximum.at(best, middle, held.mean(axis=1))
    return best


def judge(space: Space, data: Path, work: Path, *, seconds: float) -> list[ScoreRow]:
    """top-1 and top-5, with chance, and the interval over pieces."""
    editions, skipped = read_sheet_midi_sync(data / "sheet_midi_sync")
    scans = [read_scan(space, edition) for edition in editions]
    total = sum(len(scan.systems) for scan in scans)
    print(
        f"{len(editions)} editions, {len({e.piece for e in editions})} pieces, {total} systems; {len(skipped)} tables without a scan"
    )
    hits: dict[int, list[float]] = {1: [], 5: []}
    chances: dict[int, list[float]] = {1: [], 5: []}
    pieces: list[str] = []
    for piece, edition in {e.piece: e for e in editions}.items():
        sound = space.sequence("audio", recording(edition.midi, work))
        times, vectors = sound.positions.numpy(), sound.vectors.numpy()
        for start in np.arange(edition.seconds[0], edition.end - seconds, HOP_SECONDS):
            window = vectors[(times >= start) & (times < start + seconds)]
            right = [_right(scan, piece, start, seconds) for scan in scans]
            scores = [system_scores(window @ scan.vectors.T, scan.owner, len(scan.systems)) for scan in scans]
            order = np.argsort(-np.concatenate(scores), kind="stable")
            answers = np.concatenate(right)
            share = answers.mean()
            for k, found in hits.items():
                found.append(float(answers[order[:k]].any()))
                chances[k].append(1 - (1 - share) ** k)
            pieces.append(piece)
    rows = []
    for k, found in hits.items():
        interval = bootstrap_interval(np.array(found), np.array(pieces), seed=0, samples=1000)
        rows.append(
            ScoreRow(metric=f"{seconds:g} s -> system of a scan, top-{k}", value=interval.value, low=interval.low, high=interval.high,
                     chance=float(np.mean(chances[k])), n=interval.n)
        )  # fmt: skip
    return rows


def _right(scan: Scan, piece: str, start: float, seconds: float) -> NDArray[np.bool_]:
    if scan.edition.piece != piece:
        return np.zeros(len(scan.systems), bool)
    answers = right_systems(scan.edition, start, start + seconds)
    return np.array([(page, system) in answers for page, system in scan.systems])


def main() -> None:
    """The table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("space")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=15.0)
    asked = parser.parse_args()
    torch.set_num_threads(2)
    space = crossmodal.load(asked.space)
    print(space.reference)
    show(judge(space, asked.data, asked.work, seconds=asked.seconds))


if __name__ == "__main__":
    main()
