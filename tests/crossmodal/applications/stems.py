"""Voices and accompaniments for tests, of known tempo, key and beat; and some that cannot be used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from crossmodal.applications.mashup_listening import RATE

SCALE = (0, 2, 4, 5, 7, 9, 11, 12)


def beaten(tempo: float, *, tonic: int = 60, seconds: float = 14.0, seed: int = 0) -> np.ndarray:
    """Chords on every beat and a drum on the first of four."""
    generator = np.random.default_rng(seed)
    samples = np.zeros(round(seconds * RATE), np.float32)
    length = round(60 / tempo * RATE)
    time = np.arange(length) / RATE
    for beat in range(int(seconds * tempo / 60)):
        chord = [(0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 4, 7)][beat // 4 % 4]
        tones = sum(np.sin(2 * np.pi * 440 * 2 ** ((tonic + n - 69) / 12) * time) for n in chord)
        sound = 0.1 * tones * np.exp(-3 * time) + 0.05 * generator.standard_normal(length) * np.exp(-60 * time)
        if beat % 4 == 0:
            sound += 0.5 * np.sin(2 * np.pi * 60 * time) * np.exp(-12 * time)
        start = beat * length
        samples[start : start + length] += sound[: len(samples) - start].astype(np.float32)
    return samples


def sung(tempo: float, *, tonic: int = 60, seconds: float = 8.0, lead: float = 0.0) -> np.ndarray:
    """A scale with a harmonic voice, a note a beat."""
    length = round(60 / tempo * RATE)
    time = np.arange(length) / RATE
    rows = [np.zeros(round(lead * RATE))]
    for note in range(int(seconds * tempo / 60)):
        pitch = 440 * 2 ** ((tonic + SCALE[note % 8] - 69) / 12)
        wave = sum(np.sin(2 * np.pi * pitch * h * time) / h for h in range(1, 12))
        rows.append(0.2 * wave * np.minimum(1, time / 0.02) * np.minimum(1, (time[-1] - time) / 0.08))
    return np.concatenate(rows).astype(np.float32)


def write_stems(folder: Path) -> Path:
    """Folders `vocals` and `backings`; of the three of each only "good" and "near" fit."""
    time = np.arange(10 * RATE) / RATE
    drone = (0.2 * np.sin(2 * np.pi * 220 * time)).astype(np.float32)
    noise = (0.1 * np.random.default_rng(0).standard_normal(8 * RATE)).astype(np.float32)
    given = {
        "vocals/good": sung(100), "vocals/short": sung(100, seconds=2.4), "vocals/noise": noise,
        "backings/near": beaten(104, tonic=62), "backings/drone": drone, "backings/fast": beaten(140),
    }  # fmt: skip
    for name, samples in given.items():
        (folder / name).parent.mkdir(exist_ok=True)
        soundfile.write(folder / f"{name}.wav", samples, RATE)
    return folder
