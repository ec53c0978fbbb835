"""The part of `evaluate` for spaces of recordings and covers: how well they find each other, and genres from either or both."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crossmodal.base.results import ScoreRow, Skipped
from crossmodal.metrics import chance, retrieval, tagging
from crossmodal.metrics.bootstrap import Interval, bootstrap_function, bootstrap_interval
from crossmodal.metrics.values import macro
from crossmodal.space import Space
from pairs.genres import genres_of
from pairs.source import Item

Vectors = NDArray[np.float32]
KS = (1, 10)
GENRE_SAMPLES = 100


def score_covers(
    space: Space, items: list[Item], sounds: Vectors, *, seed: int
) -> tuple[list[ScoreRow], list[Skipped]]:
    """Rows for the items that have a cover, and covers that cannot be read. sounds (n, d): vectors of the items' recordings."""
    if "image" not in space.modalities:
        return [], []
    chosen, pictures, skipped = [], [], []
    for row, item in enumerate(items):
        if "image" not in item.files:
            continue
        vector = next(iter(space.try_encode("image", [item.files["image"]])))
        if isinstance(vector, Skipped):
            skipped.append(vector)
        else:
            chosen.append(row)
            pictures.append(vector)
    if not chosen:
        return [], skipped
    paired = [items[row] for row in chosen]
    both = {"audio": sounds[chosen], "image": np.stack(pictures)}
    return [*_retrieval(space, paired, both, seed), *_genres(space, paired, both, seed)], skipped


def _retrieval(space: Space, items: list[Item], vectors: dict[str, Vectors], seed: int) -> list[ScoreRow]:
    """Both ways; right is a recording's own cover alone, which all recordings of an album may share."""
    works = np.array([item.work or item.id for item in items])
    covers = np.array([str(item.files["image"]) for item in items])
    relevant = covers[:, None] == covers[None, :]
    rows = []
    for query, target in (("image", "audio"), ("audio", "image")):
        similarity = space.similarity(vectors[query], vectors[target])
        named = retrieval.score_queries(similarity, relevant).named(KS)
        levels = {f"R@{k}": chance.recall_at_k(relevant, k) for k in KS} | {"MRR": chance.mrr(relevant)}
        for metric, level in levels.items():
            interval = bootstrap_interval(named[metric], works, seed=seed)
            rows.append(_row(f"{metric} {query} to {target}", interval, level, len(items)))
    return rows


def _genres(space: Space, items: list[Item], vectors: dict[str, Vectors], seed: int) -> list[ScoreRow]:
    """Macro ROC-AUC over the space's genres that some of the items have and others have not."""
    if "label" not in space.modalities:
        return []
    found = [genres_of(item) or item.tags for item in items]
    labels = np.array([[genre in mine for genre in space.vocabulary] for mine in found], dtype=bool)
    useful = np.flatnonzero((labels.sum(axis=0) > 0) & (labels.sum(axis=0) < len(labels)))
    if not len(useful):
        return []
    genres = space.encode("label", [space.vocabulary[i] for i in useful])
    each = {modality: space.similarity(genres, mine).T for modality, mine in vectors.items()}
    works = np.array([item.work or item.id for item in items])
    rows = []
    for name, scores in (*each.items(), ("audio+image", (each["audio"] + each["image"]) / 2)):
        right = labels[:, useful]
        interval = bootstrap_function(
            lambda index, s=scores, r=right: macro(tagging.tag_wise_roc_auc(s[index], r[index])).value,  # type: ignore[misc]
            len(items), works, seed=seed, samples=GENRE_SAMPLES,
        )  # fmt: skip
        rows.append(_row(f"ROC-AUC genres from {name}", interval, chance.ROC_AUC, len(useful)))
    return rows


def _row(metric: str, interval: Interval, level: float, count: int) -> ScoreRow:
    low, high = (float(v) if np.isfinite(v) else None for v in (interval.low, interval.high))
    return ScoreRow(metric=metric, value=interval.value, low=low, high=high, chance=level, n=count)
