"""Sound fonts as symusic 0.5.9 has to be given them to play in tune.

It ignores the generator 58 (overridingRootKey) of SoundFont 2.04 and takes the root key of the sample's header instead: with TimGM6mb,
whose zones nearly all override a header of 60, a piano then sounds 8 to 23 semitones off, differently in every zone of its keyboard.
`in_tune` writes a copy of a font whose sample headers say what its zones say.
"""

from __future__ import annotations

import hashlib
import itertools
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from crossmodal.base.errors import InputError
from crossmodal.base.files import atomic_write
from crossmodal.base.places import cache_folder

_ROOT_KEY, _SAMPLE = 58, 53
_HEADER, _ZONE, _INSTRUMENT, _GENERATOR = 46, 4, 22, 4  # bytes of a record
_ROOT_PLACE = 40  # of the root key in a sample's header


@lru_cache(maxsize=4)
def in_tune(font: Path) -> Path:
    """A copy of a sound font (.sf2) with its root keys in the sample headers, made once and kept in the cache folder.

    InputError when it is no SoundFont 2 file.
    """
    try:
        data = font.read_bytes()
    except OSError as error:
        raise InputError(f"{font}: expected a sound font (.sf2), got '{error.strerror}'; check the path") from error
    path = cache_folder() / "sound-fonts" / f"{font.stem}-{hashlib.sha256(data).hexdigest()[:12]}-1.sf2"
    if not path.is_file():
        tuned = with_root_keys(data, str(font))
        with atomic_write(path) as temporary:
            temporary.write_bytes(tuned)
    return path


@dataclass(frozen=True)
class _Chunk:
    start: int  # of its data
    size: int


def with_root_keys(data: bytes, name: str = "sound font") -> bytes:
    """Bytes of a .sf2 file -> bytes whose zones each play a sample with their own root key in its header."""
    chunks = _chunks(data, name)
    samples, zones = chunks[b"shdr"], list(_rooted_zones(data, chunks))
    count = samples.size // _HEADER - 1  # the last is a terminator
    headers = [data[samples.start + k * _HEADER : samples.start + (k + 1) * _HEADER] for k in range(count + 1)]
    made: dict[tuple[int, int], int] = {}
    taken: set[int] = set()
    added: list[bytes] = []
    result = bytearray(data)
    for place, sample, root in zones:
        if (sample, root) not in made:
            header = bytearray(headers[sample])
            header[_ROOT_PLACE] = root
            if sample in taken:
                made[sample, root] = count + len(added)
                added.append(bytes(header))
            else:
                taken.add(sample)
                made[sample, root] = sample
                start = samples.start + sample * _HEADER
                result[start : start + _HEADER] = header
        result[place : place + 2] = struct.pack("<H", made[sample, root])
    return _with_headers(result, samples, count, b"".join(added))


def _with_headers(data: bytearray, samples: _Chunk, count: int, added: bytes) -> bytes:
    """The file with further sample headers before the terminator; the sizes of all chunks around them grow."""
    end = samples.start + count * _HEADER
    pdta = data.rindex(b"LIST", 0, data.rindex(b"pdta"))
    for place in (4, pdta + 4, samples.start - 4):
        size = struct.unpack_from("<I", data, place)[0]
        struct.pack_into("<I", data, place, size + len(added))
    return bytes(data[:end] + added + data[end:])


def _chunks(data: bytes, name: str) -> dict[bytes, _Chunk]:
    """The tables of a font's instruments."""
    found: dict[bytes, _Chunk] = {}
    if data[:4] == b"RIFF" and data[8:12] == b"sfbk":
        place = 12
        while place + 8 <= len(data):
            kind, size = data[place : place + 4], struct.unpack_from("<I", data, place + 4)[0]
            if kind == b"LIST":
                place += 12
                continue
            found[kind] = _Chunk(place + 8, size)
            place += 8 + size + size % 2
    if not {b"inst", b"ibag", b"igen", b"shdr"} <= set(found):
        raise InputError(f"{name}: expected a sound font (.sf2), got something else; check the path")
    return found


def _rooted_zones(data: bytes, chunks: dict[bytes, _Chunk]) -> Iterator[tuple[int, int, int]]:
    """Of every zone that plays a sample: where the file names the sample, the sample, and the root key that holds there."""
    instruments, bags, generators = chunks[b"inst"], chunks[b"ibag"], chunks[b"igen"]
    samples = chunks[b"shdr"]
    firsts = [
        struct.unpack_from("<H", data, instruments.start + k * _INSTRUMENT + 20)[0]
        for k in range(instruments.size // _INSTRUMENT)
    ]
    starts = [struct.unpack_from("<H", data, bags.start + k * _ZONE)[0] for k in range(bags.size // _ZONE)]
    for first, last in itertools.pairwise(firsts):
        common = None  # the root key of the instrument's global zone
        for zone in range(first, last):
            root, sample, place = common, None, 0
            for number in range(starts[zone], starts[zone + 1]):
                at = generators.start + number * _GENERATOR
                kind, value = struct.unpack_from("<HH", data, at)
                if kind == _ROOT_KEY:
                    root = value
                elif kind == _SAMPLE:
                    sample, place = value, at + 2
            if sample is None:
                common = root if zone == first else common
                continue
            header = data[samples.start + sample * _HEADER + _ROOT_PLACE]
            yield place, sample, header if root is None or root > 127 else root
