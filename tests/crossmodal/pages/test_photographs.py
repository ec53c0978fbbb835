"""Pages as a phone sees them, their systems and strips against exact truth; what surrounds a sheet; lines as faint as the paper's grain."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from crossmodal.pages.detection import find_page
from crossmodal.pages.faint import faint_ink
from crossmodal.pages.layout import SPACE
from crossmodal.pages.strips import middle_line
from crossmodal.pages.surroundings import without_surroundings
from pairs.page_augmentation import photograph
from tests.crossmodal.pages import drawing


@pytest.mark.parametrize("seed", range(4))
def test_systems_of_photographs_are_found_where_the_camera_put_them(seed: int) -> None:
    clean = drawing.engraved(2)
    photo, homography = photograph(clean, np.random.default_rng(seed))
    expected, page = find_page(clean).systems, find_page(photo)
    assert page.turned == 0
    assert [len(s.staves) for s in page.systems] == [len(s.staves) for s in expected]
    for system, truth in zip(page.systems, expected, strict=True):
        for staff, own in zip(system.staves, truth.staves, strict=True):
            x = np.linspace(own.x[0] + 2 * own.space, own.x[-1] - 2 * own.space, 30)
            x, y, w = homography @ np.stack([x, middle_line(own, x), np.ones(30)])
            rows = np.abs(middle_line(staff, x / w) - y / w) / staff.space * SPACE
            assert rows.max() < 1.5
            assert np.median(rows) < 0.5
            ends = np.array([[own.x[0], own.x[-1]], [own.y[0], own.y[-1]], [1, 1]])
            left, right = (homography @ ends)[0] / (homography @ ends)[2]
            assert abs(staff.x[0] - left) < 2 * staff.space
            assert abs(staff.x[-1] - right) < 2 * staff.space


def test_photographs_on_their_side_are_turned() -> None:
    photo, _ = photograph(drawing.engraved(2), np.random.default_rng(1))
    page = find_page(np.ascontiguousarray(np.rot90(photo)))
    assert page.turned == 90
    np.testing.assert_array_equal(page.image, photo)


@pytest.mark.parametrize("make", [drawing.text_page, drawing.blank])
def test_photographs_without_music_have_no_systems(make: Callable[[], np.ndarray]) -> None:
    photo, _ = photograph(make(), np.random.default_rng(0))
    assert find_page(photo).systems == ()


def test_the_desk_becomes_paper_and_the_sheet_stays() -> None:
    sheet, _ = drawing.piano_page()
    desk = cv2.copyMakeBorder(sheet, 60, 80, 70, 50, cv2.BORDER_CONSTANT, value=60)
    alone = without_surroundings(desk)
    assert alone[:40].min() > 180
    assert alone[:, -30:].min() > 180
    inside = np.s_[100:-100, 100:-100]
    np.testing.assert_array_equal(alone[60:-80, 70:-50][inside], sheet[inside])


def test_a_sheet_that_fills_the_picture_is_left_alone() -> None:
    for image in (drawing.piano_page()[0], drawing.engraved(4), drawing.blank(), drawing.blank(30, 20)):
        assert without_surroundings(image) is image


def test_lines_in_grain_come_out() -> None:
    generator = np.random.default_rng(0)
    image = np.full((600, 500), 180.0)
    rows = np.concatenate([top + np.arange(5) * 9 for top in range(40, 560, 90)])
    image[rows] -= 12
    ink = faint_ink(np.clip(image + generator.normal(0, 6, image.shape), 0, 255).astype(np.uint8)).astype(float)
    between = np.setdiff1d(np.arange(20, 580), np.concatenate([rows - 1, rows, rows + 1]))
    assert np.median(ink[rows]) > 120
    assert np.median(ink[between]) < 25


def test_nothing_comes_out_of_empty_paper() -> None:
    assert not faint_ink(drawing.blank(300, 300)).any()
