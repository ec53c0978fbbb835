"""What a probe is asked: which items of a catalogue teach a column, and which are judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crossmodal.applications.probe_features import Features
from crossmodal.base.errors import CrossmodalError, InputError
from crossmodal.base.progress import progress
from crossmodal.base.results import Skipped
from pairs.catalogue import read_catalogue
from pairs.concepts import concept_of, values_of
from pairs.source import Item
from pairs.splits import assign_splits


@dataclass(frozen=True)
class Task:
    """train: items whose labels are used; test: items that are judged; known: values of all training items, sorted; several: whether an
    item may have several; excluded: how many test items are of works that a space was trained on; problems: rows that could not be read;
    unknown: values that test items alone have.
    """

    catalogue: Path
    target: str
    seed: int
    train: list[Item]
    test: list[Item]
    known: list[str]
    several: bool
    excluded: int
    problems: list[Skipped]
    unknown: list[Skipped]


def read_task(
    catalogue: Path, *, target: str, labels: float = 1.0, works: Set[str] = frozenset(), seed: int = 0
) -> Task:
    """The task of a catalogue's column (or concept). labels: share of the training items whose label is used, drawn from `seed`; works:
    those whose test items are left out. Raises InputError for a share or column that cannot be, and where nothing can be learned or judged.
    """
    if not 0 < labels <= 1:
        raise InputError(f"--labels: expected a share above 0, 1 at the most, got {labels:g}")
    read = read_catalogue(catalogue)
    items = [item for item in read.items if "audio" in item.files]
    if not items:
        raise InputError(
            f"{catalogue}: expected items with an audio file, got none; check the audio column and the paths"
        )
    concept_of(items, target)  # a column that is not there is told with those that are
    labelled = [item for item in assign_splits(items, seed=seed) if values_of(item, target)]
    teaching = [item for item in labelled if item.split == "train"]
    given = [item for item in labelled if item.split == "test"]
    fresh = [item for item in given if (item.work or item.id) not in works]
    known = {value for item in teaching for value in values_of(item, target)}
    drawn = _drawn(teaching, labels, seed, catalogue)
    check_labels(drawn, target, catalogue=catalogue, all_drawn=len(drawn) == len(teaching))
    test, unknown = _judgeable(fresh, known, target)
    task = Task(
        catalogue, target, seed, drawn, test, sorted(known),
        any(len(values_of(item, target)) > 1 for item in labelled), len(given) - len(fresh), list(read.problems), unknown,
    )  # fmt: skip
    if not test:
        raise InputError(
            f"{catalogue}: expected test items with {target} that can be judged, {_none_left(task, given, fresh)}"
        )
    return task


def _none_left(task: Task, given: Sequence[Item], fresh: Sequence[Item]) -> str:
    """Why there are none."""
    if not given:
        return f"got none with {task.target} in the split test; check the split column"
    if not fresh:
        return f"got {len(given)}, all of works that the space was trained on; use another catalogue, or another split"
    values = ", ".join(sorted({value for item in fresh for value in values_of(item, task.target)})[:5])
    return f"got {len(fresh)} whose values ({values}) no training item has; split by another column than {task.target}"


def _drawn(items: Sequence[Item], share: float, seed: int, catalogue: Path) -> list[Item]:
    """A share of the training items, two at least."""
    if len(items) < 2:
        raise InputError(
            f"{catalogue}: expected two training items with a label at least, got {len(items)}; check the split column"
        )
    count = max(2, round(share * len(items)))
    chosen = np.random.default_rng(seed).permutation(len(items))[:count]
    return [items[index] for index in sorted(chosen.tolist())]


def check_labels(train: Sequence[Item], target: str, *, catalogue: Path, all_drawn: bool) -> set[str]:
    """The values that are taught. InputError for fewer than two. all_drawn: whether there are no more labels to draw."""
    values = {value for item in train for value in values_of(item, target)}
    if len(values) < 2:
        remedy = f"check the columns split and {target}" if all_drawn else "raise --labels"
        raise InputError(
            f"{catalogue}: expected training labels of two values of {target} at least, got {len(values)} "
            f"({', '.join(sorted(values)) or 'none'} in {len(train)} items); {remedy}"
        )
    return values


def _judgeable(items: Sequence[Item], known: set[str], target: str) -> tuple[list[Item], list[Skipped]]:
    """Test items with a value that training items have, and the values that none of these has."""
    strange = sorted({value for item in items for value in values_of(item, target)} - known)
    skipped = [Skipped(path=f"{target}={value}", reason="in the test split alone: not judged") for value in strange]
    return [item for item in items if values_of(item, target) & known], skipped


def look_at(
    task: Task, look: Callable[[Path], Features], *, quiet: bool = False
) -> tuple[dict[str, Features], list[Skipped]]:
    """The features of a task's items by id, and those that could not be read."""
    found: dict[str, Features] = {}
    skipped: list[Skipped] = []
    for item in progress([*task.train, *task.test], "encoding", quiet=quiet):
        try:
            found[item.id] = look(item.files["audio"])
        except CrossmodalError as error:
            skipped.append(Skipped(path=str(item.files["audio"]), reason=str(error)))
    return found, skipped
