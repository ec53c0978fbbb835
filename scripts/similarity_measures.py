"""What is measured in the study of music similarity: of each test item, so that systems are compared item by item."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossmodal.applications.timbre import (
    divergence_similarity,
    histogram_similarity,
    learn_codebook,
    learn_density,
    mfcc_frames,
)
from crossmodal.base.files import atomic_write
from crossmodal.evaluation_facets import Triplets, draw_triplets
from crossmodal.facets import Facets
from crossmodal.metrics import chance
from crossmodal.metrics.bootstrap import Interval, bootstrap_difference, bootstrap_function, bootstrap_interval
from crossmodal.metrics.multilabel import multilabel_recall_at_k
from crossmodal.metrics.retrieval import average_precision
from crossmodal.metrics.tagging import tag_wise_roc_auc
from pairs.concepts import values_of
from pairs.source import Item
from scripts.similarity_study import Heard, Study, Vectors
from scripts.similarity_systems import FACETS

Values = NDArray[np.float64]
Scores = NDArray[np.float32]
BASELINES = ("mfcc-vq", "gmm-kl")
CENTROIDS, CODEBOOK_ITEMS = 256, 200
SUBSPACES = Facets(dict.fromkeys(FACETS, 64), each=False)
SAMPLES = 200  # of the intervals of AUC


class Measures:
    """Values of test items, means over seeds; intervals resample works."""

    def __init__(self, study: Study, seeds: Sequence[int]) -> None:
        self.study, self.seeds = study, list(seeds)
        self.items, self.works = study.items["test"], study.works
        self.others = self.works[:, None] != self.works[None, :]
        self.triplets: dict[str, Triplets] = {facet: draw_triplets(self.items, facet) for facet in FACETS}
        self._truth = np.array([[tag in item.tags for tag in study.tags] for item in self.items])

    def _alike(self, concept: str) -> NDArray[np.bool_]:
        values = [values_of(item, concept) for item in self.items]
        return np.array([[bool(a & b) for b in values] for a in values]) & self.others

    @cached_property
    def same_artist(self) -> NDArray[np.bool_]:
        """(n, n) of one artist, of different works."""
        return self._alike("artist")

    @cached_property
    def same_genre(self) -> NDArray[np.bool_]:
        """(n, n) that share a word of genre, of different works."""
        return self._alike("genre")

    def over_seeds(self, name: str, measure: Callable[[Heard], Values]) -> Values:
        """The mean of a measure over the trainings of a system."""
        return np.mean([measure(self.study.heard(name, seed)) for seed in self.seeds], axis=0)

    def artist_precision(self, similarity: Scores) -> Values:
        """(n,) average precision of finding the artist's other works; NaN where there are none."""
        return average_precision(similarity, self.same_artist, candidates=self.others)

    def genre_precision(self, similarity: Scores) -> Values:
        """(n,) average precision of finding other works that share a word of genre."""
        return average_precision(similarity, self.same_genre, candidates=self.others)

    def tag_recall(self, similarity: Scores) -> Values:
        """(n,) multi-label R@1: the share of an item's tags that its nearest neighbour of another work has."""
        return multilabel_recall_at_k(similarity, self._truth, self._truth, 1, candidates=self.others)

    def facet_hits(self, facet: str, similarity: Scores) -> Values:
        """(t,) 1 for a triplet that holds, 0.5 for a tie."""
        anchors, near, far = self.triplets[facet].T
        gain = similarity[anchors, near] - similarity[anchors, far]
        return np.where(np.abs(gain) < 1e-9, 0.5, gain > 0).astype(np.float64)

    def all_facets(self, similarity: Callable[[str], Scores]) -> Values:
        """Triplets of all facets, one after the other. similarity: by facet."""
        return np.concatenate([self.facet_hits(facet, similarity(facet)) for facet in FACETS])

    @cached_property
    def triplet_works(self) -> NDArray[np.str_]:
        """The works of the anchors of `all_facets`."""
        return np.concatenate([self.works[self.triplets[facet][:, 0]] for facet in FACETS])

    def track_hits(self, heard: Heard) -> Values:
        """(n,) 1 where the last window of a recording is nearer to its first than another recording's first, drawn at random."""
        first, last = heard.ends[:, 0], heard.ends[:, 1]
        strange = (np.arange(len(first)) + np.random.default_rng(0).integers(1, len(first), len(first))) % len(first)
        first, last = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (first, last))
        gain = (last * first).sum(axis=1) - (last * first[strange]).sum(axis=1)
        return (gain > 0).astype(np.float64)

    def auc(self, scores: Sequence[Scores], below: Sequence[Scores] = ()) -> Interval:
        """ROC-AUC, the mean of tags and of several trainings' scores (n, tags); with `below`, the difference to theirs."""

        def value(rows: NDArray[np.intp]) -> float:
            truth = self._truth[rows]
            found = [np.nanmean(tag_wise_roc_auc(one[rows], truth)) for one in scores]
            lower = [np.nanmean(tag_wise_roc_auc(one[rows], truth)) for one in below]
            return float(np.mean(found) - (np.mean(lower) if lower else 0.0))

        return bootstrap_function(value, len(self.items), self.works, seed=0, samples=SAMPLES)

    def probed(self, name: str, data: str, *, hidden: int = 0) -> list[Scores]:
        """For each seed what a linear classifier (or one with `hidden` units between) of the frozen vectors says: (n, tags)."""
        found = []
        labelled = self.study.labelled(data)
        places = {item.id: place for place, item in enumerate(self.study.items["train"])}
        rows = [places[item.id] for item in labelled]
        truth = np.array([[tag in item.tags for tag in self.study.tags] for item in labelled])
        for seed in self.seeds:
            heard = self.study.heard(name, seed)
            found.append(
                _classify(heard.vectors["train"][rows], truth, heard.vectors["test"], seed=seed, hidden=hidden)
            )
        return found

    def logits(self, name: str) -> list[Scores]:
        """For each seed what a system that is a classifier says itself."""
        return [self.study.heard(name, seed).logits for seed in self.seeds]

    def interval(self, values: Values, groups: NDArray[np.str_] | None = None) -> Interval:
        """A mean with its interval."""
        return bootstrap_interval(values, self.works if groups is None else groups, seed=0)

    def difference(self, first: Values, second: Values, groups: NDArray[np.str_] | None = None) -> Interval:
        """A paired difference with its interval."""
        return bootstrap_difference(first, second, self.works if groups is None else groups, seed=0)

    def chances(self) -> tuple[float, float, float, float]:
        """Of artist and genre precision, of R@1, and of triplets."""
        tags = float(chance.multilabel_recall_at_k(self._truth, self._truth, 1, candidates=self.others))
        return (
            chance.mean_average_precision(self.same_artist, candidates=self.others),
            chance.mean_average_precision(self.same_genre, candidates=self.others), tags, 0.5,
        )  # fmt: skip

    def baseline(self, name: str, seed: int) -> Scores:
        """(n, n) by mfcc-vq or gmm-kl, kept in the study's folder."""
        kept = self.study.work / f"{name}-{seed}.npy"
        if not kept.is_file():
            found = timbre(name, _paths(self.items), _paths(self.study.items["train"]), seed=seed)
            with atomic_write(kept) as temporary, temporary.open("wb") as stream:
                np.save(stream, found, allow_pickle=False)
        return np.asarray(np.load(kept, allow_pickle=False), np.float32)


