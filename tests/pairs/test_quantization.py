"""Grids, hands, keys, reductions and textures."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from crossmodal.base.errors import InputError
from pairs.invention import invent
from pairs.notation import ScoreNote, write_mei
from pairs.notes import Notes, Part
from pairs.quantization import (
    bar_phase,
    clean_durations,
    estimate_key,
    quantize,
    read_pop909,
    score_notes_of,
    settle,
    split_hands,
)
from pairs.reductions import (
    augment_texture,
    break_chords,
    diminish,
    reduce_to_piano,
    thicken,
    transpose,
    transposed_key,
)


def part(onsets: list[float], pitches: list[int], duration: float = 1.0) -> Part:
    size = len(onsets)
    return Part("", np.array(onsets), np.full(size, duration), np.array(pitches), np.full(size, 80))


def test_quantize_chooses_the_grid_of_each_beat() -> None:
    onset = np.array([0.02, 0.26, 0.49, 0.76, 1.01, 1.32, 1.68, 2.0])
    spans = quantize(onset, onset + 0.2)
    assert [start for start, _ in spans] == [0, 6, 12, 18, 24, 32, 40, 48]
    assert all(end > start for start, end in spans)
    straight = quantize(onset, onset + 0.2, triplets=False)
    assert [start for start, _ in straight] == [0, 6, 12, 18, 24, 30, 42, 48]
    assert quantize(np.zeros(0), np.zeros(0)) == []


def test_settle_makes_beats_of_one_kind() -> None:
    notes = [
        ScoreNote(0, 8, 60),
        ScoreNote(8, 8, 62),
        ScoreNote(16, 8, 64),
        ScoreNote(18, 6, 65),
        ScoreNote(25, 22, 60),
    ]
    settled = settle(notes)
    assert [note.onset for note in settled] == [0, 8, 16, 20, 24]
    assert settle(settled) == settled
    assert "<tuplet" in write_mei(settled, staves=1)


@pytest.mark.parametrize("key", range(-6, 7))
def test_key_of_a_scale(key: int) -> None:
    scale = np.array([60 + (7 * key + step) % 12 for step in (0, 2, 4, 5, 7, 9, 11)])
    found = estimate_key(scale, np.ones(7))
    assert (found - key) % 12 == 0


def test_hands_keep_their_reach() -> None:
    notes = [(t, t + 24, pitch) for t in range(0, 960, 24) for pitch in (40, 47, 52, 64, 67, 72)]
    assert split_hands(notes) == [1, 1, 1, 0, 0, 0] * 40
    high = [(t, t + 24, pitch) for t in range(0, 960, 24) for pitch in (64, 67, 79, 84)]
    assert split_hands(high) == [1, 1, 0, 0] * 40
    assert split_hands([]) == []


def test_clean_durations_join_notes() -> None:
    cleaned = clean_durations([(0, 9, 60), (12, 20, 62), (24, 90, 40), (36, 42, 64), (48, 54, 65)], measure=96)
    assert cleaned[:2] == [(0, 12, 60), (12, 24, 62)]
    assert cleaned[2] == (24, 96, 40)
    assert clean_durations([], measure=96) == []


def test_upbeat_is_found() -> None:
    onsets = np.array([0, 24, 120, 168, 216])
    assert bar_phase(onsets, np.append(onsets[1:], 312), measure=96, beat=24) == 72
    assert bar_phase(onsets[1:] - 24, onsets[1:] + 24, measure=96, beat=24) == 0


def test_works_on_a_grid() -> None:
    notes = Notes(
        (part([0, 1, 2, 3] * 1, [72, 74, 76, 77]), part([0, 1 / 3, 2 / 3, 1], [48, 50, 52, 53], 1 / 3)), (4, 4)
    )
    song = score_notes_of(notes, title="a")
    assert song.staves == 2
    assert sorted(note.onset for note in song.notes if note.staff == 1) == [0, 8, 16, 24]
    with pytest.raises(InputError, match="off that grid"):
        score_notes_of(Notes((part([0.0, 0.2, 0.43, 0.57, 0.8], [60] * 5, 0.1),), (4, 4)), tolerance=0.02)
    with pytest.raises(InputError, match="meter"):
        score_notes_of(Notes((), (4, 4)))
    with pytest.raises(InputError, match="meter"):
        score_notes_of(Notes((part([0.0], [60]),), (4, 1)))


def test_reduction_drops_doublings() -> None:
    parts = [[ScoreNote(24 * t, 24, pitch) for t in range(4)] for pitch in (76, 72, 72, 67, 55, 48, 36)]
    reduced = reduce_to_piano(parts)
    first = [note for note in reduced if note.onset == 0]
    assert len({(note.pitch) for note in first}) == len(first)
    assert {76, 36} <= {note.pitch for note in first}
    for staff in (0, 1):
        pitches = [note.pitch for note in first if note.staff == staff]
        assert len(pitches) <= 4
        assert max(pitches) - min(pitches) <= 16
    assert [note.staff for note in reduce_to_piano([[ScoreNote(0, 24, 50)], [ScoreNote(0, 24, 45)]])] == [0, 1]
    with pytest.raises(InputError, match="at least one part"):
        reduce_to_piano([[], []])


def test_figures() -> None:
    chord = [ScoreNote(0, 48, pitch, 1) for pitch in (48, 52, 55)]
    assert [note.pitch for note in break_chords(chord, staff=1, figure="alberti", step=12)] == [48, 55, 52, 55]
    assert [note.pitch for note in break_chords(chord, staff=1, figure="wave", step=6)] == [48, 52, 55, 52] * 2
    assert break_chords(chord, staff=0, figure="up") == chord
    with pytest.raises(InputError, match="alberti"):
        break_chords(chord, staff=1, figure="sideways")
    assert sorted(note.pitch for note in thicken(chord, staff=1)) == [36, 48, 52, 55]
    run = diminish([ScoreNote(0, 24, 60), ScoreNote(24, 24, 65)], scale=(0, 2, 4, 5, 7, 9, 11))
    assert [note.pitch for note in run if note.onset < 24] == [60, 62, 64, 65]


def test_transpose_stays_on_the_piano() -> None:
    assert [note.pitch for note in transpose([ScoreNote(0, 1, 100), ScoreNote(0, 1, 25, 1)], 12)] == [100, 37]
    assert transpose([ScoreNote(0, 1, 60), ScoreNote(0, 1, 40, 1)], -12, staff=1)[0].pitch == 60
    assert [transposed_key(0, semitones) for semitones in (0, 1, 2, -1, 6)] == [0, -5, 2, 5, 6]


@pytest.mark.parametrize("seed", range(20))
def test_textures_can_be_written(seed: int) -> None:
    generator = np.random.default_rng(seed)
    song = invent(generator)
    changed = augment_texture(song.notes, generator, meter=song.meter, key=song.key)
    assert changed
    assert all(21 <= note.pitch <= 108 for note in changed)
    assert "<measure" in write_mei(changed, meter=song.meter, key=song.key)


def test_invention_is_drawn_from_its_generator() -> None:
    assert invent(np.random.default_rng(3)) == invent(np.random.default_rng(3))
    assert invent(np.random.default_rng(3)).notes != invent(np.random.default_rng(4)).notes
    for seed in range(10):
        song = invent(np.random.default_rng(seed))
        measure = 96 * song.meter[0] // song.meter[1]
        assert 16 <= -(-max(note.onset + note.duration for note in song.notes) // measure) <= 40


def test_pop909_without_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="POP909"):
        read_pop909(tmp_path)


@pytest.mark.real_data
@pytest.mark.parametrize("melody", ["none", "right", "staff"])
def test_pop909_song(melody: str) -> None:
    root = Path(os.environ.get("CROSSMODAL_DATA", "")) / "pop909" / "POP909" / "001"
    if not root.is_dir():
        pytest.skip("POP909 is not under CROSSMODAL_DATA")
    song = read_pop909(root, melody=melody)  # type: ignore[arg-type]
    assert song.meter == (4, 4)
    assert song.key == -6  # key_audio.txt: G flat major
    assert len(song.notes) > 800
    assert song.staves == (3 if melody == "staff" else 2)
    assert "<measure" in write_mei(song.notes, key=song.key, staves=song.staves)


@pytest.mark.real_data
def test_pop909_waltz() -> None:
    root = Path(os.environ.get("CROSSMODAL_DATA", "")) / "pop909" / "POP909" / "034"
    if not root.is_dir():
        pytest.skip("POP909 is not under CROSSMODAL_DATA")
    assert read_pop909(root).meter == (3, 4)
