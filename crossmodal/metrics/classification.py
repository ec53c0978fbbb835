"""Classification: one label an item. Labels are integers or strings, (n,)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossmodal.base.errors import InputError
from crossmodal.metrics.values import Floats


def correct(predicted: ArrayLike, true: ArrayLike) -> Floats:
    """(n,) 1 where the prediction is right, else 0; its mean is the accuracy."""
    given, right = _checked(predicted, true)
    return (given == right).astype(np.float64)


def recall_per_class(predicted: ArrayLike, true: ArrayLike) -> Floats:
    """(classes,) share of each class's items that were recognized, in sorted order of class; its mean is the
    balanced accuracy."""
    given, right = _checked(predicted, true)
    classes, index = np.unique(right, return_inverse=True)
    hits = np.bincount(index, weights=given == right, minlength=len(classes))
    return hits / np.bincount(index, minlength=len(classes))


def confusion(predicted: ArrayLike, true: ArrayLike) -> tuple[NDArray, NDArray[np.int64]]:
    """Classes (c,), sorted, and counts (c, c): row the true class, column the predicted one."""
    given, right = _checked(predicted, true)
    classes = np.unique(np.concatenate([given, right]))
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(counts, (np.searchsorted(classes, right), np.searchsorted(classes, given)), 1)
    return classes, counts


def _checked(predicted: ArrayLike, true: ArrayLike) -> tuple[NDArray, NDArray]:
    given, right = np.asarray(predicted), np.asarray(true)
    if given.ndim != 1 or given.shape != right.shape:
        raise InputError(f"labels: expected two lists of one length, got {given.shape} and {right.shape}")
    if given.size and given.dtype.kind in "US" and right.dtype.kind not in "US":
        raise InputError(f"labels: expected one kind of label, got {given.dtype} and {right.dtype}")
    return given, right
