"""Multi-resolution DTW: exact where small, as good as exact where pooled, inside its memory, malformed input."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from crossmodal.alignment.dtw import dtw
from crossmodal.alignment.multires import align
from crossmodal.base.errors import InputError
from tests.crossmodal.alignment.sequences import noisy, played, smooth


@pytest.mark.parametrize("subsequence", [False, True])
def test_small_problems_are_solved_exactly(subsequence: bool) -> None:
    queries, targets = smooth(60, seed=1), smooth(90, seed=2)
    path, exact = (
        align(queries, targets, subsequence=subsequence),
        dtw(1 - queries @ targets.T, subsequence=subsequence),
    )
    assert path.cost == pytest.approx(exact.cost, rel=1e-6)
    assert np.array_equal(path.columns, exact.columns)


@pytest.mark.parametrize(("subsequence", "largest"), [(False, 4000), (True, 4000), (True, 64000)])
@pytest.mark.parametrize("speed", [0.5, 1.0, 1.9])
def test_pooled_levels_find_the_exact_path(subsequence: bool, largest: int, speed: float) -> None:
    targets = smooth(1000, seed=3)
    columns = played([(200, 803)] if subsequence else [(0, 1000)], speed=speed)
    queries = noisy(targets[columns], 0.7, seed=4)
    path = align(queries, targets, subsequence=subsequence, largest=largest)
    exact = dtw(1 - queries @ targets.T, subsequence=subsequence)
    assert path.cost == pytest.approx(exact.cost, rel=1e-5)
    assert np.abs(np.interp(np.arange(len(columns)), path.rows, path.columns) - columns).mean() < 2


@pytest.mark.parametrize("lengths", [(1, 1), (1, 50), (50, 1), (2, 300), (300, 2), (33, 129)])
def test_degenerate_lengths_stay_paths(lengths: tuple[int, int]) -> None:
    queries, targets = smooth(lengths[0], seed=5), smooth(lengths[1], seed=6)
    path = align(queries, targets, largest=16, radius=1)
    steps = set(zip(np.diff(path.rows).tolist(), np.diff(path.columns).tolist(), strict=True))
    assert steps <= {(1, 1), (0, 1), (1, 0)}
    assert (path.rows[0], path.columns[0]) == (0, 0)
    assert (path.rows[-1] + 1, path.columns[-1] + 1) == lengths
    cells = 1 - np.einsum("nd,nd->n", queries[path.rows], targets[path.columns])
    assert path.cost == pytest.approx(float(cells.sum()), rel=1e-4)
    assert path.cost >= dtw(1 - queries @ targets.T).cost - 1e-4


def test_weights_of_steps_reach_every_level() -> None:
    queries, targets = smooth(200, seed=7), smooth(220, seed=8)
    add, multiply = (0.0, 0.5, 0.5), (2.0, 1.0, 1.0)
    path = align(queries, targets, largest=1000, radius=60, weights_add=add, weights_mul=multiply)
    exact = dtw(1 - queries @ targets.T, weights_add=add, weights_mul=multiply)
    assert path.cost == pytest.approx(exact.cost, rel=1e-5)


def test_memory_grows_with_the_length_and_not_with_its_square() -> None:
    peaks = []
    for count in (4000, 8000, 16000):
        targets = smooth(count, seed=9, dimension=8)
        queries = noisy(targets, 0.5, seed=10)
        align(queries[:200], targets[:200], largest=1000)
        tracemalloc.start()
        align(queries, targets, largest=1 << 16)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < 5 * peaks[0]
    assert peaks[2] < 16000 * 16000 / 8


@pytest.mark.parametrize(
    ("queries", "targets", "words"),
    [
        (np.zeros((0, 4)), np.ones((3, 4)), "queries"),
        (np.ones((3, 4)), np.zeros((0, 4)), "targets"),
        (np.full((3, 4), np.nan), np.ones((3, 4)), "NaN"),
        (np.ones((3, 4)), np.ones((3, 5)), "dimension"),
        (np.ones(4), np.ones((3, 4)), "shape"),
    ],
)
def test_malformed_input(queries: np.ndarray, targets: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        align(queries, targets)


def test_malformed_options() -> None:
    with pytest.raises(InputError, match="radius"):
        align(np.ones((3, 4)), np.ones((3, 4)), radius=0)
