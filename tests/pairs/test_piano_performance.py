"""Performances of written notes: plausible, in order, known to the note, and the same from the same generator."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairs.piano_performance import PIANOS, choose_tempo, play

COUNT = 120
QUARTERS = np.repeat(np.arange(COUNT // 2) * 0.5, 2)
DURATION = np.full(COUNT, 0.5)
PITCH = np.tile([72, 48], COUNT // 2)
STAFF = np.tile([0, 1], COUNT // 2)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_performance_is_a_performance_of_the_notes(seed: int) -> None:
    played = play(QUARTERS, DURATION, PITCH, STAFF, np.random.default_rng(seed))
    part = played.performance.parts[0]
    assert played.seconds.shape == (COUNT,) and np.isfinite(played.seconds).all() and played.seconds.min() > 0
    assert part.onset.shape == part.duration.shape == (COUNT,)
    assert np.all(np.diff(part.onset) >= 0) and part.duration.min() >= 0.05
    np.testing.assert_allclose(np.sort(played.seconds), part.onset)
    assert sorted(part.pitch) == sorted(PITCH)
    assert part.velocity.min() >= 1 and part.velocity.max() <= 127 and part.program in PIANOS
    moments = played.seconds.reshape(-1, 2)
    assert np.ptp(moments, axis=1).max() < 0.25, "what is written together sounds nearly together"
    assert np.corrcoef(QUARTERS, played.seconds)[0, 1] > 0.97
    rate = (COUNT / 2) / np.ptp(played.seconds)
    assert 0.7 < rate < 20, "moments a second"


def test_the_generator_decides() -> None:
    first, again, other = (play(QUARTERS, DURATION, PITCH, STAFF, np.random.default_rng(s)) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.seconds, again.seconds)
    np.testing.assert_array_equal(first.performance.parts[0].velocity, again.performance.parts[0].velocity)
    assert not np.allclose(first.seconds, other.seconds)


def test_tempo_varies_within_a_performance() -> None:
    spread = []
    for seed in range(20):
        seconds = (
            play(QUARTERS, DURATION, PITCH, STAFF, np.random.default_rng(seed)).seconds.reshape(-1, 2).mean(axis=1)
        )
        steps = np.diff(seconds)
        spread.append(steps.std() / steps.mean())
    assert max(spread) > 0.1, "some breathe"
    assert min(spread) < max(spread) / 2, "some less than others"


@pytest.mark.parametrize("per_quarter", [1, 4, 16])
def test_what_is_dense_is_slow(per_quarter: int) -> None:
    quarters = np.arange(0, 40, 1 / per_quarter)
    rates = []
    for seed in range(50):
        tempo = choose_tempo(quarters, np.random.default_rng(seed))
        assert 30 <= tempo <= 260
        rates.append(tempo / 60 * per_quarter)
    if per_quarter == 4:
        assert min(rates) > 1.9 and max(rates) < 13.5
    assert np.median(rates) > 1


def test_onsets_that_do_not_begin_at_zero_and_a_single_note() -> None:
    late = play(QUARTERS + 40, DURATION, PITCH, STAFF, np.random.default_rng(5))
    early = play(QUARTERS, DURATION, PITCH, STAFF, np.random.default_rng(5))
    assert late.seconds.min() < 2.2 and early.seconds.min() < 2.2, "no more than two seconds of silence before"
    alone = play(np.array([3.0]), np.array([4.0]), np.array([60]), np.array([0]), np.random.default_rng(0))
    assert alone.seconds.shape == (1,) and 0 < alone.seconds[0] < 2.2


def test_pitches_are_those_of_a_piano() -> None:
    played = play(QUARTERS, DURATION, np.tile([2, 126], COUNT // 2), STAFF, np.random.default_rng(0))
    assert played.performance.parts[0].pitch.min() >= 12 and played.performance.parts[0].pitch.max() <= 118
