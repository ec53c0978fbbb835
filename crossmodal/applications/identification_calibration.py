"""Calibrating `identify` on held-out recordings or pages whose answers are known, each asked with its answer on the shelf and without."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossmodal.applications.collection import SearchableIndex
from crossmodal.applications.identification import CALIBRATION, measure, rank
from crossmodal.applications.queries import Query, read_query
from crossmodal.applications.sequences import modality_of
from crossmodal.base.errors import InputError
from crossmodal.calibration import Calibration, fit_calibration

SHOWN = 3  # answers of each question that are learned from: a first one that is wrong has a right one behind it


def calibrate_identification(
    opened: SearchableIndex, asked: Sequence[tuple[Path, str]], *, data: str, threshold: float = CALIBRATION.threshold
) -> Calibration:
    """A calibration from files and the ids of the items that are right; keep it with `save_calibration(folder, {"identify": it})`.

    Raises InputError for an id that the index does not hold, and where all answers are right or all wrong.
    """
    features: list[NDArray[np.float64]] = []
    labels: list[bool] = []
    for path, right in asked:
        modality = modality_of(path, ("audio", "sheet")) or "audio"
        measured, true = examples(opened, read_query(opened.space, path, modality), right)
        features.append(measured)
        labels += true
    scores = np.concatenate(features) if features else np.zeros((0, len(CALIBRATION.features)))
    return fit_calibration(scores, labels, features=CALIBRATION.features, threshold=threshold, data=data)


def examples(opened: SearchableIndex, query: Query, right: str) -> tuple[NDArray[np.float64], list[bool]]:
    """Features (n, f) and truth of the first answers to a query, with the right item (and its copies) among the others and without."""
    items = opened.index.items
    ids = [str(identifier) for identifier in items.column("id")]
    if right not in ids:
        raise InputError(f'expected the id of an item of {opened.index.folder}, got "{right}"; index its file first')
    same = opened.index.contents == opened.index.contents[ids.index(right)]
    wanted = items[ids.index(right)].modality
    kind = np.array([found == wanted for found in items.column("modality")], bool)
    features: list[NDArray[np.float64]] = []
    labels: list[bool] = []
    for allowed in (kind, kind & ~same):
        if not allowed.any():
            continue
        candidates = rank(opened, query, allowed)
        features.append(measure(opened, query, candidates, SHOWN))
        labels += [bool(same[candidate.row]) for candidate in candidates[:SHOWN]]
    return np.concatenate(features), labels
