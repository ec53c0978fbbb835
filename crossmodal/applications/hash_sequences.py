"""Constant-Q frames -> what a collection keeps of a track in memory: its sequence of binary hashes, and its pruning vector.

A hash is a vector of the space `midi-audio` in one word: bit i (0 is the lowest) is set where value i is above zero. A pruning vector is
the one vector that the space `midi-audio-pruning` gives a whole track.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from crossmodal.base.errors import InputError
from crossmodal.embedding import along
from crossmodal.space import Space
from crossmodal.space_files import load_space, space_names
from encoders.constant_q import BINS, CENTRE_SECONDS, FRAMES_PER_SECOND
from encoders.encoder import SequenceEncoder
from encoders.midi_hash import ConstantQPruning

Frames = NDArray[np.float32]
Hashes = NDArray[np.uint16] | NDArray[np.uint32]
_WIDTHS = (16, 32)


def values_of(space: Space, modality: str, frames: Frames) -> Frames:
    """Frames (t, 48) in [0, 1] -> what is hashed, (ceil(t / step), 16 or 32) in (-1, 1).

    modality: "audio", or "midi" for frames of synthesized MIDI and of piano rolls alike. InputError where the space makes no hashes.
    """
    _hashing(space, modality)
    windows = _windows(frames)
    if not windows.shape[1]:
        return np.zeros((0, space.dimension), np.float32)
    return along(space.embedding.tower(modality), windows).numpy()


def hashes_of(space: Space, modality: str, frames: Frames) -> Hashes:
    """Frames (t, 48) in [0, 1] -> hashes (ceil(t / step),), uint32 or, in a space of 16 bits, uint16; as `values_of`."""
    return pack(values_of(space, modality, frames))


def hash_positions(space: Space, modality: str, count: int) -> NDArray[np.float64]:
    """Seconds (count,) of the middles of hashes 0 .. count - 1."""
    step = _hashing(space, modality).step
    return np.asarray((np.arange(count) * step + (step - 1) / 2) / FRAMES_PER_SECOND + CENTRE_SECONDS, np.float64)


def hash_hop(space: Space, modality: str) -> float:
    """Seconds between hashes."""
    return _hashing(space, modality).step / FRAMES_PER_SECOND


def pack(values: NDArray[np.floating]) -> Hashes:
    """Values (t, 16) or (t, 32) -> hashes (t,) uint16 or uint32: bit i is set where value i is above zero."""
    values = np.asarray(values)
    if values.ndim != 2 or values.shape[1] not in _WIDTHS:
        raise InputError(f"hashes: expected values (t, 16) or (t, 32), got {values.shape}; choose another dimension")
    octets = np.packbits(values > 0, axis=1, bitorder="little")
    if values.shape[1] == 16:
        return octets.view("<u2")[:, 0].astype(np.uint16)
    return octets.view("<u4")[:, 0].astype(np.uint32)


def pruning_space(space: Space) -> Space | None:
    """The space of pruning vectors that belongs to a space of hashes: the one named like it with "-pruning", beside it or known."""
    name = f"{space.name}-pruning"
    places = (Path(space.location).with_name(name), space_names().get(name))
    found = next((place for place in places if place is not None and (place / "manifest.json").is_file()), None)
    return None if found is None else load_space(found)


def pruning_vector(space: Space, modality: str, frames: Frames) -> NDArray[np.float32]:
    """Frames (t, 48) of a whole track -> (128,) in (-1, 1), compared by Euclidean distance. space: of pruning vectors.

    InputError where it is another space, or there is no frame.
    """
    if not isinstance(space.encoder(modality), ConstantQPruning):
        raise InputError(f"expected a space of pruning vectors, got {space.name}; see midi-audio-pruning")
    if not len(frames):
        raise InputError("frames: expected at least 1, got none")
    return np.asarray(space.encode(modality, [frames])[0], np.float32)


def pruning_bits(vectors: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Vectors (n, d), d a multiple of 32 -> their signs, (n, d / 32): compared by Hamming distance, 32 times smaller."""
    words = np.asarray(vectors).reshape(len(vectors) * (vectors.shape[1] // 32), 32)
    return pack(words).reshape(len(vectors), -1).astype(np.uint32, copy=False)


def _hashing(space: Space, modality: str) -> SequenceEncoder:
    encoder = space.encoder(modality)
    head = space.embedding.tower(modality).head
    if not isinstance(encoder, SequenceEncoder) or getattr(head, "unit", True) or space.dimension not in _WIDTHS:
        raise InputError(f"expected a space of hashes of 16 or 32 bits, got {space.name}; see midi-audio")
    return encoder


def _windows(frames: Frames) -> torch.Tensor:
    frames = np.asarray(frames)
    if frames.ndim != 2 or frames.shape[1] != BINS:
        raise InputError(f"frames: expected (t, {BINS}), got {frames.shape}; see crossmodal.applications.midi_features")
    return torch.from_numpy(np.ascontiguousarray(frames.T, np.float32))
