"""One MIDI file through the cascade of an index in which its recording is known: where the right answer stands after each stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from crossmodal.alignment.hashing.batch import bound_many, warp, warp_many
from crossmodal.alignment.hashing.bounds import FRACTION
from crossmodal.applications.collection import SearchableIndex
from crossmodal.applications.hash_sequences import pack, pruning_bits
from crossmodal.applications.midi_distractors import SplicedStore
from crossmodal.applications.midi_evaluation import read_held
from crossmodal.applications.midi_matching import Matcher
from crossmodal.applications.midi_query import KEYS, TEMPOS, Candidate, Query, moved
from crossmodal.applications.midi_warping import offset_of
from crossmodal.base.jobs import Row
from crossmodal.base.results import ScoreRow
from crossmodal.metrics.bootstrap import Interval
from encoders.constant_q import FRAMES_PER_SECOND
from pairs.midi_music import Clock

VERSION = 2  # of the answers
SMALL = 16  # values of 8 bits that a vector of 128 is reduced to: the bytes of its 128 signs
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Vectors:
    """Pruning vectors of an index (n, 128), their signs (n, 4), and the same reduced to 16 values of 8 bits (n, 16)."""

    real: NDArray[np.float32]
    signs: NDArray[np.uint32]
    small: NDArray[np.float32]
    mean: NDArray[np.float32]
    axes: NDArray[np.float32]
    step: float

    @classmethod
    def of(cls, real: NDArray[np.float32]) -> Vectors:
        """The axes are the principal components of the vectors themselves."""
        mean = real.mean(axis=0)
        _, axes = np.linalg.eigh(np.cov(real - mean, rowvar=False).astype(np.float64))
        axes = np.asarray(axes[:, ::-1][:, :SMALL], np.float32)
        step = float(np.abs((real - mean) @ axes).max()) / 127 or 1.0
        return cls(real, pruning_bits(real), np.round((real - mean) @ axes / step), mean, axes, step)

    def ranks(self, queries: NDArray[np.float32], own: int, key: int) -> dict[str, float]:
        """Ranks of item `own` to the query in its key (a row of `queries`), ties by halves; "pairs": among all keys' distances."""
        signs = pruning_bits(queries)
        reduced = np.round((queries - self.mean) @ self.axes / self.step)
        real = np.stack([((self.real - query) ** 2).sum(axis=1) for query in queries])
        found = {
            "real": _rank(real[key], own), "small": _rank(((self.small - reduced[key]) ** 2).sum(axis=1), own),
            "binary": _rank(np.bitwise_count(self.signs ^ signs[key]).sum(axis=1).astype(np.float64), own),
            "pairs": _rank(real.ravel(), key * real.shape[1] + own),
        }  # fmt: skip
        return {f"pruning {name}": value for name, value in found.items()}


def _rank(distances: NDArray[np.floating], own: int) -> float:
    nearer = distances < distances[own]
    return 1 + float(nearer.sum()) + 0.5 * (float((distances == distances[own]).sum()) - 1)


@lru_cache(maxsize=1)
def opened(folder: str, generation: int) -> tuple[Matcher, Vectors | None]:
    """A matcher over an index that was made among strangers."""
    del generation
    torch.set_num_threads(1)
    matcher = Matcher(SearchableIndex.open(Path(folder), device="cpu"))
    matcher.store = SplicedStore(Path(folder))
    return matcher, Vectors.of(np.asarray(matcher.index.vectors, np.float32)) if matcher.prunes else None


def judge(item: Mapping[str, object], folder: Path) -> Row:
    """In a worker process: all stages for one work. item: its row of the held-out music, the index, and which stages are wanted."""
    del folder
    matcher, vectors = opened(str(item["index"]), int(str(item["generation"])))
    held = read_held(Path(str(item["music"])), item["row"])  # type: ignore[arg-type]
    own = int(np.flatnonzero(np.array(matcher.index.items.column("id")) == held.id)[0])
    query = matcher.read(held.midi, "midi")
    key = KEYS.index(held.semitones) if held.semitones in KEYS else -1
    found: Row = {
        "id": held.id,
        "kind": held.kind,
        "group": held.group,
        "damage": sorted(held.damage),
        "tracks": len(matcher.kinds),
    }
    if vectors is not None and key >= 0:
        made = [moved(query.frames, shift) for shift in KEYS]
        hashes = [matcher.encoder.hashes("midi", frames) for frames in made]
        asked = np.stack([matcher.encoder.vector("midi", f, h) for f, h in zip(made, hashes, strict=True)])
        found |= vectors.ranks(asked, own, key)
    if item["hashing"]:
        found["hashing"] = hash_rank(matcher, query, own)
    if item["cascade"]:
        found |= cascade(matcher, query, own, held.warp, held.semitones, len(held.recording) / FRAMES_PER_SECOND)
    return found


