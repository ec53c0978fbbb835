"""Batches: a pure function of seed, step and rank; every item once an epoch; masks for whatever is drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crossmodal.base.errors import InputError
from crossmodal.data import Batch, BatchModule, BatchSource
from crossmodal.prepared import PreparedStore, prepare_store
from encoders.encoder import Anchored, Encoder
from encoders.spectrogram import MelCnn
from pairs.catalogue import read_catalogue
from pairs.midi_audio import FramePlaces
from pairs.source import Caption, Example, Item, PairSource
from pairs.tags import LabelPairs, TagPairs, TextPairs, ViewPairs


class Words(Encoder):
    """A text encoder that keeps the text."""

    modality = "text"
    dimension = 1

    def prepare(self, item: object) -> str:
        return str(item)


class Plain(PairSource):
    """Draws the index of the item and a random number, as texts."""

    def draw(self, index: int, generator: np.random.Generator) -> Example:
        return Example(index, {"text": f"{index} {generator.integers(1_000_000)}"}, facts=frozenset())


def items(count: int) -> list[Item]:
    return [
        Item(id=f"i{k}", files={}, tags=frozenset({f"t{k % 3}", f"u{k % 2}"}), work=f"w{k // 2}") for k in range(count)
    ]


def plain(count: int, *, size: int, seed: int = 0, rank: int = 0, world: int = 1) -> BatchSource:
    return BatchSource(Plain(items(count)), {"text": Words()}, None, batch_size=size, seed=seed, rank=rank, world=world)


def drawn(batch: Batch) -> list[int]:
    texts = batch.inputs["text"]
    assert isinstance(texts, list)
    return [int(text.split()[0]) for text in texts]


@settings(max_examples=40, deadline=None)
@given(count=st.integers(2, 40), size=st.integers(2, 16), world=st.integers(1, 3), seed=st.integers(0, 9))
def test_each_epoch_sees_each_item_once_whatever_the_batch_and_the_processes(
    count: int, size: int, world: int, seed: int
) -> None:
    steps = 3 * count // (size * world) + 2
    places: list[int] = []
    for step in range(steps):
        for rank in range(world):
            places += drawn(plain(count, size=size, seed=seed, rank=rank, world=world)[step])
    for epoch in range(len(places) // count):
        assert sorted(places[epoch * count : (epoch + 1) * count]) == list(range(count))


def test_processes_share_a_batch_without_overlap() -> None:
    whole = plain(24, size=8)
    parts = [whole.of_process(rank, 3) for rank in range(3)]
    seen = [set(drawn(part[0])) for part in parts]
    assert len(set.union(*seen)) == 24 and [part.rank for part in parts] == [0, 1, 2]
    assert (whole.rank, whole.world) == (0, 1)


def test_a_batch_depends_on_seed_step_and_rank_alone() -> None:
    source = plain(10, size=4)
    texts = [source[step].inputs["text"] for step in (0, 1, 7, 1, 0)]
    assert texts[0] == texts[4] and texts[1] == texts[3] and texts[0] != texts[1]
    fresh = plain(10, size=4)
    assert fresh[7].inputs["text"] == texts[2], "in whatever order it is asked"
    assert plain(10, size=4, seed=1)[7].inputs["text"] != texts[2]


def test_epochs_have_different_orders() -> None:
    source = plain(12, size=12)
    assert drawn(source[0]) != drawn(source[1])


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_items_is_the_users_mistake(count: int) -> None:
    with pytest.raises(InputError, match=f"at least 2 items.*got {count}"):
        plain(count, size=4)


def test_masks_of_tags_and_facts() -> None:
    source = BatchSource(TagPairs(items(9)), {"text": Words()}, None, batch_size=9, seed=0)
    examples = [source.source.draw(i, np.random.default_rng(i)) for i in range(9)]
    shown = [Example(e.item, {"text": e.inputs["text"]}, facts=e.facts) for e in examples]
    batch = source.collate(shown, np.random.default_rng(0))
    for row, example in enumerate(examples):
        assert {t for t, i in source.vocabulary.items() if batch.tags[row, i]} == source.source.items[example.item].tags
        assert {t for t, i in source.vocabulary.items() if batch.facts[row, i]} == example.facts
    assert not batch.facts[:, -1].any() and not batch.tags[:, -1].any()
    assert batch.stated.all() and batch.stating == {"text"} and batch.labels is None
    for a in range(9):
        for b in range(9):
            assert bool(batch.group[a] == batch.group[b]) == (a // 2 == b // 2), "by work where the source says nothing"


def test_facts_that_hold_for_no_item_are_kept_apart() -> None:
    things = [
        Item(id="a", files={}, tags=frozenset({"x"}), captions=(Caption("rare", frozenset({"rare"})),)),
        Item(id="b", files={}, tags=frozenset({"x"}), captions=(Caption("plain"),)),
    ]
    source = BatchSource(TextPairs(things, tag=0, tags=0, caption=1), {"text": Words()}, None, batch_size=2, seed=0)
    examples = [
        Example(i, {"text": c.text}, facts=c.facts)
        for i, c in enumerate((things[0].captions[0], things[1].captions[0]))
    ]
    batch = source.collate(examples, np.random.default_rng(0))
    assert batch.facts[0].tolist() == [False, True] and batch.facts[1].tolist() == [False, False]
    assert batch.stated.tolist() == [True, False]


def test_labels_are_multi_hot() -> None:
    source = LabelPairs(items(6), labels=["u1", "t0", "nobody"])
    batch = BatchSource(source, {}, None, batch_size=6, seed=0).collate(
        [Example(i, {"label": source.draw(i, np.random.default_rng()).inputs["label"]}) for i in range(6)],
        np.random.default_rng(0),
    )
    assert batch.labels is not None and batch.labels.dtype == torch.bool
    for row, item in enumerate(items(6)):
        assert batch.labels[row].tolist() == [label in item.tags for label in source.labels]
    assert batch.inputs == {}


@pytest.fixture(scope="module")
def prepared(sounds: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[MelCnn, PreparedStore, list[Item]]:
    encoder = MelCnn(sample_rate=16000, bands=16, channels=(4,), pools=((2, 2),), window_seconds=1.0, dimension=4)
    found = read_catalogue(sounds / "catalogue.jsonl").items
    folder = tmp_path_factory.mktemp("prepared")
    store, _ = prepare_store(encoder, [i.files["audio"] for i in found], folder=folder, jobs=1, quiet=True)
    return encoder, store, found


def test_windows_are_windows_of_their_own_recording(prepared: tuple[MelCnn, PreparedStore, list[Item]]) -> None:
    encoder, store, found = prepared
    source = BatchSource(ViewPairs(found), {"audio": encoder}, store, batch_size=6, seed=0)
    batch = source[0]
    order = source._indices(0)
    first, second = batch.inputs["audio"], batch.inputs["audio@2"]
    assert isinstance(first, torch.Tensor) and isinstance(second, torch.Tensor)
    assert first.shape == second.shape == (6, 16, encoder.window) and first.dtype == torch.float32
    assert not torch.equal(first, second)
    for views in (first, second):
        for row, index in zip(views, order, strict=True):
            whole = store.whole(found[index].files["audio"])
            places = [
                s
                for s in range(whole.shape[-1] - encoder.window + 1)
                if torch.equal(whole[:, s : s + encoder.window], row)
            ]
            assert places
    assert batch.stating == frozenset()
    moved = batch.to(torch.device("cpu"))
    assert torch.equal(moved.group, batch.group) and moved.inputs.keys() == batch.inputs.keys()


def test_recordings_need_a_store(prepared: tuple[MelCnn, PreparedStore, list[Item]]) -> None:
    encoder, _, found = prepared
    with pytest.raises(InputError, match='prepared recordings for "audio'):
        BatchSource(ViewPairs(found), {"audio": encoder}, None, batch_size=4, seed=0)[0]


def test_loaders_go_on_from_a_step_and_validate_on_the_same_batches() -> None:
    module = BatchModule(plain(10, size=4), plain(6, size=3, seed=5), first=7, validation_steps=2)
    loaded = iter(module.train_dataloader())
    assert [next(loaded).inputs["text"] for _ in range(3)] == [plain(10, size=4)[s].inputs["text"] for s in (7, 8, 9)]
    again = [[b.inputs["text"] for b in module.val_dataloader()[0]] for _ in range(2)]
    assert len(again[0]) == 2 and again[0] == again[1]
    assert BatchModule(plain(10, size=4), None, first=0, validation_steps=2).val_dataloader() == []


class Frames(PairSource):
    """Stretches whose frames tell their own number, and places in them."""

    needs = "warp"

    def draw(self, index: int, generator: np.random.Generator) -> Example:
        frames = np.zeros((20, 48), np.float32)
        frames[:, 0] = np.arange(20) + 100 * index
        places = FramePlaces(frames, np.array([0.4, 7.6, 25.0]))
        return Example(index, {"audio": places, "label": np.eye(3, 5, dtype=bool)}, group=np.arange(3) + 10 * index)


def test_frames_of_a_source_are_turned_and_their_places_rounded() -> None:
    source = BatchSource(Frames(items(5)), {}, None, batch_size=5, seed=0)
    batch = source[0]
    places = batch.inputs["audio"]
    assert isinstance(places, Anchored) and places.windows.shape == (5, 48, 20)
    assert places.windows.dtype == torch.float32 and places.anchors.dtype == torch.int64
    assert places.anchors.tolist() == [[0, 8, 19]] * 5, "places behind the end lie at its last frame"
    numbers = places.windows[:, 0, 0] / 100
    assert sorted(numbers.tolist()) == [0, 1, 2, 3, 4]
    torch.testing.assert_close(places.windows[:, 0], 100 * numbers[:, None] + torch.arange(20.0))
    assert batch.labels is not None and batch.labels.shape == (15, 5)
    torch.testing.assert_close(batch.group, (10 * numbers[:, None] + torch.arange(3)).flatten().long())
