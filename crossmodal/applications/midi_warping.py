"""From a path between frames to time: where the MIDI begins in the recording, and the MIDI warped onto it, as files.

A path moves in whole frames; the clock made of it is a straight line through each short stretch of the path, which is finer.
"""

from __future__ import annotations

import csv
import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from crossmodal.alignment.path import Path as WarpingPath
from crossmodal.base.errors import InputError
from crossmodal.base.files import atomic_write
from pairs.midi_music import Clock
from pairs.midi_scan import scan_midi

if TYPE_CHECKING:
    from pretty_midi import PrettyMIDI

STEEPEST = 8.0  # seconds of one file in a second of the other
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Grid:
    """Rows or columns of a path in time. hop: seconds between them; centre: of the first; knot: rows between corners of the clock;
    window: of the path on either side through which each corner's line is laid, in rows.
    """

    hop: float
    centre: float
    knot: int
    window: int


def clock_of(path: WarpingPath, grid: Grid, *, midi_rows: bool) -> Clock:
    """Seconds of the MIDI -> seconds of the recording. midi_rows: whether the path's rows are the MIDI, else its columns are.

    Beyond the path the clock goes on as at its ends, which notes before the first frame need. InputError for a path of one cell.
    """
    midi, recording = (path.rows, path.columns) if midi_rows else (path.columns, path.rows)
    x, y = midi.astype(np.float64), recording.astype(np.float64)
    places = np.arange(x[0], x[-1], grid.knot)
    places = np.append(places[:-1] if len(places) > 1 and x[-1] - places[-1] < grid.knot / 2 else places, x[-1])
    if len(places) < 2:
        raise InputError("expected an alignment of more than one frame, got one that stands still")
    corners = np.array([_line_at(x, y, place, grid.window) for place in places])
    spacing = np.diff(places)
    steps = np.clip(np.diff(corners), spacing / STEEPEST, spacing * STEEPEST)
    rising = corners[0] + np.concatenate([[0.0], np.cumsum(steps)])
    rising += float(np.median(corners - rising))
    return Clock(places * grid.hop + grid.centre, rising * grid.hop + grid.centre)


def _line_at(x: Floats, y: Floats, place: float, window: int) -> float:
    """The value at `place` of the straight line through the path around it, nearer cells counting more."""
    low, high = np.searchsorted(x, [place - window, place + window + 1])
    dx, near = x[low:high] - place, y[low:high]
    weight = 1 - np.abs(dx) / (window + 1)
    total, first, second = float(weight.sum()), float(weight @ dx), float(weight @ dx**2)
    determinant = total * second - first**2
    if determinant < 1e-9:
        return float(np.average(near, weights=weight))
    return float((second * (weight @ near) - first * (weight @ (dx * near))) / determinant)


def offset_of(clock: Clock) -> float:
    """Second of the recording at which the MIDI's zero sounds, going back from where the match begins at its mean tempo; less than 0
    where the recording begins later in the piece than the MIDI.
    """
    rate = (clock.target[-1] - clock.target[0]) / (clock.source[-1] - clock.source[0])
    return float(clock.target[0] - rate * clock.source[0])


def warped_midi(source: Path, clock: Clock, *, seconds: float) -> PrettyMIDI:
    """The MIDI file in the recording's time, with its tempo map, pedals and bends; notes that would sound before the recording
    begins, or after its end at `seconds`, are left out. The file is looked over first. InputError when it cannot be parsed.
    """
    import pretty_midi

    scan = scan_midi(source.read_bytes())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = pretty_midi.PrettyMIDI(io.BytesIO(scan.data))
            moments = _moments(clock, found.get_end_time(), seconds)
            found.adjust_times(moments, clock(moments))
    except (ValueError, KeyError, IndexError, EOFError, OSError) as error:
        raise InputError(f"{source}: expected MIDI that pretty_midi reads, got '{error}'; it was not warped") from error
    return found


def _moments(clock: Clock, end: float, seconds: float) -> Floats:
    """Corners of the clock from the file's zero, or where the recording begins, to its end or the recording's."""
    first, last = clock.inverse(np.array([0.0, seconds]))
    begin, stop = max(0.0, float(first)), min(end + 1e-3, float(last))
    if stop - begin < 0.1:
        raise ValueError("nothing of it sounds in the recording")
    inner = clock.source[(clock.source > begin + 1e-3) & (clock.source < stop - 1e-3)]
    return np.concatenate([[begin], inner, [stop]])


def write_aligned(midi: Path, clock: Clock, output: Path, *, seconds: float) -> None:
    """`output` (.mid) and beside it the .csv: midi_seconds and recording_seconds, a row for every corner of the clock."""
    found = warped_midi(midi, clock, seconds=seconds)
    with atomic_write(output) as temporary:
        found.write(str(temporary))
    with (
        atomic_write(output.with_suffix(".csv")) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as stream,
    ):
        writer = csv.writer(stream)
        writer.writerow(["midi_seconds", "recording_seconds"])
        writer.writerows(
            (f"{x:.4f}", f"{y:.4f}") for x, y in zip(clock.source.tolist(), clock.target.tolist(), strict=True)
        )
