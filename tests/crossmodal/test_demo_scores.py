"""The demo's shelf of scores: which works come on it, what is made of one, how answers are counted, and the whole part at work."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from crossmodal.base.results import Query, Ranking, Result
from crossmodal.demo_scores import (
    EXCERPT_SECONDS,
    Answer,
    Performed,
    Shelf,
    applause,
    choose_works,
    perform_work,
    title_of,
)
from crossmodal.demo_scores_report import alignment_errors, scores_section
from crossmodal.report.html import Context
from pairs.rooms import SAMPLE_RATE


def rendered(section: object) -> str:
    context = Context(sound_bytes=10**7)
    return "".join(block.render(context) for block in section.blocks)  # type: ignore[attr-defined]


def answer(right: str | None, *listed: str, sure: bool = True) -> Answer:
    results = [Result(rank=i, id=name, similarity=1 / i, confidence=0.9) for i, name in enumerate(listed, 1)]
    ranking = Ranking(query=Query(modality="audio"), space="s@1", abstained=not sure, results=results)
    return Answer("a work", Path("a.flac"), right, ranking)


def test_the_shelf_holds_test_works_for_several_voices_one_of_a_group_and_none_that_was_trained_on() -> None:
    works = choose_works(20, seed=0)
    groups = [f"group-{work.group}" for work in works]
    assert len(works) == 20 == len(set(groups))
    assert {work.split for work in works} == {"test"}
    assert not {work.work.folder.kind for work in works} & {"tune", "song"}
    assert len({work.collection for work in works}) >= 8
    assert choose_works(20, seed=0) == works != choose_works(20, seed=1)
    left = choose_works(20, seed=0, trained=frozenset(groups[:3]))
    assert not set(groups[:3]) & {f"group-{work.group}" for work in left}


def test_a_performed_work_tells_when_each_place_of_its_score_sounds(tmp_path: Path) -> None:
    work = next(w for w in choose_works(12, seed=0) if w.collection == "Bach chorales")
    row = perform_work({"id": work.id, "path": work.work.path, "tune": work.work.tune, "seed": 0}, tmp_path)
    whole, excerpt = (soundfile.info(tmp_path / str(row[name])) for name in ("audio", "excerpt"))
    assert excerpt.duration == min(EXCERPT_SECONDS, whole.duration)
    columns, seconds = np.array(row["columns"]), np.array(row["seconds"])
    assert len(columns) == len(seconds) > 24
    assert (np.diff(seconds) > 0).all() and seconds[0] >= 0 and seconds[-1] < whole.duration
    assert np.corrcoef(columns, seconds)[0, 1] > 0.98  # the pianist goes through the score from left to right


def test_answers_are_counted_beside_their_chance() -> None:
    performed = [Performed(w, Path("x"), Path("x"), np.zeros(1), np.zeros(1)) for w in choose_works(10, seed=0)]
    asked = [
        answer("a", "a", "b"), answer("b", "c", "b"), answer("c", "a", "b", sure=False),
        Answer("d", Path("d"), "d", None, "silence"),
    ]  # fmt: skip
    shelf = Shelf({name: Path(name) for name in "abcdefghij"}, performed, performed[0], [], asked)
    rows = {row.metric: row for row in shelf.rows(seed=0)}
    assert (rows["top-1"].value, rows["top-1"].chance) == (0.25, 0.1)
    assert (rows["top-5"].value, rows["top-5"].chance) == (0.5, 0.5)
    assert (rows["answered"].value, rows["answered"].n) == (0.5, 4)
    assert (rows["right of those answered"].value, rows["right of those answered"].n) == (0.5, 2)
    shelf.answers = [replace(asked[2], right="z")]  # none sure: nothing to be right about
    assert [row.metric for row in shelf.rows(seed=0)] == ["top-1", "top-5", "answered"]


def test_applause_is_a_sound_without_a_pulse() -> None:
    sound = applause(3.0, np.random.default_rng(0))
    assert sound.shape == (3 * SAMPLE_RATE,) and sound.dtype == np.float32
    assert np.isfinite(sound).all() and np.abs(sound).max() == pytest.approx(0.5, abs=1e-3)
    blocks = sound[: len(sound) // 1600 * 1600].reshape(-1, 1600)
    assert np.sqrt((blocks**2).mean(axis=1)).min() > 0.01  # it goes on throughout


def test_the_error_of_an_alignment_is_told_in_seconds_of_the_performance() -> None:
    seconds = np.arange(10.0)
    work = choose_works(1, seed=0)[0]
    truth = Performed(work, Path("x"), Path("x"), 100 * seconds, seconds)
    assert alignment_errors(seconds, 100 * seconds, truth) == pytest.approx(np.zeros(10))
    late = alignment_errors(seconds, 100 * seconds - 50, truth)
    assert late == pytest.approx([0.0] + [0.5] * 9)  # nothing is played before the first place
    part = alignment_errors(seconds[4:6], 100 * seconds[4:6], truth)
    assert part == pytest.approx([4, 3, 2, 1, 0, 0, 1, 2, 3, 4])


def test_a_title_names_its_composer_once() -> None:
    work = choose_works(1, seed=0)[0]
    named = replace(work, composer="Clara Schumann", title="schumann clara polonaise op1n1")
    assert title_of(named) == "Clara Schumann: polonaise op1n1"
    assert title_of(replace(named, title="Clara")) == "Clara Schumann: Clara"
    assert title_of(replace(named, composer="", title="1. Kyrie")) == "1. Kyrie"


def test_without_a_space_the_report_says_so() -> None:
    page = rendered(scores_section(None))
    assert "no space of recordings and sheet music" in page and "crossmodal train audio-sheet" in page


@pytest.mark.slow
def test_the_part_about_scores_from_works_to_its_pages(
    sheet_space_folder: Path, tmp_path: Path, own_home: Path
) -> None:
    from crossmodal.demo import Clock, find_scores

    (own_home / "spaces").mkdir()
    (own_home / "spaces" / "audio-sheet").symlink_to(sheet_space_folder)
    clock = Clock()
    found = find_scores(tmp_path, count=2, clock=clock, seed=0, jobs=1, quiet=True)
    assert found is not None and len(found.shelf.scores) == 2 == len(found.shelf.answers)
    assert [one.right for one in found.shelf.outside] == [None, None]
    page = rendered(scores_section(found))
    assert 'href="alignment.html"' in page and "applause" in page and "chance" in page
    assert "<audio" in (tmp_path / "alignment.html").read_text(encoding="utf-8")
    assert sorted(clock.seconds) == [
        "identification and alignment", "index of the scores", "scores and recordings of them",
    ]  # fmt: skip
    made = [*(tmp_path / "recordings").rglob("*.flac"), *(tmp_path / "scores").glob("*.musicxml")]
    before = {path: path.stat().st_mtime_ns for path in made if path.stem != "applause"}
    again = find_scores(tmp_path, count=2, clock=Clock(), seed=0, jobs=1, quiet=True)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert again is not None and again.rows == found.rows
