"""Speed of matching hash sequences, as ratios that one run measures: prints goals met and missed, always exits 0.

    python scripts/bench_midi.py [--quick] [--json] [--space SPACE --training COLLECTION]

- The Hamming matrix beside numpy's, and the hash DTW without pruning beside a plain row-by-row numba form and `librosa.sequence.dtw`
without its path on a
  matrix of the same size, and on constant-Q at the full rate: 8 vectors of 48 numbers for a hash.
- A ranked search with pruning, the query's true match among the candidates: time of a candidate, and the share that was not worked out.
- Growth with the length, the number of candidates, and the cores.
- The whole cascade for one MIDI file over 200,000 tracks, its memory, and both extrapolated to a million (`bench_cascade.py`).

About four minutes on one core; --quick: about 30 seconds. Sequences are invented by the script, to be like those of music where pruning
depends on it: a hash differs from the one before in each bit with a probability (10%), and a match has wrong bits (10%) and hashes left out
or doubled (5% each). Real hashes prune more or less: with --space the cascade is measured on those of real music. Results are compared
with the plain form before they are timed. Kernels are compiled before the clock starts; times are processor seconds of one core, the best
of some runs, but for the growth with cores, which is by the clock.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numba
import numpy as np
from numpy.typing import NDArray

from crossmodal.alignment.hashing.collection import HashCollection
from crossmodal.alignment.hashing.hamming import hamming_into, popcount
from crossmodal.alignment.hashing.rule import Hashes, Rule
from crossmodal.alignment.hashing.search import Ranking, search
from crossmodal.base.librosa_import import load_librosa
from crossmodal.space_files import load_space
from scripts.bench_cascade import invented_bench, measure_cascade, measure_memory, spliced_bench
from scripts.benchmarking import Row, processor, report

SIZES = (
    (80, 650, 0.005),
    (650, 650, 0.05),
)  # query, candidate, milliseconds that a candidate may cost in a ranked search
RULE = Rule()
RATE, BINS = 8, 48  # vectors of constant-Q for a hash, and their dimension
FLIPS, ERRORS, WARPS = 0.1, 0.1, 0.05


def make_hashes(count: int, length: int, *, seed: int) -> HashCollection:
    """`count` sequences whose bits change from one hash to the next with a probability of FLIPS."""
    generator = np.random.default_rng(seed)
    found = np.empty((count, length), np.uint32)
    for first in range(0, count, 1000):
        part = found[first : first + 1000]
        bits = generator.random((len(part), length, 32), dtype=np.float32) < FLIPS
        bits[:, 0] = generator.random((len(part), 32)) < 0.5
        part[:] = np.packbits(np.logical_xor.accumulate(bits, axis=1), axis=2).view(np.uint32)[..., 0]
    return HashCollection(found.ravel(), np.arange(count + 1, dtype=np.int64) * length)


def make_query(source: Hashes, length: int, *, seed: int) -> NDArray[np.uint32]:
    """`length` hashes from the middle of `source`, with wrong bits and another tempo."""
    generator = np.random.default_rng(seed)
    spread = generator.choice([0, 1, 2], len(source), p=[WARPS, 1 - 2 * WARPS, WARPS])
    warped = np.resize(np.repeat(source, spread), len(source))
    first = (len(source) - length) // 2
    wrong = np.packbits(generator.random((length, 32)) < ERRORS, axis=1).view(np.uint32)[:, 0]
    return warped[first : first + length].astype(np.uint32) ^ wrong


@numba.njit(nogil=True)
def plain_warp(a, b, gully, penalty):  # type: ignore[no-untyped-def]
    """(cost, length) of the rule, row by row, with the processor's population count."""
    m, n = len(a), len(b)
    g = min(int(gully * min(m, n)), min(m, n) - 1)
    cost, length = np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64)
    best = (np.int64(1) << 62, np.int64(0))
    for i in range(m):
        corner = (cost[0], length[0])
        for j in range(n):
            least = corner
            corner = (cost[j + 1], length[j + 1])
            for other in ((cost[j + 1] + penalty, length[j + 1]), (cost[j] + penalty, length[j])):
                least = other if other < least else least
            cost[j + 1], length[j + 1] = least[0] + popcount(a[i] ^ b[j]), least[1] + 1
            if (i == m - 1 and j >= g) or (j == n - 1 and i >= g):
                end = (cost[j + 1], length[j + 1])
                best = end if end < best else best
    return best


