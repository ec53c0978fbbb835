"""Chooses the cuts of the cascade that matches MIDI files, and fits its confidence, on works to tune on; the space's folder keeps both.

    python scripts/calibrate_midi.py SPACE_FOLDER --data FOLDER --work FOLDER --training COLLECTION

The works are neither those of training nor those that scripts/evaluate_midi.py reports on; recordings are played as there. Ranks are
measured among all tracks of the index. First the cuts: the share of right answers that each stage may lose is --false-rejection. Then,
with these cuts, the confidence, each question being asked with its answer in the index and without. Writes cascade.json and
calibration.json.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch

import crossmodal
from crossmodal.applications.midi_cuts import choose_cuts, save_cuts
from crossmodal.applications.midi_distractors import build_among_strangers
from crossmodal.applications.midi_evaluation import build_held, held_sources
from crossmodal.applications.midi_matching import CALIBRATION, Matcher
from crossmodal.base.errors import InputError
from crossmodal.base.jobs import Row
from crossmodal.calibration import fit_calibration, save_calibration
from scripts.evaluate_midi import answers, check_unseen, place_of

DATA = (
    "recordings played by fluidsynth with FluidR3, works of pop909, cre_irish, the music21 corpus and nASAP to tune on"
)


def cut(matcher: Matcher, rows: Sequence[Row], folder: Path, *, false_rejection: float) -> None:
    """Cuts from the ranks of the right answers, each stage by itself."""
    tracks = len(matcher.kinds)
    pruning = [min(tracks, int(np.ceil(float(str(row["pruning real"]))))) for row in rows if "pruning real" in row]
    hashing = [int(str(row["hashing"])) for row in rows]
    cuts = choose_cuts(
        pruning, hashing, tracks=tracks, false_rejection=false_rejection, data=DATA, rule=matcher.cuts.rule
    )
    save_cuts(folder, cuts)
    print(f"cuts: {cuts.after_pruning(tracks):,} of {tracks:,} tracks by hashes, {cuts.after_hashing(tracks)} exactly; "
          f"ranks by pruning {_told(pruning)}, by hashes {_told(hashing)}", flush=True)  # fmt: skip


def _told(ranks: Sequence[int]) -> str:
    if not ranks:
        return "none"
    return ", ".join(
        f"{name} {np.quantile(ranks, level):,.0f}" for name, level in (("median", 0.5), ("95%", 0.95), ("99%", 0.99))
    )


def fit(rows: Sequence[Row], folder: Path, *, threshold: float) -> None:
    """The confidence of answers, from their features."""
    features = np.concatenate([np.array(part).reshape(-1, 2) for row in rows for part in row["features"]])  # type: ignore[attr-defined]
    labels = [bool(value) for row in rows for part in row["truth"] for value in part]  # type: ignore[attr-defined]
    fitted = fit_calibration(features, labels, features=CALIBRATION.features, threshold=threshold, data=DATA)
    save_calibration(folder, {"match": fitted})
    right = np.array(labels)
    sure = fitted.confidence(features) >= threshold
    print(f"confidence: {len(labels)} answers, {right.mean():.0%} right; features of the right {features[right].mean(axis=0).round(3)}, "
          f"of others {features[~right].mean(axis=0).round(3)}; above the threshold {sure[right].mean():.1%} and "
          f"{sure[~right].mean():.1%}", flush=True)  # fmt: skip


def main(words: Sequence[str] | None = None) -> int:
    """0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("space", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--training", type=Path, required=True, help="collection of which distractors are spliced")
    parser.add_argument("--works", type=int, default=150)
    parser.add_argument("--distractors", type=int, default=20_000)
    parser.add_argument("--false-rejection", type=float, default=0.01)
    parser.add_argument("--threshold", type=float, default=CALIBRATION.threshold)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(words)
    if not (asked.space / "manifest.json").is_file():
        raise InputError(f"{asked.space}: expected the folder of a space, got none; give its path")
    torch.set_num_threads(1)
    space = crossmodal.load(asked.space)
    sources = held_sources(asked.data, part="tune", count=asked.works, seed=asked.seed)
    check_unseen(space, sources, asked.data)
    music = asked.work / "tune"
    held, skipped = build_held(sources, music, seed=asked.seed, jobs=asked.jobs)
    place = place_of(asked.work, space, {"tune": len(held), "distractors": asked.distractors, "seed": asked.seed})
    matcher = build_among_strangers(
        space, held, asked.training, place / "index", strangers=asked.distractors, seed=asked.seed
    )
    print(f"{space.reference}: {len(held)} works among {len(matcher.kinds):,} tracks, {len(skipped)} left out")
    rows, _ = answers(matcher, held, music, place / "ranks", cascade=False, jobs=asked.jobs)
    cut(matcher, rows, asked.space, false_rejection=asked.false_rejection)
    matcher = build_among_strangers(
        space, held, asked.training, place / "index", strangers=asked.distractors, seed=asked.seed
    )
    rows, _ = answers(matcher, held, music, place / "answers", hashing=False, jobs=asked.jobs)
    fit(rows, asked.space, threshold=asked.threshold)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
