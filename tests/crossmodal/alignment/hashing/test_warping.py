"""The strips against the rule written row by row, to the bit: cost and length."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossmodal.alignment.hashing.batch import warp
from crossmodal.alignment.hashing.rule import HIGHEST_PENALTY, Rule
from crossmodal.alignment.hashing.warping import warp_pair, workspace
from crossmodal.base.errors import InputError
from tests.crossmodal.alignment.hashing.naive import corrupted, drifting_hashes, naive_warp, random_hashes

KINDS = st.sampled_from([np.uint16, np.uint32])
RULES = st.builds(Rule, gully=st.sampled_from([0.01, 0.5, 0.9, 0.96, 1.0]), penalty=st.sampled_from([0, 1, 4, 15, 40]))


@settings(deadline=None, max_examples=150)
@given(seed=st.integers(0, 2**32 - 1), m=st.integers(1, 40), n=st.integers(1, 120), words=st.integers(0, 4), kind=KINDS,
       rule=RULES)  # fmt: skip
def test_equals_the_naive_form(seed, m, n, words, kind, rule):
    generator = np.random.default_rng(seed)
    a, b = (random_hashes(generator, length, kind, words=words) for length in (m, n))
    found = warp(a, b, rule=rule)
    assert (found.cost, found.length) == naive_warp(a, b, rule)
    assert warp(b, a, rule=rule) == found


# One to several strips, and lengths around a whole number of registers and of strips.
@pytest.mark.parametrize("m", [1, 15, 16, 17, 95, 96, 97, 113, 193, 210])
@pytest.mark.parametrize("kind", [np.uint16, np.uint32])
def test_equals_the_naive_form_at_the_edges_of_strips(m, kind):
    generator = np.random.default_rng(m)
    for n in (m, m + 1, m + 50):
        a = drifting_hashes(generator, m, kind)
        b = drifting_hashes(generator, n, kind, flips=0.3)
        b[: m // 2] = a[: m // 2]
        found = warp(a, b)
        assert (found.cost, found.length) == naive_warp(a, b, Rule())


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), m=st.integers(1, 120), n=st.integers(1, 120), kind=KINDS, rule=RULES)
def test_both_widths_of_keys_agree(seed, m, n, kind, rule):
    generator = np.random.default_rng(seed)
    a = drifting_hashes(generator, m, kind)
    b = np.resize(corrupted(generator, a), n)
    # A space of the wrong width in place of the right one shows that nothing else differs between the two.
    narrow, wide = workspace(max(m, n), np.uint32), workspace(max(m, n), np.uint64)
    nothing = np.empty(0, np.int64)
    expected = warp_pair(a, b, rule.gully, rule.penalty, narrow, wide, nothing, 0, 0)
    assert warp_pair(a, b, rule.gully, rule.penalty, wide, wide, nothing, 0, 0) == expected


def row_by_row(a, b, rule):
    """The naive rule with whole rows of numpy, for long sequences: keys of 64 bits, horizontal steps as a running minimum."""
    step, columns = (rule.penalty << 24) + 1, np.arange(len(b), dtype=np.int64)
    g = min(int(rule.gully * min(len(a), len(b))), min(len(a), len(b)) - 1)
    previous, ends = np.zeros(len(b), np.int64), []
    for i, hash_ in enumerate(a):
        cell = (np.bitwise_count(hash_ ^ b).astype(np.int64) << 24) + 1
        corner = np.concatenate([[0], previous[:-1]]) if i else np.zeros(len(b), np.int64)
        best = np.minimum(corner, previous + step - 1) if i else corner
        # D[j] = min over k <= j of best[k] + cells k..j + (j - k) penalties
        total = np.cumsum(cell)
        walked = total + columns * (step - 1)
        previous = np.minimum.accumulate(best + cell - walked) + walked
        if i >= g:
            ends.append(int(previous[-1]))
    key = min([*ends, *previous[g:].tolist()])
    return key >> 24, key & ((1 << 24) - 1)


@pytest.mark.parametrize(
    ("m", "n", "kind"),
    [(2200, 2250, np.uint32), (2300, 9000, np.uint32), (4200, 4300, np.uint16), (8200, 8300, np.uint32)],
)
def test_long_sequences_do_not_overflow(m, n, kind):
    """Past 16 bits of cost, at the edge of the keys of 32 bits, and beyond it: the last needs keys of 64."""
    a = np.zeros(m, kind)
    b = np.full(n, np.iinfo(kind).max, kind)
    b[::97] = 5
    rule = Rule(gully=1.0, penalty=40)
    found = warp(a, b, rule=rule)
    assert (found.cost, found.length) == row_by_row(a, b, rule)
    assert found.cost > 1 << 16


def test_row_by_row_is_the_naive_form():
    generator = np.random.default_rng(1)
    for m, n in ((1, 1), (5, 9), (30, 12)):
        a, b = random_hashes(generator, m, np.uint32), random_hashes(generator, n, np.uint32)
        assert row_by_row(a, b, Rule()) == naive_warp(a, b, Rule())


def test_equal_sequences_cost_nothing_along_the_diagonal():
    a = random_hashes(np.random.default_rng(0), 300, np.uint32)
    assert warp(a, a, rule=Rule(gully=1.0)).cost == 0
    assert warp(a, a, rule=Rule(gully=1.0)).length == 300
    part = warp(a[100:180], a)
    assert (part.cost, part.score) == (0, 0.0)


def test_the_highest_penalty_forbids_other_steps():
    a, b = (random_hashes(np.random.default_rng(seed), 20, np.uint32) for seed in (0, 1))
    rule = Rule(gully=1.0, penalty=HIGHEST_PENALTY)
    found = warp(a, b, rule=rule)
    assert (found.cost, found.length) == (int(np.bitwise_count(a ^ b).sum()), 20)


@pytest.mark.parametrize("values", [{"gully": 0.0}, {"gully": 1.1}, {"gully": float("nan")}, {"penalty": -1}, {"penalty": 1.5},
                                    {"penalty": HIGHEST_PENALTY + 1}])  # fmt: skip
def test_refuses_impossible_rules(values):
    with pytest.raises(InputError, match="expected a"):
        Rule(**values)


@pytest.mark.parametrize("empty", [0, 1])
def test_refuses_empty_sequences(empty):
    pair = [np.zeros(3, np.uint32), np.zeros(3, np.uint32)]
    pair[empty] = pair[empty][:0]
    with pytest.raises(InputError, match="1 or more"):
        warp(*pair)
