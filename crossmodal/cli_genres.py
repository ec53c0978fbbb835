"""The command `genres`: genre from a recording, from its cover, or from both."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from crossmodal.base.errors import InputError
from crossmodal.command_line import finish, load_on, shared, show


@click.command()
@click.argument("catalogue", required=False, type=click.Path(path_type=Path))
@click.option("--audio", type=click.Path(path_type=Path), help="A recording.")
@click.option("--image", type=click.Path(path_type=Path), help="A cover.")
@click.option("--space", default="cover-audio", show_default=True, help="A space of recordings, covers and genres.")
@click.option("--single", is_flag=True, help="One genre each, the best, however sure.")
@click.option("-k", "count", type=click.IntRange(1), default=5, show_default=True, help="How many genres.")
@shared("json", "device", "jobs", "quiet", "strict")
def genres(
    catalogue: Path | None,
    audio: Path | None,
    image: Path | None,
    space: str,
    single: bool,
    count: int,
    as_json: bool,
    device: str | None,
    jobs: int,
    quiet: bool,
    strict: bool,
) -> None:
    """Name the genres of a recording (--audio), of a cover (--image), of both together, or of every row of CATALOGUE.

    The number beside a genre is how sure the space is of it, from 0 to 1; genres in brackets are below 0.5.
    """
    from crossmodal.applications.genres import genres_of_catalogue, genres_of_files, in_words, unanswered

    given = {m: f for m, f in (("audio", audio), ("image", image)) if f is not None}
    if (catalogue is None) == (not given):
        got = "both" if given else "neither"
        raise InputError(f"expected --audio F or --image F (or both), or else a CATALOGUE, got {got}")
    loaded = load_on(space, device)
    if catalogue is None:
        answer = genres_of_files(loaded, given, k=count, single=single)
        show(answer.model_dump(exclude={"warnings"}, exclude_none=True) if as_json else in_words([answer]))
        return
    with tempfile.TemporaryDirectory() as covers:
        answers, skipped = genres_of_catalogue(
            loaded, catalogue, covers=Path(covers), k=count, single=single, jobs=jobs, quiet=quiet
        )
    if as_json:
        shown = [*answers, *(unanswered(loaded, row) for row in skipped)]
        show([a.model_dump(exclude={"warnings"}, exclude_none=True) for a in shown])
    elif answers:
        show(in_words(answers))
    finish(skipped, None, strict=strict, usable=len(answers))
