"""The links of CLMR's chain: what each does to sounds of which it is known."""

from __future__ import annotations

import inspect

import pytest
import torch
from torch import Tensor

from crossmodal import waveform_augmentation
from crossmodal.assembly import build
from crossmodal.augmentation import AUGMENTATIONS
from crossmodal.base.errors import RecipeError
from crossmodal.recipe_parts import Component
from crossmodal.waveform_augmentation import (
    Delay,
    Filter,
    Gain,
    Noise,
    PitchShift,
    Polarity,
    Reverberate,
    WaveformAugmentation,
)
from encoders.spectrogram import MelCnn
from encoders.waveform import SampleCnn

RATE = 22050
NAMES = [name for name, place in AUGMENTATIONS.items() if "waveform" in place]
LINKS = [
    link
    for _, link in inspect.getmembers(waveform_augmentation, inspect.isclass)
    if link.__base__ is WaveformAugmentation
]


def encoder() -> SampleCnn:
    return SampleCnn(channels=[4, 4, 4], dimension=4)


def tones(*hertz: float, size: int = 2 * RATE) -> Tensor:
    time = torch.arange(size) / RATE
    return torch.stack([0.5 * torch.sin(2 * torch.pi * h * time) for h in hertz])


def dominant(window: Tensor) -> float:
    """The strongest frequency of the middle of a window, in hertz."""
    middle = window[RATE // 2 : RATE // 2 + RATE]
    return float((torch.fft.rfft(middle * torch.hann_window(RATE)).abs()).argmax())


def drawn(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", NAMES)
def test_every_link_keeps_shapes_repeats_itself_and_leaves_some_alone(name: str) -> None:
    link = build(
        Component(type=name, arguments={"probability": 0.5}), AUGMENTATIONS, "an augmentation", encoder=encoder()
    )
    windows = torch.randn(16, 4000, generator=drawn(0)) * 0.1
    before = windows.clone()
    once, again = link(windows, drawn()), link(windows, drawn())
    assert once.shape == windows.shape and torch.equal(once, again) and torch.isfinite(once).all()
    changed = (once != windows).any(dim=1)
    assert 2 <= int(changed.sum()) <= 14 and torch.equal(windows, before)
    never = build(
        Component(type=name, arguments={"probability": 0.0}), AUGMENTATIONS, "an augmentation", encoder=encoder()
    )
    assert torch.equal(never(windows, drawn()), windows)
    assert torch.isfinite(link(torch.zeros(16, 4000), drawn())).all()


@pytest.mark.parametrize("link", LINKS)
def test_what_no_sound_has_is_refused(link: type[WaveformAugmentation]) -> None:
    with pytest.raises(RecipeError, match="an encoder of samples"):
        link(encoder=MelCnn(), probability=1.0)
    with pytest.raises(RecipeError, match="between 0 and 1"):
        link(encoder=encoder(), probability=1.5)


def test_polarity_and_gain() -> None:
    windows = tones(440, 880)
    torch.testing.assert_close(Polarity(encoder=encoder(), probability=1)(windows, drawn()), -windows)
    louder = Gain(encoder=encoder(), probability=1, lowest=-6, highest=-6)(windows, drawn())
    torch.testing.assert_close(louder, windows * 10 ** (-6 / 20))


def test_noise_is_as_loud_as_said() -> None:
    noisy = Noise(encoder=encoder(), probability=1, quietest=0.1, loudest=0.1)(tones(440), drawn()) - tones(440)
    assert float(noisy.std()) == pytest.approx(0.1 * float(tones(440).std()), rel=0.05)


def test_filters_take_away_one_end() -> None:
    both = (tones(60) + tones(8000)).repeat(64, 1)
    spectra = torch.fft.rfft(Filter(encoder=encoder(), probability=1)(both, drawn())).abs()
    low, high = spectra[:, 120], spectra[:, 16000]
    assert ((low > 3.5 * high) | (high > 3.5 * low)).all() and (low > high).any() and (high > low).any()


def test_an_echo_comes_after_its_time() -> None:
    click = torch.zeros(8, RATE)
    click[:, 100] = 1.0
    echoed = Delay(encoder=encoder(), probability=1)(click, drawn())
    for window in echoed:
        places = window.nonzero().flatten().tolist()
        seconds = (places[1] - 100) / RATE
        assert (
            len(places) == 2
            and 0.19 < seconds < 0.51
            and seconds / 0.05 == pytest.approx(round(seconds / 0.05), abs=0.01)
        )
        assert float(window[places[1]]) == 0.5 and float(window.max()) == 1.0


def test_pitch_moves_by_what_was_drawn_and_the_length_stays() -> None:
    hertz = [330.0, 440.0, 660.0, 1000.0]
    generator = drawn()
    torch.rand(4, generator=generator)  # which windows are changed
    ratios = 2 ** ((-4 + 8 * torch.rand(4, 1, generator=generator)) / 12)
    shifted = PitchShift(encoder=encoder(), probability=1)(tones(*hertz), drawn())
    for window, before, ratio in zip(shifted, hertz, ratios[:, 0].tolist(), strict=True):
        assert dominant(window) == pytest.approx(before * ratio, abs=1.5)
        assert float(window[RATE // 2 : -RATE // 2].abs().max()) == pytest.approx(0.5, abs=0.08)
    with pytest.raises(RecipeError, match="semitones"):
        PitchShift(encoder=encoder(), semitones=0)


def test_a_room_rings_after_the_sound() -> None:
    click = torch.zeros(4, RATE)
    click[:, 0] = 0.8
    wet = Reverberate(encoder=encoder(), probability=1)(click, drawn())
    early, late = wet[:, 1:2000].square().sum(dim=1), wet[:, 10000:12000].square().sum(dim=1)
    assert (wet.abs().amax(dim=1) <= 0.8 + 1e-5).all() and (early > 0).all() and (early > 3 * late).all()
