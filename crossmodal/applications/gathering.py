"""What an index shall hold: the files of folders, lists and catalogues, each with its id and fields; and the covers of recordings.

In a space of recordings and covers, a recording brings its cover: the one that the catalogue names, one beside it, or the one in its tags
(kept in the index's folder). Other pictures of a folder (booklets, scans) count only where the folder holds no recordings.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from crossmodal.applications.encoding import files_for, usual_modality
from crossmodal.applications.sequences import modality_of, sequential
from crossmodal.applications.track_indexing import MODALITIES as TRACKS
from crossmodal.applications.track_indexing import makes_hashes
from crossmodal.base.errors import InputError
from crossmodal.base.results import Skipped
from crossmodal.retrieval.items import Field
from crossmodal.space import Space
from pairs.catalogue import EXTENSIONS as CATALOGUE_EXTENSIONS
from pairs.catalogue import read_catalogue
from pairs.cover_audio import find_cover, with_covers
from pairs.source import Item

COVERS = "covers"  # folder within an index: pictures taken from tags
_PAIR = ("audio", "image")
PAIRED = "+".join(_PAIR)


@dataclass(frozen=True)
class Wanted:
    """What the index shall hold: absolute path -> id and fields; and what cannot be in it. bare: recordings without a cover, where covers
    are looked for.
    """

    ids: dict[str, str] = field(default_factory=dict)
    fields: dict[str, dict[str, Field]] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    modalities: dict[str, str] = field(default_factory=dict)
    bare: list[str] = field(default_factory=list)

    def avoid(self, ids: set[str]) -> None:
        """Ids of items that stay in the index without being asked for: who wants one of them is known by its path."""
        for path, identifier in self.ids.items():
            if identifier in ids:
                self.ids[path] = path
                self.taken.add(path)

    def add(self, path: Path, identifier: str, fields: Mapping[str, Field], modality: str) -> None:
        """A file under an id; the same file twice is reported, a taken id gets the path's folder in front."""
        absolute = os.path.abspath(path)
        if absolute in self.ids:
            self.skipped.append(Skipped(path=absolute, reason=f'the same file as "{self.ids[absolute]}"'))
            return
        self.ids[absolute] = identifier if identifier not in self.taken else absolute
        self.taken.add(self.ids[absolute])
        self.fields[absolute] = dict(fields)
        self.modalities[absolute] = modality


def default_modality(space: Space) -> str:
    """What a space indexes where nothing is asked for: recordings, and with them covers, scores or MIDI files where it knows them."""
    if makes_hashes(space):
        return "+".join(TRACKS)
    if set(_PAIR) <= set(space.modalities):
        return PAIRED
    return "+".join(sequential(space)) or usual_modality(space)


def gather(space: Space, sources: Sequence[Path], modality: str, *, index: Path) -> Wanted:
    """Files of folders, of lists and of catalogues. index: its folder, where covers are kept that tags hold."""
    wanted = Wanted()
    for source in sources:
        if is_catalogue(source):
            catalogue = read_catalogue(source)
            wanted.skipped.extend(catalogue.problems)
            items: Sequence[Item] = catalogue.items
            if modality == PAIRED:
                items, bad = with_covers(items, index / COVERS)
                wanted.skipped.extend(bad)
                unread = {row.path for row in bad}
                lone = [str(item.files["audio"]) for item in items if item.files.keys() & set(_PAIR) == {"audio"}]
                wanted.bare.extend(path for path in lone if path not in unread)
            _gather_catalogue(wanted, source, items, modality)
            continue
        paths, skipped = files_for(space, modality, [source])
        wanted.skipped.extend(skipped)
        sounds = [path for path in paths if modality_of(path, ["audio"])] if modality == PAIRED else []
        for path in sounds or paths:
            name = path.relative_to(source).as_posix() if source.is_dir() else path.name
            wanted.add(path, name, {}, modality_of(path, modality.split("+")) or modality)
        for path in sounds:
            _add_cover(wanted, path, source, index)
    return wanted


def _add_cover(wanted: Wanted, recording: Path, source: Path, index: Path) -> None:
    """The cover of a recording of a folder, once for all that share it."""
    try:
        cover = find_cover(recording, index / COVERS)
    except InputError as error:
        wanted.skipped.append(
            Skipped(path=str(recording), reason=f"its cover: {str(error).removeprefix(f'{recording}: ')}")
        )
        return
    if cover is None:
        wanted.bare.append(str(recording))
    elif os.path.abspath(cover) not in wanted.ids:
        root = source if source.is_dir() else source.parent
        beside = cover.is_relative_to(root) and not cover.is_relative_to(index)
        named = cover.relative_to(root) if beside else recording.relative_to(root)
        wanted.add(cover, named.as_posix() if beside else cover_name(named.as_posix()), {}, "image")


_COLUMNS = {"sheet": ("sheet", "score")}  # of a catalogue, that hold the files of a modality


def _gather_catalogue(wanted: Wanted, source: Path, items: Sequence[Item], modality: str) -> None:
    """Files of the catalogue's items. A row with files of two modalities needs a choice."""
    columns = {column: one for one in modality.split("+") for column in _COLUMNS.get(one, (one,))}
    found = {columns[column] for item in items for column in columns if column in item.files}
    if items and not found:
        raise InputError(f"{source}: expected a column {' or '.join(columns)} with paths, got none; check --modality")
    if len(found) > 1 and modality != PAIRED:
        raise InputError(f"{source}: expected files of one modality, got {' and '.join(sorted(found))}; add --modality")
    for item in items:
        mine = [column for column in columns if column in item.files]
        for column in mine if modality == PAIRED else mine[:1]:
            if column == "image" and os.path.abspath(item.files[column]) in wanted.ids:
                continue  # the cover of an album, with its first track
            name = cover_name(item.id) if column == "image" and "audio" in mine else item.id
            wanted.add(item.files[column], name, fields_of(item), columns[column])


def cover_name(recording: str) -> str:
    """The id of a cover that has no name of its own: the recording's."""
    return f"{recording} (cover)"


def is_catalogue(source: Path) -> bool:
    """Whether a source is a catalogue, by its extension."""
    return source.suffix.lower() in CATALOGUE_EXTENSIONS and not source.is_dir()


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
