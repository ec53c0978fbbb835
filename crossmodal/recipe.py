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
    """One training of some towers: a pretraining or an alignment."""

    pairs: Component
    comparisons: list[ComparisonPart] = Field(min_length=1)
    train: list[str] = Field(min_length=1, description="towers that are trained")
    auxiliary: dict[str, Tower] = Field(
        default_factory=dict, description="towers of this stage alone (proxies, pretraining heads)"
    )
    heads: dict[str, Component] = Field(
        default_factory=dict, description="another head for this stage alone, thrown away after it"
    )
    augmentation: list[Component] = Field(default_factory=list)
    training: Training = Training()


class Evaluation(Section):
    """Which of the catalogue's truths the space is judged on."""

    split: str = "test"
    unseen_tags: bool = True


class Recipe(Section):
    """A whole system. `source`: the paper; `towers`: modality -> tower; `stages`: run in this order.

    similarity: how vectors of the space are compared, in training and in search alike; "bilinear" learns a symmetric matrix
    (`crossmodal.embedding.SymmetricBilinear`).
    """

    name: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    description: str
    source: str = ""
    seed: int = 0
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
    used = [slot.partition("@")[0] for part in stage.comparisons for slot in (*part.queries, *part.targets)]
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
    data = _load_yaml(text, origin)
    shared = data.pop("training", {})
    stages = data.get("stages", {})
    if not isinstance(shared, dict) or not isinstance(stages, dict):
        raise RecipeError(f"{origin}: expected mappings under training and stages")
    for name, stage in stages.items():
        if isinstance(stage, dict) and not isinstance(stage.get("training", {}), dict):
            raise RecipeError(f"{origin}: stages.{name}.training: expected a mapping, got {stage['training']!r}")
    for override in overrides:
        key, value = _split_override(override)
        if key.startswith("training."):
            _set_training_everywhere(data, key.removeprefix("training."), value)
        elif key == "training":
            raise RecipeError(f'--set: expected one key below training ("training.steps=100"), got "{override}"')
        else:
            _set(data, key, value)
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
    return str(yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110))


class _StrictLoader(yaml.SafeLoader):
    """Refuses a key that stands twice in one mapping, and aliases: a value stands where it counts."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.constructor.ConstructorError(None, None, "recipes have no aliases; write the value out", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f'the key "{key}" stands twice', node.start_mark)
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """Writes what `_StrictLoader` reads back: a text that looks like a number is quoted."""


_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+")  # 5e-5, which YAML 1.1 takes for a text
for _yaml in (_StrictLoader, _Dumper):
    _yaml.add_implicit_resolver("tag:yaml.org,2002:float", _NUMBER, list("-+.0123456789"))


def _load_yaml(text: str, origin: str) -> dict[str, object]:
    try:
        data = yaml.load(text, Loader=_StrictLoader)
    except RecursionError:
        raise RecipeError(f"{origin}: not a recipe: nested too deeply") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date or number that cannot be
        raise RecipeError(f"{origin}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(data, dict):
        raise RecipeError(f"{origin}: expected a mapping with the keys of a recipe, got {type(data).__name__}")
    return data


def _split_override(override: str) -> tuple[str, object]:
    key, separator, value = override.partition("=")
    if not separator or not key.strip():
        raise RecipeError(f'--set: expected key=value, got "{override}"')
    try:
        return key.strip(), yaml.load(value, Loader=_StrictLoader)
    except (yaml.YAMLError, ValueError):
        raise RecipeError(f'--set {key}: expected a YAML value, got "{value}"') from None


def _set(data: dict[str, object], key: str, value: object) -> None:
    """Sets a dotted key in the freshly parsed data; a number counts in a list: stages.alignment.comparisons.0.weight=2."""
    *parents, last = key.split(".")
    place: object = data
    for i, parent in enumerate(parents):
        if isinstance(place, dict) and parent in _OPTIONAL and not place.get(parent):
            place[parent] = {}
        found = _within(place, parent)
        if found is None:
            near = nearest(parent, [*map(str, place), *_OPTIONAL]) if isinstance(place, dict) else ""
            raise RecipeError(f'--set {key}: the recipe has no "{".".join(parents[: i + 1])}".{near}')
        place = found
    if isinstance(place, list) and _within(place, last) is not None:
        place[int(last)] = value
    elif isinstance(place, dict):
        place[last] = value
    else:
        raise RecipeError(f'--set {key}: "{".".join(parents)}" has no such keys of its own')


_OPTIONAL = {
    "arguments",
    "training",
    "evaluation",
    "heads",
    "head",
    "auxiliary",
}  # mappings that a recipe may leave out


def _within(place: object, name: str) -> object:
    """What lies under a key of a mapping or a number of a list; None where there is nothing."""
    if isinstance(place, list):
        return place[int(name)] if name.isdecimal() and int(name) < len(place) else None
    return place.get(name) if isinstance(place, dict) else None


def _set_training_everywhere(data: dict[str, object], key: str, value: object) -> None:
    """`training.*` holds for every stage, whatever the stage says itself."""
    stages = data.get("stages")
    for stage in stages.values() if isinstance(stages, dict) else ():
        if isinstance(stage, dict):
            stage["training"] = {**stage.get("training", {}), key: value}


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
