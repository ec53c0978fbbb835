"""MIDI files of unknown origin -> what sounds, in seconds, with beats and tempi; or the one reason why not.

The bytes are walked first (`pairs.midi_scan`), so that the native parser (symusic) only meets files that are whole and of bounded size.
Where a crash or a hang would still cost a job, `read_apart` reads in worker processes with caps on time and memory.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from crossmodal.base.errors import InputError
from crossmodal.base.results import Skipped
from crossmodal.base.workers import Failure, WorkerPool, limit_memory
from pairs.facts import Performance, quarters_per_beat
from pairs.instruments import instrument_name
from pairs.midi_scan import MOST_BYTES, MidiScan, scan_midi
from pairs.notes import Floats, Part, lengthen_under_pedal, metre_of

if TYPE_CHECKING:
    from pretty_midi import PrettyMIDI

MOST_SECONDS = 3_600.0
LEAST_NOTES = 8
TIMEOUT_SECONDS = 20.0
MEMORY_BYTES = 1 << 30
_DEFAULT_TEMPO = 500_000  # microseconds a quarter before the first tempo event
_SHORTEST_SECONDS = 0.01


@dataclass(frozen=True)
class MidiMusic:
    """A MIDI file as it sounds. performance: its parts, in seconds; beats: (b,) seconds, from 0 to the last note's end;

    tempo_seconds, qpm: (m,) from when on, and how many quarters a minute.
    """

    performance: Performance
    beats: Floats
    tempo_seconds: Floats
    qpm: Floats

    @property
    def end(self) -> float:
        """Seconds from the file's zero to the end of the last note, drums among them."""
        return max(float(part.offset.max()) for part in self.performance.parts)

    def warped(self, source: Floats, target: Floats) -> MidiMusic:
        """The same music on another clock: seconds source (k,) become target (k,), both increasing; straight lines between them.

        Beyond both ends the clock goes on as the nearest stretch of it does.
        """
        clock = Clock(source, target)
        parts = []
        for part in self.performance.parts:
            onset, offset = clock(part.onset), clock(part.offset)
            parts.append(replace(part, onset=onset, duration=np.maximum(offset - onset, _SHORTEST_SECONDS)))
        beats = clock(self.beats)
        starts = clock(self.tempo_seconds)
        rates = clock.rate(self.tempo_seconds)
        return MidiMusic(replace(self.performance, parts=tuple(parts), bpm=None), beats, starts, self.qpm / rates)

    def to_pretty_midi(self) -> PrettyMIDI:
        """The object that users know: notes at their seconds (to half a millisecond), an instrument for each part; none before 0."""
        import pretty_midi

        found = pretty_midi.PrettyMIDI(resolution=960, initial_tempo=120.0)
        for part in self.performance.parts:
            instrument = pretty_midi.Instrument(program=part.program, is_drum=part.drums, name=part.name)
            kept = part.select(part.offset > 0)
            rows = zip(kept.velocity, kept.pitch, np.maximum(kept.onset, 0.0), kept.offset, strict=True)
            instrument.notes = [pretty_midi.Note(int(v), int(p), float(s), float(e)) for v, p, s, e in rows]
            if instrument.notes:
                found.instruments.append(instrument)
        return found


class Clock:
    """A piecewise straight, increasing map of seconds: source (k,) -> target (k,), k at least 2. InputError when it is none."""

    def __init__(self, source: Floats, target: Floats) -> None:
        self.source, self.target = np.asarray(source, np.float64), np.asarray(target, np.float64)
        right = self.source.ndim == 1 and self.source.shape == self.target.shape and len(self.source) >= 2
        if not right or not (np.diff(self.source) > 0).all() or not (np.diff(self.target) > 0).all():
            raise InputError("expected two rows of at least 2 increasing times of one length; mend the alignment")

    def __call__(self, seconds: Floats) -> Floats:
        """Seconds of the source, any shape -> seconds of the target."""
        seconds = np.asarray(seconds, np.float64)
        place = self._stretch(seconds)
        return self.target[place] + (seconds - self.source[place]) * self._slopes[place]

    def rate(self, seconds: Floats) -> Floats:
        """Target seconds that a source second takes, right after these moments."""
        return self._slopes[self._stretch(np.asarray(seconds, np.float64))]

    @property
    def inverse(self) -> Clock:
        """From target to source."""
        return Clock(self.target, self.source)

    @property
    def _slopes(self) -> Floats:
        return np.diff(self.target) / np.diff(self.source)

    def _stretch(self, seconds: Floats) -> np.ndarray:
        return np.clip(np.searchsorted(self.source, seconds, side="right") - 1, 0, len(self.source) - 2)


def read_music(source: bytes | Path, *, least_notes: int = LEAST_NOTES, most_seconds: float = MOST_SECONDS) -> MidiMusic:
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
        tempi = {0: _DEFAULT_TEMPO} | {int(tick): int(length) for tick, length in changes}  # the last one at a tick holds
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
        duration=np.maximum(offset - onset, _SHORTEST_SECONDS)[order],
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


def save_music(path: Path, music: MidiMusic) -> None:
    """Writes arrays only (npz); `load_music` reads them."""
    parts = music.performance.parts
    sizes = np.array([len(part) for part in parts])
    columns = {
        key: np.concatenate([getattr(part, key) for part in parts])
        for key in ("onset", "duration", "pitch", "velocity")
    }
    metre = np.array(music.performance.metre or (0, 0))
    np.savez(
        path, sizes=sizes, programs=np.array([p.program for p in parts]), drums=np.array([p.drums for p in parts]),
        names=np.array([p.name for p in parts], dtype=np.str_), metre=metre, bpm=np.array(music.performance.bpm or np.nan),
        beats=music.beats, tempo_seconds=music.tempo_seconds, qpm=music.qpm, **columns,
    )  # fmt: skip


def load_music(path: Path) -> MidiMusic:
    """What `save_music` wrote."""
    with np.load(path, allow_pickle=False) as kept:
        ends = np.cumsum(kept["sizes"])
        columns = [
            np.split(kept[key], ends[:-1]) for key in ("onset", "duration", "pitch", "velocity")
        ]
        parts = tuple(
            Part(str(name), *arrays, program=int(program), drums=bool(drums))
            for name, program, drums, *arrays in zip(kept["names"], kept["programs"], kept["drums"], *columns, strict=True)
        )
        names = tuple(instrument_name(part.program, drums=part.drums) for part in parts)
        numerator, denominator = (int(value) for value in kept["metre"])
        bpm = float(kept["bpm"])
        performance = Performance(
            parts, names, metre_of(numerator, denominator), None if np.isnan(bpm) else bpm
        )
        return MidiMusic(performance, kept["beats"], kept["tempo_seconds"], kept["qpm"])
