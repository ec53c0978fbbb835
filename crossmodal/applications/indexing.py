"""Files, folders or a catalogue -> an index that fits them: encodes what is new, drops what is gone, follows what was moved."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from crossmodal.applications.encoding import encode_stream, stream
from crossmodal.applications.gathering import COVERS, PAIRED, Wanted, cover_name, default_modality, gather, is_catalogue
from crossmodal.applications.sequences import Encoded, encode_sequences, sequential
from crossmodal.applications.track_indexing import TrackEncoder, index_tracks, makes_hashes
from crossmodal.applications.track_store import TrackStore
from crossmodal.applications.voices import of_voices, sung_vector
from crossmodal.base.errors import InputError
from crossmodal.base.results import Model, Skipped
from crossmodal.retrieval.header import HEADER, SpaceReference, read_header
from crossmodal.retrieval.items import IndexedItem
from crossmodal.retrieval.update import FileFacts, UpdatePlan, plan_update
from crossmodal.retrieval.writer import IndexWriter
from crossmodal.space import Space


class IndexReport(Model):
    """What `index` did. without_cover: recordings for which no cover was found, where covers are looked for."""

    index: str
    space: str
    items: int
    added: int
    removed: int
    moved: int
    kept: int
    skipped: list[Skipped]
    bytes_per_track: float | None = None
    without_cover: int | None = None

    def summary(self) -> str:
        """One line for people."""
        each = "" if self.bytes_per_track is None else f", {self.bytes_per_track:,.0f} bytes a track"
        bare = f", {self.without_cover} recordings without a cover" if self.without_cover else ""
        return (
            f"{self.index}: {self.items} items ({self.added} added, {self.removed} removed, {self.moved} moved, {self.kept} kept)"
            f"{each}{bare} [{self.space}]"
        )


def reference_of(space: Space, dimension: int | None = None) -> SpaceReference:
    """What an index keeps of the space that made it. dimension: of its vectors, where they are not the space's own."""
    return SpaceReference(
        name=space.name, location=space.location, fingerprint=space.fingerprint, dimension=dimension or space.dimension
    )


def build_index(
    space: Space,
    sources: Sequence[Path],
    output: Path,
    *,
    modality: str | None = None,
    update: bool = False,
    resume: bool = False,
    jobs: int = 1,
    quiet: bool = False,
) -> IndexReport:
    """Makes or updates an index. What an interrupted run had encoded is taken up.

    An update makes the index fit `sources`: of what lies in the folders given (for a catalogue: in its folder) exactly
    what is found there stays; items from elsewhere stay as long as their files exist. modality: what the files are; by default
    see `default_modality`.

    Raises InputError when there is nothing to index or a finished index is there and neither update nor resume is asked for.
    """
    finished = _finished(output)
    tracks = TrackEncoder.of(space) if makes_hashes(space) else None
    modality = modality or (read_header(output).modality if finished else default_modality(space))
    _check_place(output, finished=finished, again=update or resume)
    wanted = gather(space, sources, modality, index=output)
    if not wanted.ids:  # a drive that is not mounted must not empty an index
        items = read_header(output).items if finished else 0
        return _report(output, space, items=items, skipped=wanted.skipped)
    reference = reference_of(space, tracks.dimension if tracks else None)
    preprocessing = tracks.preprocessing if tracks else None
    with IndexWriter(output, space=reference, modality=modality, preprocessing=preprocessing) as writer:
        writer.remove(_doubles(writer.items))
        _drop_covers(output / COVERS, writer.items, sources, wanted)
        here, elsewhere = _split(writer.items, sources, wanted)
        wanted.avoid({item.id for item in elsewhere})
        plan = plan_update(here, list(wanted.ids), drop_unlisted=True)
        moved = sum(item.path != facts.path for item, facts in _moves(here, plan))
        writer.apply(plan)
        writer.revise(_changes(writer.items, wanted))
        skipped = [*wanted.skipped, *plan.skipped]
        paths = {Path(facts.path): facts for facts in plan.add}
        added = 0
        for path, made in (
            index_tracks(tracks, paths, wanted.modalities, output, jobs=jobs, quiet=quiet) if tracks
            else _encode(space, paths, wanted, modality, jobs=jobs, quiet=quiet)
        ):  # fmt: skip
            if isinstance(made, Skipped):
                skipped.append(_named(made, output / COVERS, wanted))
                continue
            item = _item(paths[path], wanted, made.duration)
            writer.add(item, made.vectors, made.offsets, hop=made.hop, places=made.places)
            added += 1
        items = len(writer.items)
        if items or finished:
            writer.commit()
    kept = items - added - moved
    report = _report(
        output, space, items=items, added=added, removed=len(plan.remove), moved=moved, kept=kept, skipped=skipped
    )
    if modality == PAIRED:
        report = report.model_copy(update={"without_cover": len(wanted.bare)})
    return report.model_copy(update={"bytes_per_track": _bytes_per_track(output, tracks)}) if tracks else report