def billions(cells: float, seconds: float) -> float:
    """Billions of cells per second."""
    return cells / seconds / 1e9


def measure_matrix(size: int, *, repeats: int) -> list[Row]:
    """The Hamming matrix of `size` squared."""
    hashes = make_hashes(2, size, seed=size)
    ours = np.empty((size, size), np.uint8)
    fast = processor(lambda: _times(20, lambda: hamming_into(hashes[0], hashes[1], ours)), repeats) / 20
    slow = processor(lambda: np.bitwise_count(hashes[0][:, None] ^ hashes[1]), repeats)
    speed, right = billions(size**2, fast), bool((ours == np.bitwise_count(hashes[0][:, None] ^ hashes[1])).all())
    label = f"Hamming matrix, {size:,} x {size:,}, against numpy's"
    return [Row(label, speed, "G cells/s", billions(size**2, slow), slow / fast, ">= 8", right and speed >= 8)]


def _times(count: int, run: Callable[[], object]) -> None:
    for _ in range(count):
        run()


def measure_warping(m: int, n: int, *, repeats: int, count: int = 400) -> list[Row]:
    """The hash DTW of a query (m,) with candidates (n,), none of them pruned, beside the plain form and librosa."""
    librosa_dtw = load_librosa().sequence.dtw

    hashes = make_hashes(count, n, seed=m + n)
    query = make_query(hashes[0], m, seed=m)
    cells, label = m * n, f"hash DTW, {m:,} x {n:,}, not pruned"
    found = search(query, hashes, rule=RULE, top=1, prune=False)
    expected = plain_warp(query, hashes[int(found.indices[0])], RULE.gully, RULE.penalty)
    right = (int(found.costs[0]), int(found.lengths[0])) == expected
    ours = processor(lambda: search(query, hashes, rule=RULE, prune=False), repeats) / count
    plain = processor(lambda: plain_warp(query, hashes[1], RULE.gully, RULE.penalty), repeats)
    cost = np.bitwise_count(query[:, None] ^ hashes[1]).astype(np.float64)
    same = processor(lambda: librosa_dtw(C=cost, subseq=True, backtrack=False), repeats)
    generator = np.random.default_rng(0)
    full = [generator.standard_normal((BINS, RATE * length)) for length in (m, n)]
    rate = processor(lambda: librosa_dtw(X=full[0], Y=full[1], metric="cosine", subseq=True, backtrack=False), 1)
    speed = billions(cells, ours)
    return [
        Row(label, speed, "G cells/s", billions(cells, plain), plain / ours, ">= 4", right and speed >= 4),
        Row("    against librosa, same size", ours * 1e3, "ms", same * 1e3, same / ours, ">= 50 times", same >= 50 * ours),
        Row("    against librosa, full rate", ours * 1e3, "ms", rate * 1e3, rate / ours, ">= 3,000 times",
            rate >= 3000 * ours),
    ]  # fmt: skip


def pruned_share(found: Ranking) -> float:
    """The part of the candidates that was not worked out to the end."""
    return 1 - found.warped / (found.warped + found.bounded + found.excluded + found.abandoned)


