"""Engraved pages made to look like real ones: strips weathered for training, whole pages photographed to be judged on.

Training weathers strips (cheaply) with the errors of print, of scans and of straightening; judging photographs
pages before their systems are looked for, so that detection is judged too. Both return where the pixels went. Coordinates are
pixel centres: column 0 is the middle of the first column. Everything is drawn from the given generator. Import where needed (cv2).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.random import Generator

from crossmodal.base.errors import InputError
from crossmodal.pages.layout import BAND
from pairs.page_damage import INK, SCAN, Grey, add_noise, compress, damage, smooth_field, times, uniform

_CLEAN = 0.25  # share of strips left as they are
_LARGEST = 24_000  # rows or columns: what comes out may be a third larger, and cv2 warps at most 32,766
_MARGIN = 6.0  # columns by which a system's found ends differ from its true ones
_DRIFT = 2.0  # rows by which a straightened middle line is off
_SLOPE = math.tan(math.radians(1.0))
_STRETCH = 0.07
_SMALLEST_PAGE = 32
_A4_ROWS = 2340.0  # rows of an A4 page at 200 dots to the inch: what blur is measured by


class ToNew(NamedTuple):
    """Where columns went: column c of the old strip lies at c * scale + shift in the new one."""

    scale: float
    shift: float

    def __call__(self, columns: np.ndarray | float) -> np.ndarray:
        """Old columns -> new columns (not rounded; those cut off lie outside of [0, w2))."""
        return np.asarray(columns, np.float64) * self.scale + self.shift


def weather_strip(bands: np.ndarray, generator: Generator, *, strength: float = 1.0) -> tuple[np.ndarray, ToNew]:
    """A strip as worn print, poor scans and errors of detection would give it; a quarter of all strips stays as it is.

    bands: (staves, BAND, w) uint8, 255 is paper; strength: 0 (nothing happens) to 1 (as hard as it may be while still legible;
    each strip draws its own share of it). -> ((staves, BAND, w2) uint8, the map of columns, exact on each band's middle row).
    Raises InputError on an empty strip, other types or shapes, or a strength outside of [0, 1].
    """
    _check_bands(bands)
    _check_strength(strength)
    if strength == 0 or generator.random() < _CLEAN:
        return bands.copy(), ToNew(1.0, 0.0)
    # even severities: nearly clean strips are as common as hard ones
    severity = strength * uniform(generator, 0.15, 1.0)
    staves, rows, width = bands.shape
    ink = damage(cv2.bitwise_not(bands.reshape(staves * rows, width)), INK, generator, severity)
    ink, to_new = _displace(ink, staves, generator, severity)
    new = damage(cv2.bitwise_not(ink), SCAN, generator, severity)
    return new.reshape(staves, rows, -1), to_new


def _displace(ink: Grey, staves: int, generator: Generator, severity: float) -> tuple[Grey, ToNew]:
    """Errors of straightening: another scale, ends found too early or too late, stems that lean, a middle line that drifts."""
    width = ink.shape[1]
    reach = min(_MARGIN, width / 50)
    draw = severity * (2 * generator.random(5 + 3 * staves) - 1)
    scale = 1 + _STRETCH * float(draw[0])
    # heights follow widths but for a third, as they do where the staff space was measured wrongly
    scale_y = 1 + _STRETCH * float(0.7 * draw[0] + 0.3 * draw[1])
    shift, extra, lean = reach * float(draw[2]), reach * float(draw[3]), _SLOPE * float(draw[4])
    new_width = max(1, round(width * scale + shift + extra))
    to_new = ToNew(scale, shift)

    across = np.arange(new_width, dtype=np.float32)
    offset, swing, phase = draw[5:].reshape(3, staves, 1).astype(np.float32)
    period = uniform(generator, 300, 2000)
    # half the drift is constant, half a wave; its slope stays within a degree
    swing *= min(_DRIFT / 2, _SLOPE * period / (2 * math.pi))
    drift = _DRIFT / 2 * offset + swing * np.sin(across * (2 * math.pi / period) + 20 * phase)  # (staves, new width)
    middle = np.float32(BAND // 2)
    local = (np.arange(BAND, dtype=np.float32) - middle) / np.float32(scale_y)  # rows of the old band from its middle
    y = np.clip(local[None, :, None] + middle + drift[:, None, :], 0, BAND - 1)
    y += (BAND * np.arange(staves, dtype=np.float32))[:, None, None]
    x = ((across - np.float32(shift)) / np.float32(scale))[None, :] + (np.float32(lean) * local)[:, None]
    x = np.ascontiguousarray(np.broadcast_to(x, (staves, BAND, new_width))).reshape(-1, new_width)
    return cv2.remap(
        ink, x, y.reshape(-1, new_width), cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0
    ), to_new


def photograph(page: np.ndarray, generator: Generator, *, strength: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """A page as a phone sees it, lying on a table: tilted, unevenly lit, shaded, soft, noisy, compressed.

    page: (h, w) uint8, 255 is paper; strength: 0 (nothing happens) to 1. -> (photo (h2, w2) uint8, homography (3, 3) float64 from
    pixels x, y of the page to pixels of the photo). The sheet is flat. Raises InputError on a page of another type or shape, or
    smaller than 32 pixels, or a strength outside of [0, 1].
    """
    _check_page(page)
    _check_strength(strength)
    if strength == 0:
        return page.copy(), np.eye(3)
    homography, size = _pose(page.shape, generator, strength)
    sheet = _sheet(page, generator, strength)
    table = smooth_field(
        (size[1], size[0]), generator, low=0.12, high=uniform(generator, 0.2, 0.5), period=max(8, size[0] // 12)
    )
    mask = cv2.warpPerspective(np.full_like(page, 255), homography, size)
    scene = cv2.warpPerspective(sheet, homography, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    scene = cv2.copyTo(scene, cv2.threshold(mask, 127, 255, cv2.THRESH_BINARY)[1], table)
    scene = times(scene, _illumination(scene.shape, generator, strength))
    scene = _lens(scene, generator, strength)
    scene = add_noise(
        scene, generator, deviation=strength * uniform(generator, 2.5, 9), grain=uniform(generator, 0.0, 0.8)
    )
    return compress(scene, int(90 - strength * uniform(generator, 15, 55))), homography


def _pose(shape: tuple[int, ...], generator: Generator, strength: float) -> tuple[np.ndarray, tuple[int, int]]:
    """Where the page's corners come to lie: turned by up to 2 degrees, tilted, with some table around it."""
    height, width = shape
    corners = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], np.float64)
    angle = math.radians(2 * strength * uniform(generator, -1, 1))
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    zoom = 1 - strength * uniform(generator, -0.08, 0.15)
    extent = np.array([width, height], np.float64)
    placed = (corners - extent / 2) @ turn.T * zoom
    # a tilted sheet: opposite sides differ in length, by up to 8 % in width and 5 % in height
    placed += (
        strength
        * np.array([0.02, 0.0125])
        * zoom
        * extent
        * (2 * generator.random(2) - 1)
        * np.array([[1], [-1], [1], [-1]])
    )
    low, high = placed.min(axis=0), placed.max(axis=0)
    # a little of the page may lie outside of the picture: engraved margins are wider than that
    before, after = (strength * zoom * extent * (0.055 * generator.random(2) - 0.005) for _ in range(2))
    size = np.rint(high - low + before + after).astype(int) + 1
    placed += before - low
    homography = cv2.getPerspectiveTransform(corners.astype(np.float32), placed.astype(np.float32))
    return homography, (int(size[0]), int(size[1]))


