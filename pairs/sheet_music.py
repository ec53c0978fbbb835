"""Straightened systems with the notes that stand in them, as files: what the pairs of audio and sheet music are drawn from.

`NAME.sheet.npy` (columns, staves, BAND) uint8 holds the bands of all systems side by side in reading order, memory-mapped;
`NAME.sheet.npz` the systems' widths and the notes. What a recording of them sounds like stands in the notes' seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossmodal.base.files import atomic_write
from crossmodal.pages.layout import BAND, WHOLE, Strip, System
from crossmodal.pages.strips import straighten_pages
from pairs.engraving import Engraving

STAVES = 2  # the outer staves of each system are kept, a lone one with blank paper below


@dataclass(frozen=True)
class SheetMusic:
    """bands: (columns, STAVES, BAND); whole: (columns, WHOLE); ends: (s,) last column + 1 of each system; notes, (n,) in the order of
    time: column (counted over all systems), quarters, seconds (in the recording), duration (quarters), pitch, staff.
    """

    bands: NDArray[np.uint8]
    whole: NDArray[np.uint8]
    ends: NDArray[np.int64]
    column: NDArray[np.float64]
    quarters: NDArray[np.float64]
    seconds: NDArray[np.float64]
    duration: NDArray[np.float64]
    pitch: NDArray[np.int64]
    staff: NDArray[np.int64]

    def select(self, rows: NDArray[np.bool_]) -> SheetMusic:
        """The notes of a mask (n,), on the systems up to the last one of them."""
        notes = {name: getattr(self, name)[rows] for name in _ARRAYS if name != "ends"}
        last = int(np.searchsorted(self.ends, notes["column"].max(), side="right")) if rows.any() else 0
        end = int(self.ends[last])
        return SheetMusic(bands=self.bands[:end], whole=self.whole[:end], ends=self.ends[: last + 1], **notes)

    def crop(self, start: int, end: int) -> Strip:
        """Columns start .. end, which must lie within one system."""
        bands = np.ascontiguousarray(np.transpose(self.bands[start:end], (1, 2, 0)))
        whole = np.ascontiguousarray(self.whole[start:end].T)
        return Strip(System(0, 0, ()), bands, whole, 0.0, 1.0)


def sheet_of(engraving: Engraving) -> SheetMusic:
    """All systems of an engraving, straightened. The seconds are those of its nominal tempo."""
    strips = straighten_pages(engraving.pages)
    offsets = np.cumsum([0, *(strip.width for strip in strips)])
    counts = np.cumsum([0, *(len(page.systems) for page in engraving.pages)])
    notes = engraving.notes
    number = counts[notes.page] + notes.system
    columns = np.array([float(strips[s].column(x)) for s, x in zip(number, notes.x, strict=True)])
    return SheetMusic(
        bands=np.concatenate([_outer(strip.bands) for strip in strips]),
        whole=np.concatenate([strip.whole.T for strip in strips]),
        ends=offsets[1:].astype(np.int64), column=columns + offsets[number], quarters=notes.quarters, seconds=notes.seconds,
        duration=notes.duration, pitch=notes.pitch, staff=notes.staff,
    )  # fmt: skip


def _outer(bands: NDArray[np.uint8]) -> NDArray[np.uint8]:
    blank = np.full_like(bands[0], 255)
    return np.transpose(np.stack([bands[0], bands[-1] if len(bands) > 1 else blank]), (2, 0, 1))


_ARRAYS = ("ends", "column", "quarters", "seconds", "duration", "pitch", "staff")


def write_sheet(path: Path, sheet: SheetMusic) -> None:
    """Writes `path` (NAME.sheet.npy) and what belongs to it."""
    both = np.concatenate([sheet.bands.reshape(len(sheet.bands), STAVES * BAND), sheet.whole], axis=1)
    with atomic_write(path.with_suffix(".npz")) as temporary, temporary.open("wb") as stream:
        np.savez(stream, **{name: getattr(sheet, name) for name in _ARRAYS})
    with atomic_write(path) as temporary, temporary.open("wb") as stream:
        np.save(stream, both, allow_pickle=False)


def read_sheet(path: Path) -> SheetMusic:
    """What `write_sheet` wrote; the images stay on disk until they are looked at."""
    both = np.load(path, mmap_mode="r", allow_pickle=False)
    with np.load(path.with_suffix(".npz"), allow_pickle=False) as file:
        arrays = {name: file[name] for name in _ARRAYS}
    bands = both[:, : STAVES * BAND].reshape(len(both), STAVES, BAND)
    return SheetMusic(bands=bands, whole=both[:, STAVES * BAND : STAVES * BAND + WHOLE], **arrays)
