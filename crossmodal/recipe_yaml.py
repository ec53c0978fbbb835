"""The YAML of recipes: strict reading (no key twice, no aliases, `5e-5` is a number), writing, and `--set` overrides."""

from __future__ import annotations

import re

import yaml

from crossmodal.base.errors import RecipeError
from crossmodal.base.names import nearest


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


class Dumper(yaml.SafeDumper):
    """Writes what `_StrictLoader` reads back: a text that looks like a number is quoted."""


_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+")  # 5e-5, which YAML 1.1 takes for a text
for _yaml in (_StrictLoader, Dumper):
    _yaml.add_implicit_resolver("tag:yaml.org,2002:float", _NUMBER, list("-+.0123456789"))


def load_yaml(text: str, origin: str) -> dict[str, object]:
    """YAML text -> its mapping. Raises RecipeError with one line."""
    try:
        data = yaml.load(text, Loader=_StrictLoader)
    except RecursionError:
        raise RecipeError(f"{origin}: not a recipe: nested too deeply") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date or number that cannot be
        raise RecipeError(f"{origin}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(data, dict):
        raise RecipeError(f"{origin}: expected a mapping with the keys of a recipe, got {type(data).__name__}")
    return data


def split_override(override: str) -> tuple[str, object]:
    """ "key=value" -> the dotted key and the YAML value. Raises RecipeError."""
    key, separator, value = override.partition("=")
    if not separator or not key.strip():
        raise RecipeError(f'--set: expected key=value, got "{override}"')
    try:
        return key.strip(), yaml.load(value, Loader=_StrictLoader)
    except (yaml.YAMLError, ValueError):
        raise RecipeError(f'--set {key}: expected a YAML value, got "{value}"') from None


def set_key(data: dict[str, object], key: str, value: object) -> None:
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


def set_training_everywhere(data: dict[str, object], key: str, value: object) -> None:
    """`training.*` holds for every stage, whatever the stage says itself."""
    stages = data.get("stages")
    for stage in stages.values() if isinstance(stages, dict) else ():
        if isinstance(stage, dict):
            stage["training"] = {**stage.get("training", {}), key: value}