def _sheet(page: Grey, generator: Generator, strength: float) -> Grey:
    """Paper that is not white, its fibres, ink that is not black, and the other side shining through."""
    unit = max(page.shape) / _A4_ROWS
    other = cv2.GaussianBlur(cv2.bitwise_not(page)[:, ::-1], (0, 0), uniform(generator, 1.5, 3.0) * max(0.3, unit))
    other = np.roll(other, int(generator.integers(-20, 21) * unit), axis=0)
    sheet = cv2.addWeighted(page, 1.0, other, -strength * uniform(generator, 0.0, 0.16), 0.0)
    white, black = 255 - strength * uniform(generator, 5, 55), strength * uniform(generator, 10, 75)
    sheet = cv2.convertScaleAbs(sheet, alpha=(white - black) / 255, beta=black)
    return add_noise(sheet, generator, deviation=strength * uniform(generator, 0.5, 3), grain=1.2)


def _illumination(shape: tuple[int, ...], generator: Generator, strength: float) -> Grey:
    """Light from one side, darker corners, and in most pictures the soft shadow of a hand or a phone. 255 is full light."""
    rows = 160
    columns = max(2, round(rows * shape[1] / shape[0]))
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j].astype(np.float32)
    angle = uniform(generator, 0, 2 * math.pi)
    along = (math.cos(angle) * x + math.sin(angle) * y) / math.sqrt(2)
    light = 1 - strength * uniform(generator, 0.05, 0.4) * (1 + along) / 2
    light *= 1 - strength * uniform(generator, 0.0, 0.2) * (x**2 + y**2) / 2
    if generator.random() < 0.6:
        turn = uniform(generator, 0, 2 * math.pi)
        edge = (
            math.cos(turn) * x
            + math.sin(turn) * y
            + 0.25 * np.sin(uniform(generator, 1, 4) * (x - y))
            - uniform(generator, 0, 0.9)
        )
        shade = 1 / (1 + np.exp(-edge / uniform(generator, 0.02, 0.2)))
        light *= 1 - strength * uniform(generator, 0.15, 0.5) * shade
    low = np.clip(light * 255, 0, 255).astype(np.uint8)
    return cv2.resize(low, shape[::-1], interpolation=cv2.INTER_LINEAR)


