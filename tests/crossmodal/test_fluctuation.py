"""Moves of pitch: of tones whose moves are known, against a plain count, and where nothing sounds."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from crossmodal.fluctuation import FEATURES, RATE, fluctuations, moves


def tone(pitch: float, *, cents_a_second: float = 0.0, seconds: float = 2.0) -> NDArray[np.float32]:
    """A harmonic sound that glides."""
    time = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(pitch * 2 ** (cents_a_second * time / 1200)) / RATE
    harmonics = np.arange(1, 20)[pitch * np.arange(1, 20) < 7000]
    return np.asarray(0.1 * np.sin(phase[:, None] * harmonics).sum(axis=1), np.float32)


@pytest.mark.parametrize(("glide", "steps"), [(0.0, 0), (1000.0, 2), (-1000.0, -2), (2000.0, 4)])
def test_a_glide_moves_by_so_many_steps_of_ten_cents_in_twenty_milliseconds(glide: float, steps: int) -> None:
    found = moves(tone(400.0, cents_a_second=glide, seconds=1.0))[5:-8]
    assert np.median(found[:, :, 0]) == steps and found[:, :, 1].mean() > 0.9
    assert (np.median(found[:, :, 2]) > 0.01) == (steps != 0)


def test_levels_change_nothing() -> None:
    sound = tone(300.0, cents_a_second=500.0)
    np.testing.assert_allclose(fluctuations(sound, [1.0]), fluctuations(np.float32(0.01) * sound, [1.0]), atol=1e-3)


def test_windows_are_where_they_are_asked_for() -> None:
    sound = np.concatenate(
        [tone(300.0, seconds=5.0), tone(300.0, cents_a_second=1000.0, seconds=2.0), tone(950.0, seconds=5.0)]
    )
    far = fluctuations(sound, [1.5, 6.0, 10.0])[:, FEATURES.index("far 2")]
    assert far[1] > 0.3 and far[0] < 0.05 and far[2] < 0.05
    single = fluctuations(sound, [6.0])
    np.testing.assert_allclose(single[0], fluctuations(sound, [1.5, 6.0])[1])
    assert fluctuations(sound, []).shape == (0, len(FEATURES))


@pytest.mark.parametrize("count", [0, 10, 5000])
def test_silence_and_scraps_have_no_moves(count: int) -> None:
    found = fluctuations(np.zeros(count, np.float32), [1.5])
    assert found.shape == (1, len(FEATURES)) and np.isfinite(found).all() and not found.any()


def test_long_recordings_are_compared_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = tone(300.0, cents_a_second=400.0)
    whole = moves(sound)
    monkeypatch.setattr("crossmodal.fluctuation._BLOCK", 17)
    np.testing.assert_allclose(moves(sound), whole, atol=1e-5)
