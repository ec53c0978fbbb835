"""Items of an index, and their files: sound, waveform, cover, pages. By id only; a path of this machine is never taken."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response

from crossmodal.applications.gathering import cover_name
from crossmodal.applications.sequences import modality_of
from crossmodal.base.covers import cover_beside
from crossmodal.base.errors import InputError
from crossmodal.retrieval.items import IndexedItem
from crossmodal.server.caged import SIDE
from crossmodal.server.errors import RESPONSES
from crossmodal.server.files import PLAYED, checked_path, open_item, send
from crossmodal.server.library import Opened, UnknownError
from crossmodal.server.maps import title_of
from crossmodal.server.models import ItemInfo, PageList, TagScore, Waveform
from crossmodal.server.state import Chosen, Count, Id, Shared

router = APIRouter(prefix="/api/indexes/{index}", responses=RESPONSES, tags=["items"])
_SOUNDS = ("audio", "voice", "mix")
_TAGS = 6
_PICTURE: dict[int | str, dict[str, object]] = {200: {"content": {"image/png": {}}, "description": "A picture"}}
_SOUND: dict[int | str, dict[str, object]] = {
    200: {"content": {"audio/*": {}}, "description": "The recording"},
    206: {"content": {"audio/*": {}}, "description": "The part that was asked for"},
    304: {"description": "Unchanged"},
    416: {"description": "The recording has no such part"},
}
Ids = Annotated[list[str], Query(description="Ids of items, 100 at most.", min_length=1, max_length=100)]


@router.get("/items", response_model_exclude_none=True)
def items(opened: Chosen, start: Annotated[int, Query(ge=0, le=1 << 40)] = 0, k: Count = 50) -> list[ItemInfo]:
    """Items in the order of the index."""
    rows = range(len(opened.index.items))[start : start + k]
    return _told(opened, list(rows))


@router.get("/items/some", response_model_exclude_none=True)
def some_items(opened: Chosen, id: Ids) -> list[ItemInfo]:
    """Items by their ids, in that order."""
    return _told(opened, [opened.row(one) for one in id])


def _told(opened: Opened, rows: Sequence[int]) -> list[ItemInfo]:
    tags = _tags(opened, rows)
    return [_info(opened, opened.index.items[row], words) for row, words in zip(rows, tags, strict=True)]


def _tags(opened: Opened, rows: Sequence[int]) -> list[list[TagScore]]:
    """The words that fit best, of recordings in a space of words."""
    if "tags" not in opened.info.can or not rows:
        return [[] for _ in rows]
    scores = opened.tagger.scores(np.asarray(opened.whole[list(rows)]))
    best = np.argsort(-scores, axis=0, kind="stable")[:_TAGS]
    return [
        [TagScore(tag=opened.tagger.names[i], similarity=round(float(scores[i, column]), 3)) for i in best[:, column]]
        for column in range(len(rows))
    ]


def _info(opened: Opened, item: IndexedItem, tags: list[TagScore]) -> ItemInfo:
    sound = item.modality in _SOUNDS
    picture = _picture(opened, item) is not None or (
        sound and item.id not in opened.bare and _cover_file(item) is not None
    )
    fields = {name: value for name, value in item.fields.items() if value not in (None, "")}
    return ItemInfo(
        id=item.id, modality=item.modality, title=title_of(item), seconds=item.duration, has_audio=sound, has_cover=picture,
        has_pages=item.modality == "sheet", fields=fields, tags=tags if sound else [],
    )  # fmt: skip


def _picture(opened: Opened, item: IndexedItem) -> IndexedItem | None:
    """The item itself where it is a picture, or the cover of a recording that is indexed with it."""
    if item.modality == "image":
        return item
    name = cover_name(item.id)
    return opened.item(name) if item.modality in _SOUNDS and opened.has(name) else None


def _cover_file(item: IndexedItem) -> tuple[Path, bool] | None:
    """(file, whether the cover is embedded in it). A picture beside counts only where it lies in the recording's own folder."""
    path = Path(item.path)
    beside = cover_beside(path)
    if beside is not None and beside.resolve().is_relative_to(path.parent.resolve()):
        return beside, False
    return (path, True) if path.suffix.lower() in {".mp3", ".flac", ".m4a", ".ogg", ".opus"} else None


