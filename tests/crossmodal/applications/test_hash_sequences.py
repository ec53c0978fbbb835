"""Hashes of a space: the bits are the signs, in their order; places and pieces of any length agree with the network's own steps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from crossmodal.applications.hash_sequences import (
    hash_hop,
    hash_positions,
    hashes_of,
    pack,
    pruning_bits,
    pruning_space,
    pruning_vector,
)
from crossmodal.base.errors import InputError
from crossmodal.embedding import JointEmbedding, TowerModule
from crossmodal.space import Space
from encoders.constant_q import frame_seconds
from encoders.heads import Hash, Linear
from encoders.midi_hash import ConstantQHash, ConstantQPruning


def space(dimension: int = 32) -> Space:
    torch.manual_seed(0)
    towers = {
        name: TowerModule(encoder, Hash(encoder.dimension, dimension))
        for name in ("audio", "midi")
        for encoder in [ConstantQHash(channels=(2, 3, 4), width=8, radius=3)]
    }
    return Space("small", "", "", JointEmbedding(towers).eval())


def pruning() -> Space:
    torch.manual_seed(0)
    encoder = ConstantQPruning(channels=(2, 3, 4), width=8, heads=2)
    tower = TowerModule(encoder, Hash(encoder.dimension, 128))
    return Space("small-pruning", "", "", JointEmbedding({"audio": tower, "midi": tower}).eval())


def frames(count: int) -> np.ndarray:
    return np.random.default_rng(count).random((count, 48), dtype=np.float32)


def test_bits_stand_in_the_order_of_the_values() -> None:
    values = np.full((34, 32), -0.5)
    values[np.arange(32), np.arange(32)] = 0.1
    values[33] = 2
    expected = [*(1 << k for k in range(32)), 0, 2**32 - 1]
    packed = pack(values)
    assert packed.dtype == np.uint32 and packed.tolist() == expected
    half = pack(values[:, :16])
    assert half.dtype == np.uint16 and half.tolist() == [v % 2**16 for v in expected]
    assert pack(np.zeros((0, 16))).dtype == np.uint16 and pack(np.zeros((1, 32))).tolist() == [0]
    for bad in (np.zeros(32), np.zeros((2, 31))):
        with pytest.raises(InputError, match="expected values"):
            pack(bad)


def test_hamming_distance_is_the_number_of_differing_signs() -> None:
    one, other = np.random.default_rng(0).normal(size=(2, 50, 32))
    found = [int(a ^ b).bit_count() for a, b in zip(pack(one), pack(other), strict=True)]
    assert found == ((one > 0) != (other > 0)).sum(axis=1).tolist()


@pytest.mark.parametrize("dimension", [16, 32])
@pytest.mark.parametrize("count", [1, 8, 9, 3000])
def test_hashes_are_the_signs_of_the_tower(dimension: int, count: int) -> None:
    made = space(dimension)
    given = frames(count)
    hashes = hashes_of(made, "midi", given)
    assert hashes.dtype == (np.uint16 if dimension == 16 else np.uint32) and len(hashes) == -(-count // 8)
    sequence = made.sequence("midi", given)
    np.testing.assert_array_equal(hashes, pack(sequence.vectors.numpy()))
    np.testing.assert_array_equal(hashes, hashes_of(made, "midi", given))
    positions = hash_positions(made, "midi", len(hashes))
    np.testing.assert_allclose(positions, sequence.positions.numpy(), rtol=1e-5)
    assert hash_hop(made, "midi") == pytest.approx(0.3715, abs=1e-4) == sequence.hop
    if count >= 8:
        assert positions[0] == pytest.approx(frame_seconds(8).mean())
    with torch.inference_mode():  # in one piece
        tower = made.embedding.tower("midi")
        whole = tower.project(tower.encoder.along(torch.from_numpy(given.T.copy())[None])[0])  # type: ignore[operator]
    differing = [int(a ^ b).bit_count() for a, b in zip(hashes, pack(whole.numpy()), strict=True)]
    assert sum(differing) <= 1 + len(hashes) // 100, "but for values at zero"


def test_what_has_no_hashes_is_refused() -> None:
    made = space()
    assert len(hashes_of(made, "audio", np.zeros((0, 48), np.float32))) == 0
    with pytest.raises(InputError, match="frames: expected"):
        hashes_of(made, "audio", np.zeros((5, 40), np.float32))
    with pytest.raises(InputError, match="modality"):
        hashes_of(made, "text", frames(5))
    with pytest.raises(InputError, match="16 or 32 bits"):
        hashes_of(pruning(), "audio", frames(5))
    encoder = ConstantQHash(channels=(2, 3, 4), width=8, radius=3)
    unit = Space("unit", "", "", JointEmbedding({"audio": TowerModule(encoder, Linear(16, 32))}).eval())
    with pytest.raises(InputError, match="space of hashes"):
        hashes_of(unit, "audio", frames(5))


def test_pruning_vectors_are_of_the_whole() -> None:
    made = pruning()
    given = frames(1000)
    vector = pruning_vector(made, "audio", given)
    assert vector.shape == (128,) and vector.dtype == np.float32 and (np.abs(vector) < 1).all()
    np.testing.assert_array_equal(vector, pruning_vector(made, "midi", given))
    with torch.inference_mode():
        tower = made.embedding.tower("audio")
        expected = tower(torch.from_numpy(given.T.copy())[None])[0].numpy()
    np.testing.assert_allclose(vector, expected, atol=1e-6)
    bits = pruning_bits(np.stack([vector, -vector]))
    assert bits.shape == (2, 4) and bits.dtype == np.uint32 and (bits[0] ^ bits[1] == 2**32 - 1).all()
    np.testing.assert_array_equal(bits[0], pack(vector.reshape(4, 32)))
    with pytest.raises(InputError, match="pruning vectors"):
        pruning_vector(space(), "audio", given)
    with pytest.raises(InputError, match="at least 1"):
        pruning_vector(made, "audio", given[:0])


def test_a_space_without_pruning_has_none(tmp_path: Path) -> None:
    made = space()
    made.location = str(tmp_path / "small")
    assert pruning_space(made) is None
