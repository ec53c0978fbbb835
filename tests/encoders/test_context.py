"""Parts that read a sequence in context: what each step gathers, and that it sees no farther than it says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from encoders.context import Context, ResidualBlock, WindowAttention, block_2d


def attend_naively(layer: WindowAttention, maps: Tensor) -> Tensor:
    """Step by step, head by head: the weighted mean of the values within the radius, then the output layer."""
    count, _, steps = maps.shape
    values = layer.values(maps).view(count, layer.heads, layer.width, steps)
    scores = 4 * torch.tanh(layer.scores(maps) / 4)
    mean = torch.zeros_like(values)
    for n in range(count):
        for head in range(layer.heads):
            for step in range(steps):
                near = range(max(0, step - layer.radius), min(steps, step + layer.radius + 1))
                # `places` counts from the step to its neighbour on the left, then to the right
                weights = torch.stack(
                    [torch.exp(scores[n, head, t] + layer.places[head, t - step + layer.radius]) for t in near]
                )
                # A head whose places lie beyond the end finds nothing: its mean goes to zero, as by silence.
                total = weights.sum().clamp_min(1e-6)
                mean[n, head, :, step] = (values[n, head][:, list(near)] * weights).sum(dim=1) / total
    return torch.nn.functional.gelu(layer.output(torch.cat([mean.flatten(1, 2), maps], dim=1)))


@pytest.mark.parametrize("steps", [1, 3, 9])
def test_window_attention_is_a_weighted_mean_of_the_neighbours(steps: int) -> None:
    torch.manual_seed(0)
    layer = WindowAttention(6, radius=3, heads=4, width=2)
    maps = torch.randn(2, 6, steps)
    with torch.no_grad():
        layer.places.add_(torch.randn_like(layer.places))
        torch.testing.assert_close(layer(maps), attend_naively(layer, maps), rtol=1e-4, atol=1e-5)


def test_heads_begin_at_places_of_their_own() -> None:
    layer = WindowAttention(4, radius=10, heads=16)
    peaks = layer.places.argmax(dim=1)
    assert torch.all(peaks.diff() >= 0) and peaks[0] <= 1 and peaks[-1] >= 19


def test_a_residual_block_adds_to_its_input() -> None:
    block = ResidualBlock(5, kernel=5, dilation=2).eval()
    maps = torch.randn(2, 5, 11)
    with torch.no_grad():
        assert block(maps).shape == maps.shape and not torch.allclose(block(maps), maps)
        block.narrow.weight.zero_()
        torch.nn.init.zeros_(block.narrow.bias)  # type: ignore[arg-type]
        torch.testing.assert_close(block(maps), maps)


def test_the_radius_is_what_a_step_sees() -> None:
    torch.manual_seed(1)
    context = Context(6, radius=4, kernel=3, dilations=(1, 2)).eval()
    assert context.radius == 4 + 1 + 2
    maps = torch.randn(1, 6, 41)
    with torch.no_grad():
        before = context(maps)
        changed = maps.clone()
        changed[..., 20] += 5
        moved = (context(changed) - before).abs().amax(dim=-1)[0].numpy()
    assert before.shape == (1, 41, 12)
    places = np.flatnonzero(moved > 0)
    assert places.min() == 20 - context.radius and places.max() == 20 + context.radius
    np.testing.assert_array_equal(np.delete(moved, places), 0)


def test_dropout_is_for_training_alone() -> None:
    torch.manual_seed(2)
    context = Context(6, radius=2, dropout=0.5)
    maps = torch.randn(3, 6, 9)
    with torch.no_grad():
        assert not torch.equal(context.train()(maps), context(maps))
        context.eval()
        torch.testing.assert_close(context(maps), context(maps))


@pytest.mark.parametrize("elu", [False, True])
def test_blocks_of_a_2d_network(elu: bool) -> None:
    block = block_2d(1, 3, kernel=5, stride=(2, 1), elu=elu).eval()
    found = block(torch.randn(2, 1, 10, 7))
    assert found.shape == (2, 3, 5, 7)
    assert (found.min() < 0) == elu, "exponential units keep something of what is negative"


@pytest.mark.parametrize("precision", [torch.bfloat16])
def test_half_precision_stays_near(precision: torch.dtype) -> None:
    torch.manual_seed(3)
    context = Context(8, radius=5).eval()
    maps = torch.randn(2, 8, 30)
    with torch.inference_mode():
        exact = context(maps)
        with torch.autocast("cpu", precision):
            rough = context(maps).float()
    assert torch.nn.functional.cosine_similarity(exact, rough, dim=-1).min() > 0.99
