"""Alignments that may begin and end anywhere on the edges, against the naive form; and the score of a comparison."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossmodal.alignment.comparison import compare
from crossmodal.alignment.dtw import dtw
from crossmodal.alignment.multires import align
from crossmodal.base.errors import InputError


def naive(cost, gully, add):
    """The least sum of a path, row by row."""
    n, m = cost.shape
    g = min(int(gully * min(n, m)), min(n, m) - 1)
    total = np.full((n, m), np.inf)
    ends = []
    for i in range(n):
        for j in range(m):
            before = [cost[i, j]] if i == 0 or j == 0 else []
            for step, (x, y) in enumerate(((i - 1, j - 1), (i, j - 1), (i - 1, j))):
                if x >= 0 and y >= 0:
                    before.append(total[x, y] + (cost[i, j] + add[step]))
            total[i, j] = min(before)
            if (i == n - 1 and j >= g) or (j == m - 1 and i >= g):
                ends.append(total[i, j])
    return min(ends), g


def check_path(path, cost, g, add):
    """The path is one that is allowed, and its cost is its cost."""
    n, m = cost.shape
    steps = np.stack([np.diff(path.rows), np.diff(path.columns)], axis=1).tolist()
    assert path.rows[0] == 0 or path.columns[0] == 0
    assert (path.rows[-1] == n - 1 and path.columns[-1] >= g) or (path.columns[-1] == m - 1 and path.rows[-1] >= g)
    penalties = sum(add[[[1, 1], [0, 1], [1, 0]].index(step)] for step in steps)
    assert path.cost == pytest.approx(cost[path.rows, path.columns].sum() + penalties)


@settings(deadline=None, max_examples=120)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 30), m=st.integers(1, 30), gully=st.sampled_from([0.1, 0.5, 0.96, 1.0]),
       penalty=st.sampled_from([0.0, 0.3, 2.0]), whole=st.booleans())  # fmt: skip
def test_equals_the_naive_form(seed, n, m, gully, penalty, whole):
    generator = np.random.default_rng(seed)
    cost = generator.integers(0, 4, (n, m)).astype(float) if whole else generator.random((n, m))
    add = (0.0, penalty, penalty)
    path = dtw(cost, gully=gully, weights_add=add)
    expected, g = naive(cost, gully, add)
    assert path.cost == expected
    check_path(path, cost, g, add)


def test_strips_join():
    cost = np.random.default_rng(0).random((830, 90))
    add = (0.0, 0.2, 0.2)
    path = dtw(cost, gully=0.9, weights_add=add)
    expected, g = naive(cost, 0.9, add)
    assert path.cost == expected
    check_path(path, cost, g, add)


def walk(generator, count, dimension=24):
    """Vectors of which neighbours are alike."""
    noise = generator.standard_normal((count + 8, dimension)).astype(np.float32)
    sums = np.cumsum(noise, axis=0)
    return (sums[8:] - sums[:-8]).astype(np.float32)


@pytest.mark.parametrize("swapped", [False, True])
def test_multiresolution_finds_a_part(swapped):
    generator = np.random.default_rng(2)
    whole = walk(generator, 1500)
    part = whole[400:1100] + 0.3 * generator.standard_normal((700, 24)).astype(np.float32)
    pair = (part, whole) if not swapped else (whole, part)
    unit = [values / np.linalg.norm(values, axis=1, keepdims=True) for values in pair]
    add = (0.0, 0.5, 0.5)
    exact = align(*unit, gully=0.96, weights_add=add, largest=1 << 22)
    coarse = align(*unit, gully=0.96, weights_add=add, largest=1 << 14)
    assert coarse.cost == pytest.approx(exact.cost, rel=1e-6)
    assert np.array_equal(coarse.rows, exact.rows)
    shift = (coarse.columns - coarse.rows) * (-1 if swapped else 1)
    assert np.abs(shift - 400).max() <= 3


def test_multiresolution_overlap_at_the_ends():
    """The end of one sequence on the beginning of the other: neither is used whole."""
    generator = np.random.default_rng(3)
    song = walk(generator, 1040)
    unit = song / np.linalg.norm(song, axis=1, keepdims=True)
    path = align(unit[40:], unit[:1000], gully=0.9, weights_add=(0.0, 0.5, 0.5), largest=1 << 14)
    assert (path.rows[0], path.columns[0], path.rows[-1], path.columns[-1]) == (0, 40, 959, 999)
    assert path.cost == pytest.approx(0, abs=1e-3)


def test_comparison_tells_matches_from_others():
    generator = np.random.default_rng(4)
    song, other = walk(generator, 600), walk(generator, 500)
    part = song[100:400] + 0.2 * generator.standard_normal((300, 24)).astype(np.float32)
    right, wrong = compare(part, song), compare(part, other)
    assert right.score < 0.3
    assert wrong.score > 0.6
    unit = [values / np.linalg.norm(values, axis=1, keepdims=True) for values in (part, song)]
    distances = 1 - unit[0] @ unit[1].T
    assert right.penalty == pytest.approx(np.median(distances), abs=1e-6)
    path = right.path
    area = distances[path.rows[0] : path.rows[-1] + 1, path.columns[0] : path.columns[-1] + 1]
    assert right.score == pytest.approx(path.cost / len(path.rows) / area.mean(), rel=1e-5)


def test_equal_and_silent_sequences():
    song = walk(np.random.default_rng(5), 50)
    assert compare(song, song).score == pytest.approx(0, abs=1e-6)
    assert compare(np.ones((5, 3)), np.ones((4, 3))).score == 0.0
    assert compare(np.zeros((5, 3)), np.ones((4, 3))).score >= 1


@pytest.mark.parametrize("options", [{"gully": 0.0}, {"gully": 1.5}, {"gully": 0.9, "subsequence": True}])
def test_refuses_wrong_gullies(options):
    with pytest.raises(InputError, match="gully"):
        dtw(np.ones((3, 3)), **options)


def test_refuses_empty_and_mixed_sequences():
    with pytest.raises(InputError, match="1 or more"):
        compare(np.ones((0, 3)), np.ones((3, 3)))
    with pytest.raises(InputError, match="dimension"):
        compare(np.ones((3, 2)), np.ones((3, 3)))
