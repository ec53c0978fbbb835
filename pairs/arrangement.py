"""Orchestrations: which instrument plays which line of a score, in its range, with or without an accompaniment.

Kinds: "natural" (as the repertory is usually heard), "solo" (one instrument alone), "ensemble" (a family or mixture),
"accompanied" (a melody over chords, at times with bass and drums). All randomness comes from the given generator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pairs.accompaniment import bass_line, chords, drum_beat
from pairs.instruments import BY_NAME, DRUMS, INSTRUMENTS, Instrument
from pairs.notes import Notes, Part

_NOT_ALONE = {"string ensemble", "brass section", "choir", "timpani"}
SOLOISTS = tuple(i.name for i in INSTRUMENTS if i.name not in _NOT_ALONE)
_SETS: dict[str, tuple[str, ...]] = {
    "strings": ("violin", "violin", "viola", "cello", "double bass"),
    "woodwind": ("flute", "oboe", "clarinet", "bassoon", "bassoon"),
    "reeds": ("oboe", "cor anglais", "clarinet", "bassoon", "bassoon"),
    "brass": ("trumpet", "trumpet", "french horn", "trombone", "tuba"),
    "saxophones": ("saxophone",) * 5,
    "recorders": ("recorder",) * 4 + ("bassoon",),
    "choir": ("choir",) * 5,
    "guitars": ("acoustic guitar",) * 4 + ("bass guitar",),
    "rock": ("electric guitar", "electric guitar", "electric piano", "bass guitar", "bass guitar"),
    "mallets": ("glockenspiel", "vibraphone", "marimba", "marimba", "timpani"),
    "synthesizer": ("synthesizer",) * 5,
    "string ensemble": ("string ensemble",) * 5,
    "brass section": ("brass section",) * 5,
    "world": ("pan flute", "koto", "sitar", "sitar", "bass guitar"),
}
_NATURAL: dict[str, tuple[str, ...]] = {
    "choir": ("choir", "choir", "choir", "church organ"),
    "quartet": ("strings",),
    "keyboard": ("piano",),
    "tune": ("fiddle", "fiddle", "ocarina", "flute", "accordion", "bagpipes", "banjo"),
    "song": ("recorder", "flute", "accordion", "clarinet", "choir", "acoustic guitar"),
    "lied": ("piano", "choir"),
    "mixed": ("strings", "woodwind", "piano"),
    "band": ("piano",),
}
KINDS = ("natural", "solo", "ensemble", "accompanied")


@dataclass(frozen=True)
class Voice:
    """One instrument and the notes that it plays, still in quarters."""

    instrument: str
    program: int
    part: Part


def arrange(notes: Notes, *, kind: str, style: str, slot: int, generator: np.random.Generator) -> list[Voice]:
    """Voices of an excerpt. style: `kind` of its folder; slot: counts renderings, so that soloists come in turn."""
    lines = _lines(notes)
    if kind == "solo":
        return _solo(lines, SOLOISTS[slot % len(SOLOISTS)], notes, generator)
    if kind == "accompanied":
        return _accompanied(lines, notes, generator)
    if kind == "natural":
        chosen = str(generator.choice(_NATURAL[style]))
        if chosen not in _SETS:
            return _solo(lines, chosen, notes, generator)
        return _ensemble(lines, _SETS[chosen], generator)
    return _ensemble(lines, _SETS[str(generator.choice(sorted(_SETS)))], generator)


def _lines(notes: Notes) -> list[Part]:
    """At most five lines, from high to low."""
    parts = sorted(notes.pitched, key=lambda part: -float(part.pitch.mean()))
    return parts if len(parts) <= 5 else [*parts[:4], parts[-1]]


def top_line(part: Part) -> Part:
    """The highest note at each onset, each ending where the next begins."""
    order = np.lexsort((-part.pitch, part.onset))
    first = np.ones(len(order), bool)
    first[1:] = np.diff(part.onset[order]) > 1e-6
    line = part.select(np.sort(order[first]))
    gaps = np.diff(line.onset, append=np.inf)
    return replace(line, duration=np.minimum(line.duration, gaps))


def fit(part: Part, instrument: Instrument) -> Part:
    """The part moved by octaves into the instrument's range, single notes folded into it."""
    shift = 12 * round((instrument.centre - float(np.median(part.pitch))) / 12)
    inside = (part.pitch >= instrument.low) & (part.pitch <= instrument.high)
    pitch = part.pitch if inside.mean() > 0.95 else part.pitch + shift
    pitch = np.where(pitch < instrument.low, pitch + 12 * np.ceil((instrument.low - pitch) / 12), pitch)
    pitch = np.where(pitch > instrument.high, pitch - 12 * np.ceil((pitch - instrument.high) / 12), pitch)
    return replace(part, pitch=pitch.astype(np.int64))


