"""The opened indexes of a server. A new state of one replaces the old in one assignment: who asks holds one state to the end."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossmodal.applications.collection import SearchableIndex
from crossmodal.applications.midi_matching import Matcher
from crossmodal.applications.sequences import sequential
from crossmodal.applications.tagging import Tagger
from crossmodal.applications.track_indexing import makes_hashes
from crossmodal.base.errors import CrossmodalError, InputError
from crossmodal.base.names import nearest
from crossmodal.retrieval.header import read_header
from crossmodal.retrieval.items import IndexedItem
from crossmodal.server.models import IndexInfo
from crossmodal.server.warming import warm
from crossmodal.space import Space

_LOG = logging.getLogger("crossmodal.server")
_QUERIES = ("text", "audio", "image", "midi")
_SHEETS = {"audio", "sheet"}


class UnknownError(InputError):
    """What was asked for is not there."""


class NotReadyError(InputError):
    """The server still opens its indexes."""


class Opened:
    """One state of one index. All that is derived of it is made once, when it is first asked for."""

    def __init__(self, name: str, searchable: SearchableIndex) -> None:
        self.name, self.searchable = name, searchable
        self.index, self.space = searchable.index, searchable.space
        self._rows = {str(identifier): row for row, identifier in enumerate(self.index.items.column("id"))}
        self._lock = threading.RLock()
        self.bare: set[str] = set()  # ids of recordings whose tags turned out to hold no cover
        self.windows: dict[int, tuple[NDArray[np.float32], NDArray[np.float32]]] = {}  # of recordings, see `maps`

    def row(self, identifier: str) -> int:
        """The row of an item. UnknownError where there is none."""
        if identifier not in self._rows:
            raise UnknownError(f"expected the id of an item of {self.name}, got {identifier[:200]!r}; search for it")
        return self._rows[identifier]

    def has(self, identifier: str) -> bool:
        """Whether there is an item of this id."""
        return identifier in self._rows

    def item(self, identifier: str) -> IndexedItem:
        """An item by its id. UnknownError where there is none."""
        return self.index.items[self.row(identifier)]

    @cached_property
    def hashes(self) -> bool:
        """Whether it is an index of hash sequences, whose vectors are not the space's."""
        return makes_hashes(self.space)

    @property
    def matcher(self) -> Matcher:
        """For MIDI files and recordings. InputError for an index that is of something else."""
        with self._lock:
            return self._matcher

    @cached_property
    def _matcher(self) -> Matcher:
        return Matcher(self.searchable)

    @property
    def tagger(self) -> Tagger:
        """Of the space's own words. InputError where it has none."""
        with self._lock:
            return self._tagger

    @cached_property
    def _tagger(self) -> Tagger:
        if not self.can_tag:
            raise InputError(f"{self.name}: expected an index of recordings whose space knows words; ask another one")
        return Tagger(self.space, self.space.vocabulary, remedy="send a vocabulary")

    @cached_property
    def can_tag(self) -> bool:
        """Whether recordings can be described with words."""
        return "audio" in self.space.modalities and bool({"text", "label"} & set(self.space.modalities))

    @property
    def whole(self) -> NDArray[np.float32]:
        """(items, d) a unit vector for each item: its own, or the mean of its sequence."""
        with self._lock:
            return self._whole

    @cached_property
    def _whole(self) -> NDArray[np.float32]:
        starts = self.index.starts
        if len(self.index.vectors) == len(self.index.items):
            return np.asarray(self.index.vectors, np.float32)
        sums = np.stack([np.asarray(self.index.vectors[a:b]).mean(axis=0) for a, b in pairwise(starts)])
        return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12), np.float32)

    @cached_property
    def info(self) -> IndexInfo:
        """What it is and what may be asked."""
        facets = self.space.embedding.facets
        held, known = self.index.header.modality.split("+"), self.space.modalities
        voices = bool(self.space.embedding.recordings)
        asks = [] if self.hashes else [q for q in _QUERIES if q in known or (q == "audio" and voices)]
        found = {str(modality) for modality in self.index.items.column("modality")}
        can = ["identify"] if set(sequential(self.space)) >= _SHEETS and found & _SHEETS else []
        can += ["match"] if self.hashes else []
        can += ["tags"] if self.can_tag and self.space.vocabulary else []
        can += ["map", "features"] if len(self.index.items) else []
        header = self.index.header
        return IndexInfo(
            name=self.name, space=self.space.reference, items=len(self.index.items), modalities=held, asks=asks, can=can,
            generation=header.generation, dimension=header.space.dimension, columns=self._columns, title=_title(self.index.folder),
            facets=list(facets.names) if facets else [],
        )  # fmt: skip

    @cached_property
    def _columns(self) -> list[str]:
        own = {"id", "path", "sha256", "size", "modified_ns", "duration"}
        return [name for name in self.index.items.names() if name not in own]


