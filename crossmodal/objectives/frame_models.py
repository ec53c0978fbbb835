"""Models of frames, learned from many recordings without knowing what belongs together. With `fit` instead of a loss."""

from __future__ import annotations

import warnings
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from crossmodal.base.errors import InputError
from crossmodal.objectives.objective import require_positive


class FrameModel:
    """frames: how many are drawn to fit on."""

    fits: ClassVar[str] = "frames"

    def __init__(self, *, frames: int) -> None:
        require_positive("frames", frames=frames)
        self.frames = frames

    def fit(self, frames: Tensor, kinds: int, *, seed: int = 0) -> dict[str, Tensor]:
        """Frames (n, d) -> mean, deviation (d,) and what is known of `kinds` kinds of them, after standardization, by name.

        Raises InputError for fewer frames than kinds.
        """
        if len(frames) < kinds:
            raise InputError(
                f"expected {kinds} frames at least for as many kinds, got {len(frames)}; use fewer kinds or more recordings"
            )
        values = frames.double().cpu().numpy()
        mean, deviation = values.mean(axis=0), values.std(axis=0) + 1e-6
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of iterations
            found = self._learned((values - mean) / deviation, kinds, seed)
        found |= {"mean": mean, "deviation": deviation}
        return {name: torch.from_numpy(np.ascontiguousarray(value, np.float32)) for name, value in found.items()}

    def _learned(self, values: np.ndarray, kinds: int, seed: int) -> dict[str, np.ndarray]:
        raise NotImplementedError  # abstract


class KMeans(FrameModel):
    """centroids (kinds, d) = argmin sum_i min_k |x_i - c_k|^2, in small batches (Sculley, Web-Scale K-Means Clustering, WWW 2010)."""

    def __init__(self, *, frames: int = 100_000) -> None:
        super().__init__(frames=frames)

    def _learned(self, values: np.ndarray, kinds: int, seed: int) -> dict[str, np.ndarray]:
        from sklearn.cluster import MiniBatchKMeans

        model = MiniBatchKMeans(kinds, random_state=seed, n_init=1, batch_size=max(1024, 4 * kinds))
        return {"centroids": model.fit(values.astype(np.float32)).cluster_centers_}


class GaussianMixture(FrameModel):
    """weights (kinds,), means and variances (kinds, d) = argmax sum_i log sum_c w_c N(x_i; mu_c, diag sigma_c^2), by EM (Dempster, Laird &
    Rubin 1977).
    """

    def __init__(self, *, frames: int = 50_000) -> None:
        super().__init__(frames=frames)

    def _learned(self, values: np.ndarray, kinds: int, seed: int) -> dict[str, np.ndarray]:
        from sklearn.mixture import GaussianMixture as Mixture

        model = Mixture(kinds, covariance_type="diag", reg_covar=1e-3, random_state=seed).fit(values)
        return {"weights": model.weights_, "means": model.means_, "variances": model.covariances_}
