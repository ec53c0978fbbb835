"""Scores -> sound: one deterministic rendering of an excerpt, with the facts that can be heard in it.

The same notes, style and seed give the same bytes. Mono, 22.05 kHz.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from crossmodal.base.errors import InputError
from pairs.accompaniment import bar_length
from pairs.arrangement import KINDS, Voice, arrange
from pairs.facts import Performance, facts_of, quarters_per_beat
from pairs.instruments import DRUMS
from pairs.notes import Notes, Part
from pairs.rooms import SAMPLE_RATE, Condition, Samples, draw_condition, record
from pairs.sound_fonts import in_tune

if TYPE_CHECKING:
    from symusic import Synthesizer

SOUND_FONT = "TimGM6mb.sf2"
SHORTEST_SECONDS, LONGEST_SECONDS = 13.0, 19.0
_TICKS = 10_000  # a second; one quarter a second in the MIDI handed to symusic
# symusic's low-pass filters are unstable near the Nyquist frequency: on a chromatic scale at 22 kHz 33 of the first 73 programs of
# TimGM6mb burst or did not end within 3 s, at 44 kHz 22 of 128, at 88 kHz one: the whistle (78), left out.
OVERSAMPLING = 4
LOUDEST = 30.0


@dataclass(frozen=True)
class Rendering:
    """Sound (n,) mono at SAMPLE_RATE, the tags that hold for it, and how it was made."""

    samples: Samples
    tags: frozenset[str]
    kind: str
    qpm: float
    start: float
    condition: Condition
    performance: Performance


def sound_font() -> Path:
    """The sound font that pretty_midi ships. InputError when it is not there."""
    spec = importlib.util.find_spec("pretty_midi")
    for place in (spec.submodule_search_locations or []) if spec else []:
        path = Path(place) / SOUND_FONT
        if path.is_file():
            return path
    raise InputError(f"expected pretty_midi with {SOUND_FONT}, found none; pip install 'pretty_midi>=0.2.10'")


def render(
    notes: Notes, *, style: str, number: int, seed: Sequence[int], words: frozenset[str] = frozenset(), slot: int = 0
) -> Rendering:
    """Rendering `number` of a piece. style: `kind` of its folder; words: genre tags that hold for the piece; seed: any integers.

    slot: counts renderings over a whole collection, so that each instrument has its solos. InputError for a piece without notes.
    """
    if len(notes) < 4:
        raise InputError("expected at least four notes to render, got fewer")
    generator = np.random.default_rng([*seed, number])
    kind = KINDS[number % len(KINDS)]
    qpm = choose_tempo(notes, generator)
    start, excerpt = choose_excerpt(notes, qpm, generator)
    voices = arrange(excerpt, kind=kind, style=style, slot=slot, generator=generator)
    loudness = str(generator.choice(["", "", "soft", "loud", "crescendo"]))
    semitones = int(generator.integers(-3, 4))
    performance = perform(voices, excerpt, qpm=qpm, semitones=semitones, loudness=loudness, generator=generator)
    condition = draw_condition(generator, natural=style, loudness=loudness)
    samples = record(synthesize(performance), condition, generator)
    melody = frozenset({"accompanied melody"} if kind == "accompanied" else ())
    tags = facts_of(performance, words=words | condition.words | melody)
    return Rendering(samples, tags, kind, qpm, start, condition, performance)


def choose_tempo(notes: Notes, generator: np.random.Generator) -> float:
    """Quarters a minute of a slow, moderate or fast beat, moved by octaves until half to nine notes begin a second."""
    low, high = ((48, 70), (84, 112), (128, 168))[int(generator.choice(3, p=[0.3, 0.3, 0.4]))]
    qpm = float(generator.uniform(low, high)) * quarters_per_beat(notes.metre)
    onset = np.unique(notes.joined()[0].round(2))
    per_quarter = (len(onset) - 1) / max(float(onset[-1] - onset[0]), 1e-6)
    while per_quarter * qpm / 60 > 9:
        qpm /= 2
    while per_quarter * qpm / 60 < 0.5:
        qpm *= 2
    return qpm


def choose_excerpt(notes: Notes, qpm: float, generator: np.random.Generator) -> tuple[float, Notes]:
    """(start in quarters, notes from there): 13 to 19 seconds from the beginning of a bar; short pieces are played over again."""
    length = float(generator.uniform(SHORTEST_SECONDS, LONGEST_SECONDS)) * qpm / 60
    bar = bar_length(notes.metre)
    first = min(float(part.onset.min()) for part in notes.parts)
    total = max(bar, np.ceil((notes.end - first) / bar) * bar)
    if total < length:
        times = int(np.ceil(length / total))
        base = notes.clip(first, notes.end + 1)
        parts = tuple(_repeated(part, times, total) for part in base.parts)
        return first, replace(base, parts=parts).clip(0.0, length)
    bars = int((notes.end - first - length) // bar)
    for _ in range(4):  # not where almost everything rests
        start = first + bar * int(generator.integers(0, max(bars, 0) + 1))
        excerpt = notes.clip(start, start + length)
        if len(excerpt) >= 8:
            return start, excerpt
    return first, notes.clip(first, first + length)


def _repeated(part: Part, times: int, total: float) -> Part:
    shifts = np.repeat(np.arange(times) * total, len(part))
    return replace(
        part, onset=np.tile(part.onset, times) + shifts, duration=np.tile(part.duration, times),
        pitch=np.tile(part.pitch, times), velocity=np.tile(part.velocity, times),
    )  # fmt: skip


def perform(
    voices: Sequence[Voice],
    excerpt: Notes,
    *,
    qpm: float,
    semitones: int,
    loudness: str,
    generator: np.random.Generator,
) -> Performance:
    """Voices in quarters -> parts in seconds with human timing, articulation, accents and dynamics.

    loudness: "soft", "loud", "crescendo" or "" (in between).
    """
    second = 60.0 / qpm
    total = max(excerpt.end, 1e-6)
    bar = bar_length(excerpt.metre)
    sway, phase = generator.uniform(0, 0.03), generator.uniform(0, 2 * np.pi)
    centre = {"soft": 42.0, "loud": 106.0}.get(loudness, float(generator.uniform(64, 82)))
    length = float(generator.choice([0.55, 0.85, 0.97], p=[0.15, 0.35, 0.5]))
    parts, names = [], []
    for voice in voices:
        part, count = voice.part, len(voice.part)
        swing = sway * total * np.sin(2 * np.pi * part.onset / total * 2 + phase) / (4 * np.pi)
        onset = np.maximum(0.0, (part.onset + swing) * second + generator.normal(0, 0.008, count))
        accent = np.where(np.abs(part.onset % bar) < 1e-3, 7.0, 0.0)
        wave = 6 * np.sin(2 * np.pi * part.onset / (4 * bar) + phase)
        rise = 60 * (part.onset / total - 0.5) if loudness == "crescendo" else 0.0
        velocity = np.clip(centre + accent + wave + rise + generator.normal(0, 3, count), 12, 124)
        pitch = part.pitch if voice.instrument == DRUMS else np.clip(part.pitch + semitones, 12, 118)
        order = np.argsort(onset, kind="stable")
        parts.append(
            Part(
                voice.instrument, onset[order], np.maximum(part.duration * second * length, 0.05)[order],
                pitch[order].astype(np.int64), velocity[order].astype(np.int64), voice.program, voice.instrument == DRUMS,
            )
        )  # fmt: skip
        names.append(voice.instrument)
    return Performance(tuple(parts), tuple(names), excerpt.metre, qpm / quarters_per_beat(excerpt.metre))


def synthesize(performance: Performance, *, font: Path | None = None) -> Samples:
    """Dry mono samples (n,) at SAMPLE_RATE. InputError when the synthesizer's output is no sound (see `OVERSAMPLING`).

    font: a sound font in place of `sound_font()`, as symusic plays it in tune (`pairs.sound_fonts.in_tune`).
    """
    import soxr
    from symusic import Note, Score, Tempo, Track

    score = Score(_TICKS)
    score.tempos.append(Tempo(0, 60.0))
    for part in performance.parts:
        track = Track(part.name, part.program, part.drums)
        track.notes = Note.from_numpy(
            time=np.round(part.onset * _TICKS).astype(np.int32),
            duration=np.maximum(np.round(part.duration * _TICKS), 1).astype(np.int32),
            pitch=part.pitch.astype(np.int8),
            velocity=part.velocity.astype(np.int8),
            ttype="tick",
        )
        score.tracks.append(track)
    audio = np.asarray(_synthesizer(font or in_tune(sound_font())).render(score, stereo=False), dtype=np.float32)
    mono = audio.mean(axis=0) if audio.ndim == 2 else audio
    peak = float(np.abs(mono).max(initial=0.0))
    if not 0 < peak < LOUDEST:
        raise InputError(f"expected sound from the synthesizer, got a peak of {peak:g}")
    samples: Samples = soxr.resample(mono, OVERSAMPLING * SAMPLE_RATE, SAMPLE_RATE, quality="QQ")
    return samples


def _synthesizer(font: Path) -> Synthesizer:
    """A fresh one for every rendering (half a millisecond): a used one keeps samples that presets share (violin, viola, fiddle) as the
    first of them tuned them, so that a rendering would depend on what was rendered before.
    """
    from symusic import Synthesizer  # a compiled module that reading catalogues does not need

    return Synthesizer(sf_path=str(font), sample_rate=OVERSAMPLING * SAMPLE_RATE, quality=0)
