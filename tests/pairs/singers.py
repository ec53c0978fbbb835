"""Singers and melodies for tests."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pairs.singers import FORMANTS, Singer, draw_singer
from pairs.singing import Melody


def plain_singer(**changes: object) -> Singer:
    """An average man without habits: no vibrato, drift, breath or unevenness."""
    plain = replace(
        draw_singer(np.random.default_rng(0)), tract=1.0, formants=(1.0,) * FORMANTS, damping=(1.0,) * FORMANTS, breath=0.0, jitter=0.0,
        shimmer=0.0, roughness=0.0, ring=0.0, nasality=0.0, centre=55.0, vibrato_cents=0.0, tremolo=0.0, scoop=0.0, drift_cents=0.0,
        intonation_cents=0.0, inhaling=0.0,
    )  # fmt: skip
    return replace(plain, **changes)  # type: ignore[arg-type]


def held(pitch: float = 57.0, *, seconds: float = 2.0) -> Melody:
    """One long note."""
    return Melody(np.zeros(1), np.array([seconds]), np.array([pitch]), np.array([85.0]))


def scale(notes: int = 8, *, step: float = 0.4) -> Melody:
    """Notes upwards, with a rest in the middle."""
    onset = np.arange(notes, dtype=np.float64) * step + np.where(np.arange(notes) >= notes // 2, 0.6, 0.0)
    pitch = 50.0 + np.array([0.0, 2, 4, 5, 7, 9, 11, 12])[np.arange(notes) % 8]
    return Melody(onset, np.full(notes, step), pitch, np.full(notes, 85.0))
