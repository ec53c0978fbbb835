"""One stage of a training: what its recipe names is built from the material, run, and kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from crossmodal.assembly import build, build_fit, build_head, build_objective, build_pairs, build_tower
from crossmodal.augmentation import AUGMENTATIONS, Augmentation
from crossmodal.base.errors import InputError, RecipeError
from crossmodal.base.files import atomic_write, make_folder
from crossmodal.base.names import resolve
from crossmodal.comparing import LABEL
from crossmodal.data import BatchSource
from crossmodal.embedding import JointEmbedding, owned_state
from crossmodal.material import Material
from crossmodal.objectives.correlation import Cca
from crossmodal.objectives.frame_models import FrameModel
from crossmodal.recipe import Recipe
from crossmodal.recipe_parts import Component, Stage
from crossmodal.stages.closed_form import fit_classes, fit_frames, fit_heads
from crossmodal.stages.fit import StageData, fit
from crossmodal.stages.learning import Learning
from encoders.labels import Labels
from pairs.source import Item, PairSource


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
    torch.manual_seed(seed)  # fresh heads do not depend on what ran before, so that a resumed training has the same
    if stage.fit is not None:
        batches = fitting_batches(embedding, stage, material, seed=seed)
        method = build_fit(stage.fit)
        if isinstance(method, Cca):
            fit_heads(embedding, stage.train, method, batches, folder=folder, device=device, quiet=quiet)
        elif isinstance(method, FrameModel):
            fit_frames(embedding, stage.train[0], method, batches, seed=seed, quiet=quiet)
        else:
            assert stage.by is not None  # a recipe is checked for it
            fit_classes(embedding, stage.train[0], stage.by, method, batches, device=device, quiet=quiet)
    else:
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
    own = embedding.tower("label").encoder if "label" in embedding.towers else None
    names = own.names if isinstance(own, Labels) else []
    training = build_pairs(stage.pairs, material.splits["train"], labels=names)
    names = training.classes() or names
    _check_slots(stage, training)
    auxiliary = {m: build_tower(t, names=names) for m, t in stage.auxiliary.items()}
    for tower in auxiliary.values():
        tower.encoder.begin()  # what it began with is no news: it is thrown away
    heads: dict[str, nn.Module] = {
        m: build_head(h, embedding.tower(m).encoder.dimension) for m, h in stage.heads.items()
    }
    learning = Learning(
        embedding,
        parts=stage.comparisons,
        objectives=[build_objective(part.objective) for part in stage.comparisons],
        train=stage.train,
        training=stage.training,
        auxiliary=auxiliary,
        heads=heads,
        augmentations=[_augmentation(a, embedding) for a in stage.augmentation],
        augmented=stage.augmented,
        seed=seed,
    )
    encoders = {m: learning.tower(m).encoder for m in (*embedding.towers, *auxiliary)}

    concepts = list(dict.fromkeys(part.concept for part in stage.comparisons if part.concept is not None))

    def batches(source: PairSource, offset: int) -> BatchSource:
        size = stage.training.batch_size
        return BatchSource(source, encoders, material.store, batch_size=size, seed=seed + offset, concepts=concepts)

    watched = _validation_pairs(stage, material.splits["validation"], names)
    return learning, StageData(batches(training, 0), batches(watched, 1) if watched else None)


def _augmentation(component: Component, embedding: JointEmbedding) -> Augmentation:
    """An augmentation, built for the tower whose inputs it changes. RecipeError where there is none."""
    kind: type[Augmentation] = resolve(AUGMENTATIONS, component.type, "an augmentation")
    encoders = [embedding.tower(modality).encoder for modality in embedding.towers]
    encoder = next((encoder for encoder in encoders if encoder.modality == kind.modality), None)
    if encoder is None:
        raise RecipeError(
            f"{component.type}: expected a tower of {kind.modality}, got none; leave the augmentation out"
        )
    made: Augmentation = build(component, AUGMENTATIONS, "an augmentation", encoder=encoder)
    return made


def fitting_batches(embedding: JointEmbedding, stage: Stage, material: Material, *, seed: int) -> BatchSource:
    """The batches of a stage that is fitted."""
    source = build_pairs(stage.pairs, material.splits["train"])
    _check_slots(stage, source)
    encoders = {modality: embedding.tower(modality).encoder for modality in embedding.towers}
    concepts = [stage.by] if stage.by is not None else []
    size = stage.training.batch_size
    return BatchSource(source, encoders, material.store, batch_size=size, seed=seed, concepts=concepts)


def _validation_pairs(stage: Stage, items: Sequence[Item], labels: Sequence[str]) -> PairSource | None:
    """The pairs to watch while training; None where the catalogue has too few items that are usable for it."""
    try:
        source = build_pairs(stage.pairs, items, labels=labels)
    except InputError:  # none of them has what the pairs are made of
        return None
    return source if len(source) > 1 else None


def _check_slots(stage: Stage, source: PairSource) -> None:
    """What the recipe compares is what the pairs give."""
    if not len(source):
        raise InputError("expected items to train on, got none; check the split column and the skipped files")
    given = list(source.draw(0, np.random.default_rng(0)).inputs)
    named = {slot for part in stage.comparisons if part.concept for slot in part.slots} & {
        LABEL
    }  # the concept says whose
    for slot in stage.slots:
        if slot not in given and not (slot in named and source.classes()):
            raise RecipeError(f'pairs "{stage.pairs.type}": expected the slots {", ".join(given)}, got "{slot}"')
