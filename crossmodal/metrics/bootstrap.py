"""Bootstrap: how far a mean would move with other works of the same kind.

What is resampled are groups (works, artists), not their items: two renderings of one work are no two
observations. Percentile intervals (Efron & Tibshirani, 1993, chapter 13). All is drawn from `seed`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossmodal.base.errors import InputError
from crossmodal.metrics.values import Floats, positive_integer, vector

BLOCK = 1 << 22  # numbers in one block of resampling weights: 32 MB


@dataclass(frozen=True)
class Interval:
    """A value with its interval; n units counted, in `groups` groups."""

    value: float
    low: float
    high: float
    n: int
    groups: int


def bootstrap_interval(
    values: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    seed: int,
    samples: int = 1000,
    level: float = 0.95,
    statistic: Literal["mean", "median"] = "mean",
) -> Interval:
    """Mean (or median) of values (units,) and its interval, resampling groups (units,); without groups,
    units.

    NaN units are left out; with no defined unit all is NaN.
    """
    array = vector("values", values)
    defined = ~np.isnan(array)
    owner, count = _numbered(groups, len(array), defined)
    array = array[defined]
    if len(array) == 0:
        return Interval(np.nan, np.nan, np.nan, 0, 0)
    order = np.argsort(array, kind="stable")
    array, owner = array[order], owner[order]
    drawn = np.concatenate(
        [
            _means(array, owner, w) if statistic == "mean" else _medians(array, owner, w)
            for w in _weights(count, len(array), samples, seed)
        ]
    )
    value = float(array.mean() if statistic == "mean" else np.median(array))
    return Interval(value, *_percentiles(drawn, level), len(array), count)


def bootstrap_difference(
    first: ArrayLike,
    second: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    seed: int,
    samples: int = 1000,
    level: float = 0.95,
) -> Interval:
    """Mean of first - second over the units (n,) where both are defined, paired. An interval off 0: a real
    difference.
    """
    a, b = vector("first", first), vector("second", second)
    if a.shape != b.shape:
        raise InputError(f"paired values: expected one length, got {len(a)} and {len(b)}")
    return bootstrap_interval(a - b, groups, seed=seed, samples=samples, level=level)


def bootstrap_function(
    function: Callable[[NDArray[np.intp]], float],
    units: int,
    groups: ArrayLike | None = None,
    *,
    seed: int,
    samples: int = 200,
    level: float = 0.95,
) -> Interval:
    """The same for what is no mean over units (a tag's AUC over clips): `function` of unit indices, repeats
    included.

    Resamples for which the function is NaN (one class only) are left out.
    """
    owner, count = _numbered(groups, units, np.ones(units, dtype=bool))
    if units == 0:
        return Interval(np.nan, np.nan, np.nan, 0, 0)
    members = np.split(np.argsort(owner, kind="stable"), np.cumsum(np.bincount(owner, minlength=count))[:-1])
    generator = np.random.default_rng(seed)
    drawn = np.array(
        [
            function(np.concatenate([members[g] for g in generator.integers(count, size=count)]))
            for _ in range(positive_integer("samples", samples))
        ]
    )
    return Interval(float(function(np.arange(units))), *_percentiles(drawn, level), units, count)


def _numbered(groups: ArrayLike | None, units: int, defined: NDArray[np.bool_]) -> tuple[NDArray[np.intp], int]:
    """Group numbers 0 .. count - 1 of the defined units."""
    if groups is None:
        count = int(defined.sum())
        return np.arange(count), count
    names = np.asarray(groups)
    if names.shape != (units,):
        raise InputError(f"groups: expected one per value, shape ({units},), got {names.shape}")
    unique, owner = np.unique(names[defined], return_inverse=True)
    return owner.astype(np.intp), len(unique)


def _weights(count: int, units: int, samples: int, seed: int) -> list[NDArray[np.int64]]:
    """How often each group is drawn, (samples, count) in blocks."""
    generator = np.random.default_rng(seed)
    positive_integer("samples", samples)
    block = max(1, BLOCK // max(count, units))
    even = np.full(count, 1 / count)
    return [generator.multinomial(count, even, size=min(block, samples - start)) for start in range(0, samples, block)]


def _means(values: Floats, owner: NDArray[np.intp], weights: NDArray[np.int64]) -> Floats:
    sums = np.bincount(owner, weights=values, minlength=weights.shape[1])
    sizes = np.bincount(owner, minlength=weights.shape[1])
    result: Floats = (weights @ sums) / (weights @ sizes)
    return result


def _medians(values: Floats, owner: NDArray[np.intp], weights: NDArray[np.int64]) -> Floats:
    """`values` are sorted: the median is where the cumulated weight passes the half, between two when it
    meets it.
    """
    cumulated = np.cumsum(weights[:, owner], axis=1)
    total = cumulated[:, -1:]
    lower = (2 * cumulated >= total).argmax(axis=1)
    upper = (2 * cumulated > total).argmax(axis=1)
    result: Floats = (values[lower] + values[upper]) / 2
    return result


def _percentiles(drawn: Floats, level: float) -> tuple[float, float]:
    if not 0 < level < 1:
        raise InputError(f"level: expected a number between 0 and 1, got {level}")
    defined = drawn[~np.isnan(drawn)]
    if len(defined) == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
