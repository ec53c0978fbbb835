"""Moments of recordings and of MIDI files of the same music: stretches of constant-Q frames with places that correspond."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from crossmodal.base.errors import InputError
from crossmodal.base.frame_store import FrameStore, from_bytes
from pairs.midi_music import Clock
from pairs.source import Example, Item, PairSource

FRAMES_PER_SECOND = 22_050 / 1_024
CENTRE_SECONDS = 0.186485  # of frame 0; encoders.constant_q says why, a test holds the two together
LOWEST_PITCH, BINS = 36, 48
_UNHEARD = 16  # bins that another view of a recording lacks, at most
_FAINT = 0.1  # length of what is left of a frame below which it counts as silence
_SOUNDING = 0.25  # of a frame's strongest: a bin of the piano roll in which a note sounds
Frames = NDArray[np.float32]
Stored = NDArray[np.uint8]


@dataclass(frozen=True)
class FramePlaces:
    """Places in a stretch of frames. frames: (t, bins) float32, rows of unit length or zero; anchors: (k,) rows, fractional."""

    frames: Frames
    anchors: NDArray[np.float64]


class MidiAudioPairs(PairSource):
    """Several moments of a short stretch of a recording and of a MIDI file: hard negatives of one another, being the same piece.

    Items are rows of a collection of `crossmodal.applications.midi_collection`. side: "midi" (synthesized), "rolls" (without sound), or
    "both" (either, by chance); anchors: moments an example; frames: of both stretches; spacing: least frames between moments; warped: share
    of examples whose MIDI is stretched to the recording's time, as published; the others run at their own tempo, changed by up to
    `stretch` (a factor); shift: semitones by which both are transposed, at most; colour: decibels by which the recording's bins are made
    louder or softer, smoothly, at most; neighbours: the labels say which of the 48 pitches sound at the moment and at so many
    moments of `spacing` frames before and after; views: 2 gives every side a second time, at another tempo, the recording with a band of
    pitches unheard, for self-supervised learning on each side alone; whole: all stretches of a work belong together, not only the same
    moments: for a network that describes a whole track.
    """

    needs: ClassVar[str] = "warp"

    def __init__(
        self, items: Sequence[Item], *, side: str = "midi", anchors: int = 8, frames: int = 256, spacing: float = 16.0,
        warped: float = 0.3, stretch: float = 1.15, shift: int = 6, colour: float = 6.0, neighbours: int = 1, views: int = 1,
        whole: bool = False,
    ) -> None:  # fmt: skip
        if side not in ("midi", "rolls", "both"):
            raise InputError(f'side: expected "midi", "rolls" or "both", got "{side}"')
        usable = [item for item in items if "warp" in item.files and item.fields.get("recording")]
        if items and not usable:
            raise InputError('expected items with a warp and the field "recording", got none; check the catalogue')
        super().__init__(usable)
        self.side, self.anchors, self.frames, self.spacing = side, anchors, frames, spacing
        self.warped, self.stretch, self.shift, self.colour = warped, stretch, shift, colour
        self.neighbours, self.views, self.alike = neighbours, views, whole
        works = {work: number for number, work in enumerate(sorted({item.work for item in usable}))}
        self._work = [works[item.work] for item in usable]
        self._warp = lru_cache(maxsize=200_000)(read_warp)
        self._stores: dict[Path, FrameStore] = {}

    def classes(self) -> list[str]:
        """Pitches at the moments before, at and after: "-1:60", "+0:60", "+1:60"."""
        places = range(-self.neighbours, self.neighbours + 1)
        return [f"{place:+d}:{pitch}" for place in places for pitch in range(LOWEST_PITCH, LOWEST_PITCH + BINS)]

    def whole(self, index: int, *, side: str = "midi") -> tuple[Frames, Frames, Clock]:
        """All frames (t, 48) of an item's recording, and of its MIDI, and the map from the MIDI's seconds to the recording's."""
        item = self.items[index]
        recording, midi = from_bytes(self._stored(item, "recordings")), from_bytes(self._stored(item, side))
        return recording, midi, self._warp(item.files["warp"])

    def semitones(self, index: int) -> int:
        """By how many semitones the recording lies above the MIDI."""
        return int(str(self.items[index].fields.get("semitones", 0)))

    def draw(self, index: int, generator: np.random.Generator) -> Example:
        """Slots: audio, midi (with views: audio@2, midi@2), each `FramePlaces`; label; each moment is its own group."""
        side = self.side if self.side != "both" else ("midi", "rolls")[int(generator.integers(2))]
        item = self.items[index]
        recording = self._stored(item, "recordings")
        midi, rolls = self._stored(item, side), self._stored(item, "rolls")
        warp = self._warp(item.files["warp"])
        back = warp.inverse
        within = np.clip(_second_of(np.array([0, len(midi) - 1])), warp.source[0], warp.source[-1])
        inside = _frame_of(warp(within))
        low, high = max(0, int(np.ceil(inside[0]))), min(len(recording) - 1, int(inside[1]))
        if high <= low:
            low, high = 0, len(recording) - 1
        centre = float(generator.uniform(low, high))
        half = self.frames / 2
        start = centre - half + float(generator.uniform(-0.3, 0.3)) * half
        chosen = self._moments(centre, start, low, high, back, generator)
        key = int(generator.integers(-self.shift, self.shift + 1)) if self.shift else 0
        places = _frame_of(back(_second_of(chosen)))
        inputs: dict[str, object] = {}
        for view in range(self.views):
            mark = f"@{view + 1}" if view else ""
            if view:
                inputs[f"audio{mark}"] = self._heard_anew(recording, chosen, key, generator)
            else:
                inputs["audio"] = self._heard(recording, start, chosen, key, generator)
            inputs[f"midi{mark}"] = self._read(
                midi, places, chosen, start, back, key + self.semitones(index), generator
            )
        inputs["label"] = self._sounding(rolls, places, key + self.semitones(index))
        moment = (self._work[index] * 1_000_000 + np.round(chosen)).astype(np.int64) * 32 + index % 32
        group = np.full(len(chosen), self._work[index]) if self.alike else moment
        return Example(index, inputs, group=group)

    def _moments(
        self, centre: float, start: float, low: int, high: int, back: Clock, generator: np.random.Generator
    ) -> NDArray[np.float64]:
        """Frames of the recording that fit into both stretches: the centre, and others at least `spacing` from each other."""
        middle = float(_frame_of(back(_second_of(np.array([centre]))))[0])
        rows = np.arange(max(low, int(np.ceil(start))), min(high, int(start + self.frames) - 1) + 1, dtype=np.float64)
        near = np.abs(_frame_of(back(_second_of(rows))) - middle) < self.frames / 2 / self.stretch - 1
        kept = [centre]
        for row in generator.permutation(rows[near]):
            if len(kept) == self.anchors:
                break
            if min(abs(row - other) for other in kept) >= self.spacing:
                kept.append(float(row))
        missing = self.anchors - len(kept)
        return np.array([*kept, *generator.choice(kept, missing)]) if missing else np.array(kept)

    def _heard(
        self, recording: Stored, start: float, chosen: NDArray[np.float64], key: int, generator: np.random.Generator
    ) -> FramePlaces:
        first = round(start)
        frames = _coloured(_take(recording, first + np.arange(self.frames, dtype=np.float64)), self.colour, generator)
        return FramePlaces(transposed(frames, key), np.clip(chosen - first, 0, self.frames - 1))

    def _heard_anew(
        self, recording: Stored, chosen: NDArray[np.float64], key: int, generator: np.random.Generator
    ) -> FramePlaces:
        """The recording around the same moments as another might play it: at another tempo, with a band of pitches unheard."""
        places = self._stretched(recording, chosen, generator)
        frames = _coloured(places.frames, self.colour, generator)
        width = int(generator.integers(_UNHEARD + 1))
        first = int(generator.integers(frames.shape[1] - width + 1))
        frames[:, first : first + width] = 0
        length = np.linalg.norm(frames, axis=1, keepdims=True)
        frames = np.divide(frames, length, out=np.zeros_like(frames), where=length > _FAINT)
        return FramePlaces(transposed(frames, key), places.anchors)

    def _read(
        self, midi: Stored, places: NDArray[np.float64], chosen: NDArray[np.float64], start: float, back: Clock, key: int,
        generator: np.random.Generator,
    ) -> FramePlaces:  # fmt: skip
        """The MIDI's stretch around the same moments, on the recording's time or at its own, somewhat changed, tempo."""
        if generator.random() < self.warped:
            first = round(start)
            rows = _frame_of(back(_second_of(first + np.arange(self.frames, dtype=np.float64))))
            return FramePlaces(transposed(_take(midi, rows), key), np.clip(chosen - first, 0, self.frames - 1))
        read = self._stretched(midi, places, generator)
        return FramePlaces(transposed(read.frames, key), read.anchors)

    def _stretched(self, stored: Stored, places: NDArray[np.float64], generator: np.random.Generator) -> FramePlaces:
        """A stretch around some places of a file, its tempo changed by up to `stretch`."""
        rate = float(np.exp(generator.uniform(-1, 1) * np.log(self.stretch))) if self.stretch > 1 else 1.0
        middle = (places.min() + places.max()) / 2
        spare = max(0.0, self.frames * rate - (places.max() - places.min())) / 2
        begin = middle - self.frames * rate / 2 + float(generator.uniform(-0.8, 0.8)) * spare
        rows = begin + np.arange(self.frames) * rate
        return FramePlaces(_take(stored, rows), np.clip((places - begin) / rate, 0, self.frames - 1))

    def _sounding(self, rolls: Stored, places: NDArray[np.float64], key: int) -> NDArray[np.bool_]:
        offsets = np.arange(-self.neighbours, self.neighbours + 1) * self.spacing
        rows = _take(rolls, (places[:, None] + offsets).ravel())
        sounding = (rows > 0) & (rows >= _SOUNDING * rows.max(axis=1, keepdims=True))
        return transposed(sounding, key).reshape(len(places), -1)

    def _stored(self, item: Item, name: str) -> Stored:
        """An item's frames as bytes (t, 48), still on disk."""
        folder = item.files["warp"].parent.parent / "frames" / name
        if folder not in self._stores:
            self._stores[folder] = FrameStore(folder)
        store = self._stores[folder]
        return store.raw(store.number(str(item.fields["recording"]) if name == "recordings" else item.id))


