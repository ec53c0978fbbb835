"""Real recordings under `CROSSMODAL_DATA` that judge a space: instrument words against notes of real instruments, and the nearest
words of whole pieces. Nothing of them is ever trained on or copied.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crossmodal.applications.encoding import encode_stream
from crossmodal.applications.tagging import tag_scores
from crossmodal.base.errors import InputError
from crossmodal.base.results import ScoreRow, Skipped
from crossmodal.evaluation import encode_known
from crossmodal.metrics import chance, classification, tagging
from crossmodal.metrics.bootstrap import bootstrap_interval
from crossmodal.space import Space

MUSIC = (
    ("open_music_tracks", "*/*.mp3"),
    ("open_music_tracks", "*/*.ogg"),
    ("librosa_examples", "audio/*.ogg"),
    ("gtzan_mini", "*/*.flac"),
)


@dataclass(frozen=True)
class InstrumentScores:
    """Rows of scores, the average precision of each instrument word, and what could not be read."""

    rows: list[ScoreRow]
    per_word: dict[str, tuple[float, float, int]]  # word -> average precision, its chance, recordings
    skipped: list[Skipped]


def instrument_scores(
    space: Space, data: Path, *, jobs: int = 2, seed: int = 0, quiet: bool = False
) -> InstrumentScores:
    """Single notes and phrases of the Philharmonia's instruments: accuracy and mAP of the instrument's word, with chance.

    Each word ranks all recordings (mAP over words, an interval over words); each recording takes its best word (accuracy).
    """
    paths, names = philharmonia(data / "philharmonia")
    vectors, kept, skipped = [], [], []
    stream = encode_stream(space, "audio", paths, jobs=jobs, quiet=quiet, label="real instruments")
    for name, (_, result) in zip(names, stream, strict=True):
        if isinstance(result, Skipped):
            skipped.append(result)
        else:
            vectors.append(result)
            kept.append(name)
    words = sorted(set(kept))
    known, queries = encode_known(space, "text", words)
    words = [words[i] for i in known]
    labels = np.array([[name == word for word in words] for name in kept], dtype=bool)
    scores = tag_scores(space, queries, np.stack(vectors)).T
    precision = tagging.tag_wise_pr_auc(scores, labels)
    guessed = np.array(words)[scores.argmax(axis=1)]
    right = classification.correct(guessed, kept)
    balanced = float(classification.recall_per_class(guessed, kept).mean())
    average = bootstrap_interval(precision, seed=seed)
    accuracy = bootstrap_interval(right, seed=seed)
    rows = [
        ScoreRow(
            metric="mAP of instrument words",
            value=average.value,
            low=average.low,
            high=average.high,
            chance=chance.pr_auc(labels),
            n=len(words),
        ),
        ScoreRow(
            metric="accuracy of the best word",
            value=accuracy.value,
            low=accuracy.low,
            high=accuracy.high,
            chance=1 / len(words),
            n=len(kept),
        ),
        ScoreRow(
            metric="accuracy, mean over instruments",
            value=balanced,
            chance=1 / len(words),
            n=len(words),
        ),
    ]
    count = labels.sum(axis=0)
    expected = [chance.pr_auc(labels[:, [i]]) for i in range(len(words))]
    per_word = {w: (float(precision[i]), expected[i], int(count[i])) for i, w in enumerate(words)}
    return InstrumentScores(rows, per_word, skipped)


def nearest_words(
    space: Space, paths: list[Path], words: list[str], *, k: int = 10, jobs: int = 2, quiet: bool = False
) -> tuple[dict[str, list[tuple[str, float]]], list[Skipped]]:
    """The k best-fitting words of each recording (path -> (word, score)), and what could not be read."""
    known, queries = encode_known(space, "text", words)
    names = [words[i] for i in known]
    found: dict[str, list[tuple[str, float]]] = {}
    skipped: list[Skipped] = []
    for path, result in encode_stream(space, "audio", paths, jobs=jobs, quiet=quiet, label="real music"):
        if isinstance(result, Skipped):
            skipped.append(result)
            continue
        scores = tag_scores(space, queries, result[None])[:, 0]
        best = np.argsort(-scores, kind="stable")[:k]
        found[str(path)] = [(names[i], float(scores[i])) for i in best]
    return found, skipped


def music_files(data: Path) -> list[Path]:
    """The real pieces of music (and, as negatives, speech and animals) among the data."""
    return sorted(path for folder, pattern in MUSIC for path in (data / folder).glob(pattern))


def philharmonia(folder: Path) -> tuple[list[Path], list[str]]:
    """The recordings that are there and their instruments. Raises InputError where the folder has no index.csv."""
    index = folder / "index.csv"
    if not index.is_file():
        raise InputError(
            f"expected the real instrument recordings in {folder}, found no index.csv; set CROSSMODAL_DATA to the data folder"
        )
    with index.open(encoding="utf-8", newline="") as stream:
        rows = [(folder / row["file"], row["instrument"]) for row in csv.DictReader(stream)]
    present = [(path, name.replace("-", " ").replace("_", " ")) for path, name in rows if path.is_file()]
    return [path for path, _ in present], [name for _, name in present]
