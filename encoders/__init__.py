"""Networks that turn one item of one modality into a vector. `ENCODERS` and `HEADS` are the only tables of
their names.

Nothing heavy is imported here: a name is resolved to its class when a recipe asks for it.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING

from crossmodal.base.errors import RecipeError

if TYPE_CHECKING:
    from torch import nn

    from encoders.encoder import Encoder

ENCODERS: dict[str, str] = {
    "mel-cnn": "encoders.spectrogram:MelCnn",
    "mel-cnn-1d": "encoders.spectrogram:MelCnn1d",
    "sample-cnn": "encoders.waveform:SampleCnn",
    "re-se-2-multi": "encoders.waveform:ReSE2Multi",
    "spectrogram-transformer": "encoders.spectrogram_transformer:SpectrogramTransformer",
    "word-vectors": "encoders.words:WordVectors",
    "sentences": "encoders.sentences:Sentences",
    "labels": "encoders.labels:Labels",
    "clap-audio": "encoders.pretrained:ClapAudio",
    "clap-text": "encoders.pretrained:ClapText",
}

HEADS: dict[str, str] = {
    "projection": "encoders.heads:Projection",
    "linear": "encoders.heads:Linear",
    "identity": "encoders.heads:Identity",
}


def resolve(name: str) -> type[Encoder]:
    """The encoder class of a name in `ENCODERS`. Raises RecipeError naming the nearest known one."""
    found: type[Encoder] = _resolve(name, ENCODERS, "encoder")
    return found


def resolve_head(name: str) -> type[nn.Module]:
    """The head class of a name in `HEADS`. Raises RecipeError naming the nearest known one."""
    found: type[nn.Module] = _resolve(name, HEADS, "head")
    return found


def _resolve(name: str, table: Mapping[str, str], kind: str) -> type:
    if name not in table:
        near = get_close_matches(str(name), table, n=1, cutoff=0.0)[0]
        raise RecipeError(
            f"expected {kind} to be one of {', '.join(sorted(table))}; got {name!r}; did you mean {near!r}?"
        )
    module, _, attribute = table[name].partition(":")
    found: type = getattr(importlib.import_module(module), attribute)
    return found
