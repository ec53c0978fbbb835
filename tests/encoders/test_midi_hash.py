"""Networks over constant-Q frames: one vector a step or a track, how far each sees, and the published size."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from crossmodal.base.errors import InputError
from encoders.encoder import Anchored
from encoders.heads import Hash
from encoders.midi_hash import STEP, ConstantQHash, ConstantQHash2016, ConstantQPruning, Standardize

from .lively import lively


def ours() -> ConstantQHash:
    torch.manual_seed(0)
    return lively(ConstantQHash(channels=(2, 3, 4), width=8, radius=3))


def published() -> ConstantQHash2016:
    torch.manual_seed(0)
    return lively(ConstantQHash2016(channels=(2, 3, 4), hidden=8))


def pruning() -> ConstantQPruning:
    torch.manual_seed(0)
    return lively(ConstantQPruning(channels=(2, 3, 4), width=8, heads=2))


BOTH = pytest.mark.parametrize("encoder", [ours(), published()], ids=["ours", "published"])
Sequential = ConstantQHash | ConstantQHash2016


def frames(count: int, *, examples: int = 2) -> torch.Tensor:
    return torch.rand(examples, 48, count, generator=torch.Generator().manual_seed(count))


@BOTH
@pytest.mark.parametrize("count", [1, 8, 85])
def test_one_vector_for_every_8_frames(encoder: Sequential, count: int) -> None:
    with torch.inference_mode():
        found = encoder.along(frames(count))
    assert encoder.step == STEP == 8
    assert found.shape == (2, -(-count // 8), encoder.dimension) and found.isfinite().all()


@BOTH
def test_an_anchor_is_the_step_that_it_lies_in(encoder: Sequential) -> None:
    windows, anchors = frames(60), torch.tensor([[0, 7, 59], [31, 8, 44]])
    with torch.inference_mode():
        along, found = encoder.along(windows), encoder(Anchored(windows, anchors))
    expected = torch.stack([along[n, a // 8] for n in range(2) for a in anchors[n]])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@BOTH
def test_nothing_is_heard_beyond_the_reach(encoder: Sequential) -> None:
    step = encoder.reach // 8 + 3
    windows = frames(2 * step * 8, examples=1)
    place = step * 8
    far, near = windows.clone(), windows.clone()
    far[..., : place - encoder.reach] = 3
    far[..., place + 8 + encoder.reach :] = -3
    near[..., place - 4 : place] += 2
    with torch.inference_mode():
        before = encoder.along(windows)[0, step]
        torch.testing.assert_close(encoder.along(far)[0, step], before, rtol=1e-5, atol=1e-6)
        assert (encoder.along(near)[0, step] - before).norm() > 1e-4


def test_silence_at_the_end_changes_nothing_of_ours_that_is_a_reach_away() -> None:
    encoder = ours()
    windows = frames(2 * encoder.reach + 40)
    with torch.inference_mode():
        short, long = encoder.along(windows), encoder.along(nn.functional.pad(windows, (0, 30)))
    same = short.shape[1] - encoder.reach // 8 - 1
    assert same > 8
    torch.testing.assert_close(short[:, :same], long[:, :same], rtol=1e-4, atol=1e-5)


def test_the_published_network_has_the_published_size() -> None:
    encoder = ConstantQHash2016()
    convolutions = [m for m in encoder.blocks.modules() if isinstance(m, nn.Conv2d)]
    assert [c.out_channels for c in convolutions] == [16, 16, 32, 32, 64, 64]
    expected, before = 0, 1
    for width in (16, 32, 64):
        expected += 9 * before * width + width + 9 * width * width + width
        before = width
    expected += 48 * 64 * 2048 + 2048 + 2048 * 2048 + 2048
    assert sum(weight.numel() for weight in encoder.parameters()) == expected
    head = Hash(encoder.dimension)
    assert sum(weight.numel() for weight in head.parameters()) == 2048 * 32 + 32


def test_our_networks_are_small() -> None:
    sizes = [
        sum(v.numel() for v in network.state_dict().values()) * 2 for network in (ConstantQHash(), ConstantQPruning())
    ]
    assert sizes[0] <= 3e6 and sizes[1] <= 1e6, "bytes at 16 bits a weight"


def test_statistics_follow_the_batches_and_stay_in_evaluation() -> None:
    standard = Standardize(centred=True)
    batch = 3 * frames(400) + 5
    found = standard(batch)
    torch.testing.assert_close(found.mean(dim=(0, 2)), torch.zeros(48), atol=1e-4, rtol=0)
    torch.testing.assert_close(found.std(dim=(0, 2)), torch.ones(48), atol=0.01, rtol=0)
    before = {name: value.clone() for name, value in standard.state_dict().items()}
    standard.eval()(batch + 7)
    for name, value in standard.state_dict().items():
        torch.testing.assert_close(value, before[name])
    standard.train()(batch + 7)
    assert (standard.mean - before["mean"] > 3).all(), "the second batch moves them by half"
    assert Standardize(centred=False).eval()(torch.zeros(1, 48, 5)).eq(0).all(), "silence stays zero"


def test_a_track_has_one_vector_that_silence_does_not_change() -> None:
    encoder = pruning()
    windows = frames(80)
    with torch.inference_mode():
        alone, padded = encoder(windows), encoder(nn.functional.pad(windows, (0, 400)))
        placed = encoder(Anchored(windows, torch.tensor([[3, 70], [9, 9]])))
        silent = encoder(torch.zeros(1, 48, 40))
    assert alone.shape == (2, encoder.dimension) and silent.isfinite().all()
    torch.testing.assert_close(placed, alone[[0, 0, 1, 1]])
    # Without mixing the ends the two would be the same to the last bit.
    assert nn.functional.cosine_similarity(alone, padded).min() > 0.99
    assert nn.functional.cosine_similarity(alone[:1], alone[1:]) < 0.99999


def test_frames_of_midi_are_items_too() -> None:
    encoder = ours()
    given = frames(30, examples=1)[0].T.numpy()
    prepared = encoder.prepare(given)
    np.testing.assert_array_equal(prepared.numpy(), given.T)
    prepared[:] = 0
    assert given.any(), "a copy"
    for bad in (np.zeros((30, 47), np.float32), np.zeros((0, 48), np.float32), np.full((3, 48), np.nan, np.float32)):
        with pytest.raises(InputError, match="frames: expected"):
            encoder.prepare(bad)
    with pytest.raises(InputError, match="got MIDI"):
        encoder.prepare("song.mid")


@pytest.mark.parametrize("balanced", [False, True])
def test_hash_heads_give_values_within_one(balanced: bool) -> None:
    torch.manual_seed(0)
    head = Hash(6, 16, balanced=balanced).train()
    vectors = 3 * torch.randn(500, 6) + 2
    found = head(vectors)
    assert found.shape == (500, 16) and found.dtype == torch.float32 and (found.abs() <= 1).all()
    assert not head.unit
    if balanced:
        assert ((found > 0).float().mean(dim=0) - 0.5).abs().max() < 0.1, "each bit is set half of the time"
