"""The classical baselines: histograms and divergences against naive forms and known values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from crossmodal.applications.timbre import (
    Density,
    divergence_similarity,
    histogram_similarity,
    learn_codebook,
    learn_density,
    mfcc_frames,
)
from crossmodal.base.errors import InputError


def blobs(seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    centres = np.array([[0, 0, 0], [10, 0, 0], [0, 10, 0], [0, 0, 10]], np.float32)
    return (centres.repeat(100, axis=0) + 0.1 * generator.normal(size=(400, 3))).astype(np.float32)


def test_frames_have_differences() -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(22050) / 22050).astype(np.float32)
    frames = mfcc_frames(tone)
    assert frames.shape == (42, 39) and np.isfinite(frames).all()
    np.testing.assert_allclose(frames[:, :13], mfcc_frames(tone, differences=False), atol=1e-4)
    assert mfcc_frames(0.1 * tone[:2400]).shape[1] == 39


def test_a_codebook_counts_the_nearest_centroids() -> None:
    frames = blobs()
    book = learn_codebook(frames, size=4)
    found = book.histogram(frames[:150])
    expected = np.zeros(4)
    for frame in frames[:150]:
        scaled = (frame - book.mean.numpy()) / book.deviation.numpy()
        expected[int(np.argmin([np.linalg.norm(scaled - centroid) for centroid in book.centroids.numpy()]))] += 1 / 150
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert sorted(found.tolist()) == pytest.approx([0, 0, 1 / 3, 2 / 3], abs=1e-6)
    with pytest.raises(InputError, match="frames at least"):
        learn_codebook(frames[:3], size=4)


def test_histograms_are_compared_by_distance() -> None:
    generator = np.random.default_rng(0)
    first, second = generator.random((3, 5), np.float32), generator.random((4, 5), np.float32)
    found = histogram_similarity(first, second)
    for i, j in np.ndindex(3, 4):
        assert found[i, j] == pytest.approx(-np.linalg.norm(first[i] - second[j]), abs=1e-5)


def test_the_divergence_of_gaussians_is_the_known_one() -> None:
    one = Density(np.ones(1), np.zeros((1, 1)), np.ones((1, 1, 1)))
    two = Density(np.ones(1), np.full((1, 1), 3.0), np.full((1, 1, 1), 4.0))
    forward = np.log(2) + (1 + 9) / 8 - 0.5
    backward = np.log(0.5) + (4 + 9) / 2 - 0.5
    np.testing.assert_allclose(divergence_similarity([one], [one, two])[0], [0, -(forward + backward)], atol=1e-5)


def test_mixtures_are_estimated_near_the_exact_value() -> None:
    frames = blobs()[:200]
    single = learn_density(frames)
    split = Density(np.array([0.5, 0.5]), single.means.repeat(2, axis=0), single.covariances.repeat(2, axis=0))
    other = learn_density(frames + np.float32(0.5))
    exact = divergence_similarity([single], [other])[0, 0]
    assert divergence_similarity([split], [other])[0, 0] == pytest.approx(exact, rel=0.15)
    mixture = learn_density(blobs(), components=4)
    assert divergence_similarity([mixture], [mixture])[0, 0] == pytest.approx(0, abs=1e-9)
    assert sorted(np.round(mixture.weights, 2).tolist()) == [0.25] * 4


def test_a_sound_is_nearest_to_one_like_it(sounds: Path) -> None:
    densities = [learn_density(mfcc_frames(sounds / f"track {i:02}.wav", differences=False)) for i in (0, 6, 1)]
    near, far = divergence_similarity(densities[:1], densities[1:])[0]
    assert near > far
    with pytest.raises(InputError, match="too short"):
        learn_density(np.zeros((5, 13), np.float32))
