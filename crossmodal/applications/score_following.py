"""Following a score while it is played: sound comes in blocks, and after each the newest moment has a place on the page.

A vector of the space describes the music on both sides of its moment, but of the newest moments only one side was heard. So what is
kept is what the moment `lag` steps ago says, whose other side is mostly known; from there the newer moments are gone through again at
every update, and the last bit at the tempo of the place. Every update does the same work. `latency_seconds`: how far the moment of the
newest vector lies behind the newest sample, and the computing.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crossmodal.alignment.online import FollowOptions, OnlineAlignment, Position
from crossmodal.applications.score_alignment import check_systems
from crossmodal.applications.score_fit import follow_confidence
from crossmodal.applications.score_listening import (
    BELOW_LOUDEST,
    SILENT_DECIBELS,
    audio_encoder,
    levels,
)
from crossmodal.applications.score_repeats import score_jumps
from crossmodal.applications.scores import Score, ScoreVectors, score_vectors
from crossmodal.base.errors import InputError
from crossmodal.base.results import FollowRow
from crossmodal.embedding import along
from crossmodal.space import Space

State = Literal["waiting", "following", "paused"]
LAG = 8  # steps (0.8 s) after which a vector does not change much any more
BEGIN_DECIBELS = -50.0  # below full scale: louder than the noise of a room, so that the music may have begun


@dataclass(frozen=True)
class Newest:
    """vectors (k, d) of the newest moments, the oldest first: `lag` + 1 of them, at the beginning fewer; the seconds at which the last of
    them stands, the second of the newest sample, and the loudness there in decibels.
    """

    vectors: NDArray[np.float32]
    seconds: float
    now: float
    decibels: float


class VectorStream:
    """Sound in blocks -> for each step of the encoder the vectors of the last `lag` + 1 steps, from the last seconds alone."""

    def __init__(self, space: Space, *, lag: int = LAG) -> None:
        self._space, self._encoder = space, audio_encoder(space)
        self.rate, self.lag = self._encoder.sample_rate, lag
        self._step, reach = self._encoder.step, self._encoder.reach
        self.hop_seconds = self._step * self._encoder.frame_hop / self.rate
        self._kept = -(-reach // self._step) * self._step + (lag + 1) * self._step
        self._rest, self._count = np.zeros(0, np.float32), 0
        self._frames: Tensor | None = None

    def feed(self, samples: NDArray[np.float32]) -> list[Newest]:
        """Samples (n,) mono at `rate` hertz, any number of them -> the vectors that they complete."""
        if samples.ndim != 1 or not np.isfinite(samples).all():
            raise InputError(f"samples: expected finite mono samples (n,), got shape {samples.shape} or not finite")
        self._rest = np.concatenate([self._rest, samples.astype(np.float32, copy=False)])
        encoder, made = self._encoder, []
        needed = (self._step - 1) * encoder.frame_hop + encoder.frame_length
        while len(self._rest) >= needed:
            with torch.inference_mode():
                fresh = encoder.frames(torch.from_numpy(self._rest[:needed].copy())[None])[0]
            self._frames = fresh if self._frames is None else torch.cat([self._frames, fresh], dim=-1)
            self._frames = self._frames[..., -self._kept :]
            self._count += self._step
            made.append(self._newest(self._rest[:needed]))
            self._rest = self._rest[self._step * encoder.frame_hop :]
        return made

    def _newest(self, samples: NDArray[np.float32]) -> Newest:
        assert self._frames is not None
        encoder, tower = self._encoder, self._space.embedding.tower("audio")
        vectors = along(tower, self._frames)[-1 - self.lag :]
        frame = self._count - (self._step + 1) / 2
        seconds = (frame * encoder.frame_hop + encoder.frame_length / 2) / self.rate
        now = ((self._count - 1) * encoder.frame_hop + encoder.frame_length) / self.rate
        decibels = float(levels(samples, self.rate, np.array([len(samples) / 2 / self.rate]))[0])
        return Newest(vectors.numpy(), seconds, now, decibels)


class ScoreFollower:
    """Follows one performance through a score.

    `feed` takes what was heard since; nothing is said before the music begins ("waiting"), the place stands still while it is silent
    ("paused"), and after a jump or a pause it is found again within seconds. `rate`: hertz of the samples.
    """

    def __init__(
        self, space: Space, score: Score, *, vectors: ScoreVectors | None = None, lag: int = LAG,
        options: FollowOptions | None = None,
    ) -> None:  # fmt: skip
        check_systems(score)
        self.score, self._stream = score, VectorStream(space, lag=lag)
        self.vectors = vectors or score_vectors(space, score.strips)
        jumps = [item.jump for item in score_jumps(score, self.vectors)]
        self._online = OnlineAlignment(self.vectors.vectors, jumps=jumps, options=options)
        self._loudest = -np.inf
        self._heard: deque[float] = deque(maxlen=lag + 1)
        self.state: State = "waiting"
        self._column = 0.0

    @property
    def rate(self) -> int:
        """Hertz of the samples that `feed` takes."""
        return self._stream.rate

    def feed(self, samples: NDArray[np.float32]) -> list[FollowRow]:
        """Samples (n,), mono in [-1, 1] at `rate` hertz -> an update for each tenth of a second that they complete."""
        began = time.perf_counter()
        rows = []
        for newest in self._stream.feed(samples):
            row = self._update(newest, began)
            if row is not None:
                rows.append(row)
            began = time.perf_counter()
        return rows

    def _update(self, newest: Newest, began: float) -> FollowRow | None:
        self._loudest = max(self._loudest, newest.decibels)
        heard = newest.decibels > max(SILENT_DECIBELS, self._loudest - BELOW_LOUDEST)
        if self.state == "waiting" and newest.decibels < BEGIN_DECIBELS:
            self._heard.append(0.0)
            return None
        self.state = "following" if heard else "paused"
        self._heard.append(float(heard))
        found = self._place(newest)
        if heard:
            self._column = found.column + found.speed * (newest.now - newest.seconds) / self._stream.hop_seconds
        rows = np.arange(len(self.vectors.columns))
        place = self.score.place(float(np.interp(self._column, rows, self.vectors.columns)))
        confidence = follow_confidence(found.confidence, found.similarity)
        latency = newest.now - newest.seconds + time.perf_counter() - began
        return FollowRow(
            audio_seconds=round(newest.now, 3), page=place.page, system=place.system, x=round(place.x, 1), y=round(place.y, 1),
            measure=place.measure, beat=None if place.beat is None else round(place.beat, 3),
            confidence=round(confidence, 4), latency_seconds=round(latency, 4),
        )  # fmt: skip

    def _place(self, newest: Newest) -> Position:
        """Where the newest moment is; the oldest of the moments is kept, when enough was heard after it."""
        vectors, weights = newest.vectors, np.array(self._heard)
        if len(vectors) > self._stream.lag:
            self._online.update(vectors[0], weight=weights[0])
            vectors, weights = vectors[1:], weights[1:]
        return self._online.ahead(vectors, weights=weights)