def hash_rank(matcher: Matcher, query: Query, own: int) -> int:
    """Rank of an item by its hashes among all, each in its best key and tempo. Exact: what is worse than the item is left early."""
    collection, rule = matcher.store.collection, matcher.cuts.rule
    track = int(matcher.store.numbers([str(matcher.index.items[own].sha256)])[0])
    asked = [pack(query.values(matcher.encoder, shift, tempo=tempo)) for shift in KEYS for tempo in TEMPOS]
    limit = min((warp(hashes, collection[track], rule=rule) for hashes in asked), key=lambda w: w.cost / w.length)
    every, nearer = np.arange(len(collection)), np.zeros(len(collection), bool)
    bounds = np.empty(len(collection), np.int64)
    for hashes in asked:
        bound_many(hashes, collection.hashes, collection.offsets, every, rule.gully, rule.penalty, bounds)
        chosen = every[(bounds <= (limit.cost << FRACTION) // limit.length) & ~nearer]
        costs, lengths = np.empty(len(chosen), np.int64), np.empty(len(chosen), np.int64)
        warp_many(
            hashes, collection.hashes, collection.offsets, chosen, rule.gully, rule.penalty, limit.cost, limit.length, costs, lengths
        )  # fmt: skip
        nearer[chosen] |= (costs >= 0) & (costs * limit.length < limit.cost * lengths)
    return 1 + int(nearer.sum())


def cascade(matcher: Matcher, query: Query, own: int, truth: Clock, semitones: int, seconds: float) -> Row:
    """The answers with the right item in the index and without, and the alignment with the right one where it was reached.

    rank: of the right item, 0 where it was not aligned; confidence, missing: of the first answer with it and without; right: whether the
    first is it; features: of up to three first answers each, for calibrations; errors: milliseconds at the notes that sound.
    """
    allowed = matcher.answers_to(query.kind)
    top = matcher.cuts.after_hashing(int(allowed.sum()))
    found = matcher.by_hashes(query, allowed, top=top + 1)
    aligned = [matcher.align(query, hit.row, hit.shift, hit.tempo) for hit in found]
    before, after = _sorted(aligned[:top]), _sorted([c for c in aligned if c.row != own][:top])
    features = [matcher.measure(query, candidates) for candidates in (before, after)]
    first = [float(matcher.calibration.confidence(made)[0]) for made in features]
    rank = next((place for place, candidate in enumerate(before, 1) if candidate.row == own), 0)
    row: Row = {
        "rank": rank, "right": rank == 1, "confidence": first[0], "missing": first[1],
        "features": [made[:3].tolist() for made in features],
        "truth": [[c.row == own for c in before[:3]], [False] * len(after[:3])],
    }  # fmt: skip
    if rank:
        best = before[rank - 1]
        clock = matcher.clock(query, best)
        sounds = (truth.target >= 0) & (truth.target <= seconds)
        row["errors"] = np.round(1000 * np.abs(clock(truth.source) - truth.target)[sounds], 1).tolist()
        row |= {"key": best.shift == semitones, "offset": round(abs(offset_of(clock) - offset_of(truth)), 3)}
    return row


def _sorted(candidates: list[Candidate]) -> list[Candidate]:
    return sorted(candidates, key=lambda candidate: (-candidate.similarity, candidate.row))


def interval_row(metric: str, found: Interval, level: float | None = None) -> ScoreRow:
    """A line of a table."""
    return ScoreRow(metric=metric, value=found.value, low=found.low, high=found.high, chance=level, n=found.n)


def show(rows: Sequence[ScoreRow]) -> None:
    """A line for each row."""
    for row in rows:
        between = "" if row.low is None or row.high is None else f"  [{row.low:.3f}, {row.high:.3f}]"
        level = "" if row.chance is None else f"  chance {row.chance:.2g}"
        print(f"{row.metric:72} {row.value:8.3f}{between}{level}  n {row.n}", flush=True)
