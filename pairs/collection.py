"""The demo collection: real works of the corpus, each rendered several ways, as a catalogue like any user's.

Work runs in processes that a broken score may end, is taken up where a killed run left it, and depends on its arguments
only. What could not be read is counted and listed in skipped.csv beside the catalogue.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path

import numpy as np

from crossmodal.base.errors import InputError
from crossmodal.base.files import FolderLock, atomic_write, make_folder, write_skipped
from crossmodal.base.jobs import Row, collect, run_shards
from pairs.captions import CaptionWriter
from pairs.catalogue import write_catalogue
from pairs.corpus import Work, abc_fields, read_text
from pairs.genres import genre_words
from pairs.midi_folders import MidiWork, midi_works
from pairs.notes import Notes, read_midi
from pairs.rendering import Rendering, render
from pairs.rooms import SAMPLE_RATE, Samples
from pairs.scores import ScoreReader
from pairs.source import Caption, Item
from pairs.studies import INSTRUMENTS, study
from pairs.vocabulary import seen_tags, unseen_tags
from pairs.works import TableWork, read_works

VERSION = 4  # count up when a rendering, a fact or a caption changes
LEAST, MOST = 6, 8  # facts that a detailed caption states
_SPARE = 1.02  # works more than asked for, since some cannot be read


def choose_works(count: int, *, seed: int, licence: str = "any") -> list[TableWork]:
    """Works in equal shares of all collections and, inside each, of 70% train, 10% validation, 20% test; one of a melody group.

    licence: "any", or "free" for what may be used for anything. InputError for an unknown licence.
    """
    if licence not in ("any", "free"):
        raise InputError(f'licence: expected "any" or "free", got "{licence}"')
    queues: dict[str, dict[str, list[TableWork]]] = defaultdict(lambda: defaultdict(list))
    seen: set[str] = set()
    for work in sorted(read_works(), key=lambda work: _hash(work.id, seed)):
        if (licence == "any" or work.free) and work.group not in seen:
            if work.work.folder.kind in ("tune", "song"):  # of art music, movements of one work may all come
                seen.add(work.group)
            queues[work.collection][work.split].append(work)
    chosen: list[TableWork] = []
    turn = 0
    while len(chosen) < count and queues:
        split = ("train", "test", "train", "validation", "train", "train", "test", "train", "train", "train")[turn % 10]
        for name in sorted(queues):
            parts = queues[name]
            part = split if parts.get(split) else max(parts, key=lambda p: len(parts[p]))
            chosen.append(parts[part].pop())
            if not any(parts.values()):
                del queues[name]
        turn += 1
    return chosen[:count]


def _hash(name: str, seed: int) -> int:
    return int.from_bytes(hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest(), "big")


@lru_cache(maxsize=1)
def _reader() -> ScoreReader:
    return ScoreReader()


def _notes(item: Mapping[str, object], output: Path) -> Notes:
    """Notes of a work, from the cached MIDI of an earlier reading where there is one."""
    if item["midi"]:
        return read_midi(Path(str(item["midi"])))
    cached = output / "scores" / f"{item['id']}.mid"
    if cached.is_file():
        return read_midi(cached)
    midi, notes = _reader().read(Work(str(item["path"]), int(str(item["tune"]))))
    with atomic_write(cached) as temporary:
        temporary.write_bytes(midi)
    return notes


def render_work(item: Mapping[str, object], output: Path) -> Row:
    """All renderings of one work, or all studies of one instrument: writes the sound files, returns their rows."""
    if "instrument" in item:
        return render_studies(item, output)
    notes = _notes(item, output)
    work_hash = _hash(str(item["id"]), 0) % 2**32
    seed = (int(str(item["seed"])), work_hash)
    words = genre_words(list(item["kinds"]), list(item["words"]))  # type: ignore[call-overload]
    rows: list[dict[str, object]] = []
    for number in range(int(str(item["renderings"]))):
        slot = int(str(item["order"])) * 7 + number
        made = render(notes, style=str(item["style"]), number=number, seed=seed, words=words, slot=slot)
        words_of = np.random.default_rng([*seed, number, 1])
        rows.append(_row(output, f"{item['id']}-{number}", made, str(item["split"]), words_of))
    return {"work": item["id"], "rows": rows}


def write_audio(path: Path, samples: Samples) -> None:
    """16-bit mono FLAC, whole or not at all."""
    import soundfile

    with atomic_write(path) as temporary:
        soundfile.write(temporary, samples, SAMPLE_RATE, subtype="PCM_16", format="FLAC")


def render_studies(item: Mapping[str, object], output: Path) -> Row:
    """All studies of one instrument: writes its sound files, returns their rows."""
    name, seed = str(item["instrument"]), (int(str(item["seed"])), _hash(str(item["id"]), 0) % 2**32)
    rows = []
    for number in range(int(str(item["studies"]))):
        made = study(name, seed=seed, number=number)
        rows.append(_row(output, f"{item['id']}-{number}", made, "train", np.random.default_rng([*seed, number, 1])))
    return {"work": item["id"], "rows": rows}


def _row(output: Path, name: str, made: Rendering, split: str, generator: np.random.Generator) -> dict[str, object]:
    """Writes the sound of a rendering and tells what the catalogue says of it."""
    file = f"audio/{name}.flac"
    write_audio(output / file, made.samples)
    captions = _captions(made.tags, split, generator)
    return {
        "id": name, "audio": file, "tags": sorted(made.tags),
        "captions": [{"text": c.text, "tags": sorted(c.facts)} for c in captions],
        "rendering": made.kind, "quarters_per_minute": round(made.qpm, 2),
        "instruments": ", ".join(str(name) for name in made.performance.instruments),
        "bytes": (output / file).stat().st_size,
    }  # fmt: skip


def _captions(tags: frozenset[str], split: str, generator: np.random.Generator) -> tuple[Caption, ...]:
    """Training works: captions without unseen words, short and detailed in turn. Others: two of each, and two with an unseen word."""
    seen = CaptionWriter(allowed=seen_tags(), forbidden=unseen_tags())
    if split == "train":
        short, detailed = seen.several(tags, 3, generator), seen.several(tags, 3, generator, least=LEAST, most=MOST)
        return tuple(c for pair in zip_longest(short, detailed) for c in pair if c is not None)
    hidden = sorted(tags & set(unseen_tags()))
    found = seen.several(tags, 2, generator) + seen.several(tags, 2, generator, least=LEAST, most=MOST)
    for _ in range(2 if hidden else 0):
        word = hidden[int(generator.integers(len(hidden)))]
        found += CaptionWriter().several(tags, 1, generator, must=[word])
    return found


def _usable(row: Row, output: Path) -> bool:
    rows = row.get("rows")
    return isinstance(rows, list) and all(
        isinstance(entry, dict) and _size(output / str(entry["audio"])) == entry["bytes"] for entry in rows
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


@dataclass(frozen=True)
class _Source:
    """What becomes of a work: the job's item, and what the catalogue says of it beside its rows."""

    item: dict[str, object]
    fields: dict[str, str]
    group: str
    split: str


