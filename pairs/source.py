"""What belongs together: items of a collection, the texts that describe them, and the contract of pair sources.

A pair source knows no neural network. From the items of one split it draws *examples*: for each modality of the recipe
something an encoder can prepare, and for texts the facts that make other items of the batch right answers too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np

from crossmodal.pages.layout import Strip


@dataclass(frozen=True)
class Caption:
    """A sentence about an item. `facts`: the tags it states, empty when unknown (then it fits its own item only)."""

    text: str
    facts: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Item:
    """One row of a catalogue.

    files: modality -> path ("audio", "image", "midi", "score"); tags: words that hold for it; work: what must not be torn
    apart by a split (defaults to the id); split: "train", "validation", "test" or None; fields: every other column.
    """

    id: str
    files: Mapping[str, Path]
    tags: frozenset[str] = frozenset()
    captions: tuple[Caption, ...] = ()
    work: str = ""
    split: str | None = None
    fields: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)


@dataclass(frozen=True)
class AudioPlaces:
    """Places in a recording. item: whose audio file; start, length: of the stretch around them; anchors: (k,) moments; all in seconds."""

    item: int
    start: float
    length: float
    anchors: np.ndarray


@dataclass(frozen=True)
class Another:
    """Another window of a recording. item: whose; beside: an earlier slot with a window of it, half of which it shares at the most, or as
    little as can be where the recording is too short for that.
    """

    item: int
    beside: str


@dataclass(frozen=True)
class Overlay:
    """A window of one item's voice over a window of another's accompaniment, added up as frames. voice, backing: items with files of these
    names; decibels: level of the voice over the accompaniment, within the window; minus infinity: the accompaniment alone.
    """

    voice: int
    backing: int
    decibels: float


@dataclass(frozen=True)
class SheetPlaces:
    """Places in a straightened system. anchors: (k,) columns of the strip."""

    strip: Strip
    anchors: np.ndarray


@dataclass(frozen=True)
class Example:
    """One training example: `item` is its index in the source; `inputs`: modality -> what the encoder prepares.

    A modality whose value is an int refers to that item's own file (so that prepared inputs can come from a cache).
    facts: what a text states; other items of the batch that have them all are positives as well. None: only `group` decides.
    group: examples with the same group are positives of each other (same work, artist, class...). Inputs that are places (k of them)
    make k rows of the batch: then group and labels have one entry for each.
    """

    item: int
    inputs: Mapping[str, object]
    facts: frozenset[str] | None = None
    group: int | np.ndarray | None = None


class PairSource:
    """Base of pair sources: built from items, then asked for one example of an item at a time.

    needs: what an item has a file of, if the source is to use it and brings frames of its own; None: files of the towers that read whole
    files (recordings, pictures), which are prepared before training. remedy: what to do where a tower that it is meant for cannot be built.
    """

    needs: ClassVar[str | None] = None
    remedy: ClassVar[str] = ""

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = list(items)

    def __len__(self) -> int:
        return len(self.items)

    def texts(self) -> list[str]:
        """All texts that can be drawn, where they are few enough to be told; a frozen encoder then reads each once, beforehand."""
        return []

    def classes(self) -> list[str]:
        """Names of the classes that its labels are about, where the source defines them itself."""
        return []

    def choose(self, count: int, generator: np.random.Generator) -> list[int] | None:
        """The items of a batch of `count`, for sources that care which meet in a batch; None: each in its turn."""
        return None

    def draw(self, index: int, generator: np.random.Generator) -> Example:
        """An example for item `index`; all randomness comes from `generator`."""
        raise NotImplementedError  # abstract
