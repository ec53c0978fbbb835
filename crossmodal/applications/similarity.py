"""Tracks like this one, like these artists, or with the genre of one and the tempo of another, in an index that is never made again.

A query is a vector of the space: that of a track (of the index, or encoded now), the mean of several, the mean of the members of an
artist, album or tag (a prototype), or composed of facets of different tracks. Weights of facets change the query alone
(`crossmodal.facets`). What was asked with is not among the answers, nor the members of an artist or album; those of a tag are.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from crossmodal.applications.collection import SearchableIndex, result_of
from crossmodal.applications.track_indexing import makes_hashes
from crossmodal.base.errors import InputError
from crossmodal.base.files import sha256_file
from crossmodal.base.names import nearest
from crossmodal.base.results import Query, Ranking
from crossmodal.embedding import pool_windows
from crossmodal.facets import Facets, Vectors
from crossmodal.retrieval.filters import Filter, parse_filter
from crossmodal.retrieval.index import Hit

SUGGESTED = 3  # values at the most
COLUMNS = {"tag": "tags"}  # what a kind of prototype is called in the index, where it is another name


@dataclass(frozen=True)
class Asked:
    """A query: its vector (d,) of unit length (facets that it does not speak of are zero), rows of the index that are no answers, the
    facets that it speaks of (none: all), and what is to be said of it.
    """

    vector: Vectors
    own: frozenset[int]
    query: Query
    facets: tuple[str, ...] = ()
    warnings: list[str] = field(default_factory=list)


def similar(
    opened: SearchableIndex, tracks: Sequence[str | int] = (), *, like: Sequence[str] = (), facets: Sequence[str] = (),
    weights: Mapping[str, float] | None = None, track_weight: float | None = None, k: int = 10, filters: Sequence[str] = (),
    modality: str | None = None,
) -> Ranking:  # fmt: skip
    """The k items most like what is asked: tracks, prototypes ("artist:NAME"), or facets of tracks ("genre=A.wav"), one of the three.

    tracks: ids, paths or file names of the index, other files, or rows of the index (int), for which nothing is looked up.
    weights: facet -> weight, those that are not named count nothing; track_weight: of the overall similarity beside them. Results have
    the cosine of each facet in their detail, where the space has facets. Raises InputError; an index of hash sequences answers rows alone.
    """
    _check_vectors(opened, tracks)
    given = {name for name, values in (("TRACK", tracks), ("--like", like), ("--facet", facets)) if values}
    if len(given) != 1:
        raise InputError(
            f"expected one kind of query: tracks, --like KIND:NAME or --facet FACET=TRACK; got {' and '.join(sorted(given)) or 'none'}"
        )
    known = opened.space.embedding.facets
    if known is None and (facets or weights or track_weight is not None):
        raise InputError(
            f"expected a space with facets for --facet and --weight, got {opened.space.name}, which has none; "
            "index with a space such as similarity"
        )
    wanted: dict[str, str] = {}
    if known is not None:  # what is wrong is told before anything is encoded
        wanted = _wanted_facets(known, facets)
        _check_weights(known, wanted, weights or {}, track_weight or 0.0)
    if known is not None and facets:
        asked = _of_facets(opened, known, wanted, modality)
    elif like:
        asked = _of_prototypes(opened, like)
    else:
        asked = _of_tracks(opened, tracks, modality)
    vector = asked.vector
    if known is not None and (asked.facets or weights or track_weight is not None):
        chosen = dict(weights) if weights else dict.fromkeys(asked.facets or known.names, 1.0)
        vector = known.weighted(vector, chosen, track=track_weight or 0.0)
    return _ranked(opened, asked, vector, k=k, filters=filters)


def parse_weights(given: Sequence[str]) -> dict[str, float]:
    """["mood=1"] -> {"mood": 1.0}. InputError."""
    found: dict[str, float] = {}
    for text in given:
        name, separator, value = text.partition("=")
        try:
            weight = float(value)
        except ValueError:
            separator = ""
        if not separator or not name:
            raise InputError(f'--weight: expected FACET=NUMBER, got "{text}"; for example mood=0.5')
        if name in found:
            raise InputError(f"--weight: expected each facet once, got {name} again")
        found[name] = weight
    return found


def _check_vectors(opened: SearchableIndex, tracks: Sequence[str | int]) -> None:
    """InputError where the vectors of the index are not the space's, unless its own are compared with each other."""
    if makes_hashes(opened.space) and not (tracks and all(isinstance(track, int) for track in tracks)):
        folder = opened.index.folder
        raise InputError(
            f"{folder}: expected an index of vectors, got one of hash sequences ({opened.space.name}); "
            f"ask it with 'crossmodal match {folder} FILE'"
        )


