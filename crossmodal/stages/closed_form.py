"""A stage that is fitted and not trained, on the training items: heads in closed form, or an encoder's model of frames."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from crossmodal.base.errors import InputError, RecipeError
from crossmodal.base.files import make_folder, write_json
from crossmodal.base.progress import progress
from crossmodal.data import Batch, BatchSource
from crossmodal.embedding import JointEmbedding, TowerModule
from crossmodal.objectives.correlation import Cca
from crossmodal.objectives.frame_models import FrameModel
from crossmodal.objectives.linear_metrics import Lda, Lmnn
from crossmodal.stages.fit import on_gpu
from encoders.cca import Canonical
from encoders.encoder import Anchored
from encoders.timbre import TimbreEncoder


def fit_heads(
    embedding: JointEmbedding,
    slots: list[str],
    method: Cca,
    batches: BatchSource,
    *,
    folder: Path,
    device: str | None,
    quiet: bool,
) -> None:
    """Fits the heads of two towers in place, and writes the correlations of the pairs to `folder/correlations.json`.

    slots: the two modalities; row i of one belongs to row i of the other. Whole batches from the first on are encoded as
    a search would, without augmentation, until `method.pairs` rows are there. Raises InputError where nothing can be fitted.
    """
    where = torch.device(device or "cuda") if on_gpu(device) else torch.device("cpu")
    towers = [embedding.tower(slot) for slot in slots]
    rows: list[list[Tensor]] = [[], []]
    count, step = 0, 0
    embedding.eval().to(where)
    with torch.inference_mode(), progress(method.pairs, "fitting", quiet=quiet) as bar:
        while count < method.pairs:
            batch = batches[step]
            found = [_features(tower, slot, batch, where) for tower, slot in zip(towers, slots, strict=True)]
            for kept, vectors in zip(rows, found, strict=True):
                kept.append(vectors)
            bar.advance(min(len(found[0]), method.pairs - count))
            count, step = count + len(found[0]), step + 1
    embedding.cpu()
    first, second = (torch.cat(kept)[: method.pairs] for kept in rows)
    fitted = method.fit(first, second)
    for tower, slot, projection in zip(towers, slots, (fitted.queries, fitted.targets), strict=True):
        if not isinstance(tower.head, Canonical):
            raise RecipeError(
                f'towers.{slot}.head: expected "cca", which can be fitted, got {type(tower.head).__name__}'
            )
        tower.head.set_projection(projection.mean, projection.matrix)
    report = {"pairs": len(first), "correlations": [round(c, 6) for c in fitted.correlations.tolist()]}
    write_json(make_folder(folder) / "correlations.json", report)


def fit_classes(
    embedding: JointEmbedding, slot: str, concept: str, method: Lda | Lmnn, batches: BatchSource, *, device: str | None, quiet: bool
) -> None:  # fmt: skip
    """Fits the head of one tower in place, to the classes that the concept's values are; of several values the first counts.

    Whole batches from the first on are encoded as a search would, until `method.samples` rows are there. Rows without a value are left
    out. Raises InputError where nothing can be fitted.
    """
    where = torch.device(device or "cuda") if on_gpu(device) else torch.device("cpu")
    tower = embedding.tower(slot)
    if not isinstance(tower.head, Canonical):
        raise RecipeError(f"towers.{slot}.head: expected one that can be fitted, got {type(tower.head).__name__}")
    rows, classes, count, step = list[Tensor](), list[Tensor](), 0, 0
    embedding.eval().to(where)
    with torch.inference_mode(), progress(method.samples, "fitting", quiet=quiet) as bar:
        while count < method.samples:
            batch = batches[step]
            found, ids = _features(tower, slot, batch, where), batch.concepts[concept][slot][:, 0]
            rows.append(found[ids >= 0])
            classes.append(ids[ids >= 0])
            bar.advance(min(len(found), method.samples - count))
            count, step = count + len(found), step + 1
    embedding.cpu()
    # Copied out of inference mode: what is fitted by gradient would refuse its tensors.
    projection = method.fit(torch.cat(rows).clone(), torch.cat(classes).clone())
    tower.head.set_projection(projection.mean, projection.matrix)


def fit_frames(
    embedding: JointEmbedding, slot: str, method: FrameModel, batches: BatchSource, *, seed: int, quiet: bool
) -> None:
    """Fits the model of frames of one tower's encoder in place. Whole batches of windows from the first on, until `method.frames` frames
    are there. Raises InputError where nothing can be fitted.
    """
    encoder = embedding.tower(slot).encoder
    assert isinstance(encoder, TimbreEncoder)  # a recipe is checked for it
    rows, count, step = list[Tensor](), 0, 0
    with progress(method.frames, "fitting", quiet=quiet) as bar:
        while count < method.frames:
            windows = batches[step].inputs[slot]
            assert isinstance(windows, Tensor)
            rows.append(windows.float().transpose(1, 2).flatten(0, 1))
            bar.advance(min(len(rows[-1]), method.frames - count))
            count, step = count + len(rows[-1]), step + 1
    encoder.take(**method.fit(torch.cat(rows)[: method.frames], encoder.kinds, seed=seed))


def _features(tower: TowerModule, slot: str, batch: Batch, device: torch.device) -> Tensor:
    """What the encoder says of a slot's rows, (n, d) on the CPU."""
    inputs = batch.inputs[slot]
    if isinstance(inputs, list):
        inputs = tower.encoder.collate(inputs)
    if isinstance(inputs, Tensor | Anchored):
        inputs = inputs.to(device)
    vectors: Tensor = tower.encoder(inputs)
    if vectors.ndim != 2 or not len(vectors):
        raise InputError(f'expected vectors of the slot "{slot}", got {tuple(vectors.shape)}; check the pairs')
    return vectors.float().cpu()
