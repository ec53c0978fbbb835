"""Filters on what an index knows of its items: `column=value`, several of them all hold."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crossmodal.base.errors import InputError
from crossmodal.retrieval.items import ItemTable


@dataclass(frozen=True)
class Filter:
    """Items whose `column` is `value`. Text is compared without regard to case, numbers as numbers; of a
    list one value must
    match. An item without the column never matches."""

    column: str
    value: str

    def matches(self, value: object) -> bool:
        """Whether a column's value passes."""
        if value is None:
            return False
        if isinstance(value, (list, tuple)):
            return any(self.matches(one) for one in value)
        if isinstance(value, bool):
            return self.value.casefold() == str(value).casefold()
        if isinstance(value, (int, float)):
            try:
                return float(self.value) == value
            except ValueError:
                return False
        return self.value.casefold() == str(value).casefold()


Where = Filter | Sequence[Filter] | None


def parse_filter(text: str) -> Filter:
    """`column=value` -> Filter; the value may hold further '='. InputError otherwise."""
    column, separator, value = text.partition("=")
    if not separator or not column.strip():
        raise InputError(f"filter: expected column=value, got '{text}'; for example collection=quartets")
    return Filter(column.strip(), value.strip())


def select(items: ItemTable, where: Where) -> np.ndarray:
    """(items,) boolean: which pass all filters. InputError for a column that no item has."""
    mask = np.ones(len(items), bool)
    filters = [where] if isinstance(where, Filter) else list(where or ())
    if not filters or not len(items):
        return mask
    names = items.names()
    for one in filters:
        if one.column not in names:
            near = difflib.get_close_matches(one.column, names, n=1)
            hint = f"did you mean '{near[0]}'? " if near else ""
            raise InputError(f"filter: no column '{one.column}'; {hint}columns are {', '.join(names)}")
        mask &= np.fromiter((one.matches(value) for value in items.column(one.column)), bool, len(items))
    return mask
