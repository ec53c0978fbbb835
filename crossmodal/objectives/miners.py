"""Miners: which triplets (anchor, positive, negative) of a comparison to learn from.

A miner takes similarities (n, m) and the masks of positives and negatives (n, m), and returns index triplets.
Each (anchor, positive) pair gets `count` different negatives, or all there are where there are fewer; a query
without positive or without negative gives none. Miners choose, they do not learn: similarities are read
without gradient.

Names after Schroff, Kalenichenko, Philbin: FaceNet, CVPR 2015, section 3.2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

CHUNK = 1 << 22  # numbers in one (pairs, m) block of candidate keys: 16 MB


@dataclass(frozen=True)
class Triplets:
    """anchors (t,) index queries; positives (t,) and negatives (t,) index targets."""

    anchors: Tensor
    positives: Tensor
    negatives: Tensor

    def __len__(self) -> int:
        return len(self.anchors)


Miner = Callable[[Tensor, Tensor, Tensor, int, torch.Generator], Triplets]


def mine_all(
    similarities: Tensor, positives: Tensor, negatives: Tensor, count: int, generator: torch.Generator
) -> Triplets:
    """Every triplet there is, whatever `count` says."""
    return mine_hard(similarities, positives, negatives, negatives.shape[1], generator)


def mine_random(
    similarities: Tensor, positives: Tensor, negatives: Tensor, count: int, generator: torch.Generator
) -> Triplets:
    """Negatives drawn evenly, without replacement, anew for each positive pair."""

    def keys(anchors: Tensor, _: Tensor) -> Tensor:
        drawn = torch.rand(len(anchors), negatives.shape[1], generator=generator)
        return drawn.to(similarities.device)

    return _best(positives, negatives, count, keys)


def mine_hard(
    similarities: Tensor, positives: Tensor, negatives: Tensor, count: int, generator: torch.Generator
) -> Triplets:
    """The negatives most similar to the anchor."""
    return _best(positives, negatives, count, lambda anchors, _: similarities[anchors])


def mine_easy(
    similarities: Tensor, positives: Tensor, negatives: Tensor, count: int, generator: torch.Generator
) -> Triplets:
    """The negatives least similar to the anchor."""
    return _best(positives, negatives, count, lambda anchors, _: -similarities[anchors])


def mine_semi_hard(
    similarities: Tensor, positives: Tensor, negatives: Tensor, count: int, generator: torch.Generator
) -> Triplets:
    """The most similar negatives that are still less similar than the positive; then the least similar of the
    others.

    Without the second part a collapsed space, in which all similarities are equal, would have no triplet to
    leave it by.
    """
    span = similarities.amax() - similarities.amin() + 1.0 if similarities.numel() else torch.ones(())

    def keys(anchors: Tensor, partners: Tensor) -> Tensor:
        excess = similarities[anchors] - similarities[anchors, partners].unsqueeze(1)
        return torch.where(excess < 0, excess, -excess - span)

    return _best(positives, negatives, count, keys)


def mine_batch_hard(
    similarities: Tensor, positives: Tensor, negatives: Tensor, count: int, generator: torch.Generator
) -> Triplets:
    """Of each anchor the least similar positive alone, with the most similar negatives (Hermans, Beyer, Leibe 2017)."""
    with torch.no_grad():
        farthest = (
            similarities.masked_fill(~positives, torch.inf).argmin(dim=1, keepdim=True) if positives.numel() else None
        )
        only = torch.zeros_like(positives)
        if farthest is not None:
            only.scatter_(1, farthest, True)
    return mine_hard(similarities, positives & only, negatives, count, generator)


def mine_distance_weighted(
    similarities: Tensor, positives: Tensor, negatives: Tensor, count: int, generator: torch.Generator
) -> Triplets:
    """Negatives drawn so that all distances come alike often (Wu et al., Sampling Matters in Deep Embedding Learning, ICCV 2017, eq. 4).

    Similarities are cosines. Weights are 1 / q(d), q the density of distances d between points drawn evenly from a sphere; there the
    dimension decides how sharp it is, here 128 at all times; d is held above 0.5, as theirs, and those beyond 1.4 are not drawn
    unless an anchor has no other.
    """
    distances = (2 - 2 * similarities.detach().float()).clamp_min(0.25).sqrt()
    logarithm = -(SPHERE - 2) * distances.log() - (SPHERE - 3) / 2 * (1 - distances.square() / 4).clamp_min(1e-8).log()
    logarithm = torch.where(distances < 1.4, logarithm, logarithm - 1e6)

    def keys(anchors: Tensor, _: Tensor) -> Tensor:
        drawn = torch.rand(len(anchors), negatives.shape[1], generator=generator).to(similarities.device)
        return (
            logarithm[anchors] - (-drawn.clamp_min(1e-12).log()).clamp_min(1e-12).log()
        )  # the Gumbel trick: no replacement

    return _best(positives, negatives, count, keys)


SPHERE = 128

MINERS: dict[str, Miner] = {
    "all": mine_all,
    "random": mine_random,
    "easy": mine_easy,
    "semi-hard": mine_semi_hard,
    "hard": mine_hard,
    "batch-hard": mine_batch_hard,
    "distance-weighted": mine_distance_weighted,
}


@torch.no_grad()
def _best(positives: Tensor, negatives: Tensor, count: int, keys: Callable[[Tensor, Tensor], Tensor]) -> Triplets:
    """For each positive pair the `count` negatives with the largest keys; a block of pairs at a time."""
    anchors, partners = torch.nonzero(positives & negatives.any(dim=1, keepdim=True), as_tuple=True)
    count = min(count, negatives.shape[1])
    found: list[tuple[Tensor, Tensor, Tensor]] = []
    block = max(1, CHUNK // max(1, negatives.shape[1]))
    for start in range(0, len(anchors), block):
        rows, columns = anchors[start : start + block], partners[start : start + block]
        candidates = keys(rows, columns).detach().masked_fill(~negatives[rows], -torch.inf)
        values, indices = candidates.topk(count, dim=1)
        kept = values > -torch.inf
        repeated = kept.sum(dim=1)
        found.append((rows.repeat_interleave(repeated), columns.repeat_interleave(repeated), indices[kept]))
    if not found:
        return Triplets(anchors, partners, anchors.clone())
    return Triplets(*(torch.cat(parts) for parts in zip(*found, strict=True)))
