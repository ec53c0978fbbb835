"""Singers: how well recordings find others of the same singer, and how well a few recordings of a singer tell who sings.

Queries (q, d) and targets (t, d) are compared by the cosine. Songs: a target of the query's own song is no candidate, so that neither the
melody nor the take answers. Values are means over singers of their queries' values (macro), so that no singer counts more than another.
Identification (Lee & Nam 2019): each singer is the centroid of `shots` targets, of songs other than the query's; the nearest is the answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossmodal.base.errors import InputError
from crossmodal.metrics import chance
from crossmodal.metrics.retrieval import score_queries
from crossmodal.metrics.values import Floats

SHOTS = 5
METRICS = ("mAP", "R@1", "accuracy")


@dataclass(frozen=True)
class Recordings:
    """vectors (n, d), any length; singer, song (n,): names, a song's name holds its singer's."""

    vectors: NDArray[np.floating]
    singer: NDArray[np.str_]
    song: NDArray[np.str_]

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or not len(self.vectors) == len(self.singer) == len(self.song):
            raise InputError(
                f"expected a vector, a singer and a song for each recording, got {self.vectors.shape}, {len(self.singer)}, {len(self.song)}"
            )

    def standardized(self) -> Recordings:
        """Each coordinate at mean 0 and deviation 1 over these recordings: what all of a kind share tells no singer."""
        centred = self.vectors - self.vectors.mean(axis=0)
        return Recordings(centred / np.maximum(centred.std(axis=0), 1e-9), self.singer, self.song)


@dataclass(frozen=True)
class SingerScores:
    """Per singer (s,), in the order of `singers`: metric -> mean over the singer's queries; chance: metric -> its level."""

    singers: tuple[str, ...]
    values: dict[str, Floats]
    chance: dict[str, float]
    queries: int


def singer_scores(queries: Recordings, targets: Recordings, *, shots: int = SHOTS, seed: int = 0) -> SingerScores:
    """mAP and R@1 of finding the same singer's other songs, and accuracy of naming the singer from `shots` targets each.

    Singers without another song than the query's are left out. Raises InputError where none is left.
    """
    if shots < 1:
        raise InputError(f"shots: expected at least 1, got {shots}")
    similarity = _unit(queries.vectors) @ _unit(targets.vectors).T
    same = queries.singer[:, None] == targets.singer[None, :]
    candidates = queries.song[:, None] != targets.song[None, :]
    usable = (same & candidates).any(axis=1)
    if not usable.any():
        raise InputError("expected singers with at least two songs, got none; give more recordings")
    found = score_queries(similarity[usable], same[usable], candidates=candidates[usable])
    right, options = _identified(queries, targets, usable, shots=shots, seed=seed)
    each = {
        "mAP": found.average_precision,
        "R@1": (found.best_rank == 1).astype(np.float64),
        "accuracy": right,
    }
    names = np.unique(queries.singer[usable])
    owner = queries.singer[usable]
    levels = {
        "mAP": _macro_chance(chance.mean_average_precision, same[usable], candidates[usable], owner, names),
        "R@1": _macro_chance(lambda r, candidates: chance.recall_at_k(r, 1, candidates=candidates), same[usable],
                             candidates[usable], owner, names),
        "accuracy": float(np.mean([np.mean(1 / options[owner == name]) for name in names])),
    }  # fmt: skip
    values = {metric: np.array([np.mean(rows[owner == name]) for name in names]) for metric, rows in each.items()}
    return SingerScores(tuple(names.tolist()), values, levels, int(usable.sum()))


def _unit(vectors: ArrayLike) -> Floats:
    rows = np.asarray(vectors, np.float64)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), np.float64)


def _macro_chance(level, same, candidates, owner: NDArray[np.str_], names: NDArray[np.str_]) -> float:  # type: ignore[no-untyped-def]
    """A chance level as the mean over singers."""
    return float(np.mean([level(same[owner == name], candidates=candidates[owner == name]) for name in names]))


def _identified(
    queries: Recordings, targets: Recordings, usable: NDArray[np.bool_], *, shots: int, seed: int
) -> tuple[Floats, Floats]:
    """For each usable query: 1 where the nearest centroid is its singer's, and among how many singers."""
    rows = np.flatnonzero(usable)
    vectors, wanted = _unit(queries.vectors), _unit(targets.vectors)
    right, options = np.zeros(len(rows)), np.zeros(len(rows))
    songs = queries.song[rows]
    for number, song in enumerate(np.unique(songs)):
        generator = np.random.default_rng([seed, number])
        centroids, names = _centroids(wanted, targets, song, shots, generator)
        asked = np.flatnonzero(songs == song)
        nearest = (vectors[rows[asked]] @ centroids.T).argmax(axis=1)
        right[asked] = names[nearest] == queries.singer[rows[asked]]
        options[asked] = len(names)
    return right, options


def _centroids(
    vectors: Floats, targets: Recordings, song: str, shots: int, generator: np.random.Generator
) -> tuple[Floats, NDArray[np.str_]]:
    """Unit centroids (s, d) of `shots` recordings of each singer, none of this song, and the singers' names (s,)."""
    rows, names = [], []
    for name in np.unique(targets.singer):
        own = np.flatnonzero((targets.singer == name) & (targets.song != song))
        if len(own):
            chosen = generator.choice(own, size=min(shots, len(own)), replace=False)
            rows.append(vectors[chosen].mean(axis=0))
            names.append(name)
    return _unit(np.stack(rows)), np.array(names)
