"""Works from which pairs of recordings and MIDI files are made, and the making of one: POP909, Irish tunes, the music21 corpus.

Nothing is written here: `make_versions` is a pure function of a work and a seed, and the job that turns versions into frames on disk is
`crossmodal.applications.midi_collection`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Container, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from crossmodal.base.errors import InputError
from pairs.corpus import Work
from pairs.facts import Performance
from pairs.midi_folders import midi_works
from pairs.midi_music import Clock
from pairs.midi_versions import (
    Damage,
    accompanied,
    damage_midi,
    draw_damage,
    human_clock,
    perform_recording,
    repeat,
    stretch_of,
    warp_between,
)  # fmt: skip
from pairs.notes import Notes, read_midi
from pairs.rendering import synthesize
from pairs.rooms import SAMPLE_RATE, Samples, draw_condition, record
from pairs.scores import ScoreReader
from pairs.splits import UnionFind, part_of
from pairs.works import TableWork, read_works

LEAST_NOTES = 24
Play = Callable[[Performance], Samples]
_LICENCES = {"pop music": "pop909 (MIT)", "folk music": "cre_irish (CC BY 4.0)"}
_STRICTEST = ("test", "validation", "train")
_SHORT_QUARTERS = 64.0  # shorter pieces are played two or three times, as tunes are


@dataclass(frozen=True)
class MidiSource:
    """A work. item: what `make_versions` needs (JSON values); group: what must stay in one split; licence: of the encoding."""

    item: dict[str, object]
    split: str
    group: str
    licence: str
    title: str


@dataclass(frozen=True)
class MidiVersion:
    """A damaged MIDI of a piece. performance: in seconds; warp: its seconds -> the recording's; semitones: that the recording lies
    above the MIDI."""

    performance: Performance
    warp: Clock
    damage: Damage
    semitones: int


@dataclass(frozen=True)
class Recorded:
    """A recording with MIDI files of the same piece. samples: (n,) mono at 22,050 Hz; tuning: semitones above 440 Hz, within a half."""

    samples: Samples
    performance: Performance
    tuning: float
    versions: tuple[MidiVersion, ...]


def corpus_sources(
    count: int, *, seed: int = 0, licence: str = "free", leave_out: Container[str] = frozenset()
) -> list[MidiSource]:
    """Works of the music21 corpus in a random order, tunes after the rest; licence: "free" (for what ships) or "any"; leave_out: groups
    that are not wanted, as a space's list of training works has them.
    """
    if licence not in ("free", "any"):
        raise InputError(f'licence: expected "free" or "any", got "{licence}"')
    usable = [
        work for work in read_works() if (licence == "any" or work.free) and f"group-{work.group}" not in leave_out
    ]
    order = np.random.default_rng([seed, 23]).permutation(len(usable))
    chosen = sorted(order, key=lambda place: usable[place].work.path.endswith(".abc"))[:count]
    return [_corpus_source(usable[place]) for place in chosen]


def _corpus_source(work: TableWork) -> MidiSource:
    kind = work.work.folder.kind
    item: dict[str, object] = {"id": work.id, "path": work.work.path, "tune": work.work.tune, "style": kind}
    return MidiSource(item, work.split, f"group-{work.group}", work.licence, work.title)


def folder_sources(folder: str | Path, *, most: int | None = None, seed: int = 0) -> list[MidiSource]:
    """Works of a folder of MIDI files (POP909, cre_irish, a user's); `without_leaks` joins the settings of a tune."""
    found = []
    for work in midi_works(Path(folder), most=most, seed=seed):
        item: dict[str, object] = {
            "id": work.id, "path": str(work.path.resolve()), "fingerprint": work.fingerprint, "style": work.style,
        }  # fmt: skip
        licence = next((_LICENCES[word] for word in work.words if word in _LICENCES), "user")
        found.append(MidiSource(item, part_of(work.group), work.group, licence, work.title))
    return found


def without_leaks(sources: Sequence[MidiSource]) -> list[MidiSource]:
    """Sources of all origins with one group and one split for all settings of a tune: the same names stand in several tune books.

    Where splits differ, test goes before validation and train, for nothing of a test work may be learned from.
    """
    sets = UnionFind()
    for source in sources:
        sets.union(("group", source.group), ("name", _tune_name(source)))
    splits: dict[Hashable, str] = {}
    for source in sources:
        group = sets.find(("group", source.group))
        splits[group] = min(source.split, splits.get(group, "train"), key=_STRICTEST.index)
    names: dict[Hashable, str] = {}
    found = []
    for source in sources:
        group = sets.find(("group", source.group))
        found.append(replace(source, group=names.setdefault(group, source.group), split=splits[group]))
    return found


def _tune_name(source: MidiSource) -> str:
    """Letters of a tune's title, without article and kind of tune ("AnnReel2", "The Ann"); other works are named by their group."""
    if source.item["style"] not in ("tune", "song", "mixed"):
        return source.group
    plain = re.sub(r"[^a-z]+", "", source.title.lower()).removeprefix("the")
    for ending in ("the", "reel", "jig", "hornpipe", "polka", "slide", "air", "march", "waltz"):
        plain = plain.removesuffix(ending) or plain
    return f"tune {plain}" if len(plain) > 2 else source.group


def item_generator(item: Mapping[str, object], *purpose: int) -> np.random.Generator:
    """All randomness of a work: its seed, its id, and what it is for."""
    digest = hashlib.blake2b(str(item["id"]).encode(), digest_size=8).digest()
    return np.random.default_rng([int(str(item["seed"])), *digest, *purpose])


@lru_cache(maxsize=1)
def _reader() -> ScoreReader:
    return ScoreReader()


def read_notes(item: Mapping[str, object]) -> Notes:
    """Notes of a work in quarters, without leading silence. InputError when there are too few."""
    path = str(item["path"])
    notes = _reader().read(Work(path, int(str(item["tune"]))))[1] if "tune" in item else read_midi(Path(path))
    if sum(len(part) for part in notes.pitched) < LEAST_NOTES:
        raise InputError(f"expected at least {LEAST_NOTES} notes, got fewer")
    first = np.floor(min(float(part.onset.min()) for part in notes.parts))
    return _with_own_names(notes.clip(float(first), notes.end + 1))


def _with_own_names(notes: Notes) -> Notes:
    """Parts named once each, so that one of them can be left out."""
    parts = tuple(replace(part, name=f"{number} {part.name}".strip()) for number, part in enumerate(notes.parts))
    return replace(notes, parts=parts)


def make_versions(
    item: Mapping[str, object],
    *,
    number: int = 0,
    versions: int = 2,
    most_seconds: float = 120.0,
    play: Play | None = None,
) -> Recorded:
    """Recording `number` of a work (item: its source's, and a "seed") with `versions` damaged MIDI files of the same stretch.

    Deterministic. play: makes dry sound of a performance; by default the synthesizer of training, in tune. InputError where the work
    cannot be read or is too short.
    """
    generator = item_generator(item, number)
    notes = read_notes(item)
    if notes.end < _SHORT_QUARTERS:
        notes = repeat(notes, int(generator.integers(2, 4)))
    notes = accompanied(stretch_of(notes, most_seconds, generator), generator)
    clock = human_clock(notes, generator)
    semitones = int(generator.integers(-4, 5)) if generator.random() < 0.3 else 0
    tuning = float(np.clip(generator.normal(0, 0.12), -0.45, 0.45))
    slot = int(generator.integers(1000))
    style = str(item["style"])
    played = perform_recording(notes, clock, generator, style=style, semitones=semitones, slot=slot)
    condition = draw_condition(generator, natural=style)
    samples = record(tuned(played, tuning, play=play), condition, generator)
    made = []
    for version in range(versions):
        chance = item_generator(item, number, version + 1)
        damage = draw_damage(notes, chance)
        performance, midi_clock = damage_midi(notes, damage, chance)
        warp = warp_between(notes, damage, midi_clock, clock)
        made.append(MidiVersion(performance, warp, damage, semitones - damage.semitones))
    return Recorded(samples, played, tuning, tuple(made))


def tuned(performance: Performance, tuning: float, *, play: Play | None = None) -> Samples:
    """Dry sound of a performance at another tuning (semitones above 440 Hz) and the same times: played slower, then sped up."""
    import soxr

    ratio = 2.0 ** (tuning / 12)
    parts = tuple(replace(part, onset=part.onset * ratio, duration=part.duration * ratio) for part in performance.parts)
    samples = (play or synthesize)(replace(performance, parts=parts))
    if abs(tuning) < 1e-3:
        return samples
    resampled: Samples = soxr.resample(samples, SAMPLE_RATE * ratio, SAMPLE_RATE, quality="MQ")
    return resampled
