"""Recordings with others that have something in common with them: the artist, the album, a playlist, a facet.

Park et al. 2018 (artists), Lee et al. 2019 (artist, album and track jointly), Alonso et al. 2022 (metadata), Lee et al. 2020
(triplets within facets: genre, mood, instruments, tempo).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crossmodal.base.errors import InputError, RecipeError
from pairs.concepts import Concept, concept_of
from pairs.source import Another, Example, Item, PairSource

OPPOSITE = "not-"


class RelativePairs(PairSource):
    """A recording with a relative for each concept.

    by: concepts (`pairs.concepts`); of: the modality. The relative of concept c, in the slot `audio@c`, is another item that has a value
    of c in common with the item, of another work where there is one; an item that has no relative is its own (another window of it).
    opposites: with a slot `audio@not-c` besides, an item that has values of c and none in common: triplets that are drawn, not mined.
    mixed: one relative alone, of a concept drawn at random among those that the item has a relative by, in the slot `audio@2`:
    enough where comparisons go over the whole batch ("track" keeps a slot of its own).
    apart: the window in the slot `audio@track` shares half of that in `audio` at the most (Lee et al. 2020); else it may be anywhere.
    labels: the classes, by default all values. unrelated: left out are items without any relative unless this is true.
    """

    def __init__(
        self, items: Sequence[Item], *, by: Sequence[str], of: str = "audio", opposites: bool = False, mixed: bool = False,
        unrelated: bool = True, labels: Sequence[str] = (), apart: bool = False,
    ) -> None:  # fmt: skip
        if not by or len(set(by)) != len(by) or (opposites and mixed):
            raise RecipeError(
                f"relatives: expected different concepts, and opposites or mixed but not both, got by: {list(by)}"
            )
        if apart and "track" not in by:
            raise RecipeError(
                f"relatives: expected track among the concepts for apart, got by: {list(by)}; leave apart out"
            )
        if not unrelated:
            items = _related(items, by)
        super().__init__(items)
        self._of, self._opposites, self._mixed, self._labels = of, opposites, mixed, list(labels)
        self._apart = apart
        self._concepts = [concept_of(self.items, name) for name in by]
        self._members = [concept.members() for concept in self._concepts]
        self._works = [item.work or item.id for item in self.items]

    def classes(self) -> list[str]:
        """The values of all concepts, for proxies; those of a catalogue's tracks are too many to be any."""
        if self._labels:
            return self._labels
        names = {name for concept in self._concepts if concept.name not in {"track", "work"} for name in concept.names}
        return sorted(names)

    def draw(self, index: int, generator: np.random.Generator) -> Example:
        """inputs: audio (the item) and its relatives, group: the item."""
        inputs: dict[str, object] = {self._of: index}
        if self._mixed:
            drawn = [number for number, concept in enumerate(self._concepts) if concept.name != "track"]
            if len(drawn) < len(self._concepts):
                inputs[f"{self._of}@track"] = self._same(index)
            order = generator.permutation(drawn).tolist()
            found = (self._relative(index, number, generator) for number in order)
            inputs[f"{self._of}@2"] = next((other for other in found if other != index), index)
            return Example(index, inputs, group=index)
        for number, concept in enumerate(self._concepts):
            same = concept.name == "track"
            inputs[f"{self._of}@{concept.name}"] = (
                self._same(index) if same else self._relative(index, number, generator)
            )
            if self._opposites:
                inputs[f"{self._of}@{OPPOSITE}{concept.name}"] = self._opposite(index, number, generator)
        return Example(index, inputs, group=index)

    def _same(self, index: int) -> int | Another:
        """The item again."""
        return Another(index, self._of) if self._apart else index

    def _relative(self, index: int, number: int, generator: np.random.Generator) -> int:
        concept = self._concepts[number]
        values = concept.ids[index][concept.ids[index] >= 0]
        if not len(values):
            return index
        members = self._members[number][int(generator.choice(values))]
        for _ in range(TRIES):
            other = members[int(generator.integers(len(members)))]
            if self._works[other] != self._works[index] or (concept.name == "work" and other != index):
                return other
        others = [other for other in members if other != index]
        return others[int(generator.integers(len(others)))] if others else index

    def _opposite(self, index: int, number: int, generator: np.random.Generator) -> int:
        """An item without a common value. InputError where all items have the same."""
        ids = self._concepts[number].ids
        own = ids[index][ids[index] >= 0]
        for _ in range(TRIES):
            other = int(generator.integers(len(ids)))
            if ids[other].max() >= 0 and not np.isin(ids[other], own).any():
                return other
        far = np.flatnonzero((ids.max(axis=1) >= 0) & ~np.isin(ids, own).any(axis=1))
        if not len(far):
            name = self._concepts[number].name
            raise InputError(f'expected items of several values of "{name}", got the same one for all; leave it out')
        return int(far[int(generator.integers(len(far)))])


TRIES = 8  # most concepts have many members of other works


def _related(items: Sequence[Item], by: Sequence[str]) -> list[Item]:
    """Items that share a value of some concept with another item. InputError where there are none."""
    related = np.zeros(len(items), bool)
    for name in by:
        concept: Concept = concept_of(items, name)
        for members in concept.members():
            related[members] |= len(members) > 1
    if len(items) and not related.any():
        raise InputError(
            f"expected items that share a value of {', '.join(by)} with another, got none among {len(items)}"
        )
    return [item for item, kept in zip(items, related, strict=True) if kept]


class EpisodePairs(PairSource):
    """Few-shot episodes, N-way and K-shot: every example of a batch is of another class, a query with K others of its class.

    by: the concept whose values are the classes; shots: K, in the slots `audio@1` to `audio@K`; N is the batch size of the stage,
    or the number of classes where they are fewer.
    Vinyals et al. 2016, Snell et al. 2017. Classes with fewer than two items give none.
    """

    def __init__(self, items: Sequence[Item], *, by: str, shots: int = 1, of: str = "audio") -> None:
        if shots < 1:
            raise RecipeError(f"episodes: expected one shot at least, got {shots}")
        super().__init__(_related(items, [by]))
        self._of, self._shots = of, shots
        self._concept = concept_of(self.items, by)
        self._members = self._concept.members()
        self._classes = [members for members in self._members if len(members) > 1]

    def choose(self, count: int, generator: np.random.Generator) -> list[int]:
        """Items of `count` different classes, or of all classes where there are fewer. InputError for fewer than two."""
        if len(self._classes) < 2:
            raise InputError(
                f'expected two classes of "{self._concept.name}" with two items at least for an episode, got {len(self._classes)}'
            )
        chosen: dict[int, None] = {}
        for number in generator.permutation(len(self._classes)).tolist():
            fresh = [index for index in self._classes[number] if index not in chosen]
            if fresh and len(chosen) < count:
                chosen[fresh[int(generator.integers(len(fresh)))]] = None
        return list(chosen)

    def draw(self, index: int, generator: np.random.Generator) -> Example:
        """inputs: audio (the query) and `audio@1`... (the support: others of its class, again and again where there are too few)."""
        ids = self._concept.ids[index]
        value = int(generator.choice(ids[ids >= 0]))
        others = [other for other in self._members[value] if other != index] or [index]
        drawn = generator.permutation(np.resize(generator.permutation(others), max(self._shots, len(others))))[
            : self._shots
        ]
        support = {f"{self._of}@{shot}": int(other) for shot, other in enumerate(drawn, start=1)}
        return Example(index, {self._of: index, **support}, group=index)
