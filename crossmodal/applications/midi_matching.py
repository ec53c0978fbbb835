"""Which recording is this MIDI file of, or which MIDI file is of this recording? A cascade over an index of hash sequences.

All tracks by their pruning vectors, the nearest of them by warping hash sequences, the last few by exact alignment, and a calibrated
confidence (Raffel 2016). What is aligned exactly is the values behind the hashes: constant-Q itself, as published, finds the
right one of a few candidates less often, and serves to lay the answer along its query. The query is tried in twelve
keys, and its hashes at three tempos.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossmodal.alignment.comparison import compare
from crossmodal.alignment.hashing.search import search
from crossmodal.applications.collection import SearchableIndex
from crossmodal.applications.hash_sequences import centred, hash_hop, hash_positions, hashed
from crossmodal.applications.midi_alignment import refined
from crossmodal.applications.midi_cuts import LEAST_ALIGNED, Cuts, load_cuts
from crossmodal.applications.midi_query import KEYS, TEMPOS, Candidate, Frames, Hit, Query, moved
from crossmodal.applications.midi_warping import Grid, clock_of, offset_of
from crossmodal.applications.track_frames import KINDS, kind_of, read_frames
from crossmodal.applications.track_indexing import MODALITIES, PRUNING, TrackEncoder, makes_hashes
from crossmodal.applications.track_store import TrackStore
from crossmodal.base.errors import InputError
from crossmodal.base.frame_store import from_bytes
from crossmodal.base.results import Query as Asked
from crossmodal.base.results import Ranking, Result
from crossmodal.calibration import FILE as CALIBRATION_FILE
from crossmodal.calibration import Calibration, load_calibration
from crossmodal.retrieval.filters import parse_filter, select
from encoders.constant_q import CENTRE_SECONDS
from pairs.midi_music import Clock

CALIBRATION = Calibration(features=("similarity", "margin"), weights=(12.0, 30.0), bias=-9.0)
GULLY, PENALTY = 0.96, 0.4  # of the alignment of values
KNOT, WINDOW = 2, 3  # steps of 371 ms, of the clock that is made of it
_BLOCK = 65_536  # vectors that are compared at once
_LARGEST = 1 << 22  # cells that are aligned at once; longer music is aligned coarsely first
Keys = Sequence[int]


class Matcher:
    """An opened index of recordings or MIDI files with all that matching needs. `warnings`: what it has to do without, for people."""

    def __init__(self, opened: SearchableIndex) -> None:
        index, space = opened.index, opened.space
        if not makes_hashes(space):
            raise InputError(
                f"{index.folder}: expected an index made with midi-audio, got one of the space {space.name}; "
                "make one with 'crossmodal index midi-audio'"
            )
        if not len(index.items):
            raise InputError(f"{index.folder}: expected an index with items, got an empty one; index some files")
        self.index, self.space = index, space
        self.kinds = np.array([str(kind) for kind in index.items.column("modality")])
        self.store = TrackStore(index.folder)
        self._tracks = self.store.numbers([str(name) for name in index.items.column("sha256")])
        self.encoder = TrackEncoder.of(space)
        self.prunes = (
            self.encoder.pruning is not None and dict(index.header.preprocessing) == self.encoder.preprocessing
        )
        cuts = load_cuts(space.location)
        self.cuts = cuts or Cuts()
        self.calibration = load_calibration(space.location, "match", CALIBRATION)
        self.warnings = self._lacks(cuts)

    @classmethod
    def of(cls, index: Matcher | SearchableIndex | str | Path, *, device: str | None = None) -> Matcher:
        """From an index that is opened already, or its folder."""
        if isinstance(index, Matcher):
            return index
        return cls(index if isinstance(index, SearchableIndex) else SearchableIndex.open(Path(index), device=device))

    def _lacks(self, cuts: Cuts | None) -> list[str]:
        said = []
        if not self.prunes:
            known = str(self.index.header.preprocessing.get(PRUNING, "none"))
            named = (
                f"its pruning vectors are of {known}"
                if self.encoder.pruning is not None
                else "no pruning space was found"
            )
            said.append(f"{self.space.reference}: {named}: every track is compared by its hashes, which takes longer")
        if cuts is None:
            said.append(
                f"{self.space.reference}: no cuts were measured (cascade.json): pruning leaves nothing out, and the "
                f"{LEAST_ALIGNED} nearest by hashes are aligned exactly"
            )
        if not (Path(self.space.location) / CALIBRATION_FILE).is_file() or not self.calibration.examples:
            said.append(f"{self.space.reference}: not calibrated for matching: confidences are rough guesses")
        return said

    def answers_to(self, kind: str) -> NDArray[np.bool_]:
        """(items,) which may be the answer to a query of a kind: those of the other one."""
        return np.asarray(self.kinds == MODALITIES[1 - MODALITIES.index(kind)])

    def asked_with(self) -> list[str]:
        """The kinds of query that this index has answers to."""
        return [kind for kind in MODALITIES if self.answers_to(kind).any()]

    def read(self, file: Path, kind: str) -> Query:
        """A file to be looked up. InputError with the reason why it cannot be read."""
        return Query(kind, from_bytes(read_frames(file, kind, rolls=self.encoder.rolls).frames))

    def prune(self, query: Query, keys: Keys, rows: NDArray[np.int64]) -> Frames:
        """Squared Euclidean distances (keys, n) of the pruning vectors of some rows to those of the query in some keys."""
        asked = np.stack([query.vector(self.encoder, key) for key in keys])
        found = np.empty((len(keys), len(rows)), np.float32)
        for start in range(0, len(rows), _BLOCK):
            part = np.asarray(self.index.vectors[rows[start : start + _BLOCK]], np.float32)
            found[:, start : start + _BLOCK] = np.einsum("nd,nd->n", part, part) - 2 * asked @ part.T
        return np.asarray(found + np.einsum("kd,kd->k", asked, asked)[:, None], np.float32)

    def pruned(self, query: Query, rows: NDArray[np.int64], keys: Keys, kept: int) -> dict[int, NDArray[np.int64]]:
        """Rows that are worth comparing in each key, `kept` a key on average: the pairs of row and key that are nearest."""
        if not self.prunes or kept >= len(rows):
            return dict.fromkeys(keys, rows)
        distances = self.prune(query, keys, rows)
        limit = np.partition(distances, kept * len(keys) - 1, axis=None)[kept * len(keys) - 1]
        return {shift: rows[row <= limit] for shift, row in zip(keys, distances, strict=True)}

    def by_hashes(
        self, query: Query, allowed: NDArray[np.bool_], *, keys: Keys = KEYS, top: int | None = None,
        after_pruning: int | None = None, threads: int | None = 1,
    ) -> list[Hit]:  # fmt: skip
        """The nearest different contents by their hashes, each in its best key and tempo, best first."""
        rows = _first_of_each(self._tracks, allowed)
        row_of = dict(zip(self._tracks[rows].tolist(), rows.tolist(), strict=True))
        kept = after_pruning or self.cuts.after_pruning(len(rows))
        top = top or self.cuts.after_hashing(len(rows))
        compared = self.pruned(query, rows, keys, kept)
        best: dict[int, tuple[int, int, Hit]] = {}
        worst = None  # cost and length of the last that is in so far: what is above need not be worked out
        for shift, tempo in product(keys, TEMPOS):
            chosen = compared[shift]
            if not len(chosen):
                continue
            found = search(
                hashed(query.values(self.encoder, shift, tempo=tempo)), self.store.collection, rule=self.cuts.rule,
                top=min(top, len(chosen)), candidates=self._tracks[chosen], worst=worst, threads=threads,
            )  # fmt: skip
            for track, score, *path in zip(
                *(a.tolist() for a in (found.indices, found.scores, found.costs, found.lengths)), strict=True
            ):
                made = (*path, Hit(row_of[track], shift, tempo, score))
                best[track] = min(best.get(track, made), made, key=lambda one: (one[2].score, abs(one[2].shift)))
            if len(best) >= top:
                cost, length, _ = heapq.nsmallest(top, best.values(), key=lambda one: one[2].score)[-1]
                worst = cost, length
        ordered = sorted(best.items(), key=lambda entry: (entry[1][2].score, entry[0]))
        return [hit for _, (_, _, hit) in ordered][:top]

    def align(self, query: Query, row: int, shift: int, tempo: float = 1.0) -> Candidate:
        """The alignment with an item in a key and at a tempo, by the values behind the hashes."""
        targets = centred(self.store.values(self._name(row)))
        asked = centred(query.values(self.encoder, shift, tempo=tempo))
        found = compare(asked, targets, gully=GULLY, penalty=PENALTY, largest=_LARGEST)
        return Candidate(row, shift, tempo, found)

    def rank(self, query: Query, allowed: NDArray[np.bool_], *, keys: Keys = KEYS) -> list[Candidate]:
        """The whole cascade: the candidates that were aligned, best first."""
        found = [self.align(query, hit.row, hit.shift, hit.tempo) for hit in self.by_hashes(query, allowed, keys=keys)]
        return sorted(found, key=lambda candidate: (-candidate.similarity, candidate.row))

    def measure(self, query: Query, candidates: Sequence[Candidate]) -> NDArray[np.float64]:
        """What the confidences are made of, (n, 2): similarity, and margin, how far it lies above the best other candidate's (of a lone
        one: above its own against the query backwards).
        """
        rows = []
        for candidate in candidates:
            others = [c.similarity for c in candidates if c.row != candidate.row]
            if not others:
                backwards = Query(query.kind, query.frames[::-1])
                others = [self.align(backwards, candidate.row, candidate.shift, candidate.tempo).similarity]
            rows.append((candidate.similarity, candidate.similarity - max(others)))
        return np.array(rows, np.float64).reshape(-1, 2)

    def clock(self, query: Query, candidate: Candidate) -> Clock:
        """Seconds of the MIDI -> seconds of the recording, exactly."""
        midi_asks = query.kind == "midi"
        grid = Grid(hash_hop(self.space, "audio"), float(hash_positions(self.space, "audio", 1)[0]), KNOT, WINDOW)
        stretched = clock_of(candidate.comparison.path, grid, midi_rows=midi_asks)
        asked, found = moved(query.frames, candidate.shift), self.store.frames(self._name(candidate.row))
        if midi_asks:
            return refined(Clock(_as_it_was(stretched.source, candidate), stretched.target), asked, found)
        return refined(Clock(stretched.source, _as_it_was(stretched.target, candidate)), found, asked)

    def _name(self, row: int) -> str:
        """What the stores call an item."""
        return self.store.name(int(self._tracks[row]))

    def seconds(self, row: int) -> float:
        """How long an item lasts."""
        return float(self.index.items[row].duration or 0.0)


def _as_it_was(seconds: NDArray[np.float64], candidate: Candidate) -> NDArray[np.float64]:
    """Seconds of a query that was made longer -> seconds of the query."""
    return (seconds - CENTRE_SECONDS) / candidate.tempo + CENTRE_SECONDS


def _first_of_each(tracks: NDArray[np.int64], allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Rows of the first allowed item of each content."""
    rows = np.flatnonzero(allowed)
    _, places = np.unique(tracks[rows], return_index=True)
    return np.asarray(rows[np.sort(places)])


