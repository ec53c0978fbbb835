"""A shelf of small scores as files, and recordings of something else: what indexing and identification are tested on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

from pairs.engraving import Engraver
from pairs.invention import invent
from pairs.notation import write_mei

RATE = 22050


def score_text(seed: int) -> str:
    """An invented piece as MEI."""
    song = invent(np.random.default_rng(seed))
    return write_mei(song.notes, meter=song.meter, key=song.key, ticks_per_quarter=song.ticks_per_quarter, measures=4)


def write_shelf(folder: Path) -> Path:
    """Two scores as text, one as a picture of its first page, one PDF, a text that is none, and half a picture."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in (0, 1):
        (folder / f"{seed}.mei").write_text(score_text(seed), encoding="utf-8")
    page = Image.fromarray(Engraver().engrave(score_text(2), pages=1).pages[0].image)
    page.save(folder / "page.png")
    page.save(folder / "printed.pdf")
    (folder / "broken.mei").write_text("no music", encoding="utf-8")
    (folder / "half.png").write_bytes((folder / "page.png").read_bytes()[:500])
    return folder


def tones(seconds: float, *, seed: int = 0, level: float = 0.2) -> np.ndarray:
    """Short tones of random pitch, (n,) float32."""
    generator = np.random.default_rng(seed)
    time = np.arange(round(0.25 * RATE)) / RATE
    pitches = 220 * 2 ** (generator.integers(0, 24, max(1, round(seconds / 0.25))) / 12)
    waves = [np.sin(2 * np.pi * pitch * time) * np.exp(-4 * time) for pitch in pitches]
    return (level * np.concatenate(waves)).astype(np.float32)


def write_tones(path: Path, seconds: float, *, seed: int = 0, level: float = 0.2) -> Path:
    """A recording of them."""
    soundfile.write(path, tones(seconds, seed=seed, level=level), RATE)
    return path
