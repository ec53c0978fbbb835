"""MFCC against librosa's; histograms and supervectors against naive loops."""

from __future__ import annotations

import math

import librosa
import numpy as np
import pytest
import torch

from crossmodal.base.errors import InputError, RecipeError
from encoders.timbre import QUIETEST, Mfcc, MfccHistogram, MixtureSupervector

SAMPLES = (0.2 * np.random.default_rng(0).normal(size=22_050)).astype(np.float32)


def test_mfcc_and_their_differences_are_a_tenth_of_librosas() -> None:
    found = Mfcc(sample_rate=22_050, fft=1024, hop=512)(torch.from_numpy(SAMPLES)[None])[0].numpy()
    power = librosa.feature.melspectrogram(y=SAMPLES, sr=22_050, n_fft=1024, hop_length=512, center=False)
    plain = librosa.feature.mfcc(S=librosa.power_to_db(power, amin=QUIETEST, top_db=None), n_mfcc=13)
    whole = np.concatenate([plain, librosa.feature.delta(plain), librosa.feature.delta(plain, order=2)])
    assert found.shape == (39, 34)
    np.testing.assert_allclose(10 * found, whole[:, 4:-4], rtol=1e-3, atol=1e-2)
    alone = Mfcc(sample_rate=22_050, fft=1024, hop=512, differences=False)(torch.from_numpy(SAMPLES)[None])[0].numpy()
    np.testing.assert_allclose(10 * alone, plain, rtol=1e-3, atol=1e-2)


def test_a_histogram_counts_frames_by_their_nearest_centroid() -> None:
    generator = torch.Generator().manual_seed(0)
    encoder = MfccHistogram(kinds=5, coefficients=2, window_seconds=0.5)
    model = {
        "mean": torch.randn(6, generator=generator),
        "deviation": torch.rand(6, generator=generator) + 0.5,
        "centroids": torch.randn(5, 6, generator=generator),
    }
    encoder.take(**model)
    frames = torch.randn(3, 6, 20, generator=generator)
    found = encoder(frames)
    for window, vector in zip(frames, found, strict=True):
        counts = [0] * 5
        for frame in window.T:
            scaled = (frame - model["mean"]) / model["deviation"]
            counts[min(range(5), key=lambda k: float((scaled - model["centroids"][k]).norm()))] += 1
        torch.testing.assert_close(vector, torch.tensor([math.sqrt(count / 20) for count in counts]))
    torch.testing.assert_close(found.norm(dim=1), torch.ones(3))


def test_a_supervector_is_the_means_that_a_recording_moves() -> None:
    generator = torch.Generator().manual_seed(1)
    encoder = MixtureSupervector(kinds=3, coefficients=2, relevance=4.0)
    weights = torch.tensor([0.5, 0.3, 0.2])
    means, variances = torch.randn(3, 2, generator=generator), torch.rand(3, 2, generator=generator) + 0.5
    encoder.take(torch.zeros(2), torch.ones(2), weights=weights, means=means, variances=variances)
    frames = torch.randn(2, 2, 15, generator=generator)
    for window, vector in zip(frames, encoder(frames), strict=True):
        shares = torch.tensor(
            [
                [
                    float(w * torch.exp(-0.5 * ((x - m) ** 2 / v).sum()) / (2 * math.pi * v.prod().sqrt()))
                    for w, m, v in zip(weights, means, variances, strict=True)
                ]
                for x in window.T
            ]
        )
        shares = shares / shares.sum(dim=1, keepdim=True)
        expected = []
        for component in range(3):
            count = shares[:, component].sum()
            own = (shares[:, component, None] * window.T).sum(dim=0) / count
            moved = count / (count + 4.0) * (own - means[component])
            expected.append(weights[component].sqrt() * moved / variances[component].sqrt())
        torch.testing.assert_close(vector, torch.cat(expected), rtol=1e-4, atol=1e-5)


def test_recordings_that_lie_as_everybody_does_move_nothing() -> None:
    """What most recordings share does not make two of them alike: the mean of the model is the origin."""
    encoder = MixtureSupervector(kinds=2, coefficients=1)
    spread = torch.randn(1, 1, 20_000, generator=torch.Generator().manual_seed(2))
    places = torch.tensor([[-3.0], [3.0]])
    encoder.take(
        torch.zeros(1), torch.ones(1), weights=torch.tensor([0.5, 0.5]), means=places, variances=torch.ones(2, 1)
    )
    everybody = torch.cat([spread - 3, spread + 3], dim=-1)
    assert float(encoder(everybody).norm()) < 0.03
    assert float(encoder(everybody + 1).norm()) == pytest.approx(
        1, abs=0.1
    )  # sqrt(w) of both components, one deviation


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(RecipeError, match="2 kinds of frame"):
        MfccHistogram(kinds=1)
    with pytest.raises(RecipeError, match="relevance: expected more than 0"):
        MixtureSupervector(relevance=0.0)
    encoder = MfccHistogram(kinds=4, coefficients=2)
    with pytest.raises(InputError, match=r"centroids: expected finite values \(4, 6\), got \(3, 6\)"):
        encoder.take(torch.zeros(6), torch.ones(6), centroids=torch.zeros(3, 6))
    assert encoder.frames(torch.zeros(1, 500)).shape == (1, 6, 0)
