"""Held-out music that matching is judged on: recordings played with other sound than any training's, and damaged MIDI files of the same.

Works are those of pop909 and cre_irish that training leaves, corpus works whose licence keeps them out of it, and nASAP, whose recordings
are human performances and whose queries are the scores' MIDI. Half of nASAP, and a few works of the others, are to tune on; the rest is to
report on. No two works share a tune, and none shares one with a work of training.

A folder: `tracks/*.npz` (frames of a recording in 8 bits, and the warp of the MIDI file onto it) and `midi/*.mid`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from crossmodal.applications.midi_features import recording_frames
from crossmodal.applications.track_frames import read_frames
from crossmodal.base.errors import InputError
from crossmodal.base.files import atomic_write
from crossmodal.base.frame_store import to_bytes
from crossmodal.base.jobs import Row, run_shards
from crossmodal.base.results import Skipped
from pairs.facts import Performance
from pairs.midi_collection import (
    MidiSource,
    corpus_sources,
    folder_sources,
    item_generator,
    make_versions,
    without_leaks,
)
from pairs.midi_music import Clock, MidiMusic
from pairs.midi_reading import read_music
from pairs.midi_versions import Damage
from pairs.nasap import NasapScore, read_nasap
from pairs.nasap import Performance as Played
from pairs.performances import play_for_judging, render_performance
from pairs.rooms import draw_condition, record

VERSION = 1
KINDS = ("pop909", "irish", "corpus", "nasap")
PARTS = ("tune", "report")
TRAINED = 500  # works of each origin, the first of which a training of seed 0 takes
_MARGIN = 1.03  # of nASAP's scores, the MIDI that goes on behind the recording's end


@dataclass(frozen=True)
class HeldSource:
    """A work. item: what `make_held` needs (JSON values); group: what no other work shares with it."""

    item: dict[str, object]
    kind: str
    group: str


@dataclass(frozen=True)
class Held:
    """A recording and a MIDI file of the same music.

    recording (t, 48): bytes; warp: seconds of the MIDI -> of the recording, its corners where notes (nASAP: beats) begin; semitones: that
    the recording lies above the MIDI; damage: words of what was done to the MIDI.
    """

    id: str
    kind: str
    group: str
    recording: NDArray[np.uint8]
    midi: Path
    warp: Clock
    semitones: int
    damage: frozenset[str]


def held_sources(data: Path, *, part: str, count: int, seed: int = 0, trained: int = TRAINED) -> list[HeldSource]:
    """The first `count` works of a part ("tune" or "report") in an order in which all kinds take turns by their numbers.

    data: the folder of pop909, cre_irish and nasap; trained: works of each origin that training took. InputError for another part.
    """
    if part not in PARTS:
        raise InputError(f'part: expected "tune" or "report", got "{part}"')
    folders, used = _folders(data), _trained(data, trained)
    candidates = {kind: folder_sources(folder) for kind, folder in folders.items()}
    free = {source.item["id"] for source in corpus_sources(1 << 30, licence="free")}
    rest = [source for source in corpus_sources(1 << 30, licence="any") if source.item["id"] not in free]
    candidates["corpus"] = [source for source in rest if not str(source.item["path"]).endswith(".abc")]
    found = _unseen(used, candidates)
    chosen = {kind: _part_of(works, part, seed) for kind, works in found.items()}
    chosen["nasap"] = _ordered(_nasap(data / "nasap", part), seed)
    return _in_turns(chosen, count)


def _folders(data: Path) -> dict[str, Path]:
    return {"pop909": data / "pop909", "irish": data / "cre_irish"}


def _trained(data: Path, count: int) -> list[MidiSource]:
    """What `scripts/train_midi_audio.py` takes."""
    used = corpus_sources(count, seed=0, licence="free")
    for folder in _folders(data).values():
        used += folder_sources(folder, most=count, seed=0)
    return used


def trained_groups(data: Path, *, trained: int = TRAINED) -> frozenset[str]:
    """The works, as a space names them, of which a training takes some."""
    return frozenset(source.group for source in without_leaks(_trained(data, trained)))


def _unseen(used: Sequence[MidiSource], candidates: Mapping[str, Sequence[MidiSource]]) -> dict[str, list[HeldSource]]:
    """One work of each group that holds no work of training."""
    kinds = [kind for kind, sources in candidates.items() for _ in sources]
    joined = without_leaks([*used, *(source for sources in candidates.values() for source in sources)])
    taken = {source.group for source in joined[: len(used)]}
    found: dict[str, list[HeldSource]] = {kind: [] for kind in candidates}
    for kind, source in zip(kinds, joined[len(used) :], strict=True):
        if source.group not in taken:
            taken.add(source.group)
            found[kind].append(HeldSource(dict(source.item), kind, source.group))
    return found


def _part_of(works: Sequence[HeldSource], part: str, seed: int) -> list[HeldSource]:
    """A fixed eighth to tune on, the rest to report on: by the work's name, whatever the seed."""
    return _ordered([work for work in works if (_digest(f"part:{work.item['id']}") % 8 == 0) == (part == "tune")], seed)


