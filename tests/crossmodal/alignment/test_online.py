"""Following: against a naive filter, warped and noisy playing, jumps, pauses, silence, the end, malformed input."""

from __future__ import annotations

import numpy as np
import pytest

from crossmodal.alignment.motion import Jump, Motion
from crossmodal.alignment.online import FollowOptions, OnlineAlignment, Position
from crossmodal.base.errors import InputError
from tests.crossmodal.alignment.sequences import noisy, played, smooth

SECONDS_TO_RECOVER, ROWS_A_SECOND = 5, 10


def follow(online: OnlineAlignment, rows: np.ndarray, weights: np.ndarray | None = None) -> list[Position]:
    """The positions of all rows."""
    counts = np.ones(len(rows)) if weights is None else weights
    return [online.update(row, weight=float(weight)) for row, weight in zip(rows, counts, strict=True)]


def columns_of(positions: list[Position]) -> np.ndarray:
    """Their columns (n,)."""
    return np.array([position.column for position in positions])


def naive(
    queries: np.ndarray, targets: np.ndarray, jumps: list[Jump], options: FollowOptions
) -> list[tuple[float, float]]:
    """Column and confidence of each row by loops over states, in float64."""
    m, speeds = len(targets), len(options.speeds)
    state = np.full((speeds, m), (1 - options.beginning) / (speeds * m))
    head = min(m, options.window + 1)
    state[:, :head] += options.beginning / (speeds * head)
    moves = Motion(options.speeds).moves(np.arange(len(queries)))
    answers = []
    for i, query in enumerate(queries):
        new = np.full_like(state, options.anywhere / state.size)
        for j in range(m):
            around = state[:, max(j - options.reach, 0) : j + options.reach + 1].sum()
            new[:, j] += options.near * around / (speeds * (2 * options.reach + 1))
        for k in range(speeds):
            for j in range(m):
                mixed = (1 - 2 * options.change) * state[k, j]
                mixed += options.change * (state[max(k - 1, 0), j] + state[min(k + 1, speeds - 1), j])
                for slip in (-1, 0, 1):
                    share = options.slip if slip else 1 - 2 * options.slip
                    new[k, min(j + max(moves[i, k] + slip, 0), m - 1)] += share * mixed
                for jump in jumps:
                    landed = jump.destination + j + moves[i, k] - jump.origin - 1
                    if j <= jump.origin < j + moves[i, k] and landed < m:
                        new[k, landed] += np.exp(-options.sharpness * jump.penalty) * state[k, j]
        state = new * np.exp(options.sharpness * (targets @ query))
        state /= state.sum()
        held = [state[:, max(j - options.window, 0) : j + options.window + 1].sum() for j in range(m)]
        best = int(np.argmax(held))
        answers.append((naive_median(state.sum(axis=0), best, options.window), float(held[best])))
    return answers


def naive_median(columns: np.ndarray, best: int, window: int) -> float:
    """Where half of the probability near the best column lies, each column's being spread over half a column on either side."""
    first, last = max(best - window, 0), min(best + window, len(columns) - 1)
    half, passed = columns[first : last + 1].sum() / 2, 0.0
    for j in range(first, last + 1):
        if passed + columns[j] >= half:
            return min(max(j - 0.5 + (half - passed) / columns[j], 0.0), len(columns) - 1.0)
        passed += columns[j]
    raise AssertionError("half is less than all")


def test_against_a_naive_filter() -> None:
    targets = smooth(40, seed=1, width=2)
    options = FollowOptions(window=2, near=0.02, reach=3, speeds=(0.0, 0.5, 1.0, 2.0))
    queries, jumps = noisy(targets[played([(0, 20), (5, 40)])], 0.8, seed=2), [Jump(19, 5, 0.3), Jump(39, 0, 0.1)]
    positions = follow(OnlineAlignment(targets, jumps=jumps, options=options), queries)
    expected = naive(queries, targets, jumps, options)
    assert columns_of(positions) == pytest.approx([column for column, _ in expected], abs=1e-3)
    assert [p.confidence for p in positions] == pytest.approx([held for _, held in expected], abs=1e-4)


