"""Many files -> vectors: in threads (decoding, resampling, front end and network all leave the interpreter's lock), in order.

`encode_files` writes one Parquet table; finished parts are durable, so that a killed job goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from crossmodal.base.audio import AUDIO_EXTENSIONS
from crossmodal.base.errors import CrossmodalError, InputError
from crossmodal.base.files import FolderLock, FullDiskError, atomic_write, find_files
from crossmodal.base.progress import progress
from crossmodal.base.results import Model, Skipped
from crossmodal.space import Space

if TYPE_CHECKING:
    import pyarrow as pa

PART = 256  # files a durable part
EXTENSIONS = {
    "audio": AUDIO_EXTENSIONS,
    "image": frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"}),
    "text": frozenset({".txt"}),
}
Result = NDArray[np.float32] | Skipped


class EncodedFiles(Model):
    """What `encode` did."""

    output: str
    space: str
    encoded: int
    skipped: list[Skipped]


def encode_stream(
    space: Space, modality: str, paths: Sequence[Path], *, jobs: int, quiet: bool = False, label: str = "encoding"
) -> Iterator[tuple[Path, Result]]:
    """(path, vector (d,) or why there is none), in the order of the paths, with few files in memory at a time."""

    def one(path: Path) -> Result:
        try:
            item: object = path.read_text(encoding="utf-8") if modality == "text" else path
            return space.encode(modality, [item])[0]
        except FullDiskError:
            raise
        except (CrossmodalError, OSError, UnicodeDecodeError) as error:
            return Skipped(path=str(path), reason=str(error))

    waiting: deque[tuple[Path, Future[Result]]] = deque()
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


def _next(waiting: deque[tuple[Path, Future[Result]]]) -> tuple[Path, Result]:
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
    """The files of a modality among files and folders. Raises InputError for an unknown modality or when there are none."""
    space.encoder(modality)
    if modality not in EXTENSIONS:
        raise InputError(f"expected a modality that files have ({', '.join(EXTENSIONS)}), got {modality}")
    paths, skipped = find_files(sources, extensions=EXTENSIONS[modality])
    if not paths and not skipped:
        raise InputError(
            f"expected {modality} files in {', '.join(map(str, sources))}, found none; known: {' '.join(sorted(EXTENSIONS[modality]))}"
        )
    return paths, skipped


def encode_files(
    space: Space, sources: Sequence[Path], output: Path, *, modality: str, jobs: int, quiet: bool = False
) -> EncodedFiles:
    """Writes a table with the columns path and vector. Parts of an interrupted run with the same space are taken up."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if output.suffix != ".parquet":
        raise InputError(f"--output: expected a .parquet file, got {output}")
    paths, skipped = files_for(space, modality, sources)
    folder = output.with_name(f".{output.name}.parts")
    tables = []
    with FolderLock(folder):
        for start in range(0, len(paths), PART):
            part = paths[start : start + PART]
            file = folder / f"{_part_key(space, modality, part)}.parquet"
            if not file.exists():
                _write_part(space, modality, part, file, jobs=jobs, quiet=quiet)
            table = pq.read_table(file)
            skipped += [Skipped(**row) for row in json.loads(table.schema.metadata[b"skipped"])]
            tables.append(table.replace_schema_metadata({"space": space.reference, "fingerprint": space.fingerprint}))
        whole = pa.concat_tables(tables) if tables else _table([], [], {})
        with atomic_write(output) as temporary:
            pq.write_table(whole, temporary)
    _remove(folder)
    return EncodedFiles(output=str(output), space=space.reference, encoded=whole.num_rows, skipped=skipped)


def _write_part(space: Space, modality: str, part: list[Path], file: Path, *, jobs: int, quiet: bool) -> None:
    import pyarrow.parquet as pq

    names, vectors, skipped = [], [], []
    for path, result in encode_stream(space, modality, part, jobs=jobs, quiet=quiet):
        if isinstance(result, Skipped):
            skipped.append(result.model_dump())
        else:
            names.append(str(path))
            vectors.append(result)
    with atomic_write(file) as temporary:
        pq.write_table(_table(names, vectors, {"skipped": json.dumps(skipped)}), temporary)


def _table(names: list[str], vectors: list[NDArray[np.float32]], metadata: dict[str, str]) -> pa.Table:
    import pyarrow as pa

    columns = {"path": pa.array(names, pa.string()), "vector": pa.array(vectors, pa.list_(pa.float32()))}
    return pa.table(columns).replace_schema_metadata(metadata)


def _part_key(space: Space, modality: str, part: list[Path]) -> str:
    def identity(path: Path) -> list[object]:
        status = path.stat()
        return [str(path), status.st_size, status.st_mtime_ns]

    text = json.dumps([space.fingerprint, modality, [identity(path) for path in part]])
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _remove(folder: Path) -> None:
    """The parts are in the table now."""
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
