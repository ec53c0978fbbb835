"""From performed time to places on engraved pages, with repeats; and the pairs that judge, drawn from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crossmodal.base.errors import InputError
from crossmodal.base.results import Skipped
from pairs.engraving import Engraver
from pairs.nasap import NasapPiece, read_nasap
from pairs.nasap_pairs import chosen_performance, draw_pairs, judged, judging_pieces, mechanical_pairs, onset_pairs
from pairs.written_time import WrittenTime, plainly_written, unfold
from tests.pairs.small_nasap import make_nasap, melody, pitch


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> dict[str, NasapPiece]:
    return {piece.title: piece for piece in read_nasap(make_nasap(tmp_path_factory.mktemp("nasap")))[0]}


@pytest.fixture(scope="module")
def written(pieces: dict[str, NasapPiece]) -> dict[str, WrittenTime]:
    engraver = Engraver()
    return {
        title: WrittenTime(engraver.engrave(pieces[title].scores[0].text()), pieces[title].scores[0])
        for title in ("Plain", "Twice")
    }


def test_repeats_are_unfolded(written: dict[str, WrittenTime]) -> None:
    found = unfold(written["Twice"].engraving)
    steps = melody(1)
    assert np.allclose(found.quarters, np.arange(36))
    assert found.pitch.tolist() == [pitch(s) for s in [*steps[:12], *steps]]


def test_which_scores_are_played_as_written(pieces: dict[str, NasapPiece], written: dict[str, WrittenTime]) -> None:
    assert [plainly_written(pieces[t].scores[0].text()) for t in ("Plain", "Twice")] == [True, False]
    assert [written[t].one_to_one for t in ("Plain", "Twice")] == [True, False]
    assert [written[t].agreement for t in ("Plain", "Twice")] == [1.0, 1.0]


def test_another_piece_does_not_agree(pieces: dict[str, NasapPiece], written: dict[str, WrittenTime]) -> None:
    wrong = WrittenTime(written["Plain"].engraving, pieces["Twice"].scores[0])
    assert wrong.agreement < 0.9 and not wrong.one_to_one


def test_beats_stand_at_their_noteheads(written: dict[str, WrittenTime]) -> None:
    time = written["Plain"]
    places, notes = time.places(np.arange(24)), time.engraving.notes
    assert np.allclose(places.x, notes.x) and places.measure.tolist() == (np.arange(24) // 4).tolist()
    assert places.system.tolist() == notes.system.tolist() and places.page.tolist() == notes.page.tolist()
    between = time.places([0.5, 3.5])
    assert between.x[0] == pytest.approx((notes.x[0] + notes.x[1]) / 2)
    assert notes.x[3] < between.x[1] < notes.x[4]


def test_what_is_played_again_stands_where_it_stood(written: dict[str, WrittenTime]) -> None:
    first, again = (written["Twice"].places(np.arange(12) + start) for start in (0, 12))
    assert (
        np.allclose(first.x, again.x)
        and first.measure.tolist() == again.measure.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    )
    assert written["Twice"].places([24]).measure.tolist() == [3]


def test_what_is_not_known_is_said(written: dict[str, WrittenTime]) -> None:
    places = written["Plain"].places([-1.0, 1.0, 999.0, np.nan])
    assert places.measure.tolist() == [-1, 0, -1, -1] and np.isnan(places.x).tolist() == [True, False, True, True]
    assert len(written["Plain"].places([]).x) == 0


def test_pairs_are_where_the_note_is_and_when_it_sounds(
    pieces: dict[str, NasapPiece], written: dict[str, WrittenTime]
) -> None:
    played = pieces["Plain"].performances[0]
    pairs = onset_pairs(played, written["Plain"])
    assert np.allclose(pairs.seconds, played.seconds) and np.allclose(pairs.x, written["Plain"].engraving.notes.x)
    short = onset_pairs(played, written["Plain"], most_seconds=5.0)
    assert 0 < len(short) < len(pairs) and short.seconds.max() <= played.seconds[0] + 5
    assert np.allclose(mechanical_pairs(played, pairs).seconds[[0, 8, 10]], [0, 4, 6], atol=1e-3)


def test_a_written_moment_counts_once(pieces: dict[str, NasapPiece], written: dict[str, WrittenTime]) -> None:
    pairs = onset_pairs(pieces["Twice"].performances[0], written["Twice"])
    assert len(pairs) == 24 and pairs.quarters.tolist() == [*range(12), *range(24, 36)]


def test_pieces_without_repeats_judge_first(pieces: dict[str, NasapPiece]) -> None:
    everything = list(pieces.values())
    order = [p.title for h in ("tune", "report") for p in judging_pieces(everything, h)]
    assert sorted(order) == ["Both", "Plain", "Twice"]
    one_half = [replace(piece, composer=f"{piece.composer}{i}") for i in range(8) for piece in everything]
    folded = [piece.title == "Twice" for piece in judging_pieces(one_half, "tune")]
    assert folded == sorted(folded) and 0 < sum(folded) < len(folded)
    assert chosen_performance(pieces["Both"])[0].score.folder.name == "both_no_repeat"
    skipped: list[Skipped] = []
    engrave = Engraver().engrave
    found = [j for h in ("tune", "report") for j in judged(everything, h, engrave=engrave, skipped=skipped)]
    assert sorted(j.piece.title for j in found) == ["Both", "Plain"]
    assert [(row.path, "played once" in row.reason) for row in skipped] == [("Bach/Twice", True)]
    assert all(len(j.pairs) == 24 and j.written.one_to_one for j in found)


def test_what_the_engraver_refuses_is_skipped(pieces: dict[str, NasapPiece]) -> None:
    def refuse(text: str) -> None:
        raise InputError("not today")

    skipped: list[Skipped] = []
    plain = pieces["Plain"]
    assert not list(judged([plain], plain.half, engrave=refuse, skipped=skipped))  # type: ignore[arg-type]
    assert [(row.path, row.reason) for row in skipped] == [("Bach/Plain", "not today")]


@pytest.mark.parametrize(
    "available, total", [([100, 100, 100], 90), ([3, 100, 7, 50], 100), ([5, 5], 10), ([9], 0), ([1, 2, 3, 4], 7)]
)
def test_drawn_evenly(available: list[int], total: int) -> None:
    rows = draw_pairs(available, total=total, seed=4)
    sizes = [len(r) for r in rows]
    assert sum(sizes) == total
    assert all((np.diff(r) > 0).all() and (not len(r) or r[-1] < n) for r, n in zip(rows, available, strict=True))
    open_sizes = [size for size, n in zip(sizes, available, strict=True) if size < n]
    # nobody who could give more gives less than another, but for one
    assert not open_sizes or max(sizes) - min(open_sizes) <= 1
    assert all((a == b).all() for a, b in zip(rows, draw_pairs(available, total=total, seed=4), strict=True))


def test_more_than_there_is_cannot_be_drawn() -> None:
    with pytest.raises(InputError, match="at least 20"):
        draw_pairs([10, 9], total=20)