@pytest.mark.parametrize("speed", [0.5, 1.0, 2.3])
def test_follows_noisy_playing_at_any_tempo(speed: float) -> None:
    targets = smooth(1500, seed=3)
    columns = played([(0, 1500)], speed=speed)
    positions = follow(OnlineAlignment(targets), noisy(targets[columns], 1.0, seed=4))
    errors = np.abs(columns_of(positions) - columns)[30:]
    assert errors.max() <= 8
    assert errors.mean() <= 2
    assert np.mean([p.confidence for p in positions[30:]]) > 0.9


def test_follows_a_changing_tempo() -> None:
    targets = smooth(1500, seed=5)
    places = np.cumsum(2.0 ** np.sin(np.arange(1200) / 40))
    columns = places[places < 1500].astype(np.int64)
    errors = np.abs(columns_of(follow(OnlineAlignment(targets), noisy(targets[columns], 1.0, seed=6))) - columns)
    assert errors[30:].max() <= 8


@pytest.mark.parametrize("target", [100, 2400])
def test_recovers_after_a_leap(target: int) -> None:
    targets = smooth(3000, seed=7)
    columns = played([(0, 1200), (target, target + 400)])
    errors = np.abs(columns_of(follow(OnlineAlignment(targets), noisy(targets[columns], 1.0, seed=8))) - columns)
    assert errors[1200 + SECONDS_TO_RECOVER * ROWS_A_SECOND :].max() <= 8


def test_known_jumps_are_followed_sooner() -> None:
    targets, rows = smooth(2000, seed=9), played([(0, 1000), (0, 300)])
    queries = noisy(targets[rows], 1.0, seed=10)
    known = OnlineAlignment(targets, jumps=[Jump(999, 0, 0.5)])
    late = [
        int((np.abs(columns_of(follow(online, queries)) - rows)[1000:] > 8).sum())
        for online in (known, OnlineAlignment(targets))
    ]
    assert late[0] < late[1] <= SECONDS_TO_RECOVER * ROWS_A_SECOND


def test_waits_in_a_pause_and_goes_on() -> None:
    targets = smooth(1200, seed=11)
    columns = np.concatenate([np.arange(500), np.full(80, 500), np.arange(500, 1200)])
    errors = np.abs(columns_of(follow(OnlineAlignment(targets), noisy(targets[columns], 0.8, seed=12))) - columns)
    assert errors[30:].max() <= 10
    assert errors[580 + SECONDS_TO_RECOVER * ROWS_A_SECOND :].max() <= 6


def test_silence_changes_nothing() -> None:
    targets = smooth(400, seed=13)
    online = OnlineAlignment(targets)
    before = follow(online, targets[:150])[-1]
    assert follow(online, np.zeros((100, 24)), np.zeros(100)) == [before] * 100
    assert abs(follow(online, targets[150:200])[-1].column - 199) <= 2


def test_ahead_is_what_updates_would_say_and_keeps_nothing() -> None:
    targets, jumps = smooth(400, seed=22), [Jump(199, 20, 0.1)]
    queries = noisy(targets[played([(0, 200), (20, 120)])], 0.8, seed=23)
    first, second = (OnlineAlignment(targets, jumps=jumps) for _ in range(2))
    weights = np.where(np.arange(len(queries)) % 7 == 3, 0.0, 1.0)
    for row in range(0, len(queries) - 12, 5):
        newer = slice(row + 5, row + 12)
        said = follow(first, queries[row : row + 5], weights[row : row + 5])
        kept = follow(second, queries[row : row + 5], weights[row : row + 5])
        assert said == kept
        found = first.ahead(queries[newer], weights=weights[newer])
        assert found == first.ahead(queries[newer], weights=weights[newer])
        reached = OnlineAlignment(targets, jumps=jumps)
        follow(reached, queries[: row + 5], weights[: row + 5])
        expected = follow(reached, queries[newer], weights[newer])[-1]
        reached_by_updates = (expected.column, expected.confidence, expected.speed)
        assert (found.column, found.confidence, found.speed) == pytest.approx(reached_by_updates, abs=1e-4)


