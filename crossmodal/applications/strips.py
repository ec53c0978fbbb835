"""Score files -> straightened systems, in worker processes that may die: engravers and PDF readers are native code, and not thread-safe.

A worker loads no network; what it makes lies in a file until the caller has read it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from crossmodal.base.errors import InputError
from crossmodal.base.progress import Bar, progress
from crossmodal.base.results import Skipped
from crossmodal.base.workers import Failure, WorkerPool
from crossmodal.pages.files import PAGE_EXTENSIONS
from crossmodal.pages.layout import Page, Strip, System
from pairs.engraving import Engraver
from pairs.engraving_files import SCORE_EXTENSIONS, read_score_text

SHEET_EXTENSIONS = frozenset((*SCORE_EXTENSIONS, *PAGE_EXTENSIONS))
SECONDS = 300.0  # after which a score is given up


@dataclass(frozen=True)
class Strips:
    """All systems of a score in reading order, straightened. places (s, 2): page and system of each, counted from 1."""

    strips: list[Strip]
    places: NDArray[np.int32]


def strips_of(
    paths: Sequence[Path], *, jobs: int, quiet: bool = False, label: str = "reading scores"
) -> Iterator[tuple[Path, Strips | Skipped]]:
    """(path, its systems or why there are none), in the order in which they are done."""
    with TemporaryDirectory(prefix="crossmodal-") as name:
        folder = Path(name)
        pool = WorkerPool(strips_into, folder, processes=min(jobs, len(paths)), timeout_seconds=SECONDS)
        bar: Bar[int] = progress(len(paths), label, quiet=quiet)
        with closing(pool), bar:
            for index, row in pool.run((i, {"path": str(path)}) for i, path in enumerate(paths)):
                bar.advance()
                path = paths[index]
                if isinstance(row, Failure):
                    yield path, Skipped(path=str(path), reason=row.reason.removeprefix(f"{path}: "))
                else:
                    made = folder / str(row["file"])
                    yield path, load_strips(made)
                    made.unlink()


@lru_cache(maxsize=1)
def _engraver() -> Engraver:
    return Engraver()


def strips_into(item: Mapping[str, object], folder: Path) -> dict[str, object]:
    """In a worker process: reads the score item["path"] and writes its systems to a file in `folder`, whose name it returns."""
    from crossmodal.pages.strips import straighten_pages

    path = Path(str(item["path"]))
    strips = straighten_pages(_pages(path))
    if not strips:
        raise InputError(
            f"{path}: expected a score with systems of music, got none; look whether its pages have staves"
        )
    name = f"{uuid.uuid4().hex}.npz"
    arrays: dict[str, NDArray[np.generic]] = {
        "places": np.array([(s.system.page + 1, s.system.number + 1) for s in strips], np.int32)
    }
    for number, strip in enumerate(strips):
        arrays |= {f"bands_{number}": strip.bands, f"whole_{number}": strip.whole}
    np.savez(folder / name, **arrays)  # type: ignore[arg-type]
    return {"file": name}


def _pages(path: Path) -> list[Page]:
    if path.suffix.lower() in PAGE_EXTENSIONS:
        from crossmodal.pages.reading import read_score_pages

        return read_score_pages(path)
    return _engraver().engrave(read_score_text(path)).pages


def load_strips(path: Path) -> Strips:
    """What `strips_into` wrote."""
    with np.load(path, allow_pickle=False) as file:
        places = file["places"]
        strips = [
            Strip(System(int(page) - 1, int(number) - 1, ()), file[f"bands_{row}"], file[f"whole_{row}"], 0.0, 1.0)
            for row, (page, number) in enumerate(places)
        ]
    return Strips(strips, places)
