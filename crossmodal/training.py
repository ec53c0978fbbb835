"""Training a space: catalogue + recipe -> stages -> a folder that `crossmodal.load` takes.

State lies in `OUTPUT/training`: prepared recordings, and for each stage its logs, checkpoints and, once it is finished, its weights.
`resume` goes on from there, provided that recipe and catalogue are the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import lightning
import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from crossmodal.assembly import (
    build,
    build_embedding,
    build_head,
    build_objective,
    build_pairs,
    build_tower,
    check_recipe,
)
from crossmodal.augmentation import AUGMENTATIONS
from crossmodal.base.errors import InputError
from crossmodal.base.files import FolderLock, atomic_write, make_folder, read_json, sha256_file, write_json
from crossmodal.base.results import Skipped
from crossmodal.card import write_card
from crossmodal.data import BatchSource
from crossmodal.embedding import JointEmbedding, owned_state, pool_windows
from crossmodal.prepared import PreparedStore, prepare_store
from crossmodal.recipe import Recipe, Stage, dump_recipe
from crossmodal.space import Background, Space
from crossmodal.space_files import MANIFEST, load_space, save_space
from crossmodal.stages.fit import StageData, fit
from crossmodal.stages.learning import Learning
from encoders.encoder import AudioEncoder
from pairs.catalogue import Catalogue, read_catalogue
from pairs.source import Item
from pairs.splits import assign_splits

STATE = "training"


@dataclass(frozen=True)
class Material:
    """What is trained on: items by split, their prepared frames, and what had to be left out."""

    splits: dict[str, list[Item]]
    store: PreparedStore
    skipped: list[Skipped]
    catalogue: Catalogue


def train(
    recipe: Recipe,
    catalogue: Path,
    output: Path,
    *,
    prepared: Path | None = None,
    jobs: int = 2,
    device: str | None = None,
    resume: bool = False,
    quiet: bool = False,
) -> tuple[Space, list[Skipped]]:
    """Runs all stages of a recipe on a catalogue and saves the space in `output`.

    prepared: folder of prepared recordings, to share them between trainings; jobs: threads that prepare; device: "cpu" or "cuda".

    Returns the space and the items that were left out. Raises RecipeError, InputError; KeyboardInterrupt leaves a state to resume.
    """
    check_recipe(recipe)
    state = make_folder(output / STATE)
    with FolderLock(state):
        _guard(state, recipe, catalogue, resume=resume)
        if resume and (output / MANIFEST).exists():
            return load_space(output), [Skipped.model_validate(row) for row in _listed(state)]
        lightning.seed_everything(recipe.seed, verbose=False)
        read = read_catalogue(catalogue)
        embedding = build_embedding(recipe, names=sorted({tag for item in read.items for tag in item.tags}))
        material = gather_material(
            embedding, read, prepared or state / "prepared", seed=recipe.seed, jobs=jobs, quiet=quiet
        )
        for number, (name, stage) in enumerate(recipe.stages.items(), start=1):
            run_stage(
                embedding,
                recipe,
                stage,
                material,
                folder=state / f"{number}-{name}",
                number=number,
                device=device,
                resume=resume,
                quiet=quiet,
            )
        embedding.eval()
        space = _space(recipe, embedding, material, output)
        write_json(state / "skipped.json", [row.model_dump() for row in material.skipped])
        return save_space(space, output), material.skipped


def gather_material(
    embedding: JointEmbedding, catalogue: Catalogue, folder: Path, *, seed: int, jobs: int, quiet: bool
) -> Material:
    """Splits a catalogue by work and prepares its recordings."""
    encoder = embedding.tower("audio").encoder
    assert isinstance(encoder, AudioEncoder)
    usable = [item for item in catalogue.items if "audio" in item.files]
    if not usable:
        raise InputError(
            f"{catalogue.path}: expected items with an audio file, got none; check the audio column and the paths"
        )
    paths = list(dict.fromkeys(item.files["audio"] for item in usable))
    store, skipped = prepare_store(encoder, paths, folder=folder, jobs=jobs, quiet=quiet)
    usable = [item for item in usable if item.files["audio"] in store]
    splits: dict[str, list[Item]] = {"train": [], "validation": [], "test": []}
    for item in assign_splits(usable, seed=seed):
        splits[item.split or "train"].append(item)
    return Material(splits, store, [*catalogue.problems, *skipped], catalogue)


def run_stage(
    embedding: JointEmbedding,
    recipe: Recipe,
    stage: Stage,
    material: Material,
    *,
    folder: Path,
    number: int,
    device: str | None,
    resume: bool,
    quiet: bool,
) -> None:
    """Trains one stage in place, or loads what it made if it is finished."""
    finished = folder / "weights.safetensors"
    if resume and finished.exists():
        embedding.load_state_dict(load_file(finished), strict=False)
        return
    seed = recipe.seed + number
    learning, data = assemble_stage(embedding, stage, material, seed=seed)
    for modality in embedding.towers:
        learning.warm(modality, data.training.source.texts(), quiet=quiet)
    fit(
        learning,
        data,
        folder=make_folder(folder),
        training=stage.training,
        seed=seed,
        device=device,
        resume=resume,
        quiet=quiet,
    )
    with atomic_write(finished) as temporary:
        save_file(owned_state(embedding), temporary)


def assemble_stage(
    embedding: JointEmbedding, stage: Stage, material: Material, *, seed: int
) -> tuple[Learning, StageData]:
    """The Lightning module and the batches of a stage."""
    training = build_pairs(stage.pairs, material.splits["train"])
    names = list(getattr(training, "labels", ()))
    auxiliary = {m: build_tower(t, names=names) for m, t in stage.auxiliary.items()}
    heads: dict[str, nn.Module] = {
        m: build_head(h, embedding.tower(m).encoder.dimension) for m, h in stage.heads.items()
    }
    encoder = embedding.tower("audio").encoder
    learning = Learning(
        embedding,
        parts=stage.comparisons,
        objectives=[build_objective(part.objective) for part in stage.comparisons],
        train=stage.train,
        training=stage.training,
        auxiliary=auxiliary,
        heads=heads,
        augmentations=[build(a, AUGMENTATIONS, "an augmentation", encoder=encoder) for a in stage.augmentation],
        seed=seed,
    )
    encoders = {m: learning.tower(m).encoder for m in (*embedding.towers, *auxiliary)}

    def batches(items: Sequence[Item], offset: int) -> BatchSource:
        source = training if items is material.splits["train"] else build_pairs(stage.pairs, items)
        return BatchSource(source, encoders, material.store, batch_size=stage.training.batch_size, seed=seed + offset)

    validation = batches(material.splits["validation"], 1) if len(material.splits["validation"]) > 1 else None
    return learning, StageData(batches(material.splits["train"], 0), validation)


def track_vectors(embedding: JointEmbedding, store: PreparedStore, items: Sequence[Item]) -> Tensor:
    """Vectors of whole recordings from their prepared frames, (n, d)."""
    tower = embedding.tower("audio")
    encoder = tower.encoder
    assert isinstance(encoder, AudioEncoder)
    device = next(embedding.parameters()).device
    rows = []
    with torch.inference_mode():
        for item in items:
            frames = store.whole(item.files["audio"])
            windows = torch.stack(
                [frames[..., s : s + encoder.window] for s in encoder.window_starts(frames.shape[-1])]
            )
            rows.append(pool_windows(tower(windows.to(device)).cpu()))
    return torch.stack(rows)


def _space(recipe: Recipe, embedding: JointEmbedding, material: Material, output: Path) -> Space:
    items = material.splits["train"]
    vectors = track_vectors(embedding, material.store, items)
    seen = build_pairs(list(recipe.stages.values())[-1].pairs, items)
    space = Space(
        name=recipe.name,
        location=str(output),
        fingerprint="",
        embedding=embedding.cpu(),
        recipe=recipe,
        vocabulary=sorted(getattr(seen, "vocabulary", set())),
        works=frozenset(item.work or item.id for item in items),
        background=Background(vectors.mean(dim=0), torch.from_numpy(np.cov(vectors.numpy().T).astype(np.float32))),
    )
    space.card = write_card(
        space, material.catalogue, {k: len(v) for k, v in material.splits.items()}, len(material.skipped)
    )
    return space


def _listed(state: Path) -> list[object]:
    rows = read_json(state / "skipped.json")
    return rows if isinstance(rows, list) else []


def _guard(state: Path, recipe: Recipe, catalogue: Path, *, resume: bool) -> None:
    """Resuming needs the recipe and the catalogue of the run that was interrupted."""
    known = state / "run.json"
    now = {"recipe": hashlib.sha256(dump_recipe(recipe).encode()).hexdigest(), "catalogue": sha256_file(catalogue)}
    if resume and known.exists():
        before = read_json(known)
        for name, value in now.items():
            if not isinstance(before, dict) or before.get(name) != value:
                raise InputError(
                    f"{state}: expected the {name} that this training began with, got another; train without --resume or elsewhere"
                )
        return
    write_json(known, now)
