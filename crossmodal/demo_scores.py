"""The demo's shelf of scores: works that no training saw, each performed, and looked for by its sound.

A stranger, whose score is not on the shelf, and applause are asked for too: neither may be given a name. What was performed, cut
and indexed stays in the output folder and is not done again.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossmodal.applications.collection import SearchableIndex
from crossmodal.applications.identification import identify
from crossmodal.applications.indexing import build_index
from crossmodal.base.audio import decode
from crossmodal.base.errors import InputError
from crossmodal.base.files import atomic_write, make_folder
from crossmodal.base.jobs import Row, collect, run_shards
from crossmodal.base.results import Ranking, ScoreRow, Skipped
from crossmodal.demo_shares import share_rows
from crossmodal.space import Space
from pairs.catalogue import write_catalogue
from pairs.collection import write_audio
from pairs.corpus import Work, read_text
from pairs.engraving import Engraver
from pairs.rooms import SAMPLE_RATE
from pairs.sheet_collection import perform_sheet
from pairs.sheet_music import sheet_of
from pairs.source import Item
from pairs.works import TableWork, read_works

SPACE = "audio-sheet"
EXCERPT_SECONDS = 25.0
APPLAUSE = "applause"
SHOWN = 5  # answers asked for
PAGES = 3  # of a score that are performed
SPARE = 2  # works more than asked for, since some cannot be engraved; the stranger is one of them
VERSION = 1  # of what a work is made into: a new one makes everything anew
LONGEST_TEXTS = {".krn": 12_000}  # characters: a long score takes a small machine long to engrave
LONGEST_TEXT = 400_000
_KINDS = ("keyboard", "quartet", "lied", "mixed", "choir")  # of collections, in the order in which the shelf is filled
_EXTENSIONS = {".mxl": ".musicxml", ".xml": ".musicxml"}


@dataclass(frozen=True)
class Performed:
    """A work and a recording of it. excerpt: the part that is looked up; columns, seconds (n,): where on its score, counted over all
    systems, and when in the recording each moment with notes sounds.
    """

    work: TableWork
    recording: Path
    excerpt: Path
    columns: NDArray[np.float64]
    seconds: NDArray[np.float64]


@dataclass(frozen=True)
class Answer:
    """What was said of a recording. right: the id that it should have been, None for what is not on the shelf; refused: why it was
    not even looked for.
    """

    title: str
    excerpt: Path
    right: str | None
    ranking: Ranking | None
    refused: str = ""

    @property
    def answered(self) -> bool:
        """Whether it was given a name."""
        return self.ranking is not None and not self.ranking.abstained

    @property
    def rank(self) -> int | None:
        """Of the right score, from 1; None where it is not among those listed."""
        listed = self.ranking.results if self.ranking else []
        return next((result.rank for result in listed if result.id == self.right), None)

    @property
    def nearest(self) -> str:
        """The title of the first score listed."""
        first = self.ranking.results[0] if self.ranking and self.ranking.results else None
        return str(first.detail.get("title") or first.id) if first else ""

    @property
    def confidence(self) -> float | None:
        """Of the first score listed."""
        return self.ranking.results[0].confidence if self.ranking and self.ranking.results else None


@dataclass
class Shelf:
    """The scores on the shelf, by their work's id, with their recordings; the stranger; what could not be used; and the answers."""

    scores: dict[str, Path]
    performed: list[Performed]
    stranger: Performed
    skipped: list[Skipped]
    answers: list[Answer] = field(default_factory=list)
    outside: list[Answer] = field(default_factory=list)

    def rows(self, *, seed: int) -> list[ScoreRow]:
        """Top-1 and top-5 with their chance, how many were given a name at all, and how many of these the right one."""
        count = len(self.scores)
        ranks = np.array([answer.rank or np.inf for answer in self.answers])
        answered = np.array([answer.answered for answer in self.answers])
        measured = [
            ("top-1", ranks <= 1, 1 / count),
            (f"top-{SHOWN}", ranks <= SHOWN, min(SHOWN, count) / count),
            ("answered", answered, None),
            ("right of those answered", (ranks <= 1)[answered], 1 / count),
        ]
        return share_rows(measured, seed=seed)


