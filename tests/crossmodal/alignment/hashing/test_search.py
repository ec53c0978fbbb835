"""The pruned search against the exhaustive one and the naive rule, and what is claimed of the bounds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossmodal.alignment.hashing.batch import bound_many, warp_many
from crossmodal.alignment.hashing.bounds import FRACTION, least_mean, windows_exceed
from crossmodal.alignment.hashing.collection import HashCollection
from crossmodal.alignment.hashing.minima import envelope, envelope_minima, exact_minima
from crossmodal.alignment.hashing.rule import Rule
from crossmodal.alignment.hashing.search import search
from crossmodal.base.errors import InputError
from tests.crossmodal.alignment.hashing.naive import corrupted, drifting_hashes, naive_warp, random_hashes

KINDS = st.sampled_from([np.uint16, np.uint32])
RULES = st.builds(Rule, gully=st.sampled_from([0.1, 0.5, 0.9, 0.96, 1.0]), penalty=st.sampled_from([0, 4, 15]))
SEEDS = st.integers(0, 2**32 - 1)


def invented(seed, kind, *, count=40, longest=150, flips=0.1):
    """A query, and a collection in which some sequences hold it, as music does: with other beginnings, wrong bits, other tempo."""
    generator = np.random.default_rng(seed)
    query = drifting_hashes(generator, generator.integers(1, longest), kind, flips=flips)
    sequences = []
    for _ in range(count):
        other = drifting_hashes(generator, generator.integers(1, 2 * longest), kind, flips=flips)
        if generator.random() < 0.15:
            other = np.concatenate([other[:7], corrupted(generator, query), other[-5:]])
        sequences.append(other)
    return query, HashCollection.pack([*sequences, sequences[0]])  # one twice, so that scores are equal


def same(one, other):
    """Whether two rankings are equal to the bit."""
    return all((getattr(one, name) == getattr(other, name)).all() for name in ("indices", "costs", "lengths", "scores"))


@settings(deadline=None, max_examples=60)
@given(seed=SEEDS, kind=KINDS, rule=RULES, top=st.integers(1, 8), flips=st.sampled_from([0.02, 0.1, 0.5]))
def test_pruning_changes_nothing(seed, kind, rule, top, flips):
    query, collection = invented(seed, kind, flips=flips)
    exhaustive = search(query, collection, rule=rule, top=top, prune=False)
    pruned = search(query, collection, rule=rule, top=top)
    assert same(pruned, exhaustive)
    assert pruned.bounded + pruned.excluded + pruned.abandoned + pruned.warped == len(collection)
    assert exhaustive.warped == len(collection)


def test_exhaustive_search_is_the_naive_form():
    query, collection = invented(3, np.uint32, count=12, longest=40)
    found = search(query, collection, top=5, prune=False)
    expected = sorted((*naive_warp(query, collection[k], Rule()), k) for k in range(len(collection)))
    expected.sort(key=lambda item: (item[0] / item[1], item[2]))
    assert list(zip(found.costs, found.lengths, found.indices, strict=True)) == expected[:5]
    assert found.scores.tolist() == [cost / length for cost, length, _ in expected[:5]]


@settings(deadline=None, max_examples=100)
@given(seed=SEEDS, m=st.integers(1, 30), n=st.integers(1, 40), words=st.integers(0, 3), kind=KINDS, rule=RULES)
def test_no_bound_is_above_the_score(seed, m, n, words, kind, rule):
    generator = np.random.default_rng(seed)
    a, b = (random_hashes(generator, length, kind, words=words) for length in (m, n))
    cost, length = naive_warp(a, b, rule)
    bounds = np.empty(1, np.int64)
    bound_many(a, b, np.array([0, n]), np.zeros(1, np.int64), rule.gully, rule.penalty, bounds)
    assert bounds[0] * length <= cost << FRACTION
    rows, columns = (a, b) if m <= n else (b, a)
    minima = np.empty(len(rows), np.int64)
    exact_minima(rows, columns, minima)
    g = min(int(rule.gully * len(rows)), len(rows) - 1)
    assert not windows_exceed(minima, g, rule.penalty, cost, length)
    assert least_mean(minima, g, rule.penalty, np.empty(len(rows) + 1, np.int32)) * length <= cost << FRACTION


@settings(deadline=None, max_examples=100)
@given(
    seed=SEEDS, m=st.integers(1, 30), g_part=st.floats(0, 0.999), penalty=st.integers(0, 20), limit=st.integers(1, 40)
)
def test_windows_are_all_looked_at(seed, m, g_part, penalty, limit):
    generator = np.random.default_rng(seed)
    minima, g = generator.integers(0, 12, m), int(g_part * m)
    q = np.minimum(minima, minima.min() + penalty)
    means = [q[a : c + 1].mean() for a in range(m) for c in range(a + g, m)]
    found = least_mean(minima, g, penalty, np.empty(m + 1, np.int32))
    assert found == np.floor(min(means) * 2**FRACTION + 1e-6)
    assert windows_exceed(minima, g, penalty, limit, 4) == (min(means) * 4 > limit + 1e-9)


@pytest.mark.parametrize("n", [1, 3, 4, 5, 255, 256, 257, 300])
def test_envelopes_are_below_the_distances(n):
    generator = np.random.default_rng(n)
    rows, columns = drifting_hashes(generator, 9, np.uint32), drifting_hashes(generator, n, np.uint32)
    values, stable = np.empty(n // 4 + 64, np.uint32), np.empty(n // 4 + 64, np.uint32)
    filled = envelope(columns, values, stable)
    low, exact = np.empty(9, np.int64), np.empty(9, np.int64)
    envelope_minima(rows, values[:filled], stable[:filled], low)
    exact_minima(rows, columns, exact)
    assert exact.tolist() == np.bitwise_count(rows[:, None] ^ columns).min(axis=1).tolist()
    blocks = [columns[j : j + 4] for j in range(0, n, 4)]
    agreeing = [~np.bitwise_or.reduce(block ^ block[0]) for block in blocks]
    expected = [
        min(int((row ^ block[0]) & bits).bit_count() for block, bits in zip(blocks, agreeing, strict=True))
        for row in rows
    ]
    assert low.tolist() == expected
    assert (low <= exact).all()


@settings(deadline=None, max_examples=60)
@given(seed=SEEDS, kind=KINDS, rule=RULES)
def test_only_worse_candidates_are_left(seed, kind, rule):
    """Long ones too, which take several strips, and are abandoned half done; the limit is that of each candidate in turn."""
    query, collection = invented(seed, kind, count=6, longest=400, flips=0.5)
    count = len(collection)
    costs, lengths = np.empty(count, np.int64), np.empty(count, np.int64)
    everything = (query, collection.hashes, collection.offsets, np.arange(count), rule.gully, rule.penalty)
    warp_many(*everything, 0, 0, costs, lengths)
    for limit in range(count):
        some, some_lengths = np.empty(count, np.int64), np.empty(count, np.int64)
        warp_many(*everything, costs[limit], lengths[limit], some, some_lengths)
        left = some < 0
        assert (some[~left] == costs[~left]).all()
        assert (some_lengths[~left] == lengths[~left]).all()
        assert (costs[left] * lengths[limit] > costs[limit] * lengths[left]).all()


def test_all_ways_of_leaving_happen():
    """Else the tests above would show nothing."""
    generator = np.random.default_rng(5)
    query = drifting_hashes(generator, 90, np.uint32)
    slow = [drifting_hashes(generator, 300, np.uint32, flips=flips) for flips in [0.05] * 60 + [0.3] * 60]
    found = search(query, HashCollection.pack([corrupted(generator, query), *slow]), top=1)
    assert found.indices.tolist() == [0]
    assert found.bounded > 0
    assert found.excluded > 0


def test_half_done_matrices_are_abandoned():
    """Rows that are near to some column, but in the wrong order: minima say nothing, the matrix does."""
    generator = np.random.default_rng(6)
    query = random_hashes(generator, 400, np.uint32)
    collection = HashCollection.pack([generator.permutation(query)])
    costs, lengths = np.empty(1, np.int64), np.empty(1, np.int64)
    warp_many(query, collection.hashes, collection.offsets, np.zeros(1, np.int64), 0.9, 15, 300, 400, costs, lengths)
    assert costs[0] == -1


@pytest.mark.parametrize("threads", [2, 3, None])
def test_threads_change_nothing(threads):
    query, collection = invented(8, np.uint32, count=1500, longest=30)
    for prune in (True, False):
        one = search(query, collection, top=20, prune=prune)
        many = search(query, collection, top=20, prune=prune, threads=threads)
        assert same(one, many)
        assert (one.bounded, one.excluded, one.abandoned) == (many.bounded, many.excluded, many.abandoned)


def test_some_candidates_only():
    query, collection = invented(9, np.uint16)
    some = np.array([30, 2, 17])
    found = search(query, collection, candidates=some, top=10)
    assert sorted(found.indices.tolist()) == [2, 17, 30]
    part = search(query, HashCollection.pack([collection[k] for k in some]), top=10)
    assert sorted(found.scores) == sorted(part.scores)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), place=st.integers(0, 39), top=st.integers(1, 30))
def test_what_is_better_than_another_search_has_found_is_all_there(seed, place, top):
    query, collection = invented(seed, np.uint32)
    every = search(query, collection, top=len(collection), prune=False)
    worst = int(every.costs[place]), int(every.lengths[place])
    found = search(query, collection, top=top, worst=worst)
    good = every.indices[every.scores <= every.scores[place]][:top]
    assert found.indices[: len(good)].tolist() == good.tolist()
    assert len(set(found.indices.tolist())) == len(found.indices) <= top


def test_inputs_stay_as_they_are():
    query, collection = invented(10, np.uint32)
    before = query.copy(), collection.hashes.copy()
    search(query, collection, top=3)
    assert (query == before[0]).all()
    assert (collection.hashes == before[1]).all()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"query": np.zeros(0, np.uint32)}, "1 or more"),
        ({"query": np.zeros(4, np.uint16)}, "one width"),
        ({"top": 0}, "top, threads"),
        ({"threads": 0}, "top, threads"),
        ({"candidates": []}, "candidates"),
        ({"candidates": [0, 0]}, "different indices"),
        ({"candidates": [99]}, "different indices"),
        ({"candidates": [0.5]}, "whole numbers"),
    ],
)
def test_says_what_is_wrong(changes, words):
    query, collection = invented(11, np.uint32, count=3)
    with pytest.raises(InputError, match=words):
        search(changes.pop("query", query), collection, **changes)


def test_collections_are_checked():
    with pytest.raises(InputError, match="1 or more"):
        HashCollection.pack([np.zeros(3, np.uint32), np.zeros(0, np.uint32)])
    with pytest.raises(InputError, match="one type"):
        HashCollection.pack([np.zeros(3, np.uint32), np.zeros(2, np.uint16)])
    with pytest.raises(InputError, match="one type"):
        HashCollection.pack([])
    with pytest.raises(InputError, match="1 empty"):
        HashCollection(np.zeros(3, np.uint32), np.array([0, 2, 2, 3]))
    with pytest.raises(InputError, match="rise from 0 to 3"):
        HashCollection(np.zeros(3, np.uint32), np.array([0, 2]))
    collection = HashCollection.pack([np.arange(3, dtype=np.uint16), np.arange(2, dtype=np.uint16)])
    assert [values.tolist() for values in collection] == [[0, 1, 2], [0, 1]]
    with pytest.raises(IndexError):
        collection[2]