def _kinds(work: TableWork) -> list[str]:
    """What may name a kind of piece: the title, and of a tune the header R (rhythm)."""
    if not work.work.path.endswith(".abc"):
        return [work.title]
    return [work.title, *abc_fields(read_text(work.work)).get("R", [])]


def _corpus_source(work: TableWork) -> _Source:
    folder = work.work.folder
    item = {
        "id": work.id, "path": work.work.path, "tune": work.work.tune, "midi": "", "style": folder.kind,
        "words": list(folder.words), "kinds": _kinds(work),
    }  # fmt: skip
    fields = {"title": work.title, "artist": work.composer, "collection": work.collection, "licence": work.licence}
    return _Source(item, fields, f"group-{work.group}", work.split)


def _midi_source(work: MidiWork) -> _Source:
    item = {
        "id": work.id, "path": str(work.path), "tune": 0, "midi": str(work.path.resolve()), "style": work.style,
        "words": list(work.words), "kinds": [work.title], "fingerprint": work.fingerprint,
    }  # fmt: skip
    return _Source(item, {"title": work.title, "artist": "", "collection": work.collection, "licence": "user"},
                   work.group, work.split)  # fmt: skip


def _study_source(name: str, studies: int) -> _Source:
    identifier = f"study-{name.replace(' ', '-')}"
    fields = {"title": f"Studies for {name}", "artist": "", "collection": "Instrument studies", "licence": "free"}
    return _Source({"id": identifier, "instrument": name, "studies": studies}, fields, identifier, "train")


def build_collection(
    output: str | Path, *, works: int = 650, renderings: int = 4, seed: int = 0, jobs: int = 2, licence: str = "any",
    midi_folders: Sequence[str | Path] = (), midi_works_each: int | None = None, studies: int = 0, quiet: bool = False,
) -> Path:  # fmt: skip
    """Render a collection and return its catalogue.jsonl; a second call reuses what is done, also after a kill.

    works: of the corpus; midi_folders: folders of MIDI files that are rendered besides (at most `midi_works_each` of
    each); studies: short recordings of each instrument alone, for training only. InputError when nothing could be
    rendered or another process works on the same folder.
    """
    if works < 0 or renderings < 1 or (works == 0 and not midi_folders):
        raise InputError(f"expected at least one work and one rendering, got works={works}, renderings={renderings}")
    output = make_folder(Path(output))
    wanted = choose_works(round(works * _SPARE) if works else 0, seed=seed, licence=licence)
    sources = [_corpus_source(work) for work in wanted]
    for folder in midi_folders:
        sources += [_midi_source(work) for work in midi_works(Path(folder), most=midi_works_each, seed=seed)]
    sources += [_study_source(name, studies) for name in INSTRUMENTS if studies]
    items = [
        {**source.item, "order": order, "seed": seed, "renderings": renderings, "split": source.split}
        for order, source in enumerate(sources)
    ]
    with FolderLock(output):
        outcomes = run_shards(
            render_work, items, output=output, parameters={"version": VERSION}, jobs=jobs, label="Rendering",
            shard_size=16, timeout_seconds=60, usable=_usable, quiet=quiet,
        )  # fmt: skip
        rows, skipped = collect(outcomes)
        write_skipped(output / "skipped.csv", skipped)
        found = _items(output, sources, rows)
        if not found:
            raise InputError(f"{output}: expected at least one work that renders, got none; see skipped.csv")
        write_catalogue(output / "catalogue.jsonl", found)
    return output / "catalogue.jsonl"


def _items(output: Path, sources: Sequence[_Source], rows: Sequence[Row]) -> list[Item]:
    by_work = {str(source.item["id"]): source for source in sources}
    items = []
    for row in rows:
        source = by_work[str(row["work"])]
        for made in row["rows"]:  # type: ignore[attr-defined]
            kept = {key: made[key] for key in ("rendering", "instruments", "quarters_per_minute")}
            items.append(
                Item(
                    id=made["id"], files={"audio": output / made["audio"]}, tags=frozenset(made["tags"]),
                    captions=tuple(Caption(c["text"], frozenset(c["tags"])) for c in made["captions"]),
                    work=source.group, split=source.split, fields={**source.fields, "piece": str(row["work"]), **kept},
                )
            )  # fmt: skip
    return items
