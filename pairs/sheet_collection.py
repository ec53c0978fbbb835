"""A collection to learn the audio-sheet space from: engraved pages and performances of them, made on the spot.

Three kinds of scores: works of the corpus and pop songs, each as written and again arranged in other textures, and invented pieces, whose
figures, registers and keys the free part of the corpus lacks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from crossmodal.base.errors import InputError
from crossmodal.base.files import FolderLock, make_folder, write_skipped
from crossmodal.base.jobs import Row, collect, run_shards
from pairs.catalogue import write_catalogue
from pairs.collection import write_audio
from pairs.corpus import Work, read_text
from pairs.engraving import Engraver, draw_look
from pairs.piano_performance import play
from pairs.rendering import synthesize
from pairs.rooms import draw_condition, record
from pairs.scores import ScoreReader
from pairs.sheet_music import SheetMusic, sheet_of, write_sheet
from pairs.source import Item
from pairs.works import TableWork, read_works

VERSION = 4  # of what a work is made into: a new one makes everything anew
PAGES = 3
LONGEST_SECONDS = 150.0
_LEAST_MOMENTS = 24


@dataclass(frozen=True)
class _Source:
    item: dict[str, object]
    split: str
    group: str
    licence: str
    title: str


def build_sheet_collection(
    output: str | Path, *, works: int = 300, inventions: int = 200, pop909: str | Path | None = None, songs: int = 909,
    seed: int = 0, jobs: int = 2, licence: str = "any", quiet: bool = False,
) -> Path:  # fmt: skip
    """Engraves and plays; returns the catalogue.jsonl (columns audio, sheet, split). A second call reuses what is done.

    works: of the corpus (each as written, and again arranged for two hands); inventions: invented pieces, for training only; pop909:
    that data set's folder, and how many of its songs (each as it is, and again arranged); licence: "free" for what a shipped space may
    learn from, or "any".
    """
    if min(works, inventions, songs) < 0 or not works + inventions + (songs if pop909 else 0):
        raise InputError(f"expected at least one work, got works={works}, inventions={inventions}; ask for some")
    output = make_folder(Path(output))
    sources = [
        *_corpus(works, seed, licence),
        *_inventions(inventions),
        *(_songs(Path(pop909), songs) if pop909 else []),
    ]
    items = [{**source.item, "seed": seed} for source in sources]
    with FolderLock(output):
        outcomes = run_shards(
            make_pair, items, output=output, parameters={"version": VERSION}, jobs=jobs, label="Engraving",
            shard_size=16, timeout_seconds=120, quiet=quiet,
        )  # fmt: skip
        rows, skipped = collect(outcomes)
        write_skipped(output / "skipped.csv", skipped)
        found = _catalogue(output, sources, rows)
        if not found:
            raise InputError(
                f"{output}: expected at least one work that can be engraved and played, got none; see skipped.csv"
            )
        write_catalogue(output / "catalogue.jsonl", found)
    return output / "catalogue.jsonl"


def _catalogue(output: Path, sources: Sequence[_Source], rows: Sequence[Row]) -> list[Item]:
    by_id = {str(source.item["id"]): source for source in sources}
    items = []
    for row in rows:
        source = by_id[str(row["id"])]
        files = {"audio": output / str(row["audio"]), "sheet": output / str(row["sheet"])}
        fields = {"title": source.title, "licence": source.licence, "kind": str(source.item["kind"])}
        items.append(Item(id=str(row["id"]), files=files, work=source.group, split=source.split, fields=fields))
    return items


def _corpus(count: int, seed: int, licence: str) -> list[_Source]:
    """Works in a random order, a collection's long rows of short tunes after the rest; twice each."""
    usable = [work for work in read_works() if licence == "any" or work.free]
    order = np.random.default_rng([seed, 17]).permutation(len(usable))
    tunes = sorted(order, key=lambda i: usable[i].work.path.endswith(".abc"))
    chosen = [usable[i] for i in tunes[:count]]
    return [_corpus_source(work, kind) for work in chosen for kind in ("written", "arranged")]


def _corpus_source(work: TableWork, kind: str) -> _Source:
    item: dict[str, object] = {"id": f"{work.id}-{kind}", "kind": kind, "path": work.work.path, "tune": work.work.tune}
    return _Source(item, work.split, f"group-{work.group}", work.licence, work.title)


