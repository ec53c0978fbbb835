"""Files, folders or a catalogue -> an index that fits them: encodes what is new, drops what is gone, follows what was moved."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from crossmodal.applications.encoding import encode_stream, files_for
from crossmodal.base.errors import InputError
from crossmodal.base.results import Model, Skipped
from crossmodal.retrieval.header import HEADER, SpaceReference, read_header
from crossmodal.retrieval.items import Field, IndexedItem
from crossmodal.retrieval.update import FileFacts, UpdatePlan, plan_update
from crossmodal.retrieval.writer import IndexWriter
from crossmodal.space import Space
from pairs.catalogue import EXTENSIONS as CATALOGUE_EXTENSIONS
from pairs.catalogue import read_catalogue
from pairs.source import Item


class IndexReport(Model):
    """What `index` did."""

    index: str
    space: str
    items: int
    added: int
    removed: int
    moved: int
    kept: int
    skipped: list[Skipped]

    def summary(self) -> str:
        """One line for people."""
        return (
            f"{self.index}: {self.items} items ({self.added} added, {self.removed} removed, {self.moved} moved, {self.kept} kept) "
            f"[{self.space}]"
        )


@dataclass(frozen=True)
class Wanted:
    """What the index shall hold: absolute path -> id and fields; and what cannot be in it."""

    ids: dict[str, str] = field(default_factory=dict)
    fields: dict[str, dict[str, Field]] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)

    def add(self, path: Path, identifier: str, fields: Mapping[str, Field]) -> None:
        """A file under an id; the same file twice is reported, a taken id gets the path's folder in front."""
        absolute = os.path.abspath(path)
        if absolute in self.ids:
            self.skipped.append(Skipped(path=absolute, reason=f'the same file as "{self.ids[absolute]}"'))
            return
        self.ids[absolute] = identifier if identifier not in self.taken else absolute
        self.taken.add(self.ids[absolute])
        self.fields[absolute] = dict(fields)


def reference_of(space: Space) -> SpaceReference:
    """What an index keeps of the space that made it."""
    return SpaceReference(
        name=space.name, location=space.location, fingerprint=space.fingerprint, dimension=space.dimension
    )


def build_index(
    space: Space,
    sources: Sequence[Path],
    output: Path,
    *,
    modality: str = "audio",
    update: bool = False,
    resume: bool = False,
    jobs: int = 1,
    quiet: bool = False,
) -> IndexReport:
    """Makes or updates an index. What an interrupted run had encoded is taken up.

    Raises InputError when there is nothing to index or a finished index is there and neither update nor resume is asked for.
    """
    wanted = gather(space, sources, modality)
    if _finished(output) and not (update or resume):
        raise InputError(
            f"{output}: expected a new folder, got an index; add --update to bring it up to date, or choose another"
        )
    with IndexWriter(output, space=reference_of(space), modality=modality) as writer:
        known = {item.path: item for item in writer.items}
        plan = plan_update(writer.items, list(wanted.ids), drop_unlisted=True)
        _refresh(plan, known, wanted)
        writer.apply(plan)
        skipped = [*wanted.skipped, *plan.skipped]
        paths = {Path(facts.path): facts for facts in plan.add}
        added = 0
        for path, vector in encode_stream(space, modality, list(paths), jobs=jobs, quiet=quiet, label="indexing"):
            if isinstance(vector, Skipped):
                skipped.append(vector)
                continue
            writer.add(_item(paths[path], wanted, modality), vector)
            added += 1
        items = len(writer.items)
        if items or _finished(output):
            writer.commit()
    return IndexReport(
        index=str(output),
        space=space.reference,
        items=items,
        added=added,
        removed=len(plan.remove),
        moved=len(plan.move),
        kept=len(plan.keep),
        skipped=skipped,
    )


def gather(space: Space, sources: Sequence[Path], modality: str) -> Wanted:
    """Files of folders, of lists and of catalogues."""
    wanted = Wanted()
    for source in sources:
        if source.suffix.lower() in CATALOGUE_EXTENSIONS and not source.is_dir():
            catalogue = read_catalogue(source)
            wanted.skipped.extend(catalogue.problems)
            for item in catalogue.items:
                if modality in item.files:
                    wanted.add(item.files[modality], item.id, fields_of(item))
        else:
            paths, skipped = files_for(space, modality, [source])
            wanted.skipped.extend(skipped)
            for path in paths:
                wanted.add(path, path.relative_to(source).as_posix() if source.is_dir() else path.name, {})
    return wanted


def fields_of(item: Item) -> dict[str, Field]:
    """A catalogue row as the index keeps it, for filters and for showing."""
    fields: dict[str, Field] = dict(item.fields)
    if item.tags:
        fields["tags"] = sorted(item.tags)
    if item.work:
        fields["work"] = item.work
    if item.split:
        fields["split"] = item.split
    return fields


def _refresh(plan: UpdatePlan, known: Mapping[str, IndexedItem], wanted: Wanted) -> None:
    """Kept files whose catalogue row has changed are taken in anew."""
    for path, item in known.items():
        if item.id in plan.keep and path in wanted.ids and dict(item.fields) != wanted.fields[path]:
            plan.keep.remove(item.id)
            plan.add.append(FileFacts(item.path, item.sha256, item.size, item.modified_ns))


def _item(facts: FileFacts, wanted: Wanted, modality: str) -> IndexedItem:
    return IndexedItem(
        id=wanted.ids[facts.path],
        path=facts.path,
        sha256=facts.sha256,
        size=facts.size,
        modified_ns=facts.modified_ns,
        modality=modality,
        fields=wanted.fields[facts.path],
    )


def _finished(folder: Path) -> bool:
    """Whether something was committed there (a run killed before its first commit leaves generation 0)."""
    return (folder / HEADER).exists() and read_header(folder).generation > 0
