"""Following a score while it is played: a forward filter over all columns.

States (speed, column) with the motion of `Motion`, as in Nakamura, Nakamura & Sagayama 2016 (following with arbitrary repeats and
skips): probability flows to the columns ahead, along the jumps, some of it to the columns around, where a place that was lost in a run
or a blank line is found again, and a little of it anywhere, so that the right place wins within seconds after any leap:
p(i, s) = exp(sharpness * weight * similarity) * sum over states r of transition(r, s) * p(i - 1, r). Every update does the same work,
which grows with columns * (dimension + speeds); nothing is random, nothing waits.

The newest rows of live sound are not certain yet: half of what they describe was not heard. `update` takes the rows that will not change
any more; `ahead` goes on from there through the newer ones, and keeps nothing of them: at the next row they come again, better known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossmodal.alignment.motion import Jump, JumpTable, Motion
from crossmodal.alignment.path import Floats, sequence
from crossmodal.base.errors import InputError

MEMORY = 50  # rows


@dataclass(frozen=True)
class Position:
    """column: where the newest row lies, in columns of the targets, between whole ones too; speed: columns a row, expected there.

    confidence: the probability in [0, 1] that the model gives to the columns within `FollowOptions.window` of the likeliest
    place; callers calibrate it. similarity: that of the last rows (about MEMORY of them, by weight) to the columns they were
    given; NaN before the first row of weight. It stays low where another piece is played.
    """

    column: float
    confidence: float
    similarity: float
    speed: float


@dataclass(frozen=True)
class FollowOptions:
    """sharpness: how much a similarity says: logarithmic odds a row (rows a tenth of a second apart say nearly the same).

    anywhere: probability a row of going on in any column; near: of going on within `reach` columns of the place; beginning: probability
    that it begins in the first columns.
    change, slip: probability a row of each neighbouring speed, and of one column more or less than the speed says.
    window: columns on each side of a place that are the same place to a reader. speeds: columns a row, as in `Motion`.
    """

    sharpness: float = 2.0
    anywhere: float = 1e-5
    near: float = 1e-3
    reach: int = 60
    beginning: float = 0.5
    change: float = 0.03
    slip: float = 0.1
    window: int = 12
    speeds: tuple[float, ...] = Motion.speeds

    def __post_init__(self) -> None:
        if not (np.isfinite(self.sharpness) and self.sharpness > 0 and self.window >= 0):
            raise InputError("sharpness, window: expected a finite sharpness above 0 and a window of 0 or more")
        if not (0 < self.anywhere < 1 and 0 <= self.near < 1 and 0 <= self.beginning <= 1):
            raise InputError("anywhere, near, beginning: expected probabilities, anywhere above 0, it and near below 1")
        if self.reach < 0:
            raise InputError(f"reach: expected 0 or more columns, got {self.reach}")
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
        self._states = [state / state.sum(dtype=np.float64).astype(np.float32), np.empty_like(state)]
        self._row = 0
        self._similar, self._heard = 0.0, 0.0

    def update(self, vector: ArrayLike, *, weight: float = 1.0) -> Position:
        """Takes the newest row, a vector (d,); weight: 0 for silence (all stays as it is) to 1.

        Raises InputError for a vector of another shape, NaN or infinity, or a weight outside [0, 1].
        """
        newest = np.asarray(vector, dtype=np.float32)
        self._check(newest[None], np.array([weight]))
        if weight > 0:
            self._step(self._states, self._row, self.targets @ newest, weight)
            self._row += 1
        found = self._position(self._states[0])
        fading = (1 - 1 / MEMORY) ** weight
        self._similar = fading * self._similar + weight * float(self.targets[round(found.column)] @ newest)
        self._heard = fading * self._heard + weight
        return replace(found, similarity=self._similarity())

    def ahead(self, vectors: ArrayLike, *, weights: ArrayLike | None = None) -> Position:
        """Where the music is some newer rows later, vectors (k, d), the oldest first. Nothing of them is kept: they come again.

        weights (k,): as in `update`. Raises InputError like `update`.
        """
        newer = np.asarray(vectors, dtype=np.float32)
        counts = np.ones(len(newer)) if weights is None else np.asarray(weights, dtype=np.float64)
        self._check(newer, counts)
        states, row = [self._states[0].copy(), np.empty_like(self._states[0])], self._row
        for own, weight in zip(newer @ self.targets.T, counts.tolist(), strict=True):
            if weight > 0:
                self._step(states, row, own, weight)
                row += 1
        return replace(self._position(states[0]), similarity=self._similarity())

    def _check(self, vectors: Floats, weights: NDArray[np.float64]) -> None:
        if vectors.ndim != 2 or vectors.shape[1] != self.targets.shape[1] or not np.isfinite(vectors).all():
            raise InputError(
                f"vector: expected {self.targets.shape[1]} finite numbers a row, got shape {vectors.shape} or not finite;"
                " give rows that cannot be encoded a weight of 0 and zeros"
            )
        if weights.shape != (len(vectors),) or not ((weights >= 0) & (weights <= 1)).all():
            raise InputError(f"weight: expected a number from 0 (silence) to 1 for each row, got {weights}")

    def _step(self, states: list[Floats], row: int, similarities: Floats, weight: float) -> None:
        """One row later: states holds the probabilities and room for the new ones, which come first then."""
        state, moved = states
        options, table = self.options, self._jumps
        moves = self._motion.moves(np.array([row]))[0]
        logarithms = similarities * np.float32(options.sharpness * weight)
        evidence = np.exp(logarithms - logarithms.max())
        _flow(state, moved, moves, np.float32(options.change), np.float32(options.slip))
        if len(table.origins):
            _leap(state, moved, moves, table.origins, table.destinations, self._chances)
        total = _weigh(state, moved, evidence, np.float32(weight), self._spread(state))
        moved *= np.float32(1 / total)
        states.reverse()

    def _spread(self, state: Floats) -> Floats:
        """What each column (of every speed) is given, wherever the music was before, and from the columns within reach."""
        options = self.options
        around = _held(state.sum(axis=0), options.reach) * (options.near / (len(state) * (2 * options.reach + 1)))
        return (around + options.anywhere / state.size).astype(np.float32)

    def _position(self, state: Floats) -> Position:
        """The median of the window that holds most, how much it holds, and how fast it moves."""
        columns, window = state.sum(axis=0, dtype=np.float64), self.options.window
        best = int(np.argmax(_held(columns, window)))
        first = max(best - window, 0)
        near = slice(first, best + window + 1)
        sums = np.cumsum(columns[near])
        mass = float(sums[-1])
        middle = int(np.searchsorted(sums, mass / 2))
        share = (sums[middle] - mass / 2) / columns[first + middle]  # of the middle column that lies behind the median
        column = float(np.clip(first + middle + 0.5 - share, 0, len(columns) - 1))
        speed = float(state[:, near].sum(axis=1, dtype=np.float64) @ np.asarray(self.options.speeds)) / mass
        return Position(column, min(mass / float(columns.sum()), 1.0), float("nan"), speed)

    def _similarity(self) -> float:
        return self._similar / self._heard if self._heard else float("nan")


def _held(columns: Floats | NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """Probabilities (m,) -> their sum within `reach` columns of each (m,)."""
    sums = np.concatenate([[0.0], np.cumsum(columns, dtype=np.float64)])
    places = np.arange(len(columns))
    held: NDArray[np.float64] = sums[np.minimum(places + reach + 1, len(columns))] - sums[np.maximum(places - reach, 0)]
    return held


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
            value = (weight * row[j] + (1 - weight) * before[j] + spread[j]) * evidence[j]
            row[j] = value
            sums[j] += value
    total = 0.0
    for j in range(columns):
        total += sums[j]
    return total