def voice(part: Part, name: str, generator: np.random.Generator) -> Voice:
    """A part played by an instrument, with one of its programs."""
    instrument = BY_NAME[name]
    line = part if instrument.chordal else top_line(part)
    return Voice(name, int(generator.choice(instrument.programs)), fit(line, instrument))


def _solo(lines: Sequence[Part], name: str, notes: Notes, generator: np.random.Generator) -> list[Voice]:
    if BY_NAME[name].chordal and len(lines) > 1 and generator.random() < 0.7:
        return [voice(_merged(lines), name, generator)]
    if name == "bass guitar" or BY_NAME[name].centre < 50:
        return [voice(lines[-1], name, generator)]
    return [voice(lines[0] if generator.random() < 0.7 else lines[len(lines) // 2], name, generator)]


def _merged(lines: Sequence[Part]) -> Part:
    onset = np.concatenate([line.onset for line in lines])
    pitch = np.concatenate([line.pitch for line in lines])
    order = np.lexsort((pitch, onset))
    return replace(
        lines[0], onset=onset[order], pitch=pitch[order],
        duration=np.concatenate([line.duration for line in lines])[order],
        velocity=np.concatenate([line.velocity for line in lines])[order],
    )  # fmt: skip


def _ensemble(lines: Sequence[Part], names: Sequence[str], generator: np.random.Generator) -> list[Voice]:
    if len(set(names)) == 1 and BY_NAME[names[0]].chordal:
        program = int(generator.choice(BY_NAME[names[0]].programs))
        merged = _merged(lines)
        return [Voice(names[0], program, merged if names[0] == "choir" else fit(merged, BY_NAME[names[0]]))]
    if len(lines) == 1:  # one melody: in unison or octaves by two of them
        chosen = generator.permutation(len(names))[:2]
        return [voice(lines[0], names[place], generator) for place in sorted(chosen)]
    places = np.round(np.linspace(0, min(len(names), max(len(lines), 3)) - 1, len(lines))).astype(int)
    if len(lines) <= 4:
        places = np.round(np.linspace(0, 3, len(lines))).astype(int)
    return [voice(line, names[place], generator) for line, place in zip(lines, places, strict=True)]


def _accompanied(lines: Sequence[Part], notes: Notes, generator: np.random.Generator) -> list[Voice]:
    soloist = str(generator.choice([n for n in SOLOISTS if not BY_NAME[n].centre < 55]))
    comping = ("piano", "acoustic guitar", "accordion", "church organ", "harp", "harpsichord", "electric piano",
               "string ensemble", "banjo", "electric guitar", "synthesizer")  # fmt: skip
    player = str(generator.choice([name for name in comping if name != soloist]))
    harmony = chords(notes, broken=bool(generator.random() < 0.4))
    voices = [voice(lines[0], soloist, generator), voice(harmony, player, generator)]
    if generator.random() < 0.5:
        bass = str(generator.choice(["bass guitar", "double bass", "cello", "tuba"]))
        voices.append(voice(bass_line(harmony), bass, generator))
    if generator.random() < 0.5:
        voices.append(Voice(DRUMS, 0, drum_beat(notes, generator)))
    return voices
