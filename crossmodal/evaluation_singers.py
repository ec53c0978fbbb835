"""A space of voices on a catalogue of singers: the same singer's other songs, alone and in mixes, each way; singers never trained on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from crossmodal.base.errors import InputError
from crossmodal.base.progress import progress
from crossmodal.base.results import ScoreRow, ScoreTable, Skipped
from crossmodal.metrics.bootstrap import bootstrap_interval
from crossmodal.metrics.singers import METRICS, Recordings, SingerScores, singer_scores
from crossmodal.space import Space
from pairs.catalogue import read_catalogue
from pairs.source import Item
from pairs.vocal_mix import singer_of, song_of

DOMAINS = {"mono": "voice", "mix": "mix"}


def judges_voices(space: Space) -> bool:
    """Whether a space is judged on singers: it has no other towers than those of voices and mixes."""
    return set(space.modalities) <= set(DOMAINS.values())


def tower_for(space: Space, domain: str) -> str:
    """The tower that hears a domain ("mono", "mix"): its own, or in a space of one tower that."""
    return DOMAINS[domain] if DOMAINS[domain] in space.modalities else space.modalities[0]


def evaluate_singers(
    space: Space, catalogue: Path, *, split: str = "test", seed: int = 0, quiet: bool = False
) -> ScoreTable:
    """Rows for mono -> mono, mix -> mix, mono -> mix and mix -> mono: mAP, R@1 and 5-shot accuracy, macro over singers."""
    read = read_catalogue(catalogue)
    items = [item for item in read.items if set(DOMAINS.values()) <= item.files.keys() and singer_of(item)]
    chosen = [item for item in items if item.split in (None, split)]
    fair = [item for item in chosen if (item.work or item.id) not in space.works]
    if not fair:
        raise InputError(
            f"{catalogue}: expected rows with voice, mix and singer of split {split} that the space was not trained on, got none of "
            f"{len(items)}"
        )
    skipped = list(read.problems)
    domains = {name: encode_domain(space, fair, name, skipped, quiet=quiet) for name in DOMAINS}
    rows: list[ScoreRow] = []
    for queries in DOMAINS:
        for targets in DOMAINS:
            rows += score_rows(
                f"{queries} -> {targets}", singer_scores(domains[queries], domains[targets], seed=seed), seed=seed
            )
    return ScoreTable(
        space=space.reference, data=str(catalogue), split=split if any(item.split for item in chosen) else "all", seed=seed,
        rows=rows, excluded=len(chosen) - len(fair), skipped=skipped,
    )  # fmt: skip


def encode_domain(
    space: Space, items: Sequence[Item], domain: str, skipped: list[Skipped], *, quiet: bool = False
) -> Recordings:
    """Vectors of the items' voices or mixes; what cannot be read is added to `skipped`."""
    kept, vectors = [], []
    files = [item.files[DOMAINS[domain]] for item in items if DOMAINS[domain] in item.files]
    owners = [item for item in items if DOMAINS[domain] in item.files]
    results = space.try_encode(tower_for(space, domain), files)
    for item, made in zip(owners, progress(results, f"encoding {domain}", quiet=quiet), strict=True):
        if isinstance(made, Skipped):
            skipped.append(made)
        else:
            kept.append(item)
            vectors.append(made)
    if not kept:
        raise InputError(f"expected readable recordings ({domain}), got none of {len(files)}")
    return Recordings(np.stack(vectors), np.array([singer_of(i) for i in kept]), np.array([song_of(i) for i in kept]))


def score_rows(name: str, scores: SingerScores, *, seed: int) -> list[ScoreRow]:
    """A row for each metric, with an interval that resamples singers."""
    rows = []
    for metric in METRICS:
        found = bootstrap_interval(scores.values[metric], seed=seed)
        rows.append(
            ScoreRow(
                metric=f"{name} {'5-shot accuracy' if metric == 'accuracy' else metric}", value=found.value, low=found.low,
                high=found.high, chance=scores.chance[metric], n=len(scores.singers),
            )
        )  # fmt: skip
    return rows
