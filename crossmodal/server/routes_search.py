"""Asking: search with words or a file, more like an item, tags, identification, matching."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Response, UploadFile

from crossmodal.applications.identification import KINDS
from crossmodal.applications.identification import identify as find_score
from crossmodal.applications.queries import Query as Asked
from crossmodal.applications.queries import score_query
from crossmodal.applications.sequences import modality_of
from crossmodal.applications.similarity import parse_weights
from crossmodal.applications.similarity import similar as find_similar
from crossmodal.applications.strips import load_strips
from crossmodal.applications.tagging import Tagger
from crossmodal.base.errors import InputError
from crossmodal.base.results import Ranking
from crossmodal.server.errors import RESPONSES
from crossmodal.server.library import Opened
from crossmodal.server.matching import match_upload
from crossmodal.server.models import MatchView
from crossmodal.server.reading import Reader, Upload
from crossmodal.server.state import Chosen, Count, Filters, Id, Shared

router = APIRouter(prefix="/api/indexes/{index}", responses=RESPONSES, tags=["ask"])
Kind = Literal["audio", "image", "midi"]
Text = Annotated[str, Query(min_length=1, max_length=2000, description="Words to search for.")]
Target = Annotated[str | None, Query(max_length=100, description="Only items of this modality.")]
Weights = Annotated[list[str], Query(description="FACET=W; facets that are not named count nothing.", max_length=20)]
TrackWeight = Annotated[float | None, Query(ge=0, le=1000, description="Of the overall similarity beside the facets.")]
Modality = Annotated[str | None, Query(max_length=100, description="What the file is, where that is not plain.")]


@router.get("/search", response_model=Ranking, response_model_exclude_none=True)
async def search(
    opened: Chosen, state: Shared, text: Text, k: Count = 10, filter: Filters = [], target: Target = None  # noqa: B006
) -> Response:  # fmt: skip
    """The items nearest to words."""
    answer = await state.texts.ask((opened, k, tuple(filter), target), text)
    return Response(answer.model_dump_json(exclude_none=True), media_type="application/json")


@router.post("/search", response_model_exclude_none=True)
async def search_with_file(
    opened: Chosen, state: Shared, file: UploadFile, kind: Annotated[Kind, Query(description="What the file is.")], k: Count = 10,
    filter: Filters = [], target: Target = None, modality: Modality = None,  # noqa: B006
) -> Ranking:  # fmt: skip
    """The items nearest to a recording, a picture or a MIDI file, which is deleted afterwards."""

    def find(upload: Upload) -> Ranking:
        path = _safe(state.reader, upload, kind)
        answer = opened.searchable.search_many({kind: path}, k=k, filters=filter, target=target, kind=modality)
        return _shown(answer, upload)

    _check_asked(opened, kind)
    return await state.with_upload(file, find)


def _check_asked(opened: Opened, kind: str) -> None:
    if kind not in opened.info.asks:
        other = (
            "use match"
            if opened.hashes
            else f"it takes {', '.join(opened.info.asks)}"
            if opened.info.asks
            else "ask another one"
        )
        raise InputError(f"{opened.name}: expected a query that this index can answer, got {kind}; {other}")


def _safe(reader: Reader, upload: Upload, kind: str) -> Path:
    """A copy of an upload that was decoded in another process; of a MIDI file itself, once it was read there to its end."""
    if kind == "audio":
        return reader.recording(upload)
    if kind == "image":
        return reader.folder / str(reader.make("picture", upload)["file"])
    reader.make("midi", upload)
    return upload.path


def _shown(answer: Ranking, upload: Upload) -> Ranking:
    """With the file's name as its owner gave it, and what was wrong with it."""
    warnings = [upload.told(text) for text in dict.fromkeys([*answer.warnings, *upload.warnings])]
    return answer.model_copy(
        update={"query": answer.query.model_copy(update={"path": upload.shown}), "warnings": warnings}
    )


@router.get("/similar", response_model_exclude_none=True)
def similar(
    opened: Chosen, id: Id, k: Count = 10, filter: Filters = [], weight: Weights = [], track_weight: TrackWeight = None,  # noqa: B006
) -> Ranking:  # fmt: skip
    """More like an item: those whose vectors are nearest to its own, in a space with facets by the weights of these."""
    row = opened.row(id)  # an id and nothing else: no path of this machine is taken
    return find_similar(
        opened.searchable, [row], k=k, filters=filter, weights=parse_weights(weight), track_weight=track_weight
    )


@router.post("/tag", response_model_exclude_none=True)
async def tag(
    opened: Chosen, state: Shared, file: UploadFile, k: Count = 10,
    vocabulary: Annotated[str, Form(max_length=100_000, description="A word or phrase a line; by default the space's own.")] = "",
) -> Ranking:  # fmt: skip
    """The words of a vocabulary that fit a recording best."""

    def describe(upload: Upload) -> Ranking:
        words = list(dict.fromkeys(line.strip() for line in vocabulary.splitlines() if line.strip()))
        if not opened.can_tag:
            raise InputError(
                f"{opened.name}: expected an index whose space knows words and recordings; ask another one"
            )
        tagger = Tagger(opened.space, words) if words else opened.tagger
        path = state.reader.recording(upload)
        made = tagger.ranking(path, opened.space.encode("audio", [path])[0], k)
        return _shown(made.model_copy(update={"warnings": tagger.warnings}), upload)

    return await state.with_upload(file, describe)


@router.post("/identify", response_model_exclude_none=True)
async def identify(
    opened: Chosen, state: Shared, file: UploadFile, k: Count = 5, filter: Filters = [], modality: Modality = None  # noqa: B006
) -> Ranking:  # fmt: skip
    """Which score a recording is of, or which recordings are of a page or score."""

    def find(upload: Upload) -> Ranking:
        if "identify" not in opened.info.can:
            raise InputError(
                f"{opened.name}: expected an index of scores or recordings made with audio-sheet; ask another one"
            )
        asked = modality or modality_of(upload.path, ("audio", "sheet"))
        path, query = upload.path, None
        _check_held(opened, asked)
        if asked == "audio":
            path = state.reader.recording(upload)
        elif asked == "sheet":
            query = _sheet(opened, state.reader, upload)
        answer = find_score(opened.searchable, path, k=k, modality=asked, filters=filter, query=query)
        return _shown(answer, upload)

    return await state.with_upload(file, find)


def _check_held(opened: Opened, asked: str | None) -> None:
    """Before a file is read for nothing, and without a path of this machine."""
    wanted = {"audio": "sheet", "sheet": "audio"}.get(asked or "")
    if asked is not None and wanted is not None and wanted not in opened.index.items.column("modality"):
        held = KINDS[asked][1]
        raise InputError(
            f"{opened.name}: expected {KINDS[wanted][0]}, since it holds {held}, got {KINDS[asked][0]}; ask an index of {KINDS[wanted][1]}"
        )


def _sheet(opened: Opened, reader: Reader, upload: Upload) -> Asked:
    made = reader.folder / str(reader.make("strips", upload)["file"])
    try:
        return score_query(opened.space, load_strips(made).strips, upload.path)
    finally:
        made.unlink(missing_ok=True)


@router.post("/match", response_model_exclude_none=True)
async def match(opened: Chosen, state: Shared, file: UploadFile, k: Count = 5, filter: Filters = []) -> MatchView:  # noqa: B006
    """Which recording a MIDI file is of, or which MIDI file a recording; the first answer is laid along the query."""
    return await state.with_upload(file, lambda upload: match_upload(opened, state.reader, upload, k=k, filters=filter))
