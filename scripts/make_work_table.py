"""Make pairs/tables/works.csv: every work of the corpus that verovio reads, its melody group, its splits and its licence.

    python scripts/make_work_table.py --scratch FOLDER      # about 10 minutes; goes on where it was after a stop

Reading happens in child processes, since a broken score can end the process that engraves it.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from crossmodal.base.jobs import Row, collect, run_shards
from pairs.corpus import Work, list_works, read_text
from pairs.licences import licence_of
from pairs.melody import melody, shingles, similar_works
from pairs.scores import ScoreReader
from pairs.splits import PARTS, SHARES, UnionFind, part_of
from pairs.works import COLUMNS, TABLE, describe, title_key

_READERS: list[ScoreReader] = []


def scan(item: Mapping[str, object], output: Path) -> Row:
    """One work -> the marks of its melody. Runs in a worker that a broken score may end."""
    if not _READERS:
        _READERS.append(ScoreReader())
    work = Work(str(item["path"]), int(str(item["tune"])))
    _, notes = _READERS[0].read(work)
    return {"id": work.id, "marks": sorted(shingles(melody(notes)))}


def melody_groups(works: list[Work], marks: dict[str, frozenset[int]], titles: dict[str, str]) -> dict[str, int]:
    """id -> number of its group: works that share a melody, a title of the same repertory, or a mass."""
    sets = UnionFind()
    for first, second in similar_works(marks):
        sets.union(first, second)
    for work in works:
        key = title_key(work, titles[work.id])
        if key is not None:
            sets.union(key, work.id)
    groups = sets.groups([work.id for work in works])
    return {name: number for number, group in enumerate(groups) for name in group}


def composer_splits(works: list[Work], composers: dict[str, str], groups: dict[str, int]) -> dict[str, str]:
    """id -> split in which every composer (or anonymous collection) lies in one part; melodies of several parts stay in train only."""
    count = Counter(composers[work.id] or work.folder.composer or work.folder.collection for work in works)
    filled = dict.fromkeys(PARTS, 0)
    part: dict[str, str] = {}
    for name, size in sorted(count.items(), key=lambda entry: (-entry[1], entry[0])):
        lack = {p: share * len(works) - filled[p] for p, share in zip(PARTS, SHARES, strict=True)}
        part[name] = max(PARTS, key=lambda p: lack[p])
        filled[part[name]] += size
    parts_of_group: dict[int, set[str]] = defaultdict(set)
    own = {work.id: part[composers[work.id] or work.folder.composer or work.folder.collection] for work in works}
    for work in works:
        parts_of_group[groups[work.id]].add(own[work.id])
    keep = {
        g: ("train" if "train" in parts else "validation") if len(parts) > 1 else None
        for g, parts in parts_of_group.items()
    }
    return {w.id: own[w.id] if keep[groups[w.id]] in (None, own[w.id]) else "" for w in works}


def main() -> None:
    """Scan, group, split, write the table and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    items = [{"id": work.id, "path": work.path, "tune": work.tune} for work in list_works()]
    rows, skipped = collect(
        run_shards(
            scan, items, output=arguments.scratch, label="Reading scores", jobs=arguments.jobs, shard_size=200,
            timeout_seconds=120, parameters={"version": 1},
        )
    )  # fmt: skip
    marks = {str(row["id"]): frozenset(row["marks"]) for row in rows}  # type: ignore[call-overload]
    works = [work for work in list_works() if work.id in marks]
    described = {work.id: describe(work) for work in works}
    groups = melody_groups(works, marks, {name: title for name, (title, _) in described.items()})
    composers = {name: composer for name, (_, composer) in described.items()}
    others = composer_splits(works, composers, groups)
    with TABLE.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        before = ""
        for work in works:
            title, composer = described[work.id]
            group = groups[work.id]
            licence = licence_of(work, read_text(work)).name
            writer.writerow([
                "" if work.path == before else work.path, work.tune or "", composer, title, group,
                part_of(str(group)), others[work.id], licence,
            ])  # fmt: skip
            before = work.path
    sizes = Counter(groups.values())
    figures = {
        "works": len(works),
        "skipped": Counter(skip.reason.split(":")[-1].strip() for skip in skipped),
        "groups": len(sizes),
        "largest groups": [
            (size, [described[work.id][0] for work in works if groups[work.id] == group][:4])
            for group, size in sizes.most_common(8)
        ],
    }
    print(json.dumps(figures, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