def choose_works(count: int, *, seed: int, trained: frozenset[str] = frozenset()) -> list[TableWork]:
    """Works of the test split for several voices, from all collections in turn, one of each group. trained: groups to leave out."""
    queues: dict[tuple[int, str], list[TableWork]] = defaultdict(list)
    for work in sorted(read_works(), key=lambda work: _hash(work.id, seed)):
        kind = work.work.folder.kind
        if work.split == "test" and kind in _KINDS and not work.work.path.endswith(".abc"):
            queues[_KINDS.index(kind), work.collection].append(work)
    turns = zip_longest(*(queues[key] for key in sorted(queues)))
    chosen: list[TableWork] = []
    seen = set(trained)
    for work in chain.from_iterable(turns):
        if len(chosen) == count:
            break
        if work is not None and f"group-{work.group}" not in seen and _is_short(work):
            seen.add(f"group-{work.group}")
            chosen.append(work)
    return chosen


def make_shelf(output: Path, *, space: Space, works: int, seed: int, jobs: int, quiet: bool) -> Shelf:
    """Writes `output`/scores and performs each work into `output`/recordings, what is there already left as it is.

    InputError where fewer than two works could be used.
    """
    chosen = choose_works(works + SPARE, seed=seed, trained=frozenset(space.works))
    items = [{"id": work.id, "path": work.work.path, "tune": work.work.tune, "seed": seed} for work in chosen]
    recordings = make_folder(output / "recordings")
    outcomes = run_shards(
        perform_work, items, output=recordings, parameters={"version": VERSION}, jobs=jobs, label="Performing",
        shard_size=8, timeout_seconds=120, usable=_usable, quiet=quiet,
    )  # fmt: skip
    rows, skipped = collect(outcomes)
    if len(rows) < 2:
        raise InputError(f"{recordings}: expected at least two works that can be engraved and played, got {len(rows)}")
    by_id = {work.id: work for work in chosen}
    performed = [_performed(by_id[str(row["id"])], row, recordings) for row in rows]
    last = min(works, len(performed) - 1)
    shelf = performed[:last]
    scores = {one.work.id: _write_score(one.work, make_folder(output / "scores")) for one in shelf}
    return Shelf(scores, shelf, performed[last], skipped)


def perform_work(item: Mapping[str, object], output: Path) -> Row:
    """One work: writes a recording and an excerpt of it; returns their names, and when which place of the score sounds."""
    generator = np.random.default_rng([int(str(item["seed"])), _hash(str(item["id"]), 0) % 2**32])
    engraving = _engraver().engrave(
        read_text(Work(str(item["path"]), int(str(item["tune"])))), repeats=False, pages=PAGES
    )
    if max(len(system.staves) for page in engraving.pages for system in page.systems) < 2:
        raise InputError("expected a score of two or more staves, got one of a single line")
    name = str(item["id"])
    files = {"audio": f"{name}.flac", "excerpt": f"excerpts/{name}.flac"}
    sheet = perform_sheet(sheet_of(engraving), output / files["audio"], generator)
    samples = decode(output / files["audio"], sample_rate=SAMPLE_RATE)
    length = round(EXCERPT_SECONDS * SAMPLE_RATE)
    start = int(generator.integers(max(1, len(samples) - length)))
    make_folder((output / files["excerpt"]).parent)
    write_audio(output / files["excerpt"], samples[start : start + length])
    _, moments = np.unique(np.round(sheet.quarters, 3), return_index=True)
    times = {"columns": sheet.column[moments].round(1).tolist(), "seconds": sheet.seconds[moments].round(3).tolist()}
    return {"id": name, **files, **times}


