"""The command line: thin. Arguments in, one call of an application, text or one JSON document out.

Exit codes: 0 done; 1 nothing usable, or with --strict anything skipped; 2 the user's mistake, told in one line.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from crossmodal import __version__
from crossmodal.base.errors import CrossmodalError, InputError

F = TypeVar("F", bound=Callable[..., Any])
INTERRUPTED = 130


def shared(*names: str) -> Callable[[F], F]:
    """Options that several commands have, by name; each is defined once, here."""
    options = {
        "json": click.option(
            "--json", "as_json", is_flag=True, help="One JSON document on stdout, nothing else there."
        ),
        "k": click.option(
            "-k", "count", type=click.IntRange(1), default=10, show_default=True, help="How many results."
        ),
        "modality": click.option("--modality", help="What the files are, where the extension does not decide."),
        "filter": click.option(
            "--filter", "filters", multiple=True, metavar="COLUMN=VALUE", help="Only items with this value; repeatable."
        ),
        "device": click.option("--device", help="cpu, cuda, cuda:1, mps. [default: cuda where there is one, else cpu]"),
        "jobs": click.option(
            "--jobs", type=click.IntRange(1), default=os.cpu_count() or 1, help="Processes.  [default: all cores]"
        ),
        "seed": click.option("--seed", type=click.IntRange(0), default=0, show_default=True),
        "quiet": click.option("--quiet", is_flag=True, help="No progress bars and no advice."),
        "strict": click.option("--strict", is_flag=True, help="Exit 1 when anything was skipped."),
        "resume": click.option("--resume", is_flag=True, help="Go on where an interrupted run stopped."),
        "from-file": click.option("--from-file", metavar="F", help="A file with one path a line; - is stdin."),
    }

    def decorate(function: F) -> F:
        for name in reversed(names):
            function = options[name](function)
        return function

    return decorate


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="crossmodal")
def cli() -> None:
    """Every form of music in shared vector spaces: search with words, tag, match and compare."""


@cli.command()
@click.option(
    "--output", type=click.Path(path_type=Path), default=Path("demo"), show_default=True, help="Folder of the demo."
)
@click.option(
    "--audio", type=click.Path(path_type=Path), help="A folder of your own recordings, searched and tagged as well."
)
@click.option("--size", type=click.Choice(["small", "full"]), default="full", show_default=True)
@shared("jobs", "seed", "quiet")
def demo(output: Path, audio: Path | None, size: str, jobs: int, seed: int, quiet: bool) -> None:
    """Make a collection from real scores, train on it, search and tag it, and write report.html."""
    from crossmodal.demo import run_demo

    click.echo(run_demo(output, audio=audio, size=size, jobs=jobs, seed=seed, quiet=quiet))


@cli.command()
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
    from crossmodal.training import train as train_space

    checked = load_recipe(recipe, overrides=overrides)
    folder = output or spaces_folder() / checked.name
    space, skipped = train_space(checked, catalogue, folder, jobs=jobs, device=device, resume=resume, quiet=quiet)
    answer = {"space": space.reference, "path": str(folder), "skipped": [s.model_dump() for s in skipped]}
    _show(answer if as_json else f"{space.reference} in {folder}")
    _finish(skipped, folder, strict=strict)


@cli.command()
@click.argument("space")
@click.argument("catalogue", type=click.Path(path_type=Path))
@click.option(
    "--split", default="test", show_default=True, help="Which part of the catalogue, where it has a split column."
)
@shared("json", "seed", "device", "quiet", "strict")
def evaluate(
    space: str, catalogue: Path, split: str, as_json: bool, seed: int, device: str | None, quiet: bool, strict: bool
) -> None:
    """Judge SPACE on CATALOGUE: tags and captions, with chance levels and intervals; what it was trained on is left out."""
    from crossmodal.applications.show import score_table
    from crossmodal.evaluation import evaluate as judge

    table = judge(_load(space, device), catalogue, split=split, seed=seed, quiet=quiet)
    _show(table.model_dump() if as_json else score_table(table))
    _finish(table.skipped, None, strict=strict)


@cli.command()
@click.argument("space")
@click.argument("files", nargs=-1)
@click.option(
    "--output", type=click.Path(path_type=Path), required=True, help="A .parquet file: path, vector, seconds."
)
@shared("from-file", "modality", "device", "jobs", "quiet", "strict", "resume", "json")
def encode(
    space: str,
    files: tuple[str, ...],
    output: Path,
    from_file: str | None,
    modality: str | None,
    device: str | None,
    jobs: int,
    quiet: bool,
    strict: bool,
    resume: bool,
    as_json: bool,
) -> None:
    """Encode FILES (or folders) with SPACE into a Parquet table, one vector a file."""
    from crossmodal.applications.encoding import encode_files

    del resume  # finished files are always reused; the option says that one may
    done = encode_files(
        _load(space, device), _paths(files, from_file), output, modality=modality or "audio", jobs=jobs, quiet=quiet
    )
    _show(done.model_dump() if as_json else f"{done.encoded} vectors in {output}")
    _finish(done.skipped, output.parent, strict=strict, usable=done.encoded)


@cli.command()
@click.argument("space")
@click.argument("sources", nargs=-1, metavar="FILES_FOLDERS_OR_CATALOGUE...")
@click.option("--output", type=click.Path(path_type=Path), required=True, help="Folder of the index.")
@click.option("--update", is_flag=True, help="Add what is new, drop what is gone, follow what was moved.")
@shared("from-file", "modality", "device", "jobs", "quiet", "strict", "resume", "json")
def index(
    space: str,
    sources: tuple[str, ...],
    output: Path,
    update: bool,
    from_file: str | None,
    modality: str | None,
    device: str | None,
    jobs: int,
    quiet: bool,
    strict: bool,
    resume: bool,
    as_json: bool,
) -> None:
    """Index recordings with SPACE, so that they can be searched."""
    from crossmodal.applications.indexing import build_index

    done = build_index(
        _load(space, device),
        _paths(sources, from_file),
        output,
        modality=modality or "audio",
        update=update,
        resume=resume,
        jobs=jobs,
        quiet=quiet,
    )
    _show(done.model_dump() if as_json else done.summary())
    _finish(done.skipped, output, strict=strict, usable=done.items)


@cli.command()
@click.argument("space_or_index")
@shared("json")
def info(space_or_index: str, as_json: bool) -> None:
    """Tell what a space or an index is: where it came from, what it holds, what it was trained on."""
    from crossmodal.applications.show import describe, facts

    known = describe(space_or_index)
    _show(known if as_json else facts(known))


@cli.command()
@click.argument("index_folder", metavar="INDEX", type=click.Path(path_type=Path))
@click.argument("text", required=False)
@click.option("--audio", type=click.Path(path_type=Path), help="A recording as the query.")
@click.option("--image", type=click.Path(path_type=Path), help="A picture as the query.")
@click.option("--midi", type=click.Path(path_type=Path), help="A MIDI file as the query.")
@click.option("--combine", is_flag=True, help="Allow several queries; their vectors are added.")
@click.option("--target", help="Only items of this modality.")
@shared("filter", "k", "json", "device", "quiet")
def search(
    index_folder: Path,
    text: str | None,
    audio: Path | None,
    image: Path | None,
    midi: Path | None,
    combine: bool,
    target: str | None,
    filters: Sequence[str],
    count: int,
    as_json: bool,
    device: str | None,
    quiet: bool,
) -> None:
    """Search INDEX with words (TEXT; - is stdin) or with a file."""
    from crossmodal.applications.collection import SearchableIndex
    from crossmodal.applications.show import ranking

    given = {"text": _text(text), "audio": audio, "image": image, "midi": midi}
    queries: dict[str, object] = {k: v for k, v in given.items() if v is not None}
    opened = SearchableIndex.open(index_folder, device=device)
    answer = opened.search_many(queries, k=count, filters=filters, target=target, combine=combine)
    _warn(answer.warnings, quiet=quiet)
    _show(answer.model_dump(exclude={"warnings"}) if as_json else ranking(answer))


@cli.command()
@click.argument("files", nargs=-1)
@click.option("--space", default="text-music", show_default=True, help="A space with words and recordings.")
@click.option(
    "--vocabulary",
    type=click.Path(path_type=Path),
    help="A text file with one word or phrase a line.  [default: the space's]",
)
@shared("from-file", "k", "json", "device", "quiet", "strict")
def tag(
    files: tuple[str, ...],
    space: str,
    vocabulary: Path | None,
    from_file: str | None,
    count: int,
    as_json: bool,
    device: str | None,
    quiet: bool,
    strict: bool,
) -> None:
    """Tag recordings with the words that fit best; any words will do."""
    from crossmodal.applications.show import ranking
    from crossmodal.applications.tagging import tag_files

    answers, skipped, warnings = tag_files(
        _load(space, device), _paths(files, from_file), vocabulary=vocabulary, k=count, quiet=quiet
    )
    _warn(warnings, quiet=quiet)
    if as_json:
        documents = [a.model_dump(exclude={"warnings"}) for a in answers]
        _show(documents[0] if len(documents) == 1 else documents)
    else:
        _show("\n\n".join(ranking(a) for a in answers))
    _finish(skipped, None, strict=strict, usable=len(answers))


@cli.command()
@shared("json")
def spaces(as_json: bool) -> None:
    """List the spaces that were trained here and those that ship."""
    from crossmodal.applications.show import list_spaces, table

    rows = list_spaces()
    _show(rows if as_json else table(rows, empty="no spaces yet: crossmodal train RECIPE --catalogue FILE"))


@cli.command()
@click.argument("name", required=False)
@shared("json")
def recipes(name: str | None, as_json: bool) -> None:
    """List the recipes that ship, or print the one called NAME, with every default written out."""
    from crossmodal.applications.show import list_recipes, table
    from crossmodal.recipe import dump_recipe, load_recipe

    if name:
        recipe = load_recipe(name)
        _show(recipe.model_dump(mode="json") if as_json else dump_recipe(recipe).rstrip())
        return
    rows = list_recipes()
    _show(rows if as_json else table(rows, empty="no recipes"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point: runs the command line and turns every mistake into one line."""
    try:
        cli.main(args=None if arguments is None else list(arguments), prog_name="crossmodal", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        sys.exit(0)
    except click.ClickException as error:
        _fail(error.format_message())
    except CrossmodalError as error:
        _fail(str(error))
    except (KeyboardInterrupt, click.Abort):
        click.echo("crossmodal: interrupted; what is finished is kept: run the same command with --resume", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # the reader of a pipe went away, which is its right
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str) -> None:
    click.echo(f"crossmodal: {' '.join(message.split())}", err=True)
    sys.exit(2)


def _load(name: str, device: str | None) -> Any:
    from crossmodal.space_files import load_space

    space = load_space(name)
    return space.to(device) if device else space.to_fastest()


def _paths(arguments: Sequence[str], from_file: str | None) -> list[Path]:
    lines: list[str] = []
    if from_file == "-":
        lines = sys.stdin.read().splitlines()
    elif from_file:
        try:
            lines = Path(from_file).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"--from-file: expected a readable list of paths, got {from_file}: {error}") from None
    paths = [Path(p) for p in (*arguments, *(line for line in lines if line.strip()))]
    if not paths:
        raise InputError("expected files or folders, got none; name them, or give a list with --from-file")
    return paths


def _text(text: str | None) -> str | None:
    return sys.stdin.read().strip() if text == "-" else text


def _show(answer: object) -> None:
    if isinstance(answer, str):
        click.echo(answer)
        return
    import json

    click.echo(json.dumps(answer, ensure_ascii=False, indent=2))


def _warn(warnings: Sequence[str], *, quiet: bool) -> None:
    for warning in () if quiet else warnings:
        click.echo(f"crossmodal: {warning}", err=True)


def _finish(skipped: Sequence[Any], folder: Path | None, *, strict: bool, usable: int = 1) -> None:
    """Counts what was skipped, lists it in skipped.csv beside the output or else on stderr, and sets the exit code."""
    if skipped and folder is not None:
        from crossmodal.base.files import write_skipped

        write_skipped(folder / "skipped.csv", skipped)
        click.echo(f"crossmodal: {len(skipped)} skipped, listed in {folder / 'skipped.csv'}", err=True)
    elif skipped:
        for row in skipped:
            click.echo(f"crossmodal: skipped {row.path}: {row.reason}", err=True)
    if not usable:
        click.echo("crossmodal: nothing usable", err=True)
    if not usable or (strict and skipped):
        sys.exit(1)
