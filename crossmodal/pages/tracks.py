"""Points that may be staves, linked from left to right into tracks, and tracks joined across what hid the staff between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

GAP = 7  # blocks that a track may miss
JOIN_GAP = 60  # blocks between two tracks that may be one staff
SLIP_GAP = 15  # the same where one of them is a line too high or too low
TOLERANCE = 0.3  # spaces off the predicted place
MINIMUM_POINTS = 5
FIT = 12  # points whose line predicts the next


@dataclass
class Track:
    """Points of one staff's middle line: x in blocks (increasing), y in pixels, strength and line distance of each, all (k,)."""

    x: np.ndarray
    y: np.ndarray
    strength: np.ndarray
    distance: np.ndarray

    @property
    def weight(self) -> float:
        """Length times strength: of two tracks on one staff, the one to believe."""
        return float(self.strength.sum())

    def predict(self, x: float, *, left: bool) -> float:
        """y at block x beyond the left or right end, along the line through the nearest points."""
        end = slice(None, FIT) if left else slice(-FIT, None)
        xs, ys = self.x[end], self.y[end]
        if len(xs) < 4:
            return float(ys[0] if left else ys[-1])
        slope = np.polyfit(xs - xs.mean(), ys, 1)[0]
        return float(ys.mean() + slope * (x - xs.mean()))


def follow(
    rows: np.ndarray, columns: np.ndarray, strength: np.ndarray, distance: np.ndarray, *, space: float
) -> list[Track]:
    """Link points (k,) at (column, row) into tracks of at least `MINIMUM_POINTS`. Each point belongs to one track at most."""
    open_tracks: list[list[int]] = []
    done: list[list[int]] = []
    order = np.argsort(columns, kind="stable")
    for column in np.unique(columns):
        here = order[np.searchsorted(columns[order], column) : np.searchsorted(columns[order], column, side="right")]
        alive: list[list[int]] = []
        for track in open_tracks:
            (alive if column - columns[track[-1]] <= GAP else done).append(track)
        open_tracks = alive
        ends = np.array([_predict(rows, columns, t, column) for t in open_tracks])
        taken: set[int] = set()
        for point in here[np.argsort(-strength[here])]:
            chosen = _nearest(ends, rows[point], taken, space)
            if chosen is None:
                open_tracks.append([int(point)])
            else:
                taken.add(chosen)
                open_tracks[chosen].append(int(point))
    found = [np.array(t) for t in done + open_tracks if len(t) >= MINIMUM_POINTS]
    return [Track(columns[t].astype(np.float64), rows[t], strength[t], distance[t]) for t in found]


def _nearest(ends: np.ndarray, y: float, taken: set[int], space: float) -> int | None:
    if not len(ends):
        return None
    for candidate in np.argsort(np.abs(ends - y))[:2]:
        if abs(ends[candidate] - y) > max(TOLERANCE * space, 1.6):
            return None
        if int(candidate) not in taken:
            return int(candidate)
    return None


def _predict(rows: np.ndarray, columns: np.ndarray, track: list[int], column: float) -> float:
    """The next y: the last points' mean, moved by their slope where there are enough of them."""
    last = track[-8:]
    ys, xs = rows[last], columns[last].astype(np.float64)
    if len(last) < 6:
        return float(ys[-1])
    dx = xs - xs.mean()
    slope = float((dx * ys).sum() / (dx * dx).sum())
    return float(ys.mean() + slope * (column - xs.mean()))


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
            first, second = (other, track) if other.x[0] < track.x[0] else (track, other)
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
    gap = second.x[0] - first.x[-1]
    if not 0 < gap <= (SLIP_GAP if slipped else JOIN_GAP):
        return None
    middle = (second.x[0] + first.x[-1]) / 2
    sizes = float(np.median(first.distance) / np.median(second.distance))
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
    left, right = max(a.x[0], b.x[0]), min(a.x[-1], b.x[-1])
    if right < left:
        return False
    x = np.linspace(left, right, 9)
    apart = np.median(np.abs(np.interp(x, a.x, a.y) - np.interp(x, b.x, b.y)))
    return bool(apart < 3.5 * space)