class Library:
    """The indexes of a server, opened in the background."""

    def __init__(self, folders: Sequence[Path], *, device: str | None = None) -> None:
        self._folders = dict(zip(_names(folders), folders, strict=True))
        self._device = device
        self._opened: dict[str, Opened] = {}
        self._spaces: dict[str, Space] = {}
        self._opening = threading.Lock()
        self._problems: dict[str, str] = {}
        self.ready = False

    @property
    def problems(self) -> list[str]:
        """Why indexes could not be opened."""
        return list(self._problems.values())

    def open_all(self) -> None:
        """Opens what is not open yet. What cannot be opened is kept in `problems`."""
        for name in self._folders:
            try:
                self.reload(name)
            except CrossmodalError as error:
                self._problems[name] = str(error)
                _LOG.warning("%s", error)
        self.ready = True

    def reload(self, name: str) -> Opened:
        """Opens the newest state of an index; it replaces the last one when it is whole. Raises CrossmodalError; then nothing
        changes.
        """
        if name not in self._folders:
            raise self._unknown(name)
        with self._opening:
            folder = self._folders[name]
            known = self._spaces.get(read_header(folder).space.fingerprint)
            searchable = SearchableIndex.open(folder, space=known, device=self._device)
            self._spaces[searchable.space.fingerprint] = searchable.space
            opened = Opened(name, searchable)
            _ = opened.info  # what everybody asks first
            if self.ready:
                warm(opened)  # until then the state before answers
            self._opened = {
                other: self._opened[other] for other in self._folders if other in self._opened and other != name
            }
            self._opened[name] = opened
            self._problems.pop(name, None)
            return opened

    def refresh(self) -> list[str]:
        """Reloads every index of which another state was committed, or which could not be opened before; returns their names."""
        changed = []
        for name, folder in self._folders.items():
            opened = self._opened.get(name)
            if opened is None and not self.ready:
                continue
            try:
                # All of the header: an index that is made anew counts its commits from the first again
                if opened is None or read_header(folder) != opened.index.header:
                    self.reload(name)
                    changed.append(name)
            except (
                CrossmodalError
            ) as error:  # in the middle of a commit, gone, or still broken: what is open stays valid
                if opened is not None:
                    _LOG.warning("%s: still answering from the state before: %s", name, error)
                else:
                    self._problems[name] = str(error)
        return changed

    def get(self, name: str) -> Opened:
        """An opened index. UnknownError where there is none, NotReadyError while it is being opened."""
        opened = self._opened.get(name)
        if opened is not None:
            return opened
        if name in self._folders and not self.ready:
            raise NotReadyError(f"{name}: still being opened; ask again in a few seconds")
        if name in self._folders:
            raise UnknownError(f"{name}: could not be opened: {self._problems.get(name, 'no reason is known')}")
        raise self._unknown(name)

    def all(self) -> list[Opened]:
        """Opened indexes, in the order in which they were named."""
        opened = self._opened
        return [opened[name] for name in self._folders if name in opened]

    def sheet_space(self) -> Space | None:
        """A space of recordings and sheet music that is loaded already."""
        return next((space for space in self._spaces.values() if set(sequential(space)) >= _SHEETS), None)

    def _unknown(self, name: str) -> UnknownError:
        known = list(self._folders)
        return UnknownError(
            f"expected the name of an index ({', '.join(known)}), got {name[:200]!r}.{nearest(name, known)}"
        )


def _names(folders: Iterable[Path]) -> list[str]:
    """A name for each, of its folder; where two are alike with that of the folder around it, then with a number."""
    names: list[str] = []
    for folder in folders:
        path = Path(os.path.abspath(folder))
        stem, number = _plain(path.name) or "index", 1
        name = f"{_plain(path.parent.name)}-{stem}" if stem in names and path.parent.name else stem
        longest = name
        while name in names:
            number += 1
            name = f"{longest}-{number}"
        names.append(name)
    return names


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in name)


def _title(folder: Path) -> str:
    path = Path(os.path.abspath(folder))
    return f"{path.parent.name}/{path.name}" if path.parent.name else path.name
