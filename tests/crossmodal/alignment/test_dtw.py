"""DTW: against a naive loop and librosa, subsequences, weights, degenerate sizes, strips, forbidden cells, malformed input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossmodal.alignment import dtw as module
from crossmodal.alignment.dtw import dtw
from crossmodal.alignment.path import Path
from crossmodal.base.errors import InputError
from crossmodal.base.librosa_import import load_librosa

STEPS = ((1, 1), (0, 1), (1, 0))
PLAIN = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
WEIGHTED = (0.1, 0.3, 0.2), (2.0, 1.0, 1.5)


def naive(cost: np.ndarray, subsequence: bool, add: tuple[float, ...], multiply: tuple[float, ...]) -> float:
    """The cost of the cheapest path by the recurrence, cell by cell."""
    n, m = cost.shape
    sums = np.full((n, m), np.inf)
    for i in range(n):
        for j in range(m):
            options = [float(cost[i, j])] if i == 0 and (subsequence or j == 0) else []
            for (di, dj), a, w in zip(STEPS, add, multiply, strict=True):
                if i >= di and j >= dj:
                    options.append(sums[i - di, j - dj] + w * float(cost[i, j]) + a)
            sums[i, j] = min(options)
    return float(sums[-1].min() if subsequence else sums[-1, -1])


def along(cost: np.ndarray, path: Path, add: tuple[float, ...], multiply: tuple[float, ...]) -> float:
    """The cost of the cells of a path, whose steps are checked."""
    total = float(cost[path.rows[0], path.columns[0]])
    for x in range(1, len(path.rows)):
        step = (path.rows[x] - path.rows[x - 1], path.columns[x] - path.columns[x - 1])
        index = STEPS.index(step)
        total += multiply[index] * float(cost[path.rows[x], path.columns[x]]) + add[index]
    return total


@pytest.mark.parametrize("weights", [PLAIN, WEIGHTED])
@pytest.mark.parametrize("subsequence", [False, True])
@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (6, 1), (2, 9), (9, 2), (12, 12), (7, 31)])
@pytest.mark.parametrize("strip", [3, 400])
def test_against_the_naive_form(
    shape: tuple[int, int],
    subsequence: bool,
    weights: tuple[tuple[float, ...], tuple[float, ...]],
    strip: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "STRIP", strip)
    cost = np.random.default_rng(shape[0]).random(shape, dtype=np.float32)
    path = dtw(cost, subsequence=subsequence, weights_add=weights[0], weights_mul=weights[1])
    assert path.cost == pytest.approx(naive(cost, subsequence, *weights), rel=1e-9)
    assert path.cost == pytest.approx(along(cost, path, *weights), rel=1e-9)
    assert (path.rows[0], path.rows[-1]) == (0, shape[0] - 1)
    if not subsequence:
        assert (path.columns[0], path.columns[-1]) == (0, shape[1] - 1)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.booleans(), st.integers(0, 2**32 - 1))
def test_ties_and_negative_costs(n: int, m: int, subsequence: bool, seed: int) -> None:
    cost = np.random.default_rng(seed).integers(-2, 3, (n, m)).astype(np.float64)
    path = dtw(cost, subsequence=subsequence)
    assert path.cost == naive(cost, subsequence, *PLAIN) == along(cost, path, *PLAIN)


@pytest.mark.parametrize("weights", [PLAIN, WEIGHTED])
@pytest.mark.parametrize(("shape", "subsequence"), [((450, 500), False), ((500, 450), False), ((410, 900), True)])
def test_against_librosa(
    shape: tuple[int, int], subsequence: bool, weights: tuple[tuple[float, ...], tuple[float, ...]]
) -> None:
    cost = np.random.default_rng(0).random(shape, dtype=np.float32)
    path = dtw(cost, subsequence=subsequence, weights_add=weights[0], weights_mul=weights[1])
    sums, theirs = load_librosa().sequence.dtw(
        C=cost, subseq=subsequence, step_sizes_sigma=np.array(STEPS),
        weights_add=np.array(weights[0]), weights_mul=np.array(weights[1]),
    )  # fmt: skip
    assert path.cost == pytest.approx(sums[-1].min() if subsequence else sums[-1, -1], rel=1e-9)
    assert np.array_equal(np.stack([path.rows, path.columns], axis=1), theirs[::-1])


def test_a_long_path_loses_nothing() -> None:
    cost = np.full((3000, 3000), 0.1, np.float32)
    assert dtw(cost).cost == pytest.approx(3000 * float(np.float32(0.1)), rel=1e-12)


def test_a_forbidden_cell_is_walked_around() -> None:
    cost = np.zeros((3, 3))
    cost[1, 1] = np.inf
    path = dtw(cost)
    assert path.cost == 0
    assert (1, 1) not in set(zip(path.rows.tolist(), path.columns.tolist(), strict=True))


def test_input_is_not_changed_and_its_order_does_not_matter() -> None:
    cost = np.random.default_rng(1).random((20, 30))
    before = cost.copy()
    assert dtw(np.asfortranarray(cost)).cost == dtw(cost).cost == dtw(cost.tolist()).cost
    assert np.array_equal(cost, before)


@pytest.mark.parametrize(
    ("cost", "words"),
    [
        (np.zeros((0, 3)), "shape"),
        (np.zeros((3, 0)), "shape"),
        (np.zeros(3), "shape"),
        (np.array([[0.0, np.nan], [0.0, 0.0]]), "NaN"),
        (np.array([[0.0, -np.inf], [0.0, 0.0]]), "minus infinity"),
        (np.full((2, 2), np.inf), "finite cost"),
    ],
)
def test_malformed_input(cost: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        dtw(cost)


def test_malformed_weights() -> None:
    with pytest.raises(InputError, match="weights_add"):
        dtw(np.zeros((2, 2)), weights_add=(0.0, 0.0))
    with pytest.raises(InputError, match="weights_mul"):
        dtw(np.zeros((2, 2)), weights_mul=(1.0, np.nan, 1.0))
