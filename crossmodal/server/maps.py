"""A collection in two dimensions, what colours it, and which clips excite a feature or fit a tag most."""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

from crossmodal.applications.tagging import Tagger
from crossmodal.base.errors import CrossmodalError, InputError
from crossmodal.base.files import atomic_write, make_folder
from crossmodal.base.places import cache_folder
from crossmodal.projection import MOST_NEIGHBOURS, Method, project
from crossmodal.retrieval.items import IndexedItem
from crossmodal.server.files import checked_path
from crossmodal.server.library import Opened
from crossmodal.server.models import Colours, Excited, Excitement, Places
from encoders.encoder import AudioEncoder

_MOST_GROUPS = 24
_HEARD = 12  # clips of a listening experiment whose moment is looked for
_WINDOWS_KEPT = 500  # recordings
_MAKING = threading.Lock()  # one map at a time: each takes a core for seconds


def places(opened: Opened) -> Places:
    """Where each item lies. Made once for each state of an index, and kept on disk."""
    items = opened.index.items
    method: Method = "t-SNE" if len(items) <= MOST_NEIGHBOURS else "PCA"
    with _MAKING:
        where = _stored(opened, method)
    titles = [title_of(item) for item in items]
    return Places(
        method=method, ids=[item.id for item in items], titles=titles, modalities=[item.modality for item in items],
        x=[round(float(v), 4) for v in where[:, 0]], y=[round(float(v), 4) for v in where[:, 1]],
    )  # fmt: skip


def _stored(opened: Opened, method: Method) -> NDArray[np.float32]:
    record = opened.index.header.files["vectors"]
    path = make_folder(cache_folder() / "maps") / f"{record.sha256[:32]}-{method}.npy"
    if path.is_file():
        try:
            known = np.load(path, allow_pickle=False)
            if known.shape == (len(opened.index.items), 2):
                return np.asarray(known, np.float32)
        except (ValueError, OSError, EOFError):
            path.unlink(missing_ok=True)
    made = project(opened.whole, method=method)
    with atomic_write(path) as temporary, temporary.open("wb") as stream:
        np.save(stream, made, allow_pickle=False)
    return made


def colours(opened: Opened, *, tag: str | None, column: str | None) -> Colours:
    """By a word (any that the space knows) or by a column of the items. InputError for neither, and for what is not known."""
    if tag is not None:
        return Colours(by=tag, values=[round(float(v), 3) for v in _fit(opened, tag)])
    if column is None or column not in opened.info.columns:
        raise InputError(f"expected a tag, or a column ({', '.join(opened.info.columns)}), got {column!r}; choose one")
    values = [_group(value) for value in opened.index.items.column(column)]
    counts = {name: values.count(name) for name in dict.fromkeys(values) if name is not None}
    names = sorted(counts, key=lambda name: -counts[name])[:_MOST_GROUPS]
    rows = {name: row for row, name in enumerate(names)}
    return Colours(by=column, groups=[rows.get(value or "", -1) for value in values], names=names)


def _group(value: object) -> str | None:
    if isinstance(value, list):
        value = value[0] if value else None
    return None if value in (None, "") else str(value)


def _fit(opened: Opened, tag: str) -> NDArray[np.float32]:
    """How well a word fits each item, (items,); words are encoded once."""
    if not opened.can_tag:
        raise InputError(
            f"{opened.name}: expected an index whose space knows words, to look for {tag!r}; choose a column or a feature"
        )
    return Tagger(opened.space, [tag]).scores(opened.whole)[0]


def excitement(opened: Opened, *, tag: str | None, feature: int | None, k: int) -> Excitement:
    """The k items that fit a tag best or have most of a feature (a dimension of the vectors), and the moment at which each does most.

    After the listening experiment of CLMR (Spijkervet & Burgoyne 2021, section 5). Copies of one file come once.
    """
    if (tag is None) == (feature is None):
        raise InputError("expected a tag or a feature, got both or neither; choose one of them")
    if feature is not None and not 0 <= feature < opened.index.header.space.dimension:
        raise InputError(f"expected a feature from 0 to {opened.index.header.space.dimension - 1}, got {feature}")
    values = _fit(opened, tag) if tag is not None else opened.whole[:, int(feature or 0)]
    clips: list[Excited] = []
    seen: set[int] = set()
    for row in np.argsort(-values, kind="stable").tolist():
        if int(opened.index.contents[row]) in seen:
            continue
        seen.add(int(opened.index.contents[row]))
        item = opened.index.items[row]
        moment = _moment(opened, row, tag, feature) if len(clips) < _HEARD else None
        clips.append(Excited(id=item.id, title=title_of(item), value=round(float(values[row]), 4), seconds=moment))
        if len(clips) == k:
            break
    return Excitement(by=tag if tag is not None else f"feature {feature}", clips=clips)


def _moment(opened: Opened, row: int, tag: str | None, feature: int | None) -> float | None:
    """The middle of the window that excites most, in seconds; None where an item has no time, or its file cannot be read any more."""
    item = opened.index.items[row]
    if item.modality != "audio":
        return None
    vectors, seconds = (
        opened.index.vectors_of(row),
        opened.index.offsets[opened.index.starts[row] : opened.index.starts[row + 1]],
    )
    if len(vectors) == 1:
        if opened.hashes or not isinstance(opened.space.encoder("audio"), AudioEncoder):
            return None
        try:
            vectors, seconds = _windows(opened, row)
        except CrossmodalError:
            return None
    if tag is not None:
        values = opened.space.similarity(
            opened.space.encode("text" if "text" in opened.space.modalities else "label", [tag]), vectors
        )[0]
    else:
        values = vectors[:, int(feature or 0)]
    return round(float(seconds[int(np.argmax(values))]), 2)


def _windows(opened: Opened, row: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Vectors and middles in seconds of the windows of a recording, of which the index keeps only the mean."""
    if row not in opened.windows:
        sequence = opened.space.sequence("audio", checked_path(opened.index.items[row]))
        while len(opened.windows) >= _WINDOWS_KEPT:
            opened.windows.pop(next(iter(opened.windows)), None)
        made = opened.windows[row] = sequence.vectors.numpy(), sequence.positions.numpy()
        return made
    return opened.windows[row]


def title_of(item: IndexedItem) -> str:
    """What people call an item: its title and artist, or its id."""
    title, artist = (str(item.fields.get(name) or "") for name in ("title", "artist"))
    if not title or not artist or title.startswith(artist):  # titles of scores often begin with the composer
        return title or item.id
    return f"{artist} – {title}"
