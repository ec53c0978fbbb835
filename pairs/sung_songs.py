"""Scores as songs: a melody to sing, and what accompanies it, its own or another piece's in the same key and tempo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from crossmodal.base.errors import InputError
from pairs.accompaniment import bar_length, bass_line, chords, drum_beat
from pairs.arrangement import Voice, fit, top_line, voice
from pairs.facts import quarters_per_beat
from pairs.instruments import BY_NAME, DRUMS
from pairs.keys import Key, find_key, shift_between
from pairs.notes import Notes, Part
from pairs.rendering import perform, synthesize
from pairs.rooms import Samples
from pairs.singing import Melody, melody_of

LEAST_NOTES = 8
_SLOWEST, _FASTEST = 0.9, 3.4  # sung notes a second
_MELODY_NAMES = ("melody", "vocal", "voice", "sing")
_COMPING = ("piano", "acoustic guitar", "electric piano", "string ensemble", "harp", "electric guitar", "church organ", "synthesizer",
            "accordion", "harpsichord")  # fmt: skip
_LINES = ("violin", "viola", "cello", "flute", "clarinet", "acoustic guitar", "electric piano", "piano", "string ensemble",
          "french horn", "vibraphone")  # fmt: skip


@dataclass(frozen=True)
class Song:
    """melody: the part that is sung, and notes: all others, in quarters from the start of the excerpt; qpm: quarters a minute."""

    melody: Part
    notes: Notes
    qpm: float
    key: Key

    def sung(self, *, semitones: int = 0) -> Melody:
        """The melody in seconds, transposed."""
        second = 60.0 / self.qpm
        part = self.melody
        moved = replace(
            part,
            onset=part.onset * second,
            duration=np.maximum(part.duration * second * 0.97, 0.08),
            pitch=part.pitch + semitones,
        )
        return melody_of(moved)


def sung_part(notes: Notes) -> int:
    """Which of the pitched parts is sung: the one named as a voice or melody, else the highest. InputError where there are no notes."""
    parts = notes.pitched
    if not parts:
        raise InputError("expected a piece with notes, got none")
    for place, part in enumerate(parts):
        if any(word in part.name.lower() for word in _MELODY_NAMES):
            return place
    return max(range(len(parts)), key=lambda i: (float(parts[i].pitch.mean()), len(parts[i])))


def draw_song(
    notes: Notes, generator: np.random.Generator, *, seconds: float, beats_per_minute: float | None = None
) -> Song:
    """An excerpt of a piece as a song of about so many seconds, at a tempo drawn so that its notes can be sung, or at a given one.

    Raises InputError where the piece has too few notes.
    """
    place = sung_part(notes)
    melody = top_line(notes.pitched[place])
    if len(melody) < LEAST_NOTES:
        raise InputError(f"expected a melody of at least {LEAST_NOTES} notes, got {len(melody)}")
    rate = (len(melody) - 1) / max(float(melody.onset[-1] - melody.onset[0]), 1e-6)  # notes a quarter
    if beats_per_minute is None:
        qpm = 60.0 * float(np.exp(generator.uniform(np.log(_SLOWEST), np.log(_FASTEST)))) / rate
        qpm = float(np.clip(qpm, 30.0, 220.0))
    else:
        qpm = beats_per_minute * quarters_per_beat(notes.metre)
    length, bar = seconds * qpm / 60, bar_length(notes.metre)
    first, last = float(melody.onset[0]) // bar * bar, max(float(melody.onset[-1]) - length, 0.0)
    bars = max(0, int((last - first) // bar))
    start = first + bar * int(generator.integers(0, bars + 1))
    line = Notes((melody,)).clip(start, start + length)
    others = replace(notes, parts=tuple(part for i, part in enumerate(notes.pitched) if i != place))
    whole = notes.clip(start, start + length)
    if not line.parts or len(line.parts[0]) < 4 or not len(whole):
        raise InputError("expected an excerpt with a melody, got rests")
    return Song(line.parts[0], others.clip(start, start + length), qpm, _key_of(whole))


def _key_of(notes: Notes) -> Key:
    _, duration, pitch = notes.joined()
    return find_key(np.bincount(pitch % 12, weights=duration, minlength=12) + 1e-6 * np.arange(12))


def draw_backing(song: Song, generator: np.random.Generator) -> list[Voice]:
    """Who accompanies a song: its other parts where it has some, chords and bass made for its melody, at times drums."""
    everything = Notes((song.melody, *song.notes.parts), song.notes.metre, song.qpm)
    lines = sorted(song.notes.parts, key=lambda part: -float(part.pitch.mean()))[:5]
    voices: list[Voice] = []
    if lines and generator.random() < 0.8:
        names = [str(name) for name in generator.choice(_LINES, size=len(lines), replace=True)]
        if generator.random() < 0.4:
            names = [names[0]] * len(names)
        voices += [voice(line, name, generator) for line, name in zip(lines, names, strict=True)]
    if not voices or generator.random() < 0.4:
        harmony = chords(everything, broken=bool(generator.random() < 0.5))
        voices.append(voice(harmony, str(generator.choice(_COMPING)), generator))
        if generator.random() < 0.6:
            bass = str(generator.choice(["bass guitar", "double bass", "cello"]))
            voices.append(voice(bass_line(harmony), bass, generator))
    if generator.random() < 0.25:  # an instrument that plays along with the singer
        name = str(generator.choice(["piano", "flute", "acoustic guitar", "violin", "string ensemble"]))
        voices.append(Voice(name, int(generator.choice(BY_NAME[name].programs)), fit(song.melody, BY_NAME[name])))
    if generator.random() < 0.5:
        voices.append(Voice(DRUMS, 0, drum_beat(everything, generator)))
    return voices


def backing_sound(
    song: Song, voices: Sequence[Voice], generator: np.random.Generator, *, semitones: int = 0, qpm: float | None = None
) -> Samples:
    """An accompaniment as sound, dry, transposed, at the song's tempo or another's. Raises InputError for what cannot be played."""
    tempo = song.qpm if qpm is None else qpm
    excerpt = Notes((song.melody, *song.notes.parts), song.notes.metre, tempo)
    played = perform(voices, excerpt, qpm=tempo, semitones=semitones, loudness="", generator=generator)
    return synthesize(played)


def transposition_to(song: Song, target: Song) -> int:
    """Semitones, -5 to 6, that bring a song's accompaniment to the key of another, or its relative key."""
    return shift_between(song.key, target.key)
