"""Many files -> vectors: in threads (decoding, resampling, front end and network all leave the interpreter's lock), in order.

`encode_files` writes one Parquet table; finished parts are durable, so that a killed job goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import traceback
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from crossmodal.applications.strips import SHEET_EXTENSIONS
from crossmodal.applications.track_frames import MIDI_EXTENSIONS
from crossmodal.base.audio import AUDIO_EXTENSIONS
from crossmodal.base.errors import CrossmodalError, InputError
from crossmodal.base.files import FolderLock, FullDiskError, atomic_write, find_files, make_folder, remove_leftovers
from crossmodal.base.progress import progress
from crossmodal.base.results import Model, Skipped
from crossmodal.space import Space

if TYPE_CHECKING:
    import pyarrow as pa

PART_FILES = 64
PART_SECONDS = 5.0  # what is encoded is durable after so many files or seconds, whichever comes first
EXTENSIONS = {
    "audio": AUDIO_EXTENSIONS,
    "image": frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"}),
    "text": frozenset({".txt"}),
    "sheet": SHEET_EXTENSIONS,
    "midi": MIDI_EXTENSIONS,
    "voice": AUDIO_EXTENSIONS,
    "mix": AUDIO_EXTENSIONS,
}
Result = NDArray[np.float32] | Skipped
Made = TypeVar("Made")


class EncodedFiles(Model):
    """What `encode` did."""

    output: str
    space: str
    encoded: int
    skipped: list[Skipped]


def usual_modality(space: Space) -> str:
    """What files are where nobody says it: recordings, of several kinds the last (mixes); in a space without any its first modality."""
    if "audio" in space.modalities:
        return "audio"
    return [*space.modalities[:1], *space.embedding.recordings][-1]


def encode_stream(
    space: Space, modality: str, paths: Sequence[Path], *, jobs: int, quiet: bool = False, label: str = "encoding"
) -> Iterator[tuple[Path, Result]]:
    """(path, vector (d,) or why there is none), in the order of the paths, with few files in memory at a time."""

    def one(path: Path) -> NDArray[np.float32]:
        item: object = _read_text(path) if modality == "text" else path
        return space.encode(modality, [item])[0]

    if modality == "sheet":
        from crossmodal.applications.sequences import mean_vectors  # reading pages needs processes of their own

        return mean_vectors(space, paths, jobs=jobs, quiet=quiet, label=label)
    return stream(paths, one, jobs=jobs, quiet=quiet, label=label)


def stream(
    paths: Sequence[Path], function: Callable[[Path], Made], *, jobs: int, quiet: bool, label: str
) -> Iterator[tuple[Path, Made | Skipped]]:
    """(path, what the function makes of it or why it cannot), in the order of the paths, with few files in memory at a time."""

    def one(path: Path) -> Made | Skipped:
        try:
            return function(path)
        except FullDiskError:
            raise
        except CrossmodalError as error:
            return Skipped(path=str(path), reason=str(error).removeprefix(f"{path}: "))
        except Exception as error:  # one bad file must not end a job; where it happened is part of the reason
            return Skipped(path=str(path), reason=_unforeseen(error))

    waiting: deque[tuple[Path, Future[Made | Skipped]]] = deque()
    with (
        one_thread_each(),
        ThreadPoolExecutor(max_workers=jobs) as pool,
        progress(len(paths), label, quiet=quiet) as bar,
    ):
        try:
            for path in paths:
                waiting.append((path, pool.submit(one, path)))
                if len(waiting) > 4 * jobs:
                    bar.advance()
                    yield _next(waiting)
            while waiting:
                bar.advance()
                yield _next(waiting)
        finally:
            for _, future in waiting:
                future.cancel()


def _unforeseen(error: Exception) -> str:
    place = traceback.extract_tb(error.__traceback__)[-1]
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text} ({Path(place.filename).name}:{place.lineno})"


def _read_text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8-sig").strip()
    except UnicodeDecodeError:
        raise InputError(f"{path}: expected text in UTF-8, got other bytes; save it as UTF-8") from None
    if not text:
        raise InputError(f"{path}: empty: expected some text, got none")
    return text


def _next(waiting: deque[tuple[Path, Future[Made | Skipped]]]) -> tuple[Path, Made | Skipped]:
    path, future = waiting.popleft()
    return path, future.result()


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Files are done side by side, so each network call takes one core: no time is lost in splitting small work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def files_for(space: Space, modality: str, sources: Sequence[Path]) -> tuple[list[Path], list[Skipped]]:
    """The files of a modality ("audio+sheet": of both) among files and folders.

    Raises InputError for an unknown modality or when there are none.
    """
    extensions: set[str] = set()
    for one in modality.split("+"):
        space.encoder(one)
        if one not in EXTENSIONS:
            raise InputError(f"expected a modality that files have ({', '.join(EXTENSIONS)}), got {one}")
        extensions |= EXTENSIONS[one]
    paths, skipped = find_files(sources, extensions=extensions)
    if not paths and not skipped:
        raise InputError(
            f"expected {modality.replace('+', ' or ')} files in {', '.join(map(str, sources))}, found none; "
            f"known: {' '.join(sorted(extensions))}"
        )
    return paths, skipped


def encode_files(
    space: Space, sources: Sequence[Path], output: Path, *, modality: str | None = None, jobs: int, quiet: bool = False
) -> EncodedFiles:
    """Writes a table with the columns path and vector. Parts of an interrupted run with the same space are taken up.

    modality: what the files are, by default `usual_modality`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if output.suffix != ".parquet":
        raise InputError(f"--output: expected a .parquet file, got {output}")
    modality = modality or usual_modality(space)
    paths, skipped = files_for(space, modality, sources)
    folder = output.with_name(f".{output.name}.parts")
    make_folder(output.parent)
    with FolderLock(folder):
        remove_leftovers(folder)
        done = _read_parts(folder)
        keys = {path: _key(space, modality, path) for path in paths}
        todo = [path for path in paths if keys[path] not in done]
        with closing(_Parts(folder)) as parts:
            for path, result in encode_stream(space, modality, todo, jobs=jobs, quiet=quiet):
                if isinstance(result, Skipped):
                    skipped.append(result)
                else:
                    done[keys[path]] = result
                    parts.add(keys[path], result)
        names = [path for path in paths if keys[path] in done]
        columns = _columns([str(path) for path in names], [done[keys[path]] for path in names])
        metadata = {"space": space.reference, "fingerprint": space.fingerprint}
        with atomic_write(output) as temporary:
            pq.write_table(pa.table(columns).replace_schema_metadata(metadata), temporary)
        _remove(folder)
    return EncodedFiles(output=str(output), space=space.reference, encoded=len(names), skipped=skipped)


