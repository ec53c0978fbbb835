"""Pairs that judge audio-sheet: moments of a human performance and where the same notes stand on the engraved page.

Protocol: pieces of one half, those first that are written as they are played (one to one), one performance each, moments within the first
minutes; as many moments of each piece as can be (no moment of a piece twice), drawn by a seed; each is an onset that the score's MIDI
and the engraving both have. A pair is the snippet centred on the noteheads and the sound centred on the performed onset.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from crossmodal.base.errors import InputError
from crossmodal.base.results import Skipped
from pairs.engraving import Engraving
from pairs.nasap import Half, NasapPiece, Performance
from pairs.written_time import WrittenTime, plainly_written

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
PIECES = 28
PAIRS = 2000
MOST_SECONDS = 180.0


@dataclass(frozen=True)
class OnsetPairs:
    """Moments (n,) of one performance in rising order: seconds of the performance; page, system, x in page pixels of the heads; quarters
    of the score's MIDI.
    """

    seconds: Floats
    page: Ints
    system: Ints
    x: Floats
    quarters: Floats

    def __len__(self) -> int:
        return len(self.seconds)

    def select(self, rows: Ints | NDArray[np.bool_]) -> OnsetPairs:
        """The moments of rows or of a mask."""
        return OnsetPairs(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def judging_pieces(pieces: Sequence[NasapPiece], half: Half, *, seed: int = 0) -> list[NasapPiece]:
    """The pieces of a half in the order in which they are taken for judging: by a hash of seed and name, those with a score that is written
    as it is played first. Take the first `PIECES` whose engraving agrees with the performed score (`WrittenTime.one_to_one`).
    """
    own = [piece for piece in pieces if piece.half == half]
    return sorted(own, key=lambda piece: (chosen_performance(piece, seed=seed)[1], _digest(f"{seed}:{piece.id}")))


def chosen_performance(piece: NasapPiece, *, seed: int = 0) -> tuple[Performance, bool]:
    """The one performance of a piece that judges, by a hash, and whether its score has repeats; one without repeats where there is one."""
    folds = {score.folder: not plainly_written(score.text()) for score in piece.scores}
    ordered = sorted(piece.performances, key=lambda p: (folds[p.score.folder], _digest(f"{seed}:{piece.id}:{p.name}")))
    if not ordered:
        raise InputError(f"{piece.id}: expected a piece with a performance, got one without; leave it out")
    return ordered[0], folds[ordered[0].score.folder]


def onset_pairs(performance: Performance, written: WrittenTime, *, most_seconds: float = MOST_SECONDS) -> OnsetPairs:
    """All moments of a performance's first `most_seconds` (from its first beat on) whose notes stand on the engraved pages.

    A written moment that is played again counts once, the first time. written: of the performance's own score.
    """
    quarters, _, places = written.chords()
    seconds = performance.performed_time(quarters)
    spot = np.stack([places.page, places.system, np.round(places.x).astype(np.int64)], axis=1)
    first = np.zeros(len(spot), dtype=bool)
    first[np.unique(spot, axis=0, return_index=True)[1]] = True
    inside = np.isfinite(seconds) & (seconds <= performance.seconds[0] + most_seconds)
    found = OnsetPairs(seconds, places.page, places.system, places.x, quarters)
    return found.select(first & inside)


@dataclass(frozen=True)
class Judged:
    """A piece that judges: one performance of it, the engraving of the score that was played, and the moments that both have."""

    piece: NasapPiece
    performance: Performance
    engraving: Engraving
    written: WrittenTime
    pairs: OnsetPairs


def judged(
    pieces: Sequence[NasapPiece], half: Half, *, engrave: Callable[[str], Engraving], seed: int = 0,
    most_seconds: float = MOST_SECONDS, skipped: list[Skipped] | None = None,
) -> Iterator[Judged]:  # fmt: skip
    """The pieces of a half that can judge, in the order of `judging_pieces`: take as many as are wanted (`itertools.islice`).

    engrave: MusicXML -> pages, as `Engraver().engrave` (or a call into a worker process, which a broken score may end). skipped receives
    the pieces that are left out, with the reason: not engraved, repeats, or another version of the piece than was played.
    """
    for piece in judging_pieces(pieces, half, seed=seed):
        performance, _ = chosen_performance(piece, seed=seed)
        try:
            engraving = engrave(performance.score.text())
            written = WrittenTime(engraving, performance.score)
            if not written.one_to_one:
                raise InputError(
                    f"expected pages that are played once, as written; {written.agreement:.0%} of the chords agree"
                )
            found = onset_pairs(performance, written, most_seconds=most_seconds)
        except InputError as error:
            if skipped is not None:
                skipped.append(Skipped(path=piece.id, reason=str(error)))
            continue
        yield Judged(piece, performance, engraving, written, found)


def draw_pairs(available: Sequence[int], *, total: int = PAIRS, seed: int = 0) -> list[Ints]:
    """Moments that each piece has (p,) -> for each piece the rows drawn, rising; `total` in all, as evenly as the pieces allow.

    InputError where there are fewer moments than asked for.
    """
    if sum(available) < total:
        raise InputError(
            f"expected at least {total} moments, got {sum(available)}; take more pieces or a smaller total"
        )
    shares = np.zeros(len(available), np.int64)
    while shares.sum() < total:  # what a short piece cannot give, the others do
        open_pieces = np.flatnonzero(shares < np.asarray(available))
        each = max((total - int(shares.sum())) // len(open_pieces), 1)
        for piece in open_pieces.tolist():
            shares[piece] += min(each, available[piece] - shares[piece], total - shares.sum())
    generators = (np.random.default_rng([seed, piece]) for piece in range(len(available)))
    return [
        np.sort(generator.choice(count, size=share, replace=False))
        for generator, count, share in zip(generators, available, shares.tolist(), strict=True)
    ]


def mechanical_pairs(performance: Performance, pairs: OnsetPairs) -> OnsetPairs:
    """The same moments as a rendering of the score's own MIDI (`performance.score.midi`) sounds them, in even time."""
    return replace(pairs, seconds=performance.score.mechanical_time(pairs.quarters))


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
