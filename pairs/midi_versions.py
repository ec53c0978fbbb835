"""Two versions of one piece: a performance to be recorded, and a MIDI file as people make them, with the exact map between their times.

A piece is `Notes` in quarters. The recording plays them in a bending tempo with a human's unevenness, arranged for other
instruments, in another key and tuning; the MIDI keeps the written parts but has its own constant tempo, instruments and velocities, lies on
a grid or not, and has lost parts, ends and right notes. Both are placed by clocks whose corners are the moments at which notes begin,
so the map from one to the other is exact there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from crossmodal.base.errors import InputError
from pairs.accompaniment import bass_line, chords, drum_beat
from pairs.arrangement import Voice, arrange, fit, voice
from pairs.facts import Performance, quarters_per_beat
from pairs.instruments import BY_NAME, DRUMS, INSTRUMENTS
from pairs.midi_music import Clock
from pairs.notes import Floats, Notes, Part

LEAST_STEP = 1e-3  # seconds between two corners of a clock
NOTE_JITTER = 0.005  # seconds by which notes of one moment differ, at most
_CHORDAL = [i.name for i in INSTRUMENTS if i.chordal]
_SOLO = [i.name for i in INSTRUMENTS if i.name not in ("timpani", "choir", "string ensemble", "brass section")]
_BASSES = ("bass guitar", "double bass", "cello", "tuba")


@dataclass(frozen=True)
class Damage:
    """How a MIDI file differs from the piece.

    tempo: its factor; grid: of onsets, in quarters (0: as written); cut: shares of the piece missing at start and end; dropped: names of
    missing parts; octave: name of a part that lies an octave off; wrong: share of notes that are wrong, missing or added; semitones:
    above the written key; drums: a beat was added; instruments: others than written; velocity: "own", "flat" or "other"; articulation:
    factor of the lengths.
    """

    tempo: float = 1.0
    grid: float = 0.0
    cut: tuple[float, float] = (0.0, 0.0)
    dropped: tuple[str, ...] = ()
    octave: str = ""
    wrong: float = 0.0
    semitones: int = 0
    drums: bool = False
    instruments: bool = False
    velocity: str = "own"
    articulation: float = 1.0


def moments_of(notes: Notes) -> Floats:
    """Quarters (m,) at which notes begin, and the piece's end."""
    onset = np.concatenate([part.onset for part in notes.parts])
    return np.unique(np.append(np.round(onset, 6), round(max(notes.end, float(onset.max()) + 0.25), 6)))


def human_clock(notes: Notes, generator: np.random.Generator, *, unevenness: float = 0.008) -> Clock:
    """Quarters -> seconds of a recording: tempo within a fifth of the written, bending slowly by up to a tenth, some silence before.

    unevenness: seconds by which moments are played early or late, standard deviation.
    """
    moments = moments_of(notes)
    second = 60.0 / np.clip(notes.qpm, 20, 400) / float(np.exp(generator.uniform(np.log(0.83), np.log(1.2))))
    bends = sum(
        generator.uniform(0, 0.06) * np.sin(2 * np.pi * moments / generator.uniform(12, 90) + generator.uniform(0, 6.3))
        for _ in range(2)
    )
    steps = np.diff(moments) * second * (1 + np.asarray(bends)[:-1])
    places = np.concatenate([[0.0], np.cumsum(steps)])
    late = np.clip(generator.normal(0, unevenness, len(places)), -3 * unevenness, 3 * unevenness) if unevenness else 0.0
    seconds = places + late + (float(generator.uniform(0.1, 3.0)) + 3 * unevenness)
    return Clock(moments, _increasing(seconds))


def _increasing(seconds: Floats) -> Floats:
    ramp = np.arange(len(seconds)) * LEAST_STEP
    return np.maximum.accumulate(seconds - ramp) + ramp