def measure_search(m: int, n: int, goal: float, *, count: int, repeats: int) -> list[Row]:
    """A ranked search for a query that has a match, and for one that has none: there, and for many places, little can be pruned."""
    hashes = make_hashes(count, n, seed=m + n + 1)
    rows = []
    stranger = make_hashes(1, m, seed=1)[0]
    for name, query, top in (
        ("top 1", make_query(hashes[count // 2], m, seed=m), 1),
        ("top 10", make_query(hashes[count // 2], m, seed=m), 10),
        ("top 1, no match", stranger, 1),
    ):
        raw = processor(lambda q=query, k=top: search(q, hashes, top=k, prune=False), repeats) / count * 1e3  # type: ignore[misc]
        ours = processor(lambda q=query, k=top: search(q, hashes, top=k), repeats) / count * 1e3  # type: ignore[misc]
        found, exhaustive = search(query, hashes, top=top), search(query, hashes, top=top, prune=False)
        right = bool((found.indices == exhaustive.indices).all() and (found.costs == exhaustive.costs).all())
        label = f"search of {count:,}, {m} x {n}, {name}, a candidate, against no pruning"
        rows.append(Row(label, ours, "ms", raw, raw / ours, f"<= {goal} ms", right and ours <= goal))
        rows.append(Row("    share that was pruned", 100 * pruned_share(found), "%"))
    return rows


def measure_growth(*, lengths: Sequence[int], counts: Sequence[int], cores: Sequence[int], repeats: int) -> list[Row]:
    """Curves; baseline and ratio are to the first of each."""
    rows: list[Row] = []
    for name, points in (("length, not pruned", lengths), ("candidates, pruned", counts)):
        first = None
        for point in points:
            by_length = points is lengths
            hashes = make_hashes(100, point, seed=0) if by_length else make_hashes(point, 650, seed=0)
            query = make_query(hashes[7], point if by_length else 80, seed=0)
            seconds = processor(lambda q=query, h=hashes, b=by_length: search(q, h, top=1, prune=not b), repeats)  # type: ignore[misc]
            first = seconds if first is None else first
            rows.append(Row(f"growth with {name}: {point:,}", seconds * 1e3, "ms", first * 1e3, seconds / first))
    hashes = make_hashes(max(counts), 650, seed=0)
    query = make_query(hashes[7], 80, seed=0)
    first = None
    for threads in cores:
        seconds = min(_clock(lambda t=threads: search(query, hashes, prune=False, threads=t)) for _ in range(repeats))  # type: ignore[misc]
        first = seconds if first is None else first
        rows.append(
            Row(f"growth with cores: {threads}, by the clock", seconds * 1e3, "ms", first * 1e3, first / seconds)
        )
    return rows


def _clock(run: Callable[[], object]) -> float:
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def run(*, quick: bool) -> list[Row]:
    """All measurements."""
    repeats = 2 if quick else 5
    rows = measure_matrix(650, repeats=repeats)
    for m, n, goal in SIZES:
        rows += measure_warping(m, n, repeats=repeats, count=100 if quick else 400)
        rows += measure_search(m, n, goal, count=(2000 if quick else 20000) * 80 // m, repeats=repeats)
    lengths, counts = (
        ((80, 160, 320), (500, 2000)) if quick else ((80, 160, 320, 640, 1280, 2560, 5120), (1000, 10000, 50000))
    )
    cores = [1, *(c for c in (2, 4, 8, 16) if c <= (os.cpu_count() or 1))]
    return rows + measure_growth(lengths=lengths, counts=counts, cores=cores, repeats=repeats)


def run_cascade(count: int, space: str | None, training: Path | None, *, repeats: int) -> list[Row]:
    """Time and memory of the whole cascade."""
    with tempfile.TemporaryDirectory(prefix="crossmodal-") as name:
        if space is None or training is None:
            bench = invented_bench(Path(name), count)
        else:
            bench = spliced_bench(Path(name), load_space(space), training, count)
        few = invented_bench(Path(name) / "few", 500)
        return measure_cascade(bench, repeats=repeats) + measure_memory(bench, few)


def main(words: Sequence[str] | None = None) -> int:
    """0."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="smaller sizes and fewer runs")
    parser.add_argument("--space", help="trained, whose cascade is measured; --training as well")
    parser.add_argument("--training", type=Path, help="collection of which the tracks are spliced")
    parser.add_argument("--tracks", type=int, help="of the cascade (200,000; --quick: 5,000)")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    arguments = parser.parse_args(words)
    if (arguments.space is None) != (arguments.training is None):
        parser.error("expected --space and --training, or neither, got one of them")
    heading = (
        f"numba {numba.__version__}, {os.cpu_count()} cores; invented hashes: {FLIPS:.0%} of the bits change from one to the next, a match "
        f"has {ERRORS:.0%} wrong bits and {WARPS:.0%} of its hashes left out and doubled; cascade: "
        + (arguments.space or "an untrained space of the real size, invented hashes, assumed cuts")
    )
    rows = run(quick=arguments.quick)
    tracks = arguments.tracks or (5_000 if arguments.quick else 200_000)
    rows += run_cascade(tracks, arguments.space, arguments.training, repeats=1 if arguments.quick else 2)
    return report(rows, heading=heading, versions={"numba": numba.__version__}, as_json=arguments.json)


if __name__ == "__main__":
    raise SystemExit(main())
