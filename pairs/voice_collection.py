"""A collection of invented singers: each sings several pieces of the corpus, alone and within mixes, as a catalogue like any user's.

Rows: `voice` (unaccompanied), `mix` (the same singing, over its own or another piece's accompaniment), some `backing` (the
accompaniment alone), `singer`, `song`. `work` is the singer, so that no singer is torn apart by a split; singers of different splits
sing different works.
Work runs in processes, goes on where a killed run left it, and depends on its arguments only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crossmodal.base.errors import InputError
from crossmodal.base.files import FolderLock, atomic_write, make_folder, write_skipped
from crossmodal.base.jobs import Row, collect, run_shards
from pairs.catalogue import write_catalogue
from pairs.collection import choose_works, write_audio
from pairs.corpus import Work
from pairs.facts import quarters_per_beat
from pairs.midi_folders import midi_works
from pairs.notes import Notes, read_midi
from pairs.rooms import SAMPLE_RATE, Samples
from pairs.scores import ScoreReader
from pairs.singers import Singer, draw_singer
from pairs.singing import key_for, sing
from pairs.source import Item
from pairs.sung_songs import Song, backing_sound, draw_backing, draw_song, transposition_to
from pairs.vocal_mixing import (
    LOUDEST,
    QUIETEST,
    draw_backing_condition,
    draw_master,
    draw_voice_condition,
    mix,
    recorded,
)

VERSION = 2  # count up when a sound changes
SHORTEST_SECONDS, LONGEST_SECONDS = 9.0, 12.0
SPLITS = ("train", "validation", "test")
_ANOTHER = 0.5  # how often the accompaniment is another piece's
_TRIES = 6


def singer_of(seed: int, number: int) -> Singer:
    """Singer `number` of a collection: the same whatever the collection's size."""
    return draw_singer(np.random.default_rng([seed, 0, number]))


def read_work(item: Mapping[str, object], output: Path) -> Row:
    """A work of the corpus as a MIDI file below `output`."""
    file = f"scores/{item['id']}.mid"
    if not (output / file).is_file():
        midi, _ = ScoreReader().read(Work(str(item["path"]), int(str(item["tune"]))))
        with atomic_write(output / file) as temporary:
            temporary.write_bytes(midi)
    return {"id": item["id"], "midi": file, "split": item["split"]}


def sing_song(item: Mapping[str, object], output: Path) -> Row:
    """One song of one singer: writes voice, mix and at times the accompaniment, returns the catalogue's row."""
    seed, number, song = (int(str(item[key])) for key in ("seed", "number", "song"))
    generator = np.random.default_rng([seed, 1, number, song])
    singer = singer_of(seed, number)
    midis = [_file(output, name) for name in list(item["midis"])]  # type: ignore[call-overload]
    own = _draw(midis[:1], generator)
    semitones = key_for(singer, own.melody.pitch, generator)
    shift = (semitones + 5) % 12 - 5  # of the accompaniment, which needs no other octave
    sung = sing(singer, own.sung(semitones=semitones), generator)
    another = generator.random() < _ANOTHER
    source = _draw(midis[1:], generator, beat_of=own) if another else own
    moved = shift + (transposition_to(source, own) if another else 0)
    played = backing_sound(source, draw_backing(source, generator), generator, semitones=moved, qpm=source.qpm)
    length = min(len(sung), int(LONGEST_SECONDS * SAMPLE_RATE))
    voice = recorded(sung[:length], draw_voice_condition(generator), generator)
    backing = recorded(_at_length(played, length), draw_backing_condition(generator), generator)
    decibels = float(generator.uniform(QUIETEST, LOUDEST))
    both, _ = mix(voice, backing, decibels=decibels)
    whole = recorded(both, draw_master(generator), generator)
    sounds = {"voice": voice, "mix": whole} | ({"backing": backing} if item["backing"] else {})
    files = {kind: f"{kind}/{item['id']}.flac" for kind in sounds}
    for kind, samples in sounds.items():
        write_audio(output / files[kind], samples)
    return {
        "id": item["id"], "files": files, "bytes": {k: (output / f).stat().st_size for k, f in files.items()},
        "voice_decibels": round(decibels, 2), "accompaniment": "another piece's" if another else "its own",
        "semitones": semitones, "quarters_per_minute": round(own.qpm, 2), "key": own.key.name,
    }  # fmt: skip


def _draw(midis: Sequence[Path], generator: np.random.Generator, *, beat_of: Song | None = None) -> Song:
    """A song of the first piece that can be sung, at the tempo of another song where one is given."""
    seconds = float(generator.uniform(SHORTEST_SECONDS, LONGEST_SECONDS))
    tempo = None if beat_of is None else beat_of.qpm / quarters_per_beat(beat_of.notes.metre)
    reason: InputError | None = None
    for place in range(_TRIES):
        try:
            notes: Notes = read_midi(midis[place % len(midis)])
            length = seconds if beat_of is None else LONGEST_SECONDS + 1
            return draw_song(notes, generator, seconds=length, beats_per_minute=tempo)
        except InputError as error:
            reason = error
    raise reason or InputError("expected a piece to sing, got none")


def _at_length(samples: Samples, length: int) -> Samples:
    """The samples played over again, or cut, to so many."""
    return np.resize(samples, length).astype(np.float32) if len(samples) < length else samples[:length]


def _file(output: Path, name: str) -> Path:
    return Path(name) if Path(name).is_absolute() else output / name


def _usable(row: Row, output: Path) -> bool:
    sizes = row.get("bytes")
    if not isinstance(sizes, dict):
        return "midi" in row and (output / str(row["midi"])).is_file()
    files = row["files"]
    assert isinstance(files, dict)
    return all((output / files[k]).is_file() and (output / files[k]).stat().st_size == n for k, n in sizes.items())


