"""Six tunes, their recordings and an index of these, for what matches MIDI files with recordings; a space of voices."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from crossmodal.assembly import build_embedding
from crossmodal.recipe import load_recipe
from crossmodal.space import Background, Space
from crossmodal.space_files import save_space
from tests.crossmodal.applications.tunes import TuneShelf, make_shelf


@pytest.fixture(scope="session")
def tune_shelf(tmp_path_factory: pytest.TempPathFactory) -> TuneShelf:
    """Made once. Read only."""
    folder: Path = tmp_path_factory.mktemp("tunes")
    return make_shelf(folder)


@pytest.fixture(scope="session")
def voice_space(tmp_path_factory: pytest.TempPathFactory) -> Space:
    """The networks of the recipe `voices`, small and not trained. Read only."""
    small = "{highest_hertz: 8000.0, window_seconds: 2.99, channels: [16], kernels: [3], pools: [3], activation: leaky-relu, dimension: 12}"
    recipe = load_recipe("voices", overrides=[f"towers.{kind}.encoder.arguments={small}" for kind in ("voice", "mix")])
    torch.manual_seed(0)
    embedding = build_embedding(recipe).eval()
    folder = tmp_path_factory.mktemp("spaces") / "voices"
    made = Space("voices", str(folder), "", embedding, recipe, background=Background(torch.zeros(12), torch.eye(12)))
    return save_space(made, folder)
