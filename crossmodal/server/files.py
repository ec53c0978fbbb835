"""Sending a file of an index, whole or in part, and only if it is what was indexed and lies where it lay.

An item is asked for by its id, never by a path; its file is opened once, and what is judged is what is sent.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from fastapi.responses import Response, StreamingResponse

from crossmodal.retrieval.items import IndexedItem
from crossmodal.server.library import UnknownError

PLAYED = {
    ".wav": "audio/wav", ".wave": "audio/wav", ".flac": "audio/flac", ".mp3": "audio/mpeg", ".ogg": "audio/ogg",
    ".oga": "audio/ogg", ".opus": "audio/ogg", ".m4a": "audio/mp4", ".aac": "audio/aac", ".webm": "audio/webm",
}  # fmt: skip
_CHUNK = 1 << 18
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def checked_path(item: IndexedItem) -> Path:
    """Where an item's file lies. UnknownError when it is gone, was changed, or leads out of its folder by a link."""
    path = Path(item.path)
    try:
        real, home = path.resolve(strict=True), path.parent.resolve(strict=True)
        found = os.stat(real)
    except OSError:
        raise UnknownError(f"{item.id}: its file is gone; index again with --update") from None
    if not real.is_relative_to(home):
        raise UnknownError(
            f"{item.id}: its file is a link that leads out of its folder, which is not followed; index the file itself"
        )
    _check_same(item, found)
    return real


def _check_same(item: IndexedItem, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode) or (found.st_size, found.st_mtime_ns) != (item.size, item.modified_ns):
        raise UnknownError(f"{item.id}: its file was changed since it was indexed; index again with --update")


def open_item(item: IndexedItem) -> BinaryIO:
    """The file of an item, opened for reading; it is the one that was judged. Raises UnknownError."""
    path = checked_path(item)
    try:
        stream = os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb")
    except OSError:
        raise UnknownError(f"{item.id}: its file cannot be read; check its permissions") from None
    try:
        _check_same(item, os.fstat(stream.fileno()))
    except UnknownError:
        stream.close()
        raise
    return stream


def send(stream: BinaryIO, *, media_type: str, tag: str, headers: Mapping[str, str]) -> Response:
    """An opened file as an answer: all of it, the range that was asked for (206), nothing new (304), or no such range (416)."""
    size = os.fstat(stream.fileno()).st_size
    quoted = f'"{tag}"'
    common = {"accept-ranges": "bytes", "etag": quoted, "cache-control": "private, max-age=3600, must-revalidate"}
    if quoted in headers.get("if-none-match", ""):
        stream.close()
        return Response(status_code=304, headers=common)
    wanted = headers.get("range", "")
    if headers.get("if-range", quoted) != quoted:
        wanted = ""
    part = _part(wanted, size)
    if part is None:
        stream.close()
        return Response(status_code=416, headers={**common, "content-range": f"bytes */{size}"})
    start, end, partial = part
    if partial:
        common["content-range"] = f"bytes {start}-{end - 1}/{size}"
    common["content-length"] = str(end - start)
    return StreamingResponse(
        _chunks(stream, start, end), status_code=206 if partial else 200, media_type=media_type, headers=common
    )


def _part(wanted: str, size: int) -> tuple[int, int, bool] | None:
    """First byte, the one after the last, and whether a part was asked for; None for a range that the file
    does not have. Several ranges are answered with the whole.
    """
    found = _RANGE.fullmatch(wanted.replace(" ", ""))
    if found is None or found.groups() == ("", ""):
        return 0, size, False
    first, last = found.groups()
    if not first:
        return (max(0, size - int(last)), size, True) if int(last) and size else None
    start, end = int(first), min(int(last or size - 1), size - 1) + 1
    return (start, end, True) if start < end else None


def _chunks(stream: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    with stream:
        stream.seek(start)
        while start < end and (data := stream.read(min(_CHUNK, end - start))):
            start += len(data)
            yield data
