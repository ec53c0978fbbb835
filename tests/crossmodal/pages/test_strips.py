"""Strips of straight, rotated and photographed systems."""

from __future__ import annotations

import numpy as np
import pytest

from crossmodal.pages.detection import find_systems
from crossmodal.pages.layout import BAND, SPACE, WHOLE, Staff, Strip, System
from crossmodal.pages.strips import straighten
from tests.crossmodal.pages import drawing

LINES = BAND // 2 + np.arange(-2, 3) * int(SPACE)


def strips(image: np.ndarray) -> list[Strip]:
    return [straighten(image, system) for system in find_systems(image)]


def darkest_rows(band: np.ndarray) -> np.ndarray:
    """Share of each row that is ink."""
    return (band < 140).mean(axis=1)


def test_lines_lie_on_their_rows_and_columns_map_to_the_page() -> None:
    image, _ = drawing.piano_page()
    for strip in strips(image):
        assert strip.bands.shape == (2, BAND, strip.width)
        assert strip.whole.shape == (WHOLE, strip.width)
        assert strip.bands.dtype == strip.whole.dtype == np.uint8
        assert strip.width == pytest.approx(1000 * SPACE / drawing.SPACE, abs=5)
        for band in strip.bands:
            ink = darkest_rows(band)
            assert ink[LINES].min() > 0.95
            assert ink[(LINES[:-1] + 2)].max() < 0.4
        for bar in np.linspace(100, 1097, 5)[1:-1]:  # bar lines of the drawing
            column = round(float(strip.column(bar + 1)))
            between = strip.bands[0, BAND // 2 + 15 : BAND // 2 + 30]
            assert between[:, column - 1 : column + 2].min(axis=1).max() < 140
            assert strip.page_x(strip.column(bar)) == pytest.approx(bar)


@pytest.mark.parametrize("degrees", [-4.0, 3.0])
def test_rotated_systems_look_as_if_they_were_straight(degrees: float) -> None:
    image, _ = drawing.piano_page()
    turned, _ = drawing.rotate(image, degrees)
    for straight, other in zip(strips(image), strips(turned), strict=True):
        width = min(straight.width, other.width)
        assert abs(straight.width - other.width) < 8
        for band in range(2):
            assert darkest_rows(other.bands[band])[LINES].min() > 0.85
            a, b = (s.bands[band, :, :width].astype(np.float64).ravel() for s in (straight, other))
            assert np.corrcoef(a, b)[0, 1] > 0.75


def test_photographs_get_white_paper_and_dark_ink() -> None:
    image = drawing.photograph(drawing.engraved(2))
    for strip in strips(image):
        assert np.median(strip.bands) > 250
        assert np.quantile(strip.bands[:, LINES[2]], 0.3) < 190


def test_the_whole_system_is_there_and_shrinks_only_when_it_must() -> None:
    image, _ = drawing.piano_page()
    whole = strips(image)[1].whole
    ink = np.flatnonzero(darkest_rows(whole) > 0.9)
    assert ink.min() == pytest.approx(WHOLE / 2 - (110 / drawing.SPACE / 2 + 2) * SPACE, abs=1)
    assert ink.max() == pytest.approx(WHOLE / 2 + (110 / drawing.SPACE / 2 + 2) * SPACE, abs=1)
    tall = drawing.blank()
    drawing.draw_system(tall, [150 + 120 * i for i in range(6)])
    rows = np.flatnonzero(darkest_rows(strips(tall)[0].whole) > 0.5)
    assert 5 < rows.min() < 10
    assert WHOLE - 11 < rows.max() < WHOLE - 5


def test_a_system_at_the_edge_of_the_page_is_padded_with_paper() -> None:
    image = drawing.blank(height=120)
    drawing.draw_staff(image, 5)
    staff = Staff(np.array([100.0, 1099.0]), np.array([25.5, 25.5]), 10.0)
    strip = straighten(image, System(0, 0, (staff,)))
    assert (strip.bands[0, :10] == 255).all()
    assert darkest_rows(strip.bands[0])[LINES].min() > 0.9
