"""The application: routes, page, guard, and what runs from start to end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool

from crossmodal import __version__
from crossmodal.server import errors, routes_collection, routes_items, routes_jobs, routes_search
from crossmodal.server.guard import Guard
from crossmodal.server.settings import Settings
from crossmodal.server.state import State

PAGE = Path(str(files("crossmodal") / "server" / "page"))


def create_app(folders: Sequence[Path], *, settings: Settings | None = None, device: str | None = None) -> FastAPI:
    """The server of some index folders. They are opened in the background once it runs; /api/ready tells when."""
    chosen = settings or Settings()

    @contextlib.asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        state = app.state.crossmodal = State(folders, chosen, device=device)
        opening = asyncio.create_task(run_in_threadpool(state.begin))
        watching = asyncio.create_task(_watch(state))
        try:
            yield
        finally:
            state.ending.set()
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching
            await opening
            await run_in_threadpool(state.close)

    app = FastAPI(
        title="crossmodal", version=__version__, lifespan=life, openapi_url="/api/openapi.json", docs_url=None, redoc_url=None,
        description="Search, tag, match and compare music in shared vector spaces.", redirect_slashes=False,
    )  # fmt: skip
    errors.add_to(app)
    for routes in (routes_collection, routes_search, routes_items, routes_jobs):
        app.include_router(routes.router)
    app.mount("/", StaticFiles(directory=PAGE, html=True), name="page")
    app.add_middleware(Guard, settings=chosen)
    return app


async def _watch(state: State) -> None:
    """Takes up what `crossmodal index --update` commits while the server runs."""
    while True:
        await asyncio.sleep(state.settings.watch_seconds)
        await run_in_threadpool(state.library.refresh)
