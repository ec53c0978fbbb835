"""Alignment with jumps: against a naive search, repeats played or not, da capo, excerpts, silence, applause, other pieces."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from crossmodal.alignment import trellis
from crossmodal.alignment.jumps import RAMP, JumpOptions, align_with_jumps
from crossmodal.alignment.motion import Jump, JumpTable, Motion, jumps_between
from crossmodal.base.errors import InputError
from tests.crossmodal.alignment.sequences import noisy, played, smooth

TINY = Motion(speeds=(0.0, 0.5, 1.0, 2.0), change=0.11, slip=0.07, pause=0.05)
WHOLE, POOLED = 100_000_000, 400_000


def naive(
    queries: np.ndarray, targets: np.ndarray, jumps: tuple[Jump, ...], weights: np.ndarray, options: JumpOptions
) -> float:
    """The cost of the cheapest path, by a loop over all pairs of states."""
    n, m, motion = len(queries), len(targets), options.motion
    costs = (1 - queries @ targets.T) * weights[:, None]
    moves = motion.moves(np.arange(n))
    speeds, best = len(motion.speeds), np.inf
    state = np.full((speeds, m), np.inf)
    for i in range(n):
        new = np.full((speeds, m), np.inf)
        for k, j, after in itertools.product(range(speeds), range(m), range(speeds)):
            value = state[k, j] + motion.change * abs(k - after)
            paused = motion.pause * weights[i] if after == 0 and motion.speeds[0] == 0 else 0.0
            for slip in (-1, 0, 1):
                move = moves[i, after] + slip
                if move >= 0 and j + move < m:
                    new[after, j + move] = min(new[after, j + move], value + motion.slip * abs(slip) + paused)
            for jump in jumps:
                landed = jump.destination + (j + moves[i, after] - jump.origin - 1)
                if j <= jump.origin < j + moves[i, after] and landed < m:
                    new[after, landed] = min(new[after, landed], value + jump.penalty)
        earlier = None if options.outside is None else options.outside * weights[:i].sum()
        if i == 0 or earlier is not None:
            begin = options.start * np.minimum(np.arange(m) / RAMP, 1) + (earlier or 0.0)
            new = np.minimum(new, begin)
        state = new + costs[i]
        later = None if options.outside is None else options.outside * weights[i + 1 :].sum()
        if i == n - 1 or later is not None:
            close = options.end * np.minimum(np.arange(m)[::-1] / RAMP, 1) + (later or 0.0)
            best = min(best, float((state + close).min()))
    return best


@pytest.mark.parametrize("outside", [None, 0.6])
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("block", [trellis.BLOCK_CELLS, 40])
def test_against_a_naive_search(seed: int, outside: float | None, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trellis, "BLOCK_CELLS", block)
    generator = np.random.default_rng(seed)
    queries, targets = smooth(14, seed=seed, width=1), smooth(17, seed=seed + 50, width=1)
    jumps = (Jump(8, 0, 0.2), Jump(4, 9, 0.1), Jump(4, 12, 0.3), Jump(16, 0, 0.2), Jump(5, 12, 0.0))
    weights = generator.choice([0.0, 0.5, 1.0], 14).astype(np.float32)
    weights[3] = 1
    options = JumpOptions(motion=TINY, outside=outside, null=False)
    path = align_with_jumps(queries, targets, jumps, weights=weights, options=options)
    assert path.cost == pytest.approx(naive(queries, targets, jumps, weights, options), abs=1e-4)


@pytest.mark.parametrize("largest", [WHOLE, POOLED])
@pytest.mark.parametrize("speed", [0.6, 1.0, 2.3])
@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        ([(0, 600)], []),
        ([(0, 300), (0, 600)], [(299, 0)]),
        ([(0, 300), (0, 200), (300, 600)], [(299, 0), (199, 300)]),
        ([(0, 600), (0, 450)], [(599, 0)]),
        ([(0, 300), (450, 600)], [(299, 450)]),
    ],
    ids=["straight", "repeat", "two endings", "da capo al fine", "skip"],
)
def test_jumps_are_recovered(
    segments: list[tuple[int, int]], expected: list[tuple[int, int]], speed: float, largest: int
) -> None:
    targets = smooth(600, seed=1)
    columns = played(segments, speed=speed)
    jumps = tuple(Jump(origin, to, 0.5) for origin, to in [(299, 0), (199, 300), (599, 0), (299, 450)])
    options = JumpOptions(largest=largest, end=0.0)
    path = align_with_jumps(noisy(targets[columns], 0.7, seed=2), targets, jumps, options=options)
    assert [(jump.origin, jump.destination) for _, jump in path.jumps] == expected
    assert np.abs(path.columns - columns).max() <= 3
    borders = np.cumsum([end - first for first, end in segments])[:-1] / speed
    assert np.abs(np.array([row for row, _ in path.jumps]) - borders).max(initial=0) <= 2
    assert path.similarity > path.null + 0.3


def test_the_grid_holds_the_least_penalty_of_each_pair_and_of_equals_the_first() -> None:
    jumps = (Jump(8, 0, 0.2), Jump(4, 9, 0.3), Jump(8, 0, 0.1), Jump(8, 9, 0.5), Jump(8, 0, 0.1), Jump(2, 2, 0.0))
    origins, destinations, penalties, numbers = JumpTable.of(jumps, 10).grid()
    assert origins.tolist() == [2, 4, 8]
    assert destinations.tolist() == [0, 2, 9]
    for row, column in itertools.product(range(3), range(3)):
        pairs = [
            (j.penalty, i)
            for i, j in enumerate(jumps)
            if (j.origin, j.destination) == (origins[row], destinations[column])
        ]
        penalty, number = min(pairs, default=(np.inf, np.iinfo(np.int32).max))
        assert penalties[row, column] == np.float32(penalty)
        assert numbers[row, column] == number
    assert all(len(part) == 0 for part in JumpTable.of((), 10).grid())


def test_of_jumps_that_cost_the_same_the_first_is_taken() -> None:
    targets = smooth(60, seed=11, width=1)
    queries = np.concatenate([targets[:30], targets[10:60]])
    twice = (Jump(29, 10, 1.0), Jump(29, 10, 1.0))
    assert align_with_jumps(queries, targets, twice, options=JumpOptions(null=False)).jumps[0][1] is twice[0]


def test_jumps_that_exist_are_not_taken_without_need() -> None:
    targets = smooth(500, seed=3)
    jumps = jumps_between(range(0, 500, 100), 500, penalty=4.0)
    path = align_with_jumps(noisy(targets, 1.0, seed=4), targets, jumps)
    assert path.jumps == ()
    assert np.abs(path.columns - np.arange(500)).max() <= 3


def test_without_jumps_columns_never_fall() -> None:
    path = align_with_jumps(smooth(200, seed=5), smooth(300, seed=6), options=JumpOptions(null=False))
    assert (np.diff(path.columns) >= 0).all()
    assert np.isnan(path.null)


@pytest.mark.parametrize("largest", [WHOLE, POOLED])
def test_an_excerpt_lies_where_it_is(largest: int) -> None:
    targets = smooth(900, seed=7)
    queries = noisy(targets[400:650], 0.7, seed=8)
    path = align_with_jumps(queries, targets, options=JumpOptions(start=0.5, end=0.5, largest=largest))
    assert np.abs(path.columns - np.arange(400, 650)).max() <= 2
    assert path.cost == pytest.approx(float((1 - path.similarities).sum()), abs=4)


@pytest.mark.parametrize("largest", [WHOLE, POOLED])
def test_silent_rows_cost_nothing_and_hold_their_place(largest: int) -> None:
    targets = smooth(400, seed=9)
    rows = noisy(targets, 0.6, seed=10)
    queries = np.concatenate([np.zeros((80, 24)), rows[:200], np.zeros((60, 24)), rows[200:]]).astype(np.float32)
    weights = (np.linalg.norm(queries, axis=1) > 0).astype(np.float32)
    path = align_with_jumps(queries, targets, weights=weights, options=JumpOptions(largest=largest))
    expected = np.concatenate([np.zeros(80), np.arange(200), np.full(60, 200), np.arange(200, 400)])
    assert np.abs(path.columns - expected)[weights > 0].max() <= 4
    assert path.similarity == pytest.approx(float(path.similarities[weights > 0].mean()), rel=1e-4)


@pytest.mark.parametrize("largest", [WHOLE, POOLED])
def test_applause_is_left_outside(largest: int) -> None:
    targets = smooth(500, seed=11)
    queries = np.concatenate([smooth(90, seed=12), noisy(targets, 0.7, seed=13), smooth(120, seed=14)])
    path = align_with_jumps(queries, targets, options=JumpOptions(outside=0.5, largest=largest))
    assert abs(path.first - 90) <= 4
    assert abs(path.last - 589) <= 4
    assert np.abs(path.columns[90:590] - np.arange(500)).max() <= 4
    assert (path.columns[: path.first] == path.columns[path.first]).all()
    assert (path.columns[path.last :] == path.columns[path.last]).all()


def test_another_piece_does_not_fit() -> None:
    other = align_with_jumps(smooth(600, seed=15), smooth(500, seed=16))
    assert abs(other.similarity - other.null) < 0.1


def test_two_runs_are_the_same() -> None:
    queries, targets = smooth(300, seed=17), smooth(400, seed=18)
    jumps = [Jump(o, d, 1.0) for o in range(50, 400, 50) for d in range(0, 400, 50)]
    first, second = (align_with_jumps(queries, targets, jumps, options=JumpOptions(largest=POOLED)) for _ in range(2))
    assert np.array_equal(first.columns, second.columns)
    assert (first.cost, first.jumps, first.null) == (second.cost, second.jumps, second.null)


@pytest.mark.parametrize("lengths", [(1, 1), (1, 40), (40, 1), (3, 200), (200, 3)])
@pytest.mark.parametrize("largest", [WHOLE, 50])
def test_degenerate_lengths(lengths: tuple[int, int], largest: int) -> None:
    jumps = [Jump(lengths[1] - 1, 0, 0.1), Jump(0, lengths[1] - 1, 0.1)]
    path = align_with_jumps(
        smooth(lengths[0], seed=19), smooth(lengths[1], seed=20), jumps, options=JumpOptions(largest=largest)
    )
    assert path.columns.shape == (lengths[0],)
    assert path.columns.min() >= 0
    assert path.columns.max() < lengths[1]
    assert np.isfinite(path.cost)


def test_rows_that_no_speed_can_hold() -> None:
    options = JumpOptions(motion=Motion(speeds=(1.0,), slip=0.0))
    with pytest.raises(InputError, match="speed 0"):
        align_with_jumps(smooth(10, seed=21), smooth(3, seed=22), options=JumpOptions(motion=Motion(speeds=(4.0,))))
    assert align_with_jumps(smooth(3, seed=21), smooth(9, seed=22), options=options).columns.shape == (3,)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"queries": np.zeros((0, 4))}, "queries"),
        ({"targets": np.zeros((0, 4))}, "targets"),
        ({"queries": np.full((3, 4), np.nan)}, "NaN"),
        ({"targets": np.ones((3, 5))}, "dimension"),
        ({"jumps": [Jump(3, 0)]}, "0 to 2"),
        ({"jumps": [Jump(0, -1)]}, "0 to 2"),
        ({"jumps": [Jump(0, 1, -1.0)]}, "penalty"),
        ({"weights": [1.0, 1.0]}, "weight"),
        ({"weights": [0.0, 0.0, 0.0]}, "silence"),
        ({"weights": [1.0, -1.0, 0.0]}, "0 or more"),
    ],
)
def test_malformed_input(changes: dict[str, object], words: str) -> None:
    values: dict[str, object] = {"queries": np.ones((3, 4)), "targets": np.ones((3, 4)), "jumps": [], "weights": None}
    values |= changes
    with pytest.raises(InputError, match=words):
        align_with_jumps(values["queries"], values["targets"], values["jumps"], weights=values["weights"])  # type: ignore[arg-type]


def test_malformed_options() -> None:
    for speeds in ((), (1.0, 0.5), (-1.0,), (20.0,), (np.nan,)):
        with pytest.raises(InputError, match="speeds"):
            Motion(speeds=speeds)
    with pytest.raises(InputError, match="change"):
        Motion(change=-1.0)
    with pytest.raises(InputError, match="outside"):
        JumpOptions(outside=-1.0)
    with pytest.raises(InputError, match="radius"):
        JumpOptions(radius=0)


def test_jumps_between_segments() -> None:
    pairs = {(jump.origin, jump.destination) for jump in jumps_between([0, 10, 25], 40, penalty=2.0)}
    assert pairs == {(9, 0), (9, 25), (24, 0), (24, 10), (39, 0), (39, 10), (39, 25)}
    assert {jump.penalty for jump in jumps_between([0, 10], 20, penalty=2.0)} == {2.0}


def test_moves_have_the_speed_as_their_mean() -> None:
    motion = Motion()
    assert np.allclose(motion.moves(np.arange(1000)).mean(axis=0), motion.speeds, atol=1e-3)
