"""What all routes share, and how they get it."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, BinaryIO, TypeVar

from fastapi import Depends, Query, Request, UploadFile
from starlette.concurrency import run_in_threadpool

from crossmodal.base.errors import CrossmodalError
from crossmodal.base.results import Ranking
from crossmodal.server.batching import Batcher
from crossmodal.server.jobs import Jobs
from crossmodal.server.library import Library, Opened
from crossmodal.server.reading import Reader, Upload
from crossmodal.server.settings import Settings
from crossmodal.server.warming import warm

Made = TypeVar("Made")


class State:
    """The indexes, what reads files, what batches words, and the jobs of one server."""

    def __init__(self, folders: Sequence[Path], settings: Settings, *, device: str | None = None) -> None:
        self.settings = settings
        self.library = Library(folders, device=device)
        self.reader = Reader(settings)
        self.jobs = Jobs(self.reader.folder, settings)
        self.ending = threading.Event()
        self._words = ThreadPoolExecutor(max_workers=1, thread_name_prefix="words")
        self._working = asyncio.Semaphore(
            max(2, os.cpu_count() or 1)
        )  # files listened to at once; who waits holds no thread
        self.texts: Batcher[str, Ranking] = Batcher(_search_texts, self._words)

    def begin(self) -> None:
        """Opens the indexes, starts the processes that read files, then does what first questions would wait for."""
        self.library.open_all()
        self.reader.warm()
        for opened in self.library.all():
            if not self.ending.is_set():
                warm(opened)

    def close(self) -> None:
        """Ends all that runs and removes all that lies about."""
        self.jobs.close()
        self._words.shutdown(wait=False, cancel_futures=True)
        self.reader.close()

    async def with_upload(self, file: UploadFile, use: Callable[[Upload], Made]) -> Made:
        """Runs `use` with an uploaded file, in a thread; the file is gone afterwards. Mistakes name it as its owner does."""
        async with self._working:
            return await run_in_threadpool(self._use, file.filename or "file", file.file, use)

    def _use(self, name: str, stream: BinaryIO, use: Callable[[Upload], Made]) -> Made:
        with self.reader.upload(name, stream) as upload:
            try:
                return use(upload)
            except CrossmodalError as error:
                raise type(error)(upload.told(str(error))) from None


def _search_texts(key: Hashable, texts: Sequence[str]) -> Sequence[Ranking]:
    """key: (opened index, k, filters, target)."""
    assert isinstance(key, tuple)
    opened, k, filters, target = key
    return list(opened.searchable.search_texts(texts, k=k, filters=filters, target=target))


async def state_of(request: Request) -> State:
    """The state of the server that a request came to."""
    state: State = request.app.state.crossmodal
    return state


async def opened_of(index: str, request: Request) -> Opened:
    """The index that a path names. Asynchronous like `state_of`, for a plain function would be sent to another thread."""
    return (await state_of(request)).library.get(index)


Shared = Annotated[State, Depends(state_of)]
Chosen = Annotated[Opened, Depends(opened_of)]
Count = Annotated[int, Query(ge=1, le=100, description="How many results.")]
Filters = Annotated[list[str], Query(description="column=value; only items with this value.", max_length=20)]
Id = Annotated[str, Query(description="The id of an item.", max_length=2000)]
