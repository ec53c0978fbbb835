"""Whole recordings as windows: the same vectors on every run, in any blocks, and beside other files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from crossmodal.applications.encoding import encode_stream, one_thread_each
from crossmodal.embedding import JointEmbedding, TowerModule
from crossmodal.space import WINDOWS_AT_ONCE, Space, _windows
from encoders.encoder import AudioItem
from encoders.spectrogram import MelCnn

RATE = 16000


class Blocked(MelCnn):
    """The network, fed in blocks of a chosen length."""

    block = 10.0

    def frame_blocks(self, item: AudioItem, *, block_seconds: float | None = None) -> Iterator[Tensor]:
        return super().frame_blocks(item, block_seconds=block_seconds or self.block)


@pytest.fixture(scope="module")
def encoder() -> Blocked:
    torch.manual_seed(0)
    return Blocked(
        sample_rate=RATE, bands=32, channels=[8, 8], pools=[[2, 2], [2, 2]], window_seconds=0.7, dimension=16
    ).eval()


@pytest.fixture(scope="module")
def space(encoder: Blocked) -> Space:
    return Space("tiny", "", "0" * 16, JointEmbedding({"audio": TowerModule(encoder, torch.nn.Identity())}).eval())


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, round(seconds * RATE)).astype(np.float32)


@pytest.mark.parametrize("seconds", [0.3, 0.7, 0.71, 1.4, 11.3, 23.0])
def test_windows_are_those_of_the_whole(encoder: Blocked, seconds: float) -> None:
    samples = noise(seconds)
    frames = encoder.prepare(samples)
    starts = encoder.window_starts(frames.shape[-1])
    for encoder.block in (0.5, 3.0, 60.0):
        batches = list(_windows(encoder, samples))
        assert [s for firsts, _ in batches for s in firsts] == starts
        assert all(len(windows) == WINDOWS_AT_ONCE for _, windows in batches[:-1])
        expected = torch.stack([frames[..., s : s + encoder.window] for s in starts])
        torch.testing.assert_close(torch.cat([w for _, w in batches]), expected, atol=1e-5, rtol=0)


def test_vectors_do_not_depend_on_the_blocks_or_the_run(space: Space, encoder: Blocked) -> None:
    samples = noise(17.3)
    found = []
    for encoder.block in (60.0, 60.0, 0.9, 5.0):
        found.append(space.sequence("audio", samples).vectors)
    assert torch.equal(found[0], found[1])
    for vectors in found[2:]:
        torch.testing.assert_close(vectors, found[0], atol=1e-6, rtol=0)


def test_files_side_by_side_are_as_alone(space: Space, tmp_path: Path) -> None:
    paths = [tmp_path / f"{i}.wav" for i in range(6)]
    for i, path in enumerate(paths):
        soundfile.write(path, noise(2 + i, seed=i), 22050)
    with one_thread_each():
        alone = space.encode("audio", paths)
    for jobs in (1, 3):
        together = [vector for _, vector in encode_stream(space, "audio", paths, jobs=jobs, quiet=True)]
        np.testing.assert_array_equal(np.stack(together), alone)  # type: ignore[arg-type]