def match(
    index: Matcher | SearchableIndex | str | Path, file: str | Path, *, k: int = 5, keys: Keys = KEYS, filters: Sequence[str] = ()
) -> Ranking:  # fmt: skip
    """The k recordings of an index that a MIDI file is most likely of, or the MIDI files that are of a recording.

    index: opened, or its folder; keys: semitones by which the query may be moved; filters: "column=value". `abstained`: the best
    confidence is below the threshold of the space's calibration. detail: offset_seconds, from the recording's zero to the MIDI's, and
    transposition_semitones, by which the MIDI has to be moved to be in the recording's key.

    Raises InputError for a file that is no MIDI and no recording, silent, too short, corrupt, or of the kind that the index holds.
    """
    matcher = Matcher.of(index)
    return answer(matcher, Path(file), k=k, keys=keys, filters=filters).ranking


@dataclass(frozen=True)
class Answer:
    """ranking: what is told; query, best: what the warped MIDI of the first answer is made of (best None where there is none)."""

    ranking: Ranking
    query: Query
    best: Candidate | None


def answer(
    matcher: Matcher, file: Path, *, k: int = 5, keys: Keys = KEYS, filters: Sequence[str] = (), query: Query | None = None
) -> Answer:  # fmt: skip
    """As `match`, with what was found on the way. query: the file, where it was read already."""
    if k < 1:
        raise InputError(f"k: expected at least 1, got {k}")
    kind = query_kind(matcher, file)
    allowed = matcher.answers_to(kind) & select(matcher.index.items, [parse_filter(text) for text in filters])
    query = matcher.read(file, kind) if query is None else query
    ranking = Ranking(
        query=Asked(modality=kind, path=str(file)), space=matcher.space.reference, warnings=matcher.warnings
    )
    if not allowed.any():  # the filters leave nothing
        return Answer(ranking.model_copy(update={"abstained": True}), query, None)
    candidates = matcher.rank(query, allowed, keys=keys)
    confidences = matcher.calibration.confidence(matcher.measure(query, candidates)).tolist()
    results = [
        _result(matcher, query, number, candidate, confidence)
        for number, (candidate, confidence) in enumerate(zip(candidates[:k], confidences, strict=False), 1)
    ]
    abstained = float(confidences[0]) < matcher.calibration.threshold
    return Answer(ranking.model_copy(update={"results": results, "abstained": abstained}), query, candidates[0])


