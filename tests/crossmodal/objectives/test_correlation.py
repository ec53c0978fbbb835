"""Canonical correlation, against the generalized eigenvalue problem that defines it and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from crossmodal.base import names
from crossmodal.base.errors import InputError, RecipeError
from crossmodal.objectives import FITS
from crossmodal.objectives.correlation import Cca


def pairs(count: int = 400, width: int = 5, *, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Vectors that share something, mixed and shifted on each side."""
    generator = torch.Generator().manual_seed(seed)
    shared = torch.randn(count, width, generator=generator)
    noise = torch.randn(2, count, width, generator=generator) * torch.linspace(0.2, 3, width)
    mixing = torch.randn(2, width, width, generator=generator)
    x, y = ((shared + n) @ m + 3 for n, m in zip(noise, mixing, strict=True))
    return x, y


def covariance(x: Tensor, y: Tensor) -> Tensor:
    x, y = x.double() - x.double().mean(dim=0), y.double() - y.double().mean(dim=0)
    return x.T @ y / (len(x) - 1)


def eigen_solution(x: Tensor, y: Tensor, regularization: float) -> tuple[np.ndarray, np.ndarray]:
    """[0 Sxy; Syx 0] w = c [Sxx 0; 0 Syy] w: correlations, falling, and the directions of x."""
    from scipy.linalg import eigh

    width = x.shape[1]
    across, own = np.zeros((2 * width, 2 * width)), np.zeros((2 * width, 2 * width))
    across[:width, width:] = covariance(x, y).numpy()
    across += across.T
    for part, side in ((slice(None, width), x), (slice(width, None), y)):
        block = covariance(side, side).numpy()
        own[part, part] = block + regularization * np.diag(block).mean() * np.eye(width)
    values, vectors = eigh(across, own)
    best = np.argsort(-values)[:width]
    return values[best], vectors[:width, best]


def test_the_table_names_it() -> None:
    assert names.resolve(FITS, "cca", "a closed form") is Cca
    with pytest.raises(RecipeError, match='Did you mean "cca"'):
        names.resolve(FITS, "pcca", "a closed form")


@pytest.mark.parametrize("regularization", [1e-9, 1e-3, 0.5])
def test_against_the_eigenvalue_problem(regularization: float) -> None:
    x, y = pairs()
    found = Cca(regularization=regularization).fit(x, y)
    correlations, directions = eigen_solution(x, y, regularization)
    np.testing.assert_allclose(found.correlations, correlations, atol=1e-5)
    for own, expected in zip(found.queries.matrix.T.numpy(), directions.T, strict=True):
        cosine = own @ expected / np.linalg.norm(own) / np.linalg.norm(expected)
        assert abs(cosine) == pytest.approx(1, abs=1e-4)


def test_against_scikit_learn() -> None:
    decomposition = pytest.importorskip("sklearn.cross_decomposition")
    x, y = pairs(600, 4)
    theirs = decomposition.CCA(n_components=4, scale=False, max_iter=5000, tol=1e-12).fit(x.numpy(), y.numpy())
    found = Cca(regularization=1e-9).fit(x, y)
    ours = (x - found.queries.mean) @ found.queries.matrix
    for column, expected in zip(ours.T.numpy(), theirs.transform(x.numpy()).T, strict=True):
        assert abs(np.corrcoef(column, expected)[0, 1]) == pytest.approx(1, abs=1e-3)


def test_projected_sides_are_white_and_correlate_in_order() -> None:
    x, y = pairs()
    found = Cca(regularization=1e-9).fit(x, y)
    left, right = (x - found.queries.mean) @ found.queries.matrix, (y - found.targets.mean) @ found.targets.matrix
    torch.testing.assert_close(covariance(left, left), torch.eye(5).double(), atol=1e-3, rtol=0)
    torch.testing.assert_close(covariance(right, right), torch.eye(5).double(), atol=1e-3, rtol=0)
    torch.testing.assert_close(covariance(left, right), torch.diag(found.correlations).double(), atol=1e-3, rtol=0)
    assert (found.correlations.diff() <= 0).all() and 0 <= found.correlations.min() <= found.correlations.max() <= 1
    torch.testing.assert_close(left.mean(dim=0), torch.zeros(5), atol=1e-3, rtol=0)


def test_what_is_the_same_up_to_a_mixing_meets_in_one_space() -> None:
    x, _ = pairs()
    y = x @ torch.linalg.qr(torch.randn(5, 5, generator=torch.Generator().manual_seed(1)))[0] * 4 - 7
    found = Cca(regularization=1e-9).fit(x, y)
    torch.testing.assert_close(found.correlations, torch.ones(5), atol=1e-4, rtol=0)
    left, right = (x - found.queries.mean) @ found.queries.matrix, (y - found.targets.mean) @ found.targets.matrix
    assert torch.nn.functional.cosine_similarity(left, right).min() > 0.999


@pytest.mark.parametrize("count", [2, 3, 100])
def test_directions_without_variance_and_few_pairs_stay_finite(count: int) -> None:
    x, y = pairs(count)
    x[:, 2], y[:, 0] = 5.0, y[:, 1]
    found = Cca().fit(x, y)
    for projection in (found.queries, found.targets):
        assert projection.matrix.isfinite().all() and projection.matrix.abs().max() < 1e4
    assert found.correlations.max() <= 1 + 1e-6


def test_it_changes_nothing_and_has_no_chance_in_it() -> None:
    x, y = pairs()
    before = x.clone(), y.clone()
    first, second = Cca().fit(x, y), Cca().fit(x, y)
    assert torch.equal(x, before[0]) and torch.equal(y, before[1])
    assert torch.equal(first.queries.matrix, second.queries.matrix)


@pytest.mark.parametrize(
    ("x", "y", "part"),
    [
        (torch.zeros(0, 3), torch.zeros(0, 3), "two or more"),
        (torch.randn(1, 3), torch.randn(1, 3), "two or more"),
        (torch.randn(5, 3), torch.randn(4, 3), "paired"),
        (torch.randn(5, 3), torch.randn(5, 4), "paired"),
        (torch.randn(5), torch.randn(5), "paired"),
        (torch.full((5, 3), torch.nan), torch.randn(5, 3), "finite"),
        (torch.ones(5, 3), torch.randn(5, 3), "vary"),
    ],
)
def test_what_cannot_be_fitted_is_told(x: Tensor, y: Tensor, part: str) -> None:
    with pytest.raises(InputError, match=part):
        Cca().fit(x, y)


@pytest.mark.parametrize("wrong", [{"pairs": 0}, {"pairs": -1}, {"regularization": 0.0}, {"regularization": -1.0}])
def test_impossible_options(wrong: dict[str, float]) -> None:
    with pytest.raises(RecipeError, match=next(iter(wrong))):
        Cca(**wrong)  # type: ignore[arg-type]
