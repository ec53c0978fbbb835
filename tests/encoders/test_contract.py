"""The contract of `encoders.encoder`, over every encoder of the table."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from crossmodal.base import names
from crossmodal.base.errors import CrossmodalError, RecipeError
from crossmodal.pages.layout import BAND, WHOLE, Strip, System
from encoders import ENCODERS, HEADS
from encoders.covers import ImageEncoder
from encoders.encoder import AudioEncoder, Encoder
from encoders.sheets import SheetEncoder

SMALL: dict[str, dict[str, object]] = {
    "mel-inception": {"first": 4, "width": 2, "pairs": 3, "bands": 32, "window_seconds": 1.0},
    "mel-cnn": {"channels": [4, 8], "pools": [[2, 2], [2, 2]], "bands": 32, "window_seconds": 1.0, "dimension": 12},
    "mel-cnn-1d": {
        "channels": [8, 8],
        "kernels": [4, 2],
        "pools": [4, 2],
        "bands": 32,
        "window_seconds": 1.0,
        "log_gain": 50.0,
        "pooling": "auto",
    },
    "sample-cnn": {"channels": [4, 4, 4, 4, 8, 8, 8, 8], "first": 4, "dimension": 12},
    "re-se-2-multi": {"channels": [4, 4, 4, 4, 8, 8, 8, 8], "first": 4, "widening": 2, "dimension": 12},
    "spectrogram-transformer": {"bands": 32, "window_seconds": 1.0, "dimension": 24, "depth": 2, "heads": 2},
    "mfcc-histogram": {"kinds": 12, "window_seconds": 0.5},
    "mixture-supervector": {"kinds": 3, "window_seconds": 0.5},
    "excerpt-context": {"channels": [4, 4, 6], "width": 12, "radius": 5, "dropout": 0.0},
    "excerpt-vgg": {"channels": [4, 6], "dimension": 12},
    "sheet-context": {"channels": [4, 4, 6], "width": 12, "radius": 5, "dropout": 0.0},
    "sheet-vgg": {"channels": [4, 6], "dimension": 12},
    "constant-q-cnn": {"channels": [4, 8], "pools": [[2, 2], [2, 2]], "window": 24, "dimension": 12},
    "covers": {"stages": 2, "size": 32},
    "constant-q-hash": {"channels": [2, 3, 4], "width": 12, "radius": 4, "dropout": 0.0, "window": 64},
    "constant-q-hash-2016": {"channels": [8, 8, 8], "hidden": 24, "dropout": 0.0, "window": 64},
    "constant-q-pruning": {"channels": [2, 3, 4], "width": 12, "heads": 2, "window": 64},
    "word-vectors": {},
    "sentences": {},
    "labels": {"names": ["rock", "jazz", "folk"], "dimension": 6},
    "clap-audio": {},
    "clap-text": {},
}
TEXTS = ["slow solemn choir", "fiddle", "Irish fiddle tune choir"]
ITEMS = {"text": TEXTS, "label": ["rock", "folk", "jazz"]}


def resolve(name: str) -> type:
    return names.resolve(ENCODERS, name, "an encoder")


def resolve_head(name: str) -> type:
    return names.resolve(HEADS, name, "a head")


def build(name: str, clap: Path, glove: Path) -> Encoder:
    arguments = dict(SMALL[name])
    if name.startswith("clap"):
        arguments["source"] = str(clap)
    if name == "word-vectors":
        arguments["source"] = str(glove)
    torch.manual_seed(0)
    return resolve(name)(**arguments).eval()


@pytest.fixture(params=sorted(ENCODERS))
def encoder(request: pytest.FixtureRequest, clap_folder: Path, glove_file: Path) -> Encoder:
    return build(request.param, clap_folder, glove_file)


def items_of(encoder: Encoder) -> list[object]:
    if isinstance(encoder, AudioEncoder):
        generator = np.random.default_rng(1)
        lengths = [encoder.window_samples, encoder.window_samples // 2, encoder.window_samples]
        return [(0.1 * generator.normal(size=n)).astype(np.float32) for n in lengths]
    if isinstance(encoder, SheetEncoder):
        return [strip(encoder.window, seed) for seed in range(3)]
    if isinstance(encoder, ImageEncoder):
        return [
            np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8).repeat(5, 0).repeat(6, 1)
            for seed in range(3)
        ]
    return list(ITEMS[encoder.modality])


def strip(width: int, seed: int) -> Strip:
    """Ink and paper at random, in blocks that pooling does not average away."""
    ink = (
        np.random.default_rng(seed)
        .integers(0, 2, (WHOLE // 8, width // 8 + 1), dtype=np.uint8)
        .repeat(8, 0)
        .repeat(8, 1)
    )
    whole = (255 * ink)[:, :width]
    return Strip(System(0, 0, ()), whole.reshape(2, BAND, width), whole, 0.0, 1.0)


def batch_of(encoder: Encoder, items: list[object]) -> object:
    prepared = [encoder.prepare(item) for item in items]
    if isinstance(encoder, AudioEncoder):
        prepared = [p[..., : encoder.window] for p in prepared if isinstance(p, Tensor)]
    if isinstance(encoder, SheetEncoder):
        prepared = [system for p in prepared if isinstance(p, list) for system in p]
    return encoder.collate(prepared)


def same(first: object, second: object) -> bool:
    if isinstance(first, Tensor) and isinstance(second, Tensor):
        return torch.equal(first, second)
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(same, first, second))
    return first == second


def test_every_encoder_is_tested() -> None:
    assert set(SMALL) == set(ENCODERS)


def test_says_what_it_makes(encoder: Encoder) -> None:
    assert encoder.modality and encoder.dimension > 0
    assert encoder.pretrained is None or set(encoder.pretrained) == {"source", "revision", "sha256"}
    arguments = inspect.signature(type(encoder)).parameters.values()
    assert all(a.kind is a.KEYWORD_ONLY and a.annotation is not a.empty for a in arguments)


def test_prepare_is_deterministic_and_without_gradients(encoder: Encoder) -> None:
    for item in items_of(encoder):
        first, second = encoder.prepare(item), encoder.prepare(item)
        assert same(first, second)
        assert not isinstance(first, Tensor) or not (first.requires_grad or first.is_inference())


def test_forward_gives_one_finite_vector_per_item(encoder: Encoder) -> None:
    with torch.inference_mode():
        vectors = encoder(batch_of(encoder, items_of(encoder)))
    assert vectors.shape == (3, encoder.dimension)
    assert vectors.dtype == torch.float32 and vectors.isfinite().all()
    assert (vectors[0] - vectors[1]).abs().max() > 1e-6


def test_a_vector_does_not_depend_on_its_batch(encoder: Encoder) -> None:
    items = items_of(encoder)
    with torch.inference_mode():
        together = encoder(batch_of(encoder, items))
        alone = torch.cat([encoder(batch_of(encoder, [item])) for item in items])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_every_weight_gets_a_gradient(encoder: Encoder) -> None:
    if not list(encoder.parameters()):
        pytest.skip("it is fitted, not trained")
    encoder.train()
    batch = batch_of(encoder, items_of(encoder))
    encoder(batch).square().sum().backward()
    missing = [name for name, weight in encoder.named_parameters() if weight.requires_grad and weight.grad is None]
    assert not missing
    assert all(weight.grad.isfinite().all() for weight in encoder.parameters() if weight.grad is not None)


def test_layers_go_from_input_to_output_and_hold_all_weights(encoder: Encoder) -> None:
    layers = encoder.layers()
    inside = [id(weight) for layer in layers for weight in layer.parameters()]
    assert layers and len(inside) == len(set(inside))
    assert set(inside) == {id(weight) for weight in encoder.parameters()}


def test_bf16_autocast_works_on_cpu(encoder: Encoder) -> None:
    batch = batch_of(encoder, items_of(encoder))
    with torch.inference_mode():
        exact = encoder(batch)
        with torch.autocast("cpu", torch.bfloat16):
            rough = encoder(batch).float()
    assert torch.nn.functional.cosine_similarity(exact, rough).min() > 0.98


@pytest.mark.parametrize("item", [None, 3.5, "", "   "])
def test_what_is_no_item_is_refused_in_one_line(encoder: Encoder, item: object) -> None:
    with pytest.raises(CrossmodalError) as caught:
        encoder.prepare(item)
    assert "\n" not in str(caught.value)


def audio_encoder(name: str, clap: Path, glove: Path) -> AudioEncoder:
    encoder = build(name, clap, glove)
    assert isinstance(encoder, AudioEncoder)
    return encoder


AUDIO = sorted(
    set(SMALL) - {"word-vectors", "sentences", "labels", "clap-text", "sheet-context", "sheet-vgg", "covers"}
)


@pytest.mark.parametrize("name", AUDIO)
@pytest.mark.parametrize("length", [0.1, 1.0, 2.71])
def test_streaming_in_blocks_gives_the_frames_of_the_whole(
    name: str, length: float, clap_folder: Path, glove_file: Path
) -> None:
    encoder = audio_encoder(name, clap_folder, glove_file)
    count = max(int(length * encoder.window_samples), encoder.sample_rate // 5)
    samples = (0.1 * np.random.default_rng(2).normal(size=count)).astype(np.float32)
    whole = encoder.prepare(samples)
    assert whole.shape[-1] >= encoder.window
    for seconds in (0.037, 0.5, 3600.0):
        parts = list(encoder.frame_blocks(samples, block_seconds=seconds))
        torch.testing.assert_close(torch.cat(parts, dim=-1), whole, rtol=1e-5, atol=1e-5)
    if count >= encoder.window_samples:
        direct = encoder.frames(torch.from_numpy(samples)[None])[0]
        torch.testing.assert_close(direct, whole, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", AUDIO)
def test_windows_cover_every_frame(name: str, clap_folder: Path, glove_file: Path) -> None:
    encoder = audio_encoder(name, clap_folder, glove_file)
    for frames in (1, encoder.window, encoder.window + 1, 3 * encoder.window + 7):
        starts = encoder.window_starts(frames)
        covered = {k for start in starts for k in (start, start + encoder.window - 1)}
        assert starts[0] == 0 and max(covered) + 1 == max(frames, encoder.window)
        steps = np.diff(starts)
        assert (steps > 0).all() and (steps <= encoder.hop).all() and encoder.hop <= encoder.window


@pytest.mark.parametrize("name", AUDIO)
def test_a_generator_of_frames_leaves_gradients_on(name: str, clap_folder: Path, glove_file: Path) -> None:
    encoder = audio_encoder(name, clap_folder, glove_file)
    samples = np.full(2 * encoder.window_samples, 0.1, np.float32)
    for _ in encoder.frame_blocks(samples, block_seconds=0.5):
        assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
        break


@pytest.mark.parametrize("name", AUDIO)
def test_one_bad_sample_is_silence(name: str, clap_folder: Path, glove_file: Path) -> None:
    encoder = audio_encoder(name, clap_folder, glove_file)
    samples = torch.zeros(1, encoder.window_samples)
    samples[0, 5], samples[0, 9] = float("nan"), float("inf")
    torch.testing.assert_close(encoder.frames(samples), encoder.frames(torch.zeros(1, encoder.window_samples)))


def test_unknown_names_are_answered_with_the_nearest() -> None:
    with pytest.raises(RecipeError, match='Did you mean "mel-cnn"'):
        resolve("mel-cn")
    with pytest.raises(RecipeError, match='Did you mean "projection"'):
        resolve_head("projetion")


@pytest.mark.parametrize(("name", "arguments"), [("projection", {"dimension": 3}), ("linear", {"dimension": 3})])
def test_heads_map_vectors(name: str, arguments: dict[str, int]) -> None:
    torch.manual_seed(0)
    assert resolve_head(name)(input=6, **arguments)(torch.randn(5, 6)).shape == (5, 3)


def test_the_identity_head_and_the_wide_projection() -> None:
    vectors = torch.randn(4, 6)
    assert resolve_head("identity")(input=6)(vectors) is vectors
    wide = resolve_head("projection")(input=6, dimension=3, hidden=9, dropout=0.1)
    assert wide(vectors).shape == (4, 3) and next(wide.parameters()).shape == (9, 6)
    assert set(HEADS) == {"projection", "linear", "identity", "free", "cca", "lda", "lmnn", "hash"}


def test_importing_the_table_is_light() -> None:
    import subprocess
    import sys

    program = "import sys, encoders; assert not {'torch', 'transformers', 'gensim'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
