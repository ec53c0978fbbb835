"""What a camera sees beside the sheet (a desk, a lid, the neighbouring page) is replaced by paper before anything is looked for.

A sheet's edge is a step from dark to bright near the picture's border, with nothing but dark outside of it, on one and the same
course over the whole side. Sides without such a step stay as they are.
"""

from __future__ import annotations

import numpy as np

LOOK = 400  # longest side at which edges are looked for
BLOCK = 12  # rows whose brighter part is looked at together: notation covers less than that part
BRIGHT = 80.0  # percentile taken of them
REACH = 0.14  # share of the side's length within which the sheet's edge is looked for
STEP = 0.25  # least natural logarithm of the brightness inside over that outside
MOST_OFF = 0.025  # share of the length by which one block's edge may be off the course of the others
LEAST_BLOCKS = 0.5  # share of the blocks that must show the edge
BESIDE = 3  # pixels of the small picture beside the edge that belong to it: it is blurred


def without_surroundings(image: np.ndarray) -> np.ndarray:
    """The page (h, w) uint8 with paper where the picture shows something else; the same array where it shows nothing else."""
    import cv2

    h, w = image.shape
    shrink = min(1.0, LOOK / max(h, w))
    size = max(1, round(w * shrink)), max(1, round(h * shrink))
    if min(size) < 4 * BLOCK:
        return image
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    inside = np.ones(small.shape, bool)
    for turns in range(4):
        edge = _left_edge(np.rot90(small, turns))
        if edge is not None:
            beyond = np.arange(np.rot90(small, turns).shape[1])[None, :] <= edge[:, None] + BESIDE
            inside &= ~np.rot90(beyond, -turns)
    if inside.all() or not inside.any():
        return image
    mask = cv2.resize(inside.astype(np.uint8), (w, h), interpolation=cv2.INTER_NEAREST)
    paper = cv2.resize(_continued(small, inside), (w, h), interpolation=cv2.INTER_LINEAR)
    return np.where(mask > 0, image, paper)


def _left_edge(small: np.ndarray) -> np.ndarray | None:
    """Where the sheet begins in each row, (h,); None where it begins outside of the picture."""
    h, w = small.shape
    count = h // BLOCK
    rows = small[: count * BLOCK].reshape(count, BLOCK, w)
    reach = max(12, round(REACH * w))
    bright = np.log(np.maximum(np.percentile(rows[:, :, : reach + 12], BRIGHT, axis=1), 4.0))
    places = np.arange(2, reach)
    outside = np.maximum.accumulate(bright, axis=1)
    beside = np.lib.stride_tricks.sliding_window_view(bright, 10, axis=1)[:, places + 2]  # columns x + 2 to x + 11
    step = np.median(beside, axis=2) - outside[:, places - 2]
    best = step.argmax(axis=1)
    strength, edge = step[np.arange(count), best], places[best].astype(np.float64)
    middle = (np.arange(count) + 0.5) * BLOCK
    good = np.flatnonzero(strength >= STEP)
    for _ in range(3):
        if len(good) < max(4, LEAST_BLOCKS * count):
            return None
        course = np.polyfit(middle[good], edge[good], 2 if len(good) > 8 else 1)
        off = np.abs(np.polyval(course, middle[good]) - edge[good])
        allowed = max(3.0, MOST_OFF * w, float(np.median(off)) * 2)
        if (off <= allowed).all():
            break
        good = good[off <= allowed]
    # Rounded: on an edge at a whole pixel the last bits of a fit, which differ between processors, would decide
    line: np.ndarray = np.polyval(course, np.arange(h)).round(6)
    return line


def _continued(small: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """The sheet's brightness, going on evenly where it is not inside, (h, w) uint8."""
    import cv2

    paper = cv2.morphologyEx(np.where(inside, small, np.uint8(0)), cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8))
    weight = cv2.erode(inside.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)
    total = np.zeros(small.shape, np.float32)
    share = np.full(small.shape, 1e-12, np.float32)
    for sigma, faith in ((6, 1.0), (25, 1e-2), (100, 1e-4)):  # near what is known closely, further away by and by
        total += faith * cv2.GaussianBlur(paper * weight, (0, 0), sigma)
        share += faith * cv2.GaussianBlur(weight, (0, 0), sigma)
    return np.clip(total / share, 0, 255).astype(np.uint8)
