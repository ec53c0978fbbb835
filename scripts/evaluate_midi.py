"""How well MIDI files find their recordings: held-out works among distractors, after each stage of the cascade, with intervals.

    python scripts/evaluate_midi.py SPACE --data FOLDER --work FOLDER --training COLLECTION [--published SPACE] [--json]

FOLDER of --data holds pop909, cre_irish and nasap; COLLECTION is what the space was trained on, of whose recordings the distractors are
spliced. Recordings are played by fluidsynth with a sound font that no training used, and kept in --work; a second call goes on where the
first was interrupted. Intervals are 95%, by bootstrap over works. Calibrate first: scripts/calibrate_midi.py.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from numpy.typing import NDArray

import crossmodal
from crossmodal.applications.midi_distractors import build_among_strangers
from crossmodal.applications.midi_evaluation import KINDS, Held, HeldSource, build_held, held_sources, trained_groups
from crossmodal.applications.midi_matching import Matcher
from crossmodal.base.errors import InputError
from crossmodal.base.jobs import Row, collect, run_shards
from crossmodal.base.results import ScoreRow, Skipped
from crossmodal.metrics import chance, tagging
from crossmodal.metrics.bootstrap import bootstrap_function, bootstrap_interval
from crossmodal.metrics.retrieval import recall_at_k, reciprocal_rank
from crossmodal.space import Space
from scripts.midi_baseline import chroma_rows
from scripts.midi_judging import VERSION, interval_row, judge, show

TOPS = (1, 5)
SHARES = (0.001, 0.01, 0.05)
PRUNING = {
    "real": "128 numbers, 512 bytes", "binary": "128 signs, 16 bytes", "small": "16 numbers of 8 bits, 16 bytes",
}  # fmt: skip
Floats = NDArray[np.float64]


def check_unseen(space: Space, sources: Sequence[HeldSource], data: Path) -> None:
    """InputError where the space learned from a work that is judged, or from works that this script knows nothing of."""
    seen = sorted({source.group for source in sources} & space.works)
    if seen:
        raise InputError(f"{space.reference}: expected works that it was not trained on, {len(seen)} are: {seen[0]}")
    unknown = sorted(space.works - trained_groups(data))
    if unknown:
        raise InputError(
            f"{space.reference}: expected a space of the works that train_midi_audio.py takes, it knows {len(unknown)} others: "
            f"{unknown[0]}; judge it on other works"
        )


def answers(
    matcher: Matcher, held: Sequence[Held], music: Path, output: Path, *, cascade: bool = True,
    hashing: bool = True, jobs: int = 1, quiet: bool = False,
) -> tuple[list[Row], list[Skipped]]:  # fmt: skip
    """What each stage makes of each work, durable as it comes."""
    index = matcher.index
    decides = {
        "version": VERSION, "cuts": matcher.cuts.model_dump(mode="json"), "calibration": matcher.calibration.model_dump(mode="json"),
        "index": index.header.model_dump(mode="json"),
    }  # fmt: skip
    items = [
        {
            "id": one.id, "index": str(index.folder), "generation": index.header.generation, "music": str(music), "cascade": cascade,
            "hashing": hashing, "row": row_of(one),
        }
        for one in held
    ]  # fmt: skip
    return collect(run_shards(judge, items, output=output, parameters=decides, jobs=jobs, label="judging", shard_size=8,
                              timeout_seconds=1_800, quiet=quiet))  # fmt: skip


def row_of(held: Held) -> dict[str, object]:
    """A work as `read_held` takes it."""
    return {"id": held.id, "kind": held.kind, "group": held.group, "semitones": held.semitones, "damage": sorted(held.damage)}  # fmt: skip


def _column(rows: Sequence[Row], name: str) -> Floats:
    return np.array([float(str(row[name])) for row in rows], np.float64)


def ranking_rows(name: str, ranks: Floats, tracks: int, *, seed: int) -> list[ScoreRow]:
    """MRR, top-1 and top-5 of ranks (n,), 0 where the right answer was lost on the way."""
    lone = np.eye(1, tracks, dtype=bool)
    known = np.where(ranks > 0, ranks, np.inf)
    rows = [interval_row(f"{name}: MRR", bootstrap_interval(reciprocal_rank(known), seed=seed), chance.mrr(lone))]
    for k in TOPS:
        found = bootstrap_interval(recall_at_k(known, k), seed=seed)
        rows.append(interval_row(f"{name}: top-{k}", found, chance.recall_at_k(lone, k)))
    return rows


def split_rows(name: str, rows: Sequence[Row], value: Callable[[Row], float], *, seed: int) -> list[ScoreRow]:
    """A share by kind of source and by what was done to the MIDI file."""
    words = sorted({str(word) for row in rows for word in row["damage"]})  # type: ignore[attr-defined]
    groups = {kind: [row for row in rows if row["kind"] == kind] for kind in KINDS}
    groups |= {word: [row for row in rows if word in row["damage"]] for word in words}  # type: ignore[operator]
    groups["no transposition"] = [row for row in rows if "another key" not in row["damage"]]  # type: ignore[operator]
    return [
        interval_row(f"{name}, {group}", bootstrap_interval([value(row) for row in few], seed=seed))
        for group, few in groups.items() if few
    ]  # fmt: skip


def pruning_rows(rows: Sequence[Row], cut: float | None, *, seed: int) -> list[ScoreRow]:
    """The share of right answers among the nearest by pruning vectors, each query in its right key."""
    known = [row for row in rows if "pruning real" in row]
    found = []
    for share in (*SHARES, *([cut] if cut else [])):
        for name, words in PRUNING.items():
            kept = np.array([_of(row, f"pruning {name}") <= max(1, share * _of(row, "tracks")) for row in known], float)
            label = f"pruning to {share:.2%}{' (the cut)' if share == cut else ''}: kept, {words}"
            found.append(interval_row(label, bootstrap_interval(kept, seed=seed), share))
    pairs = np.array([_of(row, "pruning pairs") <= 0.01 * 12 * _of(row, "tracks") for row in known], float)
    label = "pruning to 1.00% of all tracks in all keys at once: kept"
    return [*found, interval_row(label, bootstrap_interval(pairs, seed=seed), 0.01)] if known else []


def _of(row: Row, name: str) -> float:
    return float(str(row[name]))


def confidence_rows(rows: Sequence[Row], threshold: float, *, seed: int) -> list[ScoreRow]:
    """Each question twice: with its answer in the index, and with it taken out."""
    present, missing = _column(rows, "confidence"), _column(rows, "missing")
    right = np.array([bool(row["right"]) for row in rows])
    scores, labels = np.concatenate([present, missing]), np.concatenate([right, np.zeros(len(rows), bool)])
    owners = np.tile(np.arange(len(rows)), 2)

    def area(units: NDArray[np.intp]) -> float:
        return float(tagging.tag_wise_roc_auc(scores[units][:, None], labels[units][:, None])[0])

    found = [
        interval_row(
            "confidence: ROC-AUC of right against wrong", bootstrap_function(area, len(scores), owners, seed=seed), 0.5
        )
    ]
    said = present >= threshold
    shares = {
        "answered, its recording in the index": said,
        "right, of those answered": np.where(said, right, np.nan),
        "abstained, its recording not in the index": missing < threshold,
    }
    return found + [
        interval_row(f"threshold {threshold:g}: {name}", bootstrap_interval(v.astype(float), seed=seed))
        for name, v in shares.items()
    ]


def alignment_rows(rows: Sequence[Row], *, seed: int) -> list[ScoreRow]:
    """Of right answers that came first: times at the notes (nASAP: at the beats, which people set), key and offset."""
    found = []
    ours = [row for row in rows if row["right"]]
    for name, few in (
        ("", [r for r in ours if r["kind"] != "nasap"]),
        (", nasap's beats", [r for r in ours if r["kind"] == "nasap"]),
    ):
        lists = [np.array(row["errors"], np.float64) for row in few if row["errors"]]
        if not lists:
            continue
        errors, owners = np.concatenate(lists), np.repeat(np.arange(len(lists)), [len(one) for one in lists])
        middle = bootstrap_interval(errors, owners, seed=seed, statistic="median", samples=200)
        found.append(interval_row(f"alignment: median error (ms){name}", middle))
        found.append(
            interval_row(
                f"alignment: within 50 ms{name}",
                bootstrap_interval((errors <= 50).astype(float), owners, seed=seed, samples=200),
            )
        )
    if ours:
        found.append(
            interval_row(
                "alignment: key right", bootstrap_interval([float(bool(r["key"])) for r in ours], seed=seed), 1 / 12
            )
        )
        offset = bootstrap_interval(_column(ours, "offset"), seed=seed, statistic="median")
        found.append(interval_row("alignment: median error of the offset (s)", offset))
    return found


def tables(matcher: Matcher, rows: Sequence[Row], *, seed: int) -> list[ScoreRow]:
    """All rows of what was judged."""
    tracks = len(matcher.kinds)
    found = []
    hashed = [row for row in rows if "hashing" in row]
    if hashed:
        found += ranking_rows("hashes alone", _column(hashed, "hashing"), tracks, seed=seed)
        found += split_rows("hashes alone: top-1", hashed, lambda row: float(row["hashing"] == 1), seed=seed)
    found += pruning_rows(rows, matcher.cuts.pruning, seed=seed)
    ranked = [row for row in rows if "rank" in row]
    if ranked:
        found += ranking_rows("cascade", _column(ranked, "rank"), tracks, seed=seed)
        found += split_rows("cascade: top-1", ranked, lambda row: float(bool(row["right"])), seed=seed)
        found += confidence_rows(ranked, matcher.calibration.threshold, seed=seed)
        found += alignment_rows(ranked, seed=seed)
    return found


def place_of(work: Path, space: Space, matcher_of: Mapping[str, object]) -> Path:
    """A folder for all that is made of a space and so many tracks."""
    told = "-".join(str(value) for value in matcher_of.values())
    return work / f"{space.name}-{space.fingerprint[:8]}-{told}"


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("space")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--training", type=Path, required=True, help="collection of which distractors are spliced")
    parser.add_argument("--published", help="another space, whose hashes are judged beside: midi-audio-2016")
    parser.add_argument("--works", type=int, default=1000)
    parser.add_argument("--distractors", type=int, default=100_000)
    parser.add_argument("--baseline", type=int, default=20, help="works that chroma DTW is tried on (20; 0: leave out)")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """0."""
    asked = parse(words)
    torch.set_num_threads(1)
    space = crossmodal.load(asked.space)
    sources = held_sources(asked.data, part="report", count=asked.works, seed=asked.seed)
    check_unseen(space, sources, asked.data)
    music = asked.work / "report"
    held, skipped = build_held(sources, music, seed=asked.seed, jobs=asked.jobs, quiet=asked.json)
    rows: list[ScoreRow] = []
    for number, name in enumerate([asked.space, *([asked.published] if asked.published else [])]):
        judged = space if number == 0 else crossmodal.load(name)
        place = place_of(asked.work, judged, {"works": len(held), "distractors": asked.distractors, "seed": asked.seed})
        matcher = build_among_strangers(
            judged, held, asked.training, place / "index", strangers=asked.distractors, seed=asked.seed
        )
        if not asked.json:
            print(f"{judged.reference}: {len(held)} works that no training used and {asked.distractors:,} distractors, "
                  f"{np.diff(matcher.store.collection.offsets).mean():.0f} hashes each on average, {len(skipped)} left out; "
                  f"cuts {matcher.cuts.pruning} and {matcher.cuts.hashing}", flush=True)  # fmt: skip
        found, lost = answers(matcher, held, music, place / "answers", cascade=number == 0, jobs=asked.jobs, quiet=asked.json)  # fmt: skip
        skipped += lost
        table = tables(matcher, found, seed=asked.seed)
        rows += table if number == 0 else [row.model_copy(update={"metric": f"{judged.name}: {row.metric}"}) for row in table]  # fmt: skip
        if number == 0 and asked.baseline:
            rows += chroma_rows(matcher, held[: asked.baseline], seed=asked.seed)
    if asked.json:
        told = {
            "space": space.reference,
            "data": f"{len(held)} works, {asked.distractors} distractors",
            "split": "report",
            "seed": asked.seed,
        }
        print(
            json.dumps(
                {**told, "rows": [row.model_dump() for row in rows], "skipped": [row.model_dump() for row in skipped]},
                indent=2,
            )
        )
    else:
        show(rows)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
