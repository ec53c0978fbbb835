"""Encoders of audio excerpts: the 92 bands, one vector a step, and how far each one sees."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from crossmodal.base.errors import RecipeError
from encoders.encoder import Anchored
from encoders.excerpts import ExcerptContext, ExcerptEncoder, ExcerptVgg
from encoders.frontends import LogFrequency, log_frequency_filters

from .lively import lively


def context() -> ExcerptContext:
    torch.manual_seed(0)
    return lively(ExcerptContext(channels=(2, 3, 4), width=8, radius=4))


def excerpts() -> ExcerptVgg:
    torch.manual_seed(0)
    return lively(ExcerptVgg(channels=(2, 3), window=20, dimension=5))


BOTH = pytest.mark.parametrize("encoder", [context(), excerpts()], ids=["context", "vgg"])


def frames(count: int, *, examples: int = 2) -> torch.Tensor:
    return torch.randn(examples, 92, count, generator=torch.Generator().manual_seed(count))


def test_the_published_front_end_has_92_bands() -> None:
    filters = log_frequency_filters(22050, 2048)
    assert filters.shape == (92, 1025) and filters.dtype == np.float32 and (filters >= 0).all()
    np.testing.assert_allclose(filters.sum(axis=1), 1, atol=1e-5)
    centres = filters.argmax(axis=1)
    assert (np.diff(centres) > 0).all()
    hertz = centres * 22050 / 2048
    assert 30 <= hertz[0] < 60 and 5500 < hertz[-1] < 6000
    above = hertz > 500  # where bands are wider than a bin they lie 16 to the octave
    np.testing.assert_allclose(np.diff(np.log2(hertz[above])), 1 / 16, atol=0.015)
    frontend = LogFrequency()
    assert (frontend.bands, frontend.sample_rate, frontend.fft) == (92, 22050, 2048)
    assert frontend.sample_rate / frontend.hop == pytest.approx(20, abs=0.02), "20 frames a second"


@pytest.mark.parametrize("hertz", [220.0, 440.0, 1760.0])
def test_a_tone_is_loudest_in_its_own_band(hertz: float) -> None:
    tone = 0.3 * torch.sin(2 * torch.pi * hertz * torch.arange(22050) / 22050)
    found = LogFrequency()(tone[None])[0].mean(dim=1)
    filters = log_frequency_filters(22050, 2048)
    own = filters[:, round(hertz * 2048 / 22050)].argmax()
    assert abs(int(found.argmax()) - int(own)) <= 1


@pytest.mark.parametrize(("low", "high"), [(0, 6000), (-5, 100), (6000, 30), (30, 12000)])
def test_impossible_bands_are_refused(low: float, high: float) -> None:
    with pytest.raises(RecipeError, match="lowest_hertz"):
        log_frequency_filters(22050, 2048, lowest_hertz=low, highest_hertz=high)


@BOTH
def test_silence_is_the_value_that_it_says(encoder: ExcerptEncoder) -> None:
    found = encoder.frames(torch.zeros(1, 30_000))
    torch.testing.assert_close(found, torch.full_like(found, encoder.silence))


@BOTH
@pytest.mark.parametrize("count", [1, 42, 85])
def test_one_vector_for_every_step(encoder: ExcerptEncoder, count: int) -> None:
    with torch.inference_mode():
        found = encoder.along(frames(count))
    assert found.shape == (2, -(-count // encoder.step), encoder.dimension) and found.isfinite().all()


@BOTH
def test_an_anchor_at_a_step_is_the_step(encoder: ExcerptEncoder) -> None:
    windows, anchors = frames(60), torch.tensor([[0, 6, 58], [30, 2, 44]])
    with torch.inference_mode():
        along, found = encoder.along(windows), encoder(Anchored(windows, anchors))
    expected = torch.stack([along[n, a // encoder.step] for n in range(2) for a in anchors[n]])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@BOTH
def test_nothing_is_heard_beyond_the_reach(encoder: ExcerptEncoder) -> None:
    count = 2 * encoder.reach + 20
    windows = frames(count, examples=1)
    step = count // encoder.step // 2
    place = step * encoder.step
    far, near = windows.clone(), windows.clone()
    far[..., : place - encoder.reach] = 3
    far[..., place + encoder.step + encoder.reach :] = -3
    near[..., place - encoder.reach // 2 : place] += 2
    with torch.inference_mode():
        before = encoder.along(windows)[0, step]
        torch.testing.assert_close(encoder.along(far)[0, step], before, rtol=1e-5, atol=1e-6)
        assert (encoder.along(near)[0, step] - before).norm() > 1e-4


@BOTH
def test_silence_at_the_end_changes_nothing_that_is_a_reach_away(encoder: ExcerptEncoder) -> None:
    windows = frames(2 * encoder.reach + 40)
    padded = torch.nn.functional.pad(windows, (0, 30), value=encoder.silence)
    with torch.inference_mode():
        short, long = encoder.along(windows), encoder.along(padded)
    same = short.shape[1] - encoder.reach // encoder.step - 1
    assert same > 8
    torch.testing.assert_close(short[:, :same], long[:, :same], rtol=1e-4, atol=1e-5)


def test_an_excerpt_at_the_end_is_an_excerpt_before_silence() -> None:
    encoder = excerpts()
    windows = frames(50)
    with torch.inference_mode():
        short = encoder.along(windows)
        long = encoder.along(torch.nn.functional.pad(windows, (0, 26), value=encoder.silence))
    torch.testing.assert_close(short, long[:, : short.shape[1]], rtol=1e-4, atol=1e-5)


def test_the_published_excerpt_network() -> None:
    encoder = ExcerptVgg().eval()
    assert (encoder.window, encoder.dimension) == (42, 32)
    convolutions = [m for m in encoder.network.modules() if isinstance(m, torch.nn.Conv2d)]
    assert [c.out_channels for c in convolutions] == [24, 24, 48, 48, 96, 96, 96, 96, 32]
    with torch.inference_mode():
        assert encoder(frames(42)).shape == (2, 32)


@BOTH
def test_a_short_recording_is_padded_with_silence(encoder: ExcerptEncoder) -> None:
    samples = (0.1 * np.random.default_rng(0).normal(size=5000)).astype(np.float32)
    prepared = encoder.prepare(samples)
    assert prepared.shape == (92, encoder.window)
    sounding = -(-5000 // encoder.frame_hop)
    silence = torch.full((92, encoder.window - sounding), encoder.silence)
    torch.testing.assert_close(prepared[:, sounding:], silence)
    assert (prepared[:, : sounding - 1] > encoder.silence + 0.01).any(dim=0).all()
