"""Masks of comparisons against a naive double loop over what each entry means."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crossmodal.base.errors import RecipeError
from crossmodal.comparing import LABEL, compare
from crossmodal.data import Batch

TAGS = 4


def random_batch(seed: int, count: int, classes: int) -> Batch:
    generator = np.random.default_rng(seed)
    tags = generator.random((count, TAGS + 1)) < 0.6
    tags[:, -1] = False
    facts = generator.random((count, TAGS + 1)) < 0.3
    return Batch(
        inputs={},
        facts=torch.from_numpy(facts),
        stated=torch.from_numpy(facts.any(axis=1)),
        tags=torch.from_numpy(tags),
        group=torch.from_numpy(generator.integers(0, 3, count)),
        labels=torch.from_numpy(generator.random((count, classes)) < 0.5),
        stating=frozenset({"text", "text@2"}),
    )


def belongs(batch: Batch, first: tuple[str, int], second: tuple[str, int]) -> bool:
    """Whether two slots' rows belong together, in plain words."""
    (one, i), (other, j) = first, second
    if LABEL in (one, other):
        item, label = (j, i) if one == LABEL else (i, j)
        assert batch.labels is not None
        return bool(batch.labels[item, label])
    texts = [k for slot, k in (first, second) if slot in batch.stating]
    if len(texts) == 1:
        text, item = (i, j) if one in batch.stating else (j, i)
        if not batch.stated[text]:
            return bool(batch.group[text] == batch.group[item])
        holds = all(batch.tags[item, f] for f in range(TAGS + 1) if batch.facts[text, f])
        return holds or text == item
    return bool(batch.group[i] == batch.group[j])


SLOTS = ["audio", "audio@2", "text", "text@2", LABEL]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1000),
    queries=st.lists(st.sampled_from(SLOTS), min_size=1, max_size=3, unique=True),
    targets=st.lists(st.sampled_from(SLOTS), min_size=1, max_size=3, unique=True),
)
def test_masks_against_a_double_loop(seed: int, queries: list[str], targets: list[str]) -> None:
    if LABEL in queries and LABEL in targets:
        return
    count, classes = 6, 5
    batch = random_batch(seed, count, classes)
    vectors = {slot: torch.randn(classes if slot == LABEL else count, 3) for slot in SLOTS}
    found = compare(vectors, batch, queries, targets)
    rows = [(slot, i) for slot in queries for i in range(len(vectors[slot]))]
    columns = [(slot, j) for slot in targets for j in range(len(vectors[slot]))]
    for (n, row), (m, column) in itertools.product(enumerate(rows), enumerate(columns)):
        torch.testing.assert_close(found.queries[n], vectors[row[0]][row[1]])
        torch.testing.assert_close(found.targets[m], vectors[column[0]][column[1]])
        if row == column:
            assert not found.positives[n, m] and not found.negatives[n, m], "a vector is never compared with itself"
        else:
            right = belongs(batch, row, column)
            assert (bool(found.positives[n, m]), bool(found.negatives[n, m])) == (right, not right), (row, column)


def test_a_text_with_a_fact_that_nobody_has_fits_its_own_item_only() -> None:
    batch = random_batch(0, 4, 1)
    facts = torch.zeros_like(batch.facts)
    facts[:, -1] = True
    batch = Batch(**{**batch.__dict__, "facts": facts, "stated": torch.ones(4, dtype=torch.bool)})
    vectors = {"text": torch.randn(4, 2), "audio": torch.randn(4, 2)}
    assert torch.equal(compare(vectors, batch, ["text"], ["audio"]).positives, torch.eye(4, dtype=torch.bool))


def test_two_views_are_the_simclr_masks() -> None:
    batch = random_batch(0, 3, 1)
    batch = Batch(**{**batch.__dict__, "group": torch.arange(3)})
    vectors = {"audio": torch.randn(3, 2), "audio@2": torch.randn(3, 2)}
    found = compare(vectors, batch, ["audio", "audio@2"], ["audio", "audio@2"])
    assert torch.equal(found.positives, torch.eye(6, dtype=torch.bool).roll(3, dims=1))
    assert torch.equal(found.negatives, ~found.positives & ~torch.eye(6, dtype=torch.bool))


def test_a_label_slot_needs_labels() -> None:
    batch = Batch(**{**random_batch(0, 3, 1).__dict__, "labels": None})
    with pytest.raises(RecipeError, match="give labels"):
        compare({"audio": torch.randn(3, 2), LABEL: torch.randn(1, 2)}, batch, ["audio"], [LABEL])
