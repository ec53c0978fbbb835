"""What all text towers of transformers share: texts -> tokens, and the words that a tower can hardly know."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor

from crossmodal.base.errors import InputError
from encoders.encoder import Encoder
from encoders.hub import PretrainedFolder

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_WORD = re.compile(r"[^\W_]+|[^\w\s]")

_MOST_JUDGED = 10_000  # words
_TOKENIZER_FILES = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "tokenizer.model",
    "sentencepiece.bpe.model",
    "spiece.model",
)


class TokenEncoder(Encoder):
    """Base of text encoders with a tokenizer; items are strings.

    maximum_tokens: longer texts are cut there.
    """

    modality: ClassVar[str] = "text"

    def __init__(self, found: PretrainedFolder, *, maximum_tokens: int) -> None:
        super().__init__()
        from transformers import AutoTokenizer

        # Loader workers are forked after the tokenizer was used; it would then warn that it stops its
        # threads.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        # Without these files transformers makes some tokenizers with an empty vocabulary, in silence.
        if not any((found.path / name).is_file() for name in _TOKENIZER_FILES):
            raise InputError(
                f"expected {found.source!r} to hold a tokenizer; got none of {', '.join(_TOKENIZER_FILES)}; "
                "give a folder with tokenizer.json, as save_pretrained() writes it"
            )
        try:
            self.tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
                found.path, local_files_only=True, trust_remote_code=False
            )
        except (OSError, ValueError, KeyError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise InputError(
                f"expected {found.source!r} to hold a tokenizer; got {reason}; "
                "give a folder with tokenizer.json, as save_pretrained() writes it"
            ) from error
        self._judged: dict[str, bool] = {}
        self.maximum_tokens = min(maximum_tokens, int(self.tokenizer.model_max_length))
        self.pretrained = found.provenance

    def prepare(self, item: object) -> str:
        """A text -> the text without surrounding white space. Raises InputError for anything else or an
        empty one.
        """
        if not isinstance(item, str) or not item.strip():
            raise InputError(f"expected a text with at least one character; got {item!r}; write some words")
        return item.strip()

    def collate(self, prepared: Sequence[object]) -> dict[str, Tensor]:
        """Texts -> {"input_ids", "attention_mask", ...}, each (n, tokens), padded to the longest."""
        tokens = self.tokenizer(
            [str(text) for text in prepared],
            padding=True,
            truncation=True,
            max_length=self.maximum_tokens,
            return_tensors="pt",
        )
        return dict(tokens)

    def unknown(self, text: str) -> list[str]:
        """Words of `text` that the tower can hardly know, so that a search can warn.

        A word counts as unknown where its tokens hold the unknown token, or where it falls apart into
        pieces shorter than two characters on average (three pieces at least for Latin letters, two for
        other scripts). A foreign word in Latin letters that splits into longer pieces is not noticed.
        """
        return [word for word in dict.fromkeys(_WORD.findall(text)) if self._judged_unknown(word)]

    def _judged_unknown(self, word: str) -> bool:
        """As `_is_unknown`, which takes a fraction of a millisecond, once for each word that people ask for."""
        found = self._judged.get(word)
        if found is None:
            if len(self._judged) >= _MOST_JUDGED:
                self._judged.clear()
            found = self._judged[word] = self._is_unknown(word)
        return found

    def _is_unknown(self, word: str) -> bool:
        tokens = self.tokenizer.tokenize(word)
        if not tokens or self.tokenizer.unk_token in tokens:
            return True
        if not any(character.isalpha() for character in word):
            return False  # numbers, punctuation
        count = len([token for token in tokens if token.strip("#▁Ġ")])
        return count >= (3 if is_latin(word) else 2) and len(word) / count < 2


def is_latin(word: str) -> bool:
    """Whether all letters of a word are Latin ones, accents included."""
    return all(unicodedata.name(c, "").startswith("LATIN") for c in word if c.isalpha())
