"""Grey page -> ink: even light, paper white, ink dark; the working image that all detection reads.

Ink images are uint8 (h, w), 0 is paper and 255 the page's own black, whatever the light, the exposure or the paper's colour was.
The paper is estimated as a local bright quantile: a grey closing at low resolution (Gonzalez & Woods, Digital Image Processing, 9.6).
"""

from __future__ import annotations

import numpy as np

from crossmodal.base.errors import InputError

COARSE = 160  # longest side at which the light is estimated: light varies slowly
PAPER_SHARE = (
    1 / 14
)  # side of the closing as a share of the longest side: larger than any notehead, beam or thick bracket
MINIMUM_CONTRAST = 24  # grey levels between paper and ink, below which nothing on the page is ink
DARKEST_SHARE = 0.25  # of the ink pixels, those that define the page's black


def check_page(image: np.ndarray) -> np.ndarray:
    """The same image, when it is a grey page: (h, w) uint8, not empty. InputError otherwise."""
    if not isinstance(image, np.ndarray) or image.ndim != 2 or image.dtype != np.uint8 or 0 in image.shape:
        kind = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise InputError(f"page image: expected uint8 (height, width), got {kind}; read pages with read_pages")
    return image


def even_light(image: np.ndarray) -> np.ndarray:
    """The page (h, w) uint8 divided by its local paper brightness: paper 255, ink as dark relative to it as it was."""
    import cv2

    h, w = check_page(image).shape
    shrink = min(1.0, COARSE / max(h, w))
    small = cv2.resize(image, (max(1, round(w * shrink)), max(1, round(h * shrink))), interpolation=cv2.INTER_AREA)
    small = cv2.dilate(cv2.medianBlur(small, 3), np.ones((3, 3), np.uint8))
    side = max(3, round(max(small.shape) * PAPER_SHARE)) | 1
    paper = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    paper = cv2.GaussianBlur(paper, (0, 0), side / 3)
    paper = cv2.resize(np.maximum(paper, 1), (w, h), interpolation=cv2.INTER_LINEAR)
    result: np.ndarray = cv2.divide(image, paper, scale=255)
    return result


def darkness(even: np.ndarray) -> np.ndarray:
    """Evenly lit page -> ink (h, w) uint8, stretched so that the page's black is 255. Nothing but zeros on a page without ink."""
    import cv2

    counts = np.bincount(even.ravel(), minlength=256)
    threshold, _ = cv2.threshold(even, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    dark = counts[: int(threshold) + 1]
    total = int(dark.sum())
    paper = int(np.searchsorted(np.cumsum(counts), counts.sum() / 2))
    black = int(np.searchsorted(np.cumsum(dark), total * DARKEST_SHARE)) if total else 255
    if paper - black < MINIMUM_CONTRAST:
        return np.zeros_like(even)
    white = max(black + 1, paper - (paper - black) * 0.08)  # grain of the paper is no ink
    levels = np.clip((white - np.arange(256)) / (white - black) * 255, 0, 255).astype(np.uint8)
    result: np.ndarray = cv2.LUT(even, levels)
    return result
