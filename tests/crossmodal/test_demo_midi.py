"""The demo's part about MIDI files: how answers are counted, what is drawn, and the whole part at work with networks that know nothing."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crossmodal.base.results import Query, Ranking, Result
from crossmodal.demo_midi import STRANGERS, MidiAnswer, MidiResults, match_collection, read_clock
from crossmodal.demo_midi_report import SHOWN_SECONDS, drawn_pair, midi_section
from crossmodal.report.html import Context
from crossmodal.space_files import load_space
from encoders.constant_q import CENTRE_SECONDS, FRAMES_PER_SECOND
from pairs.source import Item
from tests.pairs.midi_bytes import midi, note, tempo

from .applications.tunes import TuneShelf, record


def rendered(section: object) -> str:
    context = Context(sound_bytes=10**7)
    return "".join(block.render(context) for block in section.blocks)  # type: ignore[attr-defined]


def answer(work: str, found: str, *, sure: bool, errors: np.ndarray | None = None) -> MidiAnswer:
    results = [Result(rank=1, id=found, similarity=0.5, confidence=0.9)]
    ranking = Ranking(query=Query(modality="midi"), space="s@1", abstained=not sure, results=results)
    item = Item(id=work, files={"midi": Path("a.mid")}, work=work, fields={"recording": work, "title": f"<{work}>"})
    return MidiAnswer(item, ranking, found == work, errors)


def test_answers_are_counted_beside_their_chance() -> None:
    answers = [
        answer("a", "a", sure=True, errors=np.array([0.01, 0.02, 0.2, 0.03])),
        answer("b", "b", sure=False),
        answer("c", "a", sure=True),
        answer("d", "a", sure=False),
    ]
    results = MidiResults(answers, [answer("e", "a", sure=True)], Path("index"), Path("audio"), "midi-audio@1", 0)
    rows = {row.metric: row for row in results.rows}
    assert (rows["top-1"].value, rows["top-1"].chance, rows["top-1"].n) == (0.5, 0.25, 4)
    assert (rows["answered"].value, rows["right of those answered"].value) == (0.5, 0.5)
    assert rows["notes within 50 ms"].value == 0.75
    assert results.summary()[-1].endswith("1 of 1 MIDI files that have no recording given one")
    assert results.shown is answers[0]


def test_without_a_space_the_section_says_so() -> None:
    assert "no space of recordings and MIDI files is installed" in rendered(midi_section(None))


def test_notes_are_framed_where_they_sound(tmp_path: Path) -> None:
    notes = b"".join(note(60 + 4 * (i % 3), length=480) for i in range(40))  # half a second each
    (tmp_path / "a.mid").write_bytes(midi([tempo(500_000), notes]))
    recorded = record(tmp_path / "a.mid", tmp_path / "a.wav", intro=2.0)
    png = drawn_pair(tmp_path / "a.wav", tmp_path / "a.mid", tmp_path / "a.mid", start=2.0, semitones=12)
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    frames = round(SHOWN_SECONDS * FRAMES_PER_SECOND)
    assert pixels.shape[1] == 3 * frames and recorded.path.is_file()
    green = np.abs(pixels - (0, 158, 115)).sum(axis=2) < 30
    height = (len(pixels) - 8) // 2
    rows = np.flatnonzero(green[:height].any(axis=1))
    assert {47 - int(row) // 5 + 36 for row in rows} == {60, 64, 68}  # pitches, from the top down
    below = np.flatnonzero(green[height + 8 :].any(axis=1))
    assert {47 - int(row) // 5 + 36 for row in below} == {72, 76, 80}
    first = np.flatnonzero(green[:height].any(axis=0))[0] / 3 / FRAMES_PER_SECOND
    begin = round((2.0 - CENTRE_SECONDS) * FRAMES_PER_SECOND) / FRAMES_PER_SECOND + CENTRE_SECONDS
    assert abs(first + begin - 2.0) < 0.05
    grey = pixels[:height, :, 0][47 * 5 - 5 * (60 - 36) + 2]  # the middle of C4's row: dark where it sounds
    assert grey[: 3 * 8].min() < 120


@pytest.mark.slow
def test_the_whole_part(tune_shelf: TuneShelf, tmp_path: Path) -> None:
    space = load_space(tune_shelf.space)
    results = match_collection(tmp_path, space=space, works=2, seed=0, jobs=1, quiet=True)
    assert len(results.answers) == 2 and len(results.strangers) == STRANGERS
    assert {row.metric for row in results.rows} >= {"top-1", "answered"}
    page = rendered(midi_section(results))
    assert all(str(one.item.fields["title"]).split("<")[0] in page for one in results.answers)
    for found in results.answers:
        if found.errors is not None:
            assert len(found.errors) and (found.errors >= 0).all()
            clock = read_clock(Path(str(found.ranking.results[0].detail["aligned"])).with_suffix(".csv"))
            assert (np.diff(clock.target) > 0).all()
    again = match_collection(tmp_path, space=space, works=2, seed=0, jobs=1, quiet=True)
    assert [one.ranking for one in again.answers] == [one.ranking for one in results.answers]
