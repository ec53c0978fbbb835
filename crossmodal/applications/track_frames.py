"""Recordings and MIDI files -> constant-Q frames in 8 bits: what an index of hash sequences is made of, and what is asked of it.

Every file is read in a worker process with caps on time and memory, so that one that crashes or hangs its parser costs only itself.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossmodal.base.audio import AUDIO_EXTENSIONS
from crossmodal.base.errors import InputError
from crossmodal.base.files import atomic_write
from crossmodal.base.frame_store import to_bytes
from crossmodal.base.progress import Bar, progress
from crossmodal.base.results import Skipped
from crossmodal.base.workers import Failure, WorkerPool, limit_memory

MIDI_EXTENSIONS = frozenset({".mid", ".midi", ".kar", ".rmi"})
KINDS = {"audio": ("a recording", "recordings"), "midi": ("a MIDI file", "MIDI files")}
FILE_EXTENSIONS = {"audio": AUDIO_EXTENSIONS, "midi": MIDI_EXTENSIONS}
LEAST_SECONDS = 5.0  # of music: less tells nothing of which piece it is
MOST_SECONDS = 3_600.0
TIMEOUT_SECONDS = 180.0
MEMORY_BYTES = 4 << 30  # more than a worker has when it begins: an hour of sound at three times our rate, twice


@dataclass(frozen=True)
class TrackFrames:
    """frames (t, 48): bytes, as `frame_store.from_bytes` reads them, 21.5 a second; seconds: how long they last."""

    frames: NDArray[np.uint8]
    seconds: float

    @classmethod
    def of(cls, frames: NDArray[np.uint8]) -> TrackFrames:
        """Frames as they are stored."""
        from encoders.constant_q import FRAMES_PER_SECOND

        return cls(frames, len(frames) / FRAMES_PER_SECOND)


def kind_of(path: Path) -> str | None:
    """ "audio" or "midi" by the extension, None for others."""
    suffix = path.suffix.lower()
    return next((kind for kind, extensions in FILE_EXTENSIONS.items() if suffix in extensions), None)


def read_frames(path: Path, kind: str, *, rolls: bool = False) -> TrackFrames:
    """A file in this process; rolls: MIDI as piano rolls, without any sound.

    InputError with one reason: not readable, silent, too short, drums only, too long.
    """
    from crossmodal.applications.midi_features import midi_frames, recording_frames, roll_frames
    from pairs.midi_reading import read_music

    music = read_music(path, most_seconds=MOST_SECONDS) if kind == "midi" else None
    heard = roll_frames if rolls else midi_frames
    frames = recording_frames(path) if music is None else heard(music.performance)
    found = TrackFrames.of(to_bytes(frames))
    if found.seconds < LEAST_SECONDS:
        raise InputError(
            f"{path}: too short: expected at least {LEAST_SECONDS:g} s of music, got {found.seconds:.1f} s"
        )
    return found


def frames_into(item: Mapping[str, object], folder: Path) -> dict[str, object]:
    """In a worker process: reads item["path"], of item["kind"], as item["rolls"] says, and writes its frames to a file in `folder`, whose
    name it returns.
    """
    import crossmodal.applications.midi_features  # noqa: F401  what it loads shall not count against the limit

    limit_memory(MEMORY_BYTES)
    read = read_frames(Path(str(item["path"])), str(item["kind"]), rolls=bool(item["rolls"]))
    file = f"{item['number']}.npy"
    with atomic_write(folder / file) as temporary, temporary.open("wb") as stream:
        np.save(stream, read.frames, allow_pickle=False)
    return {"file": file}


def frames_apart(
    files: Sequence[tuple[Path, str]], *, rolls: bool = False, jobs: int = 1, quiet: bool = False, label: str = "reading",
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> Iterator[tuple[Path, TrackFrames | Skipped]]:  # fmt: skip
    """Files with their kinds -> (path, frames or why there are none), as they are done, in `jobs` worker processes."""
    with tempfile.TemporaryDirectory(prefix="crossmodal-") as name:
        folder = Path(name)
        tasks = (
            (number, {"path": str(path), "kind": kind, "rolls": rolls, "number": number})
            for number, (path, kind) in enumerate(files)
        )
        pool = WorkerPool(frames_into, folder, processes=min(jobs, len(files)), timeout_seconds=timeout_seconds)
        bar: Bar[int] = progress(len(files), label, quiet=quiet)
        with closing(pool), bar:
            for number, row in pool.run(tasks):
                bar.advance()
                path = files[number][0]
                if isinstance(row, Failure):
                    yield path, Skipped(path=str(path), reason=row.reason.removeprefix(f"{path}: "))
                    continue
                written = folder / str(row["file"])
                yield path, TrackFrames.of(np.load(written, allow_pickle=False))
                written.unlink()
