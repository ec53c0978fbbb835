"""Canonical correlation: for paired vectors, the directions of both sides that say the same. In closed form, with `fit` instead of
a loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from crossmodal.base.errors import InputError
from crossmodal.objectives.objective import require_positive


@dataclass(frozen=True)
class Projection:
    """x -> (x - mean) @ matrix. mean: (d,); matrix: (d, d), its columns the directions, the best correlated first; both float32."""

    mean: Tensor
    matrix: Tensor


@dataclass(frozen=True)
class Correlated:
    """Projections of both sides, and correlations (d,) in [0, 1] of the pairs that they were fitted to, falling."""

    queries: Projection
    targets: Projection
    correlations: Tensor


class Cca:
    """A = Sxx^(-1/2) U, B = Syy^(-1/2) V with Sxx^(-1/2) Sxy Syy^(-1/2) = U diag(c) V'.

    Hotelling: Relations between two sets of variates, 1936; Dorfer, Schlueter, Vall, Korzeniowski & Widmer: End-to-end cross-modality
    retrieval with CCA projections and pairwise ranking loss, 2018, eq. 3 to 6. pairs: how many are drawn to fit on (25,000 there);
    regularization: share of a side's mean variance that is added to every direction's, so that a direction in which nothing
    varies is not blown up.
    """

    fits: ClassVar[str] = "pairs"

    def __init__(self, *, pairs: int = 25_000, regularization: float = 1e-3) -> None:
        require_positive("cca", pairs=pairs, regularization=regularization)
        self.pairs, self.regularization = pairs, regularization

    def fit(self, queries: Tensor, targets: Tensor) -> Correlated:
        """Paired rows (n, d) and (n, d) -> projections. Raises InputError for other shapes, fewer than two pairs or no finite values."""
        if queries.ndim != 2 or queries.shape != targets.shape or len(queries) < 2:
            raise InputError(
                f"expected paired vectors, two or more of one width, got {tuple(queries.shape)} and {tuple(targets.shape)}"
            )
        x, y = queries.detach().double().cpu(), targets.detach().double().cpu()
        if not (x.isfinite().all() and y.isfinite().all()):
            raise InputError(
                "expected finite vectors, got others; the training before diverged: lower its learning rate"
            )
        mean_x, mean_y = x.mean(dim=0), y.mean(dim=0)
        x, y = x - mean_x, y - mean_y
        count = len(x) - 1
        root_x, root_y = self._inverse_root(x.T @ x / count), self._inverse_root(y.T @ y / count)
        left, correlations, right = torch.linalg.svd(root_x @ (x.T @ y / count) @ root_y)
        return Correlated(
            Projection(mean_x.float(), (root_x @ left).float()),
            Projection(mean_y.float(), (root_y @ right.T).float()),
            correlations.float(),
        )

    def _inverse_root(self, covariance: Tensor) -> Tensor:
        """(S + r mean(diag S) I)^(-1/2), symmetric."""
        variance = covariance.diagonal().mean()
        if not variance > 0:
            raise InputError("expected vectors that vary, got the same one for all pairs; train the towers first")
        values, directions = torch.linalg.eigh(covariance)
        values = values.clamp_min(0) + self.regularization * variance
        return (directions * values.rsqrt()) @ directions.T
