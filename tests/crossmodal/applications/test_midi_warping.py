"""Clocks from paths, and MIDI files in a recording's time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pretty_midi
import pytest

from crossmodal.alignment.path import Path as WarpingPath
from crossmodal.applications.midi_jobs import aligned_name
from crossmodal.applications.midi_warping import Grid, clock_of, offset_of, warped_midi, write_aligned
from crossmodal.base.errors import InputError
from encoders.constant_q import CENTRE_SECONDS, FRAMES_PER_SECOND, frame_seconds
from pairs.midi_music import Clock
from pairs.midi_reading import read_music
from tests.pairs.midi_bytes import chunk, midi, number, scale, tempo

from .tunes import onsets, tune

GRID = Grid(1 / FRAMES_PER_SECOND, CENTRE_SECONDS, 12, 24)


def path_between(ratio: float, begin: int, count: int) -> WarpingPath:
    """Rows 0 .. count - 1 against columns that run `ratio` times as fast, from `begin` on, without leaps."""
    rows, columns = [0], [begin]
    while rows[-1] < count - 1:
        behind = begin + ratio * rows[-1] - columns[-1]
        rows.append(rows[-1] + (behind < 1.0))
        columns.append(columns[-1] + (behind > -1.0 / 2))
    return WarpingPath(np.array(rows), np.array(columns), 0.0)


@pytest.mark.parametrize("ratio", [0.7, 1.0, 1.31])
def test_a_clock_is_finer_than_frames(ratio: float) -> None:
    path = path_between(ratio, 40, 400)
    clock = clock_of(path, GRID, midi_rows=True)
    seconds = frame_seconds(400)
    hop = float(seconds[1] - seconds[0])
    expected = (40 + ratio * np.arange(400)) * hop + seconds[0]
    error = clock(seconds) - expected
    assert np.abs(error - np.median(error)).max() < hop / 2 and np.abs(error).max() < hop
    swapped = WarpingPath(path.columns, path.rows, 0.0)
    np.testing.assert_array_equal(clock_of(swapped, GRID, midi_rows=False).target, clock.target)
    begins = (40 * hop + seconds[0]) - ratio * seconds[0]
    assert offset_of(clock) == pytest.approx(begins, abs=hop)


def test_paths_that_stand_still() -> None:
    still = WarpingPath(np.zeros(50, np.int64), np.arange(50), 0.0)
    with pytest.raises(InputError, match="stands still"):
        clock_of(still, GRID, midi_rows=True)
    leaps = WarpingPath(np.arange(300), np.concatenate([np.arange(100), np.full(100, 99), np.arange(99, 199)]), 0.0)
    clock = clock_of(leaps, GRID, midi_rows=True)
    assert (np.diff(clock.target) > 0).all()


def with_pedal() -> bytes:
    """Notes of a scale, and a pedal that is held for a while."""
    down, up = number(0) + bytes([0xB0, 64, 127]), number(0) + bytes([0xB0, 64, 0])
    return midi([tempo(500_000), down + scale(30) + up])


def test_a_midi_file_in_the_recordings_time(tmp_path: Path) -> None:
    source, output = tmp_path / "a.mid", tmp_path / "out/a.mid"
    source.write_bytes(with_pedal())
    clock = Clock(np.array([0.2, 3.0, 7.0]), np.array([1.2, 5.0, 8.0]))
    write_aligned(source, clock, output, seconds=60.0)
    before, after = pretty_midi.PrettyMIDI(str(source)), pretty_midi.PrettyMIDI(str(output))
    starts = np.array([note.start for note in before.instruments[0].notes])
    found = np.array([note.start for note in after.instruments[0].notes])
    assert len(found) == 30 and np.abs(found - clock(starts)).max() < 0.01
    pedals = [
        change for instrument in after.instruments for change in instrument.control_changes if change.number == 64
    ]
    assert {change.value for change in pedals} == {0, 127}
    rows = output.with_suffix(".csv").read_text(encoding="utf-8").splitlines()
    assert rows == ["midi_seconds,recording_seconds", "0.2000,1.2000", "3.0000,5.0000", "7.0000,8.0000"]
    read_music(output)


def test_what_lies_outside_the_recording_is_left_out(tmp_path: Path) -> None:
    source = tmp_path / "a.mid"
    source.write_bytes(tune(1))
    played = onsets(source)
    clock = Clock(np.array([5.0, 10.0]), np.array([1.0, 6.0]))  # begins 4 s later than the MIDI
    found = warped_midi(source, clock, seconds=9.0)
    starts = np.array([note.start for instrument in found.instruments for note in instrument.notes])
    assert starts.min() >= 0 and starts.max() <= 9.0
    inside = played[(played > 4.1) & (played < 12)] - 4.0
    assert all(np.abs(starts - second).min() < 0.01 for second in inside)
    with pytest.raises(InputError, match="nothing of it sounds"):
        warped_midi(source, Clock(np.array([0.0, 1.0]), np.array([500.0, 501.0])), seconds=9.0)
    source.write_bytes(b"MThd" + chunk(b"MTrk", b"")[:3])
    with pytest.raises(InputError):
        warped_midi(source, clock, seconds=9.0)


def test_names_never_collide() -> None:
    names = [
        aligned_name(Path(name))
        for name in ("/a/x.mid", "/b/x.mid", "/a/x.midi", "/a/x y.mid", "/a/x_y.mid", "/a/....mid")
    ]
    assert len({name.lower() for name in names}) == 6
    assert all(name == Path(name).name and not name.startswith(".") and " " not in name for name in names)
    assert len(aligned_name(Path("/a/" + "n" * 240 + ".mid"))) < 100
