"""Many hash sequences in one array: what is searched, in memory or memory-mapped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossmodal.alignment.hashing.rule import Hashes, hashes_of
from crossmodal.base.errors import InputError


@dataclass(frozen=True)
class HashCollection:
    """Sequence k is hashes[offsets[k]:offsets[k + 1]].

    hashes (total,): uint16 or uint32, one after the other; offsets (count + 1,): int64, from 0 to total, rising: no sequence is empty.
    Raises InputError where that does not hold.
    """

    hashes: Hashes
    offsets: NDArray[np.int64]

    def __post_init__(self) -> None:
        hashes_of("hashes", self.hashes)
        offsets = self.offsets
        if offsets.dtype != np.int64 or offsets.ndim != 1 or len(offsets) < 2:
            raise InputError(f"offsets: expected int64 (count + 1,), got {offsets.dtype} of shape {offsets.shape}")
        if offsets[0] != 0 or offsets[-1] != len(self.hashes) or (np.diff(offsets) < 1).any():
            raise InputError(
                f"offsets: expected numbers that rise from 0 to {len(self.hashes)}, got {offsets[0]} to {offsets[-1]},"
                f" with {int((np.diff(offsets) < 1).sum())} empty sequences; leave those out"
            )

    @classmethod
    def pack(cls, sequences: Iterable[ArrayLike]) -> HashCollection:
        """A collection of sequences of one type; raises InputError for none, for an empty one, and for two types."""
        checked = [hashes_of(f"sequence {k}", values) for k, values in enumerate(sequences)]
        if len({values.dtype for values in checked}) != 1:
            raise InputError("sequences: expected one or more of one type, got none, or uint16 and uint32")
        lengths = [len(values) for values in checked]
        hashes = hashes_of("sequences", np.concatenate(checked))
        return cls(hashes, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> Hashes:
        if not 0 <= index < len(self):
            raise IndexError(f"sequence: expected 0 to {len(self) - 1}, got {index}")
        return self.hashes[self.offsets[index] : self.offsets[index + 1]]
