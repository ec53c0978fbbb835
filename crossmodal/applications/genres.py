"""Genres of recordings, of covers, and of both together: the labels of a space such as `cover-audio`, each with a confidence.

A genre's vector is compared with that of the recording, of the cover, or of both (the mean of the two similarities). The space was
trained to answer each genre with yes or no from that number, s: confidence = sigmoid(s / temperature + bias), as its recipe says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossmodal.applications.encoding import stream
from crossmodal.base.errors import InputError
from crossmodal.base.results import Query, Ranking, Result, Skipped
from crossmodal.space import Space
from pairs.catalogue import read_catalogue
from pairs.cover_audio import with_covers
from pairs.source import Item

HOLDS = 0.5  # confidence from which a genre is said to hold
_FILES = ("audio", "image")


def genre_names(space: Space) -> list[str]:
    """The genres that a space knows. InputError for a space without any."""
    if "label" not in space.modalities or not set(_FILES) & set(space.modalities):
        raise InputError(
            f"--space: expected a space of genres, as cover-audio is, got {space.name} ({', '.join(space.modalities)})"
        )
    return space.vocabulary


def confidences(space: Space, similarity: NDArray[np.float32]) -> NDArray[np.float64]:
    """Similarities to genres -> (the same shape) in [0, 1], by the temperature and bias of the space's last training on labels.

    NaN where they were learned: then they are not in the recipe.
    """
    for stage in reversed(list(space.recipe.stages.values()) if space.recipe else []):
        for part in stage.comparisons:
            arguments = part.objective.arguments
            if "label" in part.targets and part.objective.type == "binary-cross-entropy":
                if arguments.get("learned"):
                    return np.full(similarity.shape, np.nan)
                temperature, bias = (
                    float(str(arguments.get("temperature", 0.1))),
                    float(str(arguments.get("bias", 0.0))),
                )
                return np.asarray(1 / (1 + np.exp(-(similarity / temperature + bias))), np.float64)
    return np.full(similarity.shape, np.nan)


def genre_scores(space: Space, files: Mapping[str, object]) -> NDArray[np.float32]:
    """(genres,) similarity to each genre of a recording ("audio"), a cover ("image") or both. InputError for what cannot be read."""
    genres = space.encode("label", genre_names(space))
    vectors = [space.encode(modality, [file])[0] for modality, file in files.items()]
    return np.asarray(space.similarity(genres, np.stack(vectors)).mean(axis=1), np.float32)


def genres_of_files(space: Space, files: Mapping[str, Path], *, k: int, single: bool = False) -> Ranking:
    """Genres of one recording, one cover or both, ranked. single: the best one alone; otherwise the k best, of which any number may hold
    (`confidence`). abstained: none of them holds.
    """
    if not files:
        raise InputError("expected a recording or a cover, got neither; give --audio F, --image F or a CATALOGUE")
    for modality in files:
        space.encoder(modality)
    scores = genre_scores(space, files)
    sure = confidences(space, scores)
    names = genre_names(space)
    best = np.argsort(-scores, kind="stable")[: 1 if single else k]
    results = [
        Result(
            rank=rank,
            similarity=round(float(scores[i]), 6),
            confidence=None if math.isnan(sure[i]) else round(float(sure[i]), 6),
            detail={"tag": names[i]},
        )
        for rank, i in enumerate(best, 1)
    ]
    asked = Query(modality="+".join(files), path=" + ".join(map(str, files.values())))
    unsure = not single and all((r.confidence if r.confidence is not None else 1.0) < HOLDS for r in results)
    return Ranking(query=asked, space=space.reference, abstained=unsure, results=results)


def genres_of_catalogue(
    space: Space, catalogue: Path, *, covers: Path, k: int, single: bool = False, jobs: int = 1, quiet: bool = False
) -> tuple[list[Ranking], list[Skipped]]:
    """Of every item of a catalogue, from its recording, its cover, or both where it has both; and what was skipped.

    covers: folder for pictures that only the tags of recordings hold.
    """
    genre_names(space)
    read = read_catalogue(catalogue)
    items, skipped = with_covers(read.items, covers)
    skipped = [*read.problems, *skipped]
    usable = [(item, files) for item in items if (files := _files_of(space, item))]
    if not usable:
        known = " or ".join(m for m in _FILES if m in space.modalities)
        raise InputError(f"{catalogue}: expected items with {known} files, got none; check the columns and the paths")
    owners = {Path(item.id): files for item, files in usable}  # a stream is of paths; an item may have two
    rankings = []
    made = stream(
        list(owners), lambda name: genres_of_files(space, owners[name], k=k, single=single), jobs=jobs, quiet=quiet,
        label="genres",
    )  # fmt: skip
    for name, ranking in made:
        if isinstance(ranking, Skipped):
            skipped.append(Skipped(path=str(name), reason=ranking.reason))
        else:
            rankings.append(ranking)
    return rankings, skipped


def unanswered(space: Space, row: Skipped) -> Ranking:
    """The answer for an item that was skipped: no genres, and the reason."""
    return Ranking(query=Query(modality="+".join(_FILES), path=row.path), space=space.reference, skipped=[row])


def _files_of(space: Space, item: Item) -> dict[str, Path]:
    return {m: item.files[m] for m in _FILES if m in space.modalities and m in item.files}


def in_words(rankings: Sequence[Ranking]) -> str:
    """For people: a line of genres for each, the surest first; those that are not sure in brackets."""
    lines = []
    for answer in rankings:
        told = [
            f"{r.detail['tag']} {r.confidence:.2f}"
            if r.confidence is not None
            else f"{r.detail['tag']} ({r.similarity:.2f})"
            for r in answer.results
        ]
        holds = [t for t, r in zip(told, answer.results, strict=True) if (r.confidence or 0.0) >= HOLDS]
        rest = [t for t in told if t not in holds]
        shown = [*holds, *([f"[{', '.join(rest)}]"] if rest else [])]
        lines.append(f"{answer.query.path}: {', '.join(shown)}")
    return "\n".join(lines)
