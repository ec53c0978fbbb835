"""The manifest of a collection: one row per item, as CSV, JSONL or Parquet. README.md documents it for users.

Columns: `id` (default: the file's stem), `audio`, `image`, `midi`, `score` (paths relative to the catalogue), `tags`
(a list, or text separated by `;`), `caption` or `captions` (text, a list of texts, or a list of {text, tags}), `title`,
`artist`, `album`, `work`, `split`. Every other column is kept for `--filter`. Missing files are reported, never passed over.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from crossmodal.base.errors import InputError
from crossmodal.base.files import atomic_write
from crossmodal.base.results import Skipped
from pairs.catalogue_files import EXTENSIONS, RowValue, read_rows
from pairs.source import Caption, Item

__all__ = ["EXTENSIONS", "MODALITIES", "SPLITS", "Catalogue", "read_catalogue", "write_catalogue"]

MODALITIES = ("audio", "image", "midi", "score", "sheet", "warp", "voice", "mix", "backing")
SPLITS = ("train", "validation", "test")
_SPLIT_NAMES = {"train": "train", "training": "train", "val": "validation", "valid": "validation", "dev": "validation",
                "validation": "validation", "test": "test", "testing": "test"}  # fmt: skip
_KNOWN = {"id", *MODALITIES, "tags", "caption", "captions", "work", "split"}


@dataclass(frozen=True)
class Catalogue:
    """Items whose files exist, in the order of the rows; `problems`: rows that were left out, and why."""

    path: Path
    items: list[Item]
    problems: list[Skipped] = field(default_factory=list)

    def of_split(self, split: str) -> list[Item]:
        """Items of one split."""
        return [item for item in self.items if item.split == split]

    def by_id(self) -> dict[str, Item]:
        """id -> item."""
        return {item.id: item for item in self.items}


def read_catalogue(path: str | Path) -> Catalogue:
    """Read a catalogue. Rows whose files are missing land in `problems`.

    InputError, in one line: no such file, an unknown extension, none of the file columns, duplicate ids, an
    unreadable row (with its line), or no row at all.
    """
    path = Path(path)
    rows = read_rows(path)
    if not rows:
        raise InputError(f"{path}: expected at least one row, found none; add a line per item")
    _require_files_column(path, rows)
    items: list[Item] = []
    lines: dict[str, list[int]] = {}
    problems: list[Skipped] = []
    for line, row in rows:
        item = _item(path, line, row)
        lines.setdefault(item.id, []).append(line)
        missing = [place for place in item.files.values() if not place.is_file()]
        if missing or not item.files:
            reason = "no such file" if missing else f"line {line} names no file"
            problems.append(Skipped(path=str(missing[0]) if missing else item.id, reason=reason))
        else:
            items.append(item)
    _refuse_duplicates(path, lines)
    return Catalogue(path, items, problems)


def _require_files_column(path: Path, rows: Sequence[tuple[int, Mapping[str, RowValue]]]) -> None:
    columns = dict.fromkeys(name for _, row in rows for name in row)
    if not any(name in columns for name in MODALITIES):
        raise InputError(
            f"{path}: expected a column audio, image, midi or score with paths, got the columns "
            f"{', '.join(columns) or 'none'}; rename the column that holds the paths"
        )


def _refuse_duplicates(path: Path, lines: Mapping[str, Sequence[int]]) -> None:
    double = {name: found for name, found in lines.items() if len(found) > 1}
    if double:
        shown = ", ".join(f'"{name}" (lines {", ".join(map(str, at[:3]))})' for name, at in list(double.items())[:3])
        raise InputError(
            f"{path}: expected each id once, got {len(double)} that come again: {shown}; "
            "make them unique, or leave the column id out when the file names are"
        )


def _item(path: Path, line: int, row: Mapping[str, RowValue]) -> Item:
    files = {name: path.parent / str(row[name]) for name in MODALITIES if row.get(name) not in (None, "")}
    stem = next(iter(files.values())).stem if files else f"line-{line}"
    name = str(row["id"]) if row.get("id") not in (None, "") else stem
    split = None
    if row.get("split") not in (None, ""):
        split = _SPLIT_NAMES.get(str(row["split"]).lower())
        if split is None:
            raise InputError(f'{path}, line {line}: expected split train, validation or test, got "{row["split"]}"')
    return Item(
        id=name,
        files=files,
        tags=frozenset(_tags(path, line, row.get("tags"))),
        captions=_captions(path, line, row),
        work=str(row["work"]) if row.get("work") not in (None, "") else name,
        split=split,
        fields={key: _plain(value) for key, value in row.items() if key not in _KNOWN},
    )


def _plain(value: RowValue) -> str | int | float | bool | None:
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return value


def _tags(path: Path, line: int, value: RowValue) -> list[str]:
    if value is None or value == "":
        return []
    if isinstance(value, str):
        text = value.strip()
        if not (text.startswith("[") and text.endswith("]")):
            return [tag.strip() for tag in text.split(";") if tag.strip()]
        value = _json(text)
    if not isinstance(value, list) or not all(isinstance(tag, str) for tag in value):
        raise InputError(
            f"{path}, line {line}: expected tags as a list of texts or separated by ';', got {value!r:.80}"
        )
    return [tag.strip() for tag in value if isinstance(tag, str) and tag.strip()]


def _captions(path: Path, line: int, row: Mapping[str, RowValue]) -> tuple[Caption, ...]:
    found: list[Caption] = []
    for column in ("caption", "captions"):
        value = row.get(column)
        if isinstance(value, str) and column == "captions" and value.strip().startswith("["):
            value = _json(value)
        values = value if isinstance(value, list) else [value]
        for entry in values:
            if isinstance(entry, str) and entry.strip():
                found.append(Caption(entry.strip()))
            elif isinstance(entry, dict) and isinstance(entry.get("text"), str):
                found.append(Caption(str(entry["text"]), frozenset(_tags(path, line, entry.get("tags")))))
            elif entry not in (None, ""):
                raise InputError(
                    f"{path}, line {line}: expected captions as texts or as {{text, tags}}, got {entry!r:.80}"
                )
    return tuple(found)


def _json(text: str) -> RowValue:
    try:
        value: RowValue = json.loads(text)
    except ValueError:
        return text
    return value


def write_catalogue(path: str | Path, items: Sequence[Item]) -> None:
    """Write a JSONL catalogue atomically; files are named relative to it. Reading it gives the same items."""
    path = Path(path)
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(json.dumps(_row(path.parent, item), ensure_ascii=False) + "\n" for item in items)


def _row(folder: Path, item: Item) -> dict[str, object]:
    row: dict[str, object] = {"id": item.id}
    row.update({name: _relative(place, folder) for name, place in item.files.items()})
    if item.tags:
        row["tags"] = sorted(item.tags)
    if item.captions:
        row["captions"] = [
            {"text": caption.text, "tags": sorted(caption.facts)} if caption.facts else caption.text
            for caption in item.captions
        ]
    if item.work and item.work != item.id:
        row["work"] = item.work
    if item.split is not None:
        row["split"] = item.split
    row.update(item.fields)
    return row


def _relative(place: Path, folder: Path) -> str:
    try:
        return place.relative_to(folder).as_posix()
    except ValueError:
        return str(place.resolve())
