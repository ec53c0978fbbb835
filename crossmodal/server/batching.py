"""Requests that come while others are worked on wait, and are then answered together: one pass of a network, one search, for all.

Nobody waits for others to come: a lone request is worked on at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Executor
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Made = TypeVar("Made")


class Batcher(Generic[Asked, Made]):
    """work(key, items) -> one result for each, in order; only items with the same key are worked on together. Lives in one event loop."""

    def __init__(
        self, work: Callable[[Hashable, Sequence[Asked]], Sequence[Made]], executor: Executor, *, most: int = 64
    ) -> None:
        self._work, self._executor, self._most = work, executor, most
        self._waiting: deque[tuple[Hashable, Asked, asyncio.Future[Made]]] = deque()
        self._running: asyncio.Task[None] | None = None

    async def ask(self, key: Hashable, item: Asked) -> Made:
        """The result for an item. Raises what `work` raised for it alone: a bad item spoils no other."""
        future: asyncio.Future[Made] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, item, future))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._drain())
        return await future

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch = self._take()
            outcomes = await loop.run_in_executor(
                self._executor, self._answer, batch[0][0], [item for _, item, _ in batch]
            )
            for (_, _, future), outcome in zip(batch, outcomes, strict=True):
                if future.done():  # who asked went away
                    continue
                if isinstance(outcome, BaseException):
                    future.set_exception(outcome)
                else:
                    future.set_result(outcome)

    def _take(self) -> list[tuple[Hashable, Asked, asyncio.Future[Made]]]:
        """The longest waiting, and those with its key."""
        key = self._waiting[0][0]
        batch = [entry for entry in self._waiting if entry[0] == key][: self._most]
        taken = {id(entry[2]) for entry in batch}
        self._waiting = deque(entry for entry in self._waiting if id(entry[2]) not in taken)
        return batch

    def _answer(self, key: Hashable, items: Sequence[Asked]) -> list[Made | Exception]:
        try:
            return list(self._work(key, items))
        except Exception as error:  # handed to whoever asked
            if len(items) == 1:
                return [error]
        return [outcome for item in items for outcome in self._answer(key, [item])]
