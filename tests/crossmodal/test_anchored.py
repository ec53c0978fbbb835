"""Places within stretches, from the prepared recordings to the batch, and long sequences read in pieces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from crossmodal import embedding as embedding_module
from crossmodal.comparing import compare
from crossmodal.data import BatchSource
from crossmodal.embedding import TowerModule, along
from crossmodal.prepared import PreparedStore, prepare_store
from encoders.encoder import Anchored, SequenceEncoder
from encoders.excerpts import ExcerptContext, ExcerptEncoder, ExcerptVgg
from encoders.heads import Linear
from encoders.sheets import SheetContext, SheetVgg
from pairs.audio_sheet import AudioSheetPairs
from pairs.source import Item
from tests.encoders.lively import lively
from tests.pairs.small_scores import write_piece

EXCERPTS = ExcerptVgg(channels=(2, 2), window=20, dimension=4)


@pytest.fixture(scope="module")
def items(tmp_path_factory: pytest.TempPathFactory) -> list[Item]:
    folder = tmp_path_factory.mktemp("pieces")
    return [write_piece(folder, name, measures=count) for name, count in (("a", 12), ("bb", 20), ("ccc", 16))]


@pytest.fixture(scope="module")
def store(items: list[Item], tmp_path_factory: pytest.TempPathFactory) -> PreparedStore:
    folder = tmp_path_factory.mktemp("prepared")
    made, skipped = prepare_store(EXCERPTS, [i.files["audio"] for i in items], folder=folder, jobs=1, quiet=True)
    assert not skipped
    return made


@pytest.mark.parametrize(
    ("first", "count"), [(0, 10), (7, 30), (-6, 20), (-50, 20), (-3, 10_000), (1 << 20, 5)], ids=str
)
def test_a_stretch_is_the_recording_and_silence_around_it(
    items: list[Item], store: PreparedStore, first: int, count: int
) -> None:
    for item in items:  # they lie one after another in one file: none may run into the next
        path = item.files["audio"]
        whole = store.whole(path).numpy().T
        found = store.stretch(path, first, count, silence=-1.5)
        expected = np.full((count, 92), -1.5, np.float32)
        for row in range(count):
            if 0 <= first + row < len(whole):
                expected[row] = whole[first + row]
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, expected)


def test_a_stretch_can_be_changed_without_changing_the_store(items: list[Item], store: PreparedStore) -> None:
    path = items[0].files["audio"]
    before = store.stretch(path, 0, 5, silence=0.0)
    store.stretch(path, 0, 5, silence=0.0)[:] = 99
    np.testing.assert_array_equal(store.stretch(path, 0, 5, silence=0.0), before)


def batch_source(items: list[Item], store: PreparedStore, **arguments: float) -> BatchSource:
    pairs = AudioSheetPairs(items, anchors=4, columns=160, seconds=6.0, weather=0.0, **arguments)  # type: ignore[arg-type]
    encoders = {"audio": EXCERPTS, "sheet": SheetContext(channels=(2, 2, 2), width=4)}
    return BatchSource(pairs, encoders, store, batch_size=3, seed=0)


def test_a_batch_of_places(items: list[Item], store: PreparedStore) -> None:
    source = batch_source(items, store)
    batch = source[0]
    sheet, audio = batch.inputs["sheet"], batch.inputs["audio"]
    assert isinstance(sheet, Anchored) and isinstance(audio, Anchored)
    assert sheet.windows.shape[:3] == (3, 2, 80) and sheet.windows.shape[3] <= 160 and sheet.anchors.shape == (3, 4)
    assert audio.windows.shape == (3, 92, 120) and audio.anchors.shape == (3, 4)
    assert sheet.anchors.max() < sheet.windows.shape[-1] and audio.anchors.max() < 120
    assert batch.group.shape == (12,) and batch.labels is not None and batch.labels.shape == (12, 7 * 88)
    again = source[0]
    assert torch.equal(again.group, batch.group)
    assert torch.equal(audio.windows, again.inputs["audio"].windows)  # type: ignore[attr-defined]
    moved = batch.to(torch.device("cpu"))
    assert isinstance(moved.inputs["sheet"], Anchored) and torch.equal(moved.inputs["sheet"].anchors, sheet.anchors)


def test_anchors_point_at_the_frame_and_the_column_of_the_moment(items: list[Item], store: PreparedStore) -> None:
    """At the frame of each anchor the key that the label names begins, and at its column stands ink."""
    source = batch_source(items, store)
    found = 0
    for step in range(4):
        batch = source[step]
        audio, sheet = batch.inputs["audio"], batch.inputs["sheet"]
        assert isinstance(audio, Anchored) and isinstance(sheet, Anchored) and batch.labels is not None
        labels = batch.labels.view(3, 4, 7, 88)[:, :, 3]
        for n in range(3):
            for k in range(4):
                frame, column = int(audio.anchors[n, k]), int(sheet.anchors[n, k])
                ink = sheet.windows[n, 0].sum(dim=0)
                assert ink[column] > ink.median(), "more than the lines of the staff"
                highest = 21 + int(labels[n, k].nonzero().max())
                spectrum = audio.windows[n, :, max(0, frame - 1) : frame + 4].amax(dim=1)
                filters = EXCERPTS.frontend.filters
                own = filters[:, round(440 * 2 ** ((highest - 69) / 12) * 2048 / 22050)].argmax()
                found += int(abs(int(spectrum.argmax()) - int(own)) <= 1)
    assert found >= 44, "48 moments, some of which stand on top of the note before"


def test_rows_of_both_sides_belong_together(items: list[Item], store: PreparedStore) -> None:
    batch = batch_source(items, store)[1]
    vectors = {slot: torch.randn(12, 3) for slot in ("sheet", "audio")}
    comparison = compare(vectors, batch, ["sheet"], ["audio"])
    assert comparison.positives.diagonal().all()
    for a in range(12):
        for b in range(12):
            same = bool(batch.group[a] == batch.group[b])
            assert bool(comparison.positives[a, b]) == same and bool(comparison.negatives[a, b]) != same


def test_views_of_one_side_are_never_compared_with_themselves(items: list[Item], store: PreparedStore) -> None:
    batch = batch_source(items, store, views=2)[0]
    vectors = {slot: torch.randn(12, 3) for slot in ("audio", "audio@2")}
    comparison = compare(vectors, batch, list(vectors), list(vectors))
    assert not comparison.positives.diagonal().any() and not comparison.negatives.diagonal().any()
    assert comparison.positives[torch.arange(12), torch.arange(12) + 12].all()


def tower(encoder: SequenceEncoder) -> TowerModule:
    return TowerModule(lively(encoder), Linear(encoder.dimension, 5)).eval()


def sequence(encoder: SequenceEncoder, length: int) -> Tensor:
    rows = {"ExcerptContext": (92,), "ExcerptVgg": (92,), "SheetContext": (2, 80), "SheetVgg": (160,)}
    return torch.rand(*rows[type(encoder).__name__], length, generator=torch.Generator().manual_seed(length))


@pytest.mark.parametrize(
    "encoder",
    [
        ExcerptContext(channels=(2, 2, 3), width=6, radius=3),
        ExcerptVgg(channels=(2, 2), window=12, dimension=4),
        SheetContext(channels=(2, 2, 3), width=6, radius=3),
        SheetVgg(channels=(2, 2), columns=60, dimension=4),
    ],
    ids=lambda e: type(e).__name__,
)
@pytest.mark.parametrize("length", [1, 55, 333])
def test_a_long_sequence_in_pieces_is_the_sequence(
    encoder: SequenceEncoder, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, windows = tower(encoder), sequence(encoder, length)
    with torch.inference_mode():
        whole = module.project(encoder.along(windows[None])[0])
    assert whole.shape == (-(-length // encoder.step), 5)
    for at_once in (1, 7, 256):
        monkeypatch.setattr(embedding_module, "STEPS_AT_ONCE", at_once)
        torch.testing.assert_close(along(module, windows), whole, rtol=1e-4, atol=1e-5)


def test_excerpts_know_what_silence_is() -> None:
    assert isinstance(EXCERPTS, ExcerptEncoder) and EXCERPTS.silence == pytest.approx(-0.7 / 0.58)


def test_a_store_is_told_its_recordings_by_path(items: list[Item], store: PreparedStore) -> None:
    assert items[0].files["audio"] in store and Path("absent.wav") not in store
