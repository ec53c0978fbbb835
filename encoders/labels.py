"""Labels -> learned class vectors, the proxies of metric learning (Movshovitz-Attias et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import ClassVar

import torch
from torch import Tensor, nn

from crossmodal.base.errors import InputError, RecipeError
from encoders.encoder import Encoder


class Labels(Encoder):
    """One learned vector per class name. names: all classes, in the order of the table; dimension: width of
    a vector.
    """

    modality: ClassVar[str] = "label"

    def __init__(self, *, names: Sequence[str], dimension: int = 128) -> None:
        super().__init__()
        if not names or len(set(names)) != len(names):
            raise RecipeError(
                f"expected one or more different label names; got {len(names)}, {len(set(names))} of "
                "them different; "
                "list each label once"
            )
        self.names = list(names)
        self.dimension = dimension
        self._indices = {name: index for index, name in enumerate(self.names)}
        self.table = nn.Embedding(len(self.names), dimension)

    def prepare(self, item: object) -> Tensor:
        """A label -> its index, (). Raises InputError naming the nearest known label."""
        index = self._indices.get(item) if isinstance(item, str) else None
        if index is None:
            near = get_close_matches(str(item), self.names, n=3, cutoff=0.0)
            raise InputError(f"expected one of {len(self.names)} labels; got {item!r}; nearest: {', '.join(near)}")
        return torch.tensor(index)

    def forward(self, batch: Tensor) -> Tensor:  # type: ignore[override]
        """(n,) indices -> (n, dimension)."""
        return self.table(batch)
