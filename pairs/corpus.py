"""The real scores that the music21 package installs, as works: one per file, or one per tune of an ABC tune book.

Only files are read: music21 itself is never imported. A work's `source` is the text (or bytes) that verovio loads.
"""

from __future__ import annotations

import importlib.util
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from crossmodal.base.errors import InputError
from pairs.corpus_folders import FOLDERS, Folder, folder_of

EXTENSIONS = (".krn", ".mxl", ".xml", ".musicxml", ".abc")
_SECOND_FORMAT = {("bach", "krn"), ("beethoven", "krn"), ("trecento", "mxl")}  # beside a file of the same name
_TUNE_START = re.compile(r"^[ \t]*X[ \t]*:", re.MULTILINE)
_FIELD = re.compile(r"^[ \t]*([A-Z])[ \t]*:[ \t]*(.*?)[ \t]*(?:%.*)?$", re.MULTILINE)


@dataclass(frozen=True)
class Work:
    """One piece of the corpus: `path` relative to the corpus folder; `tune`: place of the tune in its book, from 1; 0: whole file."""

    path: str
    tune: int = 0

    @property
    def id(self) -> str:
        """Readable, unique, and safe as a file name: the path without extension, and the tune's number."""
        name = re.sub(r"[^A-Za-z0-9.]+", "-", self.path.rsplit(".", 1)[0]).strip("-.").lower()
        extension = self.path.rsplit(".", 1)[-1]
        if (self.path.split("/")[0], extension) in _SECOND_FORMAT:
            name += f"-{extension}"
        return f"{name}-{self.tune:04d}" if self.tune else name

    @property
    def folder(self) -> Folder:
        """The collection that the work belongs to."""
        return folder_of(self.path)


def corpus_folder() -> Path:
    """The corpus folder of the installed music21 package. InputError when the package or its corpus is not there."""
    spec = importlib.util.find_spec("music21")
    for place in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(place) / "corpus"
        if (folder / "bach").is_dir():
            return folder
    raise InputError("expected the package music21 with its corpus folder, found none; pip install music21")


def decode_text(data: bytes) -> str:
    """Bytes of a score -> text: UTF-8 (with or without mark), UTF-16 with mark, else Latin-1 (old tune books)."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


@lru_cache(maxsize=8)
def tunes(path: Path) -> tuple[str, ...]:
    """The tunes of an ABC book in order, each from its `X:` to the next; empty when there is none."""
    text = decode_text(path.read_bytes()).replace("\r\n", "\n").replace("\r", "\n")
    starts = [match.start() for match in _TUNE_START.finditer(text)]
    ends = [*starts[1:], len(text)]
    return tuple(text[start:end].strip() + "\n" for start, end in zip(starts, ends, strict=False))


def list_works(folder: Path | None = None) -> list[Work]:
    """Every work of the corpus in a fixed order (by path, then tune); folders of mere test files are left out."""
    root = folder or corpus_folder()
    return list(_works(root))


def _works(root: Path) -> Iterator[Work]:
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.suffix not in EXTENSIONS or folder_of(name).excluded:
            continue
        if path.suffix != ".abc":
            yield Work(name)
            continue
        count = len(tunes(path))
        yield from (Work(name, number) for number in range(1, count + 1)) if count > 1 else [Work(name)] * count


def read_text(work: Work, folder: Path | None = None) -> str:
    """What verovio loads: the tune's text, or the file's; the MusicXML inside a compressed .mxl. InputError when it is gone."""
    path = (folder or corpus_folder()) / work.path
    try:
        if path.suffix == ".abc":
            return tunes(path)[max(work.tune, 1) - 1]
        if path.suffix != ".mxl":
            return decode_text(path.read_bytes())
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.startswith("META-INF")]
            inner = [name for name in names if name.endswith((".xml", ".musicxml"))]
            return decode_text(archive.read(inner[0]))
    except (OSError, IndexError, zipfile.BadZipFile) as error:
        raise InputError(f"{work.path} tune {work.tune}: expected a score in the corpus, found none") from error


def abc_fields(text: str) -> dict[str, list[str]]:
    """The one-letter header fields of a tune (T, R, M, K, C, Z, ...), each with all its values."""
    fields: dict[str, list[str]] = {}
    for letter, value in _FIELD.findall(text):
        fields.setdefault(letter, []).append(value)
    return fields


__all__ = [
    "FOLDERS", "Work", "abc_fields", "corpus_folder", "decode_text", "list_works", "read_text", "tunes",
]  # fmt: skip