def accompanied(notes: Notes, generator: np.random.Generator) -> Notes:
    """A single line with softer chords and perhaps a bass, six times in ten, as tunes are mostly heard; other pieces as they are."""
    if len(notes.pitched) != 1 or generator.random() < 0.4:
        return notes
    harmony = chords(notes, broken=bool(generator.random() < 0.4))
    added = [harmony, bass_line(harmony)] if generator.random() < 0.5 else [harmony]
    soft = [replace(part, velocity=np.full(len(part), 60)) for part in added]
    return replace(notes, parts=(*notes.parts, *soft))


def perform_recording(
    notes: Notes, clock: Clock, generator: np.random.Generator, *, style: str, semitones: int = 0, slot: int = 0
) -> Performance:
    """The piece as it is recorded: arranged for other instruments, with a beat and a bass at times, at the clock's seconds."""
    kind = str(generator.choice(["parts", "natural", "ensemble"], p=[0.6, 0.2, 0.2]))
    own = kind == "parts"
    voices = _band(notes, generator) if own else arrange(notes, kind=kind, style=style, slot=slot, generator=generator)
    length = float(generator.choice([0.6, 0.85, 0.97, 1.1], p=[0.1, 0.3, 0.4, 0.2]))
    centre, depth = generator.uniform(60, 95), generator.uniform(3, 14)
    loudest = max(float(found.part.velocity.mean()) for found in voices)
    parts = []
    for found in voices:
        part = found.part
        softer = float(np.clip(part.velocity.mean() - loudest, -25, 0))
        velocity = _shaped(part, notes, centre + softer, depth, generator)
        shift = 0 if found.instrument == DRUMS else semitones
        parts.append(timed(part, clock, length=length, jitter=NOTE_JITTER, generator=generator, shift=shift,
                           velocity=velocity, name=found.instrument, program=found.program))  # fmt: skip
    beat = quarters_per_beat(notes.metre)
    bpm = 60.0 * float(np.ptp(clock.source)) / max(float(np.ptp(clock.target)), 1e-6) / beat
    return Performance(tuple(parts), tuple(found.instrument for found in voices), notes.metre, bpm)


def _band(notes: Notes, generator: np.random.Generator) -> list[Voice]:
    """Each part by an instrument that can play it, perhaps with a bass and drums."""
    voices = []
    for part in notes.pitched:
        voices.append(voice(part, _player(part, generator), generator))
    if generator.random() < 0.3 and not any(part.name == "bass" for part in notes.parts):
        voices.append(voice(bass_line(chords(notes)), str(generator.choice(_BASSES)), generator))
    if generator.random() < 0.55:
        voices.append(Voice(DRUMS, 0, drum_beat(notes, generator)))
    return voices


def _player(part: Part, generator: np.random.Generator) -> str:
    """An instrument for a part: one that plays chords where there are some, and has nearly all of its notes where there is one."""
    together = len(part) / len(np.unique(np.round(part.onset, 3)))
    names = _CHORDAL if together > 1.15 else _SOLO
    able = [n for n in names if np.mean((part.pitch >= BY_NAME[n].low) & (part.pitch <= BY_NAME[n].high)) > 0.9]
    return str(generator.choice(able or names))


def _shaped(part: Part, notes: Notes, centre: float, depth: float, generator: np.random.Generator) -> np.ndarray:
    """Velocities: the written ones where they vary, accents and waves elsewhere."""
    own = part.velocity - float(part.velocity.mean())
    if float(own.std()) < 2:
        own = np.where(np.abs(part.onset % 4) < 1e-3, 6.0, 0.0) + depth * np.sin(
            2 * np.pi * part.onset / max(notes.end, 8.0) * 3
        )
    return np.clip(centre + own + generator.normal(0, 4, len(part)), 15, 124).astype(np.int64)


