"""What waits together is worked on together, and what goes wrong goes wrong alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from crossmodal.base.errors import InputError
from crossmodal.server.batching import Batcher


class Doubler:
    """Doubles numbers, slowly at first; refuses 13."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.open = threading.Event()

    def work(self, key: Hashable, items: Sequence[int]) -> list[int]:
        """One batch."""
        self.batches.append(list(items))
        if 13 in items:
            raise InputError("expected another number, got 13; take 12")
        if items[0] == 0:
            self.open.wait(10)
        return [2 * item for item in items]


def test_a_batch_takes_what_came_meanwhile_in_order_and_of_one_key() -> None:
    doubler = Doubler()

    async def ask() -> list[int]:
        with ThreadPoolExecutor(1) as pool:
            batcher: Batcher[int, int] = Batcher(doubler.work, pool, most=4)
            first = asyncio.create_task(batcher.ask("a", 0))
            while not doubler.batches:
                await asyncio.sleep(0.01)
            others = [asyncio.create_task(batcher.ask("b" if n == 3 else "a", n)) for n in range(1, 8)]
            await asyncio.sleep(0.01)
            doubler.open.set()
            return [await task for task in (first, *others)]

    assert asyncio.run(ask()) == [0, 2, 4, 6, 8, 10, 12, 14]
    assert doubler.batches == [[0], [1, 2, 4, 5], [3], [6, 7]]


def test_one_bad_item_spoils_no_other() -> None:
    doubler = Doubler()

    async def ask() -> list[int | BaseException]:
        with ThreadPoolExecutor(1) as pool:
            batcher: Batcher[int, int] = Batcher(doubler.work, pool)
            doubler.open.set()
            return await asyncio.gather(*(batcher.ask("a", n) for n in (12, 13, 14)), return_exceptions=True)

    first, bad, last = asyncio.run(ask())
    assert (first, last) == (24, 28) and isinstance(bad, InputError)


def test_who_goes_away_does_not_hold_the_others_up() -> None:
    doubler = Doubler()

    async def ask() -> int:
        with ThreadPoolExecutor(1) as pool:
            batcher: Batcher[int, int] = Batcher(doubler.work, pool)
            gone = asyncio.create_task(batcher.ask("a", 0))
            while not doubler.batches:
                await asyncio.sleep(0.01)
            waits = asyncio.create_task(batcher.ask("a", 5))
            gone.cancel()
            with pytest.raises(asyncio.CancelledError):
                await gone
            doubler.open.set()
            return await waits

    assert asyncio.run(ask()) == 10
