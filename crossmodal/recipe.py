"""A recipe: one YAML file that names towers, pairs, objectives, training and evaluation of a system; checked, never guessed.

Every model forbids unknown keys; `{type, arguments}` components are checked against the signature of their constructor
(`crossmodal.assembly`), so that each default lives once. No interpolation, no imports, no code in YAML.
"""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from crossmodal.base.errors import RecipeError
from crossmodal.base.names import nearest
from crossmodal.recipe_parts import ComparisonPart, Component, Scalar, Section, Stage, Tower, Training
from crossmodal.recipe_yaml import Dumper, load_yaml, set_key, set_training_everywhere, split_override

RESOURCE_SUFFIX = ".yaml"


class Evaluation(Section):
    """Which of the catalogue's truths the space is judged on."""

    split: str = "test"
    unseen_tags: bool = True


class Recipe(Section):
    """A whole system. `source`: the paper; `towers`: modality -> tower; `stages`: run in this order.

    start: a space (by name or path) with the same towers, whose weights training begins with; none: fresh ones.
    similarity: how vectors of the space are compared, in training and in search alike; "bilinear" learns a symmetric matrix
    (`crossmodal.embedding.SymmetricBilinear`). facets: named sub-spaces (`crossmodal.facets`) and their dimensions, which add up to the
    width of the space; unit: what has unit length, the whole vector or each facet of it (then divided so that the whole has it too).
    """

    name: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    description: str
    source: str = ""
    seed: int = 0
    start: str | None = None
    towers: dict[str, Tower] = Field(min_length=1)
    similarity: Literal["cosine", "bilinear"] = "cosine"
    facets: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    unit: Literal["whole", "facets"] = "whole"
    stages: dict[str, Stage] = Field(min_length=1)
    evaluation: Evaluation = Evaluation()

    @model_validator(mode="after")
    def _slots_exist(self) -> Recipe:
        for name in [*self.towers, *self.stages, *(t for stage in self.stages.values() for t in stage.auxiliary)]:
            if not re.fullmatch(r"[a-z][a-z0-9_-]*", name):
                raise ValueError(f'expected towers and stages named in lower case ("audio"), got "{name}"')
        for name, stage in self.stages.items():
            _check_slots(f"stages.{name}", stage, list(self.towers))
            _check_facets(f"stages.{name}", stage, self.facets)
        if self.facets and self.similarity == "bilinear":
            raise ValueError("facets: expected similarity cosine, got bilinear, which mixes the dimensions")
        if self.unit == "facets" and not self.facets:
            raise ValueError('unit: expected "whole" in a recipe without facets, got "facets"')
        return self


def _check_facets(place: str, stage: Stage, facets: Container[str]) -> None:
    """What a comparison calls a facet is one of the recipe's."""
    for part in stage.comparisons:
        if part.facet is not None and part.facet not in facets:
            raise ValueError(f'{place}: expected a facet that the recipe lists under facets, got "{part.facet}"')


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
    names = [slot.partition("@")[0] for slot in part.slots]
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
    for key, default in (("facets", {}), ("unit", "whole")):
        if data[key] == default:
            del data[key]
    for stage in data["stages"].values():
        for key in ("fit", "by", "augmented"):
            if not stage[key]:
                del stage[key]
        for part in stage["comparisons"]:
            for key in ("by", "facet", "against", "prototypes", "memory"):
                if not part[key]:
                    del part[key]
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
