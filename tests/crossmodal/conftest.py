"""Six tunes, their recordings and an index of these, for what matches MIDI files with recordings; spaces of voices and of facets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from crossmodal.applications.indexing import build_index
from crossmodal.assembly import build_embedding
from crossmodal.recipe import load_recipe, parse_recipe
from crossmodal.space import Background, Space
from crossmodal.space_files import save_space
from crossmodal.training import train
from tests.crossmodal.applications.tunes import TuneShelf, make_shelf

FACETED = """
name: tiny-facets
description: A small space with facets for tests.
towers:
  audio:
    encoder:
      type: mel-cnn
      arguments: {sample_rate: 16000, bands: 16, channels: [4, 4], pools: [[2, 2], [2, 2]], window_seconds: 1.0, dimension: 8}
    head: {type: linear, arguments: {dimension: 16}}
facets: {genre: 8, mood: 8}
unit: facets
training: {steps: 4, batch_size: 4, precision: "32", warmup_steps: 1}
stages:
  similarity:
    pairs: {type: relatives, arguments: {by: [genre, mood], mixed: true}}
    train: [audio]
    comparisons:
      - {queries: [audio], targets: ["audio@2"], facet: genre, objective: {type: triplet-hinge}}
      - {queries: [audio], targets: ["audio@2"], facet: mood, objective: {type: triplet-hinge}}
      - {queries: [audio], targets: ["audio@2"], by: track, memory: 6, weight: 0.5, objective: {type: triplet-hinge}}
"""


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


@pytest.fixture(scope="session")
def faceted_index(sounds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten of the recordings with genres, moods, artists and albums, in a space with the facets genre and mood. Read only."""
    folder = tmp_path_factory.mktemp("faceted")
    rows = []
    for number, line in enumerate((sounds / "catalogue.jsonl").read_text(encoding="utf-8").splitlines()[:10]):
        row = json.loads(line)
        low, rich = row.pop("tags")
        artist = "lone" if number == 9 else row["artist"]
        columns = {"genre": low, "mood": rich, "album": f"album {number % 2}", "artist": artist, "tags": [low]}
        rows.append({**row, **columns, "audio": str(sounds / row["audio"])})
    catalogue = folder / "catalogue.jsonl"
    catalogue.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    space, skipped = train(
        parse_recipe(FACETED, origin="test"), catalogue, folder / "space", jobs=1, device="cpu", quiet=True
    )
    assert not skipped
    build_index(space, [catalogue], folder / "index", quiet=True)
    return folder / "index"
