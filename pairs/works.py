"""The committed table of works: which works verovio reads, their melody groups, splits and licences, and what their texts say."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pairs.corpus import Work, abc_fields, read_text
from pairs.licences import LICENCES
from pairs.melody import plain_title

TABLE = Path(__file__).parent / "tables" / "works.csv"
COLUMNS = ("path", "tune", "composer", "title", "group", "split", "composer_split", "licence")

_WORK_TITLE = re.compile(r"<(?:movement-title|work-title)>\s*([^<]+?)\s*</")
_KERN_TITLE = re.compile(r"^!!!(?:OPR|OTL)[^:]*:\s*(.+?)\s*$", re.MULTILINE)
_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'"}


@dataclass(frozen=True)
class TableWork:
    """One row: the work and what was decided about it. group: number of the melody group; licence: a key of LICENCES."""

    work: Work
    composer: str
    title: str
    group: str
    split: str
    composer_split: str
    licence: str

    @property
    def id(self) -> str:
        """The work's id."""
        return self.work.id

    @property
    def collection(self) -> str:
        """Readable name of the collection."""
        return self.work.folder.collection

    @property
    def free(self) -> bool:
        """Whether the encoding is on the allow-list."""
        return LICENCES[self.licence].free


@lru_cache(maxsize=1)
def read_works() -> tuple[TableWork, ...]:
    """All rows of the committed table, in order. An empty path repeats the one above (the file would be a third larger)."""
    works, path = [], ""
    with TABLE.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            path = row["path"] or path
            work = Work(path, int(row["tune"] or 0))
            works.append(
                TableWork(
                    work=work,
                    composer=row["composer"] or work.folder.composer,
                    title=row["title"],
                    group=row["group"],
                    split=row["split"],
                    composer_split=row["composer_split"],
                    licence=row["licence"],
                )
            )
    return tuple(works)


def title_key(work: Work, title: str) -> tuple[str, str] | None:
    """What works of one name share: tunes and songs the plain title, movements their folder or mass; None without a telling name."""
    kind = work.folder.kind
    if kind in ("tune", "song"):
        plain = plain_title(title)
        return (kind, plain) if plain else None
    if work.path.count("/") > 1 or work.path.endswith(".abc"):  # movements of one work, voices of one piece
        return ("folder", work.path.rsplit("/", 1)[0] if work.path.count("/") > 1 else work.path)
    plain = plain_title(title.split(": ", maxsplit=1)[0] if work.path.startswith("palestrina/") else title)
    return (work.path.split("/")[0], plain) if plain else None


def title_of(work: Work, text: str) -> str:
    """The title that the score gives, or what its file name says."""
    if work.path.endswith(".abc"):
        title = (abc_fields(text).get("T") or [""])[0]
    elif work.path.endswith(".krn"):
        title = ": ".join(dict.fromkeys(_KERN_TITLE.findall(text)[:2]))
    else:
        found = _WORK_TITLE.search(text)
        title = found.group(1) if found else ""
    for entity, letter in _ENTITIES.items():
        title = title.replace(entity, letter)
    plain = re.sub(r"\s+", " ", title).strip()
    if not plain or re.fullmatch(r"(?i)movement ?\d*|untitled.*|.*\.mxl", plain):
        plain = re.sub(r"[-_/]+", " ", work.path.rsplit(".", 1)[0]).strip()
    return plain


def composer_of(work: Work, text: str) -> str:
    """The composer that a tune's header names; empty where the collection's own composer or nobody is."""
    if not work.path.endswith(".abc") or work.folder.composer:
        return ""
    named = (abc_fields(text).get("C") or [""])[0]
    return re.sub(r"\s+", " ", named).strip(' "')[:60]


def describe(work: Work) -> tuple[str, str]:
    """(title, composer) read from the score."""
    text = read_text(work)
    return title_of(work, text), composer_of(work, text)
