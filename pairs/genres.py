"""Genre words of single works: kinds of dance from headers and titles, and what a folder says of all its works."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from pairs.source import Item
from pairs.vocabulary import CATEGORY_OF

_KINDS: tuple[tuple[str, str], ...] = (
    (r"\breels?\b", "reel"),
    (r"\b(?:slip|double|single|slide)?[ -]?jigg?s?\b|\bslipjig\b", "jig"),
    (r"\bhorn[ -]?pipes?\b", "hornpipe"),
    (r"\bstrathspeys?\b", "strathspey"),
    (r"\bwaltz(?:es)?\b|\bwalzer\b", "waltz"),
    (r"\b(?:quick[ -]?)?march(?:es)?\b|\bmarsch\b", "march"),
    (r"\bpolkas?\b", "polka"),
    (r"\bairs?\b", "air"),
    (r"\bballade?\b|\bromanze\b", "ballad"),
    (r"\bwiegen\b|\blullab(?:y|ies)\b|\bkinder\b", "lullaby"),
    (r"\bliebes?\b|\blove\b", "love song"),
    (r"\bgeistliche[sr]?\b|\bhymn\b", "sacred music"),
    (r"\brag\b|\bragtime\b", "ragtime"),
)


def dance_words(texts: Iterable[str]) -> frozenset[str]:
    """Kinds of piece that headers and titles name, as tags."""
    joined = " ; ".join(texts).lower()
    return frozenset(word for pattern, word in _KINDS if re.search(pattern, joined) and word in CATEGORY_OF)


def genre_words(kinds: Iterable[str], words: Iterable[str]) -> frozenset[str]:
    """Tags of a work: those of its folder that the vocabulary knows, and those that `kinds` (headers, titles) name."""
    return frozenset(word for word in words if word in CATEGORY_OF) | dance_words(kinds)


def genres_of(item: Item, *, column: str | None = None) -> frozenset[str]:
    """Genres of an item: of the named column, else of its column `genre` or `genres` (separated by ";" or a list), else its tags that
    are words of genre.
    """
    for name in (column,) if column else ("genre", "genres"):
        value = item.fields.get(name)
        if isinstance(value, str) and value.strip():
            listed = json.loads(value) if value.startswith("[") and value.endswith("]") else value.split(";")
            return frozenset(str(genre).strip() for genre in listed if str(genre).strip())
    return frozenset() if column else frozenset(tag for tag in item.tags if CATEGORY_OF.get(tag) == "genre")
