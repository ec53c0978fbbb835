"""Recipe -> live objects. The one file that knows all packages and their tables."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError
from torch import nn

from crossmodal.base.errors import RecipeError
from crossmodal.base.names import nearest, resolve
from crossmodal.embedding import JointEmbedding, SymmetricBilinear, TowerModule
from crossmodal.facets import Facets
from crossmodal.objectives import FITS, OBJECTIVES
from crossmodal.objectives.correlation import Cca
from crossmodal.objectives.frame_models import FrameModel
from crossmodal.objectives.linear_metrics import Lda, Lmnn
from crossmodal.objectives.similarity import Cosine
from crossmodal.recipe import Recipe, compares_space
from crossmodal.recipe_parts import ComparisonPart, Component, Stage, Tower, Value
from encoders import ENCODERS, HEADS
from encoders.covers import ImageEncoder
from encoders.encoder import AudioEncoder, Encoder
from pairs import PAIRS
from pairs.source import Item, PairSource

Fit = Cca | Lda | Lmnn | FrameModel


def build(component: Component, table: Mapping[str, str], kind: str, /, **given: object) -> Any:
    """An instance of a component. `given`: arguments that come from the program; the recipe's are checked against the constructor."""
    constructor = resolve(table, component.type, kind)
    arguments = checked_arguments(constructor, component, given)
    return constructor(**given, **arguments)


def checked_arguments(constructor: type, component: Component, given: Mapping[str, object]) -> dict[str, object]:
    """The component's arguments in the types of the constructor's signature. Raises RecipeError with the known names."""
    signature = inspect.signature(constructor)
    known = [
        name
        for name, p in signature.parameters.items()
        if name not in given and p.kind in {p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD}
    ]
    hints = get_type_hints(constructor.__init__)  # type: ignore[misc]
    checked: dict[str, object] = {}
    for name, value in component.arguments.items():
        if name not in known:
            raise RecipeError(
                f'{component.type}: unknown argument "{name}".{nearest(name, known)} Known: {", ".join(known) or "none"}'
            )
        checked[name] = _typed(component.type, name, value, hints.get(name, Any))
    missing = [n for n in known if signature.parameters[n].default is inspect.Parameter.empty and n not in checked]
    if missing:
        raise RecipeError(f"{component.type}: expected the arguments {', '.join(missing)}, got none")
    return checked


def _typed(owner: str, name: str, value: Value, hint: Any) -> object:
    try:
        config = ConfigDict(strict=True, arbitrary_types_allowed=True, allow_inf_nan=False)
        adapter: TypeAdapter[Any] = TypeAdapter(hint, config=config)
        return adapter.validate_python(value)
    except ValidationError as error:
        message = error.errors()[0]["msg"]
        raise RecipeError(f'{owner}: argument "{name}": {message}, got "{value}"') from None


def build_tower(tower: Tower, *, names: Sequence[str] = ()) -> TowerModule:
    """A tower. `names`: the classes of a label encoder."""
    given: dict[str, object] = {}
    if tower.encoder.type == "labels":
        given["names"] = list(names)
    encoder: Encoder = build(tower.encoder, ENCODERS, "an encoder", **given)
    return TowerModule(encoder, build_head(tower.head, encoder.dimension), train=tower.train)


def build_head(head: Component, width: int) -> nn.Module:
    """A head onto vectors of `width`."""
    module: nn.Module = build(head, HEADS, "a head", input=width)
    return module


def build_embedding(recipe: Recipe, *, names: Sequence[str] = ()) -> JointEmbedding:
    """All towers of a recipe, with fresh weights where none were pretrained."""
    towers = {m: build_tower(t, names=names) for m, t in recipe.towers.items()}
    widths = {m: tower.dimension for m, tower in towers.items()}
    if len(set(widths.values())) > 1:
        shown = ", ".join(f"{m} {width}" for m, width in widths.items())
        raise RecipeError(f"towers: expected one width of the space, got {shown}; make the heads' dimensions equal")
    width = next(iter(widths.values()))
    facets = Facets(recipe.facets, each=recipe.unit == "facets") if recipe.facets else None
    if facets is not None and facets.dimension != width:
        raise RecipeError(f"facets: expected dimensions that add up to the space's {width}, got {facets.dimension}")
    similarity = SymmetricBilinear(width) if recipe.similarity == "bilinear" else Cosine()
    return JointEmbedding(towers, similarity=similarity, facets=facets)


def build_objective(component: Component) -> nn.Module:
    """An objective on the seam."""
    module: nn.Module = build(component, OBJECTIVES, "an objective")
    return module


def build_fit(component: Component) -> Fit:
    """What is fitted, to pairs, classes or frames."""
    found: Fit = build(component, FITS, "what is fitted")
    return found


def build_pairs(component: Component, items: Sequence[Item], *, labels: Sequence[str] = ()) -> PairSource:
    """A pair source over items. labels: the classes of a source of labels whose recipe does not list them."""
    given: dict[str, object] = {"items": items}
    takes = inspect.signature(resolve(PAIRS, component.type, "a pair source")).parameters
    if "labels" in takes and "labels" not in component.arguments:
        given["labels"] = list(labels)
    source: PairSource = build(component, PAIRS, "a pair source", **given)
    return source


