"""Public CLAP models: our features and vectors against transformers' own, on small random models of the
same format.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from crossmodal.base.errors import InputError
from encoders.pretrained import ClapAudio, ClapText

from .conftest import save_clap


@pytest.fixture(scope="module")
def fused_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_clap(tmp_path_factory.mktemp("fused"), fusion=True)


def noise(seconds: float) -> np.ndarray:
    return (0.1 * np.random.default_rng(0).normal(size=int(48000 * seconds))).astype(np.float32)


@pytest.mark.parametrize("fusion", [False, True])
def test_features_of_ten_seconds_are_transformers_own(clap_folder: Path, fused_folder: Path, fusion: bool) -> None:
    from transformers import ClapFeatureExtractor

    folder = fused_folder if fusion else clap_folder
    encoder, samples = ClapAudio(source=str(folder)), noise(10)
    extractor = ClapFeatureExtractor.from_pretrained(folder)
    theirs = extractor(samples, sampling_rate=48000, return_tensors="pt")["input_features"]
    ours = encoder.features(torch.from_numpy(samples)[None])[0]
    assert theirs.shape == (1, 4 if fusion else 1, *ours.shape)
    torch.testing.assert_close(ours, theirs[0, 0].float(), rtol=1e-4, atol=1e-3)


def test_vectors_are_those_of_the_whole_model(clap_folder: Path) -> None:
    from transformers import AutoTokenizer, ClapFeatureExtractor, ClapModel

    model = ClapModel.from_pretrained(clap_folder).eval()
    samples, texts = noise(10), ["slow solemn choir", "fiddle"]
    features = ClapFeatureExtractor.from_pretrained(clap_folder)(samples, sampling_rate=48000, return_tensors="pt")
    tokens = AutoTokenizer.from_pretrained(clap_folder)(texts, padding=True, return_tensors="pt")
    audio, text = ClapAudio(source=str(clap_folder)).eval(), ClapText(source=str(clap_folder)).eval()
    with torch.inference_mode():
        whole = model(**tokens, input_features=features["input_features"], is_longer=features["is_longer"])
        ours = audio(audio.collate([audio.prepare(samples)]))
        words = text(text.collate([text.prepare(t) for t in texts]))
    normalize = torch.nn.functional.normalize
    torch.testing.assert_close(normalize(ours, dim=-1), whole.audio_embeds, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(normalize(words, dim=-1), whole.text_embeds, rtol=1e-3, atol=1e-4)
    assert audio.dimension == text.dimension == 16
    assert audio.pretrained == text.pretrained


def test_a_short_recording_is_repeated_as_clap_was_trained(clap_folder: Path) -> None:
    from transformers import ClapFeatureExtractor

    encoder, samples = ClapAudio(source=str(clap_folder)), noise(3)
    extractor = ClapFeatureExtractor.from_pretrained(clap_folder)
    theirs = extractor(samples, sampling_rate=48000, return_tensors="pt")["input_features"][0, 0]
    prepared = encoder.prepare(samples)
    torch.testing.assert_close(encoder.features(prepared[None])[0], theirs.float(), rtol=1e-4, atol=1e-3)


def test_a_long_recording_is_covered_in_fixed_steps(clap_folder: Path) -> None:
    encoder = ClapAudio(source=str(clap_folder), hop_seconds=5.0)
    frames = encoder.prepare(noise(23))
    assert frames.shape == (23 * 48000,)
    assert [start / 48000 for start in encoder.window_starts(frames.shape[-1])] == [0, 5, 10, 13]


def test_fused_models_run_without_a_random_crop(fused_folder: Path) -> None:
    encoder = ClapAudio(source=str(fused_folder)).eval()
    windows = torch.from_numpy(np.stack([noise(10), noise(10)[::-1].copy()]))
    with torch.inference_mode():
        first, second = encoder(windows), encoder(windows)
    assert torch.equal(first, second) and first.isfinite().all()


def test_a_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    from transformers import BertConfig, BertModel

    config = BertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    BertModel(config).save_pretrained(tmp_path)
    for tower in (ClapAudio, ClapText):
        with pytest.raises(InputError, match="type 'clap'; got 'bert'"):
            tower(source=str(tmp_path))
