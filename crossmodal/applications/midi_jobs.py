"""Matching a whole folder: each query in a worker process of its own time and memory, answers durable as they come, one table at the end.

A run that was killed goes on where it was: answers lie in a hidden folder beside the output until the table is written.
"""

from __future__ import annotations

import csv
import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from crossmodal.applications.midi_matching import Answer, Matcher, answer, query_kind
from crossmodal.applications.midi_query import KEYS
from crossmodal.applications.midi_warping import write_aligned
from crossmodal.applications.track_frames import FILE_EXTENSIONS, KINDS, MEMORY_BYTES
from crossmodal.base.errors import CrossmodalError, InputError
from crossmodal.base.files import atomic_write, find_files
from crossmodal.base.jobs import Row, collect, run_shards
from crossmodal.base.results import MatchRow, Query, Ranking, Skipped
from crossmodal.base.workers import limit_memory
from encoders.constant_q import FRAMES_PER_SECOND

VERSION = 1  # of the answers: a new one makes them anew
TIMEOUT_SECONDS = 1_800.0  # of one query against a large index
_NAME = 60  # letters of a file's name that its warped MIDI keeps
_MATCHERS: dict[tuple[str, int], Matcher] = {}  # of a worker process


@dataclass(frozen=True)
class Settings:
    """How queries are answered. index: folder; state: of the index and of all that decides; aligned: folder for the warped MIDI, or ""."""

    index: str
    generation: int
    state: str
    k: int = 5
    keys: tuple[int, ...] = KEYS
    filters: tuple[str, ...] = ()
    aligned: str = ""
    device: str = "cpu"


@dataclass(frozen=True)
class Matches:
    """What `match_files` found: a ranking for each file that could be read, and why the others could not."""

    rankings: list[Ranking]
    skipped: list[Skipped] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def match_files(
    matcher: Matcher, sources: Sequence[Path], *, output: Path | None = None, aligned: Path | None = None, k: int = 5,
    keys: Sequence[int] = KEYS, filters: Sequence[str] = (), resume: bool = False, jobs: int = 1, device: str | None = None,
    quiet: bool = False, timeout_seconds: float = TIMEOUT_SECONDS,
) -> Matches:  # fmt: skip
    """Answers all MIDI files, or recordings, among files and folders, whichever the index has answers to.

    output: a .csv with a row for every answer; aligned: a folder for the MIDI of each sure match, warped to the recording, and its
    alignment as .csv. What an interrupted run had answered is taken up; `resume` asks for it, and there must be a place for it.
    InputError for a wrong `output`, and where there is nothing to match.
    """
    if output is not None and output.suffix.lower() != ".csv":
        raise InputError(f"--output: expected a .csv file, got {output}")
    if resume and output is None and aligned is None:
        raise InputError("--resume: expected --output or --aligned, beside which unfinished work is kept, got neither")
    files, skipped = _queries(matcher, sources)
    settings = _settings(matcher, k, keys, filters, aligned, device)
    items = [_item(path) for path in files]
    with _parts(output, aligned) as parts:
        outcomes = run_shards(
            partial(match_one, settings=settings), items, output=parts, parameters={"version": VERSION, **asdict(settings)}, jobs=jobs,
            label="matching", timeout_seconds=timeout_seconds, usable=_usable, quiet=quiet, shard_size=16,
        )  # fmt: skip
        rows, unread = collect(outcomes)
        skipped += [Skipped(path=row.path, reason=row.reason.removeprefix(f"{row.path}: ")) for row in unread]
        rankings = [Ranking.model_validate(row["ranking"]) for row in rows]
        if output is not None:
            write_table(output, rankings)
    said = list(dict.fromkeys([*matcher.warnings, *(text for ranking in rankings for text in ranking.warnings)]))
    return Matches(rankings, skipped, said)


def _queries(matcher: Matcher, sources: Sequence[Path]) -> tuple[list[Path], list[Skipped]]:
    """Files of the kinds that the index answers; a single file that is none is a mistake, one of many is skipped."""
    if len(sources) == 1 and not sources[0].is_dir():
        query_kind(matcher, sources[0])
    extensions = {extension for kind in matcher.asked_with() for extension in FILE_EXTENSIONS[kind]}
    files, skipped = find_files(sources, extensions=extensions)
    if not files and not skipped:
        wanted = " or ".join(KINDS[kind][1] for kind in matcher.asked_with())
        raise InputError(
            f"{', '.join(map(str, sources))}: expected {wanted}, since {matcher.index.folder} holds the others, found none; "
            f"known: {' '.join(sorted(extensions))}"
        )
    return files, skipped


