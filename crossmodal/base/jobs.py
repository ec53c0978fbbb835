"""Bulk work: a pure function over items, in processes that may die, with results that outlive a killed run.

    def render(item: Item, folder: Path) -> Row:          # at module level: worker processes import it
        with atomic_write(folder / f"{item['id']}.wav") as temporary: ...
        return {"id": item["id"], "audio": f"{item['id']}.wav"}

    outcomes = run_shards(render, items, output=folder, parameters={"version": 1}, jobs=2, label="Rendering")
    rows, skipped = collect(outcomes)

- An item is a dict of JSON values; "path" or else "id" names it in reports. The function writes files into
  `folder` (with `atomic_write`) and returns a dict of JSON values, or raises InputError with the reason why
  the item is skipped.
- Rows are kept in `output/shards/*.json`, written atomically every `shard_size` rows and when the run ends
  for whatever reason but kill -9. The next run with the same output takes them up: a row is known by the hash
  of its item, the parameters and the function's name. So put into the item what its result depends on (a
  file's sha256 or size and time), and into `parameters` a version to count up when the function changes.
  Skipped items are tried again.
- Even with `jobs=1` the function runs in another process. One that crashes, or works on an item longer than
  `timeout_seconds`, costs only that item: it is tried once more, alone, at the end, and then skipped.
- Workers use one thread each (OMP_NUM_THREADS=1), ignore Ctrl-C (the caller ends them) and end when the
  caller dies. They are spawned, so a script that calls this needs `if __name__ == "__main__":`.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from crossmodal.base.errors import InputError
from crossmodal.base.files import FolderLock, make_folder, read_json, remove_leftovers, write_json
from crossmodal.base.progress import Bar, progress
from crossmodal.base.results import Skipped
from crossmodal.base.workers import Failure, WorkerPool

Item = Mapping[str, object]
Row = dict[str, object]
Function = Callable[[Item, Path], Row]


@dataclass(frozen=True)
class Outcome:
    """What became of the item at `index`: a row, or why it was skipped. `reused`: a row of an earlier run."""

    index: int
    row: Row | None
    skipped: Skipped | None
    reused: bool = False


def run_shards(
    function: Function,
    items: Sequence[Item],
    *,
    output: str | Path,
    label: str,
    parameters: Mapping[str, object] | None = None,
    jobs: int = 1,
    shard_size: int = 32,
    timeout_seconds: float | None = None,
    quiet: bool = False,
    usable: Callable[[Row, Path], bool] | None = None,
) -> Iterator[Outcome]:
    """Yield the outcome of every item, rows of earlier runs first, others as they are done.

    usable: says of an earlier run's row (given the row and `output`) whether its files are still there.
    Raises InputError when another process works on the same output or worker processes cannot start, and
    FullDiskError when there is no room left. Closing the iterator, or Ctrl-C, keeps what is done.
    """
    if jobs < 1:
        raise InputError(f"jobs: expected at least 1, got {jobs}")
    output = make_folder(output)
    keys = [_key(function, item, parameters or {}) for item in items]
    with FolderLock(output / "shards"):
        remove_leftovers(output / "shards")
        known = _read_rows(output / "shards")
        todo: list[int] = []
        for index, key in enumerate(keys):
            row = known.get(key)
            if row is None or (usable is not None and not usable(row, output)):
                todo.append(index)
            else:
                yield Outcome(index, row, None, reused=True)
        pool = WorkerPool(function, output, processes=min(jobs, len(todo)), timeout_seconds=timeout_seconds)
        shard = _Shard(output / "shards", shard_size)
        bar: Bar[int] = progress(len(todo), label, quiet=quiet)
        with closing(pool), closing(shard), bar:
            for index, result in pool.run((index, items[index]) for index in todo):
                bar.advance()
                if isinstance(result, Failure):
                    yield Outcome(index, None, Skipped(path=_name(items[index], index), reason=result.reason))
                else:
                    shard.add(keys[index], result)
                    yield Outcome(index, result, None)


def collect(outcomes: Iterable[Outcome]) -> tuple[list[Row], list[Skipped]]:
    """All rows and all skipped items, each in the order of the items."""
    ordered = sorted(outcomes, key=lambda outcome: outcome.index)
    rows = [outcome.row for outcome in ordered if outcome.row is not None]
    return rows, [outcome.skipped for outcome in ordered if outcome.skipped is not None]


class _Shard:
    """Rows not yet durable; every `size` of them become a file."""

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        self._size = size
        self._rows: dict[str, Row] = {}

    def add(self, key: str, row: Row) -> None:
        self._rows[key] = row
        if len(self._rows) >= self._size:
            self.close()

    def close(self) -> None:
        """Make what is left durable."""
        if self._rows:
            rows, self._rows = self._rows, {}
            write_json(self._folder / f"{uuid.uuid4().hex}.json", rows)


def _key(function: Function, item: Item, parameters: Mapping[str, object]) -> str:
    """Hash of what a row depends on."""
    inner = getattr(function, "func", function)  # functools.partial
    name = f"{inner.__module__}.{getattr(inner, '__qualname__', type(inner).__qualname__)}"
    try:
        text = json.dumps([name, parameters, item], sort_keys=True, ensure_ascii=True)
    except (TypeError, ValueError) as error:
        raise InputError(f"items and parameters: expected JSON values only, got {error}") from error
    return hashlib.sha256(text.encode()).hexdigest()


def _read_rows(folder: Path) -> dict[str, Row]:
    """Rows of earlier runs by key. A file damaged from outside is dropped: its items are done again."""
    rows: dict[str, Row] = {}
    for path in sorted(folder.glob("*.json"), key=lambda path: (path.stat().st_mtime_ns, path.name)):
        try:
            content = read_json(path)
        except InputError:
            path.unlink()
            continue
        if isinstance(content, dict):
            rows.update(content)
    return rows


def _name(item: Item, index: int) -> str:
    return str(item.get("path") or item.get("id") or f"item {index}")
