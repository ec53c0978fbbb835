"""Recordings laid over each other as frames: near to the frames of their true mix, at the level asked for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from crossmodal.base.errors import RecipeError
from crossmodal.overlays import overlaid
from encoders.excerpts import ExcerptVgg
from encoders.spectrogram import MelCnn1d

RATE = 22_050


def frames(encoder: MelCnn1d, samples: np.ndarray) -> np.ndarray:
    return np.moveaxis(encoder.frames(torch.from_numpy(samples.astype(np.float32))[None])[0].numpy(), 0, -1)


@pytest.mark.parametrize("decibels", [-6.0, 0.0, 6.0])
def test_frames_are_those_of_the_mix(decibels: float) -> None:
    encoder = MelCnn1d(window_seconds=2.99)
    time = np.arange(3 * RATE) / RATE
    voice = 0.1 * np.sum([np.sin(2 * np.pi * 300 * h * time) for h in range(1, 6)], axis=0)
    backing = 0.05 * np.random.default_rng(0).standard_normal(len(time))
    first, second = frames(encoder, voice), frames(encoder, backing)

    def magnitude(rows: np.ndarray) -> np.ndarray:
        return np.maximum(10 ** (rows * encoder.deviation + encoder.mean) - 1, 0) / 10

    ratio = np.sqrt(np.mean(magnitude(second) ** 2) / np.mean(magnitude(first) ** 2)) * 10 ** (decibels / 20)
    made = overlaid(first.astype(np.float16), second.astype(np.float16), decibels=decibels, encoder=encoder)
    assert made.dtype == np.float32 and made.shape == first.shape
    true = frames(encoder, ratio * voice + backing)
    np.testing.assert_allclose(made.mean(axis=0), true.mean(axis=0), atol=0.2)
    assert np.corrcoef(made.ravel(), true.ravel())[0, 1] > 0.9  # noise adds up by chance in each band
    louder = np.mean(magnitude(made) ** 2) / np.mean(magnitude(second) ** 2)
    assert louder == pytest.approx(1 + 10 ** (decibels / 10), rel=0.02)


def test_silence_adds_nothing() -> None:
    encoder = MelCnn1d(window_seconds=2.99)
    silence, sound = (
        frames(encoder, np.zeros(RATE)),
        frames(encoder, 0.1 * np.random.default_rng(1).standard_normal(RATE)),
    )
    np.testing.assert_allclose(overlaid(silence, sound, decibels=0.0, encoder=encoder), sound, atol=1e-4)
    np.testing.assert_allclose(overlaid(silence, silence, decibels=0.0, encoder=encoder), silence, atol=1e-4)
    alone = overlaid(frames(encoder, np.full(RATE, 0.5)), sound, decibels=-np.inf, encoder=encoder)
    np.testing.assert_allclose(alone, sound, atol=1e-4)  # a voice at minus infinity is not there


def test_only_log_mel_frames_can_be_laid_over() -> None:
    with pytest.raises(RecipeError, match="log-mel"):
        overlaid(np.zeros((2, 3)), np.zeros((2, 3)), decibels=0.0, encoder=ExcerptVgg())
