"""A recipe: one YAML file that names towers, pairs, objectives, training and evaluation of a system; checked, never guessed.

Every model forbids unknown keys; `{type, arguments}` components are checked against the signature of their constructor
(`crossmodal.assembly`), so that each default lives once. No interpolation, no imports, no code in YAML.
"""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from importlib import resources
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from crossmodal.base.errors import RecipeError
from crossmodal.base.names import nearest
from crossmodal.recipe_yaml import Dumper, load_yaml, set_key, set_training_everywhere, split_override

Scalar = str | int | float | bool | None
Value = Scalar | list[Scalar] | list[list[Scalar]] | dict[str, Scalar]
RESOURCE_SUFFIX = ".yaml"


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
    """

    queries: list[str] = Field(min_length=1)
    targets: list[str] = Field(min_length=1)
    objective: Component
    weight: float = Field(1.0, ge=0)


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
    fitted to pairs in closed form (the heads' own type says how: "cca").
    """

    pairs: Component
    comparisons: list[ComparisonPart] = Field(default_factory=list)
    fit: Component | None = None
    train: list[str] = Field(
        min_length=1, description="towers that are trained; with fit, the two whose heads are fitted"
    )
    auxiliary: dict[str, Tower] = Field(
        default_factory=dict, description="towers of this stage alone (proxies, pretraining heads)"
    )
    heads: dict[str, Component] = Field(
        default_factory=dict, description="another head for this stage alone, thrown away after it"
    )
    augmentation: list[Component] = Field(default_factory=list)
    training: Training = Training()

    @property
    def slots(self) -> list[str]:
        """All that is compared, or fitted."""
        compared = [slot for part in self.comparisons for slot in (*part.queries, *part.targets)]
        return [*compared, *(self.train if self.fit else [])]

    @model_validator(mode="after")
    def _learns_one_way(self) -> Stage:
        if self.fit is None and not self.comparisons:
            raise ValueError("comparisons: expected at least 1 (or fit), got none")
        if self.fit is not None and (self.comparisons or self.auxiliary or self.heads or self.augmentation):
            raise ValueError("expected fit alone, got comparisons, auxiliary, heads or augmentation beside it")
        if self.fit is not None and len(set(self.train)) != 2:
            raise ValueError(f"train: expected the two towers whose heads are fitted, got {len(set(self.train))}")
        return self


class Evaluation(Section):
    """Which of the catalogue's truths the space is judged on."""

    split: str = "test"
    unseen_tags: bool = True


class Recipe(Section):
    """A whole system. `source`: the paper; `towers`: modality -> tower; `stages`: run in this order.

    start: a space (by name or path) with the same towers, whose weights training begins with; none: fresh ones.
    similarity: how vectors of the space are compared, in training and in search alike; "bilinear" learns a symmetric matrix
    (`crossmodal.embedding.SymmetricBilinear`).
    """

    name: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    description: str
    source: str = ""
    seed: int = 0
    start: str | None = None
    towers: dict[str, Tower] = Field(min_length=1)
    similarity: Literal["cosine", "bilinear"] = "cosine"
    stages: dict[str, Stage] = Field(min_length=1)
    evaluation: Evaluation = Evaluation()

    @model_validator(mode="after")
    def _slots_exist(self) -> Recipe:
        for name in [*self.towers, *self.stages, *(t for stage in self.stages.values() for t in stage.auxiliary)]:
            if not re.fullmatch(r"[a-z][a-z0-9_-]*", name):
                raise ValueError(f'expected towers and stages named in lower case ("audio"), got "{name}"')
        for name, stage in self.stages.items():
            _check_slots(f"stages.{name}", stage, list(self.towers))
        return self


def _check_slots(place: str, stage: Stage, towers: list[str]) -> None:
    """Every name that a stage uses is that of a tower, and every tower that it trains is compared."""
    known = [*towers, *stage.auxiliary]
    twice = sorted(set(towers) & set(stage.auxiliary))
    if twice:
        raise ValueError(f'{place}: expected auxiliary towers with names of their own, got "{twice[0]}" again')
    used = [slot.partition("@")[0] for slot in stage.slots]
    for names, allowed in ((used, known), (stage.train, known), (stage.heads, towers)):
        for name in names:
            if name not in allowed:
                raise ValueError(f'{place}: expected one of the towers {sorted(allowed)}, got "{name}"')
    idle = [name for name in (*stage.train, *stage.heads, *stage.auxiliary) if name not in used]
    if idle:
        raise ValueError(f'{place}: expected every tower of the stage in a comparison, got none with "{idle[0]}"')


