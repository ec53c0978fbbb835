"""Notes of a score or a performance, as arrays: the one form that facts, arrangements and melody groups are read from.

Times are in quarter notes (`beats` of the MIDI grid) so that a tempo can be chosen later; velocities are 1 to 127.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossmodal.base.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """One line of notes, sorted by onset then pitch: onset, duration (n,) in quarters; pitch, velocity (n,) MIDI numbers."""

    name: str
    onset: Floats
    duration: Floats
    pitch: Ints
    velocity: Ints
    program: int = 0
    drums: bool = False

    def __len__(self) -> int:
        return len(self.onset)

    @property
    def offset(self) -> Floats:
        """Ends of the notes (n,), quarters."""
        return self.onset + self.duration

    def select(self, mask: NDArray[np.bool_]) -> Part:
        """The notes where mask (n,) holds."""
        return replace(
            self, onset=self.onset[mask], duration=self.duration[mask], pitch=self.pitch[mask],
            velocity=self.velocity[mask],
        )  # fmt: skip


@dataclass(frozen=True)
class Notes:
    """A piece: its parts without empty ones; metre (numerator, denominator) of its start, None when unmetred; qpm: quarters a minute."""

    parts: tuple[Part, ...]
    metre: tuple[int, int] | None = None
    qpm: float = 120.0
    key_fifths: int | None = None

    @property
    def end(self) -> float:
        """Quarters from zero to the end of the last note; 0.0 when empty."""
        return max((float(part.offset.max()) for part in self.parts if len(part)), default=0.0)

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts)

    @property
    def pitched(self) -> tuple[Part, ...]:
        """Parts that are no percussion."""
        return tuple(part for part in self.parts if not part.drums and len(part))

    def joined(self) -> tuple[Floats, Floats, Ints]:
        """Onset, duration, pitch (n,) of all pitched notes, sorted by onset."""
        if not self.pitched:
            return np.zeros(0), np.zeros(0), np.zeros(0, np.int64)
        onset = np.concatenate([part.onset for part in self.pitched])
        duration = np.concatenate([part.duration for part in self.pitched])
        pitch = np.concatenate([part.pitch for part in self.pitched])
        order = np.lexsort((pitch, onset))
        return onset[order], duration[order], pitch[order]

    def clip(self, start: float, end: float) -> Notes:
        """The notes that begin in [start, end) quarters, moved to begin at 0 and cut at the end."""
        parts = []
        for part in self.parts:
            kept = part.select((part.onset >= start - 1e-6) & (part.onset < end - 1e-6))
            duration = np.minimum(kept.duration, end - kept.onset)
            parts.append(replace(kept, onset=np.maximum(kept.onset - start, 0.0), duration=duration))
        return replace(self, parts=tuple(part for part in parts if len(part)))


def read_midi(source: bytes | Path) -> Notes:
    """MIDI bytes or file -> Notes, with notes under the sustain pedal lengthened. InputError with the reason when unreadable."""
    from symusic import Score  # a compiled module that `import pairs` does not need

    try:
        data = source.read_bytes() if isinstance(source, Path) else source
        score = Score.from_midi(data)
    except (OSError, RuntimeError, ValueError) as error:
        name = str(source) if isinstance(source, Path) else "MIDI data"
        raise InputError(f"{name}: expected a MIDI file, got something unreadable ({error})") from error
    ticks = float(score.ticks_per_quarter or 480)
    parts = [_part(track, ticks) for track in score.tracks if len(track.notes)]
    metres = score.time_signatures
    keys = score.key_signatures
    tempo = float(score.tempos[0].qpm) if len(score.tempos) else 120.0
    return Notes(
        parts=tuple(parts),
        metre=metre_of(int(metres[0].numerator), int(metres[0].denominator)) if len(metres) else None,
        qpm=tempo,
        key_fifths=int(keys[0].key) if len(keys) else None,
    )


def metre_of(numerator: int, denominator: int) -> tuple[int, int] | None:
    """A metre, or None where a file gives one that cannot be (0/4 for unmetred tunes)."""
    return (numerator, denominator) if 0 < numerator <= 64 and 0 < denominator <= 64 else None


def _part(track: object, ticks: float) -> Part:
    table = track.notes.numpy()  # type: ignore[attr-defined]
    onset, duration = table["time"].astype(np.float64), table["duration"].astype(np.float64)
    pedals = [(float(p.time), float(p.time + p.duration)) for p in track.pedals]  # type: ignore[attr-defined]
    duration = lengthen_under_pedal(onset, duration, table["pitch"], pedals)
    order = np.lexsort((table["pitch"], onset))
    return Part(
        name=str(track.name),  # type: ignore[attr-defined]
        onset=onset[order] / ticks,
        duration=np.maximum(duration[order] / ticks, 1 / 64),
        pitch=table["pitch"].astype(np.int64)[order],
        velocity=np.clip(table["velocity"].astype(np.int64)[order], 1, 127),
        program=int(track.program),  # type: ignore[attr-defined]
        drums=bool(track.is_drum),  # type: ignore[attr-defined]
    )


def lengthen_under_pedal(
    onset: Floats, duration: Floats, pitch: NDArray[np.integer], pedals: list[tuple[float, float]]
) -> Floats:
    """Durations (n,) with each note that ends under a pressed pedal held until its release, or until its pitch sounds again."""
    if not pedals or not len(onset):
        return duration.copy()
    press, release = np.array(sorted(pedals)).T
    end = onset + duration
    pedal = np.searchsorted(press, end, side="right") - 1
    held = (pedal >= 0) & (end < release[pedal])
    stop = np.minimum(release[pedal], _next_of_pitch(onset, pitch))
    return np.where(held, np.maximum(duration, stop - onset), duration)


def _next_of_pitch(onset: Floats, pitch: NDArray[np.integer]) -> Floats:
    """When each note's pitch begins to sound again (n,); infinity when it never does."""
    order = np.lexsort((onset, pitch))
    later, same = onset[order], pitch[order]
    found = np.full(len(onset), np.inf)
    following = np.inf
    for place in range(len(order) - 2, -1, -1):
        if same[place] != same[place + 1]:
            following = np.inf
        elif later[place + 1] > later[place]:
            following = later[place + 1]
        found[order[place]] = following
    return found