def index_shelf(space: Space, shelf: Shelf, output: Path, *, jobs: int, quiet: bool) -> SearchableIndex:
    """The scores of the shelf, with their titles, as `crossmodal index` makes an index of them."""
    catalogue = output / "scores" / "catalogue.jsonl"
    items = [
        Item(
            id=one.work.id, files={"sheet": shelf.scores[one.work.id]},
            fields={"title": title_of(one.work), "artist": one.work.composer, "licence": one.work.licence},
        )
        for one in shelf.performed
    ]  # fmt: skip
    write_catalogue(catalogue, items)
    folder = output / f"score-index-{space.fingerprint[:8]}"  # that of another space stays as it is
    build_index(space, [catalogue], folder, modality="sheet", update=True, resume=True, jobs=jobs, quiet=quiet)
    return SearchableIndex.open(folder, space=space)


def ask_shelf(shelf: Shelf, index: SearchableIndex, output: Path, *, seed: int) -> None:
    """Looks for every excerpt, the stranger's and applause; what is said becomes the shelf's answers."""
    shelf.answers = [_ask(index, title_of(one.work), one.excerpt, one.work.id) for one in shelf.performed]
    clapping = output / "recordings" / "excerpts" / f"{APPLAUSE}.flac"
    write_audio(clapping, applause(EXCERPT_SECONDS, np.random.default_rng([seed, 7])))
    shelf.outside = [
        _ask(index, f"{title_of(shelf.stranger.work)}, whose score is not on the shelf", shelf.stranger.excerpt, None),
        _ask(index, "applause, no music", clapping, None),
    ]


def applause(seconds: float, generator: np.random.Generator) -> NDArray[np.float32]:
    """Many hands, (n,) mono at SAMPLE_RATE, within [-1, 1]: some 200 claps a second, each a decaying burst of noise of a few
    milliseconds.
    """
    count = round(seconds * SAMPLE_RATE)
    claps = np.zeros(count)
    moments = generator.integers(count, size=round(200 * seconds))
    np.add.at(claps, moments, generator.lognormal(0.0, 0.7, len(moments)))
    time = np.arange(round(0.02 * SAMPLE_RATE)) / SAMPLE_RATE
    burst = generator.standard_normal(len(time)) * np.exp(-time / 0.004)
    size = 1 << (count + len(burst)).bit_length()
    sound = np.fft.irfft(np.fft.rfft(claps, size) * np.fft.rfft(burst, size), size)[:count]
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)


def title_of(work: TableWork) -> str:
    """Composer and title, the composer where one is known; titles that are file names begin with it too."""
    names, words = work.composer.lower().split(), work.title.split()
    while len(words) > 1 and words[0] in names:
        words.pop(0)
    return ": ".join(filter(None, (work.composer, " ".join(words))))


def _ask(index: SearchableIndex, title: str, excerpt: Path, right: str | None) -> Answer:
    try:
        return Answer(title, excerpt, right, identify(index, excerpt, k=SHOWN))
    except InputError as error:  # silence, or what is no music, is told and not looked for
        return Answer(title, excerpt, right, None, str(error).removeprefix(f"{excerpt}: "))


def _performed(work: TableWork, row: Row, folder: Path) -> Performed:
    columns, seconds = (np.array(row[name], np.float64) for name in ("columns", "seconds"))
    return Performed(work, folder / str(row["audio"]), folder / str(row["excerpt"]), columns, seconds)


def _usable(row: Row, output: Path) -> bool:
    return all((output / str(row.get(name))).is_file() for name in ("audio", "excerpt"))


def _write_score(work: TableWork, folder: Path) -> Path:
    """The score as a file of its own; one that is there and the same stays untouched."""
    path, data = folder / f"{work.id}{_suffix(work)}", read_text(work.work).encode("utf-8")
    if not path.is_file() or path.read_bytes() != data:
        with atomic_write(path) as temporary:
            temporary.write_bytes(data)
    return path


def _is_short(work: TableWork) -> bool:
    return len(read_text(work.work)) <= LONGEST_TEXTS.get(_suffix(work), LONGEST_TEXT)


def _suffix(work: TableWork) -> str:
    suffix = Path(work.work.path).suffix
    return _EXTENSIONS.get(suffix, suffix)


def _hash(name: str, seed: int) -> int:
    return int.from_bytes(hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest(), "big")


@lru_cache(maxsize=1)
def _engraver() -> Engraver:
    return Engraver()
