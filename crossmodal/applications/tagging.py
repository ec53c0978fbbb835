"""Zero-shot tagging: the words of any vocabulary, ranked by how well they fit a recording.

Cosines of different words cannot be compared as they are ("music" fits everything). Where the space knows its background (the mean and
covariance of the recordings it was trained on), a word's cosine is told in deviations from what it usually is, z, and shown as
2 Phi(z) - 1: 0 fits as well as any music, 1 fits this recording better than nearly all.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from crossmodal.applications.encoding import encode_stream, files_for
from crossmodal.base.errors import InputError
from crossmodal.base.results import Query, Ranking, Result, Skipped
from crossmodal.evaluation import encode_known
from crossmodal.space import Space


def read_vocabulary(path: Path) -> list[str]:
    """One word or phrase a line; empty lines and repetitions are passed over. Raises InputError."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--vocabulary: expected a readable text file (UTF-8), got {path}: {error}") from None
    words = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if not words:
        raise InputError(f"--vocabulary: expected one word or phrase a line, got an empty file {path}")
    return words


def tag_scores(space: Space, words: NDArray[np.float32], vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """(words, recordings) scores that can be compared between words, in [-1, 1]."""
    similarity = space.similarity(words, vectors)
    if space.background is None:
        return similarity
    return (2 * ndtr(space.standardize(words, similarity)) - 1).astype(np.float32)


class Tagger:
    """The words of a vocabulary in a space. names (n,): those that the space knows; warnings: on what it does not know."""

    def __init__(self, space: Space, words: Sequence[str], *, remedy: str = "use --vocabulary FILE") -> None:
        """Raises InputError where there are no words (remedy: what to do then), or none that the space knows."""
        if not words:
            raise InputError(
                f"{space.name}: expected a vocabulary, got none; this space brings no words of its own: {remedy}"
            )
        modality = "text" if "text" in space.modalities else "label"
        known, self._vectors = encode_known(space, modality, words)
        heard = set(known)
        self.space, self.names = space, [words[i] for i in known]
        self.warnings = [
            f'"{w}" is unknown to the text tower and was left out' for i, w in enumerate(words) if i not in heard
        ]
        if modality == "text":
            self.warnings += [
                f'"{u}" in "{name}" is unknown to the text tower'
                for name in self.names for u in space.unknown_words(name)
            ]  # fmt: skip

    def scores(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Recordings (n, d) -> (names, n) in [-1, 1], as `tag_scores`."""
        return tag_scores(self.space, self._vectors, vectors)

    def ranking(self, path: Path, vector: NDArray[np.float32], k: int) -> Ranking:
        """The k best words of one recording (d,)."""
        return _ranking(self.space, path, self.names, self.scores(vector[None])[:, 0], k)


def tag_files(
    space: Space, sources: Sequence[Path], *, vocabulary: Path | None, k: int, quiet: bool = False, jobs: int = 1
) -> tuple[list[Ranking], list[Skipped], list[str]]:
    """One ranking of words for each recording; what was skipped; warnings on words that the text tower does not know."""
    tagger = Tagger(space, read_vocabulary(vocabulary) if vocabulary else space.vocabulary)
    paths, skipped = files_for(space, "audio", sources)
    rankings = []
    for path, result in encode_stream(space, "audio", paths, jobs=jobs, quiet=quiet, label="tagging"):
        if isinstance(result, Skipped):
            skipped.append(result)
            continue
        rankings.append(tagger.ranking(path, result, k))
    return rankings, skipped, tagger.warnings


def _ranking(space: Space, path: Path, names: list[str], scores: NDArray[np.float32], k: int) -> Ranking:
    best = np.argsort(-scores, kind="stable")[:k]
    results = [
        Result(rank=rank, similarity=round(float(scores[i]), 6), detail={"tag": names[i]})
        for rank, i in enumerate(best, 1)
    ]
    return Ranking(query=Query(modality="audio", path=str(path)), space=space.reference, results=results)


def unanswered(space: Space, row: Skipped) -> Ranking:
    """The answer for a file that was skipped: no words, and the reason."""
    return Ranking(query=Query(modality="audio", path=row.path), space=space.reference, skipped=[row])
