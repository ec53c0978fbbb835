"""The answer of `match` with the first answer laid along the query: a piano roll over constant-Q."""

from __future__ import annotations

import base64

import numpy as np
from numpy.typing import NDArray

from crossmodal.applications.midi_matching import Answer, Matcher, answer, query_kind
from crossmodal.applications.midi_query import Query
from crossmodal.base.errors import InputError
from crossmodal.base.frame_store import from_bytes, to_bytes
from crossmodal.server.files import checked_path
from crossmodal.server.library import Opened
from crossmodal.server.models import MatchView, Roll
from crossmodal.server.reading import Reader, Upload
from encoders.constant_q import CENTRE_SECONDS, FRAMES_PER_SECOND, LOWEST_PITCH

_MOST_NOTES = 20_000
_MOST_FRAMES = 13_000  # ten minutes


def match_upload(opened: Opened, reader: Reader, upload: Upload, *, k: int, filters: list[str]) -> MatchView:
    """Looks an uploaded MIDI file or recording up. Raises InputError as `match` does."""
    matcher = opened.matcher
    try:
        kind = query_kind(matcher, upload.path)
    except InputError as error:  # named as the server's index, without its place
        raise InputError(str(error).replace(str(opened.index.folder), opened.name)) from None
    made = reader.make("frames", upload, kind=kind, rolls=matcher.encoder.rolls)
    query = Query(kind, from_bytes(np.load(reader.folder / str(made["file"]), allow_pickle=False)))
    found = answer(matcher, upload.path, k=k, filters=filters, query=query)
    asked = found.ranking.query.model_copy(update={"path": upload.shown})
    told = [upload.told(text) for text in (*found.ranking.warnings, *upload.warnings)]
    ranking = found.ranking.model_copy(update={"query": asked, "warnings": told})
    return MatchView(ranking=ranking, roll=_roll(opened, matcher, reader, upload, found))


def _roll(opened: Opened, matcher: Matcher, reader: Reader, upload: Upload, found: Answer) -> Roll | None:
    """None where nothing was found, or the MIDI file of the index cannot be read any more."""
    best, query = found.best, found.query
    if best is None:
        return None
    item = opened.index.items[best.row]
    if query.kind == "midi":
        notes = np.load(upload.folder / "made-frames-notes.npy", allow_pickle=False)
        heard, semitones = matcher.store.frames(item.sha256), best.shift
    else:
        made = reader.kept("frames", item.sha256, checked_path(item), kind="midi", rolls=matcher.encoder.rolls)
        notes = np.load(reader.folder / f"{made['name']}-notes.npy", allow_pickle=False)
        heard, semitones = query.frames, -best.shift
    clock = matcher.clock(query, best)
    onset, end = clock(notes[0]), clock(notes[1])
    length = len(heard) / FRAMES_PER_SECOND
    inside = np.flatnonzero((end > 0) & (onset < length))[:_MOST_NOTES]
    return Roll(
        id=item.id, seconds=round(length, 3), transposition_semitones=semitones, bins=heard.shape[1],
        notes=[
            (round(float(onset[n]), 3), round(float(end[n]), 3), int(notes[2, n]) + semitones) for n in inside
        ],
        frames=_encoded(heard), frames_per_second=FRAMES_PER_SECOND, first_seconds=CENTRE_SECONDS, pitch=LOWEST_PITCH,
    )  # fmt: skip


def _encoded(frames: NDArray[np.float32]) -> str:
    return base64.b64encode(to_bytes(frames[:_MOST_FRAMES]).tobytes()).decode("ascii")
