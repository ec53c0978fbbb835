"""Hamming matrices against counting bit by bit."""

import numpy as np
import pytest

from crossmodal.alignment.hashing.hamming import hamming_matrix
from crossmodal.base.errors import InputError
from tests.crossmodal.alignment.hashing.naive import random_hashes


@pytest.mark.parametrize("kind", [np.uint16, np.uint32])
@pytest.mark.parametrize("shape", [(1, 1), (3, 70), (33, 1), (17, 129)])
def test_counts_every_pair(kind, shape):
    generator = np.random.default_rng(sum(shape))
    a, b = (random_hashes(generator, length, kind) for length in shape)
    a[0], b[0] = 0, np.iinfo(kind).max
    found = hamming_matrix(a, b)
    assert found.dtype == np.uint8
    assert found.tolist() == [[(int(x) ^ int(y)).bit_count() for y in b] for x in a]
    assert found[0, 0] == 8 * a.itemsize


def test_takes_every_second_hash_of_an_array():
    a = random_hashes(np.random.default_rng(0), 20, np.uint32)
    assert (hamming_matrix(a[::2], a[::-1]) == hamming_matrix(a[::2].copy(), a[::-1].copy())).all()


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        (np.zeros(0, np.uint32), np.zeros(3, np.uint32), "1 or more"),
        (np.zeros((2, 2), np.uint32), np.zeros(3, np.uint32), "shape"),
        (np.zeros(3), np.zeros(3, np.uint32), "float64"),
        (np.zeros(3, np.int64), np.zeros(3, np.uint32), "pack the bits"),
        (np.zeros(3, np.uint16), np.zeros(3, np.uint32), "one width"),
    ],
)
def test_says_what_is_wrong(a, b, words):
    with pytest.raises(InputError, match=words):
        hamming_matrix(a, b)
