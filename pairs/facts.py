"""Facts read from the notes that are heard: texture, metre, tempo, mode, register, density, dynamics, instruments, mood.

Every function takes a `Performance` (what sounds, in seconds) and returns tags of `pairs.vocabulary`. Between two
classes there is a gap in which no tag is given: a tag that is given can be heard. Key finding after Krumhansl & Kessler (1982).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pairs.instruments import DRUMS, family_of, instrument_name
from pairs.keys import key_fits
from pairs.notes import Floats, Ints, Notes, Part
from pairs.vocabulary import with_implied

_ENSEMBLES = {1: "solo", 2: "duo", 3: "trio", 4: "quartet"}
_TOGETHER = 0.04  # seconds within which onsets count as simultaneous


@dataclass(frozen=True)
class Performance:
    """What is heard: notes timed in seconds, the instrument of each part (None: a sound without a name), and the beat.

    metre: (numerator, denominator) or None; bpm: beats a minute, where a beat of 6/8 is a dotted quarter.
    """

    parts: tuple[Part, ...]
    instruments: tuple[str | None, ...]
    metre: tuple[int, int] | None = None
    bpm: float | None = None

    @cached_property
    def joined(self) -> tuple[Floats, Floats, Ints]:
        """Onset and duration in seconds and pitch (n,) of all pitched notes, sorted by onset."""
        return Notes(self.parts).joined()

    @property
    def seconds(self) -> float:
        """From the first onset to the last end."""
        return Notes(self.parts).end - min((float(p.onset.min()) for p in self.parts if len(p)), default=0.0)


def quarters_per_beat(metre: tuple[int, int] | None) -> float:
    """Length of a beat in quarter notes: the lower number's note value, three of them in compound metres."""
    if metre is None:
        return 1.0
    numerator, denominator = metre
    compound = denominator >= 8 and numerator % 3 == 0
    return 4.0 / denominator * (3 if compound else 1)


def performance_of(notes: Notes) -> Performance:
    """A user's MIDI file as it would sound at its own tempo."""
    second = 60.0 / notes.qpm
    parts = tuple(
        Part(p.name, p.onset * second, p.duration * second, p.pitch, p.velocity, p.program, p.drums)
        for p in notes.parts
    )
    names = tuple(instrument_name(part.program, drums=part.drums) for part in parts)
    return Performance(parts, names, notes.metre, notes.qpm / quarters_per_beat(notes.metre))


def instruments(performance: Performance) -> set[str]:
    """Names, families and the size of the ensemble (drums do not make a solo a duo, but they end it)."""
    names = [name for name in performance.instruments if name]
    tags = {*names, *(family_of(name) for name in names)}
    pitched = [name for name in names if name != DRUMS]
    many = {"choir", "string ensemble", "brass section"} & set(pitched)
    if many or len(pitched) > 4:
        tags.add("ensemble")
    elif len(pitched) in _ENSEMBLES and (DRUMS not in names or len(pitched) > 1):
        tags.add(_ENSEMBLES[len(pitched)])
    if sorted(pitched) == ["cello", "viola", "violin", "violin"]:
        tags.add("string quartet")
    return tags


def texture(performance: Performance) -> set[str]:
    """One line, chords moving together, or independent lines."""
    onset, duration, pitch = performance.joined
    if len(onset) < 4:
        return set()
    moments = np.unique(np.round(onset / _TOGETHER)) * _TOGETHER
    ends = onset + duration
    starting, sounding = [], []
    for moment in moments[:400]:
        began = np.abs(onset - moment) <= _TOGETHER
        heard = began | ((onset < moment) & (ends > moment + _TOGETHER))
        starting.append(len(set((pitch[began] % 12).tolist())))
        sounding.append(len(set((pitch[heard] % 12).tolist())))
    heard_voices, share = float(np.mean(sounding)), float(np.sum(starting) / max(np.sum(sounding), 1))
    if heard_voices <= 1.15:
        return {"single melody"}
    if heard_voices < 1.6:
        return set()
    if share >= 0.72:
        return {"chordal"}
    return {"polyphonic"} if share <= 0.58 and len(performance.parts) > 1 else set()


def metre(performance: Performance) -> set[str]:
    """Two or three beats a bar, and beats of two or three."""
    if performance.metre is None:
        return set()
    numerator, denominator = performance.metre
    if denominator >= 8 and numerator in (6, 9, 12):
        return {"compound metre"}
    if numerator == 3:
        return {"triple metre"}
    return {"duple metre"} if numerator in (2, 4) else set()


