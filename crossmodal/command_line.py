"""What all commands share: their options, how mistakes become one line, what goes to stdout, and how skipped files are told.

stdout holds the answer and nothing else; everything else goes to stderr, a line each.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from crossmodal.base.errors import CrossmodalError, InputError
from crossmodal.base.names import nearest
from crossmodal.base.results import Skipped

if TYPE_CHECKING:
    from crossmodal.space import Space

F = TypeVar("F", bound=Callable[..., Any])
INTERRUPTED = 130

_OPTIONS = {
    "json": click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, nothing else there."),
    "k": click.option("-k", "count", type=click.IntRange(1), default=10, show_default=True, help="How many results."),
    "modality": click.option("--modality", help="What the files are, where the extension does not decide."),
    "filter": click.option(
        "--filter", "filters", multiple=True, metavar="COLUMN=VALUE", help="Only items with this value; repeatable."
    ),
    "device": click.option("--device", help="cpu, cuda, cuda:1, mps.  [default: cuda where there is one, else cpu]"),
    "jobs": click.option(
        "--jobs", type=click.IntRange(1), default=os.cpu_count() or 1, help="Processes.  [default: all cores]"
    ),
    "seed": click.option("--seed", type=click.IntRange(0), default=0, show_default=True),
    "quiet": click.option("--quiet", is_flag=True, help="No progress bars and no advice."),
    "strict": click.option("--strict", is_flag=True, help="Exit 1 when anything was skipped."),
    "resume": click.option("--resume", is_flag=True, help="Go on where an interrupted run stopped."),
    "from-file": click.option("--from-file", metavar="F", help="A file with one path a line; - is stdin."),
}


def shared(*names: str) -> Callable[[F], F]:
    """Options that several commands have, by name; each is defined once."""

    def decorate(function: F) -> F:
        for name in reversed(names):
            function = _OPTIONS[name](function)
        return function

    return decorate


class InterruptedCommandError(Exception):
    """Ctrl-C. `resumable`: the command has --resume."""

    def __init__(self, *, resumable: bool) -> None:
        super().__init__()
        self.resumable = resumable


class Commands(click.Group):
    """A group that answers a misspelt command with the nearest one, and leaves Ctrl-C to `run_command_line`."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command. click would print an empty line on Ctrl-C, and hide a closed stdout."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            command = self.commands.get(ctx.invoked_subcommand or "")
            options = [p.name for p in command.params] if command else []
            raise InterruptedCommandError(resumable="resume" in options) from None
        except BrokenPipeError:  # the reader of a pipe went away, which is its right
            abandon_stdout()
            return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click, with the nearest known name."""
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            known = self.list_commands(ctx)
            ctx.fail(f'expected a command, got "{args[0]}".{nearest(args[0], known)} Known: {", ".join(known)}')
        return super().resolve_command(ctx, args)


def run_command_line(commands: click.Group, arguments: Sequence[str] | None) -> None:
    """Runs a command and turns every mistake into one line and an exit code."""
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            given = None if arguments is None else list(arguments)
            commands.main(args=given, prog_name="crossmodal", standalone_mode=False)
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message())
        except click.ClickException as error:
            _fail(error.format_message())
        except CrossmodalError as error:
            _fail(str(error))
        except (InterruptedCommandError, click.Abort) as error:
            resumable = isinstance(error, InterruptedCommandError) and error.resumable
            advice = "; what is finished is kept: run the same command with --resume" if resumable else ""
            _say(f"interrupted{advice}")
            sys.exit(INTERRUPTED)
        except (
            OSError
        ) as error:  # what no part of the program could foresee: a full disk behind stdout, a lost network drive
            place = f"{error.filename}: " if error.filename else ""
            abandon_stdout()
            _fail(
                f"{place}expected to read and write, got '{error.strerror or error}'; free some space or check the place"
            )
        except MemoryError:
            _fail("expected enough memory, got none; use fewer --jobs or a smaller batch")


def abandon_stdout() -> None:
    """What is still in the buffer of stdout goes nowhere, so that Python does not complain when it ends."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):  # a stdout that is no file, in tests
        return


def _say(message: str) -> None:
    """One line on stderr."""
    click.echo(f"crossmodal: {_escaped(' '.join(message.split()))}", err=True)


def _fail(message: str) -> None:
    _say(message)
    sys.exit(2)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: object = None,
    line: object = None,
) -> None:
    """Ours in one line; what libraries tell their developers only where Python was asked for it (-W)."""
    if category.__module__.startswith("crossmodal.") or sys.warnoptions:
        _say(str(message))


