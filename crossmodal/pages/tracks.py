"""Points that may be staves, linked from left to right into tracks, and tracks joined across what hid the staff between them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

GAP = 7  # blocks that a track may miss
JOIN_GAP = 60  # blocks between two tracks that may be one staff
SLIP_GAP = 15  # the same where one of them is a line too high or too low
TOLERANCE = 0.3  # spaces off the predicted place
MINIMUM_POINTS = 5
FIT = 12  # points whose line predicts the next
LAST = 8  # the same while points are linked, and
FEWEST = 6  # how many of them make a line


@dataclass(frozen=True)
class Track:
    """Points of one staff's middle line: x in blocks (increasing), y in pixels, strength and line distance of each, all (k,)."""

    x: np.ndarray
    y: np.ndarray
    strength: np.ndarray
    distance: np.ndarray

    @cached_property
    def weight(self) -> float:
        """Length times strength: of two tracks on one staff, the one to believe."""
        return float(self.strength.sum())

    @cached_property
    def ends(self) -> tuple[float, float]:
        """First and last x."""
        return float(self.x[0]), float(self.x[-1])

    @cached_property
    def usual_distance(self) -> np.floating:
        """Median line distance, in the precision of `distance`."""
        median: np.floating = np.median(self.distance)
        return median

    def predict(self, x: float, *, left: bool) -> float:
        """y at block x beyond the left or right end, along the line through the nearest points."""
        middle, height, slope = self._left_line if left else self._right_line
        return height + slope * (x - middle)

    @cached_property
    def _left_line(self) -> tuple[float, float, float]:
        return _line(self.x[:FIT], self.y[:FIT], nearest=0)

    @cached_property
    def _right_line(self) -> tuple[float, float, float]:
        return _line(self.x[-FIT:], self.y[-FIT:], nearest=-1)


def _line(xs: np.ndarray, ys: np.ndarray, *, nearest: int) -> tuple[float, float, float]:
    """Mean x and y of some points, and the slope through them; a level line through the nearest one where they are too few."""
    if len(xs) < 4:
        return 0.0, float(ys[nearest]), 0.0
    return float(xs.mean()), float(ys.mean()), float(np.polyfit(xs - xs.mean(), ys, 1)[0])


@dataclass
class _Open:
    """A track that may go on: rows of the points in all tracks, and the line that predicts the next one.

    Plain numbers: this is done for every point of a page, and arrays of eight are slow.
    """

    points: list[int]
    xs: list[float]
    ys: list[float]
    line: tuple[float, float, float] = field(default=(0.0, 0.0, 0.0))

    @classmethod
    def at(cls, point: int, x: float, y: float) -> _Open:
        """A track of one point."""
        return cls([point], [x], [y], (0.0, y, 0.0))

    def add(self, point: int, x: float, y: float) -> None:
        """Goes on with a point; x, y: its place."""
        self.points.append(point)
        self.xs, self.ys = [*self.xs, x][-LAST:], [*self.ys, y][-LAST:]
        count = len(self.xs)
        if count < FEWEST:
            self.line = 0.0, y, 0.0
            return
        middle, height = sum(self.xs) / count, sum(self.ys) / count
        away = [place - middle for place in self.xs]
        together = spread = 0.0
        for d, height_there in zip(away, self.ys, strict=True):
            together += d * height_there
            spread += d * d
        self.line = middle, height, together / spread

    def predict(self, x: float) -> float:
        """The next y: the last points' mean, moved by their slope where there are enough of them."""
        middle, height, slope = self.line
        return height + slope * (x - middle)


def follow(
    rows: np.ndarray, columns: np.ndarray, strength: np.ndarray, distance: np.ndarray, *, space: float
) -> list[Track]:
    """Link points (k,) at (column, row) into tracks of at least `MINIMUM_POINTS`. Each point belongs to one track at most."""
    open_tracks: list[_Open] = []
    done: list[_Open] = []
    order = np.argsort(columns, kind="stable")
    found, first = np.unique(columns[order], return_index=True)
    for column, unsorted in zip(found.tolist(), np.split(order, first[1:]), strict=True) if len(order) else ():
        x, here = float(column), unsorted[np.argsort(-strength[unsorted])]
        alive: list[_Open] = []
        for track in open_tracks:
            (alive if x - track.xs[-1] <= GAP else done).append(track)
        open_tracks = alive
        ends = np.array([track.predict(x) for track in open_tracks])
        taken: set[int] = set()
        for point, y in zip(here.tolist(), rows[here].tolist(), strict=True):
            chosen = _nearest(ends, y, taken, space)
            if chosen is None:
                open_tracks.append(_Open.at(point, x, y))
            else:
                taken.add(chosen)
                open_tracks[chosen].add(point, x, y)
    kept = [np.array(t.points) for t in done + open_tracks if len(t.points) >= MINIMUM_POINTS]
    return [Track(columns[t].astype(np.float64), rows[t], strength[t], distance[t]) for t in kept]


