"""A space of recordings and sheet music with random weights: what it says is not right, but all of it has the right form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from crossmodal.space import Space

from .shelf import RATE


@pytest.fixture(scope="session")
def sheet_space(tmp_path_factory: pytest.TempPathFactory) -> Space:
    """The networks of the recipe, not trained, saved and loaded; `location` is its folder."""
    import torch

    from crossmodal.assembly import build_embedding
    from crossmodal.recipe import load_recipe
    from crossmodal.space import Background
    from crossmodal.space_files import save_space

    recipe = load_recipe("audio-sheet")
    torch.manual_seed(0)
    embedding = build_embedding(recipe).eval()
    width = embedding.tower("audio").dimension
    folder = tmp_path_factory.mktemp("spaces") / "audio-sheet"
    space = Space(
        "audio-sheet", str(folder), "", embedding, recipe, background=Background(torch.zeros(width), torch.eye(width))
    )
    return save_space(space, folder)


@pytest.fixture(scope="session")
def tune(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve seconds of a scale up and down."""
    time = np.arange(RATE) / RATE
    keys = (0, 2, 4, 5, 7, 9, 11, 12, 11, 9, 7, 5)
    notes = [0.3 * np.sin(2 * np.pi * 262 * 2 ** (key / 12) * time) * np.exp(-2 * time) for key in keys]
    path = tmp_path_factory.mktemp("tune") / "tune.wav"
    soundfile.write(path, np.concatenate(notes).astype(np.float32), RATE)
    return path
