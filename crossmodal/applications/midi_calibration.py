"""Calibrating `match` on held-out MIDI files or recordings whose answers are known: the cuts of the stages, and the confidence.

Ranks at each stage are measured among what the stage before hands on, each right answer in its best key; confidences on each query with
its answer in the index and without.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossmodal.applications.midi_cuts import Cuts, choose_cuts
from crossmodal.applications.midi_matching import CALIBRATION, Matcher, query_kind
from crossmodal.applications.midi_query import KEYS, Query
from crossmodal.base.errors import InputError
from crossmodal.calibration import Calibration, fit_calibration

SHOWN = 3  # answers of each question that are learned from: a first one that is wrong has a right one behind it


def calibrate_matching(
    matcher: Matcher, asked: Sequence[tuple[Path, str]], *, data: str, false_rejection: float = 0.01,
    threshold: float = CALIBRATION.threshold, keys: Sequence[int] = KEYS,
) -> tuple[Cuts, Calibration]:  # fmt: skip
    """From files and the ids of the items that are right; keep them with `save_cuts(folder, it)` and
    `save_calibration(folder, {"match": it})`, the space's folder. The matcher goes on with these cuts.

    false_rejection: the share of right answers that each stage may lose; a stage is measured on what the one before hands on. Raises
    InputError for an id that the index does not hold, and where there are no queries.
    """
    known = [(_query(matcher, path), _row_of(matcher, right)) for path, right in asked]
    rule = matcher.cuts.rule
    matcher.cuts = Cuts(gully=rule.gully, penalty=int(rule.penalty))
    tracks = max((_tracks(matcher, query) for query, _ in known), default=1)
    pruning = [pruning_rank(matcher, query, row, keys=keys) for query, row in known] if matcher.prunes else []
    chosen = choose_cuts(pruning, [1] * len(known), tracks=tracks, false_rejection=false_rejection, rule=rule)
    matcher.cuts = matcher.cuts.model_copy(update={"pruning": chosen.pruning})
    # The share alone, as in large collections: those that a small one compares besides would count as lost by the hashes.
    kept = None if chosen.pruning is None else round(chosen.pruning * tracks)
    found = [hashing_rank(matcher, query, row, keys=keys, kept=kept) for query, row in known]
    hashing = [rank for rank in found if rank is not None] or [1]
    matcher.cuts = choose_cuts(
        pruning, hashing, tracks=tracks, false_rejection=false_rejection, data=data, rule=rule
    ).model_copy(update={"queries": len(known)})
    rows = [examples(matcher, query, row, keys=keys) for query, row in known]
    scores = np.concatenate([features for features, _ in rows])
    labels = [label for _, true in rows for label in true]
    fitted = fit_calibration(scores, labels, features=CALIBRATION.features, threshold=threshold, data=data)
    return matcher.cuts, fitted


def _query(matcher: Matcher, path: Path) -> Query:
    return matcher.read(path, query_kind(matcher, path))


def _tracks(matcher: Matcher, query: Query) -> int:
    """Different contents that may be its answer."""
    return len(np.unique(matcher.index.contents[matcher.answers_to(query.kind)]))


def pruning_rank(matcher: Matcher, query: Query, row: int, *, keys: Sequence[int] = KEYS) -> int:
    """Where an item stands by its pruning vector, from 1: its best key among all pairs of track and key, a key."""
    contents, allowed = matcher.index.contents, np.flatnonzero(matcher.answers_to(query.kind))
    _, places = np.unique(contents[allowed], return_index=True)
    rows = allowed[np.sort(places)]
    distances = matcher.prune(query, keys, rows)
    own = int(np.flatnonzero(contents[rows] == contents[row])[0])
    return 1 + int((distances < distances[:, own].min()).sum()) // len(keys)


def hashing_rank(
    matcher: Matcher, query: Query, row: int, *, keys: Sequence[int] = KEYS, kept: int | None = None
) -> int | None:
    """Where an item stands by its hashes, from 1, among the `kept` tracks a key that pruning hands on (None: as the matcher does it);
    None where it is not among them.
    """
    allowed, contents = matcher.answers_to(query.kind), matcher.index.contents
    found = matcher.by_hashes(query, allowed, keys=keys, top=len(allowed), after_pruning=kept)
    return next((place for place, hit in enumerate(found, 1) if contents[hit.row] == contents[row]), None)


def examples(
    matcher: Matcher, query: Query, row: int, *, keys: Sequence[int] = KEYS
) -> tuple[NDArray[np.float64], list[bool]]:
    """Features (n, 2) and truth of the first answers to a query, with the right item (and its copies) in the index and without."""
    contents = matcher.index.contents
    same = contents == contents[row]
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
