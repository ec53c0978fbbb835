"""Pair sources of recordings with words: what describes what. Each draws one example of one item; none knows a network.

Tags in `unseen` appear in no text that is drawn: they are kept for judging the space on words it was never trained with. With
`unseen: demo` they are the demo vocabulary's.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from crossmodal.base.errors import InputError
from pairs.concepts import values_of
from pairs.source import Caption, Example, Item, PairSource
from pairs.synonyms import SYNONYMS
from pairs.vocabulary import contains_phrase, unseen_tags

DEMO = "demo"
LONGEST_LIST = 5


def _hidden(unseen: Sequence[str]) -> frozenset[str]:
    return frozenset(tag for name in unseen for tag in (unseen_tags() if name == DEMO else [name]))


class _Worded(PairSource):
    """Base: items with at least one tag or caption that may be shown."""

    def __init__(self, items: Sequence[Item], *, unseen: Sequence[str] = ()) -> None:
        self.unseen = _hidden(unseen)
        self._tags = {item.id: sorted(item.tags - self.unseen) for item in items}
        super().__init__([item for item in items if self._usable(item)])
        if items and not self.items:
            raise InputError(
                f"expected items with {self._needs}, got none among {len(items)}; fill the column tags or captions"
            )

    _needs = "tags"

    def _usable(self, item: Item) -> bool:
        return bool(self._tags[item.id])

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """Tags that texts may state."""
        return frozenset(tag for item in self.items for tag in self._tags[item.id])


class TagPairs(_Worded):
    """A recording with one of its tags, as a word (Choi et al. 2019)."""

    def draw(self, index: int, generator: np.random.Generator) -> Example:
        """inputs: audio (the item), text (a tag)."""
        tags = self._tags[self.items[index].id]
        tag = tags[int(generator.integers(len(tags)))]
        return Example(index, {"audio": index, "text": tag}, facts=frozenset({tag}))


class TextPairs(_Worded):
    """A recording with a text drawn at random: a tag, a list of tags, or a caption (stochastic text, Doh et al. 2023).

    tag, tags, caption: how often each is drawn; what an item does not have falls to the others. lists: how many different lists of
    tags an item has (few, so that a frozen sentence encoder meets each text often and once is enough); captions: how many of an
    item's captions are used at the most, None for all; paraphrase: how often a single tag is told in other words
    (`pairs.synonyms`), where there are any.
    """

    _needs = "tags or captions"

    def __init__(
        self,
        items: Sequence[Item],
        *,
        unseen: Sequence[str] = (),
        tag: float = 0.3,
        tags: float = 0.3,
        caption: float = 0.4,
        lists: int = 2,
        captions: int | None = None,
        paraphrase: float = 0.0,
    ) -> None:
        if min(tag, tags, caption) < 0 or tag + tags + caption <= 0 or lists < 1:
            raise InputError(
                f"texts: expected shares of 0 or more and at least one list, got {tag}, {tags}, {caption}, {lists}"
            )
        self._shares = np.array([tag, tags, caption])
        self._lists = lists
        self._paraphrase = paraphrase
        hidden = _hidden(unseen)
        self._captions = {
            item.id: [c for c in item.captions if _tells_nothing_of(c, hidden)][:captions] for item in items
        }
        super().__init__(items, unseen=unseen)

    def _usable(self, item: Item) -> bool:
        return bool(self._tags[item.id] or self._captions[item.id])

    def draw(self, index: int, generator: np.random.Generator) -> Example:
        """inputs: audio (the item), text; facts: what the text states, empty for a caption of unknown facts."""
        item = self.items[index]
        tags, captions = self._tags[item.id], self._captions[item.id]
        shares = self._shares * [bool(tags), bool(tags), bool(captions)]
        if shares.sum() <= 0:  # a kind is there that the recipe does not ask for
            shares = np.array([float(bool(tags)), 0.0, float(bool(captions))])
        kind = generator.choice(3, p=shares / shares.sum())
        if kind == 2:
            caption = captions[int(generator.integers(len(captions)))]
            return Example(index, {"audio": index, "text": caption.text}, facts=caption.facts)
        number = int(generator.integers(len(tags) if kind == 0 else self._lists))
        chosen = [tags[number]] if kind == 0 else self._list(index, number, tags)
        others = SYNONYMS.get(chosen[0], ()) if kind == 0 else ()
        if others and generator.random() < self._paraphrase:
            return Example(
                index, {"audio": index, "text": others[int(generator.integers(len(others)))]}, facts=frozenset(chosen)
            )
        return Example(index, {"audio": index, "text": ", ".join(chosen)}, facts=frozenset(chosen))

    def texts(self) -> list[str]:
        """Everything that can be drawn."""
        found: dict[str, None] = {}
        for index, item in enumerate(self.items):
            tags = self._tags[item.id]
            found |= dict.fromkeys([*tags, *(c.text for c in self._captions[item.id])])
            for number in range(self._lists if tags else 0):
                found[", ".join(self._list(index, number, tags))] = None
        if self._paraphrase:
            found |= dict.fromkeys(other for tag in self.vocabulary for other in SYNONYMS.get(tag, ()))
        return list(found)

    def _list(self, index: int, number: int, tags: list[str]) -> list[str]:
        """List `number` of an item: two to five of its tags, the same at every draw."""
        generator = np.random.default_rng([index, number])
        count = min(len(tags), int(generator.integers(2, LONGEST_LIST + 1)))
        return [tags[i] for i in generator.permutation(len(tags))[:count]]


class LabelPairs(PairSource):
    """A recording with all of its tags as classes, for supervised tagging. labels: the classes, default: all tags of the items; of:
    the modality, for pictures ("image") instead; by: whose values are the classes (`pairs.concepts`: "artist", facets) instead of the tags.
    """

    def __init__(
        self, items: Sequence[Item], *, labels: Sequence[str] = (), of: str = "audio", by: Sequence[str] = ("tag",)
    ) -> None:
        if not by:
            raise InputError("labels: expected a concept whose values are the classes (by: [artist]), got none")
        values = {item.id: frozenset().union(*(values_of(item, concept) for concept in by)) for item in items}
        self.labels = list(labels) or sorted({value for item in items for value in values[item.id]})
        self._of, self._values = of, values
        super().__init__([item for item in items if values[item.id]])
        if items and not self.items:
            raise InputError(
                f"expected items with values of {', '.join(by)}, got none among {len(items)}; fill these columns"
            )

    def classes(self) -> list[str]:
        """The classes."""
        return self.labels

    @property
    def vocabulary(self) -> frozenset[str]:
        """The classes."""
        return frozenset(self.labels)

    def draw(self, index: int, generator: np.random.Generator) -> Example:
        """inputs: audio or image (the item), label: (classes,) booleans."""
        own = self._values[self.items[index].id]
        return Example(index, {self._of: index, "label": tuple(label in own for label in self.labels)})


class ViewPairs(PairSource):
    """Two windows of one recording, or (renditions: a share of the draws) of two recordings of one work, for self-supervised
    pretraining (Chen et al. 2020; Spijkervet & Burgoyne 2021). of: the modality, for pictures ("image") instead.
    """

    def __init__(self, items: Sequence[Item], *, renditions: float = 0.0, of: str = "audio") -> None:
        if not 0 <= renditions <= 1:
            raise InputError(f"views: expected renditions between 0 and 1, got {renditions}")
        super().__init__(items)
        self._renditions, self._of = renditions, of
        self._by_work: dict[str, list[int]] = {}
        for index, item in enumerate(self.items):
            self._by_work.setdefault(item.work or item.id, []).append(index)

    def draw(self, index: int, generator: np.random.Generator) -> Example:
        """inputs: audio and audio@2 (or image), the same item or another of its work; group: the item."""
        item = self.items[index]
        siblings = self._by_work[item.work or item.id]
        other = index
        if generator.random() < self._renditions:
            other = siblings[int(generator.integers(len(siblings)))]
        return Example(
            index, {self._of: index, f"{self._of}@2": other}, group=index if self._renditions == 0 else siblings[0]
        )


def _tells_nothing_of(caption: Caption, hidden: frozenset[str]) -> bool:
    return not (caption.facts & hidden) and not any(contains_phrase(caption.text, tag) for tag in hidden)
