"""A small learning problem that needs no files: numbers and their noisy doubles, two towers, a few thousand weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from crossmodal.assembly import build_objective
from crossmodal.data import BatchSource
from crossmodal.embedding import JointEmbedding, TowerModule
from crossmodal.objectives.similarity import Similarity
from crossmodal.recipe_parts import ComparisonPart, Training
from crossmodal.stages.fit import StageData, fit
from crossmodal.stages.learning import Learning
from encoders.encoder import Encoder
from encoders.heads import Linear
from pairs.source import Example, Item, PairSource

WIDTH = 8


class Number(Encoder):
    """A number as a fixed random vector (8,), through two layers with dropout between them."""

    modality = "number"

    def __init__(self, *, shift: int = 0, dropout: float = 0.0) -> None:
        super().__init__()
        self.shift, self.dimension = shift, WIDTH
        self.first, self.drop, self.second = nn.Linear(WIDTH, WIDTH), nn.Dropout(dropout), nn.Linear(WIDTH, WIDTH)

    def prepare(self, item: object) -> Tensor:
        """ "3" -> its vector."""
        generator = torch.Generator().manual_seed(int(str(item)))
        return torch.randn(WIDTH, generator=generator).roll(self.shift)

    def forward(self, batch: Tensor) -> Tensor:  # type: ignore[override]
        """(n, 8) -> (n, 8)."""
        found: Tensor = self.second(self.drop(torch.tanh(self.first(batch))))
        return found

    def layers(self) -> list[nn.Module]:
        """First and second."""
        return [self.first, self.second]


class Numbers(PairSource):
    """Left and right are the same number. interrupt: draws after which Ctrl-C is pressed."""

    def __init__(self, count: int, *, interrupt: int | None = None) -> None:
        super().__init__([Item(id=str(i), files={}) for i in range(count)])
        self._left = interrupt

    def draw(self, index: int, generator: np.random.Generator) -> Example:
        """inputs: left and right."""
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise KeyboardInterrupt
        shown = str(index) if generator.random() < 0.9 else str(1000 + index)
        return Example(index, {"left": str(index), "right": shown})


def parts(
    *objectives: dict[str, object], queries: Sequence[str] = ("left",), targets: Sequence[str] = ("right",)
) -> list[ComparisonPart]:
    """Comparisons of left with right."""
    chosen = objectives or ({"type": "info-nce", "arguments": {"temperature": 0.2, "learned": True}},)
    return [
        ComparisonPart.model_validate({"queries": list(queries), "targets": list(targets), "objective": o})
        for o in chosen
    ]


def training(**options: object) -> Training:
    """Settings that suit the problem."""
    return Training.model_validate(
        {
            "steps": 8,
            "batch_size": 6,
            "learning_rate": 1e-2,
            "warmup_steps": 2,
            "precision": "32",
            "validate_every": 2,
            "checkpoint_every": 3,
            **options,
        }
    )


def learning(
    settings: Training,
    *,
    seed: int = 0,
    modes: tuple[str, str] = ("full", "full"),
    train: Sequence[str] = ("left", "right"),
    dropout: float = 0.3,
    chosen: list[ComparisonPart] | None = None,
    similarity: Similarity | None = None,
) -> Learning:
    """Two towers, initialized by `seed`."""
    torch.manual_seed(seed)
    towers = {
        name: TowerModule(Number(shift=number, dropout=dropout), Linear(WIDTH, 4), train=mode)
        for number, (name, mode) in enumerate(zip(("left", "right"), modes, strict=True))
    }
    compared = parts() if chosen is None else chosen
    return Learning(
        JointEmbedding(towers, similarity=similarity),
        parts=compared,
        objectives=[build_objective(part.objective) for part in compared],
        train=list(train),
        training=settings,
        auxiliary={},
        heads={},
        augmentations=[],
        seed=seed,
    )


def source(
    module: Learning, settings: Training, *, count: int = 20, seed: int = 0, interrupt: int | None = None
) -> BatchSource:
    """Batches for it."""
    encoders = {name: module.tower(name).encoder for name in ("left", "right")}
    return BatchSource(Numbers(count, interrupt=interrupt), encoders, None, batch_size=settings.batch_size, seed=seed)


def run(
    module: Learning,
    settings: Training,
    folder: Path,
    *,
    resume: bool = False,
    interrupt: int | None = None,
    validated: bool = True,
) -> Learning:
    """Fits, with a validation set of other numbers."""
    data = StageData(
        source(module, settings, interrupt=interrupt), source(module, settings, count=9, seed=1) if validated else None
    )
    fit(module, data, folder=folder, training=settings, seed=0, device="cpu", resume=resume, quiet=True)
    return module


def state(module: Learning) -> dict[str, Tensor]:
    """A copy of all weights."""
    return {name: value.detach().clone() for name, value in module.state_dict().items()}
