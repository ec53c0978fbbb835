"""Standard MIDI files, right and wrong ones, made byte by byte."""

from __future__ import annotations

import struct
from collections.abc import Sequence

END = b"\x00\xff\x2f\x00"


def number(value: int) -> bytes:
    """A variable-length number."""
    found = [value & 0x7F]
    while value := value >> 7:
        found.append(value & 0x7F | 0x80)
    return bytes(reversed(found))


def note(pitch: int, *, wait: int = 0, length: int = 240, velocity: int = 80, channel: int = 0) -> bytes:
    """A note that begins `wait` ticks after what came before."""
    start = bytes([0x90 | channel, pitch, velocity])
    return number(wait) + start + number(length) + bytes([0x80 | channel, pitch, 0])


def scale(count: int = 12, *, channel: int = 0, wait: int = 0) -> bytes:
    """A chromatic scale from C4."""
    return b"".join(note(60 + place % 24, wait=wait, channel=channel) for place in range(count))


def tempo(microseconds: int, *, wait: int = 0) -> bytes:
    """So long a quarter from now on."""
    return number(wait) + b"\xff\x51\x03" + microseconds.to_bytes(3, "big")


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk with its length."""
    return kind + struct.pack(">I", len(content)) + content


def midi(tracks: Sequence[bytes], *, form: int = 1, division: int = 480) -> bytes:
    """A file of tracks, each ended."""
    header = chunk(b"MThd", struct.pack(">HHH", form, len(tracks), division))
    return header + b"".join(chunk(b"MTrk", track + END) for track in tracks)
