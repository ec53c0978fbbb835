"""The score as it was played: the segments between the jumps of a coarse path, one behind the other, and the band around it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from crossmodal.alignment.motion import JumpTable
from crossmodal.alignment.path import Integers
from crossmodal.alignment.trellis import Track

FACTOR = 2  # vectors of a level that the next coarser one pools


@dataclass(frozen=True)
class Unrolled:
    """places (u,): the column of the score at each unrolled place; bases: where its segments begin; taken: the jump before
    each segment but the first; centres (rows,): the unrolled place of each row of a level that pools `size` rows."""

    places: Integers
    bases: Integers
    taken: Integers
    centres: Integers
    size: int

    def band(self, rows: int, columns: int, fine: int, radius: int) -> tuple[Integers, Integers]:
        """First column and the one after the last for each row of the level that pools `fine`, `radius` coarse cells around."""
        coarse = np.arange(rows) * fine // self.size
        low = self.centres[np.maximum(coarse - radius, 0)] - radius * self.size
        high = self.centres[np.minimum(coarse + radius, len(self.centres) - 1)] + radius * self.size
        return np.maximum(low // fine, 0), np.minimum(high // fine + 1, columns)

    def around(self, track: Track, size: int) -> Unrolled:
        """The same segments, with the centres of a finer track through the unrolled places."""
        centres = np.minimum(held(track) * size + size // 2, len(self.places) - 1)
        return replace(self, centres=centres, size=size)

    def segments(self, columns: Integers) -> Integers:
        """The segment that holds each unrolled place."""
        return np.searchsorted(self.bases, columns, side="right") - 1


def held(track: Track) -> Integers:
    """The columns of a track, the first and the last held over the rows outside."""
    columns = track.columns.copy()
    columns[: track.first], columns[track.last + 1 :] = columns[track.first], columns[track.last]
    return columns


def unroll(track: Track, table: JumpTable, size: int, m: int, *, margin: int) -> Unrolled:
    """Unrolls a coarse track; the first and last segment reach `margin` columns beyond it. m: columns of the score."""
    columns = held(track)
    taken = track.jumped[track.jumped >= 0]
    begins = np.concatenate([[max(0, columns[0] * size - margin)], table.destinations[taken]])
    stops = np.concatenate([table.origins[taken] + 1, [min(m, (columns[-1] + 1) * size + margin)]])
    lengths = np.maximum(stops - begins, 0)
    places = np.concatenate([np.arange(b, b + k) for b, k in zip(begins, lengths, strict=True)])
    bases = np.concatenate([[0], np.cumsum(lengths)])[:-1]
    segment = np.cumsum(track.jumped >= 0)
    within = columns * size + size // 2 - begins[segment]
    centres = bases[segment] + np.clip(within, 0, np.maximum(lengths[segment] - 1, 0))
    return Unrolled(places, bases, taken, np.minimum(centres, len(places) - 1), size)
