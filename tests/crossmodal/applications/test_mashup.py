"""Mashups: what is heard of a voice and a backing, what fits, and what is written."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile

from crossmodal.applications.mashup import combine, fit_backing, make_mashups, moved
from crossmodal.applications.mashup_listening import (
    RATE,
    Heard,
    hear_backing,
    hear_vocal,
    pulse_of,
    sung_share,
    tempo_of,
)
from crossmodal.base.errors import InputError
from pairs.catalogue import read_catalogue
from pairs.keys import Key

from .stems import sung, write_stems


@pytest.fixture(scope="module")
def stems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_stems(tmp_path_factory.mktemp("stems"))


def heard(path: str = "x.wav", *, tempo: float = 100.0, key: Key | None = None, seconds: float = 20.0) -> Heard:
    beats = np.arange(0.25, seconds, 60 / tempo)
    samples = (0.2 * np.random.default_rng(0).standard_normal(round(seconds * RATE))).astype(np.float32)
    return Heard(Path(path), samples, tempo, beats, beats[::4], 0.8, key or Key(0, False, 0.9), 0.0, seconds)


def test_what_is_heard_of_a_backing_and_a_voice(stems: Path) -> None:
    backing, vocal = hear_backing(stems / "backings/near.wav"), hear_vocal(stems / "vocals/good.wav")
    assert abs(backing.tempo - 104) < 4 and abs(vocal.tempo - 100) < 4
    assert backing.key.signature == 2 and vocal.key.signature == 0
    assert backing.pulse > 0.3 and len(backing.downbeats) >= len(backing.beats) // 5
    bars = np.diff(backing.downbeats)
    assert np.median(bars) == pytest.approx(4 * 60 / 104, rel=0.05)
    grid = 4 * 60 / 104  # the drum sounds on these
    assert np.median(np.abs((backing.downbeats + grid / 2) % grid - grid / 2)) < 0.12


@pytest.mark.parametrize(
    ("name", "hear", "reason"),
    [
        ("vocals/short", hear_vocal, "at least 3 s, got 2.4"),
        ("vocals/noise", hear_vocal, "no voice was found"),
        ("backings/drone", hear_backing, "a backing with a beat"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_with_the_reason(stems: Path, name: str, hear, reason: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=reason):
        hear(stems / f"{name}.wav")


@pytest.mark.parametrize(
    ("tempo", "stretch"), [(100.0, 1.0), (96.0, 100 / 96), (200.0, 1.0), (48.0, 100 / 96), (110.0, 100 / 110)]
)
def test_tempi_fit_within_ten_percent_or_an_octave(tempo: float, stretch: float) -> None:
    assert fit_backing(heard(), heard(tempo=tempo)).stretch == pytest.approx(stretch)


def test_incompatible_tempi_and_keys_are_refused_with_the_reason() -> None:
    with pytest.raises(InputError, match="tempi do not fit: 100 and 130"):
        fit_backing(heard(), heard(tempo=130.0))
    with pytest.raises(InputError, match="C major and F# major are 6 semitones apart"):
        fit_backing(heard(), heard(key=Key(6, False, 0.9)))
    assert fit_backing(heard(), heard(key=Key(9, True, 0.9))).keys == "relative"
    assert fit_backing(heard(), heard(key=Key(10, False, 0.9))).semitones == 2


def test_stretch_and_transposition_are_what_they_say() -> None:
    time = np.arange(4 * RATE) / RATE
    tone = np.sin(2 * np.pi * 440 * time).astype(np.float32)
    made = moved(tone, stretch=1.08, semitones=-3)
    assert len(made) == pytest.approx(len(tone) / 1.08, rel=0.01)
    middle = made[RATE : 2 * RATE] * np.hanning(RATE)
    assert np.abs(np.fft.rfft(middle)).argmax() == pytest.approx(440 * 2 ** (-3 / 12), abs=3)
    assert moved(tone, stretch=1.0, semitones=0) is tone


def test_a_voice_begins_on_a_downbeat_and_nothing_clips() -> None:
    vocal, backing = heard(seconds=6.0), heard(tempo=100.0)
    made, chosen = combine(vocal, backing, fit_backing(vocal, backing), decibels=6.0)
    begin = chosen["backing_seconds"]
    assert isinstance(begin, float)
    assert min(abs(begin + vocal.beats[0] - backing.downbeats)) < 1e-3
    assert np.abs(made).max() <= 0.97 + 1e-6 and len(made) == pytest.approx(6.0 * RATE, rel=0.03)
    with pytest.raises(InputError, match="from its first downbeat"):
        combine(vocal, heard(seconds=2.0), fit_backing(vocal, backing), decibels=0.0)


def test_mixes_and_manifest(stems: Path, tmp_path: Path) -> None:
    done = make_mashups([stems / "vocals"], [stems / "backings"], tmp_path / "out", seed=3, quiet=True)
    assert len(done.mixes) == 1 and done.mixes[0].semitones == -2
    row = done.mixes[0]
    assert 0.9 < row.stretch < 1.1 and -3 <= row.voice_decibels <= 6 and row.gain <= 1
    reasons = {Path(skip.path.split(" + ")[-1]).name: skip.reason for skip in done.skipped}
    assert set(reasons) == {"short.wav", "noise.wav", "drone.wav", "fast.wav"} and "tempi" in reasons["fast.wav"]
    samples, rate = soundfile.read(tmp_path / "out" / row.mix)
    assert rate == RATE and np.abs(samples).max() < 1 and len(samples) == pytest.approx(row.seconds * RATE, rel=1e-3)
    with (tmp_path / "out" / "manifest.csv").open(encoding="utf-8", newline="") as stream:
        written = list(csv.DictReader(stream))
    assert [r["id"] for r in written] == [row.id] and float(written[0]["stretch"]) == row.stretch
    items = read_catalogue(tmp_path / "out" / "manifest.csv").items
    assert {"voice", "mix", "backing"} <= items[0].files.keys()
    again = make_mashups([stems / "vocals"], [stems / "backings"], tmp_path / "again", seed=3, quiet=True)
    assert again.mixes == done.mixes
    assert (tmp_path / "again" / row.mix).read_bytes() == (tmp_path / "out" / row.mix).read_bytes()


def test_no_files_and_no_count_are_mistakes(stems: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="vocals: expected sound files"):
        make_mashups([tmp_path / "empty"], [stems / "backings"], tmp_path / "out", quiet=True)
    with pytest.raises(InputError, match="--count"):
        make_mashups([stems], [stems], tmp_path / "out", count=0, quiet=True)


def test_tempi_are_finer_than_the_frames_of_the_beats() -> None:
    frame = 512 / RATE
    beats = np.round(np.arange(20) * 60 / 94 / frame) * frame
    assert tempo_of(beats) == pytest.approx(94, rel=0.004)
    assert tempo_of(np.delete(beats, 7)) == pytest.approx(94, rel=0.005)  # one was not heard
    assert tempo_of(np.array([1.0, 1.5])) == 120.0


def test_pulse_and_voicing_in_the_extremes() -> None:
    assert pulse_of(np.zeros(500), 100.0) == 0.0
    clicks = np.zeros(600)
    clicks[:: round(0.6 * RATE / 512)] = 5
    assert pulse_of(clicks, 100.0) > 0.8
    assert sung_share(np.zeros(RATE * 4, np.float32)) == 0.0 == sung_share(np.zeros(10, np.float32))
    rumble = np.cumsum(np.random.default_rng(0).standard_normal(4 * RATE)).astype(np.float32)
    assert sung_share(rumble / np.abs(rumble).max()) < 0.15 and sung_share(sung(100)) > 0.8