def attacks_per_second(performance: Performance) -> float:
    """Moments at which something begins, a second."""
    onset, _, _ = performance.joined
    if len(onset) < 2 or onset[-1] <= onset[0]:
        return 0.0
    return float((len(np.unique(np.round(onset / _TOGETHER))) - 1) / (onset[-1] - onset[0]))


def tempo(performance: Performance) -> set[str]:
    """Slow below 72 beats a minute, moderate from 84 to 112, fast above 126, and only when the notes' rate agrees."""
    if performance.bpm is None:
        return set()
    rate = attacks_per_second(performance)
    if performance.bpm < 72 and rate < 2.6:
        return {"slow"}
    if performance.bpm > 126 and rate > 2.8:
        return {"fast"}
    return {"moderate tempo"} if 84 <= performance.bpm <= 112 and 1.2 < rate < 5 else set()


def mode(performance: Performance) -> set[str]:
    """Major or minor where the better one of the 24 key profiles is clearly the better."""
    _, duration, pitch = performance.joined
    profile = np.bincount(pitch % 12, weights=duration, minlength=12).astype(np.float64)
    if np.count_nonzero(profile) < 5:
        return set()
    major, minor = best_key(profile)
    if max(major, minor) < 0.6 or abs(major - minor) < 0.06:
        return set()
    return {"major key"} if major > minor else {"minor key"}


def best_key(profile: Floats) -> tuple[float, float]:
    """Highest correlation of a pitch-class profile (12,) with any major and with any minor key."""
    both = key_fits(profile).max(axis=1)
    return float(both[0]), float(both[1])


def register(performance: Performance) -> set[str]:
    """High above a mean of E5 (76), low below E3 (52), by the time that notes sound."""
    _, duration, pitch = performance.joined
    if not len(pitch):
        return set()
    mean = float(np.average(pitch, weights=duration))
    return {"high pitched"} if mean > 76 else ({"low pitched"} if mean < 52 else set())


def density(performance: Performance) -> set[str]:
    """Sparse below 1.3 attacks a second, busy above 5.5."""
    rate = attacks_per_second(performance)
    return {"sparse"} if 0 < rate < 1.3 else ({"busy"} if rate > 5.5 else set())


def dynamics(performance: Performance) -> set[str]:
    """Soft below a mean velocity of 52, loud above 94; a crescendo where the last third is much louder than the first."""
    onset = np.concatenate([part.onset for part in performance.parts]) if performance.parts else np.zeros(0)
    if len(onset) < 6:
        return set()
    velocity = np.concatenate([part.velocity for part in performance.parts])
    span = onset.max() - onset.min()
    first = velocity[onset < onset.min() + span / 3].mean()
    last = velocity[onset > onset.max() - span / 3].mean()
    if last - first > 35:
        return {"crescendo"}
    mean = float(velocity.mean())
    return {"soft"} if mean < 52 else ({"loud"} if mean > 94 else set())


def mood(tags: Iterable[str]) -> set[str]:
    """Words that common usage ties to the facts: each is a rule over tags that are given already."""
    given = set(tags)
    rules: tuple[tuple[str, set[str], set[str]], ...] = (
        ("solemn", {"slow"}, {"choir", "church organ", "low pitched", "chorale", "mass"}),
        ("sad", {"slow", "minor key"}, set()),
        ("cheerful", {"fast", "major key"}, set()),
        ("lively", {"fast"}, {"dance music", "busy", "compound metre", "major key"}),
        ("calm", {"slow"}, {"soft", "sparse"}),
        ("gentle", {"soft"}, {"slow", "moderate tempo"}),
        ("energetic", {"fast", "loud"}, set()),
        ("majestic", {"loud"}, {"slow", "moderate tempo"}),
    )
    return {word for word, needed, either in rules if needed <= given and (not either or either & given)}


READERS = (instruments, texture, metre, tempo, mode, register, density, dynamics)


def facts_of(performance: Performance, *, words: Iterable[str] = ()) -> frozenset[str]:
    """All tags of a performance, with `words` that are known otherwise (genre, recording), synonyms and moods."""
    tags = with_implied({*words, *(tag for reader in READERS for tag in reader(performance))})
    return with_implied({*tags, *mood(tags)})
