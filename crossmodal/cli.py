"""The command line: thin. Arguments in, one call of an application, text or one JSON document out.

Exit codes: 0 done; 1 nothing usable, or with --strict anything skipped; 2 the user's mistake, told in one line.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from crossmodal import __version__
from crossmodal.cli_genres import genres
from crossmodal.cli_identify import identify
from crossmodal.cli_mashup import mashup
from crossmodal.cli_match import match
from crossmodal.cli_scores import add_to as add_score_commands
from crossmodal.cli_serve import serve
from crossmodal.cli_similar import draw_map, filters, probe, similar
from crossmodal.cli_training import add_to as add_training_commands
from crossmodal.command_line import (
    Commands,
    finish,
    load_on,
    read_paths,
    read_text,
    run_command_line,
    shared,
    show,
    warn,
)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
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
@click.argument("space")
@click.argument("files", nargs=-1)
@click.option("--output", type=click.Path(path_type=Path), required=True, help="A .parquet file: path and vector.")
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
    paths, missing = read_paths(files, from_file)
    done = encode_files(load_on(space, device), paths, output, modality=modality, jobs=jobs, quiet=quiet)
    done.skipped[:0] = missing
    show(done.model_dump() if as_json else f"{done.encoded} vectors in {output}")
    finish(done.skipped, output.parent, strict=strict, usable=done.encoded)


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
    """Index recordings (audio-sheet: scores too; midi-audio: MIDI files too; cover-audio: their covers) with SPACE, to search them."""
    from crossmodal.applications.indexing import build_index

    paths, missing = read_paths(sources, from_file)
    done = build_index(
        load_on(space, device),
        paths,
        output,
        modality=modality,
        update=update,
        resume=resume,
        jobs=jobs,
        quiet=quiet,
    )
    done.skipped[:0] = missing
    show(done.model_dump(exclude_none=True) if as_json else done.summary())
    finish(done.skipped, output, strict=strict, usable=done.added + done.moved + done.kept, own=True)


@cli.command()
@click.argument("space_or_index")
@shared("json")
def info(space_or_index: str, as_json: bool) -> None:
    """Tell what a space or an index is: where it came from, what it holds, what it was trained on."""
    from crossmodal.applications.show import describe, facts

    known = describe(space_or_index)
    show(known if as_json else facts(known))


@cli.command()
@click.argument("index_folder", metavar="INDEX", type=click.Path(path_type=Path))
@click.argument("text", required=False)
@click.option("--audio", type=click.Path(path_type=Path), help="A recording as the query.")
@click.option("--image", type=click.Path(path_type=Path), help="A picture as the query, by default for recordings.")
@click.option("--midi", type=click.Path(path_type=Path), help="A MIDI file as the query.")
@click.option("--combine", is_flag=True, help="Allow several queries; their vectors are added.")
@click.option("--target", help="Only items of this modality.")
@shared("filter", "k", "modality", "json", "device", "quiet")
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
    modality: str | None,
    as_json: bool,
    device: str | None,
    quiet: bool,
) -> None:
    """Search INDEX with words (TEXT; - is stdin) or with a file."""
    from crossmodal.applications.collection import SearchableIndex, check_queries
    from crossmodal.applications.show import ranking

    given = {"text": read_text(text), "audio": audio, "image": image, "midi": midi}
    queries: dict[str, object] = {k: v for k, v in given.items() if v is not None}
    check_queries(queries, combine=combine)
    opened = SearchableIndex.open(index_folder, device=device)
    answer = opened.search_many(queries, k=count, filters=filters, target=target, combine=combine, kind=modality)
    if as_json or not answer.abstained:  # why it abstains stands in the answer
        warn(answer.warnings, quiet=quiet)
    show(answer.model_dump(exclude={"warnings"}, exclude_none=True) if as_json else ranking(answer))


@cli.command()
@click.argument("files", nargs=-1)
@click.option("--space", default="text-music", show_default=True, help="A space with words and recordings.")
@click.option(
    "--vocabulary",
    type=click.Path(path_type=Path),
    help="A text file with one word or phrase a line.  [default: the space's]",
)
@shared("from-file", "k", "json", "device", "jobs", "quiet", "strict")
def tag(
    files: tuple[str, ...],
    space: str,
    vocabulary: Path | None,
    from_file: str | None,
    count: int,
    as_json: bool,
    device: str | None,
    jobs: int,
    quiet: bool,
    strict: bool,
) -> None:
    """Tag recordings with the words that fit best; any words will do.

    The number beside a word tells how much better it fits than it fits music in general: 0 as usual, 1 better than nearly all.
    """
    from crossmodal.applications.show import ranking
    from crossmodal.applications.tagging import tag_files, unanswered

    paths, missing = read_paths(files, from_file)
    loaded = load_on(space, device)
    answers, skipped, warnings = tag_files(loaded, paths, vocabulary=vocabulary, k=count, quiet=quiet, jobs=jobs)
    skipped[:0] = missing
    warn(warnings, quiet=quiet)
    if as_json:
        shown = [*answers, *(unanswered(loaded, row) for row in skipped)]
        documents = [a.model_dump(exclude={"warnings"}, exclude_none=True) for a in shown]
        show(documents[0] if len(documents) == 1 else documents)
    elif answers:
        show("\n\n".join(ranking(a) for a in answers))
    finish(skipped, None, strict=strict, usable=len(answers))


@cli.command()
@shared("json")
def spaces(as_json: bool) -> None:
    """List the spaces that were trained here and those that ship."""
    from crossmodal.applications.show import list_spaces, table

    rows = list_spaces()
    show(rows if as_json else table(rows, empty="no spaces yet: crossmodal train RECIPE --catalogue FILE"))


add_training_commands(cli)
cli.add_command(identify)
cli.add_command(genres)
cli.add_command(match)
cli.add_command(mashup)
cli.add_command(serve)
cli.add_command(similar)
cli.add_command(probe)
cli.add_command(draw_map)
cli.add_command(filters)
add_score_commands(cli)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point: runs the command line and turns every mistake into one line."""
    run_command_line(cli, arguments)
