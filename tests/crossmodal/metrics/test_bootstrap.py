"""Bootstrap: the vectorized form against a loop, groups against units, width, seeds, empty and malformed input."""

from __future__ import annotations

import math

import numpy as np
import pytest

from crossmodal.base.errors import InputError
from crossmodal.metrics import bootstrap
from crossmodal.metrics.bootstrap import bootstrap_difference, bootstrap_function, bootstrap_interval


@pytest.mark.parametrize("statistic", ["mean", "median"])
@pytest.mark.parametrize("block", [bootstrap.BLOCK, 100])
def test_against_a_loop_over_resamples(statistic: str, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "BLOCK", block)
    generator = np.random.default_rng(0)
    values, groups = generator.normal(size=40), generator.integers(0, 9, 40)
    values[5] = math.nan
    result = bootstrap_interval(values, groups, seed=3, samples=50, statistic=statistic)  # type: ignore[arg-type]
    drawing = np.random.default_rng(3)
    drawn = []
    for _ in range(50):
        counts = drawing.multinomial(9, np.full(9, 1 / 9))
        sample = [v for v, g in zip(values, groups, strict=True) for _ in range(counts[g]) if not math.isnan(v)]
        drawn.append(np.mean(sample) if statistic == "mean" else np.median(sample))
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert (result.low, result.high) == (pytest.approx(low), pytest.approx(high))
    assert (result.n, result.groups) == (39, 9)
    reference = np.nanmean(values) if statistic == "mean" else np.nanmedian(values)
    assert result.value == pytest.approx(reference)


def test_interval_has_the_width_of_the_normal_one() -> None:
    values = np.random.default_rng(1).normal(size=400)
    result = bootstrap_interval(values, seed=0, samples=4000)
    assert (result.high - result.low) == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.05)


def test_renderings_of_one_work_are_no_more_evidence() -> None:
    works = np.random.default_rng(2).normal(size=30)
    alone = bootstrap_interval(works, seed=0, samples=2000)
    rendered = bootstrap_interval(np.repeat(works, 4), np.repeat(np.arange(30), 4), seed=0, samples=2000)
    assert (rendered.low, rendered.high) == (pytest.approx(alone.low), pytest.approx(alone.high))
    naive = bootstrap_interval(np.repeat(works, 4), seed=0, samples=2000)
    assert naive.high - naive.low < 0.7 * (alone.high - alone.low)


def test_paired_difference_is_narrower_than_its_parts() -> None:
    generator = np.random.default_rng(3)
    first = generator.normal(size=100)
    second = first - 0.1 + 0.01 * generator.normal(size=100)
    result = bootstrap_difference(first, second, seed=0)
    assert 0.09 < result.low < result.value < result.high < 0.11


def test_function_of_indices_agrees_with_the_mean() -> None:
    values = np.random.default_rng(4).normal(size=60)
    groups = np.arange(60) // 3
    by_function = bootstrap_function(lambda i: float(values[i].mean()), 60, groups, seed=0, samples=1500)
    direct = bootstrap_interval(values, groups, seed=1, samples=1500)
    assert by_function.value == pytest.approx(direct.value)
    assert by_function.low == pytest.approx(direct.low, abs=0.05)
    assert by_function.high == pytest.approx(direct.high, abs=0.05)


def test_seeds_and_string_groups() -> None:
    values, groups = np.arange(10.0), np.array(list("aabbccddee"))
    assert bootstrap_interval(values, groups, seed=1) == bootstrap_interval(values, groups, seed=1)
    assert bootstrap_interval(values, groups, seed=1) != bootstrap_interval(values, groups, seed=2)


def test_empty_perfect_and_malformed() -> None:
    for values in ([], [math.nan, math.nan]):
        result = bootstrap_interval(values, seed=0)
        assert math.isnan(result.value) and result.n == 0
    assert math.isnan(bootstrap_function(lambda i: 0.0, 0, seed=0).value)
    perfect = bootstrap_interval([1.0, 1.0, 1.0], seed=0)
    assert (perfect.low, perfect.value, perfect.high) == (1, 1, 1)
    with pytest.raises(InputError, match="groups"):
        bootstrap_interval([1.0, 2.0], [0], seed=0)
    with pytest.raises(InputError, match="one length"):
        bootstrap_difference([1.0], [1.0, 2.0], seed=0)
    with pytest.raises(InputError, match="level"):
        bootstrap_interval([1.0], seed=0, level=95)
    with pytest.raises(InputError, match="samples"):
        bootstrap_interval([1.0], seed=0, samples=0)
