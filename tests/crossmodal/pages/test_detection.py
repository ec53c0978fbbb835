"""Systems on drawn, engraved, photographed and turned pages, and none where there is no music."""

from __future__ import annotations

import numpy as np
import pytest

from crossmodal.base.errors import InputError
from crossmodal.pages.detection import find_page, find_systems
from tests.crossmodal.pages import drawing


def sizes(image: np.ndarray) -> list[int]:
    return [len(system.staves) for system in find_systems(image)]


def test_drawn_staves_are_found_where_they_were_drawn() -> None:
    image, tops = drawing.piano_page()
    systems = find_systems(image, page=3)
    assert [(s.page, s.number) for s in systems] == [(3, i) for i in range(5)]
    for system, expected in zip(systems, tops, strict=True):
        assert len(system.staves) == 2
        for staff, top in zip(system.staves, expected, strict=True):
            assert np.abs(staff.y - (top + 2 * drawing.SPACE + 0.5)).max() < 1
            assert staff.space == pytest.approx(drawing.SPACE, abs=0.2)
            assert staff.x[0] == pytest.approx(100, abs=6)
            assert staff.x[-1] == pytest.approx(1099, abs=6)
            assert (np.diff(staff.x) > 0).all()


@pytest.mark.parametrize("count", [1, 3, 5])
def test_a_system_has_as_many_staves_as_are_joined(count: int) -> None:
    image = drawing.blank()
    step = 110
    for top in range(100, 1700 - count * step, count * step + 60):
        tops = [top + i * step for i in range(count)]
        drawing.draw_system(image, tops)
        drawing.add_notes(image, tops)
    found = sizes(image)
    assert len(found) >= 2
    assert set(found) == {count}


def test_staves_joined_at_the_left_edge_alone_are_one_system() -> None:
    image = drawing.blank()
    for top in range(100, 1500, 380):
        for staff in range(3):
            drawing.draw_staff(image, top + staff * 110)
        image[top : top + 262, 100:103] = 0
    assert sizes(image) == [3, 3, 3, 3]


def test_staves_side_by_side_are_separate_systems() -> None:
    image = drawing.blank()
    drawing.draw_system(image, [200, 310], left=80, right=700)
    drawing.draw_system(image, [200, 310], left=800, right=1120, bars=2)
    systems = find_systems(image)
    assert [len(s.staves) for s in systems] == [2, 2]
    assert systems[0].box[0] < systems[1].box[0]


@pytest.mark.parametrize("degrees", [-5.0, -2.0, 1.0, 5.0])
def test_rotated_staves_are_followed(degrees: float) -> None:
    image, tops = drawing.piano_page()
    turned, matrix = drawing.rotate(image, degrees)
    systems = find_systems(turned)
    assert [len(s.staves) for s in systems] == [2] * 5
    expected = np.array([[x, top + 2 * drawing.SPACE + 0.5] for x in (300, 900) for top in (tops[0][0], tops[4][1])])
    places = expected @ matrix[:, :2].T + matrix[:, 2]
    for (x, y), staff in zip(places, [systems[0].staves[0], systems[4].staves[1]] * 2, strict=True):
        assert np.interp(x, staff.x, staff.y) == pytest.approx(y, abs=1.5)


@pytest.mark.parametrize("seed", range(3))
def test_photographed_pages_keep_their_systems(seed: int) -> None:
    image, _ = drawing.piano_page(seed=seed)
    assert sizes(drawing.photograph(image, degrees=[-4.0, 2.0, 5.0][seed], seed=seed)) == [2] * 5


@pytest.mark.parametrize("voices", [1, 2, 4])
def test_engraved_pages(voices: int) -> None:
    found = sizes(drawing.engraved(voices))
    assert len(found) >= 2
    assert set(found) == {voices}
    assert sizes(drawing.photograph(drawing.engraved(voices))) == found


@pytest.mark.parametrize("size", [0.6, 1.0, 3.0])
def test_the_size_of_the_image_does_not_matter(size: float) -> None:
    import cv2

    image, _ = drawing.piano_page()
    kind = cv2.INTER_AREA if size < 1 else cv2.INTER_CUBIC
    systems = find_systems(cv2.resize(image, None, fx=size, fy=size, interpolation=kind))
    assert [len(s.staves) for s in systems] == [2] * 5
    assert systems[0].space == pytest.approx(drawing.SPACE * size, rel=0.03)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@pytest.mark.parametrize("voices", [1, 2])
def test_turned_pages_are_put_upright(turns: int, voices: int) -> None:
    image = drawing.engraved(voices)
    page = find_page(np.ascontiguousarray(np.rot90(image, turns)), number=2)
    assert page.turned == turns * 90  # rot90 turns the other way round
    assert page.number == 2
    np.testing.assert_array_equal(page.image, image)
    assert [len(s.staves) for s in page.systems] == sizes(image)
    assert {s.page for s in page.systems} == {2}


def test_pages_without_staves_have_no_systems() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1200, 900), np.uint8)
    ruled = drawing.blank()
    ruled[100::40] = 0
    tiny = np.zeros((1, 1), np.uint8)
    for image in (drawing.blank(), np.zeros((800, 600), np.uint8), drawing.text_page(), noise, ruled, tiny):
        page = find_page(image)
        assert page.systems == ()
        assert page.turned == 0
        assert page.image is image


def test_faint_noise_on_white_paper_is_no_music() -> None:
    grain = np.random.default_rng(1).normal(240, 4, (1200, 900)).clip(0, 255).astype(np.uint8)
    assert find_systems(grain) == ()


@pytest.mark.parametrize(
    "image", [np.zeros((10, 10, 3), np.uint8), np.zeros((10, 10)), np.zeros((0, 10), np.uint8), "page.png"]
)
def test_other_arrays_are_refused(image: object) -> None:
    with pytest.raises(InputError, match=r"expected uint8 \(height, width\), got"):
        find_systems(image)  # type: ignore[arg-type]
