"""Tunes as MIDI files, recordings of them, and damaged MIDI of the same: what matching is tested on; and a space that was not trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from pairs.midi_music import Clock
from pairs.midi_reading import read_music
from pairs.rendering import SAMPLE_RATE, synthesize
from tests.pairs.midi_bytes import midi, note, tempo

KEYS = (0, 3, -4, 0, 2, 0)  # of the queries, against the recordings


def tune(seed: int, *, key: int = 0, qpm: float = 100.0, notes: int = 64, skip: int = 0, program: int = 0) -> bytes:
    """A melody over a bass, made by chance. key: semitones; skip: notes of the melody that are left out at the start (with the bass
    below them); program: of General MIDI.
    """
    generator = np.random.default_rng(seed)
    degrees = np.array([0, 2, 4, 5, 7, 9, 11])
    steps = np.clip(np.cumsum(generator.integers(-3, 4, notes)) + 7, 0, 15)
    pitches = 60 + key + 12 * (steps // 7) + degrees[steps % 7]
    lengths = generator.choice([120, 240, 480], notes)
    bass = 36 + key + degrees[generator.integers(0, 7, int(lengths.sum()) // 480 + 1)]
    begin = int(lengths[:skip].sum()) // 480 * 480
    first = int(np.searchsorted(np.concatenate([[0], np.cumsum(lengths)]), begin))
    wait = int(np.concatenate([[0], np.cumsum(lengths)])[first]) - begin
    change = bytes([0x00, 0xC0, program])
    upper = b"".join(
        note(int(p), wait=wait if place == 0 else 0, length=int(d))
        for place, (p, d) in enumerate(zip(pitches[first:], lengths[first:], strict=True))
    )
    lower = b"".join(note(int(p), length=480, channel=1) for p in bass[begin // 480 :])
    return midi([tempo(round(60e6 / qpm)), change + upper, lower])


@dataclass(frozen=True)
class Recorded:
    """A recording and the clock from the tune's seconds (at 100 quarters a minute) to its own."""

    path: Path
    clock: Clock


def record(source: Path, output: Path, *, seed: int = 0, intro: float = 0.0) -> Recorded:
    """Plays a MIDI file with a tempo that wanders by a tenth, after `intro` seconds of noise, with a little noise throughout."""
    generator = np.random.default_rng(seed)
    music = read_music(source)
    corners = np.linspace(0.0, music.end + 1.0, 8)
    rates = generator.uniform(0.9, 1.1, 7)
    clock = Clock(corners, np.concatenate([[0.0], np.cumsum(np.diff(corners) * rates)]))
    samples = synthesize(music.warped(clock.source, clock.target).performance)
    samples = np.concatenate([np.zeros(round(intro * SAMPLE_RATE), np.float32), samples / np.abs(samples).max() * 0.5])
    samples = samples + generator.normal(0, 0.002, len(samples)).astype(np.float32)
    soundfile.write(output, samples.astype(np.float32), SAMPLE_RATE)
    return Recorded(output, Clock(clock.source, clock.target + intro))


def save_untrained(folder: Path, *, pruning: bool = True, rolls: bool = False, seed: int = 0) -> Path:
    """The networks of the recipes, small and not trained, as spaces in `folder`; returns the one of hashes. rolls: of piano rolls."""
    import torch

    from crossmodal.assembly import build_embedding
    from crossmodal.recipe import load_recipe
    from crossmodal.space import Background, Space
    from crossmodal.space_files import save_space

    for name in ("midi-audio", "midi-audio-pruning")[: 2 if pruning else 1]:
        changes = [
            f"towers.{modality}.encoder.arguments={{channels: [2, 2, 4], width: 16, rolls: {str(rolls).lower()}}}"
            for modality in ("audio", "midi")
        ]
        recipe = load_recipe(name, overrides=changes)
        torch.manual_seed(seed)
        embedding = build_embedding(recipe).eval()
        embedding.towers["midi"].load_state_dict(embedding.towers["audio"].state_dict())  # one network for both sides
        width = embedding.tower("audio").dimension
        known = Background(torch.zeros(width), torch.eye(width))
        save_space(Space(name, str(folder / name), "", embedding, recipe, background=known), folder / name)
    return folder / "midi-audio"


@dataclass(frozen=True)
class TuneShelf:
    """folder: midi/, recordings/ and queries/ with 0 to 5 each, the last the tunes damaged; space: the bundled one; index: of the
    recordings, made with it; recorded: the recordings with their clocks.
    """

    folder: Path
    space: Path
    index: Path
    recorded: tuple[Recorded, ...]


def make_shelf(folder: Path) -> TuneShelf:
    """Recordings begin after 0 to 7.5 s of noise; queries have another key, tempo and instrument, and every second lacks its beginning."""
    import crossmodal
    from crossmodal.applications.indexing import build_index
    from crossmodal.space_files import bundled_folder

    for name in ("midi", "recordings", "queries"):
        (folder / name).mkdir(parents=True)
    recorded = []
    for number in range(6):
        source = folder / f"midi/{number}.mid"
        source.write_bytes(tune(number))
        recorded.append(record(source, folder / f"recordings/{number}.wav", seed=number, intro=1.5 * number))
        damaged = tune(number, key=KEYS[number], qpm=80 + 10 * number, skip=10 * (number % 2), program=8 * number)
        (folder / f"queries/{number}.mid").write_bytes(damaged)
    space = bundled_folder() / "midi-audio"
    build_index(crossmodal.load(space), [folder / "recordings"], folder / "index", quiet=True)
    return TuneShelf(folder, space, folder / "index", tuple(recorded))


def onsets(path: Path) -> np.ndarray:
    """Seconds of the notes of the melody."""
    return read_music(path).performance.parts[0].onset