def _ordered(works: Sequence[HeldSource], seed: int) -> list[HeldSource]:
    return sorted(works, key=lambda work: _digest(f"{seed}:{work.item['id']}"))


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def _in_turns(works: Mapping[str, Sequence[HeldSource]], count: int) -> list[HeldSource]:
    """`count` works, as many of each kind as there are or as the others have, any beginning of the list mixed like the whole."""
    left, shares = count, dict.fromkeys(works, 0)
    while left and any(shares[kind] < len(works[kind]) for kind in works):
        open_kinds = [kind for kind in works if shares[kind] < len(works[kind])]
        for kind in open_kinds[:left]:
            step = min(len(works[kind]) - shares[kind], max(1, left // len(open_kinds)))
            shares[kind] += step
            left -= step
    placed = [
        ((number + 0.5) / share, works[kind][number]) for kind, share in shares.items() for number in range(share)
    ]
    return [work for _, work in sorted(placed, key=lambda pair: pair[0])]


def _nasap(folder: Path, part: str) -> list[HeldSource]:
    """The first performance of each piece in a half."""
    found = []
    for piece in read_nasap(folder)[0]:
        if piece.half != part or not piece.performances:
            continue
        played = min(piece.performances, key=lambda performance: str(performance.midi))
        score = played.score
        name = "nasap-" + "".join(c if c.isalnum() else "-" for c in f"{piece.id}-{played.name}").lower()
        item: dict[str, object] = {
            "id": name, "performance": str(played.midi), "beats": str(played.annotations), "score": str(score.midi),
            "score_beats": str(score.annotations),
        }  # fmt: skip
        found.append(HeldSource(item, "nasap", f"nasap-{piece.id}"))
    return found


def build_held(
    sources: Sequence[HeldSource], output: str | Path, *, most_seconds: float = 75.0, seed: int = 0, jobs: int = 1, quiet: bool = False
) -> tuple[list[Held], list[Skipped]]:  # fmt: skip
    """Plays what is not there yet (a killed run goes on) and reads all: the works in order, and what could not be made."""
    output = Path(output)
    items = [
        {**source.item, "kind": source.kind, "group": source.group, "seed": seed, "most_seconds": most_seconds}
        for source in sources
    ]
    outcomes = run_shards(
        make_held, items, output=output, parameters={"version": VERSION}, jobs=jobs, label="playing", shard_size=8,
        timeout_seconds=300, usable=lambda row, folder: _track(folder, str(row["id"])).is_file(), quiet=quiet,
    )  # fmt: skip
    ordered = sorted(outcomes, key=lambda outcome: outcome.index)
    held = [read_held(output, outcome.row) for outcome in ordered if outcome.row is not None]
    return held, [outcome.skipped for outcome in ordered if outcome.skipped is not None]


def _track(folder: Path, name: str) -> Path:
    return folder / f"tracks/{name}.npz"


def read_held(folder: Path, row: Mapping[str, object]) -> Held:
    """What `make_held` wrote."""
    with np.load(_track(folder, str(row["id"])), allow_pickle=False) as kept:
        warp = Clock(kept["source"], kept["target"])
        recording = kept["recording"]
    words = frozenset(str(word) for word in row["damage"])  # type: ignore[attr-defined]
    midi = folder / f"midi/{row['id']}.mid"
    return Held(str(row["id"]), str(row["kind"]), str(row["group"]), recording, midi, warp, int(str(row["semitones"])), words)  # fmt: skip


def make_held(item: Mapping[str, object], output: Path) -> Row:
    """In a worker process: plays a recording and writes the MIDI file."""
    torch.set_num_threads(1)
    make = _perform if item["kind"] == "nasap" else _version
    frames, performance, warp, semitones, damage = make(item)
    name = str(item["id"])
    midi = output / f"midi/{name}.mid"
    with atomic_write(midi) as temporary:
        MidiMusic(performance, np.zeros(1), np.zeros(1), np.array([120.0])).to_pretty_midi().write(str(temporary))
    read_frames(midi, "midi")  # one that cannot be looked up is no question
    with atomic_write(_track(output, name)) as temporary, temporary.open("wb") as stream:
        np.savez(stream, recording=to_bytes(frames), source=warp.source, target=warp.target, allow_pickle=False)
    return {
        "id": name,
        "kind": item["kind"],
        "group": item["group"],
        "semitones": semitones,
        "damage": sorted(damage),
    }


_Made = tuple[NDArray[np.float32], Performance, Clock, int, set[str]]


def _version(item: Mapping[str, object]) -> _Made:
    """As the pairs of training, but for the sound."""
    made = make_versions(item, versions=1, most_seconds=float(str(item["most_seconds"])), play=play_for_judging)
    version = made.versions[0]
    words = damage_words(version.damage) | ({"another key"} if version.semitones else set())
    return recording_frames(made.samples), version.performance, version.warp, version.semitones, words


def damage_words(damage: Damage) -> set[str]:
    """The kinds of damage that tables are split by."""
    told = {
        "another tempo": abs(np.log(damage.tempo)) > 0.1,
        "cut ends": any(damage.cut),
        "missing parts": bool(damage.dropped),
        "quantized": damage.grid > 0,
        "wrong notes": damage.wrong > 0,
        "other instruments": damage.instruments,
    }
    return {word for word, holds in told.items() if holds}


def _perform(item: Mapping[str, object]) -> _Made:
    """The beginning of a human performance in a room, and the score's MIDI to a little behind the same beat."""
    import tempfile

    import soundfile

    generator = item_generator(item, 0)
    folder = Path(str(item["score"])).parent
    score = NasapScore("", "", folder, folder, Path(str(item["score"])), Path(str(item["score_beats"])))
    played = Played(score, Path(str(item["performance"])), Path(str(item["beats"])))
    seconds, written = played.seconds, np.asarray(score.mechanical_time(score.quarters))
    most = float(str(item["most_seconds"]))
    with tempfile.TemporaryDirectory(prefix="crossmodal-") as name:
        midi = _beginning(played.midi, most, Path(name) / "beginning.mid")
        wav = render_performance(midi, Path(name) / "played.wav")
        samples, rate = soundfile.read(wav, dtype="float32", always_2d=True)
    mono = samples.mean(axis=1, dtype=np.float32)[: int(most * rate)]
    sound = record(mono, draw_condition(generator, natural="piano"), generator)
    inside = seconds < most
    if inside.sum() < 8:
        raise InputError(f"{played.midi}: expected at least eight beats in {most:g} s, got {inside.sum()}")
    music = read_music(score.midi)
    end = float(written[inside][-1]) * _MARGIN
    parts = [part.select(part.onset < end) for part in music.performance.parts]
    performance = replace(music.performance, parts=tuple(part for part in parts if len(part)))
    return recording_frames(sound), performance, Clock(written[inside], seconds[inside]), 0, {"human timing"}


def _beginning(midi: Path, seconds: float, output: Path) -> Path:
    """The file's first seconds, pedal and all."""
    import pretty_midi

    found = pretty_midi.PrettyMIDI(str(midi))
    for instrument in found.instruments:
        instrument.notes = [note for note in instrument.notes if note.start < seconds]
        instrument.control_changes = [change for change in instrument.control_changes if change.time < seconds]
        instrument.pitch_bends = [bend for bend in instrument.pitch_bends if bend.time < seconds]
    found.write(str(output))
    return output