def _nearest(ends: np.ndarray, y: float, taken: set[int], space: float) -> int | None:
    """The nearer of the two nearest ends that is not taken; None where that is too far off."""
    apart = np.abs(ends - y)
    near = np.flatnonzero(apart <= max(TOLERANCE * space, 1.6))
    if len(near) < 2:
        return int(near[0]) if len(near) and int(near[0]) not in taken else None
    for candidate in np.argsort(apart)[:2]:
        if int(candidate) not in taken:
            return int(candidate)
    return None


def join(tracks: list[Track], *, space: float) -> list[Track]:
    """Tracks of one staff joined; where two run within one staff's height of each other, the stronger stays. Top to bottom."""
    pending = sorted(tracks, key=lambda t: t.x[0])
    joined: list[Track] = []
    for track in pending:
        fits = [(abs(m), i) for i, other in enumerate(joined) if (m := _miss(other, track, space)) is not None]
        if fits:
            _, best = min(fits)
            joined[best] = _concatenate(joined[best], track)
        else:
            joined.append(track)
    joined = _slipped(joined, space)
    kept: list[Track] = []
    for track in sorted(joined, key=lambda t: -t.weight):
        if not any(_collide(track, other, space) for other in kept):
            kept.append(track)
    return sorted(kept, key=lambda t: float(np.median(t.y)))


def _slipped(tracks: list[Track], space: float) -> list[Track]:
    """Tracks joined to the neighbour from which they slipped by one or two lines (a ledger line or a slur taken for a line)."""
    ordered = sorted(tracks, key=lambda t: t.weight)
    for i, track in enumerate(ordered):
        for k in range(len(ordered) - 1, i, -1):
            other = ordered[k]
            first, second = (other, track) if other.ends[0] < track.ends[0] else (track, other)
            miss = _miss(first, second, space, slipped=True)
            if miss is None:
                continue
            shift = miss * space if first is track else -miss * space
            moved = Track(track.x, track.y + shift, track.strength, track.distance)
            pair = (moved, other) if first is track else (other, moved)
            ordered[k] = _concatenate(*pair)
            return _slipped([*ordered[:i], *ordered[i + 1 :]], space)
    return tracks


def _miss(first: Track, second: Track, space: float, *, slipped: bool = False) -> float | None:
    """How far the second track misses the continuation of the first, in spaces, positive below it; None where they are no one staff.

    slipped: whether the second may run one or two lines off; the miss is then that whole number of lines.
    """
    (start, _), (_, end) = second.ends, first.ends
    gap = start - end
    if not 0 < gap <= (SLIP_GAP if slipped else JOIN_GAP):
        return None
    middle = (start + end) / 2
    sizes = float(first.usual_distance / second.usual_distance)
    if not 0.87 < sizes < 1.15:
        return None
    miss = (second.predict(middle, left=True) - first.predict(middle, left=False)) / space
    if not slipped:
        return miss if abs(miss) <= 0.6 + 0.01 * gap else None
    lines = round(miss)
    return float(lines) if 1 <= abs(lines) <= 2 and abs(miss - lines) <= 0.35 else None


def _concatenate(a: Track, b: Track) -> Track:
    return Track(*(np.concatenate([getattr(a, n), getattr(b, n)]) for n in ("x", "y", "strength", "distance")))


def _collide(a: Track, b: Track, space: float) -> bool:
    """Whether two tracks overlap along x by more than a little and lie within one staff's height of each other there."""
    left, right = max(a.ends[0], b.ends[0]), min(a.ends[1], b.ends[1])
    if right < left:
        return False
    x = np.linspace(left, right, 9)
    apart = np.sort(np.abs(np.interp(x, a.x, a.y) - np.interp(x, b.x, b.y)))
    return bool(apart[len(x) // 2] < 3.5 * space)
