"""A look at the bytes of a MIDI file before a native parser sees them: is it whole, and small enough to be music?

Everything here is a plain walk over the bytes with stated limits, so that no file can crash it, and the largest costs about a second.
Standard MIDI Files 1.0 (MIDI Manufacturers Association 1996); a file within a RIFF envelope (.rmi) is taken out of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from crossmodal.base.errors import InputError

MOST_BYTES = 8_000_000
MOST_NOTES = 200_000  # note-ons: an hour at 55 a second
MOST_TICKS = 2**31 - 1  # parsers count in 32 bits
MOST_TRACKS = 4_096
_HEADER = 14
_LENGTHS = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}  # data bytes of a message


@dataclass(frozen=True)
class MidiScan:
    """What a walk over a file found. data: the bytes without an envelope; notes, drum_notes: note-ons by channel; ticks: of the longest."""

    data: bytes
    form: int
    ticks_per_quarter: int
    tracks: int
    notes: int
    drum_notes: int
    ticks: int


def scan_midi(data: bytes) -> MidiScan:
    """Bytes of a file -> what is in it. InputError with the one reason (without the file's name) when it cannot be used."""
    _check_kind(data)
    data = _unwrapped(data)
    form, division = _header(data)
    tracks = notes = drums = longest = 0
    for start, end in _track_chunks(data):
        tracks += 1
        if tracks > MOST_TRACKS:
            raise InputError(f"too large: expected at most {MOST_TRACKS:,} tracks, got more")
        found = _walk(data, start, end, track=tracks, allowed=MOST_NOTES - notes)
        notes, drums, longest = notes + found[0], drums + found[1], max(longest, found[2])
    if not tracks:
        raise InputError("corrupt: expected a track (MTrk), found none")
    return MidiScan(data, form, division, tracks, notes, drums, longest)


def _check_kind(data: bytes) -> None:
    if not data:
        raise InputError("empty: the file has zero bytes")
    if len(data) > MOST_BYTES:
        raise InputError(f"too large: expected at most {MOST_BYTES:,} bytes, got {len(data):,}")
    if data[:4] not in (b"MThd", b"RIFF"):
        zeros = not any(data[:4096]) and not data.strip(b"\0")
        raise InputError("not MIDI: the file holds zeros only" if zeros else "not MIDI: it does not begin with MThd")


def _unwrapped(data: bytes) -> bytes:
    """The MIDI file inside a RIFF envelope; others as they are."""
    if data[:4] != b"RIFF":
        return data
    place = 12
    while data[8:12] == b"RMID" and place + 8 <= len(data):
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        if data[place : place + 4] == b"data":
            return data[place + 8 : place + 8 + size]
        place += 8 + size + size % 2
    raise InputError("not MIDI: a RIFF file without a MIDI file in it")


def _header(data: bytes) -> tuple[int, int]:
    """Format and ticks a quarter."""
    if len(data) < _HEADER or data[:4] != b"MThd" or int.from_bytes(data[4:8], "big") < 6:
        raise InputError("corrupt: its header is cut off")
    form, division = int.from_bytes(data[8:10], "big"), int.from_bytes(data[12:14], "big")
    if form > 2:
        raise InputError(f"corrupt: expected format 0, 1 or 2, got {form}")
    if form == 2:
        raise InputError("format 2: its tracks are patterns without a common time; save it as format 0 or 1")
    if division & 0x8000:
        raise InputError("SMPTE time: its ticks are parts of film frames, not of beats; save it with ticks per quarter")
    if division == 0:
        raise InputError("corrupt: zero ticks per quarter")
    return form, division


def _track_chunks(data: bytes) -> Iterator[tuple[int, int]]:
    """First and past-last byte of each MTrk; other chunks are passed over, as the standard demands."""
    place = 8 + int.from_bytes(data[4:8], "big")
    while place + 8 <= len(data):
        kind, size = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "big")
        if kind == b"MTrk":
            if place + 8 + size > len(data):
                raise InputError(f"corrupt: a track of {size:,} bytes is cut off after {len(data) - place - 8:,}")
            yield place + 8, place + 8 + size
        place += 8 + size


def _walk(data: bytes, place: int, end: int, *, track: int, allowed: int) -> tuple[int, int, int]:
    """Note-ons, those of drums, and ticks of one track."""
    notes = drums = ticks = status = 0
    try:
        while place < end:
            delta, place = _number(data, place)
            ticks += delta
            if ticks > MOST_TICKS:
                raise InputError(f"too long: expected at most {MOST_TICKS:,} ticks, got more in track {track}")
            byte = data[place]
            if byte >= 0xF0:
                place, stop = _special(data, place, end)
                if stop:
                    break
                continue
            if byte & 0x80:
                status, place = byte, place + 1
            elif not status:
                raise InputError(f"corrupt: track {track} has data without a message before it, at byte {place:,}")
            if status & 0xF0 == 0x90 and data[place + 1]:
                notes += 1
                drums += status == 0x99
                if notes > allowed:
                    raise InputError(f"too large: expected at most {MOST_NOTES:,} notes, got more")
            place += _LENGTHS[status & 0xF0]
            if place > end:
                raise InputError(f"corrupt: track {track} ends within a message")
    except IndexError:
        raise InputError(f"corrupt: track {track} ends within a message") from None
    return notes, drums, ticks


def _special(data: bytes, place: int, end: int) -> tuple[int, bool]:
    """Past a meta event or system message, and whether the track ends with it."""
    kind = data[place]
    if kind not in (0xF0, 0xF7, 0xFF):
        raise InputError(f"corrupt: expected no live message in a file, got {kind:#x} at byte {place:,}")
    meta = data[place + 1] if kind == 0xFF else -1
    size, place = _number(data, place + (2 if kind == 0xFF else 1))
    if place + size > end:
        raise InputError(f"corrupt: an event of {size:,} bytes runs over the end of its track")
    if meta == 0x51 and (size != 3 or not any(data[place : place + 3])):
        raise InputError(
            "zero tempo: a beat that lasts no time" if size == 3 else "corrupt: a tempo event of wrong size"
        )
    return place + size, meta == 0x2F


def _number(data: bytes, place: int) -> tuple[int, int]:
    """A variable-length number and the place after it."""
    byte = data[place]
    if byte < 0x80:
        return byte, place + 1
    value = byte & 0x7F
    for following in range(place + 1, place + 4):
        byte = data[following]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, following + 1
    raise InputError(f"corrupt: a number of more than four bytes, at byte {place:,}")
