"""Batch vectors -> comparisons: who is a right answer to whom. The last place that knows modalities; objectives see masks.

Between a slot that states facts (a text) and a slot of items, a pair is positive when all stated facts hold for the item, or when
the text was drawn for it; a text that states none belongs to its own group (work). Between two slots of items, pairs of one group
are positive. A class vector (labels) is a right answer to the items that have the label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from crossmodal.base.errors import RecipeError
from crossmodal.data import Batch
from crossmodal.objectives.comparison import Comparison

LABEL = "label"


def compare(vectors: Mapping[str, Tensor], batch: Batch, queries: Sequence[str], targets: Sequence[str]) -> Comparison:
    """Vectors of slots (n, d) (labels: (c, d)) -> a Comparison of the concatenated query slots with the target slots."""
    positives = torch.cat([torch.cat([_positives(batch, q, t) for t in targets], dim=1) for q in queries])
    selves = torch.cat([torch.cat([_selves(batch, q, t) for t in targets], dim=1) for q in queries])
    selves = selves.to(positives.device)
    return Comparison(
        queries=torch.cat([vectors[q] for q in queries]),
        targets=torch.cat([vectors[t] for t in targets]),
        positives=positives & ~selves,
        negatives=~positives & ~selves,
    )


def _positives(batch: Batch, query: str, target: str) -> Tensor:
    if target == LABEL:
        if batch.labels is None:
            raise RecipeError(
                'expected pairs that give labels for the slot "label", got others; use pairs: {type: labels}'
            )
        return batch.labels
    if query == LABEL:
        return _positives(batch, target, query).T
    if query in batch.stating and target not in batch.stating:
        return _stated_matches(batch)
    if target in batch.stating and query not in batch.stating:
        return _stated_matches(batch).T
    return batch.group[:, None] == batch.group[None, :]


def _stated_matches(batch: Batch) -> Tensor:
    """(n, n): whether all facts of text i hold for item j; by group for texts that state none."""
    missing = batch.facts.float() @ (~batch.tags).float().T
    same_group = batch.group[:, None] == batch.group[None, :]
    own = torch.eye(
        len(batch.group), dtype=torch.bool, device=missing.device
    )  # whatever a text says, it was said of its item
    return torch.where(batch.stated[:, None], (missing == 0) | own, same_group)


def _selves(batch: Batch, query: str, target: str) -> Tensor:
    if LABEL in {query, target}:
        return torch.zeros(_positives(batch, query, target).shape, dtype=torch.bool)
    size = len(batch.group)
    return torch.eye(size, dtype=torch.bool) if query == target else torch.zeros(size, size, dtype=torch.bool)
