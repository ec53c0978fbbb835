"""Human performances as sound: MIDI files, pedal and all, through the `fluidsynth` program.

The synthesizer of training (symusic) ignores the pedal; judging needs it. The program is needed only to repeat the judging:
`apt-get install fluidsynth fluid-soundfont-gm` on Debian, `brew install fluid-synth` on macOS.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from crossmodal.base.errors import InputError
from crossmodal.base.files import atomic_write
from pairs.facts import Performance
from pairs.midi_music import MidiMusic
from pairs.rooms import Samples

SOUND_FONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
_HEADER_BYTES = 44
_GAIN = "0.6"  # thrice the program's own, which leaves a piano 20 dB below full scale


def find_fluidsynth() -> str:
    """The program's path. InputError with the remedy where there is none."""
    program = shutil.which("fluidsynth")
    if program is None:
        raise InputError("expected the program fluidsynth, found none; install it (apt-get install fluidsynth)")
    return program


def render_performance(
    midi_path: str | Path, output_wav: str | Path, *, sound_font: str | Path = SOUND_FONT, sample_rate: int = 22050
) -> Path:
    """Play a MIDI file into a stereo WAV (16 bit; the program's own reverberation and chorus) and return its path.

    Sound starts at the MIDI file's second 0. InputError where a file or the program is missing or nothing could be played.
    """
    midi, font, output = Path(midi_path), Path(sound_font), Path(output_wav)
    if not midi.is_file():
        raise InputError(f"{midi}: expected a MIDI file, found none; check the path")
    if not font.is_file():
        raise InputError(
            f"{font}: expected a sound font (.sf2), found none; apt-get install fluid-soundfont-gm or name one"
        )
    if midi.read_bytes()[:4] != b"MThd":  # the program would play silence and report success
        raise InputError(f"{midi}: expected a MIDI file, got something else; check the path")
    program = find_fluidsynth()
    with atomic_write(output) as temporary:
        # Absolute paths: a name that begins with '-' is no option.
        command = [
            program, "-n", "-i", "-q", "-g", _GAIN, "-r", str(sample_rate), "-T", "wav", "-O", "s16", "-F", str(temporary.absolute()),
            str(font.absolute()), str(midi.absolute()),
        ]  # fmt: skip
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        said = done.stderr.decode("utf-8", errors="replace").strip().splitlines()
        # It goes on without what it could not load, even with another sound font, and reports success.
        wrong = [line for line in said if "error:" in line]
        if done.returncode or wrong or not temporary.is_file() or temporary.stat().st_size <= _HEADER_BYTES:
            raise InputError(
                f"{midi}: expected sound from fluidsynth, got '{(wrong or said or ['nothing'])[0]}'; check the MIDI file and {font}"
            )
    return output


def play_for_judging(performance: Performance) -> Samples:
    """Notes in seconds -> mono samples (n,) at 22,050 Hz, of a synthesizer and a sound font that nothing is trained on."""
    import soundfile

    with tempfile.TemporaryDirectory(prefix="crossmodal-") as name:
        midi = Path(name) / "played.mid"
        music = MidiMusic(performance, np.zeros(1), np.zeros(1), np.array([120.0]))
        music.to_pretty_midi().write(str(midi))
        samples, _ = soundfile.read(
            render_performance(midi, Path(name) / "played.wav"), dtype="float32", always_2d=True
        )
    mono: Samples = samples.mean(axis=1, dtype=np.float32)
    return mono
