"""The command `match`: which recording is this MIDI file of, or which MIDI file is of this recording?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crossmodal.command_line import finish, read_paths, shared, show, warn

if TYPE_CHECKING:
    from crossmodal.base.results import Ranking


@click.command()
@click.argument("index_folder", metavar="INDEX", type=click.Path(path_type=Path))
@click.argument("files", nargs=-1, metavar="FILES_OR_FOLDERS...")
@click.option(
    "-k", "count", type=click.IntRange(1), default=5, show_default=True, help="How many results for each file."
)
@click.option("--output", type=click.Path(path_type=Path), help="A .csv file: a row for every result.")
@click.option(
    "--aligned", type=click.Path(path_type=Path), help="A folder: the MIDI of each sure match in the recording's time."
)
@click.option("--same-key", is_flag=True, help="Try the query in its own key only, which is twelve times faster.")
@shared("from-file", "filter", "json", "device", "jobs", "quiet", "strict", "resume")
def match(
    index_folder: Path, files: tuple[str, ...], count: int, output: Path | None, aligned: Path | None, same_key: bool,
    from_file: str | None, filters: Sequence[str], as_json: bool, device: str | None, jobs: int, quiet: bool, strict: bool, resume: bool,
) -> None:  # fmt: skip
    """Find the recordings of INDEX that MIDI files are of, or the MIDI files of INDEX that recordings are of.

    INDEX is made with `crossmodal index midi-audio`. Where nothing fits well enough it says so ("abstained") and lists the nearest
    all the same; no MIDI is warped to a recording that is not sure.
    """
    from crossmodal.applications.midi_jobs import match_files, unanswered
    from crossmodal.applications.midi_matching import Matcher
    from crossmodal.applications.midi_query import KEYS

    paths, missing = read_paths(files, from_file)
    matcher = Matcher.of(index_folder, device=device)
    warn(matcher.warnings, quiet=quiet)
    done = match_files(
        matcher, paths, output=output, aligned=aligned, k=count, keys=(0,) if same_key else KEYS, filters=filters, resume=resume,
        jobs=jobs, device=device, quiet=quiet,
    )  # fmt: skip
    warn([text for text in done.warnings if text not in matcher.warnings], quiet=quiet)
    skipped = [*missing, *done.skipped]
    if as_json:
        answers = [*done.rankings, *(unanswered(matcher.space.reference, row) for row in skipped)]
        documents = [answer.model_dump(exclude={"warnings"}, exclude_none=True) for answer in answers]
        show(documents[0] if len(documents) == 1 else documents)
    elif output is not None:
        sure = sum(not answer.abstained for answer in done.rankings)
        show(f"{output}: {len(done.rankings)} files answered, {sure} of them surely, {len(skipped)} skipped")
    elif done.rankings:
        show("\n\n".join(in_words(answer) for answer in done.rankings))
    folder = output.parent if output is not None else aligned
    finish(skipped, folder, strict=strict, usable=len(done.rankings), own=output is None)


def in_words(answer: Ranking) -> str:
    """The answer for people: what is not sure is said first."""
    from crossmodal.applications.show import table

    names = ("offset_seconds", "transposition_semitones")
    rows: list[dict[str, object]] = [
        {
            "rank": result.rank, "confidence": result.confidence, "similarity": result.similarity,
            "offset": result.detail.get(names[0]), "key": result.detail.get(names[1]), "path": result.path,
        }
        for result in answer.results
    ]  # fmt: skip
    head = f"{answer.query.path}  [{answer.space}]"
    listed = table(rows, empty="nothing found")
    if answer.abstained and answer.results:
        best = answer.results[0].confidence or 0.0
        head += f"\nnot sure: nothing fits well enough (confidence {best:.2f}); the nearest are"
    return f"{head}\n{listed}"
