"""Tracks -> exact curves: the middle line to a fraction of a pixel, the distance of the lines, where the staff begins and ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crossmodal.pages.sheet import Sheet
from crossmodal.pages.staves import LINES
from crossmodal.pages.tracks import Track

LIGHTEST, DARKEST = 28.0, 80.0  # ink levels between which a page's own level of "dark" lies
COVER = 0.55  # share of the five lines' pixels that are dark, within a staff
WINDOW = 1.5  # spaces over which that share is taken
LEAST = 0.68  # mean cover of a staff: on clean scans real ones had 0.90 and more, beams and hairpins like five lines up to 0.61
CONTRAST = (
    0.22  # by which the lines' cover exceeds that of the gaps between them: noise covers both alike (set by hand)
)
GAPS = np.array([-1.5, -0.5, 0.5, 1.5])
AROUND = np.array([-3.0, 3.0])
MOST_AROUND = 0.7  # cover where a sixth line would be: words and ruled paper go on, and tablature has six lines
HOLE = 7.0  # spaces without lines that a staff may have
LEAST_PIECE = 8.0  # spaces; what is shorter is no staff
UNITED_GAP = 6.0  # spaces between the ends of two curves that may be one staff
REACH = 10.0  # spaces beyond the track's ends where the staff may go on


@dataclass(frozen=True)
class Curve:
    """A staff of the working image. x, y: (k,) along the middle line; space: distance of its lines; cover: share of lines seen."""

    x: np.ndarray
    y: np.ndarray
    space: float
    cover: float

    @property
    def left(self) -> float:
        return float(self.x[0])

    @property
    def right(self) -> float:
        return float(self.x[-1])

    def at(self, x: np.ndarray | float) -> np.ndarray:
        """y of the middle line, going on straight beyond its ends."""
        x = np.asarray(x, np.float64)
        y = np.interp(x, self.x, self.y)
        several = min(6, len(self.x) - 1)
        for end, inner, beyond in ((0, several, x < self.x[0]), (-1, -1 - several, x > self.x[-1])):
            slope = (self.y[end] - self.y[inner]) / (self.x[end] - self.x[inner])
            y = np.where(beyond, self.y[end] + slope * (x - self.x[end]), y)
        return y


def trace(sheet: Sheet, tracks: list[Track]) -> tuple[list[Curve], float]:
    """The exact curves of those tracks that have five lines, and the ink level from which a pixel of this page is dark.

    Blurred lines are pale: dark is half of what the lines of the page's better staves reach.
    """
    import cv2

    blocks = cv2.blur(sheet.lines.blocks, (3, 1), borderType=cv2.BORDER_CONSTANT)
    rough = []
    for track in tracks:
        x = sheet.lines.centres[track.x.astype(np.intp)]
        rough.append(_refined(sheet, blocks, Curve(x, _smooth(track.y), float(track.usual_distance), 1.0)))
    levels = [float(np.median(_levels(sheet.ink, np.rint(c.x).astype(np.intp), c))) for c in rough]
    dark = float(np.clip(0.5 * np.quantile(levels, 0.7), LIGHTEST, DARKEST)) if levels else DARKEST
    pieces = [piece for curve in rough for piece in _pieces(sheet, curve, dark)]
    ended = [c for c in (_ended(sheet, piece, dark) for piece in pieces) if c is not None]
    return _united(sheet, ended, dark), dark


def _pieces(sheet: Sheet, curve: Curve, dark: float) -> list[Curve]:
    """The curve, cut where nothing is drawn for longer than a torn staff would miss: staves side by side (a coda, short exercises)."""
    x = np.arange(int(curve.left), int(curve.right) + 1)
    drawn = np.flatnonzero((_levels(sheet.ink, x, curve) >= dark).mean(axis=1) >= COVER)
    cuts = np.flatnonzero(np.diff(drawn) > HOLE * curve.space)
    if not len(cuts):
        return [curve]
    starts, stops = x[drawn[np.r_[0, cuts + 1]]], x[drawn[np.r_[cuts, len(drawn) - 1]]]
    pieces = []
    for start, stop in zip(starts, stops, strict=True):
        if stop - start > LEAST_PIECE * curve.space:
            inside = curve.x[(curve.x > start) & (curve.x < stop)]
            places = np.r_[float(start), inside, float(stop)]
            pieces.append(Curve(places, curve.at(places), curve.space, curve.cover))
    return pieces


def _united(sheet: Sheet, curves: list[Curve], dark: float) -> list[Curve]:
    """Curves that share a staff made one: where a weaker one goes on from a better, some lines too high or too low, it is moved."""
    kept: list[Curve] = []
    for curve in sorted(curves, key=lambda c: -c.cover * (c.right - c.left)):
        same = next((i for i, other in enumerate(kept) if _share(other, curve)), None)
        if same is None:
            kept.append(curve)
        else:
            longer = _ended(sheet, _prolonged(kept[same], curve), dark)
            if longer is not None and longer.right - longer.left > kept[same].right - kept[same].left:
                kept[same] = longer
    return sorted(kept, key=lambda c: float(np.median(c.y)))


def _share(better: Curve, other: Curve) -> bool:
    """Whether two curves run on one staff: over each other or end to end, less than a staff's height apart."""
    left, right = max(better.left, other.left), min(better.right, other.right)
    if left - right > UNITED_GAP * better.space:
        return False
    x = np.linspace(min(left, right), max(left, right), 5)
    return bool(np.median(np.abs(better.at(x) - other.at(x))) < 4.5 * better.space)


