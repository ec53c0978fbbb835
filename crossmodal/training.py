"""Training a space: catalogue + recipe -> stages -> a folder that `crossmodal.load` takes.

State lies in `OUTPUT/training`: prepared recordings, and for each stage its logs, checkpoints and, once it is finished, its weights.
`resume` goes on from there, provided that recipe and catalogue are the same.
"""

from __future__ import annotations

import hashlib
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
    remedies,
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
from crossmodal.embedding import JointEmbedding, device_of
from crossmodal.material import Material, class_names, gather_material, read_material, track_vectors
from crossmodal.recipe import Recipe, dump_recipe
from crossmodal.space import Background, Space
from crossmodal.space_files import MANIFEST, load_space, save_space
from crossmodal.stages.fit import on_gpu
from crossmodal.training_stages import fitting_batches, run_stage
from encoders.labels import Labels

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
        read = read_material(recipe, catalogue, state / "covers")
        embedding = _embedding(recipe, class_names(recipe, read))
        start = _begin(embedding, recipe.start) if recipe.start else None
        begun = {} if start else {modality: embedding.tower(modality).encoder.begin() for modality in embedding.towers}
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
        space.card += "".join(f"- The {m} tower began with: {told}\n" for m, told in begun.items() if told)
        write_json(state / "skipped.json", [row.model_dump() for row in material.skipped])
        return save_space(space, output), material.skipped


def _embedding(recipe: Recipe, names: list[str]) -> JointEmbedding:
    try:
        return build_embedding(recipe, names=names)
    except InputError as error:
        raise InputError("; ".join([str(error), *remedies(recipe)])) from error


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
    prepared = [modality for modality in recipe.towers if modality in needed_files(recipe)]
    if prepared:
        heard = [modality for modality in embedding.recordings if modality in prepared]
        vectors = track_vectors(embedding, material.store, items, modality=(heard or prepared)[-1])
    else:
        vectors = drawn_vectors(embedding, recipe, material)
    own = embedding.tower("label").encoder if "label" in embedding.towers else None
    seen: set[str] = set()
    for stage in recipe.stages.values():
        source = build_pairs(stage.pairs, items, labels=own.names if isinstance(own, Labels) else [])
        seen |= getattr(source, "vocabulary", set())
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