def _check_weights(known: Facets, wanted: Mapping[str, str], weights: Mapping[str, float], track_weight: float) -> None:
    """InputError for weights of what is not asked for. wanted: what --facet gives."""
    for name in weights:
        known[name]  # names those that there are
        if wanted and name not in wanted:
            raise InputError(
                f"--weight: expected a facet given by --facet ({', '.join(wanted)}), got {name}; add --facet {name}=TRACK"
            )
    if not (math.isfinite(track_weight) and track_weight >= 0):
        raise InputError(f"--track-weight: expected a weight of 0 or more, got {track_weight:g}")
    if track_weight and wanted and len(wanted) < len(known.names):
        raise InputError(
            f"--track-weight: expected --facet for every facet of the space ({', '.join(known.names)}), got {', '.join(wanted)}; "
            "give the others too, or leave it out"
        )


def _ranked(opened: SearchableIndex, asked: Asked, vector: Vectors, *, k: int, filters: Sequence[str]) -> Ranking:
    index, known = opened.index, opened.space.embedding.facets
    own = {int(index.contents[row]) for row in asked.own}
    wanted = k + len(asked.own)
    found = index.search(opened.space.fold(vector[None]), k=wanted, where=[parse_filter(f) for f in filters])[0]
    if makes_hashes(opened.space):
        found = _as_cosines(opened, found)
    owners = np.searchsorted(index.starts, [hit.vector_row for hit in found], side="right") - 1
    hits = [hit for hit, row in zip(found, owners.tolist(), strict=True) if int(index.contents[row]) not in own][:k]
    results = [result_of(rank, hit) for rank, hit in enumerate(hits, 1)]
    if known is not None and hits:
        found_vectors = np.asarray(index.vectors[[hit.vector_row for hit in hits]])
        for result, cosines in zip(results, known.cosines(asked.vector, found_vectors), strict=True):
            result.detail["facets"] = cosines
    return Ranking(query=asked.query, space=opened.space.reference, results=results, warnings=asked.warnings)


def _as_cosines(opened: SearchableIndex, hits: Sequence[Hit]) -> list[Hit]:
    """Hits of a query of unit length by cosine: vectors that prune have lengths, which are nearly one and the same."""
    lengths = np.linalg.norm(opened.index.vectors[[hit.vector_row for hit in hits]], axis=1)
    made = [replace(hit, similarity=hit.similarity / float(length)) for hit, length in zip(hits, lengths, strict=True)]
    return sorted(made, key=lambda hit: -hit.similarity)


def _of_tracks(opened: SearchableIndex, tracks: Sequence[str | int], modality: str | None) -> Asked:
    found = [
        (_indexed(opened, track), track) if isinstance(track, int) else _track(opened, track, modality)
        for track in tracks
    ]
    vector = _mean(opened, [vector for vector, _ in found])
    rows = [row for _, row in found if row is not None]
    kinds = {opened.index.items[row].modality for row in rows}
    heard = _recording(opened, modality)
    kind = kinds.pop() if len(rows) == len(tracks) and len(kinds) == 1 else heard
    shown = [opened.index.items[track].path if isinstance(track, int) else track for track in tracks]
    return Asked(vector, frozenset(rows), Query(modality=kind, path="; ".join(shown)))


def _wanted_facets(known: Facets, facets: Sequence[str]) -> dict[str, str]:
    """["genre=A.wav"] -> {"genre": "A.wav"}. InputError."""
    wanted: dict[str, str] = {}
    for text in facets:
        name, separator, track = text.partition("=")
        if not separator or not track:
            raise InputError(f'--facet: expected FACET=TRACK, got "{text}"; for example genre=a.wav')
        known[name]
        if name in wanted:
            raise InputError(f"--facet: expected each facet once, got {name} again")
        wanted[name] = track
    return wanted


def _of_facets(opened: SearchableIndex, known: Facets, wanted: Mapping[str, str], modality: str | None) -> Asked:
    found = {name: _track(opened, track, modality) for name, track in wanted.items()}
    vector = known.composed({name: vector for name, (vector, _) in found.items()})
    own = frozenset(row for _, row in found.values() if row is not None)
    told = ", ".join(f"{name}={track}" for name, track in wanted.items())
    return Asked(vector, own, Query(modality=_recording(opened, modality), text=told), tuple(wanted))


