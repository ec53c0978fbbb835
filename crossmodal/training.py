"""Training a space: catalogue + recipe -> stages -> a folder that `crossmodal.load` takes.

State lies in `OUTPUT/training`: prepared recordings, and for each stage its logs, checkpoints and, once it is finished, its weights.
`resume` goes on from there, provided that recipe and catalogue are the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import lightning
import numpy as np
import torch
from torch import Tensor

from crossmodal.assembly import (
    build_embedding,
    build_pairs,
    check_recipe,
)
from crossmodal.base.errors import InputError, RecipeError
from crossmodal.base.files import (
    FolderLock,
    make_folder,
    read_json,
    remove_leftovers,
    sha256_file,
    write_json,
)
from crossmodal.base.results import Skipped
from crossmodal.card import write_card
from crossmodal.embedding import JointEmbedding, along, pool_windows
from crossmodal.prepared import PreparedStore, prepare_store
from crossmodal.recipe import Recipe, dump_recipe
from crossmodal.space import Background, Space
from crossmodal.space_files import MANIFEST, load_space, save_space
from crossmodal.stages.fit import on_gpu
from crossmodal.training_stages import Material, run_stage
from encoders.covers import ImageEncoder
from encoders.encoder import AudioEncoder, SequenceEncoder
from encoders.labels import Labels
from pairs.catalogue import Catalogue, read_catalogue
from pairs.cover_audio import with_covers
from pairs.source import Item
from pairs.splits import assign_splits

STATE = "training"


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
    on_gpu(device)
    state = make_folder(output / STATE)
    with FolderLock(state):
        _guard(state, recipe, catalogue, resume=resume)
        for folder in (state, *state.glob("prepared/*")):
            remove_leftovers(folder)
        if resume and (output / MANIFEST).exists():
            return load_space(output), [Skipped.model_validate(row) for row in _listed(state)]
        lightning.seed_everything(recipe.seed, verbose=False)
        torch.set_num_threads(jobs)  # torch counts cores, and leaves half of the hardware threads idle
        read = _read(recipe, catalogue, state)
        embedding = build_embedding(recipe, names=class_names(recipe, read))
        begun = {m: embedding.tower(m).encoder.begin() for m in embedding.towers}
        start = _begin(embedding, recipe.start) if recipe.start else None
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
        space = _space(recipe, embedding, material, output, start)
        space.card += "".join(f"- The {m} tower began with: {told}\n" for m, told in begun.items() if told)
        write_json(state / "skipped.json", [row.model_dump() for row in material.skipped])
        return save_space(space, output), material.skipped


def _begin(embedding: JointEmbedding, name: str) -> Space:
    """Gives the towers the weights of a space, which is returned. RecipeError where its towers are others."""
    start = load_space(name)
    own, given = embedding.state_dict(), start.embedding.state_dict()
    wrong = [k for k in {*own, *given} if k not in own or k not in given or own[k].shape != given[k].shape]
    if wrong:
        raise RecipeError(
            f"start: expected a space with the towers of this recipe, got {name}, which differs in {min(wrong)}"
        )
    embedding.load_state_dict(given)
    return start


def _read(recipe: Recipe, catalogue: Path, state: Path) -> Catalogue:
    """The catalogue; for a recipe of pictures, with the covers that it does not name itself."""
    read = read_catalogue(catalogue)
    if "image" not in recipe.towers or "audio" not in recipe.towers:
        return read
    items, skipped = with_covers(read.items, state / "covers")
    bare = [Skipped(path=str(i.files["audio"]), reason="no cover") for i in items if i.files.keys() == {"audio"}]
    return Catalogue(read.path, items, [*read.problems, *skipped, *bare])


def class_names(recipe: Recipe, catalogue: Catalogue) -> list[str]:
    """The classes of a label tower: those of the first stage whose pairs have any, or all tags of the training items."""
    items = [item for item in catalogue.items if "audio" in item.files or "audio" not in recipe.towers]
    trained = [item for item in assign_splits(items, seed=recipe.seed) if item.split == "train"]
    for stage in recipe.stages.values() if "label" in recipe.towers and trained else ():
        if "label" in stage.slots and (names := build_pairs(stage.pairs, trained).classes()):
            return names
    tags = sorted({tag for item in trained for tag in item.tags})
    if "label" in recipe.towers and not tags:
        raise InputError(
            f"{catalogue.path}: expected items with tags or genres, got none; fill the column tags or genre"
        )
    return tags


def _with_files(embedding: JointEmbedding) -> dict[str, AudioEncoder | ImageEncoder]:
    """Encoders whose inputs are prepared once and kept: those of recordings and of pictures."""
    encoders = {modality: embedding.tower(modality).encoder for modality in embedding.towers}
    return {m: e for m, e in encoders.items() if isinstance(e, AudioEncoder | ImageEncoder)}


def gather_material(
    embedding: JointEmbedding, catalogue: Catalogue, folder: Path, *, seed: int, jobs: int, quiet: bool
) -> Material:
    """Splits a catalogue by work and prepares its recordings and pictures."""
    encoders = _with_files(embedding)
    if not encoders:
        raise RecipeError(f"towers: expected audio or image among them, got {', '.join(embedding.towers)}")
    usable = [item for item in catalogue.items if encoders.keys() <= item.files.keys()]
    if not usable:
        wanted = " and ".join(encoders)
        raise InputError(
            f"{catalogue.path}: expected items with an {wanted} file, got none; check the {wanted} column and the paths"
        )
    store = PreparedStore([])
    skipped: list[Skipped] = []
    for modality, encoder in encoders.items():
        paths = list(dict.fromkeys(item.files[modality] for item in usable))
        made, bad = prepare_store(encoder, paths, folder=folder, jobs=jobs, quiet=quiet)
        store, skipped = store | made, [*skipped, *bad]
    usable = [item for item in usable if all(item.files[modality] in store for modality in encoders)]
    splits: dict[str, list[Item]] = {"train": [], "validation": [], "test": []}
    for item in assign_splits(usable, seed=seed):
        splits[item.split or "train"].append(item)
    return Material(splits, store, [*catalogue.problems, *skipped], catalogue)


def track_vectors(
    embedding: JointEmbedding, store: PreparedStore, items: Sequence[Item], *, modality: str = "audio"
) -> Tensor:
    """Vectors of whole recordings from their prepared frames, or of prepared pictures, (n, d)."""
    tower = embedding.tower(modality)
    encoder = tower.encoder
    device = next(embedding.parameters()).device
    rows = []
    with torch.inference_mode():
        for item in items:
            frames = store.whole(item.files[modality])
            if isinstance(encoder, ImageEncoder):
                rows.append(tower(frames.movedim(-1, 0).to(device)).cpu()[0])
                continue
            assert isinstance(encoder, AudioEncoder)
            if isinstance(encoder, SequenceEncoder):
                rows.append(pool_windows(along(tower, frames)))
                continue
            windows = torch.stack(
                [frames[..., s : s + encoder.window] for s in encoder.window_starts(frames.shape[-1])]
            )
            rows.append(pool_windows(tower(windows.to(device)).cpu()))
    return torch.stack(rows)


def _space(recipe: Recipe, embedding: JointEmbedding, material: Material, output: Path, start: Space | None) -> Space:
    items = material.splits["train"]
    main = "audio" if "audio" in embedding.towers else "image"
    vectors = track_vectors(embedding, material.store, items, modality=main)
    own = embedding.tower("label").encoder if "label" in embedding.towers else None
    seen: set[str] = set()
    for stage in recipe.stages.values():
        seen |= getattr(
            build_pairs(stage.pairs, items, labels=class_names(recipe, material.catalogue)), "vocabulary", set()
        )
    space = Space(
        name=recipe.name,
        location=str(output),
        fingerprint="",
        embedding=embedding.cpu(),
        recipe=recipe,
        vocabulary=own.names if isinstance(own, Labels) else sorted(seen),  # classes in the order of their vectors
        works=frozenset(item.work or item.id for item in items) | (start.works if start else frozenset()),
        background=Background(vectors.mean(dim=0), torch.from_numpy(np.cov(vectors.numpy().T).astype(np.float32))),
    )
    space.card = write_card(
        space,
        material.catalogue,
        {k: len(v) for k, v in material.splits.items()},
        len(material.skipped),
        start=start.reference if start else None,
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
                    f"{state}: expected the {name} that this training began with, got another; train into another folder"
                )
        return
    begun = "a finished space" if (state.parent / MANIFEST).exists() else "an interrupted training"
    if (state.parent / MANIFEST).exists() or any(state.glob("*/checkpoints")):
        remedy = "give another --output" if resume else "add --resume to go on with it, or give another --output"
        raise InputError(f"{state.parent}: expected a new folder, got {begun}; {remedy}")
    write_json(known, now)
