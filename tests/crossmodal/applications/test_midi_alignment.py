"""Laying a MIDI exactly along a recording, from a clock that is wrong by up to a second."""

from __future__ import annotations

import numpy as np
import pytest

from crossmodal.alignment.multires import align, align_near
from crossmodal.applications.midi_alignment import described, refined
from crossmodal.applications.midi_features import midi_frames, recording_frames
from crossmodal.base.errors import InputError
from pairs.midi_music import Clock
from pairs.midi_reading import read_music

from .tunes import TuneShelf, onsets


@pytest.mark.parametrize("number", [0, 3])
def test_a_clock_that_is_wrong_by_half_a_second_becomes_exact(number: int, tune_shelf: TuneShelf) -> None:
    source, recorded = tune_shelf.folder / f"midi/{number}.mid", tune_shelf.recorded[number]
    midi, recording = midi_frames(read_music(source).performance), recording_frames(recorded.path)
    corners = np.linspace(0.2, float(recorded.clock.source[-1]) - 0.2, 12)
    wrong = 0.5 * np.sin(np.arange(12))
    clock = refined(Clock(corners, recorded.clock(corners) + wrong), midi, recording)
    notes = onsets(source)
    notes = notes[(notes > corners[0]) & (notes < corners[-1])]
    errors = np.abs(clock(notes) - recorded.clock(notes))
    assert np.median(errors) < 0.02 and (errors < 0.05).mean() > 0.9
    assert (np.diff(clock.target) > 0).all()


def test_what_hardly_overlaps_stays_as_it_is(tune_shelf: TuneShelf) -> None:
    recording = recording_frames(tune_shelf.recorded[0].path)
    late = Clock(np.array([0.0, 1.0]), np.array([1000.0, 1001.0]))
    assert refined(late, recording[:100], recording) is late
    assert refined(Clock(np.array([0.0, 9.0]), np.array([0.0, 9.0])), recording[:5], recording[:5]).target[-1] == 9.0


def test_descriptions_are_short_vectors_and_silence_is_none() -> None:
    frames = np.zeros((50, 48), np.float32)
    assert not described(frames).any()
    frames[10:30, 20] = 1.0
    found = described(frames)
    assert found.shape == (50, 96) and np.linalg.norm(found, axis=1).max() <= 1 + 1e-5
    assert not found[:10].any() and found[10, 48:].argmax() == 20 and found[10, 68] > found[15, 68]


def test_near_the_diagonal_the_cheapest_path_is_that_of_all_paths() -> None:
    generator = np.random.default_rng(0)
    walk = np.cumsum(generator.normal(size=(80, 6)), axis=0).astype(np.float32)
    walk /= np.linalg.norm(walk, axis=1, keepdims=True)
    places = np.clip(np.round(np.arange(80) + 3 * np.sin(np.arange(80) / 9)), 0, 79).astype(int)
    places[[0, -1]] = 0, 79
    near = align_near(walk, walk[places], radius=8, weights_add=(0.0, 0.1, 0.1))
    whole = align(walk, walk[places], weights_add=(0.0, 0.1, 0.1))
    np.testing.assert_array_equal(near.rows, whole.rows)
    np.testing.assert_array_equal(near.columns, whole.columns)
    assert near.cost == pytest.approx(whole.cost, abs=1e-6)
    assert np.abs(near.rows - near.columns).max() <= 8
    straight = align_near(walk, walk[places], radius=0)
    np.testing.assert_array_equal(straight.rows, straight.columns)
    for wrong in ({"radius": -1}, {"radius": 3, "targets": walk[:-1]}):
        with pytest.raises(InputError, match="one length and a radius"):
            align_near(walk, **{"targets": walk, **wrong})  # type: ignore[arg-type]
