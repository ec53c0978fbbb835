"""What an index knows of its files: one row an item, kept as Parquet, read on demand."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, overload

from crossmodal.base.errors import InputError, IntegrityError
from crossmodal.base.files import atomic_write

if TYPE_CHECKING:
    import pyarrow as pa

Field = str | int | float | bool | None | list[str]


@dataclass(frozen=True)
class IndexedItem:
    """One indexed file.

    id: unique in the index; path: absolute; sha256: of the file's content ("" when there is none); size:
    bytes; modified_ns: modification time; duration: seconds; fields: what the catalogue or the tags of the
    file say.
    """

    id: str
    path: str
    sha256: str
    size: int
    modified_ns: int
    modality: str
    duration: float | None = None
    fields: Mapping[str, Field] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """As plain JSON values. InputError when a field is none."""
        return {**self.__dict__, "fields": json.loads(_encode(self))}

    @classmethod
    def from_json(cls, values: Mapping[str, object]) -> IndexedItem:
        """The inverse of `to_json`. IntegrityError when the values are no item."""
        try:
            return cls(**values)  # type: ignore[arg-type]
        except TypeError as error:
            raise IntegrityError(f"expected an item of an index, got {sorted(values)}; index again") from error

    def moved(self, *, path: str, size: int, modified_ns: int) -> IndexedItem:
        """The same item at another place or time."""
        return replace(self, path=path, size=size, modified_ns=modified_ns)


COLUMNS = ("id", "path", "sha256", "size", "modified_ns", "modality", "duration")


def _encode(item: IndexedItem) -> str:
    try:
        return json.dumps(dict(item.fields), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"{item.id}: fields: expected JSON values, got {error}") from error


def _schema() -> pa.Schema:
    import pyarrow as pa

    types = {"size": pa.int64(), "modified_ns": pa.int64(), "duration": pa.float64()}
    return pa.schema([(name, types.get(name, pa.string())) for name in (*COLUMNS, "fields")])


class ItemTable(Sequence[IndexedItem]):
    """Items in the order of the index; an item is built when it is asked for, for as Python objects they take several times the memory."""

    def __init__(self, table: pa.Table) -> None:
        if table.schema.names != _schema().names:
            raise IntegrityError(f"items: expected columns {_schema().names}, got {table.schema.names}")
        self._table = table.combine_chunks()

    @classmethod
    def read(cls, path: Path) -> ItemTable:
        """The table in a Parquet file."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return cls(pq.read_table(path))
        except pa.ArrowInvalid as error:
            raise IntegrityError(f"{path}: expected a table of items, got a damaged one; index again") from error

    @classmethod
    def empty(cls) -> ItemTable:
        """No items."""
        return cls(_schema().empty_table())

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __iter__(self) -> Iterator[IndexedItem]:
        columns = [self._table.column(name).to_pylist() for name in self._table.schema.names]
        for values in zip(*columns, strict=True):
            yield _item(dict(zip(self._table.schema.names, values, strict=True)))

    @overload
    def __getitem__(self, row: int) -> IndexedItem: ...
    @overload
    def __getitem__(self, row: slice) -> list[IndexedItem]: ...
    def __getitem__(self, row: int | slice) -> IndexedItem | list[IndexedItem]:
        if isinstance(row, slice):
            return [self[index] for index in range(*row.indices(len(self)))]
        place = range(len(self))[row]  # IndexError beyond the end, counts from it where negative
        return _item({name: self._table.column(name)[place].as_py() for name in self._table.schema.names})

    def column(self, name: str) -> list[object]:
        """The values of one of `COLUMNS` or of a field, None where an item lacks it."""
        if name in COLUMNS:
            return list(self._table.column(name).to_pylist())
        return [fields.get(name) for fields in self._fields]

    @cached_property
    def _fields(self) -> list[dict[str, Field]]:
        return [json.loads(text) for text in self._table.column("fields").to_pylist()]

    def names(self) -> list[str]:
        """All columns, fields included."""
        fields = {name for fields in self._fields for name in fields}
        return [*COLUMNS, *sorted(fields - set(COLUMNS))]


def _item(row: Mapping[str, object]) -> IndexedItem:
    return IndexedItem(**{**row, "fields": json.loads(str(row["fields"]))})


def write_items(path: Path, items: Iterable[IndexedItem]) -> int:
    """Write items as Parquet, atomically; returns how many."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [{**{name: getattr(item, name) for name in COLUMNS}, "fields": _encode(item)} for item in items]
    with atomic_write(path) as temporary:
        pq.write_table(pa.Table.from_pylist(rows, schema=_schema()), temporary)
    return len(rows)
