"""The classical descriptions of timbre: how often which kind of frame is heard, and how a recording's frames lie beside everybody's.

Both see MFCC alone, learn what frames there are without knowing what belongs together (`fit: {type: k-means}` and `{type:
gaussian-mixture}` in a recipe), and hold that as buffers: part of a space's weights, but no parameters.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from crossmodal.base.errors import InputError, RecipeError
from encoders.encoder import AudioEncoder
from encoders.frontends import mel_filters

QUIETEST = 1e-10  # power that counts as silence
WIDTH = 9  # frames that differences are taken over


class Mfcc(nn.Module):
    """Mel-frequency cepstral coefficients, the orthonormal cosine transform of log10 of power: a tenth of librosa's, which are of decibels,
    and without its floor below the loudest, which only a whole file knows. With their first and second differences (Savitzky-Golay over 9
    frames) the first and last 4 frames are left out.
    """

    filters: Tensor
    taper: Tensor
    cosines: Tensor
    slopes: Tensor

    def __init__(
        self, *, sample_rate: int, fft: int, hop: int, bands: int = 128, coefficients: int = 13, differences: bool = True
    ) -> None:  # fmt: skip
        super().__init__()
        from scipy.signal import savgol_coeffs

        self.fft, self.hop, self.differences = fft, hop, differences
        self.width = coefficients * (3 if differences else 1)
        band, order = np.arange(bands) + 0.5, np.arange(coefficients)[:, None]
        cosines = math.sqrt(2 / bands) * np.cos(np.pi * order * band / bands)
        cosines[0] /= math.sqrt(2)
        slopes = np.stack([savgol_coeffs(WIDTH, degree, deriv=degree, use="dot") for degree in (1, 2)])
        # Not part of the weights: all follow from the arguments.
        self.register_buffer("filters", torch.from_numpy(mel_filters(sample_rate, fft, bands)), persistent=False)
        self.register_buffer("taper", torch.hann_window(fft), persistent=False)
        self.register_buffer("cosines", torch.from_numpy(cosines.astype(np.float32)), persistent=False)
        self.register_buffer("slopes", torch.from_numpy(slopes.astype(np.float32))[:, None], persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        """(batch, samples) mono in [-1, 1] -> (batch, width, frames) float32. Samples that are not finite count as silence."""
        if samples.shape[-1] < self.fft + (self.hop * (WIDTH - 1) if self.differences else 0):
            return samples.new_zeros(len(samples), self.width, 0)
        with torch.autocast(samples.device.type, enabled=False):
            clean = torch.nan_to_num(samples.float(), nan=0.0, posinf=0.0, neginf=0.0)
            spectrum = torch.fft.rfft(clean.unfold(-1, self.fft, self.hop) * self.taper)
            power = (spectrum.real.square() + spectrum.imag.square()) @ self.filters.T
            values = (power.clamp_min(QUIETEST).log10() @ self.cosines.T).transpose(-1, -2)
            if not self.differences:
                return values
            count, coefficients, frames = values.shape
            turned = nn.functional.conv1d(values.reshape(-1, 1, frames), self.slopes)
            slopes = turned.reshape(count, coefficients, 2, -1).transpose(1, 2).flatten(1, 2)
            return torch.cat([values[..., WIDTH // 2 : frames - WIDTH // 2], slopes], dim=1)


class TimbreEncoder(AudioEncoder):
    """An encoder of MFCC frames by a model of frames that was learned from many recordings.

    kinds: how many kinds of frame the model knows. Frames are standardized by the mean and deviation of those it was learned from.
    """

    fitted_by: ClassVar[str]
    mean: Tensor
    deviation: Tensor

    def __init__(
        self, *, kinds: int, sample_rate: int, fft: int, hop: int, window_seconds: float, coefficients: int, differences: bool
    ) -> None:  # fmt: skip
        super().__init__()
        if kinds < 2 or coefficients < 1:
            raise RecipeError(f"expected 2 kinds of frame and 1 coefficient at least, got {kinds} and {coefficients}")
        self.kinds = kinds
        self.frontend = Mfcc(
            sample_rate=sample_rate, fft=fft, hop=hop, coefficients=coefficients, differences=differences
        )
        self.sample_rate, self.frame_hop = sample_rate, hop
        self.frame_length = fft + (hop * (WIDTH - 1) if differences else 0)
        self.window = max(1, round(window_seconds * sample_rate / hop))
        self.hop = self.window
        self.register_buffer("mean", torch.zeros(self.frontend.width))
        self.register_buffer("deviation", torch.ones(self.frontend.width))

    def frames(self, samples: Tensor) -> Tensor:
        """(batch, samples) -> (batch, width, frames)."""
        found: Tensor = self.frontend(samples)
        return found

    def standard(self, frames: Tensor) -> Tensor:
        """(n, width, t) -> (n, t, width): standardized, time first."""
        return (frames.float().transpose(-1, -2) - self.mean) / self.deviation

    def take(self, mean: Tensor, deviation: Tensor, **model: Tensor) -> None:
        """What was learned of frames. Raises InputError for other shapes or values that are not finite."""
        for name, value in {"mean": mean, "deviation": deviation, **model}.items():
            buffer = getattr(self, name)
            if value.shape != buffer.shape or not value.isfinite().all():
                raise InputError(
                    f"{name}: expected finite values {tuple(buffer.shape)}, got {tuple(value.shape)}; fit on frames of this encoder"
                )
            buffer.copy_(value)


def histograms(frames: Tensor, centroids: Tensor) -> Tensor:
    """Frames (n, t, width), centroids (k, width) -> (n, k): the share of frames that is nearest to each centroid."""
    # The nearest by |c|^2 - 2 x c: |x|^2 is the same for all.
    nearest = (centroids.square().sum(dim=1) - 2 * frames @ centroids.T).argmin(dim=-1)
    counts = frames.new_zeros(len(frames), len(centroids))
    return counts.scatter_add_(1, nearest, frames.new_ones(nearest.shape)) / frames.shape[1]


class MfccHistogram(TimbreEncoder):
    """v_k = sqrt(h_k), h_k the share of the frames whose nearest centroid is k, so that vectors have unit length and their inner product is
    the Bhattacharyya kernel of two histograms. One for each window; a recording's vector is their mean direction, not its own histogram.

    McFee, Barrington & Lanckriet, Learning Content Similarity for Music Recommendation, TASLP 2012 (1,024 centroids of 13 MFCC with first
    and second differences); Jebara, Kondor & Howard, Probability Product Kernels, JMLR 2004. kinds: centroids.
    """

    fitted_by: ClassVar[str] = "k-means"
    centroids: Tensor

    def __init__(
        self, *, kinds: int = 1024, sample_rate: int = 22050, fft: int = 1024, hop: int = 512, window_seconds: float = 5.0,
        coefficients: int = 13, differences: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(
            kinds=kinds, sample_rate=sample_rate, fft=fft, hop=hop, window_seconds=window_seconds, coefficients=coefficients,
            differences=differences,
        )  # fmt: skip
        self.dimension = kinds
        self.register_buffer("centroids", torch.randn(kinds, self.frontend.width))

    def forward(self, batch: Tensor) -> Tensor:  # type: ignore[override]
        """(n, width, t) -> (n, kinds)."""
        with torch.autocast(batch.device.type, enabled=False):
            return histograms(self.standard(batch), self.centroids).sqrt()


class MixtureSupervector(TimbreEncoder):
    """s_c = sqrt(w_c) a_c (m_c - mu_c) / sigma_c, m_c the mean of the frames that component c of everybody's mixture (w, mu, sigma)
    answers for, a_c = n_c / (n_c + relevance) of n_c frames: the adapted means, whose squared distance bounds the Kullback-Leibler
    divergence of two adapted mixtures, which Aucouturier & Pachet (2002) compare pair by pair. One mixture for each window; in a space
    vectors have unit length and a recording's is the mean direction of its windows', whose distances order and no longer bound.

    Reynolds, Quatieri & Dunn, Speaker Verification Using Adapted Gaussian Mixture Models, DSP 2000 (adaptation of means, relevance 16);
    Campbell, Sturim & Reynolds, Support Vector Machines Using GMM Supervectors for Speaker Verification, SPL 2006 (the bound); for music:
    Charbuillet, Tardieu & Peeters, DAFx 2011. kinds: components, of diagonal covariance.
    """

    fitted_by: ClassVar[str] = "gaussian-mixture"
    weights: Tensor
    means: Tensor
    variances: Tensor

    def __init__(
        self, *, kinds: int = 64, sample_rate: int = 22050, fft: int = 1024, hop: int = 512, window_seconds: float = 5.0,
        coefficients: int = 13, differences: bool = False, relevance: float = 16.0,
    ) -> None:  # fmt: skip
        super().__init__(
            kinds=kinds, sample_rate=sample_rate, fft=fft, hop=hop, window_seconds=window_seconds, coefficients=coefficients,
            differences=differences,
        )  # fmt: skip
        if not relevance > 0:
            raise RecipeError(f"relevance: expected more than 0, got {relevance:g}")
        self.relevance = relevance
        self.dimension = kinds * self.frontend.width
        self.register_buffer("weights", torch.full((kinds,), 1 / kinds))
        self.register_buffer("means", torch.randn(kinds, self.frontend.width))
        self.register_buffer("variances", torch.ones(kinds, self.frontend.width))

    def responsibilities(self, frames: Tensor) -> Tensor:
        """Standardized (n, t, width) -> (n, t, kinds): the share of each component in each frame."""
        precision = 1 / self.variances
        squares = (
            frames.square() @ precision.T
            - 2 * frames @ (self.means * precision).T
            + (self.means.square() * precision).sum(1)
        )
        return (self.weights.log() - 0.5 * self.variances.log().sum(dim=1) - 0.5 * squares).softmax(dim=-1)

    def forward(self, batch: Tensor) -> Tensor:  # type: ignore[override]
        """(n, width, t) -> (n, kinds * width)."""
        with torch.autocast(batch.device.type, enabled=False):
            frames = self.standard(batch)
            shares = self.responsibilities(frames)
            counts = shares.sum(dim=1)[..., None]  # (n, kinds, 1)
            # sum over frames of (x - mu) times share, over n_c + relevance: a_c (m_c - mu_c) without a division by nothing.
            moved = (shares.transpose(1, 2) @ frames - counts * self.means) / (counts + self.relevance)
            return (self.weights.sqrt()[:, None] * moved / self.variances.sqrt()).flatten(1)
