"""Judge alignment, following and identification in an audio-sheet space on nASAP, the scores as images, and synctoolbox beside it.

    python scripts/evaluate_alignment.py SPACE --data FOLDER --work FOLDER [--half tune|report] [--pieces 28] [--only align follow identify]

Whole performances of the pieces that `evaluate_audio_sheet.py` judges by. Pages are images: nothing symbolic is told to the aligner.
synctoolbox is given the score's notes, which images do not have.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray

import crossmodal
from crossmodal.applications.score_alignment import align_recording
from crossmodal.applications.score_following import ScoreFollower
from crossmodal.applications.scores import Score
from crossmodal.base.audio import decode
from crossmodal.base.results import ScoreRow
from crossmodal.metrics.bootstrap import bootstrap_interval
from crossmodal.pages.strips import straighten_pages
from crossmodal.space import Space
from pairs.nasap import read_symbolic
from pairs.nasap_pairs import Judged
from scripts.evaluate_audio_sheet import gather, recording, show
from scripts.judging import alignment_rows, beat_lengths, synctoolbox_alignment

Floats = NDArray[np.float64]
BLOCK_SECONDS = 0.1
LONGEST_SECONDS = 240.0  # of a performance, so that 28 pieces are judged in minutes


@dataclass(frozen=True)
class Truth:
    """Beats (k,) of a performance whose place is known: seconds, quarters of the score's MIDI, page, system (from 0), x, beat lengths."""

    seconds: Floats
    quarters: Floats
    page: NDArray[np.int64]
    system: NDArray[np.int64]
    x: Floats
    lengths: Floats


def truth_of(judgement: Judged) -> Truth:
    """The beats of the first minutes."""
    performance = judgement.performance
    seconds, quarters = performance.seconds, performance.score.quarters
    places = judgement.written.places(quarters)
    lengths = beat_lengths(seconds)
    known = np.isfinite(places.x) & (places.page >= 0) & (seconds < LONGEST_SECONDS - 2)
    return Truth(
        seconds[known], quarters[known], places.page[known], places.system[known], places.x[known], lengths[known]
    )


def score_of(judgement: Judged) -> Score:
    """The engraved pages as if they were scans."""
    pages = judgement.engraving.pages
    return Score(Path(judgement.piece.id), pages, straighten_pages(pages))


def beginning(wav: Path) -> Path:
    """The recording's first minutes."""
    cut = wav.with_suffix(".begin.wav")
    if not cut.exists():
        samples, rate = soundfile.read(wav, frames=int(LONGEST_SECONDS * soundfile.info(wav).samplerate))
        soundfile.write(cut, samples, rate, subtype="PCM_16")
    return cut


def aligned(space: Space, judgement: Judged, truth: Truth, wav: Path) -> Floats:
    """The second at which each beat is said to sound; NaN where nothing is said."""
    found = align_recording(space, wav, score_of(judgement))
    said = [
        found.seconds_at(int(p) + 1, int(s) + 1, float(x))
        for p, s, x in zip(truth.page, truth.system, truth.x, strict=True)
    ]
    return np.array([times[0] if times else np.nan for times in said])


def synchronized(judgement: Judged, truth: Truth, wav: Path) -> Floats:
    """The same by synctoolbox, from the notes of the score's MIDI up to where the recording ends."""
    samples, rate = soundfile.read(wav, dtype="float64", always_2d=True)
    score = judgement.performance.score
    end = float(score.mechanical_time(truth.quarters[-1:])[0]) + 2
    notes = [n for t in read_symbolic(score.midi).to("second").tracks for n in t.notes if n.time < end]
    table = (np.array([getattr(n, name) for n in notes]) for name in ("time", "duration", "pitch", "velocity"))
    heard, written = synctoolbox_alignment(samples.mean(axis=1), rate, *table)
    return np.interp(score.mechanical_time(truth.quarters), written, heard)


def alignment(space: Space, chosen: Sequence[Judged], work: Path) -> list[ScoreRow]:
    """Ours and synctoolbox's rows."""
    ours, theirs, truths, names = [], [], [], []
    for judgement in chosen:
        truth = truth_of(judgement)
        if len(truth.seconds) < 8:
            continue
        wav = beginning(recording(judgement.performance.midi, work))
        ours.append(aligned(space, judgement, truth, wav))
        theirs.append(synchronized(judgement, truth, wav))
        truths.append(truth)
        names += [judgement.piece.id] * len(truth.seconds)
        within = np.mean(np.abs(ours[-1] - truth.seconds) <= truth.lengths)
        print(f"  {judgement.piece.id}: {within:.2f} of {len(truth.seconds)} beats", flush=True)
    right, lengths = (np.concatenate([getattr(t, name) for t in truths]) for name in ("seconds", "lengths"))
    rows = []
    for label, said in (("alignment", np.concatenate(ours)), ("synctoolbox", np.concatenate(theirs))):
        found = alignment_rows(said, right, lengths, names)
        rows += [row.model_copy(update={"metric": f"{label}: {row.metric}"}) for row in found]
    return rows


