"""Recordings and MIDI music -> frames of constant-Q, 8 bits a value: what is hashed, stored and aligned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from crossmodal.base.audio import AudioInput, blocks
from crossmodal.base.errors import InputError
from encoders.constant_q import BINS, FRAME_LENGTH, HOP, SAMPLE_RATE, ConstantQ, PianoRoll
from pairs.facts import Performance
from pairs.notes import Part
from pairs.rendering import synthesize

BLOCK_SECONDS = 60.0
_BURSTING_PROGRAM, _INSTEAD = (
    78,
    79,
)  # the whistle of the sound font is no sound at our rate (see pairs.rendering): an ocarina
_MOST_EFFECTS = 120  # helicopters, gun shots: no pitch in them
Frames = NDArray[np.float32]


@lru_cache(maxsize=8)
def _transform(tuning: float) -> ConstantQ:
    return ConstantQ(tuning=tuning)


@lru_cache(maxsize=1)
def _roll() -> PianoRoll:
    return PianoRoll()


def recording_frames(item: AudioInput, *, tuning: float = 0.0) -> Frames:
    """A file, or samples at 22,050 Hz -> constant-Q frames (t, 48) in [0, 1]. Memory does not grow with the sound's length.

    tuning: semitones above 440 Hz that the recording is tuned to. InputError for what `base.audio.blocks` refuses, and for
    sound in which no frame is louder than noise far below hearing.
    """
    found = list(_blocks(item, tuning))
    frames = np.concatenate(found) if found else np.zeros((0, BINS), np.float32)
    if not frames.any():
        raise InputError("silent: expected sound between 65 and 1,000 Hz, got none")
    return frames


def _blocks(item: AudioInput, tuning: float) -> Iterator[Frames]:
    transform = _transform(round(tuning, 2))
    rest = np.zeros(0, np.float32)
    for block in blocks(item, sample_rate=SAMPLE_RATE, block_seconds=BLOCK_SECONDS):
        rest = np.concatenate([rest, block])
        count = 1 + (len(rest) - FRAME_LENGTH) // HOP
        if count > 0:
            yield _run(transform, rest[: (count - 1) * HOP + FRAME_LENGTH])
            rest = rest[count * HOP :]
    if len(rest) > FRAME_LENGTH // 2:
        yield _run(transform, np.pad(rest, (0, max(0, FRAME_LENGTH - len(rest)))))


def _run(transform: ConstantQ, samples: NDArray[np.float32]) -> Frames:
    with torch.inference_mode():
        frames: Frames = transform(torch.from_numpy(np.ascontiguousarray(samples))[None])[0].T.contiguous().numpy()
    return frames


def midi_frames(performance: Performance, *, drums: bool = False) -> Frames:
    """MIDI music in seconds -> frames (t, 48) of its synthesized sound; drums are left out unless asked for.

    InputError when the synthesizer makes no sound of it.
    """
    parts = tuple(_playable(part) for part in performance.parts if len(part) and (drums or not part.drums))
    if not parts:
        raise InputError("drums only: nothing in it has a pitch")
    return recording_frames(synthesize(replace(performance, parts=parts)))


def _playable(part: Part) -> Part:
    if part.drums or part.program not in (_BURSTING_PROGRAM, *range(_MOST_EFFECTS, 128)):
        return part
    return replace(part, program=_INSTEAD if part.program == _BURSTING_PROGRAM else 0)


def roll_frames(performance: Performance, *, roll: PianoRoll | None = None, frames: int | None = None) -> Frames:
    """The same without any sound: a piano roll on the grid of the constant-Q, frames (t, 48)."""
    parts = [part for part in performance.parts if len(part) and not part.drums]
    if not parts:
        raise InputError("drums only: nothing in it has a pitch")
    columns = (
        np.concatenate([getattr(part, key) for part in parts]) for key in ("onset", "duration", "pitch", "velocity")
    )
    found: Frames = (roll or _roll())(*columns, frames=frames).T.contiguous().numpy()
    return found