@router.get("/audio", response_class=Response, responses=_SOUND)
def audio(opened: Chosen, state: Shared, id: Id, request: Request) -> Response:
    """The sound of an item, or the range of it that is asked for. What browsers do not play is sent as MP3."""
    item = opened.item(id)
    if item.modality not in _SOUNDS:
        raise UnknownError(f"{id}: expected a recording, got an item of {item.modality}; look for a recording")
    kind = PLAYED.get(Path(item.path).suffix.lower())
    if kind is not None:
        return send(open_item(item), media_type=kind, tag=item.sha256, headers=request.headers)
    made = state.reader.kept("playable", item.sha256, checked_path(item))
    stream = (state.reader.folder / str(made["file"])).open("rb")
    return send(stream, media_type="audio/mpeg", tag=f"{item.sha256}-mp3", headers=request.headers)


@router.get("/waveform")
def waveform(opened: Chosen, state: Shared, id: Id) -> Waveform:
    """The waveform of a recording."""
    item = opened.item(id)
    if item.modality not in _SOUNDS:
        raise UnknownError(f"{id}: expected a recording, got an item of {item.modality}; look for a recording")
    made = state.reader.kept("peaks", item.sha256, checked_path(item))
    return Waveform.model_validate({key: made[key] for key in ("seconds", "peaks")})


@router.get("/cover", response_class=FileResponse, responses=_PICTURE)
def cover(opened: Chosen, state: Shared, id: Id) -> FileResponse:
    """The cover of a recording, or the picture that an item is."""
    item = opened.item(id)
    shown = _picture(opened, item)
    found = (checked_path(shown), False) if shown is not None else _cover_file(item)
    if found is None or (found[1] and item.modality not in _SOUNDS):
        raise UnknownError(
            f"{id}: expected an item with a picture, got one without; it has none beside it and none in its tags"
        )
    path, embedded = found
    if embedded:
        checked_path(item)
    try:
        changed = path.stat().st_mtime_ns
        made = state.reader.kept("picture", f"{path}:{changed}:{embedded}", path, side=SIDE, embedded=embedded)
    except (InputError, OSError):
        if embedded:
            opened.bare.add(item.id)
        raise UnknownError(f"{id}: expected a picture, got none that can be read") from None
    return _kept(state.reader.folder / str(made["file"]))


@router.get("/pages")
def pages(opened: Chosen, state: Shared, id: Id) -> PageList:
    """How large the pages of a score are."""
    return PageList.model_validate({"sizes": _pages(opened, state, id)["sizes"]})


@router.get("/pages/{number}", response_class=FileResponse, responses=_PICTURE)
def page(opened: Chosen, state: Shared, id: Id, number: int) -> FileResponse:
    """A page of a score, counted from 1."""
    made = _pages(opened, state, id)
    sizes = made["sizes"]
    if not isinstance(sizes, list) or not 1 <= number <= len(sizes):
        raise UnknownError(f"{id}: expected a page of this score, got page {number}; they are counted from 1")
    return _kept(state.reader.folder / f"{made['name']}-{number}.png")


def _pages(opened: Opened, state: Shared, identifier: str) -> dict[str, object]:
    item = opened.item(identifier)
    if item.modality != "sheet" or modality_of(Path(item.path), ("sheet",)) is None:
        raise UnknownError(f"{identifier}: expected a score, got an item of {item.modality}; look for a score")
    return state.reader.kept("pages", item.sha256, checked_path(item))


def _kept(path: Path) -> FileResponse:
    return FileResponse(path, media_type="image/png", headers={"cache-control": "private, max-age=3600"})
