"""The command `identify`: which score is this a recording of, or which recordings are of this page?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crossmodal.command_line import shared, show, warn

if TYPE_CHECKING:
    from crossmodal.base.results import Ranking


@click.command()
@click.argument("index_folder", metavar="INDEX", type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-k", "count", type=click.IntRange(1), default=5, show_default=True, help="How many results.")
@shared("modality", "filter", "json", "device", "quiet")
def identify(
    index_folder: Path,
    file: Path,
    count: int,
    modality: str | None,
    filters: Sequence[str],
    as_json: bool,
    device: str | None,
    quiet: bool,
) -> None:
    """Tell which score of INDEX the recording FILE is of, or which recordings of INDEX are of the page or score FILE.

    Where nothing in INDEX fits well enough it says so ("abstained" in the JSON) and lists the nearest all the same.
    """
    from crossmodal.applications.collection import SearchableIndex
    from crossmodal.applications.identification import identify as find

    opened = SearchableIndex.open(index_folder, device=device)
    answer = find(opened, file, k=count, modality=modality, filters=filters)
    warn(answer.warnings, quiet=quiet)
    show(answer.model_dump(exclude={"warnings"}, exclude_none=True) if as_json else in_words(answer))


def in_words(answer: Ranking) -> str:
    """The answer for people: what is not sure is said first."""
    from crossmodal.applications.show import table

    rows: list[dict[str, object]] = [
        {
            "rank": result.rank,
            "confidence": result.confidence,
            "similarity": result.similarity,
            **{
                name: result.detail.get(name)
                for name in ("votes", "page", "system", "seconds")
                if name in result.detail
            },
            "path": result.path,
        }
        for result in answer.results
    ]
    head = f"{answer.query.path}  [{answer.space}]"
    listed = table(rows, empty="nothing found")
    if not answer.abstained or not answer.results:
        return f"{head}\n{listed}"
    best = answer.results[0].confidence or 0.0
    return f"{head}\nnot sure: nothing fits well enough (confidence {best:.2f}); the nearest are\n{listed}"
