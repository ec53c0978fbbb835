"""Pairs of recordings and their covers, with the genres of both (Oramas et al. 2018), and the search for covers of a catalogue's items."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from crossmodal.base.covers import PICTURE_EXTENSIONS, cover_beside, embedded_cover
from crossmodal.base.errors import InputError
from crossmodal.base.files import atomic_write, make_folder
from crossmodal.base.results import Skipped
from pairs.genres import genres_of
from pairs.source import Example, Item, PairSource


class CoverAudioPairs(PairSource):
    """A recording, its cover and its genres. Recordings that share a cover (an album's) belong together.

    column: of the catalogue that holds the genres (several separated by ";"); by default `genre` or `genres`, else the tags that are words
    of genre. labels: the genres that count, default: those of at least `least` items. unlabelled: whether items without any are used
    too, as having none; else they are left out, since a column that is empty often means that nobody filled it.
    """

    def __init__(
        self, items: Sequence[Item], *, labels: Sequence[str] = (), column: str | None = None, least: int = 2,
        unlabelled: bool = False,
    ) -> None:  # fmt: skip
        paired = [item for item in items if {"audio", "image"} <= item.files.keys()]
        genres = [genres_of(item, column=column) for item in paired]
        counts = Counter(genre for found in genres for genre in found)
        self._classes = list(labels) or sorted(genre for genre, count in counts.items() if count >= least)
        known = set(self._classes)
        used = [
            (item, found & known) for item, found in zip(paired, genres, strict=True) if unlabelled or found & known
        ]
        self._genres = [found for _, found in used]
        super().__init__([item for item, _ in used])
        if items and not self.items:
            raise InputError(
                f"expected recordings with a cover and a genre, got none among {len(items)} items ({len(paired)} have both files); "
                f"fill the columns image and {column or 'genre'}"
            )
        covers = [item.files["image"] for item in self.items]
        numbers = {cover: number for number, cover in enumerate(dict.fromkeys(covers))}
        self._groups = [numbers[cover] for cover in covers]

    def classes(self) -> list[str]:
        """The genres."""
        return self._classes

    @property
    def vocabulary(self) -> frozenset[str]:
        """The genres."""
        return frozenset(self._classes)

    def draw(self, index: int, generator: np.random.Generator) -> Example:
        """inputs: audio and image (the item), label: (genres,) booleans; group: the cover."""
        found = self._genres[index]
        label = tuple(genre in found for genre in self._classes)
        return Example(index, {"audio": index, "image": index, "label": label}, group=self._groups[index])


def with_covers(items: Sequence[Item], folder: Path) -> tuple[list[Item], list[Skipped]]:
    """Items with the cover that the catalogue names, else one that lies beside the recording, else the one in its tags, which is written
    into `folder`. Items without any stay as they are; tags that cannot be read are reported.
    """
    found, skipped = [], []
    for item in items:
        if "image" in item.files or "audio" not in item.files:
            found.append(item)
            continue
        try:
            cover = find_cover(item.files["audio"], folder)
        except InputError as error:
            skipped.append(Skipped(path=str(item.files["audio"]), reason=str(error)))
            cover = None
        found.append(item if cover is None else replace(item, files={**item.files, "image": cover}))
    return found, skipped


def find_cover(recording: Path, folder: Path) -> Path | None:
    """The cover beside a recording, or the one in its tags as a file in `folder`, named by its content. InputError for unreadable tags."""
    beside = cover_beside(recording)
    if beside is not None:
        return beside
    data = embedded_cover(recording)
    if data is None:
        return None
    path = make_folder(folder) / f"{hashlib.sha256(data).hexdigest()[:20]}{_extension(data)}"
    if not path.exists():
        with atomic_write(path) as temporary:
            temporary.write_bytes(data)
    return path


def _extension(data: bytes) -> str:
    """By the first bytes; what a picture is, its reader finds out by itself."""
    known = {b"\x89PNG": ".png", b"RIFF": ".webp", b"GIF8": ".gif", b"BM": ".bmp", b"II*\0": ".tif", b"MM\0*": ".tif"}
    return next((extension for head, extension in known.items() if data.startswith(head)), PICTURE_EXTENSIONS[0])
