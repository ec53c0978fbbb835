"""Repeats, endings and da capo: read from the score, and found again in what was played."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from crossmodal.applications.score_alignment import Alignment, align_vectors
from crossmodal.applications.score_repeats import ScoreJump, played_order, score_jumps
from crossmodal.applications.scores import Score, read_score

from .playing import BACKWARD, DA_CAPO, FINE, FORWARD, ending, heard, invented_vectors, music_xml, played_columns_of

REPEAT = {3: (FORWARD, ""), 6: ("", BACKWARD)}
ENDINGS = {
    2: (FORWARD, ""),
    5: (ending(1, "start"), ending(1, "stop", back=True)),
    6: (ending(2, "start"), ending(2, "stop")),
}
CAPO = {4: ("", FINE), 8: ("", DA_CAPO)}
TUNE = "X:1\nT:A\nM:4/4\nL:1/4\nK:C\n|: CDEF | GABc | cBAG |1 FEDC :|2 cdef | gfed | c4 |]\n"


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Score]:
    """Scores of eight measures, engraved: with a repeat, with two endings, with a da capo, and ABC with two endings."""
    folder = tmp_path_factory.mktemp("scores")
    made = {
        name: read_score(music_xml(folder / f"{name}.musicxml", 8, marks))
        for name, marks in {"repeat": REPEAT, "endings": ENDINGS, "capo": CAPO, "plain": {}}.items()
    }
    (folder / "tune.abc").write_text(TUNE, encoding="utf-8")
    made["abc"] = read_score(folder / "tune.abc")
    return made


def align_order(score: Score, order: list[int]) -> tuple[Alignment, np.ndarray]:
    """The alignment of a performance of these measures (rows), and the columns that it should have found."""
    vectors, columns = invented_vectors(score), played_columns_of(score, order)
    return align_vectors(heard(vectors, columns), score, vectors, recording="played.wav", space="invented"), columns


def ends(score: Score, jump: ScoreJump) -> tuple[str, int, int]:
    """Kind, and the measures (rows) before and after a jump."""
    assert score.engraving is not None
    rows = []
    for column in (jump.origin - 1, jump.destination + 1):
        place = score.place(column)
        rows.append(next(
            row for row, m in enumerate(score.engraving.measures)
            if (m.page + 1, m.system + 1) == (place.page, place.system) and m.left - 2 <= place.x <= m.right + 2
        ))  # fmt: skip
    return jump.kind, rows[0], rows[1]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plain", []),
        ("repeat", [(5, 2)]),
        ("endings", [(4, 1), (3, 5)]),
        ("capo", [(7, 0)]),
    ],
)
def test_the_order_of_playing_tells_the_jumps(
    scores: dict[str, Score], name: str, expected: list[tuple[int, int]]
) -> None:
    engraving = scores[name].engraving
    assert engraving is not None
    assert played_order(engraving) == expected
    assert len(engraving.measures) == 8  # repeats are played out in time, not on the page


def test_jumps_stand_where_the_score_has_them(scores: dict[str, Score]) -> None:
    found = {
        ends(scores["endings"], j)
        for j in score_jumps(scores["endings"], invented_vectors(scores["endings"]))
        if j.written
    }
    assert found == {("repeat", 4, 1), ("skip", 3, 5)}
    plain = score_jumps(scores["plain"], invented_vectors(scores["plain"]))
    assert not [j for j in plain if j.written]
    assert [ends(scores["plain"], j) for j in plain if j.kind == "jump"] == [("jump", 7, 0)]


def test_jumps_stay_within_the_vectors_and_are_unique(scores: dict[str, Score]) -> None:
    for score in scores.values():
        vectors = invented_vectors(score)
        jumps = [item.jump for item in score_jumps(score, vectors)]
        assert all(0 <= j.origin < len(vectors.vectors) and 0 <= j.destination < len(vectors.vectors) for j in jumps)
        assert len({(j.origin, j.destination) for j in jumps}) == len(jumps)


@pytest.mark.parametrize(
    ("name", "order", "taken"),
    [
        ("repeat", [0, 1, 2, 3, 4, 5, 2, 3, 4, 5, 6, 7], [("repeat", 12.0)]),
        ("repeat", [0, 1, 2, 3, 4, 5, 6, 7], []),
        ("repeat", [0, 1, 2, 3, 4, 5, 2, 3, 4, 5, 2, 3, 4, 5, 6, 7], [("repeat", 12.0), ("repeat", 20.0)]),
        ("endings", [0, 1, 2, 3, 4, 1, 2, 3, 5, 6, 7], [("repeat", 10.0), ("skip", 16.0)]),
        ("endings", [0, 1, 2, 3, 5, 6, 7], [("skip", 8.0)]),
        ("capo", [0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3], [("repeat", 16.0)]),
        ("capo", [0, 1, 2, 3, 4, 5, 6, 7], []),
        ("plain", [0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3], [("jump", 16.0)]),
        ("abc", [0, 1, 2, 3, 0, 1, 2, 4, 5, 6], [("repeat", 8.0), ("skip", 14.0)]),
    ],
)
def test_what_was_played_is_found(
    scores: dict[str, Score], name: str, order: list[int], taken: list[tuple[str, float]]
) -> None:
    made, columns = align_order(scores[name], order)
    found = sorted((s, r.kind) for r in made.repeats for s in r.seconds)
    assert [kind for _, kind in found] == [kind for kind, _ in taken]
    assert np.allclose([s for s, _ in found], [s for _, s in taken], atol=0.6)
    first = round(made.rows[0].audio_seconds / 0.1)
    away = np.abs(made.columns - columns[first : first + len(made.columns)])
    assert np.median(away) < 6 and np.mean(away < 25) > 0.95
    assert not made.result.abstained


def test_repeats_that_were_not_played_are_told_without_times(scores: dict[str, Score]) -> None:
    made, _ = align_order(scores["repeat"], [0, 1, 2, 3, 4, 5, 6, 7])
    assert [(r.kind, r.origin.measure, r.destination.measure, r.seconds) for r in made.repeats] == [
        ("repeat", "6", "3", [])
    ]


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Score, Score]:
    """A score of several systems as MusicXML, and its page as a picture."""
    folder = tmp_path_factory.mktemp("printed")
    written = read_score(music_xml(folder / "long.musicxml", 40, {}))
    Image.fromarray(written.pages[0].image).save(folder / "page.png")
    return written, read_score(folder / "page.png")


def test_pictures_allow_jumps_between_systems(printed: tuple[Score, Score]) -> None:
    _, picture = printed
    count = len(picture.strips)
    assert count >= 3
    jumps = score_jumps(picture, invented_vectors(picture))
    turns = [j for j in jumps if j.kind == "jump"]
    assert len(turns) == count * count - (count - 1) and not any(j.written for j in jumps)
    assert all(j.kind == "line" and j.jump.destination > j.jump.origin for j in jumps if j.kind != "jump")


@pytest.mark.parametrize("repeated", [True, False])
def test_a_jump_in_a_picture_needs_strong_evidence(printed: tuple[Score, Score], repeated: bool) -> None:
    _, picture = printed
    vectors = invented_vectors(picture)
    ahead = np.arange(30.0, picture.starts[2] - 1, 8.0)
    again = np.arange(picture.starts[1] + 30.0, picture.starts[3] - 1, 8.0)
    after = np.arange(picture.starts[2] + 30.0, picture.starts[3] - 1, 8.0)
    columns = np.concatenate([ahead, again if repeated else after])
    made = align_vectors(heard(vectors, columns, noise=0.8), picture, vectors, recording="r.wav", space="invented")
    assert [(r.origin.system, r.destination.system) for r in made.repeats] == ([(2, 2)] if repeated else [])
    assert made.rows[0].measure is None and made.rows[0].beat is None
