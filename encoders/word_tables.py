"""Files of word vectors: which format they have, and reading them without running anything that they hold."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import BinaryIO, Literal, cast

import numpy as np

from crossmodal.base.errors import InputError

Format = Literal["glove", "word2vec-text", "word2vec-binary"]


@dataclass(frozen=True)
class WordTable:
    """indices: word -> row; vectors (words, dimension) float32; provenance: source, revision, sha256 of the
    file.
    """

    indices: dict[str, int]
    vectors: np.ndarray
    provenance: dict[str, str]


def read_word_table(source: str, *, limit: int | None = None) -> WordTable:
    """A file of word vectors, or a gensim-data name. Raises InputError for what is neither, or damaged."""
    from gensim.models import KeyedVectors

    path = Path(source).expanduser()
    if not path.is_file():
        path = _downloaded(source)
    kind = word_format(path)
    try:
        vectors = KeyedVectors.load_word2vec_format(
            str(path), binary=kind == "word2vec-binary", no_header=kind == "glove", limit=limit
        )
    except (EOFError, ValueError, OSError, IndexError) as error:
        raise InputError(
            f"expected {path.name} to hold word vectors ({kind}); got {type(error).__name__}: {error}; "
            "the file is damaged or cut short, fetch it again"
        ) from error
    if not len(vectors) or not np.isfinite(vectors.vectors).all():
        raise InputError(
            f"expected {path.name} to hold finite vectors of one word at least; got {len(vectors)} words; "
            "fetch the file again"
        )
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    table = np.ascontiguousarray(vectors.vectors, np.float32)
    return WordTable(dict(vectors.key_to_index), table, {"source": source, "revision": "local", "sha256": digest})


def word_format(path: Path) -> Format:
    """The format of a file, by its first bytes. Raises InputError for pickles (gensim's own .kv) and
    everything else.
    """
    with _open(path) as file:
        try:
            head = file.read(1 << 16)
        except (OSError, EOFError) as error:
            raise InputError(f"expected {path.name} to be readable; got {error}; fetch it again") from error
    if head[:1] == b"\x80":  # the first byte of every pickle since protocol 2
        raise InputError(
            f"expected word vectors as text or word2vec binary; got {path.name}, gensim's pickled form, "
            "which can run "
            "code; save it with vectors.save_word2vec_format(path, binary=True)"
        )
    first, _, rest = head.partition(b"\n")
    fields = first.split()
    if len(fields) == 2 and all(field.isdigit() for field in fields):
        _check_size(path, int(fields[0]), int(fields[1]))
        line = rest.partition(b"\n")[0].rstrip().split(b" ")
        return "word2vec-text" if len(line) == int(fields[1]) + 1 and _numbers(line[1:]) else "word2vec-binary"
    if len(fields) > 2 and _numbers(fields[-2:]):
        return "glove"
    raise InputError(
        f"expected word vectors (GloVe text, word2vec text or binary); got {path.name}, which is none of "
        "them; "
        "each line is a word and its numbers"
    )


def _check_size(path: Path, words: int, dimension: int) -> None:
    """A header that announces more than the file can hold is refused before memory is taken for it."""
    largest = path.stat().st_size * (1040 if path.suffix == ".gz" else 1)  # the most that gzip can shrink
    if words * (2 * dimension + 1) > largest:
        raise InputError(
            f"expected {path.name} to hold the {words} vectors of {dimension} numbers that its first "
            "line announces; "
            f"got {path.stat().st_size} bytes; the file is damaged or cut short, fetch it again"
        )


def _open(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path) if path.suffix == ".gz" else path.open("rb"))


def _numbers(fields: Collection[bytes]) -> bool:
    try:
        return all(np.isfinite(float(field)) for field in fields)
    except ValueError:
        return False


def _downloaded(name: str) -> Path:
    """The data file of a gensim-data name; only fetched and checked, for gensim would run a script that
    comes with it.
    """
    remedy = "give a GloVe or word2vec file, or a gensim-data name (with a connection, the first time)"
    if any(mark in name for mark in "/\\.~") or not name:
        raise InputError(f"expected a file of word vectors; got {name!r}, which is no file; {remedy}")
    import gensim.downloader

    try:
        return Path(gensim.downloader.load(name, return_path=True))
    except (OSError, ValueError) as error:
        raise InputError(
            f"expected word vectors named {name!r}; got {type(error).__name__}: {error}; {remedy}"
        ) from error


def nearest_spellings(word: str, known: Collection[str], *, count: int = 3) -> list[str]:
    """The `count` known words that are spelt most like `word`, best first.

    Those of about its length that share its first letter are looked at first, for a table may have millions
    of words.
    """
    lower = word.lower()
    near = {
        other.lower(): other for other in known if other[:1].lower() == lower[:1] and abs(len(other) - len(word)) < 3
    }
    found = get_close_matches(lower, near, n=count, cutoff=0.6)
    if not found:
        near = {other.lower(): other for other in known if abs(len(other) - len(word)) < 2}
        found = get_close_matches(lower, near, n=count, cutoff=0.6)
    return [near[spelling] for spelling in found]
