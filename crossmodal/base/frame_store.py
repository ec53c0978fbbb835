"""Frames of a whole collection in 8 bits, in one file that is mapped into memory: what exact alignment reads of a track.

A store is a folder: `frames.u8`, all tracks one after the other, each (t, bins) bytes; and `tracks/*.json`, one for every append, which
say what was added. An append writes its bytes first and its list last: bytes behind the last list do not exist, and the next append
overwrites what a killed one left. Values lie in [0, 1] in steps of 1 / 255, so what is read differs by at most `ERROR` from what was
written.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossmodal.base.errors import InputError, IntegrityError
from crossmodal.base.files import FolderLock, make_folder, read_json, write_json

ERROR = 1 / 510
_LEVELS = 255
_FRAMES = "frames.u8"


def to_bytes(frames: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Values in [0, 1], any shape -> bytes; beyond both ends they are cut off. InputError where one is no number."""
    if not np.isfinite(frames).all():
        raise InputError("frames: expected finite numbers, got others; mend the recording")
    return np.round(np.clip(frames, 0.0, 1.0) * _LEVELS).astype(np.uint8)


def from_bytes(stored: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Bytes -> float32 in [0, 1], within `ERROR` of what they were made of."""
    return stored.astype(np.float32) / np.float32(_LEVELS)


class FrameStore:
    """The tracks of a store, read-only. Memory of a track: 8 bytes, those of its id, and 8 more once it was asked for by it.

    ids in the order of appending; bins: values a frame. IntegrityError where the file is shorter than the lists say.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.bins, self._names, lengths = _read_lists(self.folder)
        self.offsets: NDArray[np.int64] = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        self._order: NDArray[np.intp] | None = None
        path = self.folder / _FRAMES
        total, kept = int(self.offsets[-1]) * self.bins, path.stat().st_size if path.exists() else 0
        if kept < total:
            raise IntegrityError(f"{path}: expected {total:,} bytes, got {kept:,}; make it anew")
        empty = np.zeros((0, self.bins), np.uint8)
        self._frames = np.memmap(path, np.uint8, "r", shape=(total // self.bins, self.bins)) if total else empty

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def ids(self) -> list[str]:
        """Names of the tracks, in order."""
        return [name.decode() for name in self._names.tolist()]

    def name(self, track: int) -> str:
        """The id of a track."""
        return bytes(self._names[track]).decode()

    def numbers(self, names: Sequence[str]) -> NDArray[np.int64]:
        """Places (n,) of tracks by their ids, -1 where there is none."""
        wanted = _encoded(names)
        if not len(self) or not len(wanted):
            return np.full(len(wanted), -1, np.int64)
        if self._order is None:
            self._order = np.argsort(self._names, kind="stable")
        found = np.searchsorted(self._names, wanted, sorter=self._order)
        places = self._order[np.minimum(found, len(self) - 1)]
        return np.where(self._names[places] == wanted, places, -1)

    def number(self, name: str) -> int:
        """Place of a track by its id. InputError where there is none."""
        place = int(self.numbers([name])[0])
        if place < 0:
            raise InputError(f'{self.folder}: expected a track "{name}", found none; make the store anew')
        return place

    def __contains__(self, name: str) -> bool:
        return bool(self.numbers([name])[0] >= 0)

    def share_ids(self, other: FrameStore) -> None:
        """Keep the ids of another store instead of the own ones, where they are the same."""
        if np.array_equal(self._names, other._names):
            self._names = other._names

    def length(self, track: int) -> int:
        """Frames of a track."""
        return int(self.offsets[track + 1] - self.offsets[track])

    def raw(self, track: int, first: int = 0, count: int | None = None) -> NDArray[np.uint8]:
        """Frames first .. first + count of a track as bytes (t, bins), not copied; fewer where it ends before."""
        begin, end = int(self.offsets[track]), int(self.offsets[track + 1])
        stop = end if count is None else min(end, begin + first + count)
        return self._frames[min(begin + first, end) : stop]

    def read(self, track: int, first: int = 0, count: int | None = None) -> NDArray[np.float32]:
        """The same as float32 in [0, 1], each within `ERROR` of what was written."""
        return from_bytes(self.raw(track, first, count))

    @property
    def bytes_per_track(self) -> float:
        """On disk, frames and lists."""
        size = int(self.offsets[-1]) * self.bins + sum(path.stat().st_size for path in _lists(self.folder))
        return size / max(1, len(self))

    def __reduce__(self) -> tuple[object, ...]:
        """Another process maps the same file; the frames themselves are not sent."""
        return FrameStore, (self.folder,)


def append_frames(folder: str | Path, tracks: Sequence[tuple[str, NDArray[np.generic]]]) -> None:
    """Adds tracks (id, frames (t, bins) in [0, 1], or bytes already) to a store, all or none; makes the store where there is none.

    InputError where an id is there already, bins differ, or another process writes.
    """
    if not tracks:
        return
    folder = make_folder(folder)
    with FolderLock(folder):
        bins, names, lengths = _read_lists(folder)
        stored = [(name, np.ascontiguousarray(_as_bytes(frames))) for name, frames in tracks]
        bins = bins or stored[0][1].shape[1]
        known = set(names.tolist())
        for name, frames in stored:
            if frames.shape[1] != bins:
                raise InputError(f'"{name}": expected {bins} bins as in the rest, got {frames.shape[1]}')
            if name.encode() in known:
                raise InputError(f'"{name}": expected a new id, got one that the store has already')
            known.add(name.encode())
        path = folder / _FRAMES
        with path.open("r+b" if path.exists() else "w+b") as stream:
            stream.truncate(int(lengths.sum()) * bins)
            stream.seek(0, os.SEEK_END)
            for _, frames in stored:
                stream.write(frames.data)
            stream.flush()
            os.fsync(stream.fileno())
        added = [[name, len(frames)] for name, frames in stored]
        write_json(folder / "tracks" / f"{len(_lists(folder)):08d}.json", {"bins": bins, "tracks": added})


def _as_bytes(frames: NDArray[np.generic]) -> NDArray[np.uint8]:
    if frames.ndim != 2 or frames.shape[1] < 1:
        raise InputError(f"frames: expected (t, bins), got {frames.shape}")
    return frames.astype(np.uint8, copy=False) if frames.dtype == np.uint8 else to_bytes(frames.astype(np.float64))


def _lists(folder: Path) -> list[Path]:
    return sorted((folder / "tracks").glob("[0-9]*.json"))


def _encoded(names: Sequence[str]) -> NDArray[np.bytes_]:
    """Ids as bytes of one width: a third of what strings take, and sorted and compared many at a time."""
    return np.array([name.encode() for name in names], np.bytes_) if len(names) else np.zeros(0, "S1")


def _read_lists(folder: Path) -> tuple[int, NDArray[np.bytes_], NDArray[np.int64]]:
    """Bins (0 where there is nothing), ids and lengths of all tracks."""
    bins, names, lengths = 0, [_encoded([])], [np.zeros(0, np.int64)]
    for path in _lists(folder):
        content = read_json(path)
        if not isinstance(content, dict) or not isinstance(content.get("tracks"), list):
            raise IntegrityError(f"{path}: expected a list of tracks, got something else; make the store anew")
        bins = int(content["bins"])
        names.append(_encoded([str(name) for name, _ in content["tracks"]]))
        lengths.append(np.array([int(length) for _, length in content["tracks"]], np.int64))
    return bins, np.concatenate(names), np.concatenate(lengths)
