"""Word vectors: formats, phrases, spellings, and words that are not known."""

from __future__ import annotations

import gzip
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from crossmodal.base.errors import InputError
from encoders.word_tables import nearest_spellings, read_word_table, word_format
from encoders.words import WordVectors

Vectors = dict[str, np.ndarray]


def vector(encoder: WordVectors, text: str) -> np.ndarray:
    with torch.inference_mode():
        found: np.ndarray = encoder(encoder.collate([encoder.prepare(text)]))[0].numpy()
    return found


@pytest.fixture
def encoder(glove_file: Path) -> WordVectors:
    return WordVectors(source=str(glove_file))


def save_as(path: Path, vectors: Vectors, *, binary: bool) -> Path:
    from gensim.models import KeyedVectors

    table = KeyedVectors(5)
    table.add_vectors(list(vectors), np.stack(list(vectors.values())))
    table.save_word2vec_format(str(path), binary=binary)
    return path


@pytest.mark.parametrize("kind", ["word2vec-text", "word2vec-binary", "glove", "glove.gz"])
def test_every_format_gives_the_same_table(kind: str, tmp_path: Path, glove_file: Path, word_vectors: Vectors) -> None:
    path = tmp_path / "vectors.any"
    if kind == "glove":
        path = glove_file
    elif kind == "glove.gz":
        path = tmp_path / "vectors.txt.gz"
        path.write_bytes(gzip.compress(glove_file.read_bytes()))
    else:
        save_as(path, word_vectors, binary=kind == "word2vec-binary")
    assert word_format(path) == kind.removesuffix(".gz")
    table = read_word_table(str(path))
    assert list(table.indices) == list(word_vectors)
    np.testing.assert_allclose(table.vectors, np.stack(list(word_vectors.values())), atol=1e-4)
    assert table.provenance["source"] == str(path) and len(table.provenance["sha256"]) == 64


def test_a_phrase_is_the_mean_of_its_words(encoder: WordVectors, word_vectors: Vectors) -> None:
    expected = np.mean([word_vectors[word] for word in ("slow", "solemn", "choir")], axis=0)
    np.testing.assert_allclose(vector(encoder, "slow, solemn (choir)!"), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("irish FIDDLE", ["Irish", "fiddle"]),
        ("Hip-Hop", ["hip", "hop"]),
        ("80s", ["##s"]),
        ("drum'n'bass", None),
        ("choir's", ["choir"]),
        ("Café", ["café"]),
        ("drum & bass", ["drum", "bass"]),
        ("drum&bass", ["drum", "bass"]),
    ],
)
def test_spellings(encoder: WordVectors, word_vectors: Vectors, text: str, words: list[str] | None) -> None:
    if words is None:
        with pytest.raises(InputError):
            encoder.prepare(text)
        return
    expected = np.mean([word_vectors[word] for word in words], axis=0)
    np.testing.assert_allclose(vector(encoder, text), expected, atol=1e-4)
    assert encoder.unknown(text) == []


def test_an_unknown_word_is_named_with_its_nearest_spellings(encoder: WordVectors) -> None:
    with pytest.raises(InputError, match=r"'fidle' \(nearest: fiddle\)") as caught:
        encoder.prepare("slow fidle xqz")
    assert "'xqz' (nothing near)" in str(caught.value) and "\n" not in str(caught.value)
    assert encoder.unknown("slow fidle xqz") == ["fidle", "xqz"]


def test_unknown_words_can_be_left_out(glove_file: Path, word_vectors: Vectors) -> None:
    encoder = WordVectors(source=str(glove_file), skip_unknown=True)
    np.testing.assert_allclose(vector(encoder, "fidle choir"), word_vectors["choir"], atol=1e-4)
    with pytest.raises(InputError):
        encoder.prepare("fidle xqz")


@pytest.mark.parametrize("text", ["", "  ", "!?", 7])
def test_no_word_is_an_error(encoder: WordVectors, text: object) -> None:
    with pytest.raises(InputError, match="at least one word"):
        encoder.prepare(text)


def test_limit_keeps_the_first_words(glove_file: Path) -> None:
    assert len(WordVectors(source=str(glove_file), limit=3).indices) == 3


def test_the_table_can_be_fine_tuned_or_frozen(encoder: WordVectors) -> None:
    batch = encoder.collate([encoder.prepare("slow"), encoder.prepare("slow choir")])
    encoder(batch).sum().backward()
    assert encoder.table.weight.grad is not None
    assert encoder.layers() == [encoder.table]


def test_pickles_are_never_read(tmp_path: Path) -> None:
    path = tmp_path / "vectors.kv"
    path.write_bytes(pickle.dumps({"slow": [1.0]}))
    with pytest.raises(InputError, match="save_word2vec_format"):
        WordVectors(source=str(path))


@pytest.mark.parametrize(
    "content", [b"", b"hello world this is text\n", b"\x00\x01\x02", b"2 5\nslow 1 2", b"1000000000 300\nslow "]
)
def test_damaged_files_are_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "vectors.txt"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        WordVectors(source=str(path))
    assert "\n" not in str(caught.value)


def test_a_binary_file_that_was_cut_short(tmp_path: Path, word_vectors: Vectors) -> None:
    path = save_as(tmp_path / "vectors.bin", word_vectors, binary=True)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError, match="cut short"):
        WordVectors(source=str(path))


def test_not_a_number_in_the_vectors(tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text("slow 1.0 2.0\nfast nan 1.0\n")
    with pytest.raises(InputError, match="finite"):
        WordVectors(source=str(path))


def test_no_such_file() -> None:
    with pytest.raises(InputError, match="no file"):
        WordVectors(source="/nowhere/vectors.txt")


@pytest.mark.real_data
def test_published_glove_vectors() -> None:
    path = Path(os.environ.get("CROSSMODAL_DATA", "")) / "wordvectors" / "glove_twitter_27B_25d_subset.txt"
    if not path.is_file():
        pytest.skip("CROSSMODAL_DATA names no folder with the GloVe vectors")
    encoder = WordVectors(source=str(path))
    assert encoder.dimension == 25
    guitar, piano, tax = (vector(encoder, word) for word in ("guitar", "piano", "tax"))

    def cosine(first: np.ndarray, second: np.ndarray) -> float:
        return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))

    assert cosine(guitar, piano) > cosine(guitar, tax) + 0.2


def test_nearest_spellings_look_beyond_the_first_letter() -> None:
    known = ["violin", "violins", "piano", "Viola"]
    assert nearest_spellings("violn", known)[0] == "violin"
    assert nearest_spellings("wiolin", known) == ["violin", "violins"]
    assert nearest_spellings("zzzzzzz", known) == []
