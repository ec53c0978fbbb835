"""Which way is up: a page on its head shows its braces, brackets and clefs at the right end of the staves.

Three signs, each the difference between the two ends of the staves, positive for an upright page: ink outside the staves (braces,
brackets, names of instruments), heavy ink just inside them (clefs), and how alike the staves begin (the same clef and key in system
after system; notes at the other end differ).
"""

from __future__ import annotations

import numpy as np

from crossmodal.pages.curves import Curve

PER_SPACE = 4  # samples per staff space
SHIFTS = 3  # samples to and fro: where a staff begins is known to about half a space
INSIDE = 4.5  # spaces of the staff's end that are compared
OUTSIDE = 2.5  # spaces beyond it
HEIGHT = 4.0  # spaces above and below the middle line
WEIGHTS = (4.0, 3.0, 4.0)  # of the three signs
DOUBT = 0.35  # the evidence against it that an upright page may show: most pages come upright


def upside_down(ink: np.ndarray, systems: list[list[Curve]]) -> bool:
    """Whether the page stands on its head. ink: (h, w) uint8, 255 is black; systems as found in it."""
    if not systems:
        return False
    return bool(np.dot(WEIGHTS, signs(ink, systems)) < -DOUBT)


def signs(ink: np.ndarray, systems: list[list[Curve]]) -> tuple[float, float, float]:
    """The three signs (outside ink, clefs, alike beginnings), each about -1 to 1, positive for an upright page."""
    curves = [curve for staves in systems for curve in staves]
    left = np.stack([_end(ink, c, left=True) for c in curves])
    right = np.stack([_end(ink, c, left=False) for c in curves])
    outside = _beyond(ink, systems, left=True) - _beyond(ink, systems, left=False)
    return outside, _heavy(left) - _heavy(right), _alike(left) - _alike(right)


def _end(ink: np.ndarray, curve: Curve, *, left: bool) -> np.ndarray:
    """The straightened end of a staff, (rows, columns) in [0, 1]; the right end is turned by 180 degrees, as if it were a left one."""
    import cv2

    steps = (np.arange(round(INSIDE * PER_SPACE)) + 0.5) / PER_SPACE * curve.space
    x = curve.left + steps if left else curve.right - steps
    rows = (np.arange(-round(HEIGHT * PER_SPACE), round(HEIGHT * PER_SPACE)) + 0.5) / PER_SPACE * curve.space
    y = curve.at(x)[None, :] + (rows if left else -rows)[:, None]
    places = np.broadcast_to(x[None, :], y.shape).astype(np.float32)
    soft = cv2.remap(ink, places, y.astype(np.float32), cv2.INTER_LINEAR, borderValue=0)
    return soft.astype(np.float32) / 255


def _without_lines(ends: np.ndarray) -> np.ndarray:
    """Ends (n, rows, columns) without thin horizontal lines: what is dark above and below as well."""
    import cv2

    tall = np.ones((PER_SPACE // 2 + 1, 1), np.uint8)
    return np.stack([cv2.morphologyEx(end, cv2.MORPH_OPEN, tall) for end in ends])


def _heavy(ends: np.ndarray) -> float:
    """Share of staves whose end is heavy with ink, a space inside: clefs are."""
    inside = _without_lines(ends)[:, :, PER_SPACE // 2 : round(3.5 * PER_SPACE)]
    return float(np.minimum(inside.mean(axis=(1, 2)) / 0.2, 1.0).mean())


def _alike(ends: np.ndarray) -> float:
    """Mean correlation of each staff's end with the two most similar ones of other staves, a little to and fro; 0 for a single staff."""
    count = len(ends)
    if count < 2:
        return 0.0
    bare = _without_lines(ends)
    width = bare.shape[2] - 2 * SHIFTS
    fixed = _normalized(bare[:, :, SHIFTS : SHIFTS + width])
    similar = np.max([fixed @ _normalized(bare[:, :, k : k + width]).T for k in range(2 * SHIFTS + 1)], axis=0)
    np.fill_diagonal(similar, -1)
    best = np.sort(similar, axis=1)[:, -min(2, count - 1) :]
    return float(best.mean())


def _normalized(ends: np.ndarray) -> np.ndarray:
    """Ends as vectors (n, samples) of mean 0 and length 1."""
    flat = ends.reshape(len(ends), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    unit: np.ndarray = flat / (np.linalg.norm(flat, axis=1, keepdims=True) + 1e-6)
    return unit


def _beyond(ink: np.ndarray, systems: list[list[Curve]], *, left: bool) -> float:
    """Share of systems of several staves with ink just outside their staves."""
    found = []
    for staves in systems:
        if len(staves) < 2:
            continue
        space = staves[0].space
        top, bottom = staves[0], staves[-1]
        x = min(c.left for c in staves) if left else max(c.right for c in staves)
        near, far = (x - 0.5 * space, x - OUTSIDE * space) if left else (x + 0.5 * space, x + OUTSIDE * space)
        columns = slice(max(0, int(min(near, far))), max(0, int(max(near, far))) + 1)
        rows = slice(max(0, int(top.at(x) - 2 * space)), max(0, int(bottom.at(x) + 2 * space)) + 1)
        part = ink[rows, columns]
        found.append(float((part.max(axis=1) > 128).mean()) if part.size else 0.0)
    return float(np.mean(found)) if found else 0.0