def _of_prototypes(opened: SearchableIndex, like: Sequence[str]) -> Asked:
    means, own, warnings = [], set[int](), list[str]()
    for text in like:
        kind, separator, name = text.partition(":")
        if not separator or not name.strip():
            raise InputError(f'--like: expected KIND:NAME (artist, album, tag or another column), got "{text}"')
        members = _members(opened, kind.strip(), name.strip())
        if len(members) == 1:
            warnings.append(f"{text} is one track in this index: its prototype is that track")
        means.append(_mean(opened, [_indexed(opened, row) for row in members]))
        if kind.strip() != "tag":
            own |= set(members)
    return Asked(_mean(opened, means), frozenset(own), Query(modality="prototype", text=", ".join(like)), (), warnings)


def _members(opened: SearchableIndex, kind: str, name: str) -> list[int]:
    """Rows of the items whose column has the value. InputError with the nearest."""
    items = opened.index.items
    column = COLUMNS.get(kind, kind)
    if column not in items.names():
        raise InputError(f'--like: expected a column of the index ({", ".join(items.names())}), got "{kind}"')
    values = items.column(column)
    one = Filter(column, name)
    members = [row for row, value in enumerate(values) if one.matches(value)]
    if not members:
        known = sorted({str(v) for value in values if value for v in (value if isinstance(value, list) else [value])})
        raise InputError(
            f'--like: expected one of the {len(known)} values of {kind}, got "{name}".{_named_alike(name, known)}'
        )
    return members


def _named_alike(name: str, known: Sequence[str]) -> str:
    """` Did you mean "x" or "y"?`: values that hold the name ("Bach"), else the nearest one."""
    holding = [f'"{value}"' for value in known if name.casefold() in value.casefold()][:SUGGESTED]
    return f" Did you mean {' or '.join(holding)}?" if holding else nearest(name, known)


def _track(opened: SearchableIndex, track: str, modality: str | None) -> tuple[Vectors, int | None]:
    """A track's vector, and its row in the index: by id, path, file name or content there; else the file is encoded now. InputError."""
    ids, paths = (opened.index.items.column(name) for name in ("id", "path"))
    # The names of all files are made only where nothing else fits: an index may have a million items.
    lookups = (
        lambda: _rows(ids, track),
        lambda: _rows(paths, os.path.abspath(track)),
        lambda: _rows(paths, os.path.realpath(track)),
        lambda: _rows([os.path.basename(str(path)) for path in paths], track),
    )
    rows = next((found for found in (look() for look in lookups) if found), [])
    if len(rows) > 1:
        raise InputError(
            f'expected the path of one track, got "{track}", which {len(rows)} tracks of the index are called'
        )
    if rows:
        return _indexed(opened, rows[0]), rows[0]
    if not Path(track).is_file():
        near = nearest(track, list(map(str, ids)))
        raise InputError(
            f'expected a track of the index (its id, path or file name) or an audio file, got "{track}".{near}'
        )
    copies = _rows(opened.index.items.column("sha256"), sha256_file(track))
    if copies:
        return _indexed(opened, copies[0]), copies[0]
    return opened.vector(_recording(opened, modality), Path(track)), None


def _rows(column: Sequence[object], value: str) -> list[int]:
    """Where a column has a value; the scan for the first of them is quick."""
    return [row for row, known in enumerate(column) if known == value] if value in column else []


def _recording(opened: SearchableIndex, modality: str | None) -> str:
    """Which tower hears a file. InputError naming those that there are."""
    known = opened.space.embedding.recordings
    if modality is not None and modality not in known:
        raise InputError(
            f"--modality: expected {' or '.join(known) or 'none'}, which {opened.space.name} knows, got {modality}"
        )
    return modality or (known[0] if known else opened.space.modalities[0])


def _indexed(opened: SearchableIndex, row: int) -> Vectors:
    """An indexed item's vector (d,), of all of it."""
    return _mean(opened, list(opened.index.vectors_of(row)))


def _mean(opened: SearchableIndex, vectors: Sequence[Vectors]) -> Vectors:
    """Of unit length, in each facet where these have lengths of their own."""
    rows = torch.from_numpy(np.stack(vectors).astype(np.float32))
    return np.asarray(pool_windows(rows, opened.space.embedding.facets).numpy(), np.float32)
