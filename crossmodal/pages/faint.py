"""Ink of a page whose staff lines are hardly darker than the grain of its paper: thin print, photographed small, soft and in poor light.

Ink images as in `ink`: uint8 (h, w), 0 is paper. Here the paper is followed closely, and lines are averaged along their length.
"""

from __future__ import annotations

import numpy as np

from crossmodal.pages.ink import check_page

RUNS = (3, 7, 11)  # pixels over which thin lines are averaged along their length: as few as bring them out of the grain
CLEAR = 3.5  # standard deviations of the grain by which lines are out of it
NEAR = 4  # pixels above and below a line where paper is expected
LINE_SHARE = 0.03  # of all pixels, what lies on staff lines
LINE_LEVEL = 170.0  # ink level that faint staff lines are brought to
DIMMEST = 0.35  # of the page's usual paper: what is darker is a desk, whose grain is not to be made ink
GRAIN = 1.0  # standard deviations of the paper's grain that are no ink


def faint_ink(image: np.ndarray) -> np.ndarray:
    """Grey page -> ink (h, w) uint8 on which faint thin lines, upright or level, are as dark as others are in `darkness`.

    For photographs, where lines thinner than a pixel are hardly darker than the paper's grain: averaged along their length they stand
    out from it (an oriented matched filter, Gonzalez & Woods 10.2). Everything darker than lines is full ink, so notes lose their greys.
    """
    import cv2

    check_page(image)
    paper = _near_paper(image)
    floor = DIMMEST * float(np.median(paper))
    if floor <= 0:  # black all over: no paper to compare with
        return np.zeros_like(image)
    ink = (paper - image) / np.maximum(paper, floor)
    for run in RUNS:
        level, upright = cv2.blur(ink, (run, 1)), cv2.blur(ink, (1, run))
        ridge = level[NEAR:-NEAR:2, ::3] - np.maximum(level[: -2 * NEAR : 2, ::3], level[2 * NEAR :: 2, ::3])
        line = float(np.quantile(ridge, 1 - LINE_SHARE)) if ridge.size else 0.0
        middle = float(np.median(level[::2, ::3]))
        grain = 1.48 * float(np.median(np.abs(level[::2, ::3] - middle)))
        if line > CLEAR * grain:
            break
    low = middle + GRAIN * grain
    if line <= grain or line <= 0:
        return np.zeros_like(image)
    result: np.ndarray = np.clip((np.maximum(level, upright) - low) * (LINE_LEVEL / line), 0, 255).astype(np.uint8)
    return result


def _near_paper(image: np.ndarray) -> np.ndarray:
    """Brightness of the paper around each pixel, (h, w) float32: a running median of the lighter parts, which follows shadows closely."""
    import cv2

    h, w = image.shape
    small = cv2.resize(image, (max(1, w // 4), max(1, h // 4)), interpolation=cv2.INTER_AREA)
    small = cv2.medianBlur(cv2.dilate(small, np.ones((3, 3), np.uint8)), 21)
    paper: np.ndarray = cv2.resize(cv2.blur(small, (5, 5)), (w, h), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    return paper
