"""Performances as sound: what is refused, and, where fluidsynth is installed, when and how long notes sound."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from crossmodal.base.errors import InputError
from pairs.performances import SOUND_FONT, render_performance

needs_fluidsynth = pytest.mark.skipif(
    shutil.which("fluidsynth") is None or not SOUND_FONT.is_file(), reason="fluidsynth with FluidR3_GM is not installed"
)


def write_note(path: Path, *, pedal: bool = False) -> Path:
    """One short note at second 1; pedal: held down from second 0.5 to 3."""
    from symusic import ControlChange, Note, Score, Tempo, Track

    score = Score(480)
    score.tempos.append(Tempo(0, 60.0))
    track = Track("piano", 0, False)
    track.notes.append(Note(480, 60, 60, 100))
    track.notes.append(Note(4 * 480, 60, 90, 1))
    if pedal:
        track.controls.append(ControlChange(240, 64, 127))
        track.controls.append(ControlChange(3 * 480, 64, 0))
    score.tracks.append(track)
    score.dump_midi(str(path))
    return path


def test_missing_files_are_refused(tmp_path: Path) -> None:
    midi = write_note(tmp_path / "a.mid")
    with pytest.raises(InputError, match="found none"):
        render_performance(tmp_path / "none.mid", tmp_path / "a.wav")
    with pytest.raises(InputError, match="sound font"):
        render_performance(midi, tmp_path / "a.wav", sound_font=tmp_path / "none.sf2")
    font = tmp_path / "font.sf2"
    font.write_bytes(b"RIFF")
    with pytest.raises(InputError, match="expected a MIDI file"):
        render_performance(font, tmp_path / "a.wav", sound_font=font)
    assert not list(tmp_path.glob("*.wav"))


def test_a_missing_program_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    font = tmp_path / "font.sf2"
    font.write_bytes(b"RIFF")
    with pytest.raises(InputError, match="apt-get install fluidsynth"):
        render_performance(write_note(tmp_path / "a.mid"), tmp_path / "a.wav", sound_font=font)


@needs_fluidsynth
def test_a_note_sounds_when_it_is_played(tmp_path: Path) -> None:
    path = render_performance(write_note(tmp_path / "-odd name.mid"), tmp_path / "a.wav", sample_rate=16000)
    sound, rate = soundfile.read(path)
    loud = np.abs(sound).max(axis=1) > 0.1 * np.abs(sound).max()
    assert rate == 16000 and np.argmax(loud) / rate == pytest.approx(1.0, abs=0.03)
    again = render_performance(tmp_path / "-odd name.mid", tmp_path / "b.wav", sample_rate=16000)
    assert again.read_bytes() == path.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["-odd name.mid", "a.wav", "b.wav"]


@needs_fluidsynth
def test_the_pedal_holds_notes(tmp_path: Path) -> None:
    loudness = []
    for pedal in (False, True):
        path = render_performance(write_note(tmp_path / "a.mid", pedal=pedal), tmp_path / "a.wav")
        sound, rate = soundfile.read(path)
        loudness.append(float(np.square(sound[int(2 * rate) : int(2.8 * rate)]).mean()))
    assert loudness[1] > 10 * loudness[0]


@needs_fluidsynth
def test_a_sound_font_that_is_none_is_refused(tmp_path: Path) -> None:
    # the program itself would play another sound font instead
    font = tmp_path / "font.sf2"
    font.write_bytes(b"RIFF\x04\x00\x00\x00sfbk")
    with pytest.raises(InputError, match=r"fluidsynth.*font\.sf2"):
        render_performance(write_note(tmp_path / "a.mid"), tmp_path / "a.wav", sound_font=font)
    assert not (tmp_path / "a.wav").exists()
