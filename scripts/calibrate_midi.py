"""Chooses the cuts of the cascade that matches MIDI files, and fits its confidence, on works to tune on; the space's folder keeps both.

    python scripts/calibrate_midi.py SPACE_FOLDER --data FOLDER --work FOLDER --training COLLECTION

The works are neither those of training nor those that scripts/evaluate_midi.py reports on; recordings are played as there and lie among
distractors. See `crossmodal.applications.midi_calibration`. Writes cascade.json and calibration.json.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import crossmodal
from crossmodal.applications.midi_calibration import calibrate_matching
from crossmodal.applications.midi_cuts import save_cuts
from crossmodal.applications.midi_distractors import build_among_strangers
from crossmodal.applications.midi_evaluation import build_held, held_sources
from crossmodal.applications.midi_matching import CALIBRATION
from crossmodal.base.errors import InputError
from crossmodal.calibration import save_calibration
from scripts.evaluate_midi import check_unseen, place_of

DATA = (
    "recordings played by fluidsynth with FluidR3, works of pop909, cre_irish, the music21 corpus and nASAP to tune on"
)


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
    parser.add_argument("--jobs", type=int, default=1, help="processes that make recordings")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(words)
    if not (asked.space / "manifest.json").is_file():
        raise InputError(f"{asked.space}: expected the folder of a space, got none; give its path")
    space = crossmodal.load(asked.space)
    sources = held_sources(asked.data, part="tune", count=asked.works, seed=asked.seed)
    check_unseen(space, sources, asked.data)
    held, skipped = build_held(sources, asked.work / "tune", seed=asked.seed, jobs=asked.jobs)
    place = place_of(asked.work, space, {"tune": len(held), "distractors": asked.distractors, "seed": asked.seed})
    matcher = build_among_strangers(
        space, held, asked.training, place / "index", strangers=asked.distractors, seed=asked.seed
    )
    tracks = len(matcher.kinds)
    print(f"{space.reference}: {len(held)} works among {tracks:,} tracks, {len(skipped)} left out", flush=True)
    cuts, calibration = calibrate_matching(
        matcher, [(one.midi, one.id) for one in held], data=DATA, false_rejection=asked.false_rejection,
        threshold=asked.threshold,
    )  # fmt: skip
    save_cuts(asked.space, cuts)
    save_calibration(asked.space, {"match": calibration})
    print(f"{cuts.after_pruning(tracks):,} tracks a key are compared by hashes, {cuts.after_hashing(tracks)} exactly; confidence from "
          f"{calibration.examples} answers: weights {calibration.weights}, bias {calibration.bias}")  # fmt: skip
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
