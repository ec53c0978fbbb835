"""MIDI files of unknown origin: what is read from right ones, and the one reason why each wrong one is not."""

from __future__ import annotations

import os
import signal
import struct
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from crossmodal.base.errors import InputError
from crossmodal.base.results import Skipped
from crossmodal.base.workers import Failure, WorkerPool, limit_memory
from pairs.midi_music import Clock, MidiMusic, load_music, save_music
from pairs.midi_reading import read_apart, read_music
from pairs.midi_scan import MOST_BYTES, MOST_NOTES, scan_midi
from pairs.notes import lengthen_under_pedal
from tests.pairs.midi_bytes import END, chunk, midi, note, number, scale, tempo

BROKEN_NUMBER = b"\xff\xff\xff\xff\x7f\x90\x3c\x50"
BAD = {
    "zero bytes": (b"", "empty: the file has zero bytes"),
    "zeros": (bytes(100_000), "zeros only"),
    "a text": (b"hello, I am a song\n" * 9, "does not begin with MThd"),
    "a picture in RIFF": (b"RIFF\x10\0\0\0WEBP" + bytes(8), "without a MIDI file"),
    "half a header": (b"MThd\x00\x00\x00\x06\x00", "header is cut off"),
    "no track": (midi([]), "expected a track"),
    "cut off": (midi([scale()])[:60], "is cut off"),
    "ends in a message": (chunk(b"MThd", struct.pack(">HHH", 0, 1, 480)) + chunk(b"MTrk", b"\x00\x90"), "within a message"),
    "data without a message": (midi([b"\x00\x3c\x50" + scale()]), "without a message"),
    "a long number": (midi([BROKEN_NUMBER]), "more than four bytes"),
    "an event over the end": (midi([b"\x00\xff\x01\x7fhi"]), "runs over the end"),
    "a live message": (midi([b"\x00\xf8" + scale()]), "live message"),
    "format 2": (midi([scale(), scale()], form=2), "format 2"),
    "format 9": (midi([scale()], form=9), "format 0, 1 or 2"),
    "SMPTE time": (midi([scale()], division=0xE728), "SMPTE"),
    "no ticks": (midi([scale()], division=0), "zero ticks"),
    "zero tempo": (midi([tempo(0), scale()]), "zero tempo"),
    "a short tempo": (midi([b"\x00\xff\x51\x02\x07\xa1" + scale()]), "tempo event"),
    "no notes": (midi([tempo(500_000)]), "empty: it holds no notes"),
    "drums only": (midi([scale(channel=9)]), "drums only"),
    "one note": (midi([note(60)]), "too few notes: expected at least 8, got 1"),
    "2^31 ticks": (midi([scale(wait=0x0FFF_FFFF)]), "too long: expected at most 2,147,483,647 ticks"),
    "three hours": (midi([scale(wait=960 * 900)]), "too long: expected at most 3,600 s"),
    "10^7 notes": (midi([b"\x00\x90\x3c\x50" + b"\x00\x3c\x50" * 10_000_000]), "too large: expected at most 8,000,000 bytes"),
    "many notes": (midi([b"\x00\x90\x3c\x50" + b"\x00\x3c\x50" * (MOST_NOTES + 5)]), "too large: expected at most 200,000 notes"),
    "many tracks": (midi([b""] * 5_000), "tracks"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_every_bad_file_has_its_reason(name: str, tmp_path: Path) -> None:
    data, reason = BAD[name]
    path = tmp_path / "bad.mid"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"bad\.mid: ") as error:
        read_music(path)
    assert reason in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_music(tmp_path / "none.mid")
    with pytest.raises(InputError, match="no regular file"):
        read_music(tmp_path)


def test_times_follow_all_tempi() -> None:
    melody = b"".join(note(60 + place, length=480) for place in range(10))
    music = read_music(midi([tempo(600_000) + tempo(300_000, wait=960), melody]))
    expected = [0.0, 0.6, *(1.2 + 0.3 * place for place in range(8))]
    part = music.performance.parts[0]
    np.testing.assert_allclose(part.onset, expected, atol=1e-9)
    np.testing.assert_allclose(part.duration, [0.6, 0.6] + [0.3] * 8, atol=1e-9)
    np.testing.assert_allclose(music.beats, expected, atol=1e-9)
    np.testing.assert_allclose(music.tempo_seconds, [0.0, 1.2])
    np.testing.assert_allclose(music.qpm, [100.0, 200.0])
    assert music.end == pytest.approx(3.6)


def test_agrees_with_pretty_midi(tmp_path: Path) -> None:
    import pretty_midi

    path = tmp_path / "song.mid"
    program = b"\x00\xc1\x28"
    path.write_bytes(midi([tempo(431_001), scale(30), program + scale(20, channel=1, wait=77), scale(9, channel=9)]))
    music, other = read_music(path), pretty_midi.PrettyMIDI(str(path))
    assert sorted((p.program, p.drums) for p in music.performance.parts) == [(0, False), (0, True), (40, False)]
    for part in music.performance.parts:
        same = next(i for i in other.instruments if (i.program, i.is_drum) == (part.program, part.drums))
        np.testing.assert_allclose(part.onset, sorted(n.start for n in same.notes), atol=1e-9)
        assert part.pitch.tolist() == [n.pitch for n in sorted(same.notes, key=lambda n: (n.start, n.pitch))]


def test_a_file_in_a_riff_envelope() -> None:
    inner = midi([scale()])
    content = b"RMID" + b"INFO" + struct.pack("<I", 3) + b"abc\0" + b"data" + struct.pack("<I", len(inner)) + inner
    assert scan_midi(b"RIFF" + struct.pack("<I", len(content)) + content).notes == 12


def test_running_status_system_messages_and_foreign_chunks_are_read() -> None:
    track = b"\x00\x90\x3c\x50" + b"\x10\x3e\x50" * 9 + b"\x00\xf0" + number(300) + bytes(300) + b"\x05\x90\x40\x50"
    data = chunk(b"MThd", struct.pack(">HHH", 1, 1, 96)) + chunk(b"XFIH", b"foreign") + chunk(b"MTrk", track + END)
    scan = scan_midi(data)
    assert (scan.notes, scan.drum_notes, scan.ticks, scan.ticks_per_quarter) == (11, 0, 0x10 * 9 + 5, 96)


def test_the_dearest_scan_is_bounded() -> None:
    events = b"\x00\x3c\x00" * ((MOST_BYTES - 100) // 3)  # all note-offs: nothing ends the walk before the bytes do
    scan = scan_midi(midi([b"\x00\x90\x3c\x50" + events]))
    assert scan.notes == 1


def test_pedal_agrees_with_the_naive_loop() -> None:
    generator = np.random.default_rng(0)
    for _ in range(30):
        onset = np.sort(np.round(generator.uniform(0, 20, 40), 1))
        duration, pitch = generator.uniform(0.1, 2, 40), generator.integers(60, 66, 40)
        edges = np.sort(generator.uniform(0, 22, 8))
        pedals = [(float(a), float(b)) for a, b in edges.reshape(4, 2)]
        expected = duration.copy()
        for press, release in pedals:
            for place in range(40):
                if press <= onset[place] + duration[place] < release:
                    again = [o for o, p in zip(onset, pitch, strict=True) if p == pitch[place] and o > onset[place]]
                    expected[place] = max(duration[place], min([release, *again]) - onset[place])
        np.testing.assert_allclose(lengthen_under_pedal(onset, duration, pitch, pedals), expected)


def test_clock_goes_there_and_back_and_on() -> None:
    clock = Clock(np.array([0.0, 1.0, 3.0]), np.array([2.0, 4.0, 5.0]))
    np.testing.assert_allclose(clock(np.array([-1.0, 0.0, 0.5, 1.0, 2.0, 5.0])), [0.0, 2.0, 3.0, 4.0, 4.5, 6.0])
    np.testing.assert_allclose(clock.inverse(clock(np.array([-1.0, 0.3, 2.7, 9.0]))), [-1.0, 0.3, 2.7, 9.0])
    for wrong in ([0.0], [0.0, 0.0], [1.0, 0.0]):
        with pytest.raises(InputError, match="increasing"):
            Clock(np.array(wrong), np.array([0.0, 1.0][: len(wrong)]))


def test_warped_music_and_the_object_users_know(tmp_path: Path) -> None:
    music = read_music(midi([scale(16), scale(8, channel=9)]))
    warped = music.warped(np.array([0.0, 2.0, 4.0]), np.array([1.0, 2.0, 6.0]))
    np.testing.assert_allclose(warped.performance.parts[0].onset[[0, 4, 8, 12]], [1.0, 1.5, 2.0, 4.0])
    np.testing.assert_allclose(warped.qpm, [240.0])
    path = tmp_path / "warped.mid"
    warped.to_pretty_midi().write(str(path))
    again = read_music(path)
    np.testing.assert_allclose(again.performance.parts[0].onset, warped.performance.parts[0].onset, atol=1e-3)
    assert [p.drums for p in again.performance.parts].count(True) == 1


def test_music_on_disk_is_the_same(tmp_path: Path) -> None:
    music = read_music(midi([tempo(400_000), scale(16), scale(8, channel=9)]))
    save_music(tmp_path / "m.npz", music)
    same(load_music(tmp_path / "m.npz"), music)


def same(first: MidiMusic, second: MidiMusic) -> None:
    """Raises where two differ."""
    for one, other in zip(first.performance.parts, second.performance.parts, strict=True):
        assert (one.name, one.program, one.drums) == (other.name, other.program, other.drums)
        for key in ("onset", "duration", "pitch", "velocity"):
            np.testing.assert_array_equal(getattr(one, key), getattr(other, key))
    np.testing.assert_array_equal(first.beats, second.beats)
    assert first.performance.metre == second.performance.metre
    assert first.performance.bpm == second.performance.bpm


def test_apart_each_file_costs_only_itself(tmp_path: Path) -> None:
    names = ["zeros", "drums only", "2^31 ticks", "many notes", "format 2"]
    paths = [tmp_path / f"{number}.mid" for number in range(len(names) + 1)]
    for path, name in zip(paths, names, strict=False):
        path.write_bytes(BAD[name][0])
    paths[-1].write_bytes(midi([scale()]))
    found = dict(read_apart(paths, jobs=2))
    for path, name in zip(paths, names, strict=False):
        row = found[path]
        assert isinstance(row, Skipped)
        assert BAD[name][1] in row.reason
        assert not row.reason.startswith(str(path))
    good = found[paths[-1]]
    assert isinstance(good, MidiMusic)
    same(good, read_music(paths[-1]))


def misbehave(item: Mapping[str, object], folder: Path) -> dict[str, object]:
    """A native parser at its worst, in a worker process."""
    limit_memory(1 << 28)
    limit_memory(1 << 40)  # the first limit holds
    kind = item["kind"]
    if kind == "memory":
        return {"size": len(bytearray(1 << 30))}
    if kind == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if kind == "hang":
        time.sleep(60)
    return {"size": 0}


def test_memory_crashes_and_hangs_are_caught(tmp_path: Path) -> None:
    tasks = [(number, {"kind": kind}) for number, kind in enumerate(("memory", "crash", "hang", "fine"))]
    pool = WorkerPool(misbehave, tmp_path, processes=1, timeout_seconds=3)
    found = dict(pool.run(iter(tasks)))
    reasons = [found[number].reason for number in range(3) if isinstance(found[number], Failure)]  # type: ignore[union-attr]
    assert len(reasons) == 3
    assert "MemoryError" in reasons[0]
    assert "SIGSEGV" in reasons[1]
    assert "longer than 3 s" in reasons[2]
    assert found[3] == {"size": 0}
