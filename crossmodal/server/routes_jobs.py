"""Aligning a recording with a score: a job, for it may take minutes."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Form, UploadFile
from fastapi.responses import HTMLResponse, Response
from starlette.concurrency import run_in_threadpool

from crossmodal.base.errors import InputError
from crossmodal.base.results import AlignmentResult
from crossmodal.server.errors import RESPONSES
from crossmodal.server.files import checked_path
from crossmodal.server.models import Job
from crossmodal.server.reading import Upload
from crossmodal.server.state import Shared, State

router = APIRouter(prefix="/api/align", responses=RESPONSES, tags=["align"])
_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; media-src data:; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'"
)
_SCORE_PAGE: dict[int | str, dict[str, object]] = {
    200: {"content": {"text/html": {}}, "description": "A page that needs nothing else"}
}
Place = Annotated[str, Form(max_length=2000)]


@router.post("", status_code=202)
async def align(
    state: Shared, recording: UploadFile | None = None, score: UploadFile | None = None, index: Place = "", recording_id: Place = "",
    score_id: Place = "",
) -> Job:  # fmt: skip
    """Begins to align a recording with a score. Each is a file, or the id of an item of `index`."""
    return await run_in_threadpool(_begin, state, recording, score, index, recording_id, score_id)


def _begin(
    state: State, recording: UploadFile | None, score: UploadFile | None, index: str, recording_id: str, score_id: str
) -> Job:
    with ExitStack() as stack:
        sides = []
        for name, file, identifier in (("recording", recording, recording_id), ("score", score, score_id)):
            if (file is None) == (not identifier):
                raise InputError(
                    f"{name}: expected a file or the id of an item, got {'neither' if file is None else 'both'}; send one"
                )
            if file is not None:
                upload = stack.enter_context(state.reader.upload(file.filename or name, file.file))
                # Decoded here already, so that what is too long is refused at once
                sides.append(replace(upload, path=state.reader.recording(upload)) if name == "recording" else upload)
            else:
                sides.append(_item(state, index, identifier, "sheet" if name == "score" else "audio"))
        space = state.library.sheet_space()
        return state.jobs.begin(sides[0], sides[1], space=space.location if space else "audio-sheet")


def _item(state: State, index: str, identifier: str, modality: str) -> Upload:
    """An item of an index in the place of an upload; it is copied and stays."""
    item = state.library.get(index).item(identifier)
    if item.modality != modality:
        raise InputError(f"{identifier}: expected an item of {modality}, got one of {item.modality}; choose another")
    path = checked_path(item)
    return Upload(path, Path(item.path).name, path.parent)


@router.get("/{job}")
def look(state: Shared, job: str) -> Job:
    """How far a job is."""
    return state.jobs.look(job)


@router.delete("/{job}")
def cancel(state: Shared, job: str) -> Job:
    """Cancels a job."""
    return state.jobs.cancel(job)


@router.get("/{job}/result", response_model=AlignmentResult)
def result(state: Shared, job: str) -> Response:
    """What a finished job found, as `crossmodal align --json` prints it."""
    return Response(state.jobs.result(job, "json").read_bytes(), media_type="application/json")


@router.get("/{job}/page", response_class=Response, responses=_SCORE_PAGE)
def page(state: Shared, job: str) -> HTMLResponse:
    """The score with a cursor that follows the recording, as `crossmodal align --html` writes it."""
    content = state.jobs.result(job, "html").read_text(encoding="utf-8")
    # Its own policy, in the page, names the digests of its script and style; both hold
    return HTMLResponse(content, headers={"content-security-policy": _PAGE_POLICY, "x-frame-options": "SAMEORIGIN"})
