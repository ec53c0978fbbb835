"""A recording or a page as a query: its vectors, what each counts, and the stretches in which it is compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossmodal.applications.score_listening import loudness
from crossmodal.applications.scores import read_score, score_vectors
from crossmodal.base.audio import blocks, duration
from crossmodal.base.errors import InputError
from crossmodal.pages.layout import SPACE, Strip
from crossmodal.space import Space
from encoders.encoder import AudioEncoder

LONGEST_SECONDS = 600.0  # of a recording that are used; of a longer one as many stretches as that makes, evenly spread
STRETCH_SECONDS = 30.0
STRETCH_VECTORS = 300  # 30 s of sound, about three systems of print
LEAST_SECONDS = 2.0
SILENCE = 1e-3  # root mean square, of full scale: -60 dB
QUIET = 10 ** (-45 / 20)  # against the loud moments of the recording: what counts as a pause
_AROUND = 0.5  # seconds over which loudness is measured
_LEAST_VECTORS = 8  # of a page: 64 columns


@dataclass(frozen=True)
class Query:
    """vectors (t, d); positions (t,), in seconds or columns; weights (t,): 0 where nothing sounds, otherwise 1; starts: first vector of
    each run without a gap, and the number of vectors.
    """

    modality: str
    vectors: NDArray[np.float32]
    positions: NDArray[np.float64]
    weights: NDArray[np.float32]
    starts: tuple[int, ...]

    def excerpts(self, step: int, most: int) -> NDArray[np.int64]:
        """Rows of every step-th vector that sounds, evenly thinned to at most so many."""
        rows = np.arange(0, len(self.vectors), step)
        rows = rows[self.weights[rows] > 0]
        if not len(rows):
            rows = np.flatnonzero(self.weights)
        return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).round().astype(int)]

    def stretches(self, most: int) -> list[slice]:
        """Pieces of about `STRETCH_VECTORS`, within the runs, evenly thinned to at most so many; without those in which little sounds."""
        pieces: list[slice] = []
        for first, end in zip(self.starts[:-1], self.starts[1:], strict=True):
            borders = np.linspace(first, end, max(1, round((end - first) / STRETCH_VECTORS)) + 1).astype(int)
            pieces += [slice(a, b) for a, b in zip(borders[:-1].tolist(), borders[1:].tolist(), strict=True)]
        sounding = np.array([float(self.weights[piece].sum()) for piece in pieces])
        enough = np.flatnonzero(sounding >= 0.25 * sounding.max())
        if len(enough) > most:
            enough = enough[np.linspace(0, len(enough) - 1, most).round().astype(int)]
        return [pieces[row] for row in enough]


def read_query(space: Space, path: Path, modality: str) -> Query:
    """A recording ("audio") or a score or page ("sheet"). Raises InputError for silence, and for what is too short or no music."""
    return _recording(space, path) if modality == "audio" else score_query(space, read_score(path).strips, path)


def score_query(space: Space, strips: Sequence[Strip], path: Path) -> Query:
    """A score that was read already. path: as messages name it. Raises InputError for what is too short."""
    made = score_vectors(space, strips)
    if len(made.vectors) < _LEAST_VECTORS:
        spaces = len(made.vectors) * made.hop / SPACE
        raise InputError(
            f"{path}: expected at least a bar or two of music, got {spaces:.0f} staff spaces; show more of the page"
        )
    count = len(made.vectors)
    return Query("sheet", made.vectors, made.columns, np.ones(count, np.float32), (0, count))


def _recording(space: Space, path: Path) -> Query:
    encoder = space.encoder("audio")
    assert isinstance(encoder, AudioEncoder)
    length = duration(path)
    if length < LEAST_SECONDS:
        raise InputError(f"{path}: too short: expected at least {LEAST_SECONDS:g} s of music, got {length:.1f} s")
    vectors, positions, levels, starts = [], [], [], [0]
    for begin, samples in _runs(path, encoder.sample_rate, length):
        sequence = space.sequence("audio", samples)
        inside = sequence.positions.numpy() < len(samples) / encoder.sample_rate
        seconds = sequence.positions.numpy()[inside].astype(np.float64)
        vectors.append(sequence.vectors.numpy()[inside])
        positions.append(seconds + begin)
        levels.append(loudness(samples, seconds, encoder.sample_rate, around=_AROUND))
        starts.append(starts[-1] + len(seconds))
    level = np.concatenate(levels) if levels else np.zeros(1)
    if level.max() < SILENCE:
        raise InputError(f"{path}: silent: expected music, got nothing above -60 dB; turn it up or record it again")
    weights = (level >= max(SILENCE, QUIET * float(np.quantile(level, 0.95)))).astype(np.float32)
    heard = float(weights.sum()) * length / max(1, len(weights))
    if weights.sum() * _hop(positions) < LEAST_SECONDS:
        raise InputError(
            f"{path}: too short: expected at least {LEAST_SECONDS:g} s in which something sounds, got {heard:.1f} s"
        )
    return Query("audio", np.concatenate(vectors), np.concatenate(positions), weights, tuple(starts))


def _hop(positions: list[NDArray[np.float64]]) -> float:
    """Seconds between the vectors of a run."""
    return float(max((np.median(np.diff(run)) for run in positions if len(run) > 1), default=0.0))


def _runs(path: Path, rate: int, length: float) -> Iterator[tuple[float, NDArray[np.float32]]]:
    """(start in seconds, samples) of the parts of a recording that are used: all of it, or stretches spread evenly over it."""
    if length <= LONGEST_SECONDS:
        yield 0.0, np.concatenate(list(blocks(path, sample_rate=rate)))
        return
    count = max(1, round(length / STRETCH_SECONDS))
    chosen = set(np.linspace(0, count - 1, int(LONGEST_SECONDS / STRETCH_SECONDS)).round().astype(int).tolist())
    for number, block in enumerate(blocks(path, sample_rate=rate, block_seconds=STRETCH_SECONDS)):
        if number in chosen and np.abs(block).max() > 0 and len(block) >= LEAST_SECONDS * rate:
            yield number * STRETCH_SECONDS, block
