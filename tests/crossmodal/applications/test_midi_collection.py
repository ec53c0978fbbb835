"""The collection of recordings and MIDI files: frames, warps, splits, resuming, and what is drawn from it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from crossmodal.applications.midi_collection import STORES, build_midi_collection
from crossmodal.applications.midi_features import midi_frames, recording_frames, roll_frames
from crossmodal.base.errors import InputError
from crossmodal.base.frame_store import ERROR, FrameStore
from encoders.constant_q import BINS, CENTRE_SECONDS, FRAMES_PER_SECOND
from pairs import midi_audio
from pairs.catalogue import read_catalogue
from pairs.facts import Performance
from pairs.midi_audio import FramePlaces, MidiAudioPairs, transposed
from pairs.midi_collection import MidiSource, folder_sources, make_versions, without_leaks
from pairs.midi_reading import read_music
from pairs.notes import Part
from pairs.performances import SOUND_FONT, play_for_judging
from pairs.rendering import synthesize
from pairs.splits import check_leakage
from tests.pairs.midi_bytes import midi, note, tempo

SECONDS = 14.0


def tune(seed: int) -> bytes:
    """A melody over broken chords."""
    generator = np.random.default_rng(seed)
    melody = b"".join(note(int(p), length=int(d)) for p, d in zip(
        generator.integers(62, 82, 40), generator.choice([240, 480], 40), strict=True))  # fmt: skip
    bass = b"".join(note(int(p), length=480, channel=1) for p in generator.integers(40, 56, 30))
    return midi([tempo(600_000), melody, bass])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six works, two of them one tune, and one that cannot be read."""
    place = tmp_path_factory.mktemp("songs")
    for number, name in enumerate(["AnnReel1", "AnnReel2", "BobJig", "Cat", "Dove", "Emu"]):
        (place / f"{name}.mid").write_bytes(tune(number))
    (place / "zeros.mid").write_bytes(bytes(500))
    return place


