"""The command `serve`: the page and the API, for this machine or, with a token, for others."""

from __future__ import annotations

from pathlib import Path

import click

from crossmodal.base.errors import InputError
from crossmodal.command_line import shared

DEMO = Path("demo")


@click.command()
@click.argument("folders", metavar="[INDEX]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0: other machines too, with a token.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0: any that is free.")
@click.option(
    "--token", envvar="CROSSMODAL_TOKEN", help="What requests must bring.  [default: one is made where others can ask]"
)
@click.option("--most-megabytes", type=click.IntRange(1), default=200, show_default=True, help="Of an upload.")
@click.option(
    "--most-minutes", type=click.FloatRange(0.1), default=20.0, show_default=True, help="Of an uploaded recording."
)
@shared("device", "quiet")
def serve(
    folders: tuple[Path, ...], host: str, port: int, token: str | None, most_megabytes: int, most_minutes: float,
    device: str | None, quiet: bool,
) -> None:  # fmt: skip
    """Serve a page and an API for every INDEX: search, listen, tag, identify, match, follow a score.

    INDEX may be a folder with several, such as the demo's, which is what it takes without any. Ctrl-C ends it.
    """
    import secrets

    from crossmodal.server.settings import Settings, is_loopback, leave_a_core

    leave_a_core()
    from crossmodal.server.running import run

    chosen = [index for folder in folders or [DEMO] for index in indexes_in(folder)]
    if token is None and not is_loopback(host):
        token = secrets.token_urlsafe(24)
    if token is not None and (
        len(token) < 8 or not token.isascii() or not all(c.isalnum() or c in "-_" for c in token)
    ):
        raise InputError("--token: expected at least 8 letters, digits, - or _, got another; make a long one")
    settings = Settings(token=token, most_bytes=most_megabytes * 1_000_000, most_seconds=60 * most_minutes)
    run(chosen, settings, host=host, port=port, device=device, quiet=quiet)


def indexes_in(folder: Path) -> list[Path]:
    """A folder that is an index, or the indexes in it, as the demo makes them. InputError where there is none."""
    from crossmodal.retrieval.header import HEADER

    if (folder / HEADER).exists():
        return [folder]
    found = sorted(path.parent for pattern in (f"*/{HEADER}", f"*/*/{HEADER}") for path in folder.glob(pattern))
    if not found:
        raise InputError(
            f"expected an index, or a folder with indexes, got none in {folder.resolve()}; name one, or run 'crossmodal demo' first"
        )
    return sorted(found, key=lambda path: (path != folder / "index", str(path)))
