"""Vectors and truths of all processes, so that every device compares with all negatives; gradients flow back to their owners."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import lightning
from torch import Tensor

from crossmodal.comparing import LABEL
from crossmodal.data import Batch


def gather_vectors(module: lightning.LightningModule, vectors: Tensor) -> Tensor:
    """(n, d) on each of w processes -> (w * n, d) on all, differentiable."""
    if _alone(module):
        return vectors
    gathered = module.all_gather(vectors, sync_grads=True)
    assert isinstance(gathered, Tensor)
    return gathered.flatten(0, 1)


def gather_batch(module: lightning.LightningModule, batch: Batch) -> Batch:
    """The batch of all processes, without its inputs."""
    if _alone(module):
        return batch

    def gather(values: Tensor) -> Tensor:
        gathered = module.all_gather(values)
        assert isinstance(gathered, Tensor)
        return gathered.flatten(0, 1)

    return replace(
        _gathered_concepts(batch, gather),
        inputs={},
        labels=None if batch.labels is None else gather(batch.labels),
        facts=gather(batch.facts),
        stated=gather(batch.stated),
        tags=gather(batch.tags),
        group=gather(batch.group),
    )


def _gathered_concepts(batch: Batch, gather: Callable[[Tensor], Tensor]) -> Batch:
    """With the values of all processes' rows; the classes are the same in all."""
    rows = {
        concept: {slot: ids if slot == LABEL else gather(ids) for slot, ids in slots.items()}
        for concept, slots in batch.concepts.items()
    }
    return replace(batch, concepts=rows)


def _alone(module: lightning.LightningModule) -> bool:
    return module._trainer is None or module.trainer.world_size == 1