def timed(
    part: Part, clock: Clock, *, length: float = 1.0, jitter: float = 0.0, generator: np.random.Generator, shift: int = 0,
    velocity: np.ndarray, name: str, program: int,
) -> Part:  # fmt: skip
    """A part in quarters -> in seconds, sorted. length: share of the written durations; jitter: seconds, uniform on either side."""
    onset, offset = clock(part.onset), clock(part.onset + part.duration * length)
    onset = np.maximum(0.0, onset + (generator.uniform(-jitter, jitter, len(part)) if jitter else 0.0))
    order = np.lexsort((part.pitch, onset))
    pitch = part.pitch if part.drums or not shift else np.clip(part.pitch + shift, 12, 118)
    return Part(
        name, onset[order], np.maximum(offset - onset, 0.04)[order], pitch[order].astype(np.int64),
        velocity[order].astype(np.int64), program, part.drums,
    )  # fmt: skip


def draw_damage(notes: Notes, generator: np.random.Generator) -> Damage:
    """A plausible MIDI file of the piece: a third lack a part, four in ten lie on a grid or lack an end, few are in another key."""
    names = [part.name for part in notes.pitched]
    lost: tuple[str, ...] = ()
    if len(names) > 1 and generator.random() < 0.35:
        lost = (str(names[0] if generator.random() < 0.5 else generator.choice(names)),)
    left = [name for name in names if name not in lost]
    ends = [float(generator.uniform(0.02, 0.2)) if generator.random() < 0.3 else 0.0 for _ in range(2)]
    return Damage(
        tempo=float(np.exp(generator.uniform(np.log(0.75), np.log(1.33)))) if generator.random() < 0.8 else 1.0,
        grid=float(generator.choice([0.0, 0.25, 1 / 6, 0.5], p=[0.55, 0.3, 0.1, 0.05])),
        cut=(ends[0], ends[1]),
        dropped=lost,
        octave=str(generator.choice(left)) if left and generator.random() < 0.15 else "",
        wrong=float(generator.choice([0.0, 0.01, 0.03, 0.06], p=[0.4, 0.3, 0.2, 0.1])),
        semitones=int(generator.integers(-5, 7)) if generator.random() < 0.15 else 0,
        drums=bool(generator.random() < 0.3),
        instruments=bool(generator.random() < 0.7),
        velocity=str(generator.choice(["own", "flat", "other"], p=[0.5, 0.3, 0.2])),
        articulation=float(generator.choice([1.0, 0.6, 1.2], p=[0.6, 0.25, 0.15])),
    )


def damage_midi(notes: Notes, damage: Damage, generator: np.random.Generator) -> tuple[Performance, Clock]:
    """The piece as a MIDI file and its clock: quarters, on the file's grid -> its seconds. InputError when too little is left."""
    start, end = damage.cut[0] * notes.end, (1 - damage.cut[1]) * notes.end
    kept = [part for part in notes.parts if part.name not in damage.dropped or part.drums]
    left = replace(notes, parts=tuple(kept)).clip(start, end)
    if sum(len(part) for part in left.pitched) < 8:
        raise InputError("expected at least eight notes in the damaged MIDI, got fewer")
    qpm = float(np.clip(notes.qpm * damage.tempo, 10, 600))
    clock = Clock(np.array([start, end]), np.array([0.0, (end - start) * 60.0 / qpm]))
    drums = [drum_beat(left, generator)] if damage.drums else []
    parts, names = [], []
    for part in (*left.parts, *drums):
        placed = replace(part, onset=_on_grid(part.onset, damage.grid, start) + start)
        changed = placed if part.drums else _wrong_notes(placed, damage.wrong, generator)
        instrument, program, changed = _instrument(changed, damage, generator)
        velocity = _velocities(changed, damage.velocity, generator)
        parts.append(timed(changed, clock, length=1.0 if part.drums else damage.articulation, generator=generator,
                           shift=damage.semitones, velocity=velocity, name=part.name, program=program))  # fmt: skip
        names.append(instrument)
    return Performance(tuple(parts), tuple(names), notes.metre, qpm / quarters_per_beat(notes.metre)), clock


def _on_grid(onset: Floats, grid: float, start: float) -> Floats:
    """Onsets after the cut, on the grid of the whole piece."""
    return np.maximum(np.round((onset + start) / grid) * grid - start, 0.0) if grid else onset


