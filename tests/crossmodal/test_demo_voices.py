"""The demo's part about voices, with networks that learned nothing: it invents, asks, draws its maps, and says why it is left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pretty_midi
import pytest
import soundfile

from crossmodal.base.results import Query, Ranking, Result
from crossmodal.demo_voices import SONGS, VoiceResults, _others, ask_voices, voice_map, voices_section
from crossmodal.report import write_report
from crossmodal.report.html import Context
from crossmodal.space import Space
from pairs.source import Item


def tune(path: Path, *, tonic: int) -> None:
    """16 bars of a melody over a bass."""
    midi = pretty_midi.PrettyMIDI(initial_tempo=100)
    upper, lower = pretty_midi.Instrument(73), pretty_midi.Instrument(32)
    for beat in range(64):
        pitch = tonic + (0, 4, 7, 5, 9, 7, 2, 4)[beat % 8]
        upper.notes.append(pretty_midi.Note(80, pitch, 0.6 * beat, 0.6 * beat + 0.55))
        if beat % 4 == 0:
            lower.notes.append(pretty_midi.Note(80, tonic - 24, 0.6 * beat, 0.6 * beat + 2.3))
    midi.instruments += [upper, lower]
    midi.write(str(path))


@pytest.mark.slow
def test_singers_are_invented_asked_and_told(voice_space: Space, tmp_path: Path) -> None:
    scores = tmp_path / "scores"
    scores.mkdir()
    for number in range(40):
        tune(scores / f"{number}.mid", tonic=55 + number % 12)
    found = ask_voices(voice_space, voice_space, scores, tmp_path, singers=2, seed=0, jobs=1, quiet=True)
    assert found is not None and len(found.items) == 2 * SONGS and len(found.found) == 2
    for item, results in found.found:
        assert results and all(found.items[str(r.id)].fields["song"] != item.fields["song"] for r in results)
    assert len(found.summary()) == 3 and "mono -> mix" in found.summary()[0]
    assert list(found.maps) == ["Before: each tower has learned alone", "After: both were trained jointly"]
    write_report(tmp_path / "r.html", [voices_section(found)])
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "who do not exist" in page and page.count("<audio") >= 4 and 'class="hollow"' in page
    again = ask_voices(voice_space, None, scores, tmp_path, singers=2, seed=0, jobs=1, quiet=True)
    assert again is not None and again.rows == found.rows and len(again.maps) == 1


def test_a_querys_own_song_is_no_answer() -> None:
    items = {name: Item(name, {}, fields={"singer": "a", "song": name[0]}) for name in ("1x", "1y", "2x", "3x")}
    results = [Result(rank=i, id=name, path="", similarity=1.0 - i / 10) for i, name in enumerate(items)]
    answer = Ranking(query=Query(modality="voice"), space="s", results=results)
    assert [(r.rank, r.id) for r in _others(answer, items["1x"], items)] == [(1, "2x"), (2, "3x")]


def test_maps_have_a_point_for_each_window(voice_space: Space, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    items = []
    for number in range(4):
        files = {kind: tmp_path / f"{number}-{kind}.wav" for kind in ("voice", "mix")}
        for file in files.values():
            soundfile.write(file, 0.1 * generator.standard_normal(9 * 22_050), 22_050)
        items.append(Item(f"i{number}", files, fields={"singer": f"s{number % 2}"}))
    points = voice_map(voice_space, items, seed=0)
    assert len(points) == 4 * 2 * 3 and sum(point.hollow for point in points) == 12
    assert {point.category for point in points} == {"s0", "s1"}
    assert points == voice_map(voice_space, items, seed=0)


def test_what_is_left_out_says_why(voice_space: Space, tmp_path: Path) -> None:
    (tmp_path / "scores").mkdir()
    tune(tmp_path / "scores" / "one.mid", tonic=60)
    assert ask_voices(voice_space, None, tmp_path / "scores", tmp_path, singers=2, seed=0, jobs=1, quiet=True) is None
    assert "Left out" in voices_section(None).blocks[0].render(Context(sound_bytes=0))
    assert not VoiceResults("s", tmp_path, {}, []).summary()
