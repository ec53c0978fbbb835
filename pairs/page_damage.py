"""What happens to print: worn ink, see-through paper, poor scans. Small steps on grey images; import where needed (cv2).

Each step is a pure function of (image (h, w) uint8, generator, strength) -> image of the same shape; strength is 0 to about 1.
`INK` steps work on ink (255 is full ink, 0 is paper), `SCAN` steps on what a scanner sees (255 is white). All of them assume
strips: `SPACE` rows between two staff lines. After the local document degradation models of Kanungo, Haralick & Phillips
(1993): print and scanner are separate stages, a threshold may end the second.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Step = Callable[[Grey, Generator, float], Grey]

_NOISE = 1 << 21  # values of the noise that all draws share: drawing it anew would cost more than all else together
_DEVIATION = 32.0
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
_THINNEST = 4  # rows: what is lower than that is a staff line or a slur, what is higher a note, a beam or a stem


@lru_cache(maxsize=1)
def _noise() -> Grey:
    values = np.random.default_rng(0).standard_normal(_NOISE, dtype=np.float32) * _DEVIATION + 128
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def uniform(generator: Generator, low: float, high: float) -> float:
    """One number of [low, high), at a fraction of the cost of generator.uniform."""
    return low + (high - low) * generator.random()


def add_noise(image: Grey, generator: Generator, *, deviation: float, grain: float = 0.0) -> Grey:
    """White noise of this deviation (grey levels); grain: sigma in pixels by which it is smoothed, as film and paper fibres are."""
    noise = _noise()
    count = image.size
    if count + 1 < len(noise):
        start = int(generator.integers(len(noise) - count))
        noise = noise[start : start + count].reshape(image.shape)
    else:
        values = generator.standard_normal(image.shape, dtype=np.float32)
        noise = cv2.convertScaleAbs(values, alpha=_DEVIATION, beta=128)
    factor = deviation / _DEVIATION
    if grain > 0:
        noise = cv2.GaussianBlur(noise, (0, 0), grain)
        factor *= max(1.0, 2 * np.sqrt(np.pi) * grain)  # what smoothing takes from the deviation
    return cv2.addWeighted(image, 1.0, noise, factor, -128.0 * factor)


def smooth_field(shape: tuple[int, ...], generator: Generator, *, low: float, high: float, period: int) -> Grey:
    """(h, w) uint8, wandering between low and high (0 to 1, stored as 0 to 255), one free value each `period` pixels."""
    knots = generator.random((shape[0] // period + 2, shape[1] // period + 2), dtype=np.float32)
    knots = ((low + (high - low) * knots) * 255).astype(np.uint8)
    return cv2.resize(knots, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)


def times(image: Grey, field: Grey) -> Grey:
    """Product with a field stored as 0 to 255 for 0 to 1."""
    return cv2.multiply(image, field, scale=1 / 255)


def compress(image: Grey, quality: int) -> Grey:
    """Through JPEG and back; quality: 1 to 100."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)


def _lines(ink: Grey) -> Grey:
    """The ink of staff lines where nothing lies on them."""
    tall = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((_THINNEST, 1), np.uint8))
    return cv2.morphologyEx(cv2.subtract(ink, tall), cv2.MORPH_OPEN, np.ones((1, 9), np.uint8))


def _thickness(ink: Grey, generator: Generator, strength: float) -> Grey:
    """Ink spreads (two times of three) or wears away, by a fraction of a pixel on each side."""
    share = strength * uniform(generator, 0.1, 0.8)
    if generator.random() < 0.67:
        return cv2.addWeighted(ink, 1 - share, cv2.dilate(ink, _CROSS), share, 0)
    return cv2.addWeighted(ink, 1 - 0.8 * share, cv2.erode(ink, _CROSS), 0.8 * share, 0)


def _thick_lines(ink: Grey, generator: Generator, strength: float) -> Grey:
    lines = cv2.dilate(_lines(ink), np.ones((3, 1), np.uint8))
    lines = cv2.convertScaleAbs(lines, alpha=min(1.0, 0.9 * strength * uniform(generator, 0.4, 1.1)))
    return cv2.max(ink, lines)


