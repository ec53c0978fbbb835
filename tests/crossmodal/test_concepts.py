"""Comparisons by concept, triplets that the pairs draw, prototypes and memory, each against loops over what an entry means."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from crossmodal.comparing import agreement, averaged, compare, values
from crossmodal.data import Batch
from crossmodal.memory import Memory
from crossmodal.objectives.comparison import Comparison
from crossmodal.objectives.info_nce import InfoNCE

GENRES = [{0, 1}, {1}, {2}, set(), {0}]
PARTNERS = [{1}, {1, 2}, {0}, {2}, set()]


def ids(rows: list[set[int]], width: int = 2) -> torch.Tensor:
    return torch.tensor([[*sorted(row), *[-1] * (width - len(row))] for row in rows])


def batch() -> Batch:
    nothing = torch.zeros(5, 1, dtype=torch.bool)
    empty = Batch({}, nothing, nothing[:, 0], nothing, torch.arange(5), None, frozenset())
    slots = {"audio": ids(GENRES), "audio@2": ids(PARTNERS), "label": torch.tensor([[0], [1], [-1]])}
    return replace(empty, concepts={"genre": slots})


def vectors() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {name: torch.randn(n, 4, generator=generator) for name, n in (("audio", 5), ("audio@2", 5), ("label", 3))}


def test_values_in_common_are_positives_and_the_unknown_count_nothing() -> None:
    found = compare(vectors(), batch(), ["audio"], ["audio", "audio@2", "label"], by="genre")
    rows = [*GENRES, *PARTNERS, {0}, {1}, set()]
    for i, own in enumerate(GENRES):
        for j, other in enumerate(rows):
            itself = i == j  # the first block is the same slot
            assert found.positives[i, j] == (bool(own & other) and not itself)
            assert found.negatives[i, j] == (bool(own) and bool(other) and not own & other and not itself)


def test_drawn_triplets_stand_alone() -> None:
    given = vectors()
    found = compare({**given, "audio@3": given["audio"]}, batch(), ["audio"], ["audio@2"], against=["audio@3"])
    own, none = torch.eye(5, dtype=torch.bool), torch.zeros(5, 5, dtype=torch.bool)
    assert torch.equal(found.positives, torch.cat([own, none], dim=1))
    assert torch.equal(found.negatives, torch.cat([none, own], dim=1))


def test_prototypes_are_means_of_the_targets_of_a_value() -> None:
    given, drawn = vectors(), batch()
    compared = compare(given, drawn, ["audio"], ["audio@2"], by="genre")
    found = averaged(compared, values(drawn, ["audio"], "genre"), values(drawn, ["audio@2"], "genre"))
    assert len(found.targets) == 3
    for value in range(3):
        members = [given["audio@2"][j] for j, row in enumerate(PARTNERS) if value in row]
        torch.testing.assert_close(found.targets[value], torch.stack(members).mean(dim=0))
        for i, own in enumerate(GENRES):
            assert found.positives[i, value] == (value in own) and found.negatives[i, value] == (
                bool(own) and value not in own
            )


def test_agreement_of_nothing() -> None:
    for rows, columns in ((0, 2), (2, 0), (0, 0)):
        shared, apart = agreement(torch.zeros(rows, 1).long(), torch.zeros(columns, 1).long())
        assert shared.shape == apart.shape == (rows, columns)


def test_memory_holds_the_newest_and_passes_over_the_unknown() -> None:
    memory = Memory(3)
    first = Comparison(torch.randn(2, 4), torch.randn(2, 4), *(torch.zeros(2, 2, dtype=torch.bool) for _ in range(2)))
    assert memory.extend(first, torch.tensor([[0], [1]])) is first
    memory.remember(torch.arange(4.0).repeat(4, 1).T, torch.tensor([[7], [-1], [8], [7]]))
    memory.remember(torch.full((1, 4), 9.0), torch.tensor([[5]]))
    extended = memory.extend(first, torch.tensor([[7], [5]]))
    assert len(memory) == 3 and extended.targets[2:, 0].tolist() == [2.0, 3.0, 9.0]
    assert extended.positives[:, 2:].tolist() == [[False, True, False], [False, False, True]]
    assert extended.negatives[:, 2:].tolist() == [[True, False, True], [True, True, False]]


def test_memory_agrees_with_pytorch_metric_learning() -> None:
    losses = pytest.importorskip("pytorch_metric_learning.losses")
    theirs = losses.CrossBatchMemory(losses.SupConLoss(temperature=0.2), embedding_size=4, memory_size=8)
    memory, objective = Memory(8), InfoNCE(temperature=0.2, symmetric=False, positives_in_denominator=True)
    generator = torch.Generator().manual_seed(0)
    for step in range(4):
        drawn = torch.nn.functional.normalize(torch.randn(4, 4, generator=generator), dim=1)
        labels = torch.tensor([0, 0, 1, 1]) + step % 2
        # Theirs looks into a memory that holds this batch already, and leaves out each vector's own copy.
        past = memory.extend(
            compare({"a": drawn}, replace(batch(), concepts={"c": {"a": labels[:, None]}}), ["a"], ["a"], by="c"),
            labels[:, None],
        )
        kept = memory.size - 4  # of the memory, once this batch is in it
        columns = [*range(4), *range(len(past.targets) - min(kept, len(memory)), len(past.targets))]
        ours = objective(
            Comparison(drawn, past.targets[columns], past.positives[:, columns], past.negatives[:, columns])
        )
        torch.testing.assert_close(ours, theirs(drawn, labels))
        memory.remember(drawn, labels[:, None])
