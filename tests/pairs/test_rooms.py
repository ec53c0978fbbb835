"""Rooms and filters on recordings longer than one transform."""

from __future__ import annotations

import numpy as np
import pytest

from pairs.rooms import LONGEST_SECONDS, SAMPLE_RATE, Condition, record


@pytest.mark.parametrize("room", [0.0, 2.0])
def test_long_recordings_sound_to_their_end(room: float) -> None:
    generator = np.random.default_rng(0)
    seconds = 2.2 * LONGEST_SECONDS
    dry = generator.standard_normal(int(seconds * SAMPLE_RATE)).astype(np.float32) * 0.1
    heard = record(dry, Condition(room=room, wet=0.3 if room else 0.0), generator)
    levels = [float(np.sqrt(np.mean(part**2))) for part in np.array_split(heard[: len(dry)], 11)]
    assert len(heard) >= len(dry)
    assert max(levels) < 1.2 * min(levels)  # no part is silent, and none is heard twice where blocks meet
