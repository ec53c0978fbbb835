"""Judge an audio-sheet space on nASAP: excerpts against snippets, human and mechanical timing, clean and photographed pages.

    python scripts/evaluate_audio_sheet.py SPACE --data FOLDER --work FOLDER [--half tune|report]

FOLDER holds `nasap`. Needs the fluidsynth program and a sound font that no training used. What is engraved and played is kept in --work.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from numpy.typing import NDArray

import crossmodal
from crossmodal.base.results import ScoreRow, Skipped
from crossmodal.pages.detection import find_page
from crossmodal.pages.layout import Page, Strip, System
from crossmodal.pages.strips import straighten_pages
from crossmodal.space import Space
from encoders.excerpts import ExcerptEncoder
from encoders.sheets import SheetEncoder
from pairs.engraving import Engraving
from pairs.engraving_files import engrave_file, load_engraving, save_engraving
from pairs.nasap import read_nasap
from pairs.nasap_pairs import PAIRS, PIECES, Judged, OnsetPairs, draw_pairs, judged, mechanical_pairs
from pairs.page_augmentation import photograph
from pairs.performances import render_performance
from scripts.judging import centred, retrieval_rows

AT_ONCE = 128
Places = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]  # page, system, x


def gather(
    data: Path, work: Path, *, half: str, seed: int = 0
) -> tuple[list[Judged], list[NDArray[np.int64]], list[Skipped]]:
    """The pieces of a half with their moments, and which of the moments are judged."""
    pieces, skipped = read_nasap(data / "nasap")
    found = itertools.islice(
        judged(pieces, half, engrave=lambda text: engraved(text, work / "pages"), seed=seed, skipped=skipped),  # type: ignore[arg-type]
        PIECES,
    )
    chosen = [j for j in found if len(j.pairs)]
    total = min(PAIRS, sum(len(j.pairs) for j in chosen))
    return chosen, draw_pairs([len(j.pairs) for j in chosen], total=total, seed=seed), skipped


def engraved(text: str, folder: Path) -> Engraving:
    """A score's pages, engraved once and kept."""
    folder.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(text.encode()).hexdigest()[:16]
    kept, source = folder / f"{name}.npz", folder / f"{name}.musicxml"
    if not kept.exists():
        source.write_text(text, encoding="utf-8")
        save_engraving(engrave_file(source), kept)
    return load_engraving(kept)


def recording(midi: Path, work: Path) -> Path:
    """A MIDI file as fluidsynth plays it, once."""
    folder = work / "audio"
    folder.mkdir(parents=True, exist_ok=True)
    wav = folder / f"{hashlib.sha256(midi.read_bytes()).hexdigest()[:16]}.wav"
    return wav if wav.exists() else render_performance(midi, wav)


