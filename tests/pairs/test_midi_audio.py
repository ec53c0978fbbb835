"""Examples of recordings and MIDI files, on frames that tell their own number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from crossmodal.base.errors import InputError
from crossmodal.base.frame_store import append_frames
from pairs.midi_audio import CENTRE_SECONDS, FRAMES_PER_SECOND, FramePlaces, MidiAudioPairs, read_warp
from pairs.source import Example, Item

LENGTH, MIDI_LENGTH = 250, 180  # frames
PITCH = 24  # bin that tells the number


@pytest.fixture
def items(tmp_path: Path) -> list[Item]:
    """One recording and its MIDI, which runs at another and changing tempo and begins later."""
    for store, count in (("recordings", LENGTH), ("midi", MIDI_LENGTH), ("rolls", MIDI_LENGTH)):
        frames = np.zeros((count, 48), np.uint8)
        frames[:, PITCH] = np.arange(count) + 1
        append_frames(tmp_path / "frames" / store, [("r" if store == "recordings" else "m", frames)])
    warp = np.array([[0.1, 3.0, 5.0, 8.2], [1.0, 4.5, 6.2, 11.0]])
    (tmp_path / "warps").mkdir()
    np.save(tmp_path / "warps" / "m.npy", warp)
    files = {"warp": tmp_path / "warps" / "m.npy", "midi": tmp_path / "m.mid"}
    return [Item(id="m", files=files, work="w", fields={"recording": "r", "semitones": 3})]


def numbers(example: Example, slot: str, bin_: int) -> np.ndarray:
    """Frames of the file at the anchors, read from the frames themselves."""
    places = example.inputs[slot]
    assert isinstance(places, FramePlaces)
    at = places.anchors
    below = np.floor(at).astype(int)
    above = np.minimum(below + 1, len(places.frames) - 1)
    told = places.frames[:, bin_]
    found: np.ndarray = (told[below] * (1 - at + below) + told[above] * (at - below)) * 255 - 1
    return found


@pytest.mark.parametrize(("warped", "stretch"), [(0.0, 1.0), (0.0, 1.2), (1.0, 1.0)])
def test_anchors_are_the_same_moments(items: list[Item], warped: float, stretch: float) -> None:
    source = MidiAudioPairs(items, frames=100, anchors=5, spacing=8, shift=0, colour=0, warped=warped, stretch=stretch)
    warp = read_warp(items[0].files["warp"])
    seen = []
    for seed in range(40):
        example = source.draw(0, np.random.default_rng(seed))
        heard = numbers(example, "audio", PITCH)
        read = numbers(example, "midi", PITCH + 3)  # the recording is three semitones above the MIDI
        seconds = warp(read / FRAMES_PER_SECOND + CENTRE_SECONDS)
        inside = (example.inputs["midi"].anchors > 0) & (example.inputs["midi"].anchors < 99)  # type: ignore[attr-defined]
        assert inside.mean() >= 0.8
        # Half a frame: where a crop begins is rounded to a frame.
        error = seconds * FRAMES_PER_SECOND - CENTRE_SECONDS * FRAMES_PER_SECOND - heard
        assert np.abs(error[inside]).max() < 0.6
        seen.append(heard)
    assert np.concatenate(seen).min() < 40
    assert np.concatenate(seen).max() > 200


def test_key_moves_both_sides_and_the_label(items: list[Item]) -> None:
    source = MidiAudioPairs(items, frames=100, anchors=3, colour=0, shift=6, neighbours=0)
    keys = set()
    for seed in range(30):
        example = source.draw(0, np.random.default_rng(seed))
        heard = int(example.inputs["audio"].frames.sum(0).argmax())  # type: ignore[attr-defined]
        read = int(example.inputs["midi"].frames.sum(0).argmax())  # type: ignore[attr-defined]
        assert read - 3 == heard
        assert (np.asarray(example.inputs["label"]).argmax(1) == read).all()
        keys.add(heard - PITCH)
    assert min(keys) == -6
    assert max(keys) == 6


def test_colour_keeps_unit_length_and_zeros(items: list[Item]) -> None:
    example = MidiAudioPairs(items, frames=100, colour=6, shift=0).draw(0, np.random.default_rng(0))
    frames = example.inputs["audio"].frames  # type: ignore[attr-defined]
    assert not frames[:, :PITCH].any()
    lengths = np.linalg.norm(frames, axis=1)
    np.testing.assert_allclose(lengths[lengths > 0], 1.0, rtol=1e-5)


def test_a_short_piece_gives_all_its_anchors(items: list[Item]) -> None:
    source = MidiAudioPairs(items, frames=20, anchors=8, spacing=16)
    example = source.draw(0, np.random.default_rng(0))
    assert example.inputs["audio"].anchors.shape == (8,)  # type: ignore[attr-defined]


def test_no_warp_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "w.npy", np.zeros(3))
    for name in ("w.npy", "none.npy"):
        with pytest.raises(InputError, match="warp"):
            read_warp(tmp_path / name)


def test_a_whole_track_is_one_group(items: list[Item]) -> None:
    other = Item(id="m", files=items[0].files, work="other", fields=items[0].fields)
    source = MidiAudioPairs([*items, other], frames=100, anchors=1, whole=True)
    groups = [source.draw(index, np.random.default_rng(seed)).group for index in (0, 1) for seed in range(4)]
    assert [int(g[0]) for g in groups if isinstance(g, np.ndarray)] == [1] * 4 + [0] * 4, (
        "works in order of their names"
    )
    assert source.needs == "warp"


def test_another_view_is_of_the_same_moments_at_another_tempo_without_a_band_of_pitches(items: list[Item]) -> None:
    source = MidiAudioPairs(items, frames=100, anchors=4, shift=0, colour=0, views=2, stretch=1.3, spacing=4)
    rates, silent = [], 0
    for seed in range(40):
        example = source.draw(0, np.random.default_rng(seed))
        first, second = example.inputs["audio"], example.inputs["audio@2"]
        assert isinstance(first, FramePlaces)
        assert isinstance(second, FramePlaces)
        assert first.frames.shape == second.frames.shape
        heard = second.frames[:, PITCH]  # of unit length where it sounds, or in the band that is not heard
        silent += not heard.any()
        if len(set(first.anchors)) > 1:
            rates.append(np.ptp(second.anchors) / np.ptp(first.anchors))
    assert 0 < silent < 40
    assert min(rates) < 0.9
    assert max(rates) > 1.1