def show(answer: object) -> None:
    """Prints text, or anything else as one JSON document."""
    if isinstance(answer, str):
        click.echo(_printable(answer))
        return
    click.echo(json.dumps(answer, ensure_ascii=not _takes_unicode(), indent=2, allow_nan=False))


def _takes_unicode() -> bool:
    return (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "") == "utf8"


def _printable(text: str) -> str:
    """As `_escaped`, and what stdout cannot encode is escaped too."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return _escaped(text).encode(encoding, "backslashreplace").decode(encoding)


def _escaped(text: str) -> str:
    """Control characters (of file names, tags, captions) must not steer a terminal."""
    return "".join(
        c if c == "\n" or c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text
    )


def warn(messages: Sequence[str], *, quiet: bool) -> None:
    """Each in a line on stderr."""
    for message in () if quiet else messages:
        _say(message)


def read_paths(arguments: Sequence[str], from_file: str | None) -> tuple[list[Path], list[Skipped]]:
    """Paths named as arguments and in a list (a line each, or separated by NUL), and those of the list that are not there.

    An argument that does not exist is a mistake for whoever uses it; a list of many may name some that are gone.
    """
    paths = [Path(p) for p in arguments]
    listed = [Path(p) for p in _listed(from_file)] if from_file else []
    missing = [p for p in listed if not os.path.lexists(p)]
    if listed and len(missing) == len(listed):
        raise InputError(
            f"--from-file {from_file}: expected a path a line, got {len(listed)} that do not exist, "
            f"the first {str(missing[0])[:80]!r}; relative ones are relative to where you are"
        )
    gone = set(missing)
    paths += [p for p in listed if p not in gone]
    if not paths:
        raise InputError("expected files or folders, got none; name them, or give a list with --from-file")
    shown = [os.fsencode(p).decode("utf-8", errors="backslashreplace") for p in missing]
    return paths, [Skipped(path=name, reason="no such file") for name in shown]


def _listed(from_file: str) -> list[str]:
    try:
        data = sys.stdin.buffer.read() if from_file == "-" else Path(from_file).read_bytes()
    except OSError as error:
        raise InputError(
            f"--from-file: expected a readable list of paths, got {from_file}: {error.strerror or error}"
        ) from None
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):  # as Windows shells write
        data = data.decode("utf-16", errors="replace").encode()
    data = data.removeprefix(b"\xef\xbb\xbf")
    lines = data.split(b"\0") if b"\0" in data else data.splitlines()
    if any(byte < 32 and byte not in b"\t\n\r" for line in lines for byte in line):
        raise InputError(f"--from-file {from_file}: expected text with a path a line, got binary data")
    return [os.fsdecode(line) for line in lines if line.strip()]  # names are bytes, whatever their encoding


def read_text(text: str | None) -> str | None:
    """TEXT, from stdin where it is "-". InputError when it is no UTF-8."""
    if text is None:
        return None
    try:
        if text == "-":
            return sys.stdin.buffer.read().decode("utf-8-sig").strip()
        text.encode("utf-8")
    except UnicodeError:
        raise InputError(
            "TEXT: expected words in UTF-8, got other bytes; check the encoding of the terminal or file"
        ) from None
    return text


def finish(
    skipped: Sequence[Skipped], folder: Path | None, *, strict: bool, usable: int = 1, own: bool = False
) -> None:
    """Counts what was skipped, lists it in skipped.csv beside the output or else on stderr, and sets the exit code.

    own: nothing but this command writes into the folder, so a list of an earlier run is out of date.
    """
    listing = folder / "skipped.csv" if folder is not None else None
    if listing is not None and (skipped or (own and listing.exists())):
        from crossmodal.base.files import write_skipped

        write_skipped(listing, skipped)
    if skipped and listing is not None:
        _say(f"{len(skipped)} skipped, listed in {listing}")
    elif skipped:
        warn([f"skipped {row.path}: {row.reason}" for row in skipped], quiet=False)
        _say(f"{len(skipped)} skipped")
    if not usable:
        _say("nothing usable")
    if not usable or (strict and skipped):
        sys.exit(1)


def load_on(name: str, device: str | None) -> Space:
    """A space on the device asked for, or on the fastest that there is."""
    from crossmodal.space_files import load_space

    space = load_space(name)
    return space.to(device) if device else space.to_fastest()
