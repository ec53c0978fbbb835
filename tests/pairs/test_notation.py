"""Notes written as MEI: verovio must sound what was asked for, and the page must follow the rules of notation."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
import verovio

from crossmodal.base.errors import InputError
from pairs.invention import invent
from pairs.notation import ScoreNote, write_mei
from pairs.notation_rhythm import Meter, beam_groups, triplet_beats, write_span
from pairs.notation_spelling import MeasureAccidentals, choose_clefs, key_alteration, spell
from pairs.notation_voices import split_voices


@pytest.fixture(scope="module")
def toolkit() -> verovio.toolkit:
    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    toolkit.setOptions({"footer": "none", "header": "none"})
    return toolkit


def sounded(toolkit: verovio.toolkit, mei: str) -> dict[str, float]:
    """Id -> onset in quarters, of struck notes (tied continuations left out)."""
    assert toolkit.loadData(mei)
    events = toolkit.renderToTimemap({})
    return {name: event["qstamp"] for event in events for name in event.get("on", []) if "t" not in name}


def assert_sounds(toolkit: verovio.toolkit, notes: list[ScoreNote], mei: str, quarter: int) -> None:
    found = sounded(toolkit, mei)
    first: dict[tuple[int, int, int], int] = {}
    for index, note in enumerate(notes):
        first.setdefault((note.onset, note.pitch, note.staff), index)
    assert set(found) == {f"n{index}" for index in first.values()}
    for (onset, pitch, _), index in first.items():
        assert found[f"n{index}"] == pytest.approx(onset / quarter, abs=1e-6)
        assert toolkit.getMIDIValuesForElement(f"n{index}")["pitch"] == pitch


@pytest.mark.parametrize("seed", range(12))
def test_invented_music_sounds_as_asked(toolkit: verovio.toolkit, seed: int) -> None:
    generator = np.random.default_rng(seed)
    song = invent(generator)
    plain = write_mei(song.notes, meter=song.meter, key=song.key)
    assert_sounds(toolkit, song.notes, plain, 24)
    decorated = write_mei(song.notes, meter=song.meter, key=song.key, decoration=generator)
    assert sounded(toolkit, decorated) == sounded(toolkit, plain)


@pytest.mark.parametrize(
    "meter", [(4, 4), (3, 4), (2, 2), (3, 2), (6, 8), (3, 8), (5, 8), (7, 8), (4, 8), (5, 4), (12, 8), (10, 8)]
)
@pytest.mark.parametrize("key", [-7, 0, 7])
def test_random_notes_sound_as_asked(toolkit: verovio.toolkit, meter: tuple[int, int], key: int) -> None:
    generator = np.random.default_rng(meter[0] * 31 + key)
    spots = generator.integers(0, 150, 60) * 3
    notes = [
        ScoreNote(
            int(t), int(generator.integers(1, 40)) * 3, int(generator.integers(30, 95)), int(generator.integers(2))
        )
        for t in spots
    ]
    assert_sounds(toolkit, notes, write_mei(notes, meter=meter, key=key), 24)


def test_decoration_prints_marks() -> None:
    """Over several draws every kind of mark appears, and the notes stay."""
    song = invent(np.random.default_rng(1))
    pages = [
        write_mei(song.notes, key=song.key, meter=song.meter, decoration=np.random.default_rng(seed))
        for seed in range(30)
    ]
    for mark in ("<slur", "<dynam", "<hairpin", " artic=", "<fing", "<pedal", "<tempo", "<dir", "<fermata"):
        assert 0 < sum(mark in page for page in pages) < 30
    assert {page.count("<note ") for page in pages} == {
        write_mei(song.notes, key=song.key, meter=song.meter).count("<note ")
    }


def test_octave_signs_move_only_the_writing(toolkit: verovio.toolkit) -> None:
    """High measures are written an octave lower under an 8va in some editions; the pitch that sounds stays."""
    notes = [ScoreNote(24 * k, 24, 60 if k < 8 else 93 - k % 4) for k in range(24)]
    signed = 0
    for seed in range(12):
        mei = write_mei(notes, staves=1, decoration=np.random.default_rng(seed))
        assert_sounds(toolkit, notes, mei, 24)
        assert mei.count("<octave ") in (0, 1)
        assert mei.count("oct.ges=") == 16 * mei.count("<octave ")
        signed += mei.count("<octave ")
    assert 0 < signed < 12


def test_layers_fill_their_measures() -> None:
    """Written values of each layer add up to the measure; triplets count two thirds."""
    song = invent(np.random.default_rng(5))
    measure = 4 * song.meter[0] / song.meter[1]
    for layer in re.findall(r"<layer.*?</layer>", write_mei(song.notes, meter=song.meter, key=song.key)):
        total = 1.0 * measure * ("<mRest/>" in layer)
        for part in re.split(r"(<tuplet.*?</tuplet>)", layer):
            factor = 2 / 3 if part.startswith("<tuplet") else 1.0
            for value, dots in re.findall(r'dur="(\d+)"(?: dots="(\d)")?', part):
                total += factor * 4 / int(value) * (1.5 if dots else 1.0)
        assert total == pytest.approx(measure)


def test_ties_over_bars_and_ids() -> None:
    mei = write_mei([ScoreNote(72, 48, 60), ScoreNote(120, 24, 62)], staves=1)
    assert '<tie startid="#n0" endid="#n0t1"/>' in mei.split("</measure>")[0]
    assert mei.count("<tie ") == 1
    assert 'xml:id="n1"' in mei


def test_accidentals_within_a_measure() -> None:
    pitches = [66, 66, 65, 66, 78]  # F sharp, again, natural, sharp, and an octave higher
    mei = write_mei([ScoreNote(12 * place, 12, pitch) for place, pitch in enumerate(pitches)], staves=1)
    signs = [re.search(r'accid="(\w)"', note) for note in re.findall(r"<note[^>]*>", mei)]
    assert [sign.group(1) if sign else None for sign in signs] == ["s", None, "n", "s", "s"]
    assert "accid=" not in write_mei([ScoreNote(0, 24, 66)], staves=1, key=1)


def test_spelling() -> None:
    assert spell(60, 0) == ("C", 4, 0)
    assert spell(66, 0) == ("F", 4, 1)
    assert spell(66, -5) == ("G", 4, -1)
    assert spell(71, -6) == ("C", 5, -1)
    assert spell(60, 7) == ("B", 3, 1)
    assert spell(63, 0, toward=64) == ("D", 4, 1)
    assert spell(70, 0, toward=71) == ("A", 4, 1)
    for key in range(-7, 8):
        for pitch in range(21, 109):
            for toward in (None, pitch - 1, pitch + 1):
                letter, octave, alteration = spell(pitch, key, toward)
                assert (
                    12 * (octave + 1) + {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[letter] + alteration
                    == pitch
                )
        diatonic = [
            pitch for pitch in range(60, 72) if spell(pitch, key)[2] == key_alteration(spell(pitch, key)[0], key)
        ]
        assert len(diatonic) == 7


def test_measure_accidentals_forget_nothing() -> None:
    signs = MeasureAccidentals(-1)
    assert not signs.written(("B", 4, -1))
    assert signs.written(("B", 4, 0))
    assert signs.written(("B", 4, -1))
    assert not signs.written(("B", 5, -1))


def test_clefs_follow_the_register() -> None:
    assert choose_clefs([[40, 45]] * 3 + [[80, 84, 88]] * 3, home="F4") == ["F4"] * 3 + ["G2"] * 3
    assert choose_clefs([[50], [64], [50]], home="F4") == ["F4"] * 3
    assert choose_clefs([], home="G2") == []
    assert '<clef shape="F" line="4"/></layer>' in write_mei(
        [ScoreNote(96 * k, 96, 80 if k < 3 else 40) for k in range(6)], staves=1
    )


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, 96, [(1, 0)]), (0, 36, [(4, 1)]), (12, 36, [(4, 0)]), (24, 72, [(2, 0)]), (36, 60, [(8, 0), (8, 0)]), (12, 48, [(4, 1)]),
        (6, 30, [(8, 1), (16, 0)]), (24, 60, [(4, 0), (8, 0)]), (0, 30, [(4, 0), (16, 0)]),
    ],
)  # fmt: skip
def test_values_keep_the_beat_visible(start: int, end: int, expected: list[tuple[int, int]]) -> None:
    values = write_span(start, end, Meter(4, 4, 24), frozenset(), rest=False)
    assert [(value.value, value.dots) for value in values] == expected


def test_rests_and_triplets() -> None:
    meter = Meter(4, 4, 24)
    rests = write_span(12, 96, meter, frozenset(), rest=True)
    assert [value.value for value in rests] == [8, 4, 2]
    triplets = triplet_beats([0, 8, 24, 48], meter)
    assert triplets == {0}
    assert [(v.value, v.triplet) for v in write_span(8, 48, meter, triplets, rest=False)] == [(4, 0), (4, None)]
    with pytest.raises(InputError, match="quantize first"):
        triplet_beats([8, 18], meter)
    with pytest.raises(InputError, match="quantize first"):
        triplet_beats([8], Meter(6, 8, 24))


def test_beams_by_half_measure_and_beat() -> None:
    meter = Meter(4, 4, 24)
    eighths = [
        value for start in range(0, 96, 12) for value in write_span(start, start + 12, meter, frozenset(), rest=False)
    ]
    assert beam_groups(eighths, [True] * 8, meter) == [(0, 4), (4, 8)]
    assert beam_groups(eighths, [True, False] + [True] * 6, meter) == [(2, 4), (4, 8)]
    assert beam_groups([], [], meter) == []


def test_voices_hold_overlaps_apart() -> None:
    notes = [ScoreNote(0, 48, 40), ScoreNote(12, 12, 60), ScoreNote(24, 24, 62), ScoreNote(48, 24, 50)]
    upper, lower = split_voices(enumerate(notes))
    assert [event.heads[0][0] for event in upper] == [1, 2, 3]
    assert [(event.start, event.end) for event in lower] == [(0, 48)]
    for voice in split_voices(
        enumerate([ScoreNote(6 * (k % 20), 6 * (1 + k % 7), 40 + 3 * k % 37) for k in range(80)])
    ):
        assert all(a.end <= b.start for a, b in itertools.pairwise(voice))


@pytest.mark.parametrize(
    ("notes", "options"),
    [
        ([], {}),
        ([ScoreNote(-1, 24, 60)], {}),
        ([ScoreNote(0, 0, 60)], {}),
        ([ScoreNote(0, 24, 5)], {}),
        ([ScoreNote(0, 24, 60, 2)], {}),
        ([ScoreNote(0, 24, 60)], {"key": 8}),
        ([ScoreNote(0, 24, 60)], {"meter": (4, 3)}),
        ([ScoreNote(0, 24, 60)], {"clefs": ("G2",)}),
        ([ScoreNote(1, 24, 60)], {"ticks_per_quarter": 480}),
    ],
)
def test_bad_input(notes: list[ScoreNote], options: dict[str, object]) -> None:
    with pytest.raises(InputError, match="expected"):
        write_mei(notes, **options)  # type: ignore[arg-type]


def test_title_and_fixed_clefs() -> None:
    mei = write_mei([ScoreNote(0, 24, 30)], staves=3, clefs=("G2", "C3", "F4"), title="a < b", measures=4)
    assert "a &lt; b" in mei
    assert mei.count("<measure ") == 4
    assert mei.count("<clef ") == 3
