"""Prepared files on disk: the frames of every training recording, memory-mapped, so that a random window costs microseconds; and pictures.

A store is a folder of shards; a shard is one array (frames, ...) of up to `SHARD_ITEMS` recordings (float16), or pictures (uint8, one
"frame" each), and a JSON file
that says where each begins. Shards are written whole or not at all and are reused as long as the front end and the
files (path, size, time of change) are the same; a killed job goes on with the next shard.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from crossmodal.base.errors import InputError
from crossmodal.base.files import atomic_write, make_folder, read_json, write_json
from crossmodal.base.progress import progress
from crossmodal.base.results import Skipped
from encoders.covers import ImageEncoder
from encoders.encoder import AudioEncoder

SHARD_ITEMS = 128


def front_end_key(encoder: AudioEncoder | ImageEncoder) -> str:
    """A hash of what the front end makes of a fixed signal: any change of it changes the key."""
    if isinstance(encoder, ImageEncoder):
        picture = np.random.default_rng(0).integers(0, 256, (300, 200, 3), np.uint8)
        return hashlib.sha256(b"image " + encoder.prepare(picture).numpy().tobytes()).hexdigest()[:16]
    count = encoder.window_samples
    time = torch.arange(count, dtype=torch.float64) / encoder.sample_rate
    signal = (0.5 * torch.sin(2 * torch.pi * (200 + 2000 * time) * time)).float()[None]
    with torch.inference_mode():
        frames = encoder.frames(signal).to(torch.float16).numpy()
    settings = f"{type(encoder).__name__} {encoder.sample_rate} {encoder.frame_length} {encoder.frame_hop}"
    return hashlib.sha256(settings.encode() + frames.round(2).tobytes()).hexdigest()[:16]


@dataclass(frozen=True)
class _Shard:
    file: Path
    frames: np.ndarray
    starts: dict[str, tuple[int, int]]  # file -> first frame, one past the last
    window: int  # frames that `PreparedStore.window` draws

    def __reduce__(self) -> tuple[object, ...]:
        """Another process maps the same file; the frames themselves are not sent."""
        return _open_shard, (self.file, self.starts, self.window)


def _open_shard(file: Path, starts: dict[str, tuple[int, int]], window: int) -> _Shard:
    return _Shard(file, np.load(file, mmap_mode="r", allow_pickle=False), starts, window)


class PreparedStore:
    """Random access to what was prepared: `window(path, place(path, generator))` is a window of a recording at random, or a picture."""

    def __init__(self, shards: Sequence[_Shard]) -> None:
        self._shards = list(shards)
        self._where = {path: (shard, *span) for shard in shards for path, span in shard.starts.items()}

    def __or__(self, other: PreparedStore) -> PreparedStore:
        """Both, where a recipe has several modalities with files."""
        return PreparedStore([*self._shards, *other._shards])

    def __contains__(self, path: Path) -> bool:
        return str(path) in self._where

    def place(self, path: Path, generator: np.random.Generator, *, away: int | None = None) -> int:
        """First frame of a window of a recording, drawn from `generator`. away: that of another window, half of which it shares at the most
        where the recording is long enough; else the farthest there is.
        """
        shard, start, end = self._where[str(path)]
        last = max(0, end - start - shard.window)
        if away is None:
            return int(generator.integers(0, last + 1))
        half = math.ceil(shard.window / 2)
        before, after = max(0, away - half + 1), max(0, last - away - half + 1)  # how many places there are
        if not before + after:
            return 0 if away > last / 2 else last
        chosen = int(generator.integers(before + after))
        return chosen if chosen < before else away + half + chosen - before

    def window(self, path: Path, place: int) -> np.ndarray:
        """Frames of one window, (window, ...) float16, from frame `place` on; a picture: (1, 3, size, size) uint8."""
        shard, start, _ = self._where[str(path)]
        return shard.frames[start + place : start + place + shard.window]

    def stretch(self, path: Path, first: int, count: int, *, silence: float) -> np.ndarray:
        """Frames first .. first + count of a recording, (count, ...) float32; silence where it has none."""
        shard, start, end = self._where[str(path)]
        begin, stop = max(start, start + first), min(end, start + first + count)
        found = np.full((count, *shard.frames.shape[1:]), silence, np.float32)
        if begin < stop:
            found[begin - start - first : stop - start - first] = shard.frames[begin:stop]
        return found

    def whole(self, path: Path) -> Tensor:
        """All frames of a recording, (..., t) float32."""
        shard, start, end = self._where[str(path)]
        return torch.from_numpy(np.moveaxis(shard.frames[start:end], 0, -1).astype(np.float32))


def prepare_store(
    encoder: AudioEncoder | ImageEncoder, paths: Sequence[Path], *, folder: Path, jobs: int, quiet: bool = False
) -> tuple[PreparedStore, list[Skipped]]:
    """Prepares what is not there yet. Returns the store and the recordings that could not be used, with the reason."""
    folder = folder / front_end_key(encoder)
    make_folder(folder)
    parts = [list(paths[i : i + SHARD_ITEMS]) for i in range(0, len(paths), SHARD_ITEMS)]
    skipped: list[Skipped] = []
    shards: list[_Shard] = []
    with (
        ThreadPoolExecutor(max_workers=max(1, jobs)) as pool,
        progress(len(paths), f"preparing {encoder.modality}", quiet=quiet) as bar,
    ):
        for part in parts:
            shard, bad = _load_or_make(encoder, part, folder, pool.map)
            shards.append(shard)
            skipped.extend(bad)
            bar.advance(len(part))
    return PreparedStore(shards), skipped


def _load_or_make(
    encoder: AudioEncoder | ImageEncoder, paths: list[Path], folder: Path, run: Callable[..., object]
) -> tuple[_Shard, list[Skipped]]:
    key = hashlib.sha256("\n".join(_identity(p) for p in paths).encode()).hexdigest()[:20]
    array_file, index_file = folder / f"{key}.npy", folder / f"{key}.json"
    if not (index_file.exists() and array_file.exists()):
        _make(encoder, paths, array_file, index_file, run)
    index: Any = read_json(index_file)
    starts = {path: (first, end) for path, (first, end) in index["starts"].items()}
    window = encoder.window if isinstance(encoder, AudioEncoder) else 1
    return _open_shard(array_file, starts, window), [Skipped(**row) for row in index["skipped"]]


def _make(
    encoder: AudioEncoder | ImageEncoder,
    paths: list[Path],
    array_file: Path,
    index_file: Path,
    run: Callable[..., object],
) -> None:
    """Writes the array first and the index last: a shard without an index does not exist."""

    def frames(path: Path) -> np.ndarray | Skipped:
        try:
            prepared = encoder.prepare(path)
        except InputError as error:
            return Skipped(path=str(path), reason=str(error))
        if isinstance(encoder, ImageEncoder):
            return np.asarray(prepared.numpy()[None])
        return np.moveaxis(prepared.numpy().astype(np.float16), -1, 0)

    starts: dict[str, tuple[int, int]] = {}
    skipped: list[Skipped] = []
    arrays: list[np.ndarray] = []
    position = 0
    for path, result in zip(paths, run(frames, paths), strict=True):  # type: ignore[call-overload]
        if isinstance(result, Skipped):
            skipped.append(result)
            continue
        starts[str(path)] = (position, position + len(result))
        position += len(result)
        arrays.append(result)
    whole = np.concatenate(arrays) if arrays else np.zeros((0,), np.float16)
    with atomic_write(array_file) as temporary, temporary.open("wb") as stream:
        np.save(stream, whole, allow_pickle=False)
    write_json(index_file, {"starts": starts, "skipped": [s.model_dump() for s in skipped]})


def _identity(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return f"{path} absent"
    return json.dumps([str(path), status.st_size, status.st_mtime_ns])