def read_warp(path: Path) -> Clock:
    """Seconds of a MIDI file -> seconds of its recording, from a (2, k) array. InputError when the file is none."""
    try:
        source, target = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: expected a warp (2, k), got something else; make the collection anew") from error
    return Clock(source, target)


def transposed(frames: NDArray, semitones: int) -> NDArray:
    """Frames (t, bins) moved up by semitones; bins that come in from outside are zero."""
    moved = np.zeros_like(frames)
    if semitones == 0:
        return frames
    if abs(semitones) < frames.shape[1]:
        kept = frames.shape[1] - abs(semitones)
        moved[:, max(0, semitones) : max(0, semitones) + kept] = frames[
            :, max(0, -semitones) : max(0, -semitones) + kept
        ]
    return moved


def _take(stored: Stored, rows: NDArray[np.float64]) -> Frames:
    """Rows at fractional places (n,), by straight lines; silence beyond the ends."""
    below = np.floor(rows).astype(np.int64)
    part = (rows - below).astype(np.float32)[:, None]
    last = len(stored) - 1
    lower = np.where(((below >= 0) & (below <= last))[:, None], from_bytes(stored[np.clip(below, 0, last)]), 0)
    upper = np.where(((below >= -1) & (below < last))[:, None], from_bytes(stored[np.clip(below + 1, 0, last)]), 0)
    return np.asarray(lower * (1 - part) + upper * part, np.float32)


def _coloured(frames: Frames, decibels: float, generator: np.random.Generator) -> Frames:
    """Frames through a smooth curve over the bins, of unit length again."""
    if not decibels:
        return frames
    curve = np.interp(np.arange(frames.shape[1]), np.linspace(0, frames.shape[1] - 1, 6), generator.uniform(-1, 1, 6))
    # 40 dB are the range of the logarithm in a frame, so a decibel is about a fortieth of a loud bin.
    changed = np.maximum(frames + np.where(frames > 0, curve * decibels / 40 * frames.max(axis=1, keepdims=True), 0), 0)
    return np.asarray(changed / np.maximum(np.linalg.norm(changed, axis=1, keepdims=True), 1e-9), np.float32)


def _second_of(frame: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(frame) / FRAMES_PER_SECOND + CENTRE_SECONDS


def _frame_of(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    return (np.asarray(seconds) - CENTRE_SECONDS) * FRAMES_PER_SECOND