def excerpts(space: Space, wav: Path, seconds: NDArray[np.float64], *, length: float) -> NDArray[np.float32]:
    """Vectors (n, d) of `length` seconds of sound around each moment; nothing else of the recording is seen."""
    encoder = space.encoder("audio")
    assert isinstance(encoder, ExcerptEncoder)
    frames = encoder.prepare(wav).numpy()
    rate, middle = encoder.sample_rate / encoder.frame_hop, encoder.frame_length / 2 / encoder.frame_hop
    width = round(length * rate)
    places = seconds * rate - middle
    windows = np.stack([centred(frames, place, width, fill=encoder.silence) for place in places])
    spare = encoder.window - width
    if spare > 0:
        sides = ((0, 0), (0, 0), (spare // 2, spare - spare // 2))
        windows = np.pad(windows, sides, constant_values=encoder.silence)
    return _encoded(space, "audio", torch.from_numpy(windows))


def snippets(space: Space, strips: dict[tuple[int, int], Strip], places: Places) -> NDArray[np.float32]:
    """Vectors (n, d) of the snippet around each place; a place on a system that was not found has a vector of zeros."""
    encoder = space.encoder("sheet")
    assert isinstance(encoder, SheetEncoder)
    images, rows = [], []
    for row, (page, system, x) in enumerate(zip(*places, strict=True)):
        strip = strips.get((int(page), int(system)))
        if strip is None:
            continue
        image = encoder.image(strip).numpy()
        images.append(centred(image, float(strip.column(x)) + 0.5, encoder.window, fill=0.0))
        rows.append(row)
    vectors = np.zeros((len(places[0]), space.dimension), np.float32)
    if images:
        vectors[rows] = _encoded(space, "sheet", torch.from_numpy(np.stack(images)))
    return vectors


def _encoded(space: Space, modality: str, windows: torch.Tensor) -> NDArray[np.float32]:
    tower = space.embedding.tower(modality)
    with torch.inference_mode():
        parts = [tower(windows[i : i + AT_ONCE]) for i in range(0, len(windows), AT_ONCE)]
    return torch.cat(parts).numpy()


def strips_of(pages: Sequence[Page]) -> dict[tuple[int, int], Strip]:
    """(page, system) -> strip."""
    return {(strip.system.page, strip.system.number): strip for strip in straighten_pages(pages)}


def printed(judgement: Judged, pairs: OnsetPairs) -> tuple[dict[tuple[int, int], Strip], Places]:
    """The pages as engraved, with the exact systems."""
    return strips_of(judgement.engraving.pages), (pairs.page, pairs.system, pairs.x)


def photographed(judgement: Judged, pairs: OnsetPairs) -> tuple[dict[tuple[int, int], Strip], Places]:
    """The pages as a phone sees them, with the systems that are found there."""
    strips: dict[tuple[int, int], Strip] = {}
    system, x = np.full(len(pairs), -1), np.zeros(len(pairs))
    for page in judgement.engraving.pages:
        generator = np.random.default_rng([page.number, *judgement.piece.id.encode()])
        photo, transform = photograph(page.image, generator)
        found = find_page(photo, number=page.number)
        if found.turned:
            continue
        strips |= strips_of([found])
        for row in np.flatnonzero(pairs.page == page.number):
            own = page.systems[int(pairs.system[row])]
            _, top, _, bottom = own.box
            point = transform @ np.array([pairs.x[row], (top + bottom) / 2, 1.0])
            x[row], y = point[0] / point[2], point[1] / point[2]
            system[row] = next((s.number for s in found.systems if _covers(s, y)), -1)
    return strips, (pairs.page, system, x)


def _covers(system: System, y: float) -> bool:
    _, top, _, bottom = system.box
    return top <= y <= bottom


def retrieval(
    space: Space, chosen: list[Judged], drawn: list[NDArray[np.int64]], work: Path, *, length: float,
    timing: str = "human", pages: Callable[[Judged, OnsetPairs], tuple[dict[tuple[int, int], Strip], Places]] = printed,
) -> list[ScoreRow]:  # fmt: skip
    """R@k and MRR each way over all pairs of all pieces."""
    sounds, images, names = [], [], []
    for judgement, rows in zip(chosen, drawn, strict=True):
        pairs, midi = judgement.pairs.select(rows), judgement.performance.midi
        if timing == "mechanical":
            pairs, midi = mechanical_pairs(judgement.performance, pairs), judgement.performance.score.midi
        sounds.append(excerpts(space, recording(midi, work), pairs.seconds, length=length))
        images.append(snippets(space, *pages(judgement, pairs)))
        names += [judgement.piece.id] * len(pairs)
    similarity = space.similarity(np.concatenate(sounds), np.concatenate(images))
    label = f"{timing} timing, {length} s" + (", photographed" if pages is photographed else "")
    return [replace_metric(row, f"{label}: {row.metric}") for row in retrieval_rows(similarity, names)]


def replace_metric(row: ScoreRow, metric: str) -> ScoreRow:
    """The row under another name."""
    return row.model_copy(update={"metric": metric})


def show(rows: Sequence[ScoreRow]) -> None:
    """A line for each row."""
    for row in rows:
        level = "" if row.chance is None else f"  chance {row.chance:.4f}"
        print(f"{row.metric:58} {row.value:7.3f}  [{row.low:.3f}, {row.high:.3f}]{level}  n {row.n}", flush=True)


def judge(space: Space, data: Path, work: Path, *, half: str, quick: bool = False) -> list[ScoreRow]:
    """All tables of a half; quick: human timing on clean pages only."""
    chosen, drawn, skipped = gather(data, work, half=half)
    print(
        f"{space.reference}: {len(chosen)} pieces of the half to {half}, {sum(map(len, drawn))} pairs, {len(skipped)} left out"
    )
    rows = retrieval(space, chosen, drawn, work, length=4.2)
    if not quick:
        rows += retrieval(space, chosen, drawn, work, length=2.1)
        rows += retrieval(space, chosen, drawn, work, length=4.2, timing="mechanical")
        rows += retrieval(space, chosen, drawn, work, length=4.2, pages=photographed)
    return rows


def main() -> None:
    """Prints all tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("space")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--half", choices=("tune", "report"), default="report")
    parser.add_argument("--quick", action="store_true", help="human timing on clean pages only")
    asked = parser.parse_args()
    torch.set_num_threads(2)
    show(judge(crossmodal.load(asked.space), asked.data, asked.work, half=asked.half, quick=asked.quick))


if __name__ == "__main__":
    main()
