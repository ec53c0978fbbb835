"""Calibrating `match` on held-out MIDI files or recordings whose answers are known: the cuts of the stages, and the confidence.

Ranks at each stage are measured among the whole index, each right answer in its best key; confidences on each query with its answer in the
index and without.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossmodal.applications.midi_cuts import Cuts, choose_cuts
from crossmodal.applications.midi_matching import CALIBRATION, Matcher, query_kind
from crossmodal.applications.midi_query import KEYS, Query
from crossmodal.base.errors import InputError
from crossmodal.calibration import Calibration, fit_calibration

SHOWN = 3  # answers of each question that are learned from: a first one that is wrong has a right one behind it


@dataclass(frozen=True)
class StageRanks:
    """Ranks of a right answer, from 1: by its pruning vector (None without a pruning space) and by its hashes, among `tracks`."""

    pruning: int | None
    hashing: int
    tracks: int


def calibrate_matching(
    matcher: Matcher, asked: Sequence[tuple[Path, str]], *, data: str, false_rejection: float = 0.01,
    threshold: float = CALIBRATION.threshold, keys: Sequence[int] = KEYS,
) -> tuple[Cuts, Calibration]:  # fmt: skip
    """From files and the ids of the items that are right; keep them with `save_cuts(folder, it)` and
    `save_calibration(folder, {"match": it})`, the space's folder.

    false_rejection: the share of right answers that each stage may lose. Raises InputError for an id that the index does not hold, and
    where there are no queries.
    """
    ranks: list[StageRanks] = []
    features: list[NDArray[np.float64]] = []
    labels: list[bool] = []
    for path, right in asked:
        kind = query_kind(matcher, path)
        query = matcher.read(path, kind)
        ranks.append(stage_ranks(matcher, query, right, keys=keys))
        measured, true = examples(matcher, query, right, keys=keys)
        features.append(measured)
        labels += true
    pruning = [rank.pruning for rank in ranks if rank.pruning is not None]
    hashing = [rank.hashing for rank in ranks]
    tracks = max((rank.tracks for rank in ranks), default=1)
    cuts = choose_cuts(
        pruning, hashing, tracks=tracks, false_rejection=false_rejection, data=data, rule=matcher.cuts.rule
    )
    scores = np.concatenate(features)
    return cuts, fit_calibration(scores, labels, features=CALIBRATION.features, threshold=threshold, data=data)


def stage_ranks(matcher: Matcher, query: Query, right: str, *, keys: Sequence[int] = KEYS) -> StageRanks:
    """Where the right item stands at each stage, were it the only one that cuts. The rank by pruning vectors is that
    of its best key among all pairs of track and key, a key."""
    allowed = matcher.answers_to(query.kind)
    contents = matcher.index.contents
    row = _row_of(matcher, right)
    _, places = np.unique(contents[allowed], return_index=True)
    rows = np.flatnonzero(allowed)[np.sort(places)]
    own = int(np.flatnonzero(contents[rows] == contents[row])[0])
    pruning = None
    if matcher.prunes:
        distances = matcher.prune(query, keys, rows)
        pruning = 1 + int((distances < distances[:, own].min()).sum()) // len(keys)
    found = matcher.by_hashes(query, allowed, keys=keys, top=len(rows), after_pruning=len(rows))
    hashing = next(place for place, hit in enumerate(found, 1) if contents[hit.row] == contents[row])
    return StageRanks(pruning, hashing, len(rows))


def examples(
    matcher: Matcher, query: Query, right: str, *, keys: Sequence[int] = KEYS
) -> tuple[NDArray[np.float64], list[bool]]:
    """Features (n, 2) and truth of the first answers to a query, with the right item (and its copies) in the index and without."""
    contents = matcher.index.contents
    same = contents == contents[_row_of(matcher, right)]
    allowed = matcher.answers_to(query.kind)
    features: list[NDArray[np.float64]] = []
    labels: list[bool] = []
    for these in (allowed, allowed & ~same):
        if not these.any():
            continue
        candidates = matcher.rank(query, these, keys=keys)
        features.append(matcher.measure(query, candidates)[:SHOWN])
        labels += [bool(same[candidate.row]) for candidate in candidates[:SHOWN]]
    return np.concatenate(features), labels


def _row_of(matcher: Matcher, right: str) -> int:
    ids = [str(identifier) for identifier in matcher.index.items.column("id")]
    if right not in ids:
        raise InputError(f'expected the id of an item of {matcher.index.folder}, got "{right}"; index its file first')
    return ids.index(right)
