"""Matching of two forms of a score, against a naive search."""

from __future__ import annotations

import numpy as np
import pytest

from crossmodal.base.errors import InputError
from pairs.score_matching import LEAST_ALIKE, Chords, chords, match


def sets(found: Chords) -> list[set[int]]:
    return [{p for p in range(128) if int(row[p // 64]) >> (p % 64) & 1} for row in found.pitches]


def naive_total(first: list[set[int]], second: list[set[int]]) -> float:
    best = np.zeros((len(first) + 1, len(second) + 1))
    for i, a in enumerate(first):
        for j, b in enumerate(second):
            alike = len(a & b) / len(a | b) - LEAST_ALIKE
            best[i + 1, j + 1] = max(best[i, j + 1], best[i + 1, j], best[i, j] + alike)
    return float(best[-1, -1])


def some_chords(generator: np.random.Generator, count: int) -> Chords:
    quarters = np.repeat(np.arange(count) * 0.5, 3)
    return chords(quarters, generator.integers(58, 70, 3 * count))


def test_chords_are_the_pitches_of_each_moment() -> None:
    found = chords(np.array([2.0, 0.0, 0.001, 2.0, 1.0]), np.array([127, 60, 64, 0, 63]))
    assert np.allclose(found.quarters, [0, 1, 2])
    assert sets(found) == [{60, 64}, {63}, {127, 0}]


@pytest.mark.parametrize("seed", range(8))
def test_the_best_matching_is_found(seed: int) -> None:
    generator = np.random.default_rng(seed)
    first, second = (some_chords(generator, int(generator.integers(1, 30))) for _ in range(2))
    rows, columns = match(first, second)
    assert (np.diff(rows) > 0).all() and (np.diff(columns) > 0).all()
    a, b = sets(first), sets(second)
    alike = [len(a[i] & b[j]) / len(a[i] | b[j]) for i, j in zip(rows, columns, strict=True)]
    assert all(value > LEAST_ALIKE for value in alike)
    assert sum(alike) - LEAST_ALIKE * len(alike) == pytest.approx(naive_total(a, b), abs=1e-4)


def test_left_out_moments_are_passed_over() -> None:
    whole = some_chords(np.random.default_rng(3), 60)
    kept = np.delete(np.arange(60), [7, 8, 30])
    rows, columns = match(whole, Chords(whole.quarters[kept] * 2, whole.pitches[kept]))
    assert rows.tolist() == kept.tolist() and columns.tolist() == list(range(57))


def test_nothing_matches_nothing() -> None:
    empty = chords(np.zeros(0), np.zeros(0, np.int64))
    assert [len(side) for side in match(empty, some_chords(np.random.default_rng(0), 5))] == [0, 0]


@pytest.mark.parametrize("quarters, pitch", [([0.0], [1, 2]), ([0.0], [128]), ([0.0], [-1])])
def test_wrong_notes_are_refused(quarters: list[float], pitch: list[int]) -> None:
    with pytest.raises(InputError):
        chords(np.array(quarters), np.array(pitch))
