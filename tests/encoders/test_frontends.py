"""Front ends against librosa, transformers and naive loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from crossmodal.base.errors import RecipeError
from crossmodal.base.librosa_import import load_librosa
from encoders.frontends import KaldiMel, LogMel, hertz_to_mel, mel_filters, mel_to_hertz


@pytest.mark.parametrize("htk", [False, True])
@pytest.mark.parametrize(
    ("rate", "fft", "bands", "low", "high"), [(22050, 1024, 128, 0, None), (16000, 512, 64, 30, 7000)]
)
def test_mel_filters_are_librosas(rate: int, fft: int, bands: int, low: float, high: float | None, htk: bool) -> None:
    ours = mel_filters(rate, fft, bands, lowest_hertz=low, highest_hertz=high, scale="htk" if htk else "slaney")
    theirs = load_librosa().filters.mel(sr=rate, n_fft=fft, n_mels=bands, fmin=low, fmax=high, htk=htk)
    np.testing.assert_allclose(ours, theirs, atol=1e-7)


@pytest.mark.parametrize("scale", ["slaney", "htk"])
def test_mel_and_hertz_are_inverse(scale: str) -> None:
    hertz = np.linspace(0, 11025, 400)
    np.testing.assert_allclose(mel_to_hertz(hertz_to_mel(hertz, scale), scale), hertz, atol=1e-8)  # type: ignore[arg-type]


def test_impossible_frequencies_are_refused() -> None:
    with pytest.raises(RecipeError, match="half the sample rate"):
        mel_filters(16000, 512, 40, highest_hertz=9000)
    with pytest.raises(RecipeError):
        mel_filters(16000, 512, 40, lowest_hertz=500, highest_hertz=400)


def test_log_mel_is_the_formula_frame_by_frame() -> None:
    samples = np.random.default_rng(0).normal(scale=0.1, size=(2, 4000)).astype(np.float32)
    frontend = LogMel(sample_rate=16000, fft=512, hop=200, bands=40)
    ours = frontend(torch.from_numpy(samples)).numpy()
    taper = np.hanning(513)[:-1]
    filters = load_librosa().filters.mel(sr=16000, n_fft=512, n_mels=40)
    assert ours.shape == (2, 40, 1 + (4000 - 512) // 200)
    for row in range(2):
        for k in range(ours.shape[-1]):
            magnitude = np.abs(np.fft.rfft(samples[row, k * 200 : k * 200 + 512] * taper))
            np.testing.assert_allclose(ours[row, :, k], np.log10(1 + 10 * filters @ magnitude), atol=1e-4)


def test_log_mel_of_silence_of_too_little_and_of_bad_samples() -> None:
    frontend = LogMel(bands=20)
    assert frontend(torch.zeros(1, 3000)).abs().max() == 0
    assert frontend(torch.zeros(2, 1023)).shape == (2, 20, 0)
    assert frontend(torch.zeros(2, 1024)).shape == (2, 20, 1)
    bad = torch.full((1, 3000), float("nan"))
    assert frontend(bad).abs().max() == 0


def test_log_mel_passes_gradients_through_silence_too() -> None:
    samples = torch.zeros(1, 2048)
    samples[0, 1500:] = 0.1
    samples.requires_grad_()
    LogMel(bands=20)(samples).sum().backward()
    assert samples.grad is not None and samples.grad.isfinite().all() and samples.grad.abs().max() > 0


def test_log_mel_stays_exact_under_autocast() -> None:
    samples = torch.randn(1, 4096) * 0.1
    frontend = LogMel(bands=20)
    with torch.autocast("cpu", torch.bfloat16):
        rough = frontend(samples)
    torch.testing.assert_close(rough, frontend(samples))


def test_kaldi_mel_is_what_transformers_makes() -> None:
    from transformers.audio_utils import mel_filter_bank, spectrogram, window_function

    samples = np.random.default_rng(0).normal(scale=0.1, size=16000).astype(np.float32)
    filters = mel_filter_bank(257, 128, 20, 8000, 16000, norm=None, mel_scale="kaldi", triangularize_in_mel_space=True)
    theirs = spectrogram(
        samples,
        window_function(400, "hann", periodic=False),
        frame_length=400,
        hop_length=160,
        fft_length=512,
        power=2.0,
        center=False,
        preemphasis=0.97,
        mel_filters=filters,
        log_mel="log",
        mel_floor=1.192092955078125e-07,
        remove_dc_offset=True,
    )
    ours = KaldiMel()(torch.from_numpy(samples)[None])[0].numpy()
    assert ours.shape == theirs.shape
    # transformers scales a frame's first sample by 1 - 0.97, as Kaldi does.
    np.testing.assert_allclose(ours, theirs, atol=2e-3)


def test_kaldi_mel_of_too_little_is_empty() -> None:
    assert KaldiMel(bands=8)(torch.zeros(1, 399)).shape == (1, 8, 0)
