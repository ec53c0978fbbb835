"""Frames in 8 bits: how exact they are, that a killed append leaves nothing behind, and what damage is found."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from crossmodal.base.errors import InputError, IntegrityError
from crossmodal.base.frame_store import ERROR, FrameStore, append_frames, from_bytes, to_bytes


def frames(length: int, seed: int) -> np.ndarray:
    """Random values in [0, 1]."""
    return np.random.default_rng(seed).random((length, 48))


def test_round_trip_is_within_the_stated_error() -> None:
    values = np.concatenate([np.linspace(0, 1, 100_001), [0.0, 1.0]])
    found = from_bytes(to_bytes(values))
    assert found.dtype == np.float32
    assert np.abs(found - values).max() <= ERROR + 1e-7
    assert from_bytes(to_bytes(np.array([-3.0, 7.0]))).tolist() == [0.0, 1.0]
    with pytest.raises(InputError, match="finite"):
        to_bytes(np.array([np.nan]))


def test_tracks_come_back_in_order_with_offsets(tmp_path: Path) -> None:
    tracks = [(f"t{number}", frames(10 * number + 1, number)) for number in range(5)]
    append_frames(tmp_path, tracks[:2])
    append_frames(tmp_path, [])
    append_frames(tmp_path, [(name, to_bytes(values)) for name, values in tracks[2:]])
    store = FrameStore(tmp_path)
    assert (len(store), store.bins, store.ids) == (5, 48, [name for name, _ in tracks])
    for name, values in tracks:
        track = store.number(name)
        assert store.length(track) == len(values)
        assert np.abs(store.read(track) - values).max() <= ERROR + 1e-7
    np.testing.assert_array_equal(store.read(4, 5, 7), store.read(4)[5:12])
    assert store.raw(4, 38, 10).shape == (3, 48)
    assert store.raw(4, 99, 10).shape == (0, 48)
    size = sum(path.stat().st_size for path in (tmp_path / "frames.u8", *(tmp_path / "tracks").iterdir()))
    assert store.bytes_per_track == pytest.approx(size / 5)
    assert (tmp_path / "frames.u8").stat().st_size == 48 * sum(len(values) for _, values in tracks)
    again = pickle.loads(pickle.dumps(store))
    np.testing.assert_array_equal(again.raw(3), store.raw(3))


def test_tracks_are_found_by_their_ids_many_at_a_time(tmp_path: Path) -> None:
    row = np.zeros((1, 4), np.uint8)
    names = ["b", "Ärger", "a", "ein langer Name", "bb"]
    append_frames(tmp_path / "one", [(name, row) for name in names[:2]])
    append_frames(tmp_path / "one", [(name, row) for name in names[2:]])
    store = FrameStore(tmp_path / "one")
    asked = ["bb", "", "Ärger", "a", "z", "ein langer Name und mehr", "b"]
    assert store.numbers(asked).tolist() == [4, -1, 1, 2, -1, -1, 0]
    assert [store.name(track) for track in range(5)] == names == store.ids
    assert store.numbers([]).tolist() == [] and FrameStore(tmp_path / "none").numbers(["a"]).tolist() == [-1]
    append_frames(tmp_path / "two", [(name, row) for name in reversed(names)])
    other = FrameStore(tmp_path / "two")
    other.share_ids(store)
    assert other.ids == names[::-1] and other.number("bb") == 0, "other ids stay"


def test_what_a_killed_append_left_does_not_exist(tmp_path: Path) -> None:
    append_frames(tmp_path, [("a", frames(7, 0))])
    with (tmp_path / "frames.u8").open("ab") as stream:
        stream.write(bytes(1001))  # killed before its list was written
    assert FrameStore(tmp_path).ids == ["a"]
    append_frames(tmp_path, [("b", frames(9, 1))])
    store = FrameStore(tmp_path)
    assert np.abs(store.read(1) - frames(9, 1)).max() <= ERROR + 1e-7
    assert (tmp_path / "frames.u8").stat().st_size == 16 * 48


def test_what_is_refused(tmp_path: Path) -> None:
    append_frames(tmp_path, [("a", frames(7, 0))])
    for wrong, reason in (
        ([("a", frames(3, 1))], "already"), ([("b", frames(3, 1)), ("b", frames(3, 1))], "already"),
        ([("b", frames(3, 1)[:, :5])], "48 bins"), ([("b", np.zeros(4))], "expected (t, bins)"),
    ):  # fmt: skip
        with pytest.raises(InputError) as error:
            append_frames(tmp_path, wrong)
        assert reason in str(error.value)
    store = FrameStore(tmp_path)
    assert store.ids == ["a"]
    with pytest.raises(InputError, match='track "b"'):
        store.number("b")


def test_damage_and_emptiness(tmp_path: Path) -> None:
    empty = FrameStore(tmp_path / "none")
    assert (len(empty), empty.ids, empty.bytes_per_track) == (0, [], 0.0)
    append_frames(tmp_path, [("a", frames(7, 0))])
    with (tmp_path / "frames.u8").open("r+b") as stream:
        stream.truncate(100)
    with pytest.raises(IntegrityError, match="336 bytes, got 100"):
        FrameStore(tmp_path)
