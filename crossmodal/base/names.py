"""Tables of components (name -> "module:Class"), looked up lazily; an unknown name is answered with the nearest known one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from importlib import import_module

from crossmodal.base.errors import RecipeError


def nearest(name: str, known: Iterable[str]) -> str:
    """` Did you mean "x"?` or the empty string."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f' Did you mean "{close[0]}"?' if close else ""


def resolve(table: Mapping[str, str], name: str, kind: str) -> type:
    """The class that `name` stands for in `table`. Raises RecipeError for a name that is not there."""
    if name not in table:
        raise RecipeError(
            f'expected {kind} of a known type, got "{name}".{nearest(name, table)} Known: {", ".join(sorted(table))}'
        )
    module, _, attribute = table[name].partition(":")
    found: type = getattr(import_module(module), attribute)
    return found
