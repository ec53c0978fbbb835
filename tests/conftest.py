"""What all tests share: a small real collection, and a small real space that was trained on it once a session."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from crossmodal.base.librosa_import import load_librosa

if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # of tests that were started in the background; what they start inherits it
    signal.signal(signal.SIGINT, signal.default_int_handler)
load_librosa()  # before any test sets CROSSMODAL_HOME: all workers take the same lock

RATE = 16000
SECONDS = 2.5
RECIPE = """
name: tiny
description: A small space for tests.
towers:
  audio:
    encoder:
      type: mel-cnn
      arguments: {sample_rate: 16000, bands: 32, channels: [8, 8], pools: [[2, 2], [2, 2]], window_seconds: 1.0}
    head: {type: linear, arguments: {dimension: 16}}
  text:
    encoder: {type: sentences, arguments: {source: minilm}}
    head: {type: linear, arguments: {dimension: 16}}
    train: frozen
training: {batch_size: 6, checkpoint_every: 2, validate_every: 4, warmup_steps: 1, precision: "32"}
stages:
  pretraining:
    pairs: {type: views}
    train: [audio]
    comparisons:
      - queries: [audio, audio@2]
        targets: [audio, audio@2]
        objective: {type: info-nce, arguments: {temperature: 0.1, symmetric: false}}
    training: {steps: 4}
  alignment:
    pairs: {type: texts}
    train: [audio, text]
    comparisons:
      - queries: [text]
        targets: [audio]
        objective: {type: info-nce, arguments: {temperature: 0.1, learned: true}}
    training: {steps: 8}
"""


def tone(pitch: float, *, seconds: float = SECONDS, harmonics: int = 1, rate: int = RATE) -> np.ndarray:
    """A decaying sound with harmonics, (n,) float32 within [-1, 1]."""
    time = np.arange(round(seconds * rate)) / rate
    wave = sum(np.sin(2 * np.pi * pitch * h * time) / h for h in range(1, harmonics + 1))
    return (0.3 * wave * np.exp(-time / 2)).astype(np.float32)


@pytest.fixture(scope="session")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with twelve recordings and `catalogue.jsonl`. Read only: copy it before changing anything."""
    folder = tmp_path_factory.mktemp("collection")
    rows = []
    for i in range(12):
        low, rich = i % 2 == 0, i % 3 == 0
        pitch = (110 if low else 660) * (1 + i / 24)
        soundfile.write(folder / f"track {i:02}.wav", tone(pitch, harmonics=6 if rich else 1), RATE)
        tags = ["low" if low else "high", "rich" if rich else "pure"]
        row = {
            "id": f"track-{i:02}",
            "audio": f"track {i:02}.wav",
            "tags": tags,
            "caption": f"a {tags[0]} {tags[1]} sound",
            "artist": f"artist {i % 4}",
            "year": 1990 + i,
            "split": "test" if i > 9 else "validation" if i > 7 else "train",
        }
        rows.append(json.dumps(row))
    (folder / "catalogue.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def sheets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalogue of four invented pieces: engraved, straightened, played. Read only."""
    from pairs.sheet_collection import build_sheet_collection

    return build_sheet_collection(tmp_path_factory.mktemp("sheets"), works=0, inventions=4, jobs=1, quiet=True)


@pytest.fixture(scope="session")
def sheet_space_folder(sheets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny space of recordings and sheet music that has learned next to nothing. Read only."""
    from crossmodal.recipe import load_recipe
    from crossmodal.training import train

    tiny = "{channels: [2, 2, 4], width: 8, radius: 4}"
    overrides = ["training.steps=1", "training.batch_size=2", 'training.precision="32"']
    for modality in ("audio", "sheet"):
        overrides += [f"towers.{modality}.encoder.arguments={tiny}", f"towers.{modality}.head.arguments.dimension=8"]
    for stage in load_recipe("audio-sheet").stages:
        overrides += [f"stages.{stage}.training.{key}" for key in ("steps=1", "batch_size=2")]
    folder = tmp_path_factory.mktemp("trained") / "audio-sheet"
    train(load_recipe("audio-sheet", overrides=overrides), sheets, folder, jobs=1, device="cpu", quiet=True)
    return folder


@pytest.fixture(scope="session")
def covers(sounds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalogue of the twelve recordings with a cover each: red and ringed when low, blue when high. Read only."""
    from PIL import Image, ImageDraw

    folder = tmp_path_factory.mktemp("covers")
    rows = []
    for number, line in enumerate((sounds / "catalogue.jsonl").read_text(encoding="utf-8").splitlines()):
        row = json.loads(line)
        low = "low" in row["tags"]
        picture = Image.new("RGB", (48, 48), (200 + number, 20, 20) if low else (20, 20, 200 + number))
        if low:
            ImageDraw.Draw(picture).ellipse((8, 8, 40, 40), outline="white", width=4)
        picture.save(folder / f"{row['id']}.png")
        genres = ["Bass", "Drone"] if low and number % 3 == 0 else ["Bass"] if low else ["Treble"]
        shutil.copy(sounds / row["audio"], folder / row["audio"])
        rows.append(json.dumps({**row, "image": f"{row['id']}.png", "genre": ";".join(genres)}))
    (folder / "catalogue.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder / "catalogue.jsonl"


@pytest.fixture(scope="session")
def cover_space_folder(covers: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny space of recordings, covers and genres. Read only."""
    from crossmodal.recipe import load_recipe
    from crossmodal.training import train

    small = "{window: 24, channels: [2, 4], pools: [[4, 2], [2, 2]], dimension: 8}"
    overrides = [
        f"towers.audio.encoder.arguments={small}",
        "towers.image.encoder.arguments={stages: 1, size: 32}",
        "training.steps=2",
        "training.batch_size=8",
        'training.precision="32"',
    ]
    for stage in load_recipe("cover-audio").stages:
        overrides += [f"stages.{stage}.training.{key}" for key in ("steps=6", "batch_size=8", "warmup_steps=1")]
    folder = tmp_path_factory.mktemp("trained") / "cover-audio"
    train(load_recipe("cover-audio", overrides=overrides), covers, folder, jobs=1, device="cpu", quiet=True)
    return folder


@pytest.fixture(scope="session")
def recipe_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe of the small space."""
    path = tmp_path_factory.mktemp("recipe") / "tiny.yaml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def space_folder(sounds: Path, recipe_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small space, trained once. Read only: use `space_copy` to change it."""
    from crossmodal.recipe import load_recipe
    from crossmodal.training import train

    folder = tmp_path_factory.mktemp("trained") / "tiny"
    train(load_recipe(recipe_file), sounds / "catalogue.jsonl", folder, jobs=1, device="cpu", quiet=True)
    return folder


@pytest.fixture
def space_copy(space_folder: Path, tmp_path: Path) -> Path:
    """A copy of the small space that a test may damage."""
    copy = tmp_path / "copy of the space"
    shutil.copytree(space_folder, copy)
    return copy


@pytest.fixture(scope="session")
def index_folder(space_folder: Path, sounds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of the whole collection. Read only: copy it before changing anything."""
    from crossmodal.applications.indexing import build_index
    from crossmodal.space_files import load_space

    folder = tmp_path_factory.mktemp("indexed") / "idx"
    build_index(load_space(space_folder), [sounds / "catalogue.jsonl"], folder, quiet=True)
    return folder


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """No test sees, or leaves anything in, the user's own folder of spaces; nothing is asked of a network."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("CROSSMODAL_HOME", str(home))
    if "HF_HUB_OFFLINE" not in os.environ:
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    yield home
