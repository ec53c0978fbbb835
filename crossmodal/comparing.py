"""Batch vectors -> comparisons: who is a right answer to whom. The last place that knows modalities; objectives see masks.

Between a slot that states facts (a text) and a slot of items, a pair is positive when all stated facts hold for the item, or when
the text was drawn for it; a text that states none belongs to its own group (work). Between two slots of items, pairs of one group
are positive. A class vector (labels) is a right answer to the items that have the label. Where a recipe names a concept (`by`), its
values decide instead, of whatever item each slot's rows are of; where it names negatives (`against`), each example stands alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

from crossmodal.base.errors import RecipeError
from crossmodal.data import Batch
from crossmodal.objectives.comparison import Comparison

LABEL = "label"


def compare(
    vectors: Mapping[str, Tensor], batch: Batch, queries: Sequence[str], targets: Sequence[str], *, by: str | None = None,
    against: Sequence[str] = (),
) -> Comparison:  # fmt: skip
    """Vectors of slots (n, d) (labels: (c, d)) -> a Comparison of the concatenated query slots with the target slots.

    by: a concept of the batch; rows that have a value of it in common are positives, those that have values but none in common are
    negatives, and rows without any are in neither mask. against: slots whose rows are negatives of the queries of their own example, as the
    targets' rows are positives; no others are compared. By default what is said above.
    """
    if against:
        return _own_triplets(vectors, queries, targets, against)
    if by is not None:
        return _by_concept(vectors, batch, queries, targets, by)
    positives = torch.cat([torch.cat([_positives(batch, q, t) for t in targets], dim=1) for q in queries])
    selves = torch.cat([torch.cat([_selves(batch, q, t) for t in targets], dim=1) for q in queries])
    selves = selves.to(positives.device)
    return Comparison(
        queries=torch.cat([vectors[q] for q in queries]),
        targets=torch.cat([vectors[t] for t in targets]),
        positives=positives & ~selves,
        negatives=~positives & ~selves,
    )


def values(batch: Batch, slots: Sequence[str], concept: str) -> Tensor:
    """(n, k) ids of the concatenated slots' rows."""
    rows = [batch.concepts[concept][slot] for slot in slots]
    width = max(ids.shape[1] for ids in rows)
    return torch.cat([pad(ids, (0, width - ids.shape[1]), value=-1) for ids in rows])


def agreement(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Ids (n, k) and (m, l), -1 where there are fewer -> masks (n, m): which have one in common; which have some, but none in common."""
    shared = torch.zeros(len(first), len(second), dtype=torch.bool, device=first.device)
    for column in second.T:  # a few columns: the cube of all pairs of values would be k times as large
        shared |= ((first[:, :, None] == column) & (column >= 0)).any(dim=1)
    known = (first >= 0).any(dim=1)[:, None] & (second >= 0).any(dim=1)[None, :]
    return shared, known & ~shared


def _by_concept(
    vectors: Mapping[str, Tensor], batch: Batch, queries: Sequence[str], targets: Sequence[str], concept: str
) -> Comparison:
    positives, negatives = agreement(values(batch, queries, concept), values(batch, targets, concept))
    selves = _same_rows(vectors, queries, targets).to(positives.device)
    return Comparison(
        queries=torch.cat([vectors[q] for q in queries]),
        targets=torch.cat([vectors[t] for t in targets]),
        positives=positives & ~selves,
        negatives=negatives & ~selves,
    )


def _same_rows(vectors: Mapping[str, Tensor], queries: Sequence[str], targets: Sequence[str]) -> Tensor:
    """(n, m) where one and the same vector stands on both sides."""

    def block(query: str, target: str) -> Tensor:
        found = torch.zeros(len(vectors[query]), len(vectors[target]), dtype=torch.bool)
        return found.fill_diagonal_(True) if query == target else found

    return torch.cat([torch.cat([block(q, t) for t in targets], dim=1) for q in queries])


def _own_triplets(
    vectors: Mapping[str, Tensor], queries: Sequence[str], targets: Sequence[str], against: Sequence[str]
) -> Comparison:
    """Each example's own rows alone."""
    anchors = torch.cat([vectors[q] for q in queries])
    own = torch.eye(len(vectors[queries[0]]), dtype=torch.bool, device=anchors.device).repeat(len(queries), 1)
    none = torch.zeros_like(own)
    return Comparison(
        queries=anchors,
        targets=torch.cat([vectors[t] for t in (*targets, *against)]),
        positives=torch.cat([own] * len(targets) + [none] * len(against), dim=1),
        negatives=torch.cat([none] * len(targets) + [own] * len(against), dim=1),
    )


def averaged(comparison: Comparison, query_ids: Tensor, target_ids: Tensor) -> Comparison:
    """With the means of the targets of each value in place of the targets: prototypes. ids: (n, k) and (m, k)."""
    classes = target_ids[target_ids >= 0].unique()
    holds = (target_ids[None, :, :] == classes[:, None, None]).any(dim=2).float()  # (classes, m)
    means = holds @ comparison.targets.float() / holds.sum(dim=1, keepdim=True)
    positives, negatives = agreement(query_ids, classes[:, None])
    return Comparison(queries=comparison.queries, targets=means, positives=positives, negatives=negatives)


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
