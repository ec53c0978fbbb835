"""A map of an index: its items in two dimensions, near where they are similar, coloured by a column, and heard on a click."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from crossmodal.base.errors import InputError
from crossmodal.base.names import nearest
from crossmodal.projection import MOST_NEIGHBOURS, project
from crossmodal.report import Point, ScatterMap, Section, write_report
from crossmodal.retrieval.index import Index
from crossmodal.retrieval.items import IndexedItem


def write_map(index: Index, *, colour: str, output: Path, seed: int = 0) -> int:
    """Writes the page; returns how many items are on it: all, or `MOST_NEIGHBOURS` drawn from `seed`. InputError for an unknown column."""
    if len(index.items) < 3:
        raise InputError(f"{index.folder}: expected three items at least for a map, got {len(index.items)}")
    columns = index.items.names()
    if colour not in columns:
        raise InputError(
            f'--colour: expected a column of the index ({", ".join(columns)}), got "{colour}".{nearest(colour, columns)}'
        )
    rows = np.arange(len(index.items))
    if len(rows) > MOST_NEIGHBOURS:
        rows = np.sort(np.random.default_rng(seed).permutation(rows)[:MOST_NEIGHBOURS])
    vectors = np.stack([index.vectors_of(int(row)).mean(axis=0) for row in rows])
    places = project(vectors, seed=seed)
    values = index.items.column(colour)
    points = [
        _point(index.items[int(row)], place, values[int(row)], output) for row, place in zip(rows, places, strict=True)
    ]
    shown = f"{len(rows)} of {len(index.items)} items of {index.folder.name}"
    text = "The wheel zooms, dragging moves, a double click shows all again; a click plays."
    write_report(
        output, [Section(f"By {colour}", [ScatterMap(shown, points, text)])], title=f"Map of {index.folder.name}",
        subtitle=f"t-SNE of the vectors of {index.header.space}, seed {seed}", sounds=True,
    )  # fmt: skip
    return len(rows)


def _point(item: IndexedItem, place: NDArray[np.float32], value: object, output: Path) -> Point:
    title = item.fields.get("title")
    category = "; ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
    sound = (
        quote(os.path.relpath(item.path, output.resolve().parent)) if item.modality in {"audio", "voice", "mix"} else ""
    )
    return Point(float(place[0]), float(place[1]), str(title or item.id), category, sound=sound)
