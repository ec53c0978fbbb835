"""Which score is this a recording of, and which recordings are of this page? Voting first, then alignment of the best candidates.

Every excerpt of the query votes for the items of its nearest vectors (`voting`); the items with most votes are ranked again by the cost
of the best subsequence alignment, stretch by stretch, so that repeats and cuts of the query do no harm. The confidence is
calibrated on how well the order of the path fits, against the same vectors backwards and against the next best item.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from crossmodal.alignment.jumps import JumpOptions, align_with_jumps
from crossmodal.applications.collection import SearchableIndex
from crossmodal.applications.queries import Query, read_query
from crossmodal.applications.sequences import modality_of, sequential
from crossmodal.applications.voting import NEIGHBOURS, Votes, count_votes
from crossmodal.base.errors import InputError
from crossmodal.base.results import JsonValue, Ranking, Result
from crossmodal.base.results import Query as Asked
from crossmodal.calibration import Calibration, load_calibration
from crossmodal.retrieval.filters import parse_filter, select

MODALITIES = ("audio", "sheet")
CANDIDATES = 20  # items that are aligned
STEPS = {"audio": 5, "sheet": 4}  # vectors between two excerpts: 0.5 s, 32 columns
EXCERPTS = 400  # of one query at most
STRETCHES = 6  # of one query that are aligned at most, three minutes
KINDS = {"audio": ("a recording", "recordings"), "sheet": ("a score or page", "scores")}
CALIBRATION = Calibration(features=("lift", "margin"), weights=(40.0, 40.0), bias=-4.0)
_Given = TypeVar("_Given")
_Made = TypeVar("_Made")
_FREE = JumpOptions(start=0.0, end=0.0, null=False)


@dataclass(frozen=True)
class Candidate:
    """An item that may be it. row: in the index; similarity: 1 - cost a row of the best paths through it; first: the vector (row of
    the index) at which the query begins.
    """

    row: int
    votes: int
    similarity: float
    first: int


def identify(
    index: SearchableIndex | str | Path,
    file: str | Path,
    *,
    k: int = 5,
    modality: str | None = None,
    filters: Sequence[str] = (),
    query: Query | None = None,
) -> Ranking:
    """The k items of an index that a file most likely shows: scores for a recording, recordings for a score or a page.

    index: opened, or its folder; modality: of the file ("audio", "sheet"), where its extension does not decide; filters:
    "column=value"; query: the file, where it was read already. `abstained`: the best confidence is below the threshold of the space's
    calibration; the results are listed all the same. detail: votes, and page and system (from 1) at which the query begins, of
    recordings the second.

    Raises InputError for silence, what is too short, what is no music, and for an index without items of the other kind.
    """
    opened = index if isinstance(index, SearchableIndex) else SearchableIndex.open(Path(index))
    if k < 1:
        raise InputError(f"k: expected at least 1, got {k}")
    file = Path(file)
    asked, wanted = _modalities(opened, file, modality)
    allowed = _allowed(opened, wanted, file, filters)
    ranking = Ranking(query=Asked(modality=asked, path=str(file)), space=opened.space.reference)
    query = read_query(opened.space, file, asked) if query is None else query
    if not allowed.any():  # the filters leave nothing
        return ranking.model_copy(update={"abstained": True})
    candidates = rank(opened, query, allowed, most=max(k, CANDIDATES))
    calibration = load_calibration(opened.space.location, "identify", CALIBRATION)
    confidences = calibration.confidence(measure(opened, query, candidates, k))
    results = [
        _result(opened, number, candidate, wanted, float(confidence))
        for number, (candidate, confidence) in enumerate(zip(candidates, confidences, strict=False), 1)
    ]
    abstained = not results or float(confidences[0]) < calibration.threshold
    return ranking.model_copy(update={"results": results, "abstained": abstained})


def _modalities(opened: SearchableIndex, file: Path, modality: str | None) -> tuple[str, str]:
    """What the file is, and what is looked for."""
    if not set(MODALITIES) <= set(sequential(opened.space)):
        raise InputError(
            f"{opened.index.folder}: expected an index of scores or recordings made with audio-sheet, got one of the space "
            f"{opened.space.name}; make one with 'crossmodal index audio-sheet'"
        )
    if not file.exists():
        raise InputError(f"{file}: expected a recording or a score, found nothing; check the path")
    asked = modality or modality_of(file, MODALITIES)
    if asked not in MODALITIES:
        raise InputError(
            f'{file}: expected a recording or a score, got "{modality or file.suffix}"; say which with --modality audio or sheet'
        )
    return asked, "sheet" if asked == "audio" else "audio"


def _allowed(opened: SearchableIndex, wanted: str, file: Path, filters: Sequence[str]) -> NDArray[np.bool_]:
    """Which items may be the answer. InputError where the index holds none of the kind."""
    items = opened.index.items
    if not len(items):
        raise InputError(f"{opened.index.folder}: expected an index with items, got an empty one; index some files")
    right = np.array([found == wanted for found in items.column("modality")], bool)
    if not right.any():
        asked = KINDS["sheet" if wanted == "audio" else "audio"]
        raise InputError(
            f"{file}: expected {KINDS[wanted][0]}, since {opened.index.folder} holds {asked[1]}, got {asked[0]}; "
            f"look it up in an index of {KINDS[wanted][1]}"
        )
    return right & select(items, [parse_filter(text) for text in filters])


def vote(opened: SearchableIndex, query: Query, allowed: NDArray[np.bool_]) -> Votes:
    """All excerpts of the query vote for items; copies of one file stand as one, the first of them."""
    rows = query.excerpts(STEPS[query.modality], EXCERPTS)
    folded = opened.space.fold(query.vectors[rows])
    similarities, owners = opened.index.nearest(folded, k=NEIGHBOURS, items=allowed)
    first = _first_copy(opened.index.contents, allowed)
    lengths = np.bincount(first[allowed], np.diff(opened.index.starts)[allowed], minlength=len(allowed)).astype(
        np.int64
    )
    return count_votes(similarities, np.where(owners < 0, -1, first[owners]), lengths)


def _first_copy(contents: NDArray[np.int64], allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(items,) the row of the first allowed item with the same content; its own for one that is not allowed."""
    first = np.arange(len(contents))
    rows = np.flatnonzero(allowed)
    _, places, inverse = np.unique(contents[rows], return_index=True, return_inverse=True)
    first[rows] = rows[places][inverse]
    return first