def compares_space(part: ComparisonPart, towers: Container[str], heads: Container[str]) -> bool:
    """Whether both sides are vectors of the space itself: of its towers, with their own heads."""
    names = [slot.partition("@")[0] for slot in (*part.queries, *part.targets)]
    return all(name in towers and name not in heads for name in names)


def parse_recipe(text: str, *, origin: str, overrides: Sequence[str] = ()) -> Recipe:
    """YAML text -> checked Recipe. `overrides`: "dotted.key=value"; raises RecipeError with one line."""
    data = load_yaml(text, origin)
    shared = data.pop("training", {})
    stages = data.get("stages", {})
    if not isinstance(shared, dict) or not isinstance(stages, dict):
        raise RecipeError(f"{origin}: expected mappings under training and stages")
    for name, stage in stages.items():
        if isinstance(stage, dict) and not isinstance(stage.get("training", {}), dict):
            raise RecipeError(f"{origin}: stages.{name}.training: expected a mapping, got {stage['training']!r}")
    for override in overrides:
        key, value = split_override(override)
        if key.startswith("training."):
            set_training_everywhere(data, key.removeprefix("training."), value)
        elif key == "training":
            raise RecipeError(f'--set: expected one key below training ("training.steps=100"), got "{override}"')
        else:
            set_key(data, key, value)
    for stage in stages.values():
        if isinstance(stage, dict):
            stage["training"] = {**shared, **stage.get("training", {})}
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        raise RecipeError(f"{origin}: {_one_line(error)}") from None


def load_recipe(name_or_path: str | Path, *, overrides: Sequence[str] = ()) -> Recipe:
    """A recipe by path, or by the name of one that ships (see `recipe_names`)."""
    path = Path(name_or_path)
    if path.suffix in {".yaml", ".yml"} or path.is_file():
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"expected a readable recipe (YAML, UTF-8), got {path}: {error}") from None
        return parse_recipe(text, origin=str(path), overrides=overrides)
    shipped = recipe_names()
    name = str(name_or_path)
    if name not in shipped:
        raise RecipeError(
            f'expected a recipe\'s name or a .yaml file, got "{name}".{nearest(name, shipped)} '
            f"Known: {', '.join(shipped)}"
        )
    text = (resources.files("configs") / f"{name}{RESOURCE_SUFFIX}").read_text(encoding="utf-8")
    return parse_recipe(text, origin=f"recipe {name}", overrides=overrides)


def recipe_names() -> list[str]:
    """Names of the recipes that ship."""
    entries = resources.files("configs").iterdir()
    return sorted(e.name.removesuffix(RESOURCE_SUFFIX) for e in entries if e.name.endswith(RESOURCE_SUFFIX))


def dump_recipe(recipe: Recipe) -> str:
    """The YAML of a recipe, with every default written out."""
    data = recipe.model_dump(mode="json")
    # A recipe without these reads, and hashes, as it did before there were any.
    if data["start"] is None:
        del data["start"]
    for stage in data["stages"].values():
        if stage["fit"] is None:
            del stage["fit"]
    return str(yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=110))


def _one_line(error: ValidationError) -> str:
    """The first problem of a validation, with the nearest known key for a misspelt one."""
    errors = error.errors()
    first = next((e for e in errors if e["type"] == "extra_forbidden"), errors[0])  # what is missing may be misspelt
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        last = str(first["loc"][-1])
        return f'unknown key "{place}".{nearest(last, _keys_beside(first["loc"]))}'
    if "arguments" in first["loc"]:  # one error for each kind of value that it is not
        name = ".".join(map(str, first["loc"][: first["loc"].index("arguments") + 2]))
        return f"{name}: expected a text, a number, true or false, or a list or flat mapping of these"
    message = first["msg"].removeprefix("Value error, ")
    got = first.get("input")
    shown = f', got "{got}"' if isinstance(got, Scalar) and "got" not in message else ""
    more = len(errors) - 1
    return f"{place + ': ' if place else ''}{message}{shown}" + (f" (and {more} more)" if more else "")


def _keys_beside(place: tuple[int | str, ...]) -> list[str]:
    """The keys that could have been meant: all keys of all sections below the top, since misspelling is by letters."""
    sections: list[type[Section]] = [Tower, Stage, Training, ComparisonPart, Component, Evaluation]
    if len(place) == 1:
        return [*Recipe.model_fields, "training"]
    return [key for section in sections for key in section.model_fields]
