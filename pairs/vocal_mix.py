"""Voices that belong together: two songs of one singer, alone ("mono"), within mixes ("mix"), or one of each ("cross").

Lee & Nam, Learning a joint embedding space of monophonic and mixed music signals for singing voice, ISMIR 2019.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from crossmodal.base.errors import InputError, RecipeError
from pairs.source import Example, Item, Overlay, PairSource
from pairs.vocal_mixing import LOUDEST, QUIETEST

NOBODY = "nobody"
KINDS: Mapping[str, tuple[str, str]] = {
    "mono": ("voice", "voice@2"),
    "mix": ("mix", "mix@2"),
    "cross": ("voice", "mix"),
}


class VocalMixPairs(PairSource):
    """A recording of a singer with another song of the same singer.

    kind: "mono" compares unaccompanied voices, "mix" mixes, "cross" a voice with a mix. Singers are told by the column `singer`, songs by
    `song` (default: every row is another song); an item whose singer has no other song is paired with itself (another window of it).
    overlay: share of the mixes that are made anew for every draw, of the voice and any item's `backing`, at a level drawn from the range
    of the collection's mixes: far more mixes than anybody renders.
    """

    def __init__(self, items: Sequence[Item], *, kind: str = "cross", overlay: float = 0.0) -> None:
        if not 0 <= overlay <= 1:
            raise RecipeError(f"vocal-mix: expected overlay between 0 and 1, got {overlay}")
        if kind not in KINDS:
            raise RecipeError(f"vocal-mix: expected kind to be one of {', '.join(KINDS)}, got {kind!r}")
        self.kind, self.slots = kind, KINDS[kind]
        needed = {slot.partition("@")[0] for slot in self.slots}
        super().__init__([item for item in items if needed <= item.files.keys() and singer_of(item)])
        if items and not self.items:
            raise InputError(
                f"expected items with a singer and the files {' and '.join(sorted(needed))}, got none among {len(items)}; "
                "fill these columns of the catalogue"
            )
        self._by_singer: dict[str, list[int]] = {}
        for index, item in enumerate(self.items):
            self._by_singer.setdefault(singer_of(item), []).append(index)
        self._numbers = {name: number for number, name in enumerate(self._by_singer)}
        self._backings = [index for index, item in enumerate(self.items) if "backing" in item.files]
        self._overlay = overlay if self._backings else 0.0

    def draw(self, index: int, generator: np.random.Generator) -> Example:
        """inputs: the two slots of the kind, the item and another song of its singer; group: the singer."""
        item = self.items[index]
        name = singer_of(item)
        others = [other for other in self._by_singer[name] if song_of(self.items[other]) != song_of(item)]
        other = others[int(generator.integers(len(others)))] if others else index
        inputs = {
            slot: self._recording(slot, row, generator) for slot, row in zip(self.slots, (index, other), strict=True)
        }
        return Example(index, inputs, group=self._numbers[name])

    def _recording(self, slot: str, index: int, generator: np.random.Generator) -> int | Overlay:
        """An item's own file, or its voice over another accompaniment."""
        if not slot.startswith("mix") or "voice" not in self.items[index].files or generator.random() >= self._overlay:
            return index
        backing = self._backings[int(generator.integers(len(self._backings)))]
        return Overlay(index, backing, float(generator.uniform(QUIETEST, LOUDEST)))


class SingerPairs(VocalMixPairs):
    """As `VocalMixPairs`, with the singer as class besides: towers learn to name the singers they know.

    labels: the classes, by default all singers of the items; items of others are left out. nobody: share of the examples that are
    accompaniments alone in all slots, with a class of their own (`NOBODY`, the last), so that a tower learns to tell where nobody sings.
    """

    def __init__(
        self, items: Sequence[Item], *, labels: Sequence[str] = (), kind: str = "cross", overlay: float = 0.0, nobody: float = 0.0
    ) -> None:  # fmt: skip
        if not 0 <= nobody < 1:
            raise RecipeError(f"singers: expected nobody from 0 to less than 1, got {nobody}")
        known = set(labels)
        super().__init__([item for item in items if not known or singer_of(item) in known], kind=kind, overlay=overlay)
        if items and not self.items:
            raise InputError(f"expected items of the singers that are classes, got none among {len(items)}")
        self._silent = [index for index in self._backings if "voice" in self.items[index].files]
        self._nobody = nobody if self._silent else 0.0
        self._classes = list(labels) or [*self._by_singer, *([NOBODY] if self._nobody else [])]
        self._rows = {name: tuple(name == other for other in self._classes) for name in (*self._by_singer, NOBODY)}

    def classes(self) -> list[str]:
        """The singers, and at last nobody where that is a class."""
        return self._classes

    def draw(self, index: int, generator: np.random.Generator) -> Example:
        """inputs: the two slots of the kind, and label: (classes,) booleans; group: the singer."""
        if self._nobody and generator.random() < self._nobody:
            return self._draw_nobody(index, generator)
        pair = super().draw(index, generator)
        label = self._rows[singer_of(self.items[index])]
        return Example(index, {**pair.inputs, "label": label}, group=pair.group)

    def _draw_nobody(self, index: int, generator: np.random.Generator) -> Example:
        """Accompaniments alone: those of one group, so that none of them is another's opposite."""
        chosen = [self._silent[int(generator.integers(len(self._silent)))] for _ in self.slots]
        inputs = {slot: Overlay(row, row, -math.inf) for slot, row in zip(self.slots, chosen, strict=True)}
        return Example(index, {**inputs, "label": self._rows[NOBODY]}, group=len(self._by_singer))


def singer_of(item: Item) -> str:
    """Who sings an item: its column `singer`, else `artist`; empty where it has neither."""
    return str(item.fields.get("singer") or item.fields.get("artist") or "")


def song_of(item: Item) -> str:
    """Which song an item is of: its column `song`, else its id."""
    return str(item.fields.get("song") or item.id)
