"""Fits what `identify` and `align` say of their own certainty, on the half of nASAP to tune on, and compares settings there.

    python scripts/calibrate_audio_sheet.py SPACE_FOLDER --data FOLDER --work FOLDER [--index INDEX] [--compare]

Writes calibration.json into the space's folder. --index: of nasap's scores, for identify; --compare prints other settings beside ours.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray

import crossmodal
from crossmodal.alignment.jumps import JumpOptions, align_with_jumps
from crossmodal.applications.identification_calibration import calibrate_identification
from crossmodal.applications.score_alignment import OPTIONS, align_vectors
from crossmodal.applications.score_fit import ALIGN, path_features
from crossmodal.applications.score_listening import Listened, listen
from crossmodal.applications.score_repeats import score_jumps
from crossmodal.applications.scores import Score, ScoreVectors, score_vectors
from crossmodal.calibration import fit_calibration, load_calibration, save_calibration
from crossmodal.space import Space
from pairs.nasap_pairs import Judged
from scripts.evaluate_alignment import Truth, beginning, score_of, truth_of
from scripts.evaluate_audio_sheet import gather, recording

DATA = "human performances of (n)ASAP, the half to tune on, FluidR3"
QUERY_SECONDS = 30.0


@dataclass(frozen=True)
class Encoded:
    """A piece in the space."""

    judgement: Judged
    truth: Truth
    score: Score
    vectors: ScoreVectors
    heard: Listened


def encoded(space: Space, chosen: Sequence[Judged], work: Path) -> list[Encoded]:
    """All pieces with beats, pages as images."""
    found = []
    for judgement in chosen:
        truth = truth_of(judgement)
        if len(truth.seconds) < 8:
            continue
        score = score_of(judgement)
        heard = listen(space, beginning(recording(judgement.performance.midi, work)))
        found.append(Encoded(judgement, truth, score, score_vectors(space, score.strips), heard))
    return found


def fit_align(pieces: Sequence[Encoded]) -> tuple[NDArray[np.float64], list[bool]]:
    """Features of each recording's path through its own score and through the next one's, and which is which."""
    rows, labels = [], []
    for number, piece in enumerate(pieces):
        for other in (piece, pieces[(number + 1) % len(pieces)]):
            jumps = [item.jump for item in score_jumps(other.score, other.vectors)]
            path = align_with_jumps(
                piece.heard.vectors, other.vectors.vectors, jumps, weights=piece.heard.weights, options=OPTIONS
            )
            rows.append(path_features(path))
            labels.append(other is piece)
    return np.array(rows), labels


def compare(pieces: Sequence[Encoded], settings: dict[str, JumpOptions]) -> None:
    """Beats within one beat and the median error of other settings."""
    for name, options in settings.items():
        within, errors = [], []
        for piece in pieces:
            found = align_vectors(piece.heard, piece.score, piece.vectors, recording="", space="", options=options)
            truth = piece.truth
            said = [
                found.seconds_at(int(p) + 1, int(s) + 1, float(x))
                for p, s, x in zip(truth.page, truth.system, truth.x, strict=True)
            ]
            error = np.array(
                [abs(times[0] - t) if times else np.inf for times, t in zip(said, truth.seconds, strict=True)]
            )
            within.append(error <= truth.lengths)
            errors.append(error)
        print(
            f"{name:40} within one beat {np.concatenate(within).mean():.3f}, median error {np.median(np.concatenate(errors)):.3f} s",
            flush=True,
        )


def questions(chosen: Sequence[Judged], ids: dict[Path, str], work: Path) -> list[tuple[Path, str]]:
    """The middle of each recording and the id of its score in the index."""
    asked = []
    for number, judgement in enumerate(chosen):
        right = ids.get(judgement.performance.score.xml.resolve())
        if right is None:
            continue
        wav = recording(judgement.performance.midi, work)
        rate, length = soundfile.info(wav).samplerate, soundfile.info(wav).duration
        cut = work / f"question-{number}.wav"
        start = int(max(0.0, length - QUERY_SECONDS) / 2 * rate)
        soundfile.write(cut, soundfile.read(wav, start=start, frames=int(QUERY_SECONDS * rate))[0], rate)
        asked.append((cut, right))
    return asked


def main() -> None:
    """Fits, prints, saves."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("space", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--index", type=Path)
    parser.add_argument("--compare", action="store_true")
    parser.add_argument("--pieces", type=int, default=28)
    asked = parser.parse_args()
    torch.set_num_threads(2)
    space = crossmodal.load(asked.space)
    chosen, _, _ = gather(asked.data, asked.work, half="tune")
    chosen = chosen[: asked.pieces]
    pieces = encoded(space, chosen, asked.work)
    found = {name: load_calibration(asked.space, name, default) for name, default in (("align", ALIGN),)}
    features, labels = fit_align(pieces)
    found["align"] = fit_calibration(features, labels, features=ALIGN.features, threshold=ALIGN.threshold, data=DATA)
    right = np.array(labels)
    print(
        "align: advantage and similarity, right",
        features[right].mean(axis=0).round(3),
        "wrong",
        features[~right].mean(axis=0).round(3),
    )
    sure = found["align"].confidence(features) >= ALIGN.threshold
    print(f"align: of the right {sure[right].mean():.2f} are answered, of the wrong {sure[~right].mean():.2f}")
    if asked.compare:
        motion = OPTIONS.motion
        compare(pieces, {
            "ours": OPTIONS, "outside 0.75": replace(OPTIONS, outside=0.75), "outside 0.9": replace(OPTIONS, outside=0.9),
            "all rows": replace(OPTIONS, outside=None), "slower change of tempo": replace(OPTIONS, motion=replace(motion, change=0.2)),
            "freer tempo": replace(OPTIONS, motion=replace(motion, change=0.05, slip=0.02)),
        })  # fmt: skip
    if asked.index:
        opened = crossmodal.open_index(asked.index)
        items = opened.index.items
        ids = {Path(item.path).resolve(): item.id for item in items}
        found["identify"] = calibrate_identification(opened, questions(chosen, ids, asked.work), data=DATA)
        print("identify:", found["identify"])
    save_calibration(asked.space, found)


if __name__ == "__main__":
    main()