class _Parts:
    """What was encoded, made durable a few files at a time: a killed run costs seconds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._keys: list[str] = []
        self._vectors: list[NDArray[np.float32]] = []
        self._since = 0.0

    def add(self, key: str, vector: NDArray[np.float32]) -> None:
        if not self._keys:
            self._since = time.monotonic()
        self._keys.append(key)
        self._vectors.append(vector)
        if len(self._keys) >= PART_FILES or time.monotonic() - self._since >= PART_SECONDS:
            self.close()

    def close(self) -> None:
        """Writes what waits."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        if not self._keys:
            return
        keys, vectors, self._keys, self._vectors = self._keys, self._vectors, [], []
        with atomic_write(self._folder / f"{uuid.uuid4().hex}.parquet") as temporary:
            pq.write_table(pa.table(_columns(keys, vectors)), temporary)


def _read_parts(folder: Path) -> dict[str, NDArray[np.float32]]:
    """Key -> vector of an interrupted run. A part that cannot be read is made again."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    known: dict[str, NDArray[np.float32]] = {}
    for file in sorted(folder.glob("*.parquet")):
        try:
            table = pq.read_table(file)
            known |= {k: np.asarray(v, np.float32) for k, v in zip(*table.to_pydict().values(), strict=True)}
        except (pa.ArrowException, OSError, ValueError):
            file.unlink(missing_ok=True)
    return known


def _columns(names: list[str], vectors: list[NDArray[np.float32]]) -> dict[str, pa.Array]:
    import pyarrow as pa

    return {"path": pa.array(names, pa.string()), "vector": pa.array(vectors, pa.list_(pa.float32()))}


def _key(space: Space, modality: str, path: Path) -> str:
    """Changes with whatever the vector depends on."""
    try:
        status = path.stat()
        state = [status.st_size, status.st_mtime_ns]
    except OSError:  # gone meanwhile: encoding it will tell
        state = []
    text = json.dumps([space.fingerprint, modality, os.path.abspath(path), *state])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _remove(folder: Path) -> None:
    """The parts are in the table now."""
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
