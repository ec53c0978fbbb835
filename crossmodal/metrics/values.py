"""Checks at the boundary, and the mean over units that says how many it left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossmodal.base.errors import InputError

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]


@dataclass(frozen=True)
class Macro:
    """A mean over n units; `skipped` units had no defined value."""

    value: float
    n: int
    skipped: int


def macro(values: ArrayLike) -> Macro:
    """Mean of the defined (not NaN) values (units,); NaN when there is none."""
    array = vector("values", values)
    defined = array[~np.isnan(array)]
    value = float(defined.mean()) if len(defined) else float("nan")
    return Macro(value, len(defined), len(array) - len(defined))


def vector(name: str, values: ArrayLike) -> Floats:
    """Checked float array (n,)."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise InputError(f"{name}: expected one dimension (n,), got shape {array.shape}")
    return array


def scores_matrix(name: str, values: ArrayLike) -> NDArray[np.floating]:
    """Checked finite float array (rows, columns); float32 stays float32."""
    array = np.asarray(values)
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float64)
    if array.ndim != 2:
        raise InputError(f"{name}: expected two dimensions (rows, columns), got shape {array.shape}")
    if not np.isfinite(array).all():
        raise InputError(f"{name}: expected finite numbers, got NaN or infinity; mask candidates out instead")
    return array


def boolean_matrix(name: str, values: ArrayLike, shape: tuple[int, ...]) -> Booleans:
    """Checked boolean array of a given shape."""
    array = np.asarray(values)
    if array.dtype != np.bool_ and not (array.size and np.isin(array, (0, 1)).all()):
        if array.size:
            raise InputError(f"{name}: expected booleans (or 0 and 1), got {array.dtype}")
        array = array.astype(np.bool_)
    if array.shape != shape:
        raise InputError(f"{name}: expected shape {shape}, got {array.shape}")
    return array.astype(np.bool_)


def positive_integer(name: str, value: int) -> int:
    """Checked k of the metrics at k."""
    if value < 1 or int(value) != value:
        raise InputError(f"{name}: expected a whole number of at least 1, got {value}")
    return int(value)