def query_kind(matcher: Matcher, file: Path) -> str:
    """ "audio" or "midi". InputError for what is neither, is not there, or has no answer in the index."""
    if not file.exists():
        raise InputError(f"{file}: expected a MIDI file or a recording, found nothing; check the path")
    kind = kind_of(file)
    if kind is None:
        raise InputError(f'{file}: expected a MIDI file or a recording, got "{file.suffix}"; convert it first')
    if not matcher.answers_to(kind).any():
        other = MODALITIES[1 - MODALITIES.index(kind)]
        raise InputError(
            f"{file}: expected {KINDS[other][0]}, since {matcher.index.folder} holds {KINDS[kind][1]}, got {KINDS[kind][0]}; "
            f"look it up in an index of {KINDS[other][1]}"
        )
    return kind


def _result(matcher: Matcher, query: Query, number: int, candidate: Candidate, confidence: float) -> Result:
    item = matcher.index.items[candidate.row]
    semitones = candidate.shift if query.kind == "midi" else -candidate.shift
    same = np.flatnonzero(matcher.index.contents == matcher.index.contents[candidate.row])
    copies = [matcher.index.items[int(row)].path for row in same if row != candidate.row]
    offset = round(offset_of(matcher.clock(query, candidate)), 3)
    detail: dict[str, object] = {"offset_seconds": offset, "transposition_semitones": semitones}
    if copies:
        detail["copies"] = copies
    return Result.model_validate({
        "rank": number, "id": item.id, "path": item.path, "similarity": round(candidate.similarity, 6),
        "confidence": round(confidence, 4), "detail": detail,
    })  # fmt: skip
