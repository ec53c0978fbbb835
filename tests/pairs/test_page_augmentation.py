"""Weathered strips and photographed pages: drawn from the generator alone, and their maps lead to where the marks are."""

from __future__ import annotations

import math

import numpy as np
import pytest

from crossmodal.base.errors import InputError
from crossmodal.pages.layout import BAND
from pairs.page_augmentation import photograph, weather_strip
from pairs.page_damage import INK, SCAN, add_noise, compress, damage, smooth_field, times

LINES = [BAND // 2 + 5 * k for k in range(-2, 3)]
SEEDS = range(120)


def strip(staves: int = 2, width: int = 400) -> np.ndarray:
    """Staff lines, and noteheads with stems every 24 columns."""
    bands = np.full((staves, BAND, width), 255, np.uint8)
    bands[:, LINES] = 90
    for column in range(40, width - 20, 24):
        row = LINES[column // 24 % 5]
        bands[:, row - 2 : row + 3, column - 3 : column + 4] = 0
        bands[:, row - 16 : row, column + 3] = 0
    return bands


def page(height: int = 700, width: int = 500) -> np.ndarray:
    image = np.full((height, width), 255, np.uint8)
    for top in range(100, height - 100, 120):
        image[[top + 9 * k for k in range(5)], 40 : width - 40] = 0
    return image


def test_same_generator_same_result_and_input_untouched() -> None:
    bands, sheet = strip(), page()
    kept, kept_sheet = bands.copy(), sheet.copy()
    for seed in range(25):
        first, first_map = weather_strip(bands, np.random.default_rng(seed))
        second, second_map = weather_strip(bands, np.random.default_rng(seed))
        np.testing.assert_array_equal(first, second)
        assert first_map == second_map
    one, one_map = photograph(sheet, np.random.default_rng(3))
    two, two_map = photograph(sheet, np.random.default_rng(3))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(one_map, two_map)
    other, _ = photograph(sheet, np.random.default_rng(4))
    assert other.shape != one.shape or (other != one).any()
    np.testing.assert_array_equal(bands, kept)
    np.testing.assert_array_equal(sheet, kept_sheet)


@pytest.mark.parametrize(("staves", "width"), [(1, 1), (1, 7), (2, 400), (5, 90)])
def test_shapes_follow_the_map(staves: int, width: int) -> None:
    bands = strip(staves, width)
    for seed in SEEDS:
        new, to_new = weather_strip(bands, np.random.default_rng(seed))
        assert new.dtype == np.uint8
        assert new.shape[:2] == (staves, BAND)
        assert new.flags.c_contiguous
        assert 0.93 <= to_new.scale <= 1.07
        assert abs(to_new.shift) <= 6
        assert abs(new.shape[2] - (to_new.scale * width + to_new.shift)) <= 7


def test_a_quarter_is_clean_and_the_rest_is_not() -> None:
    bands = strip()
    results = [weather_strip(bands, np.random.default_rng(seed)) for seed in range(600)]
    same = [new.shape == bands.shape and (new == bands).all() for new, _ in results]
    assert 0.19 < np.mean(same) < 0.31
    assert len({to_new for _, to_new in results}) > 400
    assert len({new.shape[2] for new, _ in results}) > 20


def test_column_map_leads_to_a_mark() -> None:
    bands = strip(width=700)
    bands[:, LINES[0] : LINES[-1] + 1, 299:302] = 0  # a bar of three columns around 300, on the staff lines only
    bands[:, :, 290:299] = bands[:, :, 302:311] = 255
    errors, drawn = [], 0
    for seed in range(400):
        new, to_new = weather_strip(bands, np.random.default_rng(seed), strength=0.8)
        if to_new.scale == 1:
            continue
        expected = float(to_new(300.0))
        low = round(expected) - 5
        for band in new:
            dark = band[LINES[0] : LINES[-1] + 1, low : low + 11].astype(float).mean(axis=0)
            weight = np.clip(np.median(dark) - dark - 12, 0, None)
            drawn += 1
            if weight.sum() > 0:
                errors.append(low + np.average(np.arange(11), weights=weight) - expected)
    assert len(errors) > 0.9 * drawn  # else the mark was erased
    assert np.median(np.abs(errors)) < 0.2
    assert np.quantile(np.abs(errors), 0.95) < 0.8
    assert abs(np.mean(errors)) < 0.1


def test_middle_line_stays_within_its_drift() -> None:
    bands = np.full((2, BAND, 700), 255, np.uint8)
    bands[:, BAND // 2 - 1 : BAND // 2 + 2] = 0
    drifts = []
    for seed in range(200):
        new, _ = weather_strip(bands, np.random.default_rng(seed), strength=0.8)
        ink = new[:, :, 60:-60].astype(float)
        ink = np.clip(ink.max(axis=1, keepdims=True) / 2 - ink, 0, None)
        weights = ink.sum(axis=1)
        rows = (ink * np.arange(BAND)[None, :, None]).sum(axis=1)[weights > 100] / weights[weights > 100]
        if len(rows):
            drifts.append(np.abs(rows - BAND // 2).mean())
    assert len(drifts) > 150
    assert max(drifts) < 4
    assert np.quantile(drifts, 0.9) < 2.1
    assert np.quantile(drifts, 0.9) > 0.3


def test_strength_nothing_changes_nothing_and_more_changes_more() -> None:
    bands, sheet = strip(), page()
    new, to_new = weather_strip(bands, np.random.default_rng(0), strength=0)
    np.testing.assert_array_equal(new, bands)
    assert to_new == (1.0, 0.0)
    photo, homography = photograph(sheet, np.random.default_rng(0), strength=0)
    np.testing.assert_array_equal(photo, sheet)
    np.testing.assert_array_equal(homography, np.eye(3))
    assert photo is not sheet and new is not bands

    def spread(strength: float) -> float:
        return float(
            np.std([weather_strip(bands, np.random.default_rng(s), strength=strength)[1].scale for s in SEEDS])
        )

    assert 0 < spread(0.2) < 0.5 * spread(1.0)


@pytest.mark.parametrize("step", [step for _, step in INK + SCAN], ids=lambda step: step.__name__.strip("_"))
def test_each_step_keeps_the_shape_and_its_input(step) -> None:  # type: ignore[no-untyped-def]
    ink = 255 - strip().reshape(-1, 400)
    for image in (ink, 255 - ink, ink[:, :1].copy(), np.zeros((BAND, 33), np.uint8)):
        kept = image.copy()
        changed = 0
        for seed in range(12):
            new = step(image, np.random.default_rng(seed), 1.0)
            assert new.shape == image.shape and new.dtype == np.uint8
            changed += int((new != image).any())
        np.testing.assert_array_equal(image, kept)
        if image is ink:
            assert changed >= 6


def test_broken_lines_leave_the_notes() -> None:
    ink = 255 - strip(1).reshape(-1, 400)
    step = next(step for _, step in INK if step.__name__ == "_broken_lines")
    notes = ink == 255
    lost = 0.0
    for seed in range(10):
        new = step(ink, np.random.default_rng(seed), 1.0)
        np.testing.assert_array_equal(new[notes], 255)
        lost += float((ink.astype(float) - new)[~notes].sum() / ink[~notes].sum()) / 10
    assert lost > 0.2


def test_damage_runs_steps_in_order_with_their_probabilities() -> None:
    def one(image: np.ndarray, generator: np.random.Generator, strength: float) -> np.ndarray:
        return image * np.uint8(2)

    def two(image: np.ndarray, generator: np.random.Generator, strength: float) -> np.ndarray:
        return image + np.uint8(1)

    start = np.full((2, 2), 3, np.uint8)
    assert damage(start, ((1.0, one), (1.0, two)), np.random.default_rng(0), 1.0)[0, 0] == 7
    assert damage(start, ((0.0, one), (1.0, two)), np.random.default_rng(0), 1.0)[0, 0] == 4
    hits = [damage(start, ((0.3, two),), np.random.default_rng(s), 1.0)[0, 0] == 4 for s in range(1000)]
    assert 0.25 < np.mean(hits) < 0.35


@pytest.mark.parametrize("grain", [0.0, 0.6, 1.2])
@pytest.mark.parametrize("shape", [(160, 700), (1600, 1500)])
def test_noise_has_its_deviation(grain: float, shape: tuple[int, int]) -> None:
    flat = np.full(shape, 128, np.uint8)
    noisy = add_noise(flat, np.random.default_rng(1), deviation=10, grain=grain).astype(float)
    assert 8 < noisy.std() < 13
    assert abs(noisy.mean() - 128) < 1


def test_fields_products_and_compression() -> None:
    field = smooth_field((90, 200), np.random.default_rng(0), low=0.2, high=0.6, period=30)
    assert field.shape == (90, 200)
    assert 50 <= field.min() < field.max() <= 153
    assert np.abs(np.diff(field.astype(int), axis=1)).max() <= 6
    image = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_allclose(times(image, np.full((16, 16), 51, np.uint8)), image * 0.2, atol=0.51)
    ink = strip(1).reshape(BAND, -1)
    coarse, fine = (np.abs(compress(ink, q).astype(int) - ink).mean() for q in (15, 95))
    assert 0 < fine < coarse


def test_homography_leads_to_marks() -> None:
    sheet = np.full((900, 640), 255, np.uint8)
    spots = np.array([[60, 60], [580, 60], [580, 840], [60, 840], [320, 450], [200, 700]])
    y, x = np.mgrid[:900, :640]
    for spot in spots:
        sheet[(x - spot[0]) ** 2 + (y - spot[1]) ** 2 <= 64] = 0
    for seed in range(20):
        photo, homography = photograph(sheet, np.random.default_rng(seed))
        places = np.c_[spots, np.ones(len(spots))] @ homography.T
        for u, v in places[:, :2] / places[:, 2:]:
            left, top = round(u) - 14, round(v) - 14
            part = photo[max(top, 0) : top + 29, max(left, 0) : left + 29].astype(float)
            weight = np.clip(np.median(part) * 0.75 - part, 0, None)
            rows, columns = np.mgrid[: part.shape[0], : part.shape[1]]
            assert weight.sum() > 0
            assert abs(np.average(columns, weights=weight) + max(left, 0) - u) < 1
            assert abs(np.average(rows, weights=weight) + max(top, 0) - v) < 1


def test_poses_stay_within_reason() -> None:
    sheet, slopes = page(300, 220), []
    corners = np.array([[0, 0, 1], [219, 0, 1], [219, 299, 1], [0, 299, 1]], float)
    for seed in range(60):
        photo, homography = photograph(sheet, np.random.default_rng(seed))
        placed = corners @ homography.T
        placed = placed[:, :2] / placed[:, 2:]
        assert photo.shape[0] > 200 and photo.shape[1] > 150
        assert (placed > -0.01 * max(photo.shape) - 2).all()
        assert (placed < np.array(photo.shape[::-1]) * 1.01 + 2).all()
        slopes += [math.degrees(math.atan2(*(placed[b] - placed[a])[::-1])) for a, b in ((0, 1), (3, 2))]
        assert 100 < np.median(photo) < 255 and photo.std() > 5
    assert 2.0 < max(np.abs(slopes)) < 4.5


@pytest.mark.parametrize(
    "bands",
    [
        np.zeros((0, BAND, 10), np.uint8),
        np.zeros((2, BAND, 0), np.uint8),
        np.zeros((2, BAND + 1, 10), np.uint8),
        np.zeros((BAND, 10), np.uint8),
        np.zeros((1, BAND, 10), np.float32),
        np.zeros((1, BAND, 40_000), np.uint8),
    ],
)
def test_bad_strips(bands: np.ndarray) -> None:
    with pytest.raises(InputError, match="a strip's bands: expected"):
        weather_strip(bands, np.random.default_rng(0))


@pytest.mark.parametrize(
    "sheet",
    [
        np.zeros((0, 50), np.uint8),
        np.zeros((10, 500), np.uint8),
        np.zeros((100, 100, 3), np.uint8),
        np.zeros((100, 100), np.float64),
        np.zeros((40, 30_000), np.uint8),
    ],
)
def test_bad_pages(sheet: np.ndarray) -> None:
    with pytest.raises(InputError, match="a page: expected"):
        photograph(sheet, np.random.default_rng(0))


@pytest.mark.parametrize("strength", [-0.1, 1.5, math.nan])
def test_bad_strength(strength: float) -> None:
    with pytest.raises(InputError, match="strength: expected 0 to 1"):
        weather_strip(strip(), np.random.default_rng(0), strength=strength)
    with pytest.raises(InputError, match="strength: expected 0 to 1"):
        photograph(page(), np.random.default_rng(0), strength=strength)
