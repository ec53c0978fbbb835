"""What it costs to warp one hash sequence onto another: the rule of Raffel's thesis, made exact.

Raffel 2016, "Learning-Based Methods for Comparing Sequences", chapter on dynamic time warping; Hamming distances after Raffel & Ellis
2015.

For sequences a (m,) and b (n,), h(i, j) = popcount(a[i] xor b[j]), and g = min(floor(gully * min(m, n)), min(m, n) - 1): a path is a list
of cells joined by the steps (1, 1), (0, 1), (1, 0). It begins in any cell of row 0 or of column 0, and ends in a cell of row m - 1 whose
column is g or later, or of column n - 1 whose row is g or later, so that at least g + 1 rows or g + 1 columns are used. Its cost is the
sum of h over its cells plus `penalty` for every step that is not (1, 1); its length is the number of its cells. The path that counts is
the one of the least cost, and of those the shortest: one pair (cost, length), whatever the order in which cells are visited and whichever
way ties between steps fall. The score is cost / length: smaller is closer, 0 is equal. The rule is symmetric in a and b.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossmodal.base.errors import InputError

Hashes = NDArray[np.uint16] | NDArray[np.uint32]

HIGHEST_PENALTY = 1 << 20  # far above any useful one, and far below what a 64-bit key holds


@dataclass(frozen=True)
class Rule:
    """gully: the part of the shorter sequence that has to be used, (0, 1]; penalty: whole bits for each step that is not (1, 1).

    The thesis takes 0.9 and 15 for 32-bit hashes. Raises InputError for values outside these ranges.
    """

    gully: float = 0.9
    penalty: int = 15

    def __post_init__(self) -> None:
        if not 0 < self.gully <= 1:
            raise InputError(f"gully: expected a number above 0 and at most 1, got {self.gully}")
        if not isinstance(self.penalty, int | np.integer) or not 0 <= self.penalty <= HIGHEST_PENALTY:
            raise InputError(f"penalty: expected a whole number from 0 to {HIGHEST_PENALTY}, got {self.penalty}")


@dataclass(frozen=True)
class Warping:
    """The best path: its `cost` in bits, and its `length` in cells."""

    cost: int
    length: int

    @property
    def score(self) -> float:
        """cost / length, in bits per cell."""
        return self.cost / self.length


def hashes_of(name: str, values: ArrayLike) -> Hashes:
    """Checked hashes (t,), uint16 or uint32, C order; raises InputError for other types and shapes and when empty."""
    array = np.asarray(values)
    if array.dtype not in (np.uint16, np.uint32):
        raise InputError(f"{name}: expected uint16 or uint32 hashes, got {array.dtype}; pack the bits first")
    if array.ndim != 1 or not array.size:
        raise InputError(f"{name}: expected hashes (t,) with t of 1 or more, got shape {array.shape}")
    return np.ascontiguousarray(array)


def same_width(one: Hashes, other: Hashes) -> None:
    """Raises InputError unless both hold hashes of one width."""
    if one.dtype != other.dtype:
        raise InputError(f"hashes: expected two sequences of one width, got {one.dtype} and {other.dtype}")