def _broken_lines(ink: Grey, generator: Generator, strength: float) -> Grey:
    """Staff lines fade overall and are gone in places; notes stay."""
    period = int(generator.integers(6, 40))
    knots = generator.random((ink.shape[0] // 5 + 1, ink.shape[1] // period + 2), dtype=np.float32)
    gone = (np.clip(knots - (1 - 0.5 * strength), 0, 0.25) * 1020).astype(np.uint8)
    lost = cv2.resize(gone, (ink.shape[1], ink.shape[0]), interpolation=cv2.INTER_LINEAR)
    faint = int(255 * strength * uniform(generator, 0.0, 0.5))
    return cv2.subtract(ink, times(_lines(ink), cv2.max(lost, faint)))


def _spots(ink: Grey, generator: Generator, strength: float) -> Grey:
    """Erased spots and scratches, up to the size of two noteheads."""
    worn = ink.copy()
    height, width = ink.shape
    for _ in range(1 + int(generator.integers(0, 1 + round(strength * width / 150)))):
        place = int(generator.integers(width)), int(generator.integers(height))
        size = (
            1 + int(generator.integers(1 + round(6 * strength))),
            1 + int(generator.integers(1 + round(4 * strength))),
        )
        cv2.ellipse(worn, place, size, 180 * generator.random(), 0, 360, 0, -1)
    return worn


def _faded(ink: Grey, generator: Generator, strength: float) -> Grey:
    return times(ink, smooth_field(ink.shape, generator, low=1 - 0.75 * strength, high=1.0, period=60))


def _see_through(ink: Grey, generator: Generator, strength: float) -> Grey:
    """The other side of the sheet: mirrored, somewhere else on the page, soft and faint."""
    other = np.roll(ink[:, ::-1], int(generator.integers(ink.shape[0])), axis=0)
    other = cv2.GaussianBlur(other, (5, 5), uniform(generator, 0.6, 1.6))
    return cv2.max(ink, cv2.convertScaleAbs(other, alpha=strength * uniform(generator, 0.1, 0.45)))


def _speckle(ink: Grey, generator: Generator, strength: float) -> Grey:
    """Dots of one or two pixels: three of ink to one of paper."""
    height, width = ink.shape
    count = int(ink.size * strength * uniform(generator, 0.0002, 0.004)) + 1
    rows, columns = generator.integers(height, size=count), generator.integers(width, size=count)
    values = generator.integers(60, 256, size=count).astype(np.uint8)
    values[::4] = 0
    dotted = ink.copy()
    dotted[rows, columns] = values
    dotted[rows[::3], np.minimum(columns[::3] + 1, width - 1)] = values[::3]
    return dotted


def _margins(image: Grey, generator: Generator, strength: float) -> Grey:
    """The dark gutter of a bound book or the lid of a copier at the left, the right, or both."""
    width = image.shape[1]
    profile = np.full(width, 255.0)
    sides = int(generator.integers(1, 4))
    for bit in (1, 2):
        reach = min(width // 8, int(strength * uniform(generator, 4, 30)))
        if sides & bit and reach:
            depth = strength * uniform(generator, 0.3, 0.95)
            ramp = 255 * (1 - depth * np.linspace(1, 0, reach) ** uniform(generator, 0.4, 2.0))
            profile[:reach] = np.minimum(profile[:reach], ramp)
        profile = profile[::-1]  # twice, so that it ends as it began
    return times(image, np.ascontiguousarray(np.broadcast_to(profile.astype(np.uint8), image.shape)))


def _light(image: Grey, generator: Generator, strength: float) -> Grey:
    low = 1 - 0.6 * strength * generator.random()
    return times(
        image, smooth_field(image.shape, generator, low=low, high=1.0, period=int(generator.integers(120, 500)))
    )


def _blur(image: Grey, generator: Generator, strength: float) -> Grey:
    """Out of focus, not equally in both directions."""
    x, y = uniform(generator, 0.3, 0.4 + 0.8 * strength), uniform(generator, 0.3, 0.4 + 0.8 * strength)
    return cv2.GaussianBlur(image, (5, 5), x, sigmaY=y)


def _resolution(image: Grey, generator: Generator, strength: float) -> Grey:
    """As if the page had been scanned with fewer dots to the inch than the strip has."""
    share = uniform(generator, 1 - 0.45 * strength, 0.95)
    size = max(1, round(image.shape[1] * share)), max(1, round(image.shape[0] * share))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, image.shape[::-1], interpolation=cv2.INTER_CUBIC)


def _tone(image: Grey, generator: Generator, strength: float) -> Grey:
    """Another gamma, paper that is not white, ink that is not black."""
    gamma = 2.0 ** (strength * uniform(generator, -1, 1))
    black, white = strength * uniform(generator, 0, 110), 255 - strength * uniform(generator, 0, 80)
    table = black + (white - black) * (np.arange(256) / 255) ** gamma
    return cv2.LUT(image, table.astype(np.uint8))


def _grain(image: Grey, generator: Generator, strength: float) -> Grey:
    grain = uniform(generator, 0.4, 0.9) if generator.random() < 0.4 else 0.0
    return add_noise(image, generator, deviation=strength * uniform(generator, 2, 18), grain=grain)


def _jpeg(image: Grey, generator: Generator, strength: float) -> Grey:
    return compress(image, int(uniform(generator, 90 - 70 * strength, 90)))


def _black_and_white(image: Grey, generator: Generator, strength: float) -> Grey:
    """A bilevel scan, too light or too dark: fine ones, brought to the strip's size, are steep in tone; coarse ones have steps."""
    # staff lines are thinner than a row and thus light grey: below 0.7 they begin to break, above 0.85 everything grows fat
    share = 0.78 + strength * uniform(generator, -0.15, 0.1)
    paper = float(np.percentile(image[:, :: max(1, image.shape[1] // 64)], 80))
    if generator.random() < 0.7:
        steepness = 2.2 * 5 ** generator.random()
        tones = (np.arange(256) / max(1.0, paper) - share) * steepness + 0.5
        return cv2.LUT(image, (np.clip(tones, 0, 1) * 255).astype(np.uint8))
    fine = cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    fine = cv2.threshold(fine, share * paper, 255, cv2.THRESH_BINARY)[1]
    return cv2.resize(fine, image.shape[::-1], interpolation=cv2.INTER_AREA)


INK: tuple[tuple[float, Step], ...] = (
    (0.35, _thickness),
    (0.12, _thick_lines),
    (0.15, _broken_lines),
    (0.15, _faded),
    (0.15, _spots),
    (0.15, _see_through),
    (0.15, _speckle),
)
SCAN: tuple[tuple[float, Step], ...] = (
    (0.08, _margins),
    (0.20, _light),
    (0.30, _blur),
    (0.20, _resolution),
    (0.35, _tone),
    (0.30, _grain),
    (0.08, _jpeg),
    (0.15, _black_and_white),
)


def damage(image: Grey, steps: tuple[tuple[float, Step], ...], generator: Generator, strength: float) -> Grey:
    """The steps in their order, each with its probability."""
    for probability, step in steps:
        if generator.random() < probability:
            image = step(image, generator, strength)
    return image