def _settings(
    matcher: Matcher, k: int, keys: Sequence[int], filters: Sequence[str], aligned: Path | None, device: str | None
) -> Settings:
    if k < 1:
        raise InputError(f"k: expected at least 1, got {k}")
    header = matcher.index.header
    decides = (
        header.model_dump_json(),
        matcher.calibration.model_dump_json(),
        matcher.cuts.model_dump_json(),
        matcher.prunes,
    )
    state = hashlib.sha256(repr(decides).encode()).hexdigest()
    folder = "" if aligned is None else str(aligned.absolute())
    index = str(Path(matcher.index.folder).absolute())
    return Settings(index, header.generation, state, k, tuple(keys), tuple(filters), folder, device or "cpu")


def _item(path: Path) -> dict[str, object]:
    """A query by its path, size and time."""
    status = path.stat()
    return {"path": str(path.absolute()), "size": status.st_size, "modified_ns": status.st_mtime_ns}


@contextmanager
def _parts(output: Path | None, aligned: Path | None) -> Iterator[Path]:
    """Where answers wait until all are there: beside the output, and gone when the block ends well."""
    if output is None and aligned is None:
        with tempfile.TemporaryDirectory(prefix="crossmodal-") as name:
            yield Path(name)
        return
    folder = output.with_name(f".{output.name}.parts") if output is not None else aligned / ".match.parts"  # type: ignore[operator]
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def match_one(item: Mapping[str, object], folder: Path, *, settings: Settings) -> Row:
    """In a worker process: the answer to one file, and its warped MIDI."""
    del folder  # whose shards hold the rows
    key = (settings.index, settings.generation)
    if key not in _MATCHERS:
        _MATCHERS[key] = Matcher.of(settings.index, device=settings.device)
        limit_memory(MEMORY_BYTES)
    matcher, path = _MATCHERS[key], Path(str(item["path"]))
    found = answer(matcher, path, k=settings.k, keys=settings.keys, filters=settings.filters)
    ranking = found.ranking.model_copy(update={"warnings": []})
    if settings.aligned and found.best is not None and not ranking.abstained:
        output = Path(settings.aligned) / f"{aligned_name(path)}.mid"
        try:
            _write(matcher, path, found, output)
            ranking.results[0].detail["aligned"] = str(output)
        except CrossmodalError as error:
            ranking = ranking.model_copy(update={"warnings": [str(error)]})
    return {"ranking": ranking.model_dump()}


def _write(matcher: Matcher, path: Path, found: Answer, output: Path) -> None:
    assert found.best is not None
    if found.query.kind == "midi":
        midi, seconds = path, matcher.seconds(found.best.row)
    else:
        midi, seconds = Path(matcher.index.items[found.best.row].path), len(found.query.frames) / FRAMES_PER_SECOND
    write_aligned(midi, matcher.clock(found.query, found.best), output, seconds=seconds)


def aligned_name(path: Path) -> str:
    """A query's name without its extension, made safe, and a hash of where it lies: no two queries have the same."""
    place = hashlib.sha256(str(path.absolute()).encode("utf-8", "surrogateescape")).hexdigest()[:12]
    stem = re.sub(r"[^\w.-]+", "_", path.stem).strip(".")[:_NAME] or "match"
    return f"{stem}-{place}"


def _usable(row: Row, folder: Path) -> bool:
    """Whether the warped MIDI of an earlier answer is still there."""
    del folder
    ranking = Ranking.model_validate(row["ranking"])
    written = [str(result.detail["aligned"]) for result in ranking.results if "aligned" in result.detail]
    return all(Path(path).is_file() and Path(path).with_suffix(".csv").is_file() for path in written)


def write_table(output: Path, rankings: Sequence[Ranking]) -> None:
    """A .csv with a row for each answer, in the columns of `MatchRow`."""
    with (
        atomic_write(output) as temporary,
        temporary.open("w", encoding="utf-8", newline="", errors="backslashreplace") as stream,
    ):
        writer = csv.DictWriter(stream, list(MatchRow.model_fields))
        writer.writeheader()
        writer.writerows(row.model_dump() for ranking in rankings for row in rows_of(ranking))


def rows_of(ranking: Ranking) -> list[MatchRow]:
    """The answers to one query as rows of a table."""
    return [
        MatchRow(
            query=ranking.query.path or "", abstained=ranking.abstained, rank=result.rank, id=result.id or "", path=result.path or "",
            similarity=result.similarity, confidence=result.confidence,
            **{name: result.detail.get(name) for name in ("offset_seconds", "transposition_semitones", "aligned")},
        )
        for result in ranking.results
    ]  # fmt: skip


def unanswered(space: str, row: Skipped) -> Ranking:
    """The answer for a file that was skipped: nothing, and the reason."""
    suffix = Path(row.path).suffix.lower()
    kind = next((kind for kind, extensions in FILE_EXTENSIONS.items() if suffix in extensions), "unknown")
    return Ranking(query=Query(modality=kind, path=row.path), space=space, abstained=True, skipped=[row])
