"""Batches: what pair sources draw, prepared for the towers, with all that is needed to know who belongs to whom.

Drawing is a pure function of (seed, step, rank): a resumed training sees the batches it would have seen.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import lightning
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from crossmodal.base.errors import InputError
from crossmodal.overlays import overlaid
from crossmodal.prepared import PreparedStore
from encoders.covers import ImageEncoder
from encoders.encoder import Anchored, Encoder
from encoders.excerpts import ExcerptEncoder
from encoders.sheets import SheetEncoder
from pairs.concepts import Concept, concept_of
from pairs.midi_audio import FramePlaces
from pairs.source import Another, AudioPlaces, Example, Item, Overlay, PairSource, SheetPlaces

EPOCH_STREAM = 7919  # keeps the order of an epoch independent of the draws within its batches


@dataclass(frozen=True)
class Batch:
    """n examples. inputs: slot -> windows (n, ...) or a list of n prepared items.

    Inputs that are places (`Anchored`, k of each example) have n * k rows, and so have group and labels then.

    facts: (n, v + 1) what each example's text states, over the vocabulary of tags (the last: anything else); stated: (n,) whether it
    states any; tags: (n, v + 1) what holds for each example's item; group: (n,) equal for items that belong together; labels: (n, c)
    multi-hot classes, where the source gives them. `stating`: slots that state facts about items. concepts: concept -> slot -> (n, k) the
    values (`pairs.concepts`) of what the slot's rows are of, -1 where there are fewer; the slot "label": (c, 1), the classes themselves.
    """

    inputs: dict[str, object]
    facts: Tensor
    stated: Tensor
    tags: Tensor
    group: Tensor
    labels: Tensor | None
    stating: frozenset[str]
    concepts: dict[str, dict[str, Tensor]] = field(default_factory=dict)

    def to(self, device: torch.device) -> Batch:
        """The batch on a device."""
        moved = {k: v.to(device) if isinstance(v, Tensor | Anchored) else v for k, v in self.inputs.items()}
        tensors = {name: getattr(self, name).to(device) for name in ("facts", "stated", "tags", "group")}
        labels = None if self.labels is None else self.labels.to(device)
        return replace(self.with_concepts(lambda ids: ids.to(device)), inputs=moved, labels=labels, **tensors)

    def with_concepts(self, change: Callable[[Tensor], Tensor]) -> Batch:
        """With the values of all slots changed."""
        return replace(
            self, concepts={c: {s: change(ids) for s, ids in slots.items()} for c, slots in self.concepts.items()}
        )


class BatchSource(Dataset[Batch]):
    """Batch number `step` of a pair source.

    Items are walked in a new order each epoch, so that all are seen equally often; rank r of w takes its own part of each batch.
    """

    def __init__(
        self,
        source: PairSource,
        encoders: Mapping[str, Encoder],
        store: PreparedStore | None,
        *,
        batch_size: int,
        seed: int,
        rank: int = 0,
        world: int = 1,
        concepts: Sequence[str] = (),
    ) -> None:
        if len(source) < 2:
            raise InputError(
                f"expected at least 2 items to learn from, got {len(source)}: check the split column and the skipped files"
            )
        self.source, self.encoders, self.store = source, dict(encoders), store
        self.batch_size, self.seed, self.rank, self.world = batch_size, seed, rank, world
        self.vocabulary = {tag: i for i, tag in enumerate(sorted({t for item in source.items for t in item.tags}))}
        self._tags = np.stack([self._multi_hot(item.tags) for item in source.items])
        works = {work: i for i, work in enumerate(dict.fromkeys(_work(item) for item in source.items))}
        self._concepts = {name: concept_of(source.items, name) for name in concepts}
        self._orders: dict[int, np.ndarray] = {}
        self._groups = np.array([works[_work(item)] for item in source.items])

    def of_process(self, rank: int, world: int) -> BatchSource:
        """The same source for one of several processes."""
        found = copy.copy(self)
        found.rank, found.world = rank, world
        return found

    def __getitem__(self, step: int) -> Batch:
        generator = np.random.default_rng([self.seed, step, self.rank])
        chosen = self.source.choose(self.batch_size, generator) or self._indices(step)
        return self.collate([self.source.draw(i, generator) for i in chosen], generator)

    def _indices(self, step: int) -> list[int]:
        count = len(self.source)
        first = (step * self.world + self.rank) * self.batch_size
        indices = []
        for place in range(first, first + self.batch_size):
            epoch, offset = divmod(place, count)
            indices.append(int(self._order(epoch)[offset]))
        return indices

    def _order(self, epoch: int) -> np.ndarray:
        if epoch not in self._orders:
            generator = np.random.default_rng([self.seed, EPOCH_STREAM, epoch])
            self._orders = {
                **{e: o for e, o in self._orders.items() if e == epoch - 1},
                epoch: generator.permutation(len(self.source)),
            }
        return self._orders[epoch]

    def collate(self, examples: Sequence[Example], generator: np.random.Generator) -> Batch:
        """Examples -> batch; windows are cropped at places drawn from `generator`."""
        slots = [s for s in examples[0].inputs if s != "label"]
        places: dict[str, list[int]] = {}
        items = [e.item for e in examples]
        facts = [e.facts for e in examples]
        labels = None
        if "label" in examples[0].inputs:
            rows = [np.atleast_2d(np.asarray(e.inputs["label"], dtype=bool)) for e in examples]
            labels = torch.from_numpy(np.concatenate(rows))
        groups = [self._groups[e.item] if e.group is None else e.group for e in examples]
        return Batch(
            inputs={slot: self._input(slot, examples, generator, places) for slot in slots},
            facts=torch.from_numpy(np.stack([self._multi_hot(f or frozenset()) for f in facts])),
            stated=torch.tensor([bool(f) for f in facts]),
            tags=torch.from_numpy(self._tags[items]),
            group=torch.from_numpy(np.concatenate([np.atleast_1d(np.asarray(g, np.int64)) for g in groups])),
            labels=labels,
            stating=frozenset(s for s in slots if isinstance(examples[0].inputs[s], str)),
            concepts={
                name: {
                    **{slot: _values(concept, slot, examples) for slot in slots},
                    "label": torch.from_numpy(concept.of_names(self.source.classes())),
                }
                for name, concept in self._concepts.items()
            },
        )

    def _input(
        self, slot: str, examples: Sequence[Example], generator: np.random.Generator, places: dict[str, list[int]]
    ) -> object:
        """What the slot's encoder takes. places: slot -> first frame of each window drawn so far, to which this slot's are added."""
        modality = slot.partition("@")[0]
        values = [e.inputs[slot] for e in examples]
        if sounds := [v for v in values if isinstance(v, AudioPlaces)]:
            return self._audio_places(modality, sounds)
        if pages := [v for v in values if isinstance(v, SheetPlaces)]:
            return _sheet_places(self.encoders[modality], pages)
        if frames := [v for v in values if isinstance(v, FramePlaces)]:
            return _frame_places(frames)
        if isinstance(values[0], int | Another | Overlay):
            if self.store is None:
                raise InputError(f'expected prepared recordings for "{slot}", got none')
            drawn = [
                self._window(self.store, modality, v, generator, {name: starts[row] for name, starts in places.items()})
                for row, v in enumerate(values)
            ]
            places[slot] = [start for start, _ in drawn]
            windows = np.stack([window for _, window in drawn])
            if isinstance(self.encoders[modality], ImageEncoder):
                return torch.from_numpy(windows[:, 0])
            return torch.from_numpy(np.moveaxis(windows, 1, -1).astype(np.float32))
        return [self.encoders[modality].prepare(v) for v in values]

    def _window(
        self, store: PreparedStore, modality: str, value: object, generator: np.random.Generator, others: Mapping[str, int]
    ) -> tuple[int, np.ndarray]:  # fmt: skip
        """First frame and (window, ...): of an item's own file, or (from its first frame, 0) of two files laid over each other.

        others: slot -> first frame of the same example's window there.
        """
        if not isinstance(value, Overlay):
            item, away = (value.item, others[value.beside]) if isinstance(value, Another) else (value, None)
            assert isinstance(item, int)
            path = self.source.items[item].files[modality]
            start = store.place(path, generator, away=away)
            return start, store.window(path, start)
        voice = self.source.items[value.voice].files["voice"]
        backing = self.source.items[value.backing].files["backing"]
        parts = [store.window(path, store.place(path, generator)) for path in (voice, backing)]
        return 0, overlaid(*parts, decibels=value.decibels, encoder=self.encoders[modality])

    def _audio_places(self, modality: str, values: Sequence[AudioPlaces]) -> Anchored:
        encoder = self.encoders[modality]
        assert isinstance(encoder, ExcerptEncoder)
        assert self.store is not None
        rate, middle = encoder.sample_rate / encoder.frame_hop, encoder.frame_length / 2 / encoder.frame_hop
        count = round(values[0].length * rate)
        firsts = [round(v.start * rate - middle) for v in values]
        windows = [
            self.store.stretch(self.source.items[v.item].files[modality], first, count, silence=encoder.silence)
            for v, first in zip(values, firsts, strict=True)
        ]
        anchors = np.stack([v.anchors * rate - middle - first for v, first in zip(values, firsts, strict=True)])
        whole = np.clip(np.round(anchors), 0, count - 1).astype(np.int64)
        return Anchored(torch.from_numpy(np.moveaxis(np.stack(windows), 1, -1).copy()), torch.from_numpy(whole))

    def _multi_hot(self, tags: frozenset[str]) -> np.ndarray:
        row = np.zeros(len(self.vocabulary) + 1, dtype=bool)
        row[[self.vocabulary.get(t, -1) for t in tags]] = True  # the last column: facts that hold for no item
        return row


def _values(concept: Concept, slot: str, examples: Sequence[Example]) -> Tensor:
    """(n, k) ids of what a slot's rows are of: the item that it names, else the example's own, once for each of its places."""
    owners = []
    for example in examples:
        value = example.inputs[slot]
        places = len(value.anchors) if isinstance(value, AudioPlaces | SheetPlaces | FramePlaces) else 1
        owners += [value if isinstance(value, int) else example.item] * places
    return torch.from_numpy(concept.ids[owners])


def _sheet_places(encoder: Encoder, values: Sequence[SheetPlaces]) -> Anchored:
    """Strips of one width: blank paper is added on the right."""
    assert isinstance(encoder, SheetEncoder)
    images = [encoder.image(v.strip) for v in values]
    width = max(image.shape[-1] for image in images)
    windows = torch.stack([torch.nn.functional.pad(image, (0, width - image.shape[-1])) for image in images])
    anchors = np.clip(np.stack([v.anchors for v in values]).round(), 0, width - 1).astype(np.int64)
    return Anchored(windows, torch.from_numpy(anchors))


def _frame_places(values: Sequence[FramePlaces]) -> Anchored:
    """Stretches of one length, time last; places to the nearest frame."""
    windows = torch.from_numpy(np.stack([np.ascontiguousarray(v.frames.T, np.float32) for v in values]))
    anchors = np.clip(np.round(np.stack([v.anchors for v in values])), 0, windows.shape[-1] - 1).astype(np.int64)
    return Anchored(windows, torch.from_numpy(anchors))


class BatchModule(lightning.LightningDataModule):
    """Training batches from `first` on, without end (the trainer knows when to stop), and a fixed set of validation batches.

    Loaders are made within each process, which takes its own part of every batch.
    """

    def __init__(
        self, training: BatchSource, validation: BatchSource | None, *, first: int, validation_steps: int
    ) -> None:
        super().__init__()
        self._training, self._validation = training, validation
        self._first, self._validation_steps = first, validation_steps

    def train_dataloader(self) -> DataLoader[Batch]:
        """Batches first, first + 1, ..."""
        return self._loader(self._training, _Steps(self._first))

    def val_dataloader(self) -> list[DataLoader[Batch]]:
        """The same validation batches at every validation."""
        if self._validation is None:
            return []
        return [self._loader(self._validation, range(self._validation_steps))]

    def _loader(self, source: BatchSource, steps: Sampler[int] | range) -> DataLoader[Batch]:
        trainer = self.trainer
        mine = source if trainer is None else source.of_process(trainer.global_rank, trainer.world_size)
        return DataLoader(mine, batch_size=None, sampler=steps, num_workers=0)


class _Steps(Sampler[int]):
    """Steps from `first` on, without end."""

    def __init__(self, first: int) -> None:
        self._first = first

    def __iter__(self) -> Iterator[int]:
        return itertools.count(self._first)


def _work(item: Item) -> str:
    return item.work or item.id
