"""The parts of a recipe: components, towers, comparisons, how a stage is trained. Each is checked by itself here, their names against each
other in `crossmodal.recipe`.
"""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Scalar = str | int | float | bool | None
Value = Scalar | list[Scalar] | list[list[Scalar]] | dict[str, Scalar]


class Section(BaseModel):
    """Base of all parts of a recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Component(Section):
    """Something that a table names, with the arguments of its constructor."""

    type: str
    arguments: dict[str, Value] = Field(default_factory=dict)


class Tower(Section):
    """One modality: an encoder, a head into the shared space, and how much of the encoder is trained."""

    encoder: Component
    head: Component = Component(type="identity")
    train: str = "full"

    @field_validator("train")
    @classmethod
    def _known(cls, value: str) -> str:
        if re.fullmatch(r"full|frozen|last:[1-9][0-9]*", value):
            return value
        raise ValueError(f'expected "full", "frozen" or "last:N" (the last N layers, at least 1), got "{value}"')


class ComparisonPart(Section):
    """Which slots of a batch are compared, and by which objective.

    A slot is a modality, or `modality@view` for a further view of the same item ("audio@2"). Several slots are
    concatenated; then a vector is never compared with itself.

    by: the concept (`pairs.concepts`: artist, album, track, a facet) whose values decide who belongs together; pairs of which one has no
    value count nothing. facet: only these dimensions are compared, by the facet unless `by` says otherwise. against: slots of
    negatives, for triplets that the pairs draw: only slots of one example are compared. prototypes: targets are averaged by value.
    memory: how many targets of earlier batches are targets too; not beside prototypes.
    """

    queries: list[str] = Field(min_length=1)
    targets: list[str] = Field(min_length=1)
    objective: Component
    weight: float = Field(1.0, ge=0)
    by: str | None = None
    facet: str | None = None
    against: list[str] = Field(default_factory=list)
    prototypes: bool = False
    memory: int = Field(0, ge=0)

    @property
    def concept(self) -> str | None:
        """What decides who belongs together; None: what the pairs say."""
        return None if self.against else self.by or self.facet

    @property
    def slots(self) -> list[str]:
        """All that is compared."""
        return [*self.queries, *self.targets, *self.against]

    @model_validator(mode="after")
    def _one_way(self) -> ComparisonPart:
        if self.against and (self.by or self.prototypes or self.memory):
            raise ValueError("against: expected the pairs' own triplets alone, got by, prototypes or memory beside it")
        if (self.prototypes or self.memory) and not self.concept:
            raise ValueError('expected "by" beside prototypes or memory: the concept whose values belong together')
        if self.prototypes and self.memory:
            raise ValueError(
                f"memory: expected none beside prototypes, which are of one batch, got {self.memory}; leave out either"
            )
        if self.prototypes and set(self.queries) & set(self.targets):
            raise ValueError("prototypes: expected queries that are not averaged themselves, got a slot on both sides")
        return self


class Training(Section):
    """How long and how fast. Steps, not epochs: sources draw examples without end."""

    steps: int = Field(1000, ge=1)
    batch_size: int = Field(128, ge=2)
    learning_rate: float = Field(1e-3, gt=0)
    weight_decay: float = Field(1e-2, ge=0)
    warmup_steps: int = Field(50, ge=0)
    optimizer: Literal["adamw", "sgd"] = "adamw"
    gradient_clip: float = Field(1.0, ge=0)
    precision: Literal["auto", "32", "bf16", "16"] = "auto"
    validate_every: int = Field(100, ge=1)
    patience: int = Field(0, ge=0, description="validations without improvement before stopping; 0: never")
    checkpoint_every: int = Field(100, ge=1)
    devices: int = Field(1, ge=1, description="processes; with more than one, negatives are gathered from all")


class Stage(Section):
    """One training of some towers: a pretraining or an alignment. Or, with `fit` instead of comparisons, the heads of two towers are
    fitted to pairs in closed form (the heads' own type says how: "cca"); with `by`, the head of one tower to the classes of a concept
    ("lda", "lmnn"); or the encoder of one tower learns what frames there are ("k-means", "gaussian-mixture").
    """

    pairs: Component
    comparisons: list[ComparisonPart] = Field(default_factory=list)
    fit: Component | None = None
    by: str | None = Field(
        None, description="with fit: the concept whose values are the classes of one tower's vectors"
    )
    train: list[str] = Field(min_length=1, description="towers that are trained, or fitted")
    auxiliary: dict[str, Tower] = Field(
        default_factory=dict, description="towers of this stage alone (proxies, pretraining heads)"
    )
    heads: dict[str, Component] = Field(
        default_factory=dict, description="another head for this stage alone, thrown away after it"
    )
    augmentation: list[Component] = Field(default_factory=list)
    augmented: list[str] = Field(
        default_factory=list, description="slots that the augmentation changes, one branch alone; none: all of them"
    )
    training: Training = Training()

    @property
    def slots(self) -> list[str]:
        """All that is compared, or fitted."""
        compared = [slot for part in self.comparisons for slot in part.slots]
        return [*compared, *(self.train if self.fit else [])]

    @model_validator(mode="after")
    def _learns_one_way(self) -> Stage:
        if self.fit is None and not self.comparisons:
            raise ValueError("comparisons: expected at least 1 (or fit), got none")
        if self.fit is not None and (self.comparisons or self.auxiliary or self.heads or self.augmentation):
            raise ValueError("expected fit alone, got comparisons, auxiliary, heads or augmentation beside it")
        strange = [slot for slot in self.augmented if slot not in self.slots]
        if strange or (self.augmented and not self.augmentation):
            raise ValueError(
                f"augmented: expected slots that are compared ({', '.join(dict.fromkeys(self.slots))}) beside augmentation, "
                f"got {', '.join(strange) or 'no augmentation'}"
            )
        if self.by is not None and self.fit is None:
            raise ValueError("by: expected it beside fit, or within a comparison")
        return self