def build(output: Path, folder: Path, **options: object) -> Path:
    """A small collection."""
    return build_midi_collection(
        output, works=0, folders=[folder], most_seconds=SECONDS, jobs=1, quiet=True, **options  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.fixture(scope="module")
def made(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its catalogue."""
    return build(tmp_path_factory.mktemp("collection"), folder, keep_audio=True)


def test_what_lies_in_the_folder(made: Path) -> None:
    catalogue = read_catalogue(made)
    assert (len(catalogue.items), catalogue.problems) == (12, [])
    assert "zeros.mid" in (made.parent / "skipped.csv").read_text()
    assert not list((made.parent / "waiting").rglob("*.npy"))
    stores = {name: FrameStore(made.parent / "frames" / name) for name in STORES}
    assert {name: len(store) for name, store in stores.items()} == {"recordings": 6, "midi": 12, "rolls": 12}
    check_leakage(catalogue.items)
    same = {item.work for item in catalogue.items if "annreel" in item.id}
    assert len(same) == 1
    for item in catalogue.items:
        music = read_music(item.files["midi"])
        frames = midi_frames(music.performance)
        kept = stores["midi"].read(stores["midi"].number(item.id))
        assert abs(len(frames) - len(kept)) <= 1
        samples, rate = soundfile.read(item.files["audio"], dtype="float32")
        heard = recording_frames(samples)
        stored = stores["recordings"].read(stores["recordings"].number(str(item.fields["recording"])))
        assert rate == 22_050
        assert heard.shape == stored.shape
        assert np.abs(heard - stored).mean() < ERROR + 0.002  # the FLAC has 16 bits, the stored frames came before it


def test_frames_agree_along_the_warp_and_not_elsewhere(made: Path) -> None:
    source = MidiAudioPairs(read_catalogue(made).items)
    generator = np.random.default_rng(0)
    for side in ("midi", "rolls"):
        right, wrong = [], []
        for index in range(len(source)):
            heard, read, warp = source.whole(index, side=side)
            seconds = np.arange(len(read)) / FRAMES_PER_SECOND + CENTRE_SECONDS
            places = np.round((warp(seconds) - CENTRE_SECONDS) * FRAMES_PER_SECOND).astype(int)
            inside = (seconds > warp.source[0]) & (seconds < warp.source[-1]) & (places >= 0) & (places < len(heard))
            ours = transposed(read, source.semitones(index))[inside]
            theirs = heard[places[inside]]
            ours, theirs = (centred(part) for part in (ours, theirs))
            right.append((ours * theirs).sum(1).mean())
            wrong.append((ours * theirs[generator.permutation(len(theirs))]).sum(1).mean())
        assert np.mean(right) > 0.2
        assert abs(np.mean(wrong)) < 0.05


def centred(frames: np.ndarray) -> np.ndarray:
    """Without what all frames share, of unit length."""
    moved = frames - frames.mean(0)
    return moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-9)


@pytest.mark.slow
def test_a_second_run_makes_nothing_and_a_killed_one_goes_on(made: Path, folder: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in made.parent.rglob("*.mid")}
    build(made.parent, folder, keep_audio=True)
    assert {path: path.stat().st_mtime_ns for path in made.parent.rglob("*.mid")} == before
    other = build(tmp_path, folder)
    lost = next(path for path in (tmp_path / "warps").glob("*.npy"))
    content = lost.read_bytes()
    lost.unlink()
    build(tmp_path, folder)
    assert lost.read_bytes() == content
    for name in STORES:
        one, two = FrameStore(made.parent / "frames" / name), FrameStore(tmp_path / "frames" / name)
        assert one.ids == two.ids
        np.testing.assert_array_equal(one.raw(3), two.raw(3))
    assert len(read_catalogue(other).items) == 12


def test_settings_of_a_tune_share_a_split() -> None:
    def source(name: str, split: str, *, style: str = "tune") -> MidiSource:
        return MidiSource({"id": name, "style": style}, split, f"group {name}", "free", name)

    names = [
        ("The Ann", "train"),
        ("AnnReel2", "test"),
        ("BobJigThe", "validation"),
        ("Bob", "train"),
        ("Cat", "train"),
    ]
    found = without_leaks([*(source(*name) for name in names), source("Ann", "train", style="choir")])
    assert [entry.split for entry in found] == ["test", "test", "validation", "validation", "train", "train"]
    assert len({entry.group for entry in found}) == 4


def test_versions_are_deterministic_and_differ(folder: Path) -> None:
    item = {**folder_sources(folder)[0].item, "seed": 3}
    first, again = (make_versions(item, most_seconds=8.0) for _ in range(2))
    np.testing.assert_array_equal(first.samples, again.samples)
    np.testing.assert_array_equal(first.versions[1].warp.target, again.versions[1].warp.target)
    assert first.versions[0].damage != first.versions[1].damage
    other = make_versions(item, number=1, most_seconds=8.0)
    assert other.samples.shape != first.samples.shape


@pytest.mark.parametrize("side", ["midi", "rolls", "both"])
def test_examples_have_places_that_correspond(made: Path, side: str) -> None:
    items = read_catalogue(made).items
    plain = MidiAudioPairs(items, side=side, frames=128, anchors=5, shift=0, colour=0, warped=0.0, stretch=1.0, views=2)
    for index in range(4):
        example = plain.draw(index, np.random.default_rng(index))
        assert set(example.inputs) == {"audio", "midi", "audio@2", "midi@2", "label"}
        heard, read = example.inputs["audio"], example.inputs["midi"]
        assert isinstance(heard, FramePlaces)
        assert isinstance(read, FramePlaces)
        assert heard.frames.shape == read.frames.shape == (128, BINS)
        assert heard.anchors.shape == read.anchors.shape == (5,)
        assert np.asarray(example.inputs["label"]).shape == (5, 3 * BINS) == (5, len(plain.classes()))


def test_drawing_is_deterministic_and_moments_are_groups(made: Path) -> None:
    source = MidiAudioPairs(read_catalogue(made).items, frames=128, anchors=4)
    one, two = (source.draw(2, np.random.default_rng(9)) for _ in range(2))
    np.testing.assert_array_equal(one.inputs["midi"].frames, two.inputs["midi"].frames)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(np.asarray(one.group), np.asarray(two.group))
    other = source.draw(3, np.random.default_rng(9))
    assert not set(np.asarray(one.group).tolist()) & set(np.asarray(other.group).tolist())


def test_warped_midi_runs_on_the_time_of_the_recording(made: Path) -> None:
    source = MidiAudioPairs(read_catalogue(made).items, frames=128, anchors=4, warped=1.0)
    example = source.draw(0, np.random.default_rng(1))
    np.testing.assert_array_equal(example.inputs["audio"].anchors, example.inputs["midi"].anchors)  # type: ignore[attr-defined]


def test_transposition_moves_and_forgets() -> None:
    frames = np.arange(12).reshape(2, 6)
    assert transposed(frames, 2).tolist() == [[0, 0, 0, 1, 2, 3], [0, 0, 6, 7, 8, 9]]
    assert transposed(frames, -5).tolist() == [[5, 0, 0, 0, 0, 0], [11, 0, 0, 0, 0, 0]]
    assert not transposed(frames, 9).any()


def test_constants_are_those_of_the_front_end() -> None:
    assert pytest.approx(CENTRE_SECONDS, abs=1e-6) == midi_audio.CENTRE_SECONDS
    assert (midi_audio.FRAMES_PER_SECOND, midi_audio.BINS) == (FRAMES_PER_SECOND, BINS)


@pytest.mark.skipif(
    shutil.which("fluidsynth") is None or not SOUND_FONT.is_file(), reason="needs fluidsynth and FluidR3"
)
def test_judging_sounds_otherwise_but_at_the_same_times() -> None:
    ours, theirs = (recording_frames(play(performance())) for play in (synthesize, play_for_judging))
    count = min(len(ours), len(theirs))
    assert not np.allclose(ours[:count], theirs[:count], atol=0.05)
    agreement = [
        (centred(ours[8 : count - 8]) * centred(theirs[8 + k : count - 8 + k])).sum(1).mean() for k in range(-6, 7)
    ]
    assert abs(int(np.argmax(agreement)) - 6) <= 1


def performance(program: int = 0, *, drums: bool = False, parts: Sequence[Part] = ()) -> Performance:
    """Eight notes."""
    part = Part("x", np.arange(8.0) / 2, np.full(8, 0.4), np.arange(60, 68), np.full(8, 90), program, drums)
    return Performance((*parts, part), ("piano",) * (1 + len(parts)))


def test_features_of_whole_files_and_odd_ones(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    samples = generator.normal(0, 0.1, 22_050 * 150).astype(np.float32)
    whole = recording_frames(samples)
    soundfile.write(tmp_path / "long.wav", samples, 22_050, subtype="FLOAT")
    np.testing.assert_allclose(recording_frames(tmp_path / "long.wav"), whole, atol=1e-5)
    part = recording_frames(samples[: 22_050 * 10])
    np.testing.assert_allclose(whole[: len(part) - 1], part[:-1], atol=1e-5)
    assert recording_frames(samples[:6_000]).shape == (1, BINS)
    with pytest.raises(InputError, match="silent"):
        recording_frames(np.full(22_050, 1e-9, np.float32))
    with pytest.raises(InputError, match="silent"):
        recording_frames(np.zeros(22_050, np.float32))
    for wrong in (performance(drums=True), replace(performance(), parts=())):
        for make in (midi_frames, roll_frames):
            with pytest.raises(InputError, match="drums only"):
                make(wrong)
    for program in (78, 127):
        assert midi_frames(performance(program)).any()
    assert len(roll_frames(performance(), frames=30)) == 30


def test_what_is_refused(made: Path, folder: Path, tmp_path: Path) -> None:
    for options in ({"recordings": 0}, {"versions": 0}):
        with pytest.raises(InputError, match="at least one"):
            build(tmp_path, folder, **options)
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "a.mid").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"skipped\.csv"):
        build(tmp_path / "out", bad)
    with pytest.raises(InputError, match="settings of the first run"):
        build(made.parent, folder, versions=1)
    items = read_catalogue(made).items
    with pytest.raises(InputError, match="side"):
        MidiAudioPairs(items, side="left")
    with pytest.raises(InputError, match="recording"):
        MidiAudioPairs([replace(items[0], fields={})])
    assert len(MidiAudioPairs([])) == 0
