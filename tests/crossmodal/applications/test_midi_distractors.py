"""Sequences spliced from recordings: their hashes and vectors are those of the spliced frames, and an index of them is searched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import crossmodal
from crossmodal.applications.midi_distractors import (
    LONGEST,
    NAME,
    SHORTEST,
    Splices,
    build_among_strangers,
    draw_splices,
    encode_splices,
    spliced_frames,
)
from crossmodal.applications.midi_evaluation import Held
from crossmodal.applications.midi_matching import Matcher
from crossmodal.applications.track_indexing import TrackEncoder
from crossmodal.base.errors import InputError
from crossmodal.base.frame_store import FrameStore, append_frames, to_bytes
from encoders.midi_hash import STEP
from pairs.midi_music import Clock

from .tunes import TuneShelf


def music(seed: int, count: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    chords = np.where(generator.random((count // 12 + 1, 48)) < 0.15, generator.random((count // 12 + 1, 48)), 0.0)
    return np.repeat(chords, 12, axis=0)[:count].astype(np.float32)


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("training")
    tracks = [(f"track-{n}", to_bytes(music(n, 130 * STEP + n))) for n in range(4)]
    append_frames(folder / "frames/recordings", [*tracks, ("short", to_bytes(music(9, 100)))])
    return folder


def test_stretches_are_within_their_tracks(training: Path) -> None:
    splices = draw_splices(training / "frames/recordings", 50, [20, 100, 300], seed=1)
    store = FrameStore(splices.training)
    assert len(splices) == 50 and store.number("short") not in splices.tracks
    ends = (splices.firsts + splices.counts) * STEP
    assert (ends <= np.diff(store.offsets)[splices.tracks]).all() and (splices.firsts >= 0).all()
    assert splices.counts.min() >= SHORTEST and splices.counts.max() <= LONGEST + SHORTEST
    lengths = np.diff(splices.starts[splices.offsets])
    assert {SHORTEST, 100} <= set(lengths.tolist())
    again = draw_splices(training / "frames/recordings", 50, [20, 100, 300], seed=1)
    assert np.array_equal(again.firsts, splices.firsts)
    with pytest.raises(InputError, match="expected recordings of 15 s"):
        draw_splices(training / "nothing", 5, [100])


def test_hashes_and_vectors_are_those_of_the_frames(tune_shelf: TuneShelf, training: Path, tmp_path: Path) -> None:
    encoder = TrackEncoder.of(crossmodal.load(tune_shelf.space))
    store = FrameStore(training / "frames/recordings")
    whole = Splices(store.folder, *(np.array(v, np.int64) for v in ([2], [0], [store.length(2) // STEP], [0], [0, 1])))
    hashes, vectors = encode_splices(encoder, whole)
    frames = spliced_frames(store, whole, 0)
    read = store.read(2)
    assert np.array_equal(frames, read[: len(frames)])
    assert np.array_equal(hashes, encoder.hashes("audio", read)[: len(hashes)])
    exact = Splices(store.folder, *(np.array(v, np.int64) for v in ([0], [0], [130], [0], [0, 1])))
    vector = encode_splices(encoder, exact)[1][0]
    assert np.allclose(vector, encoder.vector("audio", store.read(0), hashes), atol=1e-5)
    drawn = draw_splices(store.folder, 6, [100, 240], seed=0)
    hashes, vectors = encode_splices(encoder, drawn)
    ends = drawn.starts[drawn.offsets]
    for number in range(6):
        frames = spliced_frames(store, drawn, number)
        mine = hashes[ends[number] : ends[number + 1]]
        assert (
            np.bitwise_count(encoder.hashes("audio", frames) ^ mine).mean() < 4
        )  # all but the seams: strangers differ in 16
        exact_vector = encoder.vector("audio", frames, mine)
        nearest = np.linalg.norm(vectors - exact_vector, axis=1).argmin()
        assert nearest == number
    drawn.save(tmp_path / "splices.npz")
    assert np.array_equal(Splices.load(tmp_path / "splices.npz").shifts, drawn.shifts)


def test_a_known_recording_is_found_among_strangers(tune_shelf: TuneShelf, training: Path, tmp_path: Path) -> None:
    space, source = crossmodal.load(tune_shelf.space), Matcher.of(tune_shelf.index)
    clock = Clock(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    held = [
        Held(str(n), "irish", str(n), to_bytes(source.store.frames(str(source.index.items[n].sha256))),
             tune_shelf.folder / f"queries/{n}.mid", clock, 0, frozenset())
        for n in range(3)
    ]  # fmt: skip
    matcher = build_among_strangers(space, held, training, tmp_path / "index", strangers=20)
    again = build_among_strangers(space, held, training, tmp_path / "index", strangers=20)
    assert len(again.kinds) == len(matcher.kinds) == 23 and matcher.prunes
    query = matcher.read(held[1].midi, "midi")
    found = matcher.rank(query, matcher.answers_to("midi"))
    assert str(matcher.index.items[found[0].row].id) == "1" and found[0].similarity > 0.5
    assert any(str(matcher.index.items[c.row].id).startswith(NAME) for c in found)
