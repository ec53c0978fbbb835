"""What items have in common: the values of a concept, by which examples are drawn and vectors compared.

A concept is "track" (the item itself), "work", "tag" (all of its tags), a facet (`FACETS`: those of its tags that speak of one side of
the music, and what its column of that name says), or any other column of the catalogue ("artist", "album", "label", "playlists"). A
column may hold several values, separated by ";" or as a JSON list.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from crossmodal.base.errors import InputError
from crossmodal.base.names import nearest
from pairs.source import Item
from pairs.vocabulary import CATEGORY_OF

FACETS: Mapping[str, tuple[str, ...]] = {  # facet -> categories of the tag table (`pairs.vocabulary.TAG_CATEGORIES`)
    "genre": ("genre",),
    "mood": ("mood",),
    "instruments": ("instrument", "family"),
    "tempo": ("tempo",),
    "era": ("period",),
    "texture": ("texture", "ensemble"),
    "metre": ("metre",),
    "mode": ("mode",),
    "dynamics": ("dynamics",),
    "density": ("density",),
}


@dataclass(frozen=True)
class Concept:
    """names: all values, sorted; ids (items, k): the values of each item as places in names, -1 where it has fewer than k."""

    name: str
    names: list[str]
    ids: np.ndarray

    def of_names(self, names: Sequence[str]) -> np.ndarray:
        """(n, 1) ids of some values themselves; -1 for what is none of them."""
        known = {value: number for number, value in enumerate(self.names)}
        return np.array([[known.get(value, -1)] for value in names], np.int64).reshape(-1, 1)

    def members(self) -> list[list[int]]:
        """For each value, the items that have it."""
        found: list[list[int]] = [[] for _ in self.names]
        for index, row in enumerate(self.ids.tolist()):
            for number in row:
                if number >= 0:
                    found[number].append(index)
        return found


def values_of(item: Item, concept: str) -> frozenset[str]:
    """An item's values of a concept, none where nothing is known."""
    if concept == "track":
        return frozenset({item.id})
    if concept == "work":
        return frozenset({item.work or item.id})
    if concept == "tag":
        return item.tags
    said = frozenset(listed(item.fields.get(concept)))
    return said | {tag for tag in item.tags if CATEGORY_OF.get(tag) in FACETS.get(concept, ())}


def concept_of(items: Sequence[Item], concept: str) -> Concept:
    """The values of all items. InputError where none has any: no such column, no such facet."""
    values = [sorted(values_of(item, concept)) for item in items]
    names = sorted({value for row in values for value in row})
    if items and not names:
        known = ["track", "work", "tag", *FACETS, *dict.fromkeys(name for item in items for name in item.fields)]
        raise InputError(
            f'expected items with the column "{concept}" (or tags of that facet), got none among {len(items)}.{nearest(concept, known)} '
            f"Known: {', '.join(dict.fromkeys(known))}"
        )
    numbers = {value: number for number, value in enumerate(names)}
    ids = np.full((len(items), max((len(row) for row in values), default=1) or 1), -1, np.int64)
    for index, row in enumerate(values):
        ids[index, : len(row)] = [numbers[value] for value in row]
    return Concept(concept, names, ids)


def listed(value: str | int | float | bool | None) -> list[str]:
    """The values of a column: a JSON list, or text separated by ";"."""
    if value is None or value == "":
        return []
    if isinstance(value, str) and value.startswith("["):
        try:
            listed = json.loads(value)
        except ValueError:
            return [value]
        return [str(entry) for entry in listed if entry not in (None, "")] if isinstance(listed, list) else [value]
    return [part.strip() for part in str(value).split(";") if part.strip()]
