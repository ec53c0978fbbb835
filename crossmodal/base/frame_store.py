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
    """The tracks of a store, read-only. Memory: 8 bytes a track, and the ids once they are asked for.

    ids in the order of appending; bins: values a frame. IntegrityError where the file is shorter than the lists say.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.bins, names, lengths = _read_lists(self.folder)
        self._lists = names
        self.offsets: NDArray[np.int64] = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        self._ids: dict[str, int] | None = None
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
        return list(self._places())

    def number(self, name: str) -> int:
        """Place of a track by its id. InputError where there is none."""
        try:
            return self._places()[name]
        except KeyError:
            raise InputError(f'{self.folder}: expected a track "{name}", found none; make the store anew') from None

    def __contains__(self, name: str) -> bool:
        return name in self._places()

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

    def _places(self) -> dict[str, int]:
        if self._ids is None:
            self._ids = {name: number for number, name in enumerate(self._lists)}
        return self._ids

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
        known = set(names)
        for name, frames in stored:
            if frames.shape[1] != bins:
                raise InputError(f'"{name}": expected {bins} bins as in the rest, got {frames.shape[1]}')
            if name in known:
                raise InputError(f'"{name}": expected a new id, got one that the store has already')
            known.add(name)
        path = folder / _FRAMES
        with path.open("r+b" if path.exists() else "w+b") as stream:
            stream.truncate(sum(lengths) * bins)
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


def _read_lists(folder: Path) -> tuple[int, list[str], list[int]]:
    """Bins (0 where there is nothing), ids and lengths of all tracks."""
    bins, names, lengths = 0, [], []
    for path in _lists(folder):
        content = read_json(path)
        if not isinstance(content, dict) or not isinstance(content.get("tracks"), list):
            raise IntegrityError(f"{path}: expected a list of tracks, got something else; make the store anew")
        bins = int(content["bins"])
        names += [str(name) for name, _ in content["tracks"]]
        lengths += [int(length) for _, length in content["tracks"]]
    return bins, names, lengths