@dataclass(frozen=True)
class Cast:
    """How many singers each split has, and how many songs each of them sings. songs_trained: of the training's, where not as many.

    Five recordings to learn a singer from take six songs; a training gains more from other singers than from more songs of each.
    """

    train: int = 600
    validation: int = 30
    test: int = 100
    songs: int = 6
    songs_trained: int | None = None

    def numbers(self, split: str) -> range:
        """Numbers of a split's singers: those of the test do not depend on how many are trained on."""
        first = {"test": 0, "validation": 10_000, "train": 20_000}[split]
        return range(first, first + getattr(self, split))

    def songs_of(self, split: str) -> int:
        """Songs of each singer of a split."""
        return self.songs_trained if split == "train" and self.songs_trained is not None else self.songs


def build_voice_collection(
    output: str | Path, *, cast: Cast | None = None, works: int = 400, seed: int = 0, jobs: int = 2, licence: str = "any",
    midi_folders: Sequence[str | Path] = (), midi_works_each: int | None = None, quiet: bool = False,
) -> Path:  # fmt: skip
    """Sing a collection and return its catalogue.jsonl; a second call reuses what is done, also after a kill.

    works: pieces of the corpus; midi_folders: folders of MIDI files whose melodies are sung besides. Every second song keeps its
    accompaniment alone. InputError when nothing can be sung or another process works on the same folder.
    """
    cast = cast or Cast()
    if (
        min(cast.train, cast.validation, cast.test) < 0
        or min(map(cast.songs_of, SPLITS)) < 2
        or cast.train + cast.test < 2
    ):
        raise InputError(f"expected at least 2 singers with at least 2 songs each, got {cast}")
    output = make_folder(Path(output))
    with FolderLock(output):
        midis = _repertory(output, cast, works, seed, jobs, licence, midi_folders, midi_works_each, quiet)
        items = _items_to_sing(cast, midis, seed)
        outcomes = run_shards(
            sing_song, items, output=output, parameters={"version": VERSION}, jobs=jobs, label="Singing",
            shard_size=32, timeout_seconds=120, usable=_usable, quiet=quiet,
        )  # fmt: skip
        rows, skipped = collect(outcomes)
        write_skipped(output / "skipped.csv", skipped)
        if not rows:
            raise InputError(f"{output}: expected at least one song that can be sung, got none; see skipped.csv")
        by_id = {str(item["id"]): item for item in items}
        found = [_item(output, row, by_id[str(row["id"])], licence) for row in rows]
        write_catalogue(output / "catalogue.jsonl", found)
    return output / "catalogue.jsonl"


def _repertory(
    output: Path, cast: Cast, works: int, seed: int, jobs: int, licence: str, folders: Sequence[str | Path], each: int | None,
    quiet: bool,
) -> dict[str, list[str]]:  # fmt: skip
    """split -> MIDI files, relative to `output` or absolute."""
    chosen = choose_works(works, seed=seed, licence=licence) if works else []
    items = [{"id": w.id, "path": w.work.path, "tune": w.work.tune, "split": w.split} for w in chosen]
    outcomes = run_shards(
        read_work, items, output=output, jobs=jobs, label="Reading scores", timeout_seconds=60, usable=_usable,
        quiet=quiet,
    )  # fmt: skip
    rows, _ = collect(outcomes)
    found: dict[str, list[str]] = {split: [str(r["midi"]) for r in rows if r["split"] == split] for split in SPLITS}
    for folder in folders:
        for work in midi_works(Path(folder), most=each, seed=seed):
            found[work.split].append(str(work.path.resolve()))
    short = [split for split in SPLITS if len(cast.numbers(split)) and len(found[split]) < 4]
    if short:
        raise InputError(
            f"expected at least 4 pieces to sing in each split, got fewer in {', '.join(short)}; ask for more works"
        )
    return found


def _items_to_sing(cast: Cast, midis: Mapping[str, Sequence[str]], seed: int) -> list[dict[str, object]]:
    items: list[dict[str, object]] = []
    for split in SPLITS:
        songs = cast.songs_of(split)
        for number in cast.numbers(split):
            generator = np.random.default_rng([seed, 2, number])
            chosen = generator.choice(len(midis[split]), size=(songs, 4), replace=len(midis[split]) < 4 * songs)
            for song in range(songs):
                pieces = [midis[split][int(row)] for row in chosen[song]]
                items.append(
                    {
                        "id": f"{split}-{number % 10_000:04d}-{song}", "number": number, "song": song, "split": split,
                        "seed": seed, "midis": pieces, "backing": (number + song) % 2 == 0,
                    }
                )  # fmt: skip
    return items


def _item(output: Path, row: Row, asked: Mapping[str, object], licence: str) -> Item:
    files = row["files"]
    assert isinstance(files, dict)
    kept = ("voice_decibels", "accompaniment", "semitones", "quarters_per_minute", "key")
    singer = f"{asked['split']}-{int(str(asked['number'])) % 10_000:04d}"
    piece = hashlib.blake2b(str(asked["midis"][0]).encode(), digest_size=4).hexdigest()  # type: ignore[index]
    fields = {"singer": singer, "song": f"{singer}-{asked['song']}", "piece": piece, "licence": licence} | {
        key: row[key] for key in kept
    }
    return Item(
        id=str(row["id"]), files={kind: output / file for kind, file in files.items()}, work=f"singer-{singer}",
        split=str(asked["split"]), fields=fields,  # type: ignore[arg-type]
    )  # fmt: skip
