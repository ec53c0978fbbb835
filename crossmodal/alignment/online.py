"""Following a score while it is played: a forward filter over all columns, without look-ahead.

States (speed, column) with the motion of `Motion`, as in Nakamura, Nakamura & Sagayama 2016 (following with arbitrary repeats and
skips): probability flows to the columns ahead, along the jumps, and a little of it anywhere, so that the right place wins within
seconds after any leap: p(i, s) = exp(sharpness * weight * similarity) * sum over states r of transition(r, s) * p(i - 1, r). Every
update does the same work, which grows with columns * (dimension + speeds); nothing is random, nothing waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import ArrayLike

from crossmodal.alignment.motion import Jump, JumpTable, Motion
from crossmodal.alignment.path import Floats, sequence
from crossmodal.base.errors import InputError

MEMORY = 50  # rows


@dataclass(frozen=True)
class Position:
    """column: where the newest row lies, in columns of the targets, between whole ones too.

    confidence: the probability in [0, 1] that the model gives to the columns within `FollowOptions.window` of the likeliest
    place; callers calibrate it. similarity: that of the last rows (about MEMORY of them, by weight) to the columns they were
    given; NaN before the first row of weight. It stays low where another piece is played.
    """

    column: float
    confidence: float
    similarity: float


@dataclass(frozen=True)
class FollowOptions:
    """sharpness: how much a similarity says: logarithmic odds a row (rows a tenth of a second apart say nearly the same).

    anywhere: probability a row of going on in any column; beginning: probability that it begins in the first columns.
    change, slip: probability a row of each neighbouring speed, and of one column more or less than the speed says.
    window: columns on each side of a place that are the same place to a reader. speeds: columns a row, as in `Motion`.
    """

    sharpness: float = 2.0
    anywhere: float = 1e-4
    beginning: float = 0.5
    change: float = 0.1
    slip: float = 0.1
    window: int = 12
    speeds: tuple[float, ...] = Motion.speeds

    def __post_init__(self) -> None:
        if not (np.isfinite(self.sharpness) and self.sharpness > 0 and self.window >= 0):
            raise InputError("sharpness, window: expected a finite sharpness above 0 and a window of 0 or more")
        if not (0 < self.anywhere < 1 and 0 <= self.beginning <= 1):
            raise InputError("anywhere, beginning: expected probabilities, anywhere above 0 and below 1")
        if not (0 <= self.change <= 0.5 and 0 <= self.slip <= 0.5):
            raise InputError("change, slip: expected probabilities up to 0.5, for either side")


class OnlineAlignment:
    """Follows unit vectors through `targets` (m, d). One object follows one performance; `reset` makes it new.

    jumps: places where a reader may go on elsewhere, with probability exp(-sharpness * penalty).
    """

    def __init__(self, targets: ArrayLike, *, jumps: Sequence[Jump] = (), options: FollowOptions | None = None) -> None:
        self.targets = sequence("targets", targets)
        self.options = options or FollowOptions()
        self._jumps = JumpTable.of(jumps, len(self.targets))
        self._motion = Motion(self.options.speeds)
        self._chances = np.exp(-self.options.sharpness * self._jumps.penalties).astype(np.float32)
        self.reset()

    def reset(self) -> None:
        """Forgets all that was heard."""
        columns, speeds = len(self.targets), len(self.options.speeds)
        state = np.full((speeds, columns), (1 - self.options.beginning) / (speeds * columns), np.float32)
        head = min(columns, self.options.window + 1)
        state[:, :head] += np.float32(self.options.beginning / (speeds * head))
        self._state, self._spare = state / state.sum(dtype=np.float64).astype(np.float32), np.empty_like(state)
        self._row = 0
        self._similar, self._heard = 0.0, 0.0

    def update(self, vector: ArrayLike, *, weight: float = 1.0) -> Position:
        """Takes the newest row, a vector (d,); weight: 0 for silence (all stays as it is) to 1.

        Raises InputError for a vector of another shape, NaN or infinity, or a weight outside [0, 1].
        """
        newest = np.asarray(vector, dtype=np.float32)
        if newest.shape != self.targets.shape[1:] or not np.isfinite(newest).all():
            raise InputError(
                f"vector: expected {self.targets.shape[1]} finite numbers, got shape {newest.shape} or not finite;"
                " give rows that cannot be encoded a weight of 0 and zeros"
            )
        if not 0 <= weight <= 1:
            raise InputError(f"weight: expected a number from 0 (silence) to 1, got {weight}")
        if weight > 0:
            self._step(newest, np.float32(weight))
        return self._position(newest, weight)

    def _step(self, newest: Floats, weight: np.float32) -> None:
        moves = self._motion.moves(np.array([self._row]))[0]
        self._row += 1
        logarithms = (self.targets @ newest) * np.float32(self.options.sharpness * weight)
        evidence = np.exp(logarithms - logarithms.max())
        _flow(self._state, self._spare, moves, np.float32(self.options.change), np.float32(self.options.slip))
        table = self._jumps
        if len(table.origins):
            _leap(self._state, self._spare, moves, table.origins, table.destinations, self._chances)
        spread = np.float32(self.options.anywhere / self._state.size)
        total = _weigh(self._state, self._spare, evidence, weight, spread)
        self._state, self._spare = self._spare, self._state
        self._state *= np.float32(1 / total)

    def _position(self, newest: Floats, weight: float) -> Position:
        """The middle of the window that holds most, and how much it holds."""
        columns = self._state.sum(axis=0, dtype=np.float64)
        window, count = self.options.window, len(columns)
        sums = np.concatenate([[0.0], np.cumsum(columns)])
        places = np.arange(count)
        held = sums[np.minimum(places + window + 1, count)] - sums[np.maximum(places - window, 0)]
        best = int(np.argmax(held))
        near = slice(max(best - window, 0), best + window + 1)
        mass = float(columns[near].sum())
        column = float(columns[near] @ places[near]) / mass
        fading = (1 - 1 / MEMORY) ** weight
        self._similar = fading * self._similar + weight * float(self.targets[round(column)] @ newest)
        self._heard = fading * self._heard + weight
        similarity = self._similar / self._heard if self._heard else float("nan")
        return Position(column, min(mass / float(sums[-1]), 1.0), similarity)


@numba.njit(cache=True, nogil=True)
def _mix(into, values, chance):  # type: ignore[no-untyped-def]
    for x in range(into.shape[0]):
        into[x] += chance * values[x]


@numba.njit(cache=True, nogil=True)
def _flow(state, moved, moves, change, slip):  # type: ignore[no-untyped-def]
    """moved: the probabilities of `state` one row later; what would go past the last column stays there: the piece is over."""
    speeds, columns = state.shape
    mixed = np.empty(columns, state.dtype)
    for k in range(speeds):
        mixed[:] = 0
        _mix(mixed, state[k], 1 - 2 * change)
        _mix(mixed, state[max(k - 1, 0)], change)
        _mix(mixed, state[min(k + 1, speeds - 1)], change)
        moved[k] = 0
        for turn in (-1, 0, 1):
            move = min(max(moves[k] + turn, 0), columns - 1)
            share = slip if turn else 1 - 2 * slip
            _mix(moved[k, move:], mixed[: columns - move], share)
            moved[k, columns - 1] += share * mixed[columns - move :].sum()


@numba.njit(cache=True, nogil=True)
def _leap(state, moved, moves, origins, destinations, chances):  # type: ignore[no-untyped-def]
    """Adds what crosses the border behind an origin and goes on at its destination."""
    for index in range(origins.shape[0]):
        for k in range(state.shape[0]):
            for back in range(moves[k]):
                left, landed = origins[index] - back, destinations[index] + moves[k] - 1 - back
                if left >= 0 and landed < state.shape[1]:
                    moved[k, landed] += chances[index] * state[k, left]


@numba.njit(cache=True, nogil=True)
def _weigh(state, moved, evidence, weight, spread):  # type: ignore[no-untyped-def]
    """Probabilities after the evidence (columns,), not yet scaled, into `moved`; returns their sum."""
    speeds, columns = state.shape
    sums = np.zeros(columns, state.dtype)
    for k in range(speeds):
        row, before = moved[k], state[k]
        for j in range(columns):
            value = (weight * row[j] + (1 - weight) * before[j] + spread) * evidence[j]
            row[j] = value
            sums[j] += value
    total = 0.0
    for j in range(columns):
        total += sums[j]
    return total
