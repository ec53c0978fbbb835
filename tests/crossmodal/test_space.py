"""Spaces in use: streamed windows, whole recordings, texts, similarities and the background."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import crossmodal.space as space_module
from crossmodal.base.errors import InputError
from crossmodal.base.results import Skipped
from crossmodal.embedding import JointEmbedding, SymmetricBilinear, TowerModule
from crossmodal.space import Background, Space, _windows
from crossmodal.space_files import load_space
from encoders.encoder import AudioEncoder
from encoders.heads import Linear
from encoders.labels import Labels
from encoders.spectrogram import MelCnn
from tests.conftest import RATE, tone


class Counting(AudioEncoder):
    """Frames that are their own number: whatever a window holds can be told."""

    sample_rate, frame_length, frame_hop = 100, 4, 2

    def __init__(self, *, window: int, hop: int, block: int) -> None:
        super().__init__()
        self.window, self.hop, self.dimension, self.block = window, hop, 2, block

    def frames(self, samples: torch.Tensor) -> torch.Tensor:
        return samples.unfold(-1, 4, 2)[..., 0][:, None, :]

    def frame_blocks(self, item: object, *, block_seconds: float = 60.0):  # type: ignore[no-untyped-def]
        return super().frame_blocks(item, block_seconds=self.block / 100)  # type: ignore[arg-type]


@settings(max_examples=120, deadline=None)
@given(
    samples=st.integers(10, 400),  # shorter than 0.1 s is no recording
    window=st.integers(1, 20),
    hop=st.integers(1, 25),
    block=st.integers(5, 300),
)
def test_streamed_windows_are_the_windows_of_the_whole(samples: int, window: int, hop: int, block: int) -> None:
    encoder = Counting(window=window, hop=hop, block=block)
    sound = np.arange(samples, dtype=np.float32) / 1000
    whole = encoder.prepare(sound)
    starts = encoder.window_starts(whole.shape[-1])
    found = [(s, w) for firsts, windows in _windows(encoder, sound) for s, w in zip(firsts, windows, strict=True)]
    assert [s for s, _ in found] == starts
    for start, cut in found:
        assert torch.equal(cut, whole[..., start : start + window])
    covered = {frame for s in starts for frame in range(s, s + window)}
    assert hop > window or covered == set(range(whole.shape[-1])), "windows cover the whole recording"


@pytest.fixture(scope="module")
def space(space_folder: Path) -> Space:
    return load_space(space_folder)


def test_vectors_do_not_depend_on_the_blocks(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = np.concatenate([tone(220, seconds=3), tone(330, seconds=4)])
    expected = space.encode("audio", [sound])
    encoder = space.encoder("audio")
    assert isinstance(encoder, AudioEncoder)
    original = type(encoder).frame_blocks
    for seconds in (0.3, 1.0, 2.7):
        monkeypatch.setattr(
            type(encoder), "frame_blocks", lambda self, item, s=seconds: original(self, item, block_seconds=s)
        )
        np.testing.assert_allclose(space.encode("audio", [sound]), expected, atol=2e-5)
    monkeypatch.setattr(space_module, "WINDOWS_AT_ONCE", 3)
    np.testing.assert_allclose(space.encode("audio", [sound]), expected, atol=2e-5)


def test_the_whole_is_the_mean_direction_of_its_windows(space: Space) -> None:
    sound = tone(220, seconds=5)
    sequence = space.sequence("audio", sound)
    encoder = space.encoder("audio")
    assert isinstance(encoder, AudioEncoder)
    starts = encoder.window_starts(encoder.prepare(sound).shape[-1])
    assert sequence.vectors.shape == (len(starts), space.dimension)
    centres = [(s * encoder.frame_hop + encoder.window_samples / 2) / RATE for s in starts]
    np.testing.assert_allclose(sequence.seconds.numpy(), centres, rtol=1e-5)
    mean = sequence.vectors.numpy().mean(axis=0)
    np.testing.assert_allclose(space.encode("audio", [sound])[0], mean / np.linalg.norm(mean), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(sequence.vectors.numpy(), axis=1), 1, atol=1e-6)


def test_files_are_alike_on_every_run_and_of_unit_length(space: Space, sounds: Path) -> None:
    paths = sorted(sounds.glob("*.wav"))[:3]
    first = space.encode("audio", paths)
    assert first.shape == (3, space.dimension) and first.dtype == np.float32
    assert np.array_equal(first, space.encode("audio", [str(p) for p in paths]))
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("samples", [1600, 2047, 15000, 16000, 16001])
def test_short_sounds_have_a_vector(space: Space, samples: int) -> None:
    vector = space.encode("audio", [tone(220)[:samples]])
    assert vector.shape == (1, space.dimension) and np.isfinite(vector).all()


def test_texts(space: Space) -> None:
    texts = ["low", "a high pure sound that lasts rather long", "rich"] * 30
    found = space.encode("text", texts)
    assert found.shape == (90, space.dimension) and found.dtype == np.float32
    alone = np.stack([space.encode("text", [t])[0] for t in texts[:3]])
    np.testing.assert_allclose(found[:3], alone, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    assert np.array_equal(space.encode("text", texts), found)


def test_nothing_and_nonsense(space: Space) -> None:
    for modality in ("audio", "text"):
        assert space.encode(modality, []).shape == (0, space.dimension)
    with pytest.raises(InputError, match=r'write \["a.wav"\]'):
        space.encode("audio", "a.wav")
    with pytest.raises(InputError, match=r'modality of the space tiny \(audio, text\), got "image"'):
        space.encode("image", ["a.png"])
    with pytest.raises(InputError, match="path or an array"):
        space.encode("audio", [5])
    with pytest.raises(InputError):
        space.encode("audio", [np.zeros(0, np.float32)])
    with pytest.raises(InputError):
        space.encode("text", [""])
    with pytest.raises(InputError, match="time axis"):
        space.sequence("text", "low")
    with pytest.raises(InputError, match='device that this machine has, got "nonsense"'):
        space.to("nonsense")
    with pytest.raises(InputError, match="widths 3 and 4"):
        space.similarity(np.zeros((1, 3)), np.zeros((1, 4)))


def test_bad_items_become_skipped(space: Space, sounds: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"")
    good = sorted(sounds.glob("*.wav"))[0]
    first, second, third = space.try_encode("audio", [good, bad, good])
    assert isinstance(second, Skipped) and second.path == str(bad)
    assert isinstance(first, np.ndarray) and isinstance(third, np.ndarray) and np.array_equal(first, third)


def test_the_background_against_a_loop() -> None:
    generator = np.random.default_rng(0)
    recordings = generator.normal(size=(50, 4)).astype(np.float32)
    words = generator.normal(size=(3, 4)).astype(np.float32)
    covariance = torch.from_numpy(np.cov(recordings.T).astype(np.float32))
    background = Background(torch.from_numpy(recordings.mean(axis=0)), covariance)
    found = background.standardize(words, words @ recordings.T)
    for i, word in enumerate(words):
        usual = [float(word @ r) for r in recordings]
        for j in range(50):
            assert found[i, j] == pytest.approx((usual[j] - np.mean(usual)) / np.std(usual, ddof=1), abs=1e-3)


def labelled(similarity: SymmetricBilinear | None = None) -> Space:
    torch.manual_seed(0)
    audio = MelCnn(sample_rate=RATE, bands=16, channels=(4,), pools=((2, 2),), window_seconds=0.5, dimension=6)
    towers = {
        "audio": TowerModule(audio, Linear(6, 4)),
        "label": TowerModule(Labels(names=["a", "b", "c"], dimension=4), Linear(4, 4)),
    }
    return Space("l", "", "", JointEmbedding(towers, similarity=similarity).eval())


def test_a_space_of_labels_knows_its_width_without_a_text() -> None:
    space = labelled()
    assert space.dimension == 4 and space.encode("label", ["c", "a"]).shape == (2, 4)
    assert space.encode("label", []).shape == (0, 4)


def test_a_bilinear_space_folds_its_queries_everywhere() -> None:
    form = SymmetricBilinear(4)
    torch.nn.init.normal_(form.weight)
    space = labelled(form)
    words, sounds = (
        space.encode("label", ["a", "b", "c"]),
        space.encode("audio", [tone(220), tone(880), tone(440, harmonics=4)]),
    )
    matrix = ((form.weight + form.weight.T) / 2).detach().numpy()
    naive = np.array([[word @ matrix @ sound for sound in sounds] for word in words])
    np.testing.assert_allclose(space.similarity(words, sounds), naive, atol=1e-5)
    np.testing.assert_allclose(space.similarity(sounds, words), naive.T, atol=1e-5)
    np.testing.assert_allclose(space.fold(words) @ sounds.T, naive, atol=1e-5)
    assert np.array_equal(space.standardize(words, naive), naive), "without a background they stay as they are"
    space.background = Background(
        torch.from_numpy(sounds.mean(axis=0)), torch.from_numpy(np.cov(sounds.T).astype(np.float32))
    )
    np.testing.assert_allclose(space.standardize(words, naive).mean(axis=1), 0, atol=1e-3)
    np.testing.assert_allclose(space.standardize(words, naive).std(axis=1, ddof=1), 1, atol=1e-2)
