"""The command `mashup`: voices over the accompaniments that fit them."""

from __future__ import annotations

from pathlib import Path

import click

from crossmodal.command_line import finish, shared, show


@click.command()
@click.argument("vocals", type=click.Path(path_type=Path))
@click.argument("backings", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), required=True, help="Folder of the mixes and manifest.csv.")
@click.option("--count", type=click.IntRange(1), help="How many mixes at the most.  [default: all that fit]")
@click.option(
    "--level", type=float, nargs=2, default=(-3.0, 6.0), show_default=True, metavar="LEAST MOST",
    help="Decibels of the voice over the backing, drawn between the two.",
)  # fmt: skip
@shared("seed", "json", "quiet", "strict")
def mashup(
    vocals: Path, backings: Path, output: Path, count: int | None, level: tuple[float, float], seed: int, as_json: bool, quiet: bool,
    strict: bool,
) -> None:  # fmt: skip
    """Mix each voice of VOCALS with those of BACKINGS that fit it in tempo and key, beat on beat.

    VOCALS and BACKINGS: files or folders. A backing is stretched by at most 10% and moved by at most 3 semitones; voices stay as they are.
    """
    from crossmodal.applications.mashup import make_mashups

    done = make_mashups([vocals], [backings], output, count=count, decibels=level, seed=seed, quiet=quiet)
    show(done.model_dump() if as_json else f"{len(done.mixes)} mixes in {output}")
    finish(done.skipped, output, strict=strict, usable=len(done.mixes), own=True)
