"""What judging MIDI files against recordings is compared with: warping of chroma by librosa, in all keys, with nothing learned."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from crossmodal.alignment.hashing.search import search
from crossmodal.alignment.path import pooled
from crossmodal.applications.hash_sequences import hashed
from crossmodal.applications.midi_evaluation import Held
from crossmodal.applications.midi_matching import Matcher
from crossmodal.applications.midi_query import KEYS, TEMPOS
from crossmodal.base.librosa_import import load_librosa
from crossmodal.base.results import ScoreRow
from crossmodal.metrics.bootstrap import bootstrap_interval
from crossmodal.metrics.retrieval import reciprocal_rank
from scripts.midi_judging import interval_row

POOLED = 8  # frames that are one vector of chroma: as many as a hash is made of
CANDIDATES = 100
STEPS, WEIGHTS = np.array([[1, 1], [1, 2], [2, 1]]), np.array([1.0, 1.0, 2.0])  # a step over two vectors costs two


def chroma(frames: NDArray[np.float32]) -> NDArray[np.float64]:
    """Constant-Q frames (t, 48), C at the bottom -> chroma (12, t / 8), all octaves together, without its mean, of unit length."""
    folded = pooled(frames, POOLED).astype(np.float64).reshape(-1, frames.shape[1] // 12, 12).sum(axis=1)
    folded -= folded.mean(axis=1, keepdims=True)
    return (folded / np.maximum(np.linalg.norm(folded, axis=1, keepdims=True), 1e-9)).T


def warped_chroma(query: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    """Cost a vector of the cheapest subsequence warping, in the best of the twelve keys, the shorter of both being found in the longer.

    Steps as usual for subsequences (Müller 2015, chapter 7), so that the tempo lies between a half and double.
    """
    dtw = load_librosa().sequence.dtw

    short, long = (query, target) if query.shape[1] <= target.shape[1] else (target, query)
    costs = [1 - np.roll(short, shift, axis=0).T @ long for shift in range(12)]
    ends = [dtw(C=c, subseq=True, backtrack=False, step_sizes_sigma=STEPS, weights_mul=WEIGHTS)[-1] for c in costs]
    return min(float(end.min()) / short.shape[1] for end in ends)


def chroma_rows(
    matcher: Matcher, held: Sequence[Held], *, candidates: int = CANDIDATES, seed: int = 0
) -> list[ScoreRow]:
    """Each work's MIDI file among its recording and 99 others of the index, by chroma and by our hashes; times are the processor's."""
    generator = np.random.default_rng([seed, 5])
    names = [str(name) for name in matcher.index.items.column("sha256")]
    ranks: dict[str, list[float]] = {"chroma DTW (librosa)": [], "our hashes alone": []}
    spent = dict.fromkeys(ranks, 0.0)
    for one in held:
        own = names.index(one.id)
        others = generator.choice(np.delete(np.arange(len(names)), own), min(candidates, len(names)) - 1, replace=False)
        chosen = np.concatenate([[own], others])
        query = matcher.read(one.midi, "midi")
        targets = [chroma(matcher.store.frames(names[row])) for row in chosen]
        begin = time.process_time()
        asked = chroma(query.frames)
        costs = np.array([warped_chroma(asked, target) for target in targets])
        spent["chroma DTW (librosa)"] += time.process_time() - begin
        ranks["chroma DTW (librosa)"].append(1 + float((costs < costs[0]).sum()))
        tracks = matcher.store.numbers([names[row] for row in chosen])
        begin = time.process_time()
        scores = np.full(len(chosen), np.inf)
        for shift, tempo in product(KEYS, TEMPOS):
            hashes = hashed(query.values(matcher.encoder, shift, tempo=tempo))
            found = search(hashes, matcher.store.collection, rule=matcher.cuts.rule, top=len(chosen), candidates=tracks)
            place = {int(track): score for track, score in zip(found.indices, found.scores, strict=True)}
            scores = np.minimum(scores, [place[int(track)] for track in tracks])
        spent["our hashes alone"] += time.process_time() - begin
        ranks["our hashes alone"].append(1 + float((scores < scores[0]).sum()))
    rows = []
    for name, values in ranks.items():
        label = f"among {candidates}: {name}"
        known = np.array(values)
        rows.append(interval_row(f"{label}, MRR", bootstrap_interval(reciprocal_rank(known), seed=seed)))
        rows.append(
            interval_row(f"{label}, top-1", bootstrap_interval((known == 1).astype(float), seed=seed), 1 / candidates)
        )
        rows.append(
            ScoreRow(
                metric=f"{label}, ms a candidate in 12 keys",
                value=1000 * spent[name] / len(held) / candidates,
                n=len(held),
            )
        )
    return rows
