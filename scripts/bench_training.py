"""Whether the loader keeps up with the training step; `bench_encode` prints it among the other goals."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from crossmodal.assembly import build_embedding
from crossmodal.data import Batch, BatchSource
from crossmodal.material import gather_material
from crossmodal.space import Space
from crossmodal.stages.fit import precision_of
from crossmodal.stages.learning import Learning
from crossmodal.training_stages import assemble_stage
from pairs.catalogue import read_catalogue
from scripts.benchmarking import Row, make_recording, wall

WORDS = ("violin", "piano", "choir", "slow", "fast", "cheerful", "dance", "solo")


def make_catalogue(folder: Path, *, items: int, seconds: float) -> Path:
    """A catalogue of recordings with tags, for timing alone."""
    generator = np.random.default_rng(0)
    rows = []
    for number in range(items):
        name = f"item{number}.flac"
        make_recording(folder / name, seconds, seed=number, rate=22050, channels=1)
        split = "validation" if number % 8 == 7 else "train"
        tags = sorted(generator.choice(WORDS, 4, replace=False).tolist())
        rows.append({"id": str(number), "audio": name, "tags": tags, "split": split})
    path = folder / "catalogue.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def measure_training(space: Space, catalogue: Path, *, steps: int) -> list[Row]:
    """For each stage of the space's recipe: a step on a fresh batch (making it included) against one on a cached batch.

    Nothing for public spaces, which have no recipe.
    """
    if space.recipe is None:
        return []
    read = read_catalogue(catalogue)
    names = sorted({tag for item in read.items for tag in item.tags})
    embedding = build_embedding(space.recipe, names=names)
    material = gather_material(embedding, read, catalogue.parent / "prepared", seed=0, jobs=2, quiet=True)
    rows = []
    for name, stage in space.recipe.stages.items():
        learning, data = assemble_stage(embedding, stage, material, seed=0)
        low_precision = "bf16" in precision_of(stage.training, gpu=False)
        rows += _stage_rows(name, learning, data.training, steps=steps, low_precision=low_precision)
    return rows


def _stage_rows(name: str, learning: Learning, source: BatchSource, *, steps: int, low_precision: bool) -> list[Row]:
    step = _stepper(learning, low_precision=low_precision)
    cached = source[0]
    for number in range(steps + 1):  # a frozen text tower meets its texts
        _meet_texts(learning, source[number])
    step(cached)
    making, fresh, again = [], [], []
    for number in range(1, steps + 1):
        again.append(wall(partial(step, cached)))
        begin = time.perf_counter()
        batch = source[number]
        made = time.perf_counter()
        step(batch)
        making.append(made - begin)
        fresh.append(time.perf_counter() - begin)
    # The least of each: on a machine with other work the middle says more of that work than of ours.
    with_making, without, alone = min(fresh), min(again), min(making)
    ratio = with_making / without
    return [
        Row(f"training step, {name}", with_making, "s", without, ratio, "<= 1.1 times", ratio <= 1.1),
        Row("    making the batch", alone, "s", without, alone / without),
    ]


def _meet_texts(learning: Learning, batch: Batch) -> None:
    with torch.no_grad():
        for slot, inputs in batch.inputs.items():
            if isinstance(inputs, list):
                learning.vectors(batch, slot)


def _stepper(learning: Learning, *, low_precision: bool) -> Callable[[Batch], None]:
    optimizer = learning.configure_optimizers()["optimizer"]
    assert isinstance(optimizer, torch.optim.Optimizer)
    learning.train()

    def step(batch: Batch) -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=low_precision):
            loss, _ = learning.loss(batch)
        loss.backward()
        optimizer.step()

    return step