def following(space: Space, chosen: Sequence[Judged], work: Path) -> list[ScoreRow]:
    """Share of updates within one beat of the newest sample; computing per update; how far what is said lies behind; stated latency."""
    found: list[tuple[str, Followed]] = []
    for judgement in chosen:
        one = followed(space, judgement, work)
        if one is not None:
            found.append((judgement.piece.id, one))
            print(f"  {judgement.piece.id}: {one.right.mean():.2f} of {len(one.right)} updates", flush=True)
    right = np.concatenate([one.right for _, one in found]).astype(np.float64)
    names = np.concatenate([np.repeat(name, len(one.right)) for name, one in found])
    computing, stated, behind = (
        np.concatenate([getattr(one, field) for _, one in found]) for field in ("computing", "stated", "behind")
    )
    print(
        f"  computing per update: median {np.median(computing) * 1e3:.1f} ms, 99% {np.quantile(computing, 0.99) * 1e3:.1f} ms; "
        f"stated latency: median {np.median(stated):.2f} s; what is said lies behind the music by (median) {np.median(behind):.2f} s"
    )
    rows = []
    pieces = np.array([one.right.mean() for _, one in found])
    for label, values, groups in (
        ("within one beat of the newest sample", right, names),
        ("the same, mean of pieces", pieces, None),
    ):
        share = bootstrap_interval(values, groups, seed=0, samples=1000)
        rows.append(
            ScoreRow(metric=f"following: {label}", value=share.value, low=share.low, high=share.high, n=share.n)
        )
    return rows


@dataclass(frozen=True)
class Followed:
    """Updates (k,) of one performance between its first and last beat: whether within one beat, latency as stated, and seconds by which
    what is said lies behind the newest sample (of those within one beat); seconds of computing, of all updates.
    """

    right: NDArray[np.bool_]
    stated: Floats
    behind: Floats
    computing: Floats


def followed(space: Space, judgement: Judged, work: Path) -> Followed | None:
    """One performance in blocks; None where it has too few beats."""
    truth = truth_of(judgement)
    if len(truth.seconds) < 8:
        return None
    score = score_of(judgement)
    follower = ScoreFollower(space, score)
    samples = decode(beginning(recording(judgement.performance.midi, work)), sample_rate=follower.rate)
    columns = np.array([score.column(p, s, x) for p, s, x in zip(truth.page, truth.system, truth.x, strict=True)])
    order = np.argsort(columns, kind="stable")
    beats = np.arange(len(columns), dtype=np.float64)
    block = int(BLOCK_SECONDS * follower.rate)
    updates, computing = [], []
    for start in range(0, len(samples), block):
        began = time.perf_counter()
        made = follower.feed(samples[start : start + block])
        computing += [(time.perf_counter() - began) / len(made)] * len(made) if made else []
        updates += [row for row in made if truth.seconds[0] <= row.audio_seconds <= truth.seconds[-1]]
    now = np.array([row.audio_seconds for row in updates])
    places = [score.column(row.page - 1, row.system - 1, row.x) for row in updates]
    said = np.interp(places, columns[order], beats[order])
    right = np.abs(said - np.interp(now, truth.seconds, beats)) <= 1
    behind = (now - np.interp(said, beats, truth.seconds))[right]
    return Followed(right, np.array([row.latency_seconds for row in updates]), behind, np.array(computing))


def identification(index: Path, chosen: Sequence[Judged], work: Path, *, seconds: float = 30.0) -> list[ScoreRow]:
    """Three stretches of each performance against all scores of an index (made of nasap's folder by `crossmodal index`)."""
    opened = crossmodal.open_index(index)
    hits: dict[int, list[float]] = {1: [], 5: []}
    names, kept, confident = [], [], []
    for judgement in chosen:
        wav = recording(judgement.performance.midi, work)
        rate, length = soundfile.info(wav).samplerate, soundfile.info(wav).duration
        own = {score.folder.resolve() for score in judgement.piece.scores}
        for share in (0.0, 0.5, 1.0):
            start = int(max(0.0, length - seconds) * share * rate)
            cut = work / "query.wav"
            soundfile.write(cut, soundfile.read(wav, start=start, frames=int(seconds * rate))[0], rate)
            ranking = crossmodal.identify(opened, cut, k=5)
            right = [Path(r.path).resolve().parent in own for r in ranking.results]
            for k, found in hits.items():
                found.append(float(any(right[:k])))
            names.append(judgement.piece.id)
            confident.append(not ranking.abstained)
            kept.append(right[0] if right else False)
    rows = []
    for k, found in hits.items():
        interval = bootstrap_interval(np.array(found), np.array(names), seed=0, samples=1000)
        rows.append(ScoreRow(metric=f"identification, {seconds:g} s: top-{k}", value=interval.value, low=interval.low, high=interval.high,
                             chance=k / len(opened.index.items), n=interval.n))  # fmt: skip
    sure = np.array(confident)
    print(
        f"  answered {sure.mean():.2f}; of those right {np.mean(np.array(kept)[sure]) if sure.any() else float('nan'):.2f}"
    )
    return rows


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("space")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--half", choices=("tune", "report"), default="report")
    parser.add_argument("--pieces", type=int, default=28)
    parser.add_argument("--index", type=Path, help="of nasap's scores, for identification")
    parser.add_argument(
        "--only", nargs="+", choices=("align", "follow", "identify"), default=("align", "follow", "identify")
    )
    asked = parser.parse_args()
    torch.set_num_threads(2)
    space = crossmodal.load(asked.space)
    chosen, _, _ = gather(asked.data, asked.work, half=asked.half)
    chosen = chosen[: asked.pieces]
    print(f"{space.reference}: {len(chosen)} pieces of the half to {asked.half}")
    if "align" in asked.only:
        show(alignment(space, chosen, asked.work))
    if "follow" in asked.only:
        show(following(space, chosen, asked.work))
    if "identify" in asked.only and asked.index:
        show(identification(asked.index, chosen, asked.work))


if __name__ == "__main__":
    main()