def _inventions(count: int) -> list[_Source]:
    names = [f"invention-{number:05d}" for number in range(count)]
    return [_Source({"id": name, "kind": "invented"}, "train", name, "free", name) for name in names]


def _songs(folder: Path, count: int) -> list[_Source]:
    songs = sorted(path for path in folder.rglob("*.mid") if path.stem == path.parent.name)[:count]
    if not songs:
        raise InputError(f"{folder}: expected the folders of POP909 (001/001.mid ...), got none; check --pop909")
    found = []
    for path in songs:
        share = hashlib.blake2b(path.stem.encode(), digest_size=1).digest()[0] / 256
        split = "test" if share < 0.1 else "validation" if share < 0.15 else "train"
        name = f"pop909-{path.stem}"
        for kind in ("song", "song-arranged"):
            item: dict[str, object] = {"id": f"{name}-{kind}", "kind": kind, "folder": str(path.parent)}
            found.append(_Source(item, split, name, "pop909 (MIT)", name))
    return found


@lru_cache(maxsize=1)
def _engraver() -> Engraver:
    return Engraver()


@lru_cache(maxsize=1)
def _reader() -> ScoreReader:
    return ScoreReader()


def make_pair(item: Mapping[str, object], output: Path) -> Row:
    """One score: writes its straightened pages and a performance of them, returns their names."""
    generator = np.random.default_rng(
        [int(str(item["seed"])), *hashlib.blake2b(str(item["id"]).encode(), digest_size=8).digest()]
    )
    text = _score(item, generator)
    engraving = _engraver().engrave(text, look=draw_look(generator), repeats=False, pages=PAGES)
    sheet = sheet_of(engraving)
    if len(np.unique(np.round(sheet.quarters, 3))) < _LEAST_MOMENTS:
        raise InputError(f"expected at least {_LEAST_MOMENTS} moments with notes, got fewer")
    name = str(item["id"])
    sheet = perform_sheet(sheet, output / f"audio/{name}.flac", generator)
    write_sheet(output / f"sheets/{name}.sheet.npy", sheet)
    return {"id": name, "audio": f"audio/{name}.flac", "sheet": f"sheets/{name}.sheet.npy"}


def perform_sheet(sheet: SheetMusic, file: Path, generator: np.random.Generator) -> SheetMusic:
    """Plays and records the notes; returns them with the seconds at which they sound. What comes too late is left out."""
    played = play(sheet.quarters, sheet.duration, sheet.pitch, sheet.staff, generator)
    part = played.performance.parts[0]
    heard = replace(played.performance, parts=(part.select(part.onset < LONGEST_SECONDS),))
    condition = draw_condition(generator, natural="piano", loudness=str(generator.choice(["", "", "soft", "loud"])))
    write_audio(file, record(synthesize(heard), condition, generator))
    return replace(sheet, seconds=played.seconds).select(played.seconds < LONGEST_SECONDS)


def _score(item: Mapping[str, object], generator: np.random.Generator) -> str:
    """The text that is engraved."""
    from pairs.invention import invent
    from pairs.notation import write_mei
    from pairs.quantization import read_pop909, score_notes_of
    from pairs.reductions import augment_texture, reduce_to_piano

    kind = str(item["kind"])
    if kind == "written":
        return read_text(Work(str(item["path"]), int(str(item["tune"]))))
    if kind == "invented":
        song = invent(generator)
    elif kind.startswith("song"):
        song = read_pop909(str(item["folder"]), melody="right" if generator.random() < 0.5 else "none")
    else:
        _, notes = _reader().read(Work(str(item["path"]), int(str(item["tune"]))))
        song = score_notes_of(notes)
    if kind.endswith("arranged"):
        changes = int(generator.integers(1, 4))
        parts = [[note for note in song.notes if note.staff == staff] for staff in range(song.staves)]
        hands = reduce_to_piano(parts) if song.staves > 2 else song.notes
        arranged = augment_texture(hands, generator, meter=song.meter, key=song.key, changes=changes)
        song = replace(song, notes=arranged, staves=2)
    return write_mei(
        song.notes,
        meter=song.meter,
        key=song.key,
        ticks_per_quarter=song.ticks_per_quarter,
        staves=song.staves,
        decoration=generator,
    )