def _lens(scene: Grey, generator: Generator, strength: float) -> Grey:
    """Out of focus (more so in one part of the picture), shaken, then sharpened as phones do."""
    unit = max(0.3, max(scene.shape) / _A4_ROWS)
    sharp = cv2.GaussianBlur(scene, (0, 0), max(0.2, strength * uniform(generator, 0.5, 1.3) * unit))
    soft = cv2.GaussianBlur(sharp, (0, 0), max(0.2, strength * uniform(generator, 0.8, 1.8) * unit))
    where = smooth_field(scene.shape, generator, low=0.0, high=1.0, period=max(scene.shape))
    scene = cv2.add(times(soft, where), times(sharp, cv2.bitwise_not(where)))
    length = round(strength * uniform(generator, 2, 6) * unit)
    if generator.random() < 0.3 and length > 1:
        kernel = np.zeros((2 * length + 1, 2 * length + 1), np.float32)
        angle = uniform(generator, 0, math.pi)
        way = round(length * math.cos(angle) / 2), round(length * math.sin(angle) / 2)
        cv2.line(kernel, (length - way[0], length - way[1]), (length + way[0], length + way[1]), 1.0)
        scene = cv2.filter2D(scene, -1, kernel / kernel.sum())
    if generator.random() < 0.5:
        share = strength * uniform(generator, 0.2, 0.8)
        scene = cv2.addWeighted(scene, 1 + share, cv2.GaussianBlur(scene, (0, 0), 1.5 * unit), -share, 0)
    return scene


def _check_bands(bands: np.ndarray) -> None:
    if bands.dtype != np.uint8 or bands.ndim != 3 or bands.shape[1] != BAND:
        raise InputError(
            f"a strip's bands: expected (staves, {BAND}, columns) uint8, got {bands.shape} {bands.dtype}; straighten a system first"
        )
    if bands.size == 0:
        raise InputError(
            f"a strip's bands: expected at least one staff and one column, got {bands.shape}; leave empty systems out"
        )
    if max(bands.shape[0] * BAND, bands.shape[2]) > _LARGEST:
        raise InputError(
            f"a strip's bands: expected at most {_LARGEST} rows and columns, got {bands.shape}; cut the strip into pieces"
        )


def _check_page(page: np.ndarray) -> None:
    if page.dtype != np.uint8 or page.ndim != 2:
        raise InputError(f"a page: expected (h, w) uint8, got {page.shape} {page.dtype}; turn it to grey first")
    if not _SMALLEST_PAGE <= min(page.shape) <= max(page.shape) <= _LARGEST:
        raise InputError(
            f"a page: expected {_SMALLEST_PAGE} to {_LARGEST} pixels a side, got {page.shape}; scale it first"
        )


def _check_strength(strength: float) -> None:
    if not 0 <= strength <= 1:
        raise InputError(f"strength: expected 0 to 1, got {strength}; 0 changes nothing, 1 is as hard as it may be")
