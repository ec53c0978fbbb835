"""Triplets from ranked lists: for a track, the catalogue names others in order of similarity, the nearest first.

Pretet, Richard & Peeters: Learning to Rank Music Tracks Using Triplet Loss, ICASSP 2020.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from crossmodal.base.errors import InputError, RecipeError
from crossmodal.base.names import nearest
from pairs.concepts import listed
from pairs.source import Example, Item, PairSource

MININGS: Mapping[str, str] = {
    "any": "two ranks at random, the nearer is the positive",
    "extremes": "the positive from the first part of the list, the negative from the last",
    "neighbours": "the negative at most a tenth of the list behind the positive: hard",
}


class RankedListPairs(PairSource):
    """A track, one that is ranked high for it, and one that is ranked lower: slots `audio`, `audio@near` and `audio@far`.

    column: holds the ids, nearest first, as a JSON list or separated by ";", of which a repeated one counts where it is first;
    mining: which ranks (`MININGS`); part: of the list that is first and last, for "extremes". Tracks whose list names fewer than two others
    of the same split are never anchors.
    """

    def __init__(
        self, items: Sequence[Item], *, column: str = "ranked", mining: str = "any", part: float = 0.25, of: str = "audio"
    ) -> None:  # fmt: skip
        if mining not in MININGS:
            raise RecipeError(
                f'ranked-lists.mining: expected one of {", ".join(MININGS)}, got "{mining}".{nearest(mining, MININGS)}'
            )
        if not 0 < part <= 0.5:
            raise RecipeError(f"ranked-lists.part: expected a share above 0, a half at the most, got {part}")
        self._of, self._mining, self._part = of, mining, part
        lists = {item.id: dict.fromkeys(listed(item.fields.get(column))) for item in items}
        own = {name: [other for other in ranks if other in lists and other != name] for name, ranks in lists.items()}
        anchors = [item for item in items if len(own[item.id]) > 1]
        if items and not anchors:
            raise InputError(
                f'expected items whose column "{column}" lists ids of two others of the collection at least, got none among {len(items)}'
            )
        # Those with a list come first, for they are drawn; the others may be near or far.
        super().__init__([*anchors, *(item for item in items if len(own[item.id]) < 2)])
        rows = {item.id: index for index, item in enumerate(self.items)}
        self._lists = [[rows[name] for name in own[item.id]] for item in anchors]

    def __len__(self) -> int:
        return len(self._lists)

    def draw(self, index: int, generator: np.random.Generator) -> Example:
        """inputs: the three slots, group: the track."""
        ranks = self._lists[index]
        near, far = self._places(len(ranks), generator)
        slots = {self._of: index, f"{self._of}@near": ranks[near], f"{self._of}@far": ranks[far]}
        return Example(index, slots, group=index)

    def _places(self, count: int, generator: np.random.Generator) -> tuple[int, int]:
        """Two ranks, the first before the second."""
        if self._mining == "extremes":
            size = max(1, int(self._part * count))
            return int(generator.integers(size)), count - 1 - int(generator.integers(size))
        if self._mining == "neighbours":
            near = int(generator.integers(count - 1))
            return near, near + 1 + int(generator.integers(min(max(1, count // 10), count - 1 - near)))
        near, far = sorted(generator.choice(count, size=2, replace=False).tolist())
        return near, far