def _check_place(output: Path, *, finished: bool, again: bool) -> None:
    if finished and not again:
        raise InputError(
            f"{output}: expected a new folder, got an index; add --update to bring it up to date, or choose another"
        )
    if (
        output.is_dir()
        and not (output / HEADER).exists()
        and any(not p.name.startswith(".") and p.name != COVERS for p in output.iterdir())
    ):
        raise InputError(
            f"{output}: expected a new or empty folder for the index, got one with other files in it; choose another"
        )


def _named(skipped: Skipped, covers: Path, wanted: Wanted) -> Skipped:
    """A picture that was taken from tags is told by its recording: nobody knows the file."""
    if Path(skipped.path).parent != Path(os.path.abspath(covers)):
        return skipped
    return Skipped(path=wanted.ids.get(skipped.path, skipped.path), reason=skipped.reason)


def _bytes_per_track(output: Path, tracks: TrackEncoder) -> float:
    """Frames and hashes on disk, and the pruning vector."""
    return round(TrackStore(output).bytes_per_track + 4 * tracks.dimension, 1)


def _encode(
    space: Space, paths: Iterable[Path], wanted: Wanted, modality: str, *, jobs: int, quiet: bool
) -> Iterator[tuple[Path, Encoded | Skipped]]:
    """One vector a file, or its sequence where the space makes sequences."""
    if modality.partition("+")[0] in sequential(space):
        files = [(path, wanted.modalities[str(path)]) for path in paths]
        yield from encode_sequences(space, files, jobs=jobs, quiet=quiet)
        return
    origin = np.zeros(1, np.float32)
    for one in modality.split("+"):
        chosen = [path for path in paths if wanted.modalities[str(path)] == one]
        if of_voices(space):
            sung = functools.partial(sung_vector, space, one)
            made = stream(chosen, sung, jobs=jobs, quiet=quiet, label=f"indexing {one}")
        else:
            made = encode_stream(space, one, chosen, jobs=jobs, quiet=quiet, label=f"indexing {one}")
        for path, vector in made:
            yield path, vector if isinstance(vector, Skipped) else Encoded(vector[None], origin)


def _drop_covers(folder: Path, items: Sequence[IndexedItem], sources: Sequence[Path], wanted: Wanted) -> None:
    """Removes pictures that were taken from the tags of recordings which are gone; those of recordings from elsewhere stay."""
    _, elsewhere = _split(items, sources, wanted)
    staying = {cover_name(item.id) for item in elsewhere}
    kept = {item.path for item in items if item.id in staying} | wanted.ids.keys()
    for path in folder.iterdir() if folder.is_dir() else ():
        if os.path.abspath(path) not in kept:
            path.unlink()


def _report(
    output: Path, space: Space, *, items: int, added: int = 0, removed: int = 0, moved: int = 0, kept: int = 0, skipped: list[Skipped]
) -> IndexReport:  # fmt: skip
    return IndexReport(
        index=str(output), space=space.reference, items=items, added=added, removed=removed, moved=moved, kept=kept, skipped=skipped
    )  # fmt: skip


def _doubles(items: Sequence[IndexedItem]) -> list[str]:
    """Ids of items whose file another item has too: what a run left that was killed while it renamed them."""
    last = {item.path: item.id for item in items}
    return [item.id for item in items if last[item.path] != item.id]


def _split(
    items: Sequence[IndexedItem], sources: Sequence[Path], wanted: Wanted
) -> tuple[list[IndexedItem], list[IndexedItem]]:
    """Items that the sources decide about, and items from elsewhere that stay."""
    roots = [os.path.abspath(s.parent if is_catalogue(s) else s) for s in sources]

    def decided(item: IndexedItem) -> bool:
        inside = any(item.path == root or item.path.startswith(root.rstrip(os.sep) + os.sep) for root in roots)
        return inside or item.path in wanted.ids or not os.path.lexists(item.path)

    here = [item for item in items if decided(item)]
    ids = {item.id for item in here}
    return here, [item for item in items if item.id not in ids]


def _moves(items: Sequence[IndexedItem], plan: UpdatePlan) -> list[tuple[IndexedItem, FileFacts]]:
    known = {item.id: item for item in items}
    return [(known[identifier], facts) for identifier, facts in plan.move]


def _changes(items: Sequence[IndexedItem], wanted: Wanted) -> dict[str, IndexedItem]:
    """Items whose id or catalogue row is not what is wanted now, as they shall be."""
    changes: dict[str, IndexedItem] = {}
    for item in items:
        if item.path in wanted.ids:
            fresh = replace(item, id=wanted.ids[item.path], fields=wanted.fields[item.path])
            if (fresh.id, dict(fresh.fields)) != (item.id, dict(item.fields)):
                changes[item.id] = fresh
    return changes


def _item(facts: FileFacts, wanted: Wanted, duration: float | None) -> IndexedItem:
    return IndexedItem(
        id=wanted.ids[facts.path],
        path=facts.path,
        sha256=facts.sha256,
        size=facts.size,
        modified_ns=facts.modified_ns,
        modality=wanted.modalities[facts.path],
        duration=duration,
        fields=wanted.fields[facts.path],
    )


def _finished(folder: Path) -> bool:
    """Whether something was committed there (a run killed before its first commit leaves generation 0)."""
    return (folder / HEADER).exists() and read_header(folder).generation > 0
