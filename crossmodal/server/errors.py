"""Mistakes and what they are answered with: one line each, expected, got, remedy."""

from __future__ import annotations

import logging
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from crossmodal.base.errors import CrossmodalError
from crossmodal.base.files import FullDiskError
from crossmodal.server.guard import HEADERS
from crossmodal.server.jobs import BusyError
from crossmodal.server.library import NotReadyError, UnknownError
from crossmodal.server.models import Problem

_LOG = logging.getLogger("crossmodal.server")
_TOLD = {
    400: "What was sent cannot be used",
    401: "The token is missing",
    403: "Asked from another site or by another name",
    404: "There is no such thing",
    408: "It took too long to come",
    413: "More was sent than may be",
    422: "A parameter is missing or malformed",
    503: "Still opening the indexes, too much is waiting, or the disk is full",
}
RESPONSES: dict[int | str, dict[str, object]] = {
    status: {"model": Problem, "description": text} for status, text in _TOLD.items()
}


def answer(status: int, text: str, *, headers: dict[str, str] | None = None) -> JSONResponse:
    """A problem as JSON."""
    return JSONResponse({"error": " ".join(text.split())}, status_code=status, headers=headers)


def add_to(app: FastAPI) -> None:
    """Registers what turns exceptions into answers."""

    @app.exception_handler(CrossmodalError)
    async def ours(_: Request, error: CrossmodalError) -> JSONResponse:
        if isinstance(error, NotReadyError | BusyError | FullDiskError):
            return answer(503, str(error), headers={"retry-after": "5"})
        return answer(404 if isinstance(error, UnknownError) else 400, str(error))

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> JSONResponse:
        rows = [f"{'.'.join(str(p) for p in row['loc'][1:])}: {row['msg']}" for row in error.errors()[:5]]
        return answer(
            422, f"expected other parameters, got {'; '.join(rows)}; the document at /api/openapi.json tells which"
        )

    @app.exception_handler(HTTPException)
    async def plain(_: Request, error: HTTPException) -> JSONResponse:
        known = HTTPStatus(error.status_code).phrase
        return answer(error.status_code, str(error.detail or known), headers=dict(error.headers or {}))

    @app.exception_handler(Exception)
    async def unforeseen(_: Request, error: Exception) -> JSONResponse:
        _LOG.error("unforeseen: %r", error, exc_info=error)
        # Answered outside of the guard, which adds these to everything else
        headers = {name.decode(): value.decode() for name, value in HEADERS.items()}
        return answer(500, "something went wrong that nobody foresaw; the server's log tells what", headers=headers)
