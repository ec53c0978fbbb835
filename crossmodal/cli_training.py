"""The commands that make spaces and judge them, as thin as the others: train, evaluate and recipes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from crossmodal.command_line import finish, load_on, shared, show


@click.command()
@click.argument("recipe")
@click.option(
    "--catalogue", type=click.Path(path_type=Path), required=True, help="CSV, JSONL or Parquet: what to train on."
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Folder of the space.  [default: spaces/NAME of the user's data folder]",
)
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a value of the recipe; repeatable."
)
@shared("jobs", "device", "quiet", "strict", "resume", "json")
def train(
    recipe: str,
    catalogue: Path,
    output: Path | None,
    overrides: Sequence[str],
    jobs: int,
    device: str | None,
    quiet: bool,
    strict: bool,
    resume: bool,
    as_json: bool,
) -> None:
    """Train the space of RECIPE (a name, see `crossmodal recipes`, or a .yaml file)."""
    from crossmodal.base.places import spaces_folder
    from crossmodal.recipe import load_recipe
    from crossmodal.space_files import bundled_folder
    from crossmodal.training import train as train_space

    checked = load_recipe(recipe, overrides=overrides)
    folder = output or spaces_folder() / checked.name
    space, skipped = train_space(checked, catalogue, folder, jobs=jobs, device=device, resume=resume, quiet=quiet)
    answer = {"space": space.reference, "path": str(folder), "skipped": [s.model_dump() for s in skipped]}
    show(answer if as_json else f"{space.reference} in {folder}")
    if output is None and (bundled_folder() / checked.name).is_dir() and not quiet:
        click.echo(
            f"crossmodal: {checked.name} now means this space and not the bundled one; remove {folder} to undo that",
            err=True,
        )
    finish(skipped, folder, strict=strict, own=True)


@click.command()
@click.argument("space")
@click.argument("catalogue", type=click.Path(path_type=Path))
@click.option(
    "--split", help="Which part of the catalogue, where it has a split column.  [default: the recipe's, mostly test]"
)
@shared("json", "seed", "device", "quiet", "strict")
def evaluate(
    space: str,
    catalogue: Path,
    split: str | None,
    as_json: bool,
    seed: int,
    device: str | None,
    quiet: bool,
    strict: bool,
) -> None:
    """Judge SPACE on CATALOGUE: tags and captions, with chance levels and intervals; what it was trained on is left out."""
    from crossmodal.applications.show import score_table
    from crossmodal.evaluation import evaluate as judge

    table = judge(load_on(space, device), catalogue, split=split, seed=seed, quiet=quiet)
    show(table.model_dump() if as_json else score_table(table))
    finish(table.skipped, None, strict=strict)


@click.command()
@click.argument("name", required=False)
@shared("json")
def recipes(name: str | None, as_json: bool) -> None:
    """List the recipes that ship, or print the one called NAME, with every default written out."""
    from crossmodal.applications.show import list_recipes, table
    from crossmodal.recipe import dump_recipe, load_recipe

    if name:
        recipe = load_recipe(name)
        show(recipe.model_dump(mode="json") if as_json else dump_recipe(recipe).rstrip())
        return
    rows = list_recipes()
    show(rows if as_json else table(rows, empty="no recipes"))


def add_to(group: click.Group) -> None:
    """Makes them commands of `crossmodal`."""
    for command in (train, evaluate, recipes):
        group.add_command(command)
