"""The commands about recordings and scores, as thin as the others: align and follow."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crossmodal.base.errors import InputError
from crossmodal.command_line import load_on, shared, show, warn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from crossmodal.applications.score_alignment import Alignment

SPACE = click.option("--space", default="audio-sheet", show_default=True, help="A space of recordings and sheet music.")


@click.command()
@click.argument("recording", type=click.Path(path_type=Path))
@click.argument("score", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), help="A .csv file: a row for every tenth of a second.")
@click.option("--html", type=click.Path(path_type=Path), help="A page that shows the score while the recording plays.")
@SPACE
@shared("json", "device", "quiet")
def align(
    recording: Path, score: Path, output: Path | None, html: Path | None, space: str, as_json: bool, device: str | None, quiet: bool
) -> None:  # fmt: skip
    """Tell where in SCORE each second of RECORDING sounds, and which repeats were played.

    SCORE: MusicXML, MEI, ABC, Humdrum, PDF or images. Without --output, --html or --json the rows are printed as CSV.
    """
    from crossmodal.applications.score_alignment import align_recording

    made = align_recording(load_on(space, device), recording, score)
    result = made.result
    if made.rows and output is not None:
        made.to_csv(output)
    if html is not None:
        from crossmodal.applications.score_view import write_alignment_page

        write_alignment_page(made, html)
    if result.abstained:
        warn([doubt(made)], quiet=False)
    if as_json:
        show(result.model_dump())
    elif output is None and html is None:
        show(_csv(made))
    elif not quiet:
        show(_summary(made, [path for path in (output if made.rows else None, html) if path is not None]))


def doubt(made: Alignment) -> str:
    """What to say when the recording does not seem to be of the score."""
    result = made.result
    if not made.rows:
        return f"{result.recording}: nothing of it fits {result.score}; no rows were written"
    return (
        f"{result.recording}: does not seem to be of {result.score} (confidence {result.confidence:.2f}, "
        f"expected {result.threshold} or more); the rows are guesses"
    )


def _csv(made: Alignment) -> str:
    stream = io.StringIO()
    made.write_csv(stream)
    return stream.getvalue().rstrip("\n")


def _summary(made: Alignment, written: list[Path]) -> str:
    rows, result = made.rows, made.result
    played = sum(len(repeat.seconds) for repeat in result.repeats)
    where = f" of music from {rows[0].audio_seconds:.1f} to {rows[-1].audio_seconds:.1f} s" if rows else ""
    jumps = f", {played} repeats or jumps played" if played else ""
    files = f" in {', '.join(map(str, written))}" if written else ""
    return f"{len(rows)} rows{where}, confidence {result.confidence:.2f}{jumps}{files}"


@click.command()
@click.argument("score", type=click.Path(path_type=Path))
@click.option("--audio", type=click.Path(path_type=Path), help="Follow a file instead of a microphone.")
@click.option("--microphone", is_flag=True, help="Follow what the default microphone hears, until Ctrl-C.")
@click.option(
    "--rate", type=click.IntRange(8000), help="Hertz at which the microphone records.  [default: the space's]"
)
@click.option("--real-time", is_flag=True, help="Hear a file no faster than it sounds.")
@SPACE
@shared("device", "quiet")
def follow(
    score: Path, audio: Path | None, microphone: bool, rate: int | None, real_time: bool, space: str, device: str | None, quiet: bool
) -> None:  # fmt: skip
    """Follow SCORE while it is played: one JSON object a line on stdout for every tenth of a second.

    Nothing is printed before the music begins. latency_seconds: how far the evidence lies behind the newest sample, and the computing.
    """
    from crossmodal.applications.score_following import ScoreFollower
    from crossmodal.applications.score_listening import check_recording_path, check_score_path
    from crossmodal.applications.scores import read_score

    _check_source(audio, microphone, rate, real_time)
    check_score_path(score)
    if audio is not None:
        check_recording_path(audio)
    follower = ScoreFollower(load_on(space, device), read_score(score))
    warn([] if audio else ["listening; Ctrl-C ends it"], quiet=quiet)
    try:
        for block in _sound(audio, follower.rate, rate, real_time):
            for row in follower.feed(block):
                click.echo(row.model_dump_json())
                sys.stdout.flush()
    except KeyboardInterrupt:
        if not microphone:
            raise
    if follower.state == "waiting":
        warn(["no music was heard"], quiet=False)


def _check_source(audio: Path | None, microphone: bool, rate: int | None, real_time: bool) -> None:
    if (audio is None) == (not microphone):
        raise InputError(f"expected one of --audio FILE and --microphone, got {'both' if microphone else 'neither'}")
    if rate is not None and not microphone:
        raise InputError("--rate: expected it with --microphone, got it with --audio; a file has its own")
    if real_time and microphone:
        raise InputError("--real-time: expected it with --audio, got it with --microphone, which always is")


def _sound(audio: Path | None, rate: int, device_rate: int | None, real_time: bool) -> Iterator[NDArray[np.float32]]:
    from crossmodal.applications.live_sound import file_blocks, microphone_blocks

    if audio is None:
        return microphone_blocks(rate=rate, device_rate=device_rate)
    return file_blocks(audio, rate=rate, real_time=real_time)


def add_to(commands: click.Group) -> None:
    """Registers the commands."""
    for command in (align, follow):
        commands.add_command(command)