def _wrong_notes(part: Part, share: float, generator: np.random.Generator) -> Part:
    """A third of the wrong ones are other pitches, a third missing, a third added in the neighbourhood of a right one."""
    count = len(part)
    fate = generator.random(count)
    pitch = np.where(fate < share / 3, part.pitch + generator.choice([-2, -1, 1, 2], count), part.pitch)
    kept = ~((fate >= share / 3) & (fate < 2 * share / 3))
    kept |= not kept.any()
    added = (fate >= 2 * share / 3) & (fate < share)
    table = replace(part, pitch=pitch).select(kept)
    extra = replace(part, pitch=part.pitch + generator.choice([-7, -5, -3, 3, 4, 7], count)).select(added)
    joined = [np.concatenate([getattr(table, key), getattr(extra, key)]) for key in ("onset", "duration", "velocity")]
    pitches = np.clip(np.concatenate([table.pitch, extra.pitch]), 12, 118)
    return replace(part, onset=joined[0], duration=joined[1], pitch=pitches, velocity=joined[2])


def _instrument(part: Part, damage: Damage, generator: np.random.Generator) -> tuple[str | None, int, Part]:
    """Name, program, and the part, moved by an octave where that is the damage or another instrument's range asks for it."""
    if part.drums:
        return DRUMS, 0, part
    if part.name == damage.octave:
        part = replace(part, pitch=np.clip(part.pitch + int(generator.choice([-12, 12])), 12, 118))
    if not damage.instruments:
        return None, part.program if part.program < 120 and part.program != 78 else 0, part
    name = _player(part, generator)
    return name, int(generator.choice(BY_NAME[name].programs)), fit(part, BY_NAME[name])


def _velocities(part: Part, kind: str, generator: np.random.Generator) -> np.ndarray:
    if kind == "flat":
        return np.full(len(part), int(generator.choice([64, 80, 100, 127])))
    return generator.integers(40, 120, len(part)) if kind == "other" else part.velocity


def warp_between(notes: Notes, damage: Damage, midi: Clock, recording: Clock) -> Clock:
    """Seconds of the damaged MIDI -> seconds of the recording. Corners: the moments of the piece that the MIDI still has."""
    moments = recording.source
    begin, end = damage.cut[0] * notes.end, (1 - damage.cut[1]) * notes.end
    moments = moments[(moments >= begin - 1e-6) & (moments <= end + 1e-6)]
    placed = _on_grid(moments - begin, damage.grid, begin) + begin
    source, target = midi(placed), recording(moments)
    kept = [0]
    for place in range(1, len(source)):
        if source[place] - source[kept[-1]] >= LEAST_STEP and target[place] - target[kept[-1]] >= LEAST_STEP:
            kept.append(place)
    return Clock(source[kept], target[kept])


def stretch_of(notes: Notes, most_seconds: float, generator: np.random.Generator) -> Notes:
    """The piece, or a random stretch of it that lasts so long at its own tempo, from a whole beat on."""
    first = min(float(part.onset.min()) for part in notes.parts)
    length = most_seconds * np.clip(notes.qpm, 20, 400) / 60
    spare = notes.end - first - length
    start = np.floor(first + generator.uniform(0, spare)) if spare > 0 else np.floor(first)
    return notes.clip(float(start), float(min(notes.end + 1, start + length)))


def repeat(notes: Notes, times: int) -> Notes:
    """The piece played over and over, each time from the next whole bar of four on."""
    total = float(np.ceil(notes.end / 4) * 4)
    parts: Sequence[Part] = [
        replace(
            part, onset=np.concatenate([part.onset + total * turn for turn in range(times)]),
            duration=np.tile(part.duration, times), pitch=np.tile(part.pitch, times), velocity=np.tile(part.velocity, times),
        )
        for part in notes.parts
    ]  # fmt: skip
    return replace(notes, parts=tuple(parts))
