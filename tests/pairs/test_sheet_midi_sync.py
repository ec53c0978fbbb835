"""Real scans with beats: reading, spans of systems, and right answers for a window, on a tiny folder of the same form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from crossmodal.base.errors import InputError
from crossmodal.base.places import data_folder
from crossmodal.pages.layout import Staff, System
from pairs.sheet_midi_sync import (
    Edition,
    annotated_systems,
    ink_box,
    read_sheet_midi_sync,
    right_systems,
    systems_of_window,
    without_slips,
)

# edition v1: two systems on page 0, one on page 1; v2: one system, its last beat beyond the MIDI's beats
ROWS = {
    "op1_v1": [(1, 1, 1, 0, "10"), (1, 2, 1, 0, ""), (2, 1, 2, 0, "12"), (2, 2, 2, 0, "40"), (1, 1, 1, 1, "9"), (1, 2, 1, 1, "30")],
    "op1_v2": [(m, b, 1, 0, str(10 * m + b)) for m in (1, 2, 3) for b in (1, 2)] + [(4, 1, 1, 0, "90")],
    "op1_v3": [(1, 1, 1, 0, "10")],
    "op1_v4": [(m, b, 1, 0, "5") for m in (1, 2, 3) for b in (1, 2)],
}  # fmt: skip
SECONDS = [0.0, 1.0, 2.0, 4.0, 6.0, 7.0]


def make_folder(root: Path) -> Path:
    import pypdfium2

    for name in ("annot_data/midi", "score_data/cfg_files", "score_data/prepped_pdf", "midi"):
        (root / name).mkdir(parents=True)
    lines = [",".join(map(str, (name, *row))) for name, rows in ROWS.items() for row in rows]
    table = "\n".join(["score,measure,beat,strip,page,hpixel", *lines]) + "\n"
    (root / "annot_data" / "some_op1_beats.csv").write_text(table, encoding="utf-8-sig")
    beats = "\n".join(f"{s},{i + 1}" for i, s in enumerate(SECONDS)) + "\n"
    (root / "annot_data" / "midi" / "some_op1.csv").write_text(beats, encoding="utf-8")
    borders = "some_op1_v1-0 200 300 400\nsome_op1_v1-1 0 100\nsome_op1_v2-0 0 100\n"
    (root / "score_data" / "cfg_files" / "bnds.corrected.txt").write_text(borders, encoding="utf-8")
    (root / "midi" / "some_op1.mid").write_bytes(b"MThd")
    for name in ("v1", "v2", "v3"):
        document = pypdfium2.PdfDocument.new()
        document.new_page(300, 500)
        document.save(str(root / "score_data" / "prepped_pdf" / f"some_op1_{name}.pdf"))
        document.close()
    return root


@pytest.fixture(scope="module")
def edition(tmp_path_factory: pytest.TempPathFactory) -> Edition:
    return read_sheet_midi_sync(make_folder(tmp_path_factory.mktemp("scans")))[0][0]


def test_editions_are_read_and_the_rest_is_told(tmp_path: Path) -> None:
    editions, skipped = read_sheet_midi_sync(make_folder(tmp_path))
    assert [e.id for e in editions] == ["some_op1_v1", "some_op1_v2"]
    assert [(row.path, row.reason.split(",")[0]) for row in skipped] == [
        ("some_op1_v3.pdf", "expected 6 beats"),
        ("some_op1_v4.pdf", "some_op1_v4.pdf: expected this file"),
    ]
    first, second = editions
    assert first.system.tolist() == [0, 0, 1, 1, 0, 0] and first.page.tolist() == [0, 0, 0, 0, 1, 1]
    assert first.places == [(0, 0), (0, 1), (1, 0)] and np.isnan(first.x).tolist() == [False, True, *[False] * 4]
    assert second.seconds.tolist() == SECONDS and second.end == 8.0


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="annot_data"):
        read_sheet_midi_sync(tmp_path)


def test_spans_follow_one_another(edition: Edition) -> None:
    assert edition.spans() == {(0, 0): (0.0, 2.0), (0, 1): (2.0, 6.0), (1, 0): (6.0, 8.0)}


@pytest.mark.parametrize("window", [(0.0, 8.0), (1.0, 3.5), (2.0, 6.0), (5.0, 7.25)])
def test_shares_of_a_window_against_counted_moments(edition: Edition, window: tuple[float, float]) -> None:
    found = systems_of_window(edition, *window)
    moments = np.arange(window[0], window[1], 0.001) + 0.0005
    for place, (start, end) in edition.spans().items():
        assert found.get(place, 0.0) == pytest.approx(((moments >= start) & (moments < end)).mean(), abs=1e-3)
    assert sum(found.values()) == pytest.approx(1.0) and min(found.values()) > 0


def test_right_systems_fill_half_of_the_shorter(edition: Edition) -> None:
    assert right_systems(edition, 1.0, 7.0) == {(0, 0), (0, 1), (1, 0)}  # half of each short one, all of the long one
    assert right_systems(edition, 1.5, 5.0) == {(0, 1)}
    assert right_systems(edition, 20.0, 30.0) == set()
    with pytest.raises(InputError, match="ends after"):
        right_systems(edition, 3.0, 3.0)


def test_slips_of_the_pen_are_left_out() -> None:
    x = np.array([10, 3439, 30, np.nan, 20, 40, 50, 5, 15.0])
    line = np.array([0, 0, 0, 0, 0, 0, 0, 1, 1])
    assert np.isnan(without_slips(x, line)).tolist() == [False, True, False, True, True, False, False, False, False]
    assert without_slips(np.zeros(0), np.zeros(0, np.int64)).shape == (0,)


def test_found_systems_are_numbered_by_the_borders(edition: Edition) -> None:
    image = np.full((1000, 600), 255, np.uint8)  # 144 dots an inch of a page of 500 points
    image[40:960, 50:550] = 0

    def system(middle: float) -> System:
        x = np.array([60.0, 540.0])
        return System(0, 0, (Staff(x, np.array([middle, middle]), 5.0),))

    # the ink starts at row 40, the annotated systems 200 and 300 points below
    found = [system(row) for row in (120.0, 500.0, 700.0, 900.0)]
    assert ink_box(image) == (40, 50, 920, 500)
    assert annotated_systems(edition, 0, image, found) == [None, 0, 1, None]
    assert annotated_systems(edition, 7, image, found) == [None] * 4
    assert annotated_systems(edition, 0, image, []) == []


def test_a_blank_page_is_all_ink_box() -> None:
    assert ink_box(np.full((30, 20), 255, np.uint8)) == (0, 0, 30, 20)


@pytest.mark.real_data
def test_the_real_editions() -> None:
    folder = data_folder()
    if folder is None or not (folder / "sheet_midi_sync").is_dir():
        pytest.skip("CROSSMODAL_DATA has no sheet_midi_sync")
    editions, _ = read_sheet_midi_sync(folder / "sheet_midi_sync")
    assert len(editions) == 17 and len({e.piece for e in editions}) == 5
    for edition in editions:
        counts = {page: len(rows) - 1 for page, rows in edition.borders.items()}
        assert counts == {p: sum(page == p for page, _ in edition.places) for p in counts}
        shares = systems_of_window(edition, 10.0, 25.0)
        assert sum(shares.values()) == pytest.approx(1.0)
        assert right_systems(edition, 10.0, 25.0)