def _prolonged(better: Curve, other: Curve) -> Curve:
    """The better curve, going on along the other beyond its ends."""
    meeting = float(np.clip((other.left + other.right) / 2, better.left, better.right))
    meeting = float(np.clip(meeting, other.left, other.right))
    lines = np.round((better.at(meeting) - other.at(meeting)) / better.space)
    x = np.concatenate([other.x[other.x < better.left], better.x, other.x[other.x > better.right]])
    inside = (x >= better.left) & (x <= better.right)
    return Curve(x, np.where(inside, better.at(x), other.at(x) + lines * better.space), better.space, better.cover)


def _smooth(y: np.ndarray, width: int = 5) -> np.ndarray:
    """Running median, then running mean, of the same length."""
    if len(y) < 3:
        return y
    half = width // 2
    padded = np.concatenate([2 * y[0] - y[half:0:-1], y, 2 * y[-1] - y[-2 : -half - 2 : -1]]) if len(y) > half else y
    if len(padded) < len(y) + 2 * half:
        return y
    median = np.median(np.lib.stride_tricks.sliding_window_view(padded, width), axis=1)
    ends = np.concatenate([np.full(half, median[0]), median, np.full(half, median[-1])])
    return np.convolve(ends, np.full(width, 1 / width), mode="valid")


def _refined(sheet: Sheet, blocks: np.ndarray, rough: Curve) -> Curve:
    """Places and distance at which the five lines are darkest in the (blurred) blocks, searched around the rough ones."""
    column = np.clip(np.rint((rough.x + 0.5) / sheet.lines.width - 0.5), 0, blocks.shape[1] - 1).astype(np.intp)
    distances = rough.space * np.linspace(0.94, 1.06, 13)
    around = np.linspace(-0.35, 0.35, 9) * rough.space
    totals = [_five(blocks, column, rough.y, u, around).max(axis=1).sum() for u in distances]
    space = float(distances[int(np.argmax(totals))])
    offsets = np.linspace(-0.45, 0.45, 19) * space
    response = _five(blocks, column, rough.y, space, offsets)
    weights = np.maximum(response - 0.6 * response.max(axis=1, keepdims=True), 0) + 1e-6
    moved = (weights * offsets).sum(axis=1) / weights.sum(axis=1)
    return Curve(rough.x, _smooth(rough.y + moved), space, rough.cover)


