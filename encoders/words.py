"""Words -> vectors from a table: GloVe text (Pennington 2014), word2vec text or binary (Mikolov 2013),
gensim names.

A phrase is the mean of its words' vectors (Choi et al. 2019, section 3.2). Spelling variants are tried in
this order: as written, lower case, capitalized, upper case, hyphens as underscores or left out, digits as
#; then the parts of a hyphenated word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from crossmodal.base.errors import InputError
from encoders.encoder import Encoder
from encoders.word_tables import WordTable, nearest_spellings, read_word_table

_WORD = re.compile(r"[^\W_]+(?:['’&+#-][^\W_]+|[+#])*")


class WordVectors(Encoder):
    """Mean of the word vectors of a text.

    source: a GloVe or word2vec file (text or binary, also .gz) or a gensim-data name such as "glove-wiki-
    gigaword-100"; limit: only that many words from the top of the file (most frequent first); skip_unknown:
    leave unknown words out where the text has known ones, instead of an error.
    """

    modality: ClassVar[str] = "text"

    def __init__(self, *, source: str, limit: int | None = None, skip_unknown: bool = False) -> None:
        super().__init__()
        found: WordTable = read_word_table(source, limit=limit)
        self.pretrained = found.provenance
        self.indices = found.indices
        self.skip_unknown = skip_unknown
        self.dimension = found.vectors.shape[1]
        self.table = nn.Embedding.from_pretrained(torch.from_numpy(found.vectors), freeze=False)

    def prepare(self, item: object) -> Tensor:
        """A text -> indices of its words (words,). Raises InputError naming unknown words and the nearest
        known ones.
        """
        words = list(_WORD.findall(item)) if isinstance(item, str) else []
        if not words:
            raise InputError(f"expected a text with at least one word; got {item!r}; write some words")
        known = {word: self._lookup(word) for word in words}
        missing = [word for word in known if not known[word]]
        if missing and not (self.skip_unknown and len(missing) < len(known)):
            raise InputError(self._complaint(missing, str(item)))
        return torch.tensor([index for word in words for index in known[word]])

    def unknown(self, text: str) -> list[str]:
        """The words of `text` that the table does not have in any spelling."""
        return [word for word in dict.fromkeys(_WORD.findall(text)) if not self._lookup(word)]

    def collate(self, prepared: Sequence[object]) -> dict[str, Tensor]:
        """Index lists -> {"indices": (n, words) padded with 0, "mask": (n, words) 1 for words}."""
        rows = [row for row in prepared if isinstance(row, Tensor)]
        return {
            "indices": nn.utils.rnn.pad_sequence(rows, batch_first=True),
            "mask": nn.utils.rnn.pad_sequence([torch.ones(len(row)) for row in rows], batch_first=True),
        }

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:  # type: ignore[override]
        """{"indices", "mask"} -> (n, dimension), the mean over the words."""
        mask = batch["mask"][..., None]
        return (self.table(batch["indices"]) * mask).sum(dim=1) / mask.sum(dim=1)

    def _lookup(self, word: str) -> list[int]:
        """Indices that stand for a word: one, or those of its hyphenated parts, or none."""
        for spelling in _spellings(word):
            if spelling in self.indices:
                return [self.indices[spelling]]
        parts = [part for part in re.split(r"[-'’&]", word) if part]
        if len(parts) < 2:
            return []
        if len(parts) == 2 and parts[1].lower() == "s":  # a possessive
            return self._lookup(parts[0])
        found = [self._lookup(part) for part in parts]
        return [index for indices in found for index in indices] if all(found) else []

    def _complaint(self, missing: Sequence[str], text: str) -> str:
        hints = []
        for word in missing:
            near = nearest_spellings(word, self.indices)
            hints.append(f"{word!r} (nearest: {', '.join(near)})" if near else f"{word!r} (nothing near)")
        return (
            f"expected words that the vectors know; got {text!r} with unknown {', '.join(hints)}; use "
            "another word, "
            "or set skip_unknown"
        )


def _spellings(word: str) -> Iterator[str]:
    word = word.replace("’", "'")
    joined = [word, word.replace("-", "_"), word.replace("-", "")] if "-" in word else [word]
    for form in joined:
        yield from (form, form.lower(), form.capitalize(), form.upper())
    if any(c.isdigit() for c in word):  # GoogleNews has every digit of longer numbers as #
        hashed = re.sub(r"\d", "#", word)
        yield from (hashed, hashed.lower())
