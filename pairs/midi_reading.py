"""MIDI files of unknown origin -> what sounds, in seconds, with beats and tempi; or the one reason why not.

The bytes are walked first (`pairs.midi_scan`), so that the native parser (symusic) only meets files that are whole and of bounded size.
Where a crash or a hang would still cost a job, `read_apart` reads in worker processes with caps on time and memory.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from crossmodal.base.errors import InputError
from crossmodal.base.results import Skipped
from crossmodal.base.workers import Failure, WorkerPool, limit_memory
from pairs.facts import Performance, quarters_per_beat
from pairs.instruments import instrument_name
from pairs.midi_music import SHORTEST_SECONDS, MidiMusic, load_music, save_music
from pairs.midi_scan import MOST_BYTES, MidiScan, scan_midi
from pairs.notes import Floats, Part, lengthen_under_pedal, metre_of

MOST_SECONDS = 3_600.0
LEAST_NOTES = 8
TIMEOUT_SECONDS = 20.0
MEMORY_BYTES = 1 << 30
_DEFAULT_TEMPO = 500_000  # microseconds a quarter before the first tempo event


def read_music(
    source: bytes | Path, *, least_notes: int = LEAST_NOTES, most_seconds: float = MOST_SECONDS
) -> MidiMusic:
    """A MIDI file, or its bytes, as it sounds. Notes under the sustain pedal are lengthened.

    InputError with the file's name and one reason: missing, empty, no MIDI, corrupt, format 2, SMPTE time, zero tempo, too large (bytes,
    tracks, notes, ticks), too long, drums only, too few notes that are no drums.
    """
    name = "MIDI data" if isinstance(source, bytes) else str(source)
    try:
        scan = scan_midi(source if isinstance(source, bytes) else _read_bytes(source))
        if scan.notes == 0:
            raise InputError("empty: it holds no notes")
        if scan.notes == scan.drum_notes:
            raise InputError("drums only: nothing in it has a pitch")
        return _checked(_parse(scan), least_notes, most_seconds)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


def _read_bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"too large: expected at most {MOST_BYTES:,} bytes, got {path.stat().st_size:,}")
        if not path.is_file():
            raise InputError("expected a MIDI file, got something that is no regular file")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}") from error


def _checked(music: MidiMusic, least_notes: int, most_seconds: float) -> MidiMusic:
    pitched = sum(len(part) for part in music.performance.parts if not part.drums)
    if pitched == 0:
        raise InputError("drums only: nothing in it has a pitch")
    if pitched < least_notes:
        raise InputError(f"too few notes: expected at least {least_notes}, got {pitched}")
    if music.end > most_seconds:
        raise InputError(f"too long: expected at most {most_seconds:,.0f} s, got {music.end:,.0f} s")
    return music


def _parse(scan: MidiScan) -> MidiMusic:
    from symusic import Score  # a compiled module that `import pairs` does not need

    try:
        score = Score.from_midi(scan.data)
    except (RuntimeError, ValueError) as error:
        raise InputError(f"corrupt: {' '.join(str(error).split())}") from error
    clock = _TempoMap([(t.time, t.mspq) for t in score.tempos], scan.ticks_per_quarter)
    parts = tuple(_part(track, clock) for track in score.tracks if len(track.notes))
    metres = score.time_signatures
    metre = metre_of(int(metres[0].numerator), int(metres[0].denominator)) if len(metres) else None
    names = tuple(instrument_name(part.program, drums=part.drums) for part in parts)
    qpm = 60e6 / clock.lengths
    performance = Performance(parts, names, metre, float(qpm[0]) / quarters_per_beat(metre))
    last = max((float(np.max(t.notes.numpy()["time"])) for t in score.tracks if len(t.notes)), default=0.0)
    beats = np.arange(0.0, last + 1, quarters_per_beat(metre) * scan.ticks_per_quarter)
    return MidiMusic(performance, clock.seconds(beats), clock.seconds(clock.ticks), qpm)


class _TempoMap:
    """Ticks -> seconds. lengths: (m,) microseconds a quarter from ticks (m,) on."""

    def __init__(self, changes: Sequence[tuple[int, int]], ticks_per_quarter: int) -> None:
        tempi = {0: _DEFAULT_TEMPO} | {
            int(tick): int(length) for tick, length in changes
        }  # the last one at a tick holds
        self.ticks = np.array(sorted(tempi), np.float64)
        self.lengths = np.array([tempi[int(tick)] for tick in self.ticks], np.float64)
        self._second = self.lengths / 1e6 / ticks_per_quarter
        self._starts = np.concatenate([[0.0], np.cumsum(np.diff(self.ticks) * self._second[:-1])])

    def seconds(self, ticks: Floats) -> Floats:
        """(n,) -> (n,)."""
        place = np.searchsorted(self.ticks, ticks, side="right") - 1
        return self._starts[place] + (ticks - self.ticks[place]) * self._second[place]


def _part(track: object, clock: _TempoMap) -> Part:
    table = track.notes.numpy()  # type: ignore[attr-defined]
    begin, length = table["time"].astype(np.float64), table["duration"].astype(np.float64)
    pedals = [(float(p.time), float(p.time + p.duration)) for p in track.pedals]  # type: ignore[attr-defined]
    length = lengthen_under_pedal(begin, length, table["pitch"], pedals)
    onset, offset = clock.seconds(begin), clock.seconds(begin + length)
    order = np.lexsort((table["pitch"], onset))
    return Part(
        name=str(track.name),  # type: ignore[attr-defined]
        onset=onset[order],
        duration=np.maximum(offset - onset, SHORTEST_SECONDS)[order],
        pitch=np.clip(table["pitch"].astype(np.int64)[order], 0, 127),
        velocity=np.clip(table["velocity"].astype(np.int64)[order], 1, 127),
        program=int(track.program),  # type: ignore[attr-defined]
        drums=bool(track.is_drum),  # type: ignore[attr-defined]
    )


def read_apart(
    paths: Sequence[str | Path], *, jobs: int = 1, timeout_seconds: float = TIMEOUT_SECONDS
) -> Iterator[tuple[Path, MidiMusic | Skipped]]:
    """Reads files in worker processes with caps on time and memory: (path, music or why not), as they are done.

    A file that crashes its process, or takes longer than `timeout_seconds`, costs only itself.
    """
    wanted = [Path(path) for path in paths]
    with tempfile.TemporaryDirectory(prefix="crossmodal-") as name:
        folder = Path(name)
        tasks = ((number, {"path": str(path), "number": number}) for number, path in enumerate(wanted))
        pool = WorkerPool(read_into, folder, processes=min(jobs, len(wanted)), timeout_seconds=timeout_seconds)
        with closing(pool):
            for number, row in pool.run(tasks):
                path = wanted[number]
                if isinstance(row, Failure):
                    yield path, Skipped(path=str(path), reason=row.reason.removeprefix(f"{path}: "))
                else:
                    yield path, load_music(folder / str(row["file"]))


def read_into(item: Mapping[str, object], folder: Path) -> dict[str, object]:
    """In a worker process: reads item["path"] and writes its notes to a file in `folder`, whose name it returns."""
    limit_memory(MEMORY_BYTES)
    music = read_music(Path(str(item["path"])))
    file = f"{item['number']}.npz"
    save_music(folder / file, music)
    return {"file": file}
