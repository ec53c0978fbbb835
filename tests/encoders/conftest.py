"""Small files in the formats of public models, made here: a CLAP folder, a BERT folder, word vectors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

WORDS = ("slow", "solemn", "choir", "Irish", "fiddle", "tune", "hip", "hop", "##s", "drum", "bass", "café")


@pytest.fixture(scope="session")
def word_vectors() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    return {word: generator.normal(size=5).astype(np.float32).round(4) for word in WORDS}


@pytest.fixture(scope="session")
def glove_file(tmp_path_factory: pytest.TempPathFactory, word_vectors: dict[str, np.ndarray]) -> Path:
    path = tmp_path_factory.mktemp("words") / "glove.5d.txt"
    lines = [" ".join([word, *(f"{value:.4f}" for value in vector)]) for word, vector in word_vectors.items()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def save_tokenizer(folder: Path) -> int:
    """A byte-level BPE tokenizer trained on two sentences; returns its vocabulary size."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import RobertaTokenizerFast

    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(
        ["slow solemn choir music", "lively Irish fiddle tune"] * 4,
        vocab_size=320,
        min_frequency=1,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        show_progress=False,
    )
    parts = folder / "bpe"
    parts.mkdir()
    trained.save_model(str(parts))
    vocabulary = json.loads((parts / "vocab.json").read_text(encoding="utf-8"))
    lines = (parts / "merges.txt").read_text(encoding="utf-8").splitlines()
    merges = [tuple(line.split()) for line in lines if line and not line.startswith("#")]
    tokenizer = RobertaTokenizerFast(vocab=vocabulary, merges=merges, model_max_length=64)
    tokenizer.save_pretrained(folder)
    return len(tokenizer)


@pytest.fixture(scope="session")
def clap_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_clap(tmp_path_factory.mktemp("clap"), fusion=False)


def save_clap(folder: Path, *, fusion: bool) -> Path:
    """A random CLAP model of about 0.2 million weights with all the files of a public one."""
    from transformers import ClapConfig, ClapFeatureExtractor, ClapModel

    size = save_tokenizer(folder)
    config = ClapConfig(
        text_config={
            "vocab_size": size,
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 64,
            "max_position_embeddings": 80,
            "projection_dim": 16,
        },
        audio_config={
            "patch_embeds_hidden_size": 8,
            "hidden_size": 64,
            "depths": [1, 1, 1, 1],
            "num_attention_heads": [1, 1, 2, 2],
            "enable_fusion": fusion,
            "projection_dim": 16,
        },
        projection_dim=16,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        ClapModel(config).save_pretrained(folder)
    ClapFeatureExtractor(truncation="fusion" if fusion else "rand_trunc").save_pretrained(folder)
    return folder