@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0])
def test_knows_its_speed_and_follows_the_rows_ahead(speed: float) -> None:
    targets = smooth(900, seed=24)
    columns = played([(0, 900)], speed=speed)
    online, queries = OnlineAlignment(targets), noisy(targets[columns], 0.5, seed=25)
    here = follow(online, queries[:300])[-1]
    assert here.speed == pytest.approx(speed, rel=0.2)
    assert abs(online.ahead(queries[300:308]).column - columns[307]) <= 3
    waiting = online.ahead(np.repeat(queries[299:300], 20, axis=0))
    assert abs(waiting.column - here.column) <= 6
    assert online.ahead(queries[300:308], weights=np.zeros(8)).column == here.column
    assert online.ahead(np.zeros((0, 24))).column == here.column


def test_a_place_lost_nearby_is_found_sooner_than_one_far_away() -> None:
    targets = smooth(3000, seed=27)
    late = []
    for target in (1250, 2400):
        columns = played([(0, 1200), (target, target + 200)])
        errors = np.abs(columns_of(follow(OnlineAlignment(targets), noisy(targets[columns], 1.0, seed=28))) - columns)
        late.append(int((errors[1200:] > 8).sum()))
    assert late[0] < late[1] <= SECONDS_TO_RECOVER * ROWS_A_SECOND


def test_stays_at_the_end() -> None:
    targets = smooth(300, seed=14)
    positions = follow(OnlineAlignment(targets), targets[np.minimum(np.arange(400), 299)])
    assert all(position.column > 295 for position in positions[320:])


def test_another_piece_has_low_similarity() -> None:
    targets = smooth(800, seed=15)
    right = follow(OnlineAlignment(targets), noisy(targets[:400], 1.0, seed=16))[-1]
    wrong = follow(OnlineAlignment(targets), smooth(400, seed=17))[-1]
    assert right.similarity > wrong.similarity + 0.2
    assert right.confidence > 0.9


def test_before_anything_is_heard() -> None:
    first = OnlineAlignment(smooth(500, seed=18)).update(np.zeros(24), weight=0.0)
    assert np.isnan(first.similarity)
    assert first.column < 20


def test_reset_and_a_new_object_are_the_same() -> None:
    targets = smooth(200, seed=19)
    online = OnlineAlignment(targets, jumps=[Jump(99, 0)])
    first = follow(online, targets[:120])
    online.reset()
    assert follow(online, targets[:120]) == first
    assert follow(OnlineAlignment(targets, jumps=[Jump(99, 0)]), targets[:120]) == first


@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_columns(count: int) -> None:
    targets = smooth(count, seed=20)
    positions = follow(OnlineAlignment(targets, jumps=[Jump(count - 1, 0)]), smooth(30, seed=21))
    assert all(0 <= p.column <= count - 1 and 0 <= p.confidence <= 1 for p in positions)


def test_malformed_input() -> None:
    with pytest.raises(InputError, match="targets"):
        OnlineAlignment(np.zeros((0, 4)))
    with pytest.raises(InputError, match="jumps"):
        OnlineAlignment(np.ones((3, 4)), jumps=[Jump(3, 0)])
    online = OnlineAlignment(np.ones((3, 4)))
    for vector in (np.ones(5), np.ones((1, 4)), np.full(4, np.nan)):
        with pytest.raises(InputError, match="vector"):
            online.update(vector)
    for weight in (-0.1, 1.1, float("nan")):
        with pytest.raises(InputError, match="weight"):
            online.update(np.ones(4), weight=weight)


def test_malformed_rows_ahead() -> None:
    online = OnlineAlignment(np.ones((3, 4)))
    for rows in (np.ones(4), np.ones((2, 5)), np.full((1, 4), np.inf)):
        with pytest.raises(InputError, match="vector"):
            online.ahead(rows)
    with pytest.raises(InputError, match="weight"):
        online.ahead(np.ones((2, 4)), weights=[1.0])


def test_malformed_options() -> None:
    for options in (
        {"sharpness": 0.0},
        {"window": -1},
        {"anywhere": 0.0},
        {"beginning": 1.5},
        {"change": 0.6},
        {"slip": -0.1},
        {"near": 1.0},
        {"near": -0.1},
        {"reach": -1},
    ):
        with pytest.raises(InputError, match="expected"):
            FollowOptions(**options)
