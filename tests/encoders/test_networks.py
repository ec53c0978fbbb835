"""Shapes, sizes and published weight counts of the networks that are trained from scratch."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import nn

from crossmodal.base.errors import InputError, RecipeError
from encoders.labels import Labels
from encoders.spectrogram import MelCnn, MelCnn1d, StrongerLogarithm
from encoders.spectrogram_transformer import SpectrogramTransformer
from encoders.waveform import ReSE2Multi, ReSEBlock, SampleCnn, SqueezeExcitation, mixed_strides


def weights(module: nn.Module, *, normalization: bool) -> int:
    inside = {
        id(weight)
        for m in module.modules()
        if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)
        for weight in m.parameters()
    }
    return sum(w.numel() for w in module.parameters() if (id(w) in inside) == normalization)


def test_sample_cnn_has_the_published_number_of_weights() -> None:
    """Lee et al. 2017: the 3^9 model with 50 tags: 2,454,066, and 6,400 of batch normalization."""
    encoder = SampleCnn()
    tags = nn.Linear(encoder.dimension, 50)
    assert weights(encoder, normalization=False) + weights(tags, normalization=False) == 2_454_066
    assert weights(encoder, normalization=True) == 6_400
    assert encoder.window == 59_049 == encoder.window_samples


def test_sample_cnn_layer_by_layer() -> None:
    encoder = SampleCnn().eval()
    sizes = []
    with torch.inference_mode():
        maps = torch.zeros(1, 1, 59_049)
        for layer in encoder.layers():
            maps = layer(maps)
            sizes.append(tuple(maps.shape[1:]))
    assert sizes == [
        (128, 19683), (128, 6561), (128, 2187), (256, 729), (256, 243), (256, 81), (256, 27), (256, 9),
        (512, 3), (512, 1), (512, 1),
    ]  # fmt: skip


@pytest.mark.parametrize(("length", "blocks", "window"), [(2, 12, 8192), (4, 5, 4096), (5, 5, 15625)])
def test_sample_cnn_in_other_lengths(length: int, blocks: int, window: int) -> None:
    encoder = SampleCnn(length=length, channels=[4] * blocks, first=4, dimension=6).eval()
    assert encoder.window == window
    assert encoder(torch.zeros(2, window)).shape == (2, 6)


SIZES = {  # (length, blocks) -> samples of a window
    (2, 13): 16_384, (2, 14): 32_768, (3, 8): 19_683, (3, 9): 59_049,
    (4, 6): 16_384, (4, 7): 65_536, (5, 5): 15_625, (5, 6): 78_125,
}  # fmt: skip


@pytest.mark.parametrize(("length", "blocks"), SIZES)
def test_sample_cnn_of_the_eight_sizes(length: int, blocks: int) -> None:
    """Lee & Nam 2017: m^n takes m^(n + 1) samples to one place; half of them are windows of 0.7 to 0.9 s."""
    encoder = SampleCnn(length=length, blocks=blocks).eval()
    assert encoder.window == SIZES[length, blocks] and len(encoder.blocks) == blocks
    widths = [block[0][1].out_channels for block in encoder.blocks]  # type: ignore[index]
    assert widths == [128] * 2 + [256] * (blocks - 4) + [512] * 2
    small = SampleCnn(length=length, blocks=blocks, first=2, channels=[2] * blocks, dimension=3).eval()
    with torch.inference_mode():
        maps = small.blocks(small.strided(torch.randn(1, 1, encoder.window)))
    assert maps.shape == (1, 2, 1)


@pytest.mark.parametrize("rate", [2000, 4000, 8000, 12000, 16000, 20000, 22050])
def test_lower_sampling_rates_keep_depth_and_seconds(rate: int) -> None:
    strides = mixed_strides(round(59_049 * rate / 22_050))
    assert len(strides) == 10 and set(strides) <= {2, 3, 4, 5} and strides == sorted(strides, reverse=True)
    encoder = SampleCnn(sample_rate=rate, strides=strides, first=2, channels=[2] * 9, dimension=3).eval()
    assert encoder.window / rate == pytest.approx(59_049 / 22_050, rel=0.04)
    assert encoder(torch.randn(2, encoder.window)).shape == (2, 3)


def test_mixed_strides_are_the_nearest_there_are() -> None:
    def error(mix: tuple[int, ...]) -> float:
        return abs(math.log(math.prod(mix) / 100))

    best = min(error(mix) for mix in itertools.product((2, 3, 4, 5), repeat=4))
    assert error(tuple(mixed_strides(100, layers=4))) == best
    assert mixed_strides(3**10) == [3] * 10
    for samples, layers in ((0, 4), (-5, 4), (10, 4), (700, 4)):
        with pytest.raises(InputError, match="16 to 625"):
            mixed_strides(samples, layers=layers)


def test_a_long_first_stride_makes_frames_of_samples() -> None:
    encoder = SampleCnn(strides=[256, 4, 4, 4, 4]).eval()
    assert encoder.window == 65_536 and isinstance(encoder.strided[0], nn.Conv1d)
    assert encoder.strided[0].kernel_size == encoder.strided[0].stride == (256,)
    with torch.inference_mode():
        assert encoder.strided(torch.zeros(1, 1, encoder.window)).shape == (1, 128, 256)


def test_re_se_2_multi_joins_its_last_three_levels() -> None:
    encoder = ReSE2Multi().eval()
    assert encoder.window == 59_049 and encoder.dimension == 256 + 256 + 512
    blocks = [block for block in encoder.blocks if isinstance(block, ReSEBlock)]
    gates = [block.excitation.gates[0] for block in blocks]
    assert [gate.in_features for gate in gates if isinstance(gate, nn.Linear)] == [128] * 2 + [256] * 6 + [512]
    assert next(blocks[0].excitation.gates.parameters()).shape == (16 * 128, 128)
    plain = [isinstance(block.shortcut, nn.Identity) for block in blocks]
    assert plain == [True, True, False, True, True, True, True, True, False]


def test_squeeze_excitation_is_a_gate_per_channel() -> None:
    torch.manual_seed(0)
    module, maps = SqueezeExcitation(3, 2), torch.randn(2, 3, 7)
    out = module(maps)
    for row in range(2):
        gates = module.gates(torch.tensor([maps[row, c].sum() / 7 for c in range(3)]))
        for channel in range(3):
            torch.testing.assert_close(out[row, channel], maps[row, channel] * gates[channel])


def test_choi_2019_network() -> None:
    """130 frames of 128 bands (3 s) -> 100 numbers; four layers as published."""
    encoder = MelCnn1d()
    assert (encoder.window, encoder.bands, encoder.dimension) == (130, 128, 100)
    convolutions = [m for m in encoder.modules() if isinstance(m, nn.Conv1d)]
    assert [(c.in_channels, c.out_channels, c.kernel_size[0]) for c in convolutions] == [
        (128, 128, 4), (128, 128, 4), (128, 128, 4), (128, 128, 2), (128, 100, 1),
    ]  # fmt: skip
    lengths, maps = [], torch.zeros(1, 128, 130)
    for block in encoder.eval().blocks:
        maps = block(maps)
        lengths.append(maps.shape[-1])
    assert lengths == [32, 8, 2, 1]


def test_mel_networks_take_longer_windows() -> None:
    for encoder in (MelCnn(channels=[4, 4], pools=[[2, 2], [2, 2]], bands=32), MelCnn1d(bands=32)):
        encoder.eval()
        assert encoder(torch.randn(2, 32, 3 * encoder.window)).shape == (2, encoder.dimension)


def test_windows_and_hops_in_seconds() -> None:
    encoder = MelCnn(window_seconds=5.0, hop_seconds=2.0, channels=[4], pools=[[2, 2]])
    assert encoder.window == 216 and encoder.hop == 86  # 43.07 frames a second
    assert abs(encoder.window_samples / encoder.sample_rate - 5.0) < 0.06


@pytest.mark.parametrize(
    "arguments",
    [
        {"channels": [4, 4]},
        {"activation": "swish"},
        {"first_kernel": 4},
        {"pools": [[9, 9]] * 4},
    ],
)
def test_mel_cnn_refuses_what_does_not_fit(arguments: dict[str, object]) -> None:
    with pytest.raises(RecipeError):
        MelCnn(**arguments)  # type: ignore[arg-type]


def test_other_networks_refuse_what_does_not_fit() -> None:
    with pytest.raises(RecipeError, match="as many kernels"):
        MelCnn1d(channels=[8])
    with pytest.raises(RecipeError, match="product"):
        MelCnn1d(pools=[8, 8, 8, 8])
    wrongs: list[dict[str, object]] = [
        {"length": 1},
        {"strides": [3, 1]},
        {"strides": [3]},
        {"blocks": 0},
        {"channels": []},
    ]
    for wrong in wrongs:
        with pytest.raises(RecipeError, match="2 at least and one block"):
            SampleCnn(**wrong)  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match="blocks: 4, channels: 3"):
        SampleCnn(blocks=4, channels=[2, 2, 2])
    with pytest.raises(RecipeError):
        ReSE2Multi(channels=[8])
    with pytest.raises(RecipeError, match="heads divide"):
        SpectrogramTransformer(dimension=10, heads=3)


def test_the_transformer_wants_its_own_window() -> None:
    encoder = SpectrogramTransformer(bands=32, window_seconds=1.0, dimension=24, depth=1, heads=2)
    with pytest.raises(InputError, match="positions are learned"):
        encoder(torch.zeros(1, 32, encoder.window + 1))


def test_the_transformer_reads_a_public_model_with_its_own_features(tmp_path: object) -> None:
    from pathlib import Path

    from transformers import ASTConfig, ASTFeatureExtractor, ASTModel

    folder = Path(str(tmp_path))
    config = ASTConfig(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48, max_length=64, num_mel_bins=32
    )
    model = ASTModel(config).eval()
    model.save_pretrained(folder)
    extractor = ASTFeatureExtractor(num_mel_bins=32, max_length=64)
    extractor.save_pretrained(folder)
    encoder = SpectrogramTransformer(source=str(folder)).eval()
    samples = (0.1 * torch.randn(encoder.window_samples)).numpy()
    theirs = model(**extractor(samples, sampling_rate=16000, return_tensors="pt")).pooler_output
    ours = encoder(encoder.collate([encoder.prepare(samples)]))
    torch.testing.assert_close(ours, theirs, rtol=1e-2, atol=1e-2)
    assert encoder.pretrained is not None and encoder.sample_rate == 16000 and encoder.window == 64


def test_labels_are_rows_of_a_table() -> None:
    labels = Labels(names=["rock", "jazz"], dimension=3)
    batch = labels.collate([labels.prepare("jazz"), labels.prepare("rock")])
    torch.testing.assert_close(labels(batch), labels.table.weight[[1, 0]])
    with pytest.raises(InputError, match="nearest: jazz"):
        labels.prepare("jaz")
    with pytest.raises(RecipeError, match="different"):
        Labels(names=["rock", "rock"])
    with pytest.raises(RecipeError):
        Labels(names=[])


def test_the_stronger_logarithm_lifts_faint_bands() -> None:
    """Against the formula on magnitudes; each band is standardized over what is trained on."""
    magnitude = torch.rand(64, 3, 20) * torch.tensor([1.0, 1e-2, 1e-3])[:, None]
    frames = (torch.log10(1 + 10 * magnitude) - 0.2) / 0.25
    layer = StrongerLogarithm(gain=100.0, bands=3, mean=0.2, deviation=0.25)
    wanted = torch.log(1 + 1000 * magnitude)
    wanted = (wanted - wanted.mean(dim=(0, 2), keepdim=True)) / wanted.std(dim=(0, 2), unbiased=False, keepdim=True)
    torch.testing.assert_close(layer(frames), wanted, atol=2e-2, rtol=2e-2)
    louder = MelCnn1d(log_gain=100.0)
    assert louder.layers()[0] is louder.louder and len(louder.layers()) == len(MelCnn1d().layers()) + 1
    with pytest.raises(RecipeError, match="log_gain"):
        MelCnn1d(log_gain=-1.0)
