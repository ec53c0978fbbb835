"""How many candidates a stage keeps, against counting; and the file that says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from crossmodal.alignment.hashing.rule import Rule
from crossmodal.applications.midi_cuts import (
    FILE,
    LEAST_ALIGNED,
    LEAST_COMPARED,
    Cuts,
    choose_cuts,
    load_cuts,
    save_cuts,
)
from crossmodal.base.errors import InputError, IntegrityError


@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.5])
def test_the_least_number_that_loses_no_more_than_wanted(share: float) -> None:
    generator = np.random.default_rng(0)
    pruning, hashing = np.minimum(generator.geometric(0.01, 200), 1000), generator.integers(1, 30, 200)
    cuts = choose_cuts(pruning, hashing, tracks=1000, false_rejection=share)
    for ranks, part, kept, least in (
        (pruning, cuts.pruning, cuts.after_pruning(10**6), LEAST_COMPARED),
        (hashing, cuts.hashing, cuts.after_hashing(10**6), LEAST_ALIGNED),
    ):
        assert part is not None
        number = round(part * 1000)
        assert (ranks > number).mean() <= share
        assert number == 1 or (ranks > number - 1).mean() > share
        assert kept == max(1000 * number, least)


def test_cuts_grow_with_the_collection() -> None:
    cuts = choose_cuts([], [40, 60], tracks=1000, false_rejection=0.0, rule=Rule(0.8, 7), data="two")
    assert cuts.pruning is None and cuts.after_pruning(123) == 123
    assert [cuts.after_hashing(count) for count in (5, 1000, 2000, 100_000)] == [5, 60, 120, 6000]
    few = Cuts(pruning=0.01, hashing=0.001)
    assert [few.after_pruning(count) for count in (5, 5000, 10**6)] == [5, LEAST_COMPARED, 10**4]
    assert [few.after_hashing(count) for count in (5, 5000, 10**6)] == [5, LEAST_ALIGNED, 1000]
    assert (cuts.rule, cuts.queries, cuts.data) == (Rule(0.8, 7), 2, "two")


def test_bad_ranks() -> None:
    with pytest.raises(InputError, match="ranks from 1 to 10, got 0 to 3"):
        choose_cuts([], [0, 3], tracks=10)
    with pytest.raises(InputError, match="got none"):
        choose_cuts([1], [], tracks=10)
    with pytest.raises(InputError, match="false_rejection"):
        choose_cuts([1], [1], tracks=10, false_rejection=1.0)


def test_on_disk(tmp_path: Path) -> None:
    assert load_cuts(tmp_path) is None
    cuts = Cuts(pruning=0.01, hashing=1e-4, false_rejection=0.01, data="tunes", queries=7)
    save_cuts(tmp_path, cuts)
    assert load_cuts(tmp_path) == cuts
    for damaged in ("{", '{"pruning": 2}', "[]"):
        (tmp_path / FILE).write_text(damaged, encoding="utf-8")
        with pytest.raises(IntegrityError, match="remove it"):
            load_cuts(tmp_path)
