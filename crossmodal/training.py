"""Training a space: catalogue + recipe -> stages -> a folder that `crossmodal.load` takes.

State lies in `OUTPUT/training`: prepared recordings, and for each stage its logs, checkpoints and, once it is finished, its weights.
`resume` goes on from there, provided that recipe and catalogue are the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence, Set
from pathlib import Path

import lightning
import numpy as np
import torch
from torch import Tensor

from crossmodal.assembly import (
    build_embedding,
    build_pairs,
    check_recipe,
    needed_files,
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
from crossmodal.embedding import JointEmbedding, along, device_of, pool_windows
from crossmodal.overlays import OVERLAID
from crossmodal.prepared import PreparedStore, front_end_key, prepare_store
from crossmodal.recipe import Recipe, dump_recipe
from crossmodal.space import Background, Space
from crossmodal.space_files import MANIFEST, load_space, save_space
from crossmodal.stages.fit import on_gpu
from crossmodal.training_stages import Material, fitting_batches, run_stage
from encoders.encoder import AudioEncoder, SequenceEncoder
from encoders.labels import Labels
from pairs.catalogue import Catalogue, read_catalogue
from pairs.source import Item
from pairs.splits import assign_splits

STATE = "training"
DRAWN_BATCHES = 16


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
        read = read_catalogue(catalogue)
        embedding = build_embedding(recipe, names=class_names(recipe, read))
        start = _begin(embedding, recipe.start) if recipe.start else None
        material = gather_material(
            embedding, read, prepared or state / "prepared", needs=needed_files(recipe), seed=recipe.seed, jobs=jobs,
            quiet=quiet,
        )  # fmt: skip
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


def class_names(recipe: Recipe, catalogue: Catalogue) -> list[str]:
    """The classes of a label tower: those that a stage lists, or all tags of the training items."""
    for stage in recipe.stages.values():
        listed = stage.pairs.arguments.get("labels") if stage.pairs.type == "labels" else None
        if isinstance(listed, list) and listed:
            return [str(name) for name in listed]
    items = assign_splits([item for item in catalogue.items if "audio" in item.files], seed=recipe.seed)
    return sorted({tag for item in items if item.split == "train" for tag in item.tags})


def gather_material(
    embedding: JointEmbedding, catalogue: Catalogue, folder: Path, *, needs: Set[str] = frozenset({"audio"}), seed: int, jobs: int,
    quiet: bool,
) -> Material:  # fmt: skip
    """Splits a catalogue by work and, where the pairs need "audio" (see `PairSource`), prepares its recordings: of an item those of all
    towers of sound, which share one front end.
    """
    kinds = embedding.recordings
    if not kinds:
        raise RecipeError(f"towers: expected one of recordings among them, got {', '.join(embedding.towers)}")
    encoders = [encoder for kind in kinds if isinstance(encoder := embedding.tower(kind).encoder, AudioEncoder)]
    needed = (needs - {"audio"}) | set(kinds if "audio" in needs else ())
    usable = [item for item in catalogue.items if needed <= item.files.keys()]
    if not usable:
        raise InputError(
            f"{catalogue.path}: expected items with files in the columns {', '.join(sorted(needed))}, got none; check columns and paths"
        )
    store, skipped = PreparedStore([], encoders[0].window), list[Skipped]()
    if "audio" in needs:
        if len({(front_end_key(encoder), encoder.window) for encoder in encoders}) > 1:
            raise RecipeError(
                f"towers: expected one front end for {' and '.join(kinds)}, got several; give them the same"
            )
        columns = list(dict.fromkeys([*kinds, *(part for kind in kinds for part in OVERLAID.get(kind, ()))]))
        paths = list(dict.fromkeys(item.files[kind] for item in usable for kind in columns if kind in item.files))
        store, skipped = prepare_store(encoders[0], paths, folder=folder, jobs=jobs, quiet=quiet)
        usable = [item for item in usable if all(item.files[kind] in store for kind in columns if kind in item.files)]
    splits: dict[str, list[Item]] = {"train": [], "validation": [], "test": []}
    for item in assign_splits(usable, seed=seed):
        splits[item.split or "train"].append(item)
    return Material(splits, store, [*catalogue.problems, *skipped], catalogue)


def track_vectors(embedding: JointEmbedding, store: PreparedStore, items: Sequence[Item]) -> Tensor:
    """Vectors of whole recordings from their prepared frames, (n, d); of the last tower of sound where there are several (the mixes)."""
    kind = embedding.recordings[-1]
    tower = embedding.tower(kind)
    encoder = tower.encoder
    assert isinstance(encoder, AudioEncoder)
    device = next(embedding.parameters()).device
    rows = []
    with torch.inference_mode():
        for item in items:
            frames = store.whole(item.files[kind])
            if isinstance(encoder, SequenceEncoder):
                rows.append(pool_windows(along(tower, frames)))
                continue
            windows = torch.stack(
                [frames[..., s : s + encoder.window] for s in encoder.window_starts(frames.shape[-1])]
            )
            rows.append(pool_windows(tower(windows.to(device)).cpu()))
    return torch.stack(rows)


def drawn_vectors(embedding: JointEmbedding, recipe: Recipe, material: Material) -> Tensor:
    """Vectors (n, d) of recordings as the last stage's pairs draw them: where these bring frames of their own, nothing is prepared."""
    stage = list(recipe.stages.values())[-1]
    batches = fitting_batches(embedding, stage, material, seed=recipe.seed)
    tower = embedding.tower("audio")
    with torch.inference_mode():
        found = [tower(batches[step].to(device_of(embedding)).inputs["audio"]).cpu() for step in range(DRAWN_BATCHES)]
    return torch.cat(found)


def _space(recipe: Recipe, embedding: JointEmbedding, material: Material, output: Path, start: Space | None) -> Space:
    items = material.splits["train"]
    if "audio" in needed_files(recipe):
        vectors = track_vectors(embedding, material.store, items)
    else:
        vectors = drawn_vectors(embedding, recipe, material)
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
