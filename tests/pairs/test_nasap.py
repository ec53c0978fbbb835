"""nASAP: what is read, what is left out and why, and the way between performed seconds and the score's quarters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from crossmodal.base.errors import InputError
from crossmodal.base.places import data_folder
from pairs.nasap import NasapPiece, TempoMap, half, read_beats, read_nasap
from tests.pairs.small_nasap import make_nasap, performed, write_midi


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> list[NasapPiece]:
    return read_nasap(make_nasap(tmp_path_factory.mktemp("nasap")))[0]


def test_pieces_stand_once_with_all_their_scores(pieces: list[NasapPiece]) -> None:
    assert [piece.id for piece in pieces] == ["Bach/Plain", "Bach/Twice", "Haydn/Both"]
    assert [score.folder.name for score in pieces[2].scores] == ["both", "both_no_repeat"]
    assert [p.score.folder.name for p in pieces[2].performances] == ["both", "both_no_repeat"]
    assert "<score-partwise" in pieces[0].scores[0].text()


def test_what_cannot_be_used_is_told(tmp_path: Path) -> None:
    found, skipped = read_nasap(make_nasap(tmp_path))
    assert sum(len(piece.performances) for piece in found) == 4
    assert [(row.path, row.reason) for row in skipped] == [
        ("Bach/plain/Who01.mid", "5 beats, 24 in the score"),
        ("Bach/plain/Gone.mid", "Gone.mid is missing"),
    ]


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"metadata\.csv"):
        read_nasap(tmp_path)


def test_halves_depend_on_the_name_alone_and_are_even() -> None:
    drawn = [half("Bach", f"Fugue_{i}") for i in range(2000)]
    assert drawn == [half("Bach", f"Fugue_{i}") for i in range(2000)]
    assert set(drawn) == {"tune", "report"} and abs(drawn.count("tune") - 1000) < 100
    # published figures stand on this split: it must never move
    assert [half("Bach", "Fugue_bwv_866"), half("Schubert", "Impromptu_op142_1")] == ["tune", "tune"]


def test_beats_become_quarters_through_tempo_changes(pieces: list[NasapPiece]) -> None:
    assert np.allclose(pieces[0].scores[0].quarters, np.arange(24), atol=1e-4)
    assert np.allclose(pieces[0].scores[0].mechanical_time([0, 8, 10]), [0, 4, 6], atol=1e-4)


def test_tempo_map_against_small_steps(tmp_path: Path) -> None:
    tempos = [(0, 90.0), (1200, 40.0), (2400, 200.0)]
    write_midi(tmp_path / "x.mid", [0, 1], [0, 20], tempos=tempos)
    clock = TempoMap.read(tmp_path / "x.mid")
    second, expected = 0.0, []
    for tick in range(9600):  # the naive clock: tick by tick
        expected.append(second)
        qpm = next(qpm for start, qpm in reversed(tempos) if start <= tick)
        second += 60 / qpm / 480
    ticks = np.arange(9600) / 480
    assert np.allclose(clock.seconds(ticks), expected, atol=1e-3)
    assert np.allclose(clock.quarters(clock.seconds(ticks)), ticks)


def test_performed_and_written_time_are_each_others_inverse(pieces: list[NasapPiece]) -> None:
    played = pieces[1].performances[0]
    seconds = performed(36)
    assert np.allclose(played.score_time(seconds), np.arange(36), atol=1e-4)
    middle = np.linspace(seconds[0], seconds[-1], 99)
    assert np.allclose(played.performed_time(played.score_time(middle)), middle)
    assert np.isnan(played.score_time([seconds[0] - 0.1, seconds[-1] + 0.1])).all()
    assert np.isnan(played.performed_time([-1.0, 36.0])).all()


@pytest.mark.parametrize(
    "text", ["", "1.0\t1.0\tb\n", "1\t1\tb\n1\t1\tb\n", "2\t2\tb\n1\t1\tb\n", "one\ttwo\n", "1\nnan\n2\n"]
)
def test_damaged_beats_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "beats.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"beats\.txt"):
        read_beats(path)


def test_a_damaged_score_is_refused(tmp_path: Path) -> None:
    piece = read_nasap(make_nasap(tmp_path))[0][0]
    piece.scores[0].xml.write_bytes(b"no gzip")
    with pytest.raises(InputError, match="MusicXML"):
        piece.scores[0].text()


@pytest.mark.real_data
def test_the_real_folder() -> None:
    folder = data_folder()
    if folder is None or not (folder / "nasap").is_dir():
        pytest.skip("CROSSMODAL_DATA has no nasap")
    found, skipped = read_nasap(folder / "nasap")
    assert len(found) > 150 and all(row.reason for row in skipped)
    sizes = [sum(piece.half == name for piece in found) for name in ("tune", "report")]
    assert min(sizes) > 0.4 * len(found)
    for piece in found[::20]:
        played = piece.performances[0]
        assert len(played.seconds) == len(played.score.quarters) and (np.diff(played.score.quarters) > 0).all()