def timbre(name: str, paths: Sequence[Path], train: Sequence[Path], *, seed: int) -> Scores:
    """(n, n) by a classical baseline; train: recordings of which some, drawn from `seed`, give the centroids of mfcc-vq."""
    if name == "gmm-kl":
        densities = [learn_density(mfcc_frames(path, differences=False), seed=seed) for path in paths]
        return divergence_similarity(densities, densities, seed=seed)
    drawn = np.random.default_rng(seed).permutation(len(train))[:CODEBOOK_ITEMS].tolist()
    learned = np.concatenate([mfcc_frames(train[place]) for place in drawn])
    book = learn_codebook(learned, size=min(CENTROIDS, len(learned)), seed=seed)
    histograms = np.stack([book.histogram(mfcc_frames(path)) for path in paths])
    return histogram_similarity(histograms, histograms)


def whole(heard: Heard) -> Scores:
    """(n, n) cosines of the test items."""
    return heard.vectors["test"] @ heard.vectors["test"].T


def within(heard: Heard, facet: str) -> Scores:
    """(n, n) cosines of the test items in a facet's dimensions."""
    part = heard.vectors["test"][:, SUBSPACES[facet]]
    unit = part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-12)
    return np.asarray(unit @ unit.T, np.float32)


def _paths(items: Sequence[Item]) -> list[Path]:
    return [item.files["audio"] for item in items]


def _classify(train: Vectors, truth: NDArray[np.bool_], test: Vectors, *, seed: int, hidden: int) -> Scores:
    """Yes or no for each tag; what all or none of the labelled items have is said of nobody."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.neural_network import MLPClassifier
    from sklearn.preprocessing import StandardScaler

    varied = np.flatnonzero(truth.any(axis=0) & ~truth.all(axis=0))
    scaler = StandardScaler().fit(train)
    model = (
        MLPClassifier((hidden,), max_iter=100, random_state=seed)
        if hidden
        else OneVsRestClassifier(LogisticRegression(C=0.1, max_iter=300))
    )
    model.fit(scaler.transform(train), truth[:, varied])
    found = np.zeros((len(test), truth.shape[1]), np.float32)
    said = np.asarray(model.predict_proba(scaler.transform(test)))
    found[:, varied] = said.reshape(len(test), -1)
    return found