def rank(
    opened: SearchableIndex, query: Query, allowed: NDArray[np.bool_], *, most: int = CANDIDATES
) -> list[Candidate]:
    """The items with the best votes, ordered by how well the query aligns with them."""
    votes = vote(opened, query, allowed)
    rows: list[int] = votes.best(most).tolist()
    fits = _side_by_side(lambda row: align(query, opened.index.vectors_of(row)), rows)
    starts = opened.index.starts
    found = [
        Candidate(row, int(votes.count[row]), similarity, int(starts[row]) + first)
        for row, (similarity, first) in zip(rows, fits, strict=True)
    ]
    return sorted(found, key=lambda candidate: -candidate.similarity)


def align(query: Query, targets: NDArray[np.float32]) -> tuple[float, int]:
    """How well the stretches of a query fit somewhere into targets (m, d): 1 - cost a row of their best paths, penalties for strange
    tempo included, and the target at which the first stretch begins.
    """
    cost, total, first = 0.0, 0.0, 0
    for number, piece in enumerate(query.stretches(STRETCHES)):
        weights = query.weights[piece]
        path = align_with_jumps(query.vectors[piece], targets, weights=weights, options=_FREE)
        cost, total = cost + path.cost, total + float(weights.sum())
        if number == 0:
            first = int(path.columns[int(np.argmax(weights > 0))])
    return 1.0 - cost / total, first


def measure(opened: SearchableIndex, query: Query, candidates: Sequence[Candidate], k: int) -> NDArray[np.float64]:
    """What the confidence of the first k candidates is made of, (k, 2): lift, the similarity above that of the same item backwards,
    which has its keys and textures and another order; margin, the similarity above that of the best other candidate (of a lone one:
    the lift again).
    """
    shown = candidates[:k]
    backwards = _side_by_side(lambda c: align(query, opened.index.vectors_of(c.row)[::-1])[0], shown)
    lifts = [c.similarity - back for c, back in zip(shown, backwards, strict=True)]
    rows = []
    for candidate, lift in zip(shown, lifts, strict=True):
        others = [c.similarity for c in candidates if c.row != candidate.row]
        rows.append((lift, candidate.similarity - max(others) if others else lift))
    return np.array(rows, np.float64).reshape(-1, 2)


def _side_by_side(function: Callable[[_Given], _Made], values: Sequence[_Given]) -> list[_Made]:
    """In threads: the alignment leaves the interpreter's lock."""
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        return list(pool.map(function, values))


def _result(opened: SearchableIndex, number: int, candidate: Candidate, wanted: str, confidence: float) -> Result:
    item = opened.index.items[candidate.row]
    detail: dict[str, JsonValue | dict[str, float] | list[str]] = {"votes": candidate.votes}
    if wanted == "sheet":
        page, system = opened.index.places[candidate.first]
        detail |= {"page": int(page), "system": int(system)}
    else:
        detail["seconds"] = round(float(opened.index.offsets[candidate.first]), 2)
    same = np.flatnonzero(opened.index.contents == opened.index.contents[candidate.row])
    copies = [opened.index.items[int(row)].path for row in same if row != candidate.row]
    if copies:
        detail["copies"] = copies
    title = item.fields.get("title")
    if isinstance(title, str):
        detail["title"] = title
    return Result(
        rank=number, id=item.id, path=item.path, similarity=round(candidate.similarity, 6),
        confidence=round(confidence, 4), detail=detail,
    )  # fmt: skip
