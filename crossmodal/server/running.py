"""Listening: the socket is bound first, so that a port that is taken is a mistake told in one line, and the address can be said."""

from __future__ import annotations

import logging
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import uvicorn

from crossmodal.base.errors import InputError
from crossmodal.server.app import create_app
from crossmodal.server.settings import Settings


def run(folders: Sequence[Path], settings: Settings, *, host: str, port: int, device: str | None, quiet: bool) -> None:
    """Serves until Ctrl-C. Raises InputError where the address cannot be used."""
    bound = bind(host, port)
    entry = address(host, bound.getsockname()[1], settings.token)
    click.echo(entry)
    sys.stdout.flush()  # whoever started this reads the address from a pipe
    if not quiet:
        click.echo("open this address in a browser; Ctrl-C ends the server", err=True)
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    config = uvicorn.Config(
        create_app(folders, settings=settings, device=device), log_level="warning", access_log=False, lifespan="on",
        server_header=False, timeout_keep_alive=30, timeout_graceful_shutdown=5, limit_concurrency=1000,
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[bound])


def bind(host: str, port: int) -> socket.socket:
    """A listening socket."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With its protocol said, asyncio sends what it has at once; else every answer on a kept connection waits 40 ms for an acknowledgement
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(1024)  # from now on who asks waits instead of being refused
    except OSError as error:
        bound.close()
        raise InputError(
            f"expected to listen at {host}:{port}, got '{error.strerror or error}'; choose another --port or --host"
        ) from None
    return bound


def address(host: str, port: int, token: str | None) -> str:
    """Where the page is."""
    shown = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(
        host, f"[{host}]" if ":" in host else host
    )
    return f"http://{shown}:{port}/" + (f"?token={token}" if token else "")
