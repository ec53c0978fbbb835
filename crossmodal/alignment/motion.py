"""How a reader moves through a score: columns a row at one of a few speeds, changes of speed, small slips, and jumps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossmodal.alignment.path import Integers
from crossmodal.base.errors import InputError


@dataclass(frozen=True)
class Jump:
    """From the last column before the jump, `origin`, on to `destination` instead of origin + 1. `penalty`: 0 or more.

    A written repeat is Jump(last column, first column), a first ending that is left out Jump(column before it, column after it).
    """

    origin: int
    destination: int
    penalty: float = 0.0


def jumps_between(starts: Sequence[int], columns: int, *, penalty: float) -> tuple[Jump, ...]:
    """From the end of each segment (a system of an unread page, say) to the beginning of each but the one that follows.

    starts: rising first columns of the segments; the last one ends at `columns`. A segment may be played again.
    """
    ends = [*starts[1:], columns]
    return tuple(Jump(end - 1, start, penalty) for end in ends for start in starts if start != end)


@dataclass(frozen=True)
class Motion:
    """The local model of tempo; costs are in the units of 1 - similarity, of which a row costs 0 to 2.

    speeds: columns a row, rising, at most 15, the first may be 0 (a pause). change: cost of going to a neighbouring speed.
    slip: cost of one column more or less than the speed says. pause: cost of a row at speed 0. Whatever the tempo, a path
    has one cost for each row, so that none is favoured for being short.
    """

    speeds: tuple[float, ...] = (0.0, 0.25, 0.35, 0.5, 0.71, 1.0, 1.41, 2.0, 2.83, 4.0)
    change: float = 0.1
    slip: float = 0.05
    pause: float = 0.01

    def __post_init__(self) -> None:
        speeds = np.asarray(self.speeds, dtype=np.float64)
        if speeds.ndim != 1 or not 1 <= len(speeds) <= 15 or not np.isfinite(speeds).all():
            raise InputError(f"speeds: expected 1 to 15 finite numbers of columns a row, got {self.speeds}")
        if speeds[0] < 0 or (np.diff(speeds) <= 0).any() or speeds[-1] > 15:
            raise InputError(f"speeds: expected rising numbers from 0 to 15, got {self.speeds}")
        if not all(np.isfinite(cost) and cost >= 0 for cost in (self.change, self.slip, self.pause)):
            raise InputError("change, slip, pause: expected finite costs of 0 or more, got others")

    def moves(self, rows: Integers) -> Integers:
        """Columns that each speed moves on from row - 1 to row, (rows, speeds): whole numbers with the speed as their mean."""
        speeds = np.asarray(self.speeds)
        return (np.floor((rows[:, None] + 1) * speeds) - np.floor(rows[:, None] * speeds)).astype(np.int64)


@dataclass(frozen=True)
class JumpTable:
    """Checked jumps as arrays."""

    origins: Integers
    destinations: Integers
    penalties: NDArray[np.float32]

    @classmethod
    def of(cls, jumps: Sequence[Jump], columns: int) -> JumpTable:
        """Raises InputError for a jump that leaves the columns or costs less than nothing."""
        for jump in jumps:
            if not (0 <= jump.origin < columns and 0 <= jump.destination < columns):
                raise InputError(f"jumps: expected origin and destination in 0 to {columns - 1}, got {jump}")
            if not (np.isfinite(jump.penalty) and jump.penalty >= 0):
                raise InputError(f"jumps: expected a finite penalty of 0 or more, got {jump}")
        return cls(
            np.array([jump.origin for jump in jumps], np.int64),
            np.array([jump.destination for jump in jumps], np.int64),
            np.array([jump.penalty for jump in jumps], np.float32),
        )

    def grid(self) -> tuple[Integers, Integers, NDArray[np.float32], NDArray[np.int32]]:
        """The distinct origins (o,) and destinations (d,), and (o, d) the least penalty between them, infinity where there is no jump,
        and that jump's number, of equals the first.
        """
        origins, row = np.unique(self.origins, return_inverse=True)
        destinations, column = np.unique(self.destinations, return_inverse=True)
        penalties = np.full((len(origins), len(destinations)), np.inf, np.float32)
        numbers = np.full(penalties.shape, np.iinfo(np.int32).max, np.int32)
        last_wins = np.lexsort((-np.arange(len(self.penalties)), -self.penalties))
        penalties[row[last_wins], column[last_wins]] = self.penalties[last_wins]
        numbers[row[last_wins], column[last_wins]] = last_wins
        return origins, destinations, penalties, numbers

    def pooled(self, size: int, columns: int) -> JumpTable:
        """The same jumps between pooled columns: the places just after the origin and at the destination, to the nearest border."""
        origins = np.clip((self.origins + 1 + size // 2) // size - 1, 0, columns - 1)
        return JumpTable(origins, np.clip((self.destinations + size // 2) // size, 0, columns - 1), self.penalties)