def remedies(recipe: Recipe) -> list[str]:
    """What the pair sources of a recipe say for where a tower cannot be built, each once."""
    return list(dict.fromkeys(source.remedy for source in _pair_sources(recipe) if source.remedy))


def _pair_sources(recipe: Recipe) -> list[type[PairSource]]:
    return [resolve(PAIRS, stage.pairs.type, "a pair source") for stage in recipe.stages.values()]


def needed_files(recipe: Recipe) -> frozenset[str]:
    """What the items that a recipe is trained on have files of: what its pair sources say, else those of its recordings and pictures."""
    sources = _pair_sources(recipe)
    kinds = {m: resolve(ENCODERS, tower.encoder.type, "an encoder") for m, tower in recipe.towers.items()}
    prepared = {modality for modality, kind in kinds.items() if issubclass(kind, AudioEncoder | ImageEncoder)}
    named = {source.needs for source in sources if source.needs is not None}
    return frozenset(named | (prepared if any(source.needs is None for source in sources) else set()))


def check_recipe(recipe: Recipe) -> None:
    """Every component against its constructor, without building one. Raises RecipeError."""
    for tower in recipe.towers.values():
        _check_tower(tower)
    for name, stage in recipe.stages.items():
        _check_stage(stage)
        if stage.fit is not None:
            _check_fit(name, stage, stage.fit, recipe)
        for part in stage.comparisons:
            if compares_space(part, recipe.towers, stage.heads):
                _check_similarity(name, part, recipe.similarity)


def _check_tower(tower: Tower) -> None:
    given = {"names": ()} if tower.encoder.type == "labels" else {}
    checked_arguments(resolve(ENCODERS, tower.encoder.type, "an encoder"), tower.encoder, given)
    checked_arguments(resolve(HEADS, tower.head.type, "a head"), tower.head, {"input": 0})


_LIKE_COSINE = ("cosine", "dot", "negative-euclidean", "negative-squared-euclidean")  # they rank unit vectors alike


def _check_similarity(stage: str, part: ComparisonPart, similarity: str) -> None:
    """What a space learns by is what it is searched by; otherwise a search would rank by something that nobody trained."""
    chosen = part.objective.arguments.get("similarity")
    if similarity == "bilinear" and {"similarity", "dimension"} & part.objective.arguments.keys():
        raise RecipeError(
            f"stages.{stage}: expected no similarity of the objective's own, got \"{chosen}\"; the recipe's bilinear one holds"
        )
    if similarity == "cosine" and chosen is not None and chosen not in _LIKE_COSINE:
        raise RecipeError(
            f'stages.{stage}: expected the similarity that the space is searched by ({", ".join(_LIKE_COSINE)}), got "{chosen}"; '
            'write "similarity: bilinear" at the top of the recipe, or compare with heads of the stage alone'
        )


def _check_fit(name: str, stage: Stage, fit: Component, recipe: Recipe) -> None:
    kind: type[Fit] = resolve(FITS, fit.type, "what is fitted")
    checked_arguments(kind, fit, {})
    if (kind.fits == "classes") != (stage.by is not None):
        wanted = (
            f"no classes (by), for it fits {kind.fits}" if stage.by else "by: the concept whose values are its classes"
        )
        raise RecipeError(f"stages.{name}: {fit.type}: expected {wanted}")
    count = len(set(stage.train))
    if count != (2 if kind.fits == "pairs" else 1):
        named = "the two towers whose heads are" if kind.fits == "pairs" else "the one tower that is"
        raise RecipeError(f"stages.{name}: train: expected {named} fitted, got {count}")
    for tower in stage.train:
        if kind.fits == "frames":
            encoder = recipe.towers[tower].encoder.type
            if getattr(resolve(ENCODERS, encoder, "an encoder"), "fitted_by", None) != fit.type:
                raise RecipeError(
                    f'stages.{name}: {fit.type}: expected a tower whose encoder holds such a model, got "{encoder}" for {tower}'
                )
        elif recipe.towers[tower].head.type != fit.type:
            raise RecipeError(
                f'stages.{name}: expected the towers that are fitted to have the head "{fit.type}", '
                f'got "{recipe.towers[tower].head.type}" for {tower}; write head: {{type: {fit.type}}}'
            )


def _check_stage(stage: Stage) -> None:
    from crossmodal.augmentation import AUGMENTATIONS

    for tower in stage.auxiliary.values():
        _check_tower(tower)
    for head in stage.heads.values():
        checked_arguments(resolve(HEADS, head.type, "a head"), head, {"input": 0})
    checked_arguments(resolve(PAIRS, stage.pairs.type, "a pair source"), stage.pairs, {"items": ()})
    for part in stage.comparisons:
        checked_arguments(resolve(OBJECTIVES, part.objective.type, "an objective"), part.objective, {})
    for component in stage.augmentation:
        checked_arguments(resolve(AUGMENTATIONS, component.type, "an augmentation"), component, {"encoder": None})
