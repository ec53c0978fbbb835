"""Augmentations: shape, determinism, bounds, and that a gain is a gain of the magnitudes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from crossmodal.assembly import build
from crossmodal.augmentation import AUGMENTATIONS, Equalize, Mask, Shorten, SpectrogramAugmentation
from crossmodal.base.errors import RecipeError
from crossmodal.base.names import resolve
from crossmodal.recipe_parts import Component
from encoders.spectrogram import MelCnn
from encoders.waveform import SampleCnn


@pytest.fixture(scope="module")
def encoder() -> MelCnn:
    return MelCnn(bands=24, channels=(4,), pools=((2, 2),), window_seconds=1.0, dimension=4)


def windows(encoder: MelCnn, count: int = 6) -> Tensor:
    magnitude = torch.rand(count, 24, 40, generator=torch.Generator().manual_seed(0)) * 5
    return (torch.log10(1 + 10 * magnitude) - encoder.mean) / encoder.deviation


def magnitudes(encoder: MelCnn, frames: Tensor) -> Tensor:
    return (10 ** (frames.double() * encoder.deviation + encoder.mean) - 1) / 10


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


OF_SOUND = [
    name
    for name in sorted(AUGMENTATIONS)
    if issubclass(resolve(AUGMENTATIONS, name, "an augmentation"), SpectrogramAugmentation)
]


@pytest.mark.parametrize("name", OF_SOUND)  # those of pictures: test_picture_augmentation.py
def test_contract_of_all(name: str, encoder: MelCnn) -> None:
    augmentation = build(Component(type=name), AUGMENTATIONS, "an augmentation", encoder=encoder)
    given = windows(encoder, 32)
    kept = given.clone()
    first = augmentation(given, generator(3))
    assert first.shape == given.shape and first.dtype == given.dtype
    assert torch.isfinite(first).all()
    assert torch.equal(given, kept), "its input must stay as it is"
    torch.manual_seed(99)
    assert torch.equal(first, augmentation(given, generator(3))), "all randomness comes from the generator"
    assert not torch.equal(first, augmentation(given, generator(4)))
    assert magnitudes(encoder, first).min() > -1e-6
    silence = torch.full_like(given, -encoder.mean / encoder.deviation)
    assert torch.isfinite(augmentation(silence, generator(5))).all()
    with pytest.raises(RecipeError, match="log-mel"):
        build(Component(type=name), AUGMENTATIONS, "an augmentation", encoder=SampleCnn())


def test_a_pure_gain_scales_the_magnitudes(encoder: MelCnn) -> None:
    augmentation = Equalize(encoder=encoder, gain_decibels=10.0, tilt_decibels=0.0, wave_decibels=0.0, noise=0.0)
    given = windows(encoder)
    before, after = magnitudes(encoder, given), magnitudes(encoder, augmentation(given, generator(1)))
    factors = after / before
    for window in factors:
        assert window.max() - window.min() < 1e-3 * window.mean(), "one factor for the whole window"
    decibels = 20 * factors.mean(dim=(1, 2)).log10()
    assert decibels.abs().max() <= 10 + 1e-3 and decibels.std() > 1, "every window has its own, within the bounds"


def test_a_tilt_is_linear_in_decibels_over_the_bands(encoder: MelCnn) -> None:
    augmentation = Equalize(encoder=encoder, gain_decibels=0.0, tilt_decibels=8.0, wave_decibels=0.0, noise=0.0)
    given = windows(encoder)
    ratio = magnitudes(encoder, augmentation(given, generator(1))) / magnitudes(encoder, given)
    decibels = 20 * ratio.mean(dim=2).log10()
    steps = decibels.diff(dim=1)
    torch.testing.assert_close(steps, steps[:, :1].expand_as(steps), rtol=0, atol=1e-2)
    assert decibels.abs().max() <= 8 + 1e-2


def test_noise_only_adds_and_is_bounded(encoder: MelCnn) -> None:
    augmentation = Equalize(encoder=encoder, gain_decibels=0.0, tilt_decibels=0.0, wave_decibels=0.0, noise=0.02)
    given = windows(encoder)
    added = magnitudes(encoder, augmentation(given, generator(1))) - magnitudes(encoder, given)
    assert added.min() > -1e-5 and 0 < added.max() <= 0.02 + 1e-5


def test_a_mask_is_one_rectangle_each_way_and_no_wider_than_told(encoder: MelCnn) -> None:
    given = windows(encoder, 64)
    found = Mask(encoder=encoder, bands=0.25, frames=0.3)(given, generator(2))
    silence = -encoder.mean / encoder.deviation
    for before, after in zip(given, found, strict=True):
        hidden = (after == silence) & (before != silence)
        bands, frames = hidden.all(dim=1), hidden.all(dim=0)
        assert torch.equal(hidden, bands[:, None] | frames[None, :])
        assert torch.equal(after[~hidden], before[~hidden])
        for marks, most in ((bands, 0.25 * 24), (frames, 0.3 * 40)):
            places = marks.nonzero().flatten()
            assert len(places) <= most + 1
            assert len(places) < 2 or bool((places.diff() == 1).all())


def test_shortened_windows_keep_one_stretch(encoder: MelCnn) -> None:
    given = windows(encoder, 200)
    found = Shorten(encoder=encoder, share=0.5, shortest=0.2)(given, generator(2))
    silence = -encoder.mean / encoder.deviation
    changed = 0
    for before, after in zip(given, found, strict=True):
        silent = (after == silence).all(dim=0)
        changed += bool(silent.any())
        kept = (~silent).nonzero().flatten()
        assert len(kept) >= 0.2 * 40 - 1 and bool((kept.diff() == 1).all())
        assert torch.equal(after[:, kept], before[:, kept])
    assert 60 <= changed <= 140
