"""A space of recordings and sheet music with random weights: nothing it says is right, all of it has the right form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from crossmodal.space import Space

RATE = 22050


@pytest.fixture(scope="session")
def sheet_space() -> Space:
    """Small encoders, not trained."""
    import torch

    from crossmodal.assembly import build_embedding
    from crossmodal.recipe import load_recipe

    recipe = load_recipe("audio-sheet", overrides=["towers.audio.head.arguments.dimension=16", "towers.sheet.head.arguments.dimension=16"])
    torch.manual_seed(0)
    return Space("audio-sheet", "tests", "0" * 16, build_embedding(recipe).eval(), recipe)


@pytest.fixture(scope="session")
def tune(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve seconds of a scale."""
    time = np.arange(RATE) / RATE
    notes = [0.3 * np.sin(2 * np.pi * 262 * 2 ** (k / 12) * time) * np.exp(-2 * time) for k in (0, 2, 4, 5, 7, 9, 11, 12, 11, 9, 7, 5)]
    path = tmp_path_factory.mktemp("tune") / "tune.wav"
    soundfile.write(path, np.concatenate(notes).astype(np.float32), RATE)
    return path
