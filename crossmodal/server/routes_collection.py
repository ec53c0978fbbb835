"""What the server holds: its state, its indexes, maps of them, and the listening experiment."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response

from crossmodal.server import maps
from crossmodal.server.errors import RESPONSES
from crossmodal.server.models import Colours, Excitement, Health, IndexInfo, Places
from crossmodal.server.state import Chosen, Shared

router = APIRouter(prefix="/api", responses=RESPONSES, tags=["collection"])
Tag = Annotated[str | None, Query(min_length=1, max_length=500, description="Any word or phrase.")]
Column = Annotated[str | None, Query(max_length=200, description="A column of the items.")]


@router.get("/health")
async def health(state: Shared) -> Health:
    """That the server runs. Anybody may ask, so it names nothing."""
    return Health(ready=state.library.ready, indexes=len(state.library.all()))


@router.get("/ready", responses={503: {"model": Health, "description": "The indexes are still being opened"}})
async def ready(state: Shared) -> Response:
    """That the indexes are open; 503 until then."""
    held = state.library
    told = Health(ready=held.ready, indexes=len(held.all()), problems=list(held.problems))
    return JSONResponse(told.model_dump(), status_code=200 if told.ready else 503)


@router.get("/indexes")
def indexes(state: Shared) -> list[IndexInfo]:
    """The opened indexes."""
    return [opened.info for opened in state.library.all()]


@router.get("/indexes/{index}")
def index(opened: Chosen) -> IndexInfo:
    """One index."""
    return opened.info


@router.post("/indexes/{index}/reload")
def reload(index: str, state: Shared) -> IndexInfo:
    """Opens the newest state of an index. Requests that are under way end with the state before."""
    return state.library.reload(index).info


@router.get("/indexes/{index}/vocabulary")
def vocabulary(opened: Chosen) -> list[str]:
    """The words that the space of an index brings."""
    return list(opened.space.vocabulary)


@router.get("/indexes/{index}/map")
def places(opened: Chosen) -> Places:
    """Every item in two dimensions; computed at the first request."""
    return maps.places(opened)


@router.get("/indexes/{index}/map/colours")
def colours(opened: Chosen, tag: Tag = None, column: Column = None) -> Colours:
    """A colour for each item of the map, by a word or by a column."""
    return maps.colours(opened, tag=tag, column=column)


@router.get("/indexes/{index}/excitement")
def excitement(
    opened: Chosen, tag: Tag = None, feature: Annotated[int | None, Query(ge=0, le=1 << 20, description="A dimension.")] = None,
    k: Annotated[int, Query(ge=1, le=24)] = 8,
) -> Excitement:  # fmt: skip
    """The listening experiment: the clips that excite a feature, or fit a word, most."""
    return maps.excitement(opened, tag=tag, feature=feature, k=k)
