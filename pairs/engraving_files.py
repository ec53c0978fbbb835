"""Score files -> engravings, in a process of their own: a broken score ends that process (a segmentation fault in the engraver), not ours.

A plain subprocess, since a script that calls us need not guard its main module as multiprocessing would ask.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tempfile
import zlib
from dataclasses import asdict, fields
from pathlib import Path
from xml.parsers import expat

import numpy as np

from crossmodal.base.errors import InputError
from crossmodal.pages.layout import Page, Staff, System
from pairs.engraving import Engraver, Engraving, Measure, NoteTable

SCORE_EXTENSIONS = (".musicxml", ".xml", ".mxl", ".mei", ".abc", ".krn", ".gz")
_SECONDS = 180


def engrave_file(path: Path) -> Engraving:
    """A symbolic score file (.gz: compressed text). InputError when it cannot be read or engraved."""
    check_xml(path, read_score_text(path))  # so that a file that is absent, no text or cut short is told at once
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "engraving.npz"
        command = [sys.executable, "-m", "pairs.engraving_files", str(path.resolve()), str(made)]  # it runs elsewhere
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False, cwd=_root())
        except subprocess.TimeoutExpired:
            raise InputError(
                f"{path}: expected a score that is engraved within {_SECONDS} s, got none; split it"
            ) from None
        if done.returncode == 2:
            raise InputError(f"{path}: {done.stdout.strip()}")
        if done.returncode or not made.exists():
            raise InputError(
                f"{path}: expected a score that can be engraved, got one that ends the engraver; check it in an editor"
            )
        return load_engraving(made)


def _root() -> Path:
    return Path(__file__).resolve().parent.parent


def save_engraving(engraving: Engraving, path: Path) -> None:
    """All of it in one .npz."""
    arrays: dict[str, np.ndarray] = {f"note_{f.name}": getattr(engraving.notes, f.name) for f in fields(NoteTable)}
    staves = [
        (page.number, system.number, staff.x[0], staff.x[-1], staff.y[0], staff.space)
        for page in engraving.pages for system in page.systems for staff in system.staves
    ]  # fmt: skip
    arrays["staves"] = np.array(staves, np.float64)
    arrays["passes"] = np.array(engraving.passes, np.float64).reshape(-1, 2)
    arrays["measures"] = np.array(json.dumps([asdict(m) for m in engraving.measures]))
    arrays.update({f"page_{page.number}": page.image for page in engraving.pages})
    with path.open("wb") as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]


def load_engraving(path: Path) -> Engraving:
    """What `save_engraving` wrote."""
    with np.load(path, allow_pickle=False) as file:
        notes = NoteTable(**{f.name: file[f"note_{f.name}"] for f in fields(NoteTable)})
        staves, count = file["staves"], sum(name.startswith("page_") for name in file.files)
        pages = [
            Page(number, file[f"page_{number}"], _systems(staves[staves[:, 0] == number], number))
            for number in range(count)
        ]
        measures = [Measure(**row) for row in json.loads(str(file["measures"]))]
        passes = [(int(row), float(quarters)) for row, quarters in file["passes"]]
    return Engraving(pages, notes, measures, passes)


def _systems(staves: np.ndarray, page: int) -> tuple[System, ...]:
    found = []
    for number in np.unique(staves[:, 1]).astype(int):
        rows = staves[staves[:, 1] == number]
        own = tuple(Staff(np.array([left, right]), np.array([y, y]), space) for _, _, left, right, y, space in rows)
        found.append(System(page, int(number), own))
    return tuple(found)


def read_score_text(path: Path) -> str | bytes:
    """The text of a score file, or the bytes of compressed MusicXML. InputError."""
    try:
        content = path.read_bytes()
        if path.suffix.lower() == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: expected a score file that can be read, got {error}; check the path") from None
    if content[:2] == b"PK":
        return content
    for encoding in ("utf-8-sig", "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin-1"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InputError(f"{path}: expected text in UTF-8, UTF-16 or Latin-1, got neither; save it again")


def check_xml(path: Path, content: str | bytes) -> None:
    """InputError for XML that is not well formed: the engraver would take what stands before the fault for the whole score."""
    if isinstance(content, bytes) or not content.lstrip().startswith("<"):
        return
    try:
        expat.ParserCreate().Parse(content.lstrip(), True)
    except expat.ExpatError as error:
        raise InputError(
            f"{path}: expected well-formed XML, got a fault ({error}); download or export the file again"
        ) from None


def main(source: str, target: str) -> int:
    """What the process does: engraves and saves; tells the reason on stdout and ends with 2 where it cannot."""
    try:
        save_engraving(Engraver().engrave(read_score_text(Path(source))), Path(target))
    except InputError as error:
        print(error)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
