"""CSV, JSONL and Parquet files -> rows with their line numbers. What users' programs write is taken as it comes.

UTF-8 with or without mark (or UTF-16 with mark), commas, semicolons or tabs, Windows line ends, spaces around column names
and plain values, and column names in any case.
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from crossmodal.base.errors import InputError

RowValue = str | int | float | bool | None | list["RowValue"] | dict[str, "RowValue"]
Rows = list[tuple[int, dict[str, RowValue]]]
EXTENSIONS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")


def read_rows(path: Path) -> Rows:
    """Rows as (line, {column: value}), empty lines left out. InputError for whatever cannot be read."""
    extension = path.suffix.lower()
    if not path.is_file():
        found = "a folder" if path.is_dir() else "none"
        raise InputError(f"{path}: expected a catalogue file, found {found}; give a .csv, .jsonl or .parquet file")
    if extension not in EXTENSIONS:
        raise InputError(f'{path}: expected a catalogue .csv, .jsonl or .parquet, got the extension "{extension}"')
    if extension == ".parquet":
        return _parquet(path)
    text = _text(path)
    return _csv(path, text) if extension in (".csv", ".tsv") else _jsonl(path, text)


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
        encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        return data.decode(encoding)
    except OSError as error:
        raise InputError(f"{path}: expected a readable catalogue, got '{error.strerror}'") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: expected text in UTF-8, got byte {error.object[error.start]:#04x} at {error.start}; save it as UTF-8"
        ) from error


def _csv(path: Path, text: str) -> Rows:
    lines = text.splitlines()
    if lines and lines[0].lower().startswith("sep="):  # a hint that spreadsheets write
        text = text.split("\n", 1)[1] if "\n" in text else ""
    header = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max((",", ";", "\t"), key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    rows: Rows = []
    columns: list[str] = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not columns:
                columns = _columns(path, cells)
                continue
            if len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
                raise InputError(
                    f"{path}, line {reader.line_num}: expected {len(columns)} values, got {len(cells)}; "
                    f'quote values that contain "{delimiter}"'
                )
            values = [cell.strip() for cell in cells] + [""] * (len(columns) - len(cells))
            rows.append((reader.line_num, {c: v or None for c, v in zip(columns, values, strict=False) if c}))
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: expected a CSV row, got something else ({error})") from error
    return rows


def _columns(path: Path, cells: list[str]) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    double = sorted({name for name in names if name and names.count(name) > 1})
    if double:
        raise InputError(f"{path}: expected each column once, got {', '.join(double)} again; rename one")
    return names


def _jsonl(path: Path, text: str) -> Rows:
    rows: Rows = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise InputError(
                f"{path}, line {number}: expected one JSON object a line, got {line.strip()!r:.60}"
            ) from error
        if not isinstance(row, dict):
            raise InputError(f"{path}, line {number}: expected a JSON object, got {line.strip()!r:.60}")
        rows.append((number, {str(key).strip().lower(): value for key, value in row.items()}))
    return rows


def _parquet(path: Path) -> Rows:
    import pyarrow as pa  # heavy, and only needed here
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise InputError(
            f"{path}: expected a Parquet file, got something else ({' '.join(str(error).split())})"
        ) from error
    return [
        (number, {str(key).strip().lower(): _parquet_value(value) for key, value in row.items()})
        for number, row in enumerate(table.to_pylist(), start=1)
    ]


def _parquet_value(value: object) -> RowValue:
    if isinstance(value, list):
        return [_parquet_value(entry) for entry in value]
    if isinstance(value, dict):
        return {str(key): _parquet_value(entry) for key, entry in value.items()}
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)