def _five(blocks: np.ndarray, column: np.ndarray, y: np.ndarray, space: float, offsets: np.ndarray) -> np.ndarray:
    """Mean evidence of five lines at each point and offset, (points, offsets)."""
    places = y[:, None, None] + offsets[None, :, None] + LINES * space
    low = np.clip(np.floor(places).astype(np.intp), 0, len(blocks) - 2)
    share = np.clip(places - low, 0, 1)
    found = blocks[low, column[:, None, None]] * (1 - share) + blocks[low + 1, column[:, None, None]] * share
    mean: np.ndarray = found.mean(axis=2)
    return mean


def _ended(sheet: Sheet, curve: Curve, dark: float) -> Curve | None:
    """The curve from the staff's first column to its last, by the cover of its five lines."""
    w = sheet.ink.shape[1]
    first = max(0, int(curve.left - REACH * curve.space))
    last = min(w - 1, int(curve.right + REACH * curve.space))
    x = np.arange(first, last + 1)
    cover = (_levels(sheet.ink, x, curve) >= dark).mean(axis=1)
    size = max(3, round(WINDOW * curve.space))
    if len(cover) < 3 * size:
        return None
    sums = np.concatenate([[0.0], np.cumsum(cover)])
    ahead = (sums[size:] - sums[:-size]) / size  # from x[i] to x[i + size]
    middle = int(np.clip((curve.left + curve.right) / 2 - first, 0, len(ahead) - 1))
    hole = (HOLE - WINDOW) * curve.space
    start = _edge(ahead, middle, -1, hole)
    stop = _edge(ahead, middle, +1, hole) + size - 1
    while start < stop and cover[start] < COVER:
        start += 1
    while stop > start and cover[stop] < COVER:
        stop -= 1
    if stop - start < LEAST_PIECE * curve.space:
        return None
    inside = slice(start, stop + 1)
    gaps = (_levels(sheet.ink, x[inside], curve, GAPS) >= dark).mean()
    around = (_levels(sheet.ink, x[inside], curve, AROUND) >= dark).mean(axis=0).max()
    if cover[inside].mean() < LEAST or cover[inside].mean() - gaps < CONTRAST or around > MOST_AROUND:
        return None
    steps = max(2, round((stop - start) / (2 * curve.space)))
    places = np.linspace(x[start], x[stop], steps + 1)
    return Curve(places, curve.at(places), curve.space, float(cover[start : stop + 1].mean()))


def _edge(ahead: np.ndarray, middle: int, way: int, hole: float) -> int:
    """The last window, from the middle outwards, that a staff covers, over holes of up to this length."""
    half = ahead[middle::way] if way > 0 else ahead[middle::-1]
    good = np.flatnonzero(half >= COVER)
    if not len(good):
        return middle
    holes = np.flatnonzero(np.diff(good) > hole)
    reached = int(good[holes[0]] if len(holes) and good[holes[0]] > hole else good[-1])
    return middle + way * reached


def _levels(ink: np.ndarray, x: np.ndarray, curve: Curve, lines: np.ndarray = LINES) -> np.ndarray:
    """Ink of the five lines at columns x (k,), (k, lines) uint8, a pixel's tolerance up and down.

    lines: places of the lines, in line distances below the middle one.
    """
    y = np.rint(curve.at(x)[:, None] + lines * curve.space).astype(np.intp)
    h = len(ink)
    x = np.clip(x, 0, ink.shape[1] - 1)
    level = np.zeros(y.shape, np.uint8)
    for dy in (-1, 0, 1):
        inside = (y + dy >= 0) & (y + dy < h)
        level = np.maximum(level, np.where(inside, ink[np.clip(y + dy, 0, h - 1), x[:, None]], 0))
    return level
