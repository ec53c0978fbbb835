"""Constant-Q frames: pitches, times, levels and streaming; and the piano roll on the same grid."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from crossmodal.base.errors import InputError
from encoders.constant_q import (
    BINS,
    CENTRE_SECONDS,
    FRAME_LENGTH,
    HOP,
    LOWEST_PITCH,
    SAMPLE_RATE,
    ConstantQ,
    PianoRoll,
    frame_seconds,
)


def sine(pitch: float, seconds: float = 1.5, *, begin: float = 0.0, level: float = 1.0) -> torch.Tensor:
    """A tone from `begin` on."""
    time = torch.arange(round(seconds * SAMPLE_RATE), dtype=torch.float64) / SAMPLE_RATE
    tone = level * torch.sin(2 * torch.pi * 440 * 2 ** ((pitch - 69) / 12) * time)
    return torch.where(time >= begin, tone, 0.0).float()


@pytest.mark.parametrize("pitch", [36, 43, 60, 69, 83])
def test_a_sine_stands_in_its_bin_with_its_amplitude(pitch: int) -> None:
    magnitude = ConstantQ().magnitude(sine(pitch, level=0.25)[None])[0]
    assert (magnitude.argmax(0) == pitch - LOWEST_PITCH).all()
    np.testing.assert_allclose(magnitude.amax(0).numpy(), 0.25, rtol=2e-3)


def test_agrees_with_a_direct_sum() -> None:
    samples = torch.from_numpy(np.random.default_rng(0).normal(0, 0.1, FRAME_LENGTH + HOP)).float()
    found = ConstantQ().magnitude(samples[None])[0].numpy()
    assert found.shape == (BINS, 2)
    for bin_ in (0, 20, 47):
        hertz = 440 * 2 ** ((LOWEST_PITCH + bin_ - 69) / 12)
        length = round(SAMPLE_RATE / hertz / (2 ** (1 / 12) - 1) / 4) * 4
        middle = np.arange(FRAME_LENGTH) - (FRAME_LENGTH - 1) / 2
        window = np.where(np.abs(middle) <= length / 2, 0.5 + 0.5 * np.cos(2 * np.pi * middle / length), 0.0)
        kernel = window / window.sum() * np.exp(-2j * np.pi * hertz * middle / SAMPLE_RATE)
        for frame in range(2):
            expected = 2 * np.abs(np.sum(samples.numpy()[frame * HOP : frame * HOP + FRAME_LENGTH] * kernel))
            assert found[bin_, frame] == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("pitch", [24, 40, 71, 72, 90, 119])
def test_eight_octaves_in_banks_of_their_own_rates(pitch: int) -> None:
    transform = ConstantQ(lowest=24, bins=96)
    magnitude = transform.magnitude(sine(pitch, level=0.25)[None])[0]
    assert magnitude.shape == (96, 1 + (round(1.5 * SAMPLE_RATE) - transform.frame_length) // HOP)
    assert (magnitude.argmax(0) == pitch - 24).all()
    np.testing.assert_allclose(magnitude.amax(0).numpy(), 0.25, rtol=2e-3)


def test_all_banks_hear_a_click_at_the_same_time() -> None:
    transform = ConstantQ(lowest=24, bins=96)
    samples = torch.zeros(1, 3 * SAMPLE_RATE)
    samples[0, 20 * HOP + transform.frame_length // 2] = 1.0
    magnitude = transform.magnitude(samples)[0]
    assert (magnitude[[0, 30, 50, 95]].argmax(1) - 20).abs().max() <= 1


@pytest.mark.parametrize("bins", [0, 120])
def test_bins_that_cannot_be_heard_are_refused(bins: int) -> None:
    with pytest.raises(InputError, match="take fewer"):
        ConstantQ(lowest=24, bins=bins)


def test_high_partials_do_not_fold_back() -> None:
    for hertz in (4_500, 5_512, 6_100, 10_900):
        pitch = 69 + 12 * np.log2(hertz / 440)
        assert float(ConstantQ().magnitude(sine(pitch)[None]).max()) < 2e-3


def test_frames_of_blocks_are_those_of_the_whole() -> None:
    samples = torch.from_numpy(np.random.default_rng(1).normal(0, 0.1, SAMPLE_RATE * 3)).float()[None]
    transform = ConstantQ()
    whole = transform(samples)
    assert whole.shape[-1] == 1 + (samples.shape[-1] - FRAME_LENGTH) // HOP
    part = transform(samples[:, 20 * HOP : 29 * HOP + FRAME_LENGTH])
    torch.testing.assert_close(part, whole[..., 20:30], atol=1e-5, rtol=1e-4)


def test_length_level_and_silence() -> None:
    transform = ConstantQ()
    loud, soft = transform(sine(60)[None]), transform(sine(60, level=0.05)[None])
    torch.testing.assert_close(loud.norm(dim=1), torch.ones(1, loud.shape[-1]))
    assert float((loud * soft).sum(1).min()) > 0.97
    assert not transform(torch.zeros(1, SAMPLE_RATE)).any()
    assert transform(torch.full((1, SAMPLE_RATE), torch.nan)).isfinite().all()
    assert transform(torch.zeros(2, 100)).shape == (2, BINS, 0)


def test_tuning_follows_the_recording() -> None:
    off = sine(60.4)[None]
    assert float(ConstantQ(tuning=0.4).magnitude(off).max()) > float(ConstantQ().magnitude(off).max()) + 0.05


@pytest.mark.parametrize("pitch", [40, 76])
def test_roll_and_sound_begin_together(pitch: int) -> None:
    begin = 1.1
    heard = ConstantQ()(sine(pitch, 2.5, begin=begin)[None])[0]
    roll = PianoRoll(overtones=(), half_life=None)
    read = roll(np.array([begin]), np.array([1.4]), np.array([pitch]), np.array([127]), frames=heard.shape[1])
    for frames in (heard, read):
        seen = frames[pitch - LOWEST_PITCH] > 0.25
        # The logarithm shows what is 40 dB below its middle: a bin hears a note by up to half its window before it begins.
        assert begin - 0.14 <= frame_seconds(len(seen))[int(seen.nonzero()[0])] <= begin + 0.02
    agree = (heard.amax(0) > 0) == (read.amax(0) > 0)
    assert float(agree.float().mean()) > 0.9


def test_roll_knows_velocity_decay_overtones_and_silence() -> None:
    onset, both = np.array([0.5, 0.5]), np.array([1.5, 1.5])
    plain = PianoRoll(overtones=(), half_life=None)
    frames = plain(onset, both, np.array([48, 60]), np.array([127, 40]), frames=40)
    assert frames.shape == (BINS, 40)
    assert float(frames[12, 20]) > float(frames[24, 20]) > 0
    assert not frames[:, 0].any()
    fading = PianoRoll(overtones=(), half_life=0.2)(
        np.array([0.5, 1.8]), np.array([2.0, 0.7]), np.array([48, 60]), np.array([100, 100]), frames=50
    )
    assert float(fading[12, 38]) < float(fading[24, 38])
    rich = PianoRoll()(onset[:1], both[:1], np.array([48]), np.array([100]), frames=40)
    assert (rich[:, 20] > 0.1).nonzero().flatten().tolist() == [12, 24, 31, 36, 40]
    assert PianoRoll()(np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0)).shape == (BINS, 1)


def test_roll_folds_only_when_asked() -> None:
    note = (np.array([0.2]), np.array([1.0]), np.array([96]), np.array([100]))
    assert not PianoRoll(overtones=())(*note, frames=10).any()
    assert int(PianoRoll(overtones=(), fold=True)(*note, frames=10)[:, 5].argmax()) == 36
    with pytest.raises(InputError, match="half_life"):
        PianoRoll(half_life=0)


def test_places_of_frames() -> None:
    assert frame_seconds(3).tolist() == pytest.approx([CENTRE_SECONDS + k * HOP / SAMPLE_RATE for k in range(3)])
