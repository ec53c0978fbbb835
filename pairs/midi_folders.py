"""Users' folders of MIDI files as works: id from the path, group from the folder that holds one piece's versions.

Where each piece has a folder of its own (pop909: `POP909/001/001.mid`), the folder is the group; versions in a folder
named `versions` are left out, for they are the same song again.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from crossmodal.base.errors import InputError
from pairs.splits import part_of

_EXTENSIONS = {".mid", ".midi"}


@dataclass(frozen=True)
class MidiWork:
    """One MIDI file. group: what must stay in one split; style: how `pairs.arrangement` plays it naturally."""

    path: Path
    id: str
    title: str
    group: str
    split: str
    collection: str
    style: str
    words: tuple[str, ...]
    fingerprint: str


def midi_works(folder: Path, *, most: int | None = None, seed: int = 0) -> list[MidiWork]:
    """MIDI files below a folder as works in a fixed order; most: how many, drawn by a hash of the name.

    InputError when the folder is missing or holds none.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: expected a folder of MIDI files, found none; check the path")
    paths = sorted(
        path for path in folder.rglob("*")
        if path.suffix.lower() in _EXTENSIONS and path.is_file() and "versions" not in path.parts
    )  # fmt: skip
    if not paths:
        raise InputError(f"{folder}: expected MIDI files (.mid), found none; check the path")
    if most is not None and len(paths) > most:
        paths = sorted(sorted(paths, key=lambda path: _digest(f"{seed}:{path.name}"))[:most])
    per_folder: dict[Path, int] = {}
    for path in paths:
        per_folder[path.parent] = per_folder.get(path.parent, 0) + 1
    own_folders = len(per_folder) > len(paths) / 4
    return [_work(folder, path, own_folder=own_folders) for path in paths]


def _work(folder: Path, path: Path, *, own_folder: bool) -> MidiWork:
    relative = path.relative_to(folder).with_suffix("").as_posix()
    name = re.sub(r"[^A-Za-z0-9]+", "-", f"{folder.name}-{relative}").strip("-").lower()
    group = f"{folder.name}/{path.parent.relative_to(folder).as_posix() if own_folder else relative}"
    style, words = _style(folder.name)
    status = path.stat()
    return MidiWork(
        path=path, id=f"{name}-{_digest(relative)[:6]}", title=path.stem, group=group, split=part_of(group),
        collection=folder.name, style=style, words=words, fingerprint=f"{status.st_size}-{status.st_mtime_ns}",
    )  # fmt: skip


def _style(name: str) -> tuple[str, tuple[str, ...]]:
    """How a known folder is played and what it is; other folders are played as they are written by a mixture."""
    lowered = name.lower()
    if "pop909" in lowered:
        return "band", ("pop music",)
    if "irish" in lowered:
        return "tune", ("folk music", "Irish music")
    return "mixed", ()


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
