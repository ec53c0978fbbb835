"""The classical baselines of music similarity: how a recording sounds, without training on what belongs together.

MFCC-VQ (McFee, Barrington & Lanckriet, Learning Content Similarity for Music Recommendation, TASLP 2012; as Park et al. 2018 compare with
it): 13 MFCC with first and second differences, a codebook of 1,024 centroids, histograms, Euclidean distance. GMM-KL (Aucouturier & Pachet,
Music Similarity Measures: What's the Use?, ISMIR 2002; Mandel & Ellis 2005 for one Gaussian): the divergence between densities of
the frames' MFCC, symmetric; it is no inner product, so that it is scored pair by pair. Larger is closer, here as everywhere. The forms of
both that an index can hold are the recipes `mfcc-vq` and `gmm-kl` (`encoders.timbre`).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crossmodal.base.audio import AudioInput, decode
from crossmodal.base.errors import InputError
from crossmodal.base.librosa_import import load_librosa
from crossmodal.objectives.frame_models import KMeans
from encoders.timbre import histograms

RATE, FFT, HOP = 22050, 1024, 512  # hertz, samples, samples
Frames = NDArray[np.float32]
SHORTEST = 9  # frames that differences are taken over
FLOOR = 1e-3  # added to variances: digital silence has none
DRAWS = 500  # points of a mixture that its divergence is estimated from


def mfcc_frames(path: AudioInput, *, coefficients: int = 13, differences: bool = True) -> Frames:
    """MFCC of a recording, (frames, coefficients), or with first and second differences (frames, 3 * coefficients)."""
    librosa = load_librosa()
    samples = decode(path, sample_rate=RATE)
    samples = np.pad(samples, (0, max(0, FFT + SHORTEST * HOP - len(samples))))
    values = librosa.feature.mfcc(y=samples, sr=RATE, n_mfcc=coefficients, n_fft=FFT, hop_length=HOP, center=False)
    if differences:
        values = np.concatenate([values, librosa.feature.delta(values), librosa.feature.delta(values, order=2)])
    return np.ascontiguousarray(values.T, np.float32)


@dataclass(frozen=True)
class Codebook:
    """Centroids (k, d) of standardized frames; mean, deviation (d,) of the frames it was learned from."""

    centroids: Tensor
    mean: Tensor
    deviation: Tensor

    def histogram(self, frames: Frames) -> Frames:
        """(t, d) -> (k,): the share of frames that is nearest to each centroid."""
        scaled = (torch.from_numpy(frames) - self.mean) / self.deviation
        return np.asarray(histograms(scaled[None], self.centroids)[0].numpy(), np.float32)


def learn_codebook(frames: Frames, *, size: int = 1024, seed: int = 0) -> Codebook:
    """k-means over all frames (n, d), in small batches. Raises InputError for fewer frames than centroids."""
    return Codebook(**KMeans(frames=len(frames)).fit(torch.from_numpy(frames), size, seed=seed))


def histogram_similarity(queries: Frames, targets: Frames) -> Frames:
    """(n, k), (m, k) -> (n, m): minus the Euclidean distance."""
    squares = (queries**2).sum(axis=1)[:, None] + (targets**2).sum(axis=1)[None, :] - 2 * queries @ targets.T
    return -np.sqrt(np.maximum(squares, 0)).astype(np.float32)


@dataclass(frozen=True)
class Density:
    """A mixture of Gaussians: weights (c,), means (c, d), covariances (c, d, d)."""

    weights: NDArray[np.float64]
    means: NDArray[np.float64]
    covariances: NDArray[np.float64]

    def logarithm(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, d) -> (n,): log p."""
        terms = []
        for weight, mean, covariance in zip(self.weights, self.means, self.covariances, strict=True):
            root = np.linalg.cholesky(covariance)
            scaled = np.linalg.solve(root, (points - mean).T)
            log_root = np.log(np.diag(root)).sum()
            normalization = log_root + len(mean) / 2 * np.log(2 * np.pi)
            terms.append(np.log(weight) - 0.5 * (scaled**2).sum(axis=0) - normalization)
        return np.asarray(np.logaddexp.reduce(terms, axis=0))

    def draw(self, count: int, generator: np.random.Generator) -> NDArray[np.float64]:
        """Points (count, d)."""
        chosen = generator.choice(len(self.weights), size=count, p=self.weights)
        roots = np.linalg.cholesky(self.covariances)[chosen]
        noise = generator.normal(size=(count, self.means.shape[1]))
        return self.means[chosen] + np.einsum("nij,nj->ni", roots, noise)


def learn_density(frames: Frames, *, components: int = 1, seed: int = 0) -> Density:
    """A density of a recording's frames (t, d) with full covariances. Raises InputError for fewer frames than dimensions."""
    if len(frames) <= max(frames.shape[1], components):
        raise InputError(
            f"expected more frames than the {frames.shape[1]} coefficients, got {len(frames)}; the recording is too short"
        )
    if components == 1:
        covariance = np.cov(frames.T.astype(np.float64)) + FLOOR * np.eye(frames.shape[1])
        return Density(np.ones(1), frames.mean(axis=0, dtype=np.float64)[None], covariance[None])
    from sklearn.mixture import GaussianMixture

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of iterations
        model = GaussianMixture(components, reg_covar=FLOOR, random_state=seed).fit(frames.astype(np.float64))
    return Density(model.weights_, model.means_, model.covariances_)


def divergence_similarity(queries: Sequence[Density], targets: Sequence[Density], *, seed: int = 0) -> Frames:
    """(n, m): minus the symmetric Kullback-Leibler divergence; exact for single Gaussians, else estimated from points drawn."""
    return np.array([[-_divergence(one, other, seed) for other in targets] for one in queries], np.float32).reshape(
        len(queries), -1
    )


def _divergence(one: Density, other: Density, seed: int) -> float:
    if len(one.weights) == len(other.weights) == 1:
        return _gaussian_divergence(one, other) + _gaussian_divergence(other, one)
    total = 0.0
    for first, second in ((one, other), (other, one)):
        points = first.draw(DRAWS, np.random.default_rng(seed))
        total += float(np.mean(first.logarithm(points) - second.logarithm(points)))
    return total


def _gaussian_divergence(one: Density, other: Density) -> float:
    """KL(one || other) = 1/2 (tr(S2^-1 S1) + (m2 - m1)' S2^-1 (m2 - m1) - d + log |S2| / |S1|)."""
    between = other.means[0] - one.means[0]
    solved = np.linalg.solve(other.covariances[0], np.column_stack([one.covariances[0], between]))
    logs = np.linalg.slogdet(other.covariances[0])[1] - np.linalg.slogdet(one.covariances[0])[1]
    return float(0.5 * (np.trace(solved[:, :-1]) + between @ solved[:, -1] - len(between) + logs))
