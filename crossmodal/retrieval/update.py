"""What has to be done so that an index fits its files again: what is new, gone, moved, changed."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from crossmodal.base.errors import InputError
from crossmodal.base.files import sha256_file
from crossmodal.base.results import Skipped
from crossmodal.retrieval.items import IndexedItem


@dataclass(frozen=True)
class FileFacts:
    """A file as it is now. path: absolute; size: bytes."""

    path: str
    sha256: str
    size: int
    modified_ns: int


@dataclass(frozen=True)
class UpdatePlan:
    """add: files to encode; remove: ids; move: (id, file) whose content stayed; keep: ids; skipped: files
    that cannot be read.

    A file whose content changed is an addition and a removal.
    """

    add: list[FileFacts] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    move: list[tuple[str, FileFacts]] = field(default_factory=list)
    keep: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def file_facts(path: str | Path) -> FileFacts:
    """Facts of a file. InputError when it cannot be read."""
    absolute = os.path.abspath(path)
    try:
        status = os.stat(absolute)
    except OSError as error:
        raise InputError(f"{path}: expected a readable file, got '{error.strerror}'") from error
    return FileFacts(absolute, sha256_file(absolute), status.st_size, status.st_mtime_ns)


def plan_update(
    items: Iterable[IndexedItem], files: Sequence[str | Path], *, drop_unlisted: bool = False
) -> UpdatePlan:
    """Compare the items of an index (`Index.items`, `IndexWriter.items`) with the files it shall hold.

    A file at its old path with its old size and time is taken as unchanged; of any other the content's hash
    decides. An item whose file is gone has moved if a file with its content turned up, else it is removed.
    An item whose file still exists but is not among `files` is kept, unless `drop_unlisted`.
    """
    plan = UpdatePlan()
    known = {item.path: item for item in items}
    listed = {os.path.abspath(path): None for path in files}
    strangers: list[FileFacts] = []
    for path in listed:
        item = known.get(path)
        try:
            if item is not None and _same_time(item):
                plan.keep.append(item.id)
                continue
            facts = file_facts(path)
        except InputError as error:
            plan.skipped.append(Skipped(path=path, reason=str(error)))
            if item is not None and os.path.lexists(path):
                plan.keep.append(item.id)
            continue
        if item is not None and item.sha256 == facts.sha256:
            plan.move.append((item.id, facts))  # touched, not changed
        else:
            strangers.append(facts)
            if item is not None:
                plan.remove.append(item.id)
    settled = {*plan.keep, *plan.remove, *(identifier for identifier, _ in plan.move)}
    _settle_gone([item for item in known.values() if item.id not in settled], strangers, plan, drop_unlisted)
    return plan


def _same_time(item: IndexedItem) -> bool:
    try:
        status = os.stat(item.path)
    except OSError:
        return False
    return (status.st_size, status.st_mtime_ns) == (item.size, item.modified_ns)


def _settle_gone(rest: list[IndexedItem], strangers: list[FileFacts], plan: UpdatePlan, drop_unlisted: bool) -> None:
    """Items that were not listed: moved, kept or removed; what is left of the strangers is new."""
    gone: dict[str, list[IndexedItem]] = defaultdict(list)
    for item in rest:
        if os.path.lexists(item.path) and not drop_unlisted:
            plan.keep.append(item.id)
        else:
            gone[item.sha256].append(item)
    for facts in strangers:
        waiting = gone.get(facts.sha256)
        if waiting:
            plan.move.append((waiting.pop(0).id, facts))
        else:
            plan.add.append(facts)
    plan.remove.extend(item.id for waiting in gone.values() for item in waiting)
