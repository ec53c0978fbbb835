"""The commands around similarity: `similar`, and what a space has learned: `probe`, `map` and `filters`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crossmodal.command_line import finish, load_on, shared, show, warn

if TYPE_CHECKING:
    from crossmodal.base.results import Ranking


@click.command()
@click.argument("index_folder", metavar="INDEX", type=click.Path(path_type=Path))
@click.argument("tracks", metavar="[TRACK]...", nargs=-1)
@click.option("--like", multiple=True, metavar="KIND:NAME", help="artist:NAME, album:NAME or tag:WORD; repeatable.")
@click.option(
    "--facet", "facets", multiple=True, metavar="FACET=TRACK", help="This facet of that track; repeatable, once for each facet."
)  # fmt: skip
@click.option(
    "--weight", "weights", multiple=True, metavar="FACET=W", help="How much a facet counts; others then do not."
)
@click.option(
    "--track-weight", type=float, metavar="W", help="How much the overall similarity counts beside the facets."
)
@shared("filter", "k", "modality", "json", "device", "quiet")
def similar(
    index_folder: Path,
    tracks: Sequence[str],
    like: Sequence[str],
    facets: Sequence[str],
    weights: Sequence[str],
    track_weight: float | None,
    filters: Sequence[str],
    count: int,
    modality: str | None,
    as_json: bool,
    device: str | None,
    quiet: bool,
) -> None:
    """Find tracks of INDEX like TRACKs (ids or files of it, or files that are not in it), or like an artist, album or tag.

    What was asked with is not among the answers, nor are members of the artist or album; those of a tag are. Weights need no new index.
    """
    from crossmodal.applications.collection import SearchableIndex
    from crossmodal.applications.similarity import parse_weights
    from crossmodal.applications.similarity import similar as find

    opened = SearchableIndex.open(index_folder, device=device)
    answer = find(
        opened, tracks, like=like, facets=facets, weights=parse_weights(weights), track_weight=track_weight, k=count, filters=filters,
        modality=modality,
    )  # fmt: skip
    warn(answer.warnings, quiet=quiet)
    show(answer.model_dump(exclude={"warnings"}, exclude_none=True) if as_json else in_words(answer))


def in_words(answer: Ranking) -> str:
    """The answer for people: the cosine of each facet beside the similarity."""
    from crossmodal.applications.show import table

    rows: list[dict[str, object]] = []
    for result in answer.results:
        facets = result.detail.get("facets")
        shown: dict[str, object] = {"rank": result.rank, "similarity": result.similarity}
        rows.append({**shown, **(facets if isinstance(facets, dict) else {}), "path": result.path})
    asked = answer.query.text or answer.query.path
    return f"{asked}  [{answer.space}]\n{table(rows, empty='nothing found')}"


@click.command()
@click.argument("space")
@click.argument("catalogue", type=click.Path(path_type=Path))
@click.option(
    "--target", required=True, metavar="COLUMN", help="What is to be recognized: a column, tag, or a facet of the tags."
)
@click.option(
    "--labels", type=float, default=1.0, show_default=True, metavar="SHARE", help="Share of the training labels."
)
@click.option("--classifier", type=click.Choice(["linear", "mlp", "knn", "svm"]), default="linear", show_default=True)
@click.option(
    "--features", type=click.Choice(["vectors", "layers", "levels", "mfcc"]), default="vectors", show_default=True,
    help="The space's vectors, means of all its layers, maxima of its last three, or MFCC for comparison.",
)  # fmt: skip
@click.option(
    "--also", multiple=True, metavar="SPACE", help="Another space, whose features are put beside; repeatable."
)
@shared("seed", "json", "device", "quiet", "strict")
def probe(
    space: str,
    catalogue: Path,
    target: str,
    labels: float,
    classifier: str,
    features: str,
    also: Sequence[str],
    seed: int,
    as_json: bool,
    device: str | None,
    quiet: bool,
    strict: bool,
) -> None:
    """Tell what SPACE knows of a column of CATALOGUE: a classifier of its frozen vectors, on the test split."""
    from crossmodal.applications.probing import probe as judge
    from crossmodal.applications.show import score_table

    found = judge(
        load_on(space, device), catalogue, target=target, labels=labels, classifier=classifier, features=features,
        beside=[load_on(other, device) for other in also], seed=seed, quiet=quiet,
    )  # fmt: skip
    show(found.model_dump(exclude_none=True) if as_json else score_table(found))
    finish(found.skipped, None, strict=strict)


@click.command("map")
@click.argument("index_folder", metavar="INDEX", type=click.Path(path_type=Path))
@click.option("--colour", required=True, metavar="COLUMN", help="Column of the index that points are coloured by.")
@click.option("--output", type=click.Path(path_type=Path), required=True, help="The page (HTML).")
@shared("seed", "json")
def draw_map(index_folder: Path, colour: str, output: Path, seed: int, as_json: bool) -> None:
    """Draw a map of INDEX (t-SNE): near is similar; zoom with the wheel, click to listen."""
    from crossmodal.applications.mapping import write_map
    from crossmodal.retrieval.index import Index

    count = write_map(Index.open(index_folder), colour=colour, output=output, seed=seed)
    show(
        {"output": str(output), "items": count, "colour": colour, "seed": seed}
        if as_json
        else f"{count} items on {output}"
    )


@click.command()
@click.argument("space")
@click.option("--output", type=click.Path(path_type=Path), required=True, help="The picture (PNG).")
@shared("seed", "json", "device", "quiet")
def filters(space: str, output: Path, seed: int, as_json: bool, device: str | None, quiet: bool) -> None:
    """Draw what the filters of a space of raw samples (clmr, sample-cnn) listen to, layer by layer.

    Up to 256 filters a layer; fewer of deep layers, which take longest: of sample-cnn's last four 179, 59, 19 and 16.
    """
    from crossmodal.applications.filters import write_filters

    counts = write_filters(load_on(space, device), output, seed=seed, quiet=quiet)
    told = f"{sum(counts)} filters of {len(counts)} layers in {output}"
    show({"output": str(output), "filters": counts, "seed": seed} if as_json else told)
