"""Speed and memory of the alignment, as ratios that one run measures: prints goals met and missed, always exits 0.

    python scripts/bench_alignment.py [--json]      # under a minute on 2 cores

- DTW with its path beside `librosa.sequence.dtw` on the same matrices of random costs, one thread each, costs of paths checked.
- Peak memory of the multi-resolution alignment at one, two and four times a length, each in a process of its own.
- Alignment with jumps of a 10-minute recording (6,000 rows) with a long score (20,000 columns), with a few jumps as a score
  has them written, and with jumps from every system to every other as an unread page allows them; and its memory.
- One update of the follower on 30,000 columns.
- `crossmodal align` of a 10-minute recording with a PDF of 20 pages, end to end, by the clock.

Sequences are made by the script. Kernels are compiled before the clock starts; times are processor seconds, the best of some runs.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from numpy.typing import NDArray

from crossmodal.alignment.dtw import dtw
from crossmodal.alignment.jumps import JumpOptions, align_with_jumps
from crossmodal.alignment.motion import Jump, jumps_between
from crossmodal.alignment.multires import align
from crossmodal.alignment.online import OnlineAlignment
from crossmodal.base.librosa_import import load_librosa
from scripts.benchmarking import Row, own_peak, processor, report

DIMENSION = 32
SYSTEM = 200  # columns of a system where every system may follow every other


def make_sequence(count: int, *, seed: int, width: int = 8) -> NDArray[np.float32]:
    """Unit vectors (count, DIMENSION) of which neighbours are alike, as in a sequence space."""
    noise = np.random.default_rng(seed).standard_normal((count + 2 * width, DIMENSION), dtype=np.float32)
    sums = np.cumsum(noise, axis=0, dtype=np.float32)
    vectors = sums[2 * width :] - sums[: -2 * width]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def make_playing(targets: NDArray[np.float32], columns: NDArray[np.int64], *, seed: int) -> NDArray[np.float32]:
    """The vectors of `columns` (n,) with as much noise as signal, of unit length."""
    noise = np.random.default_rng(seed).standard_normal((len(columns), DIMENSION), dtype=np.float32)
    vectors = targets[columns] + noise / np.float32(DIMENSION**0.5)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def measure_dtw(size: int, *, repeats: int = 5) -> list[Row]:
    """Both with backtracking, on one matrix; the goal is met only where both paths cost the same."""
    baseline = load_librosa().sequence.dtw

    cost = np.random.default_rng(size).random((size, size), dtype=np.float32)
    ours = dtw(cost).cost
    theirs = float(baseline(C=cost)[0][-1, -1])
    fast = processor(lambda: dtw(cost), 2 * repeats)
    slow = processor(lambda: baseline(C=cost), repeats)
    ratio, same = slow / fast, abs(ours - theirs) <= 1e-5 * theirs
    label, met = f"DTW {size:,} x {size:,}, against librosa", same and ratio >= 10
    return [
        Row(label, fast * 1e3, "ms", slow * 1e3, ratio, ">= 10 times", met),
        Row("    cost of the path", ours, "", theirs, ours / theirs, "the same", same),
    ]


def align_long(count: int) -> None:
    """The multi-resolution alignment of `count` rows with as many columns."""
    targets = make_sequence(count, seed=1)
    align(make_playing(targets, np.arange(count), seed=2), targets)


def jump_long(rows: int, columns: int, jumps: Sequence[Jump]) -> float:
    """The part of rows that the alignment with jumps places within 4 columns; the second quarter is played twice."""
    targets = make_sequence(columns, seed=3)
    quarter = columns // (4 * SYSTEM) * SYSTEM
    order = np.concatenate([np.arange(2 * quarter), np.arange(quarter, columns)])
    played = order[(np.arange(rows) * (len(order) / rows)).astype(np.int64)]
    found = align_with_jumps(make_playing(targets, played, seed=4), targets, jumps, options=JumpOptions(null=False))
    return float((np.abs(found.columns - played) <= 4).mean())


def written_jumps(columns: int) -> list[Jump]:
    """One repeat that is played, one that is not, and a da capo that is not."""
    quarter = columns // (4 * SYSTEM) * SYSTEM
    return [Jump(2 * quarter - 1, quarter, 0.5), Jump(3 * quarter - 1, 2 * quarter, 0.5), Jump(columns - 1, 0, 0.5)]


def free_jumps(columns: int) -> tuple[Jump, ...]:
    """From the end of every system to the beginning of every other."""
    return jumps_between(range(0, columns, SYSTEM), columns, penalty=4.0)


def measure_memory(count: int) -> list[Row]:
    """Growth of the peak over that of a short alignment, at 2 and 4 times `count`."""
    floor, *peaks = (peak_in_child(["--peak-of", str(size)]) for size in (200, count, 2 * count, 4 * count))
    growth = [max(peak - floor, 0.1) for peak in peaks]
    return [
        Row(
            f"memory of {factor * count:,} squared, against {count:,}",
            growth[index],
            "MB",
            growth[0],
            growth[index] / growth[0],
            f"<= {1.3 * factor:.1f} times (linear)",
            growth[index] / growth[0] <= 1.3 * factor,
        )
        for index, factor in ((1, 2), (2, 4))
    ]


def measure_jumps(rows: int, columns: int, *, repeats: int = 2) -> list[Row]:
    """Seconds, correctness and peak memory of the alignment with jumps."""
    found: list[Row] = []
    for name, jumps in (("written", written_jumps(columns)), ("free", free_jumps(columns))):
        right = jump_long(rows, columns, jumps)
        seconds = processor(lambda jumps=jumps: jump_long(rows, columns, jumps), repeats)  # type: ignore[misc]
        label = f"{rows:,} rows, {columns:,} columns, {len(jumps):,} {name} jumps"
        found.append(Row(label, seconds, "s", goal="<= 5 s", met=seconds <= 5))
        found.append(Row("    rows within 4 columns", right, "", goal=">= 0.99", met=right >= 0.99))
    peak = peak_in_child(["--jumps-of", str(rows), str(columns)])
    return [*found, Row("    peak memory of the process", peak, "MB", goal="<= 300 MB", met=peak <= 300)]


def measure_following(columns: int, *, updates: int = 50) -> list[Row]:
    """Milliseconds of an update."""
    targets = make_sequence(columns, seed=5)
    online = OnlineAlignment(targets, jumps=written_jumps(columns))
    rows = make_playing(targets, np.arange(updates), seed=6)
    online.update(rows[0])
    run: Callable[[], object] = lambda: [online.update(row) for row in rows]  # noqa: E731
    milliseconds = processor(run, 3) / updates * 1e3
    return [
        Row(f"following, an update on {columns:,} columns", milliseconds, "ms", goal="< 5 ms", met=milliseconds < 5)
    ]


def peak_in_child(words: Sequence[str]) -> float:
    """Peak memory in MB of a process that does what the hidden options say."""
    command = [sys.executable, str(Path(__file__).resolve()), *words]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"bench_alignment: expected a peak of memory, got {done.stderr.strip()[-300:]}")
    return float(done.stdout.split()[-1])


def long_score(folder: Path, *, pages: int, minutes: float) -> tuple[Path, Path]:
    """A PDF of invented piano music and a recording of it, as long as asked for."""
    import soundfile
    from PIL import Image

    from pairs.engraving import Engraver
    from pairs.invention import invent
    from pairs.notation import write_mei
    from pairs.piano_performance import play
    from pairs.rendering import synthesize
    from pairs.sheet_music import sheet_of

    generator = np.random.default_rng(0)
    images: list[NDArray] = []
    sounds: list[NDArray] = []
    while len(images) < pages:
        song = invent(generator)
        text = write_mei(song.notes, meter=song.meter, key=song.key, ticks_per_quarter=song.ticks_per_quarter)
        engraving = Engraver().engrave(text, repeats=False)
        sheet = sheet_of(engraving)
        played = play(sheet.quarters, sheet.duration, sheet.pitch, sheet.staff, generator)
        images += [page.image for page in engraving.pages]
        sounds.append(synthesize(played.performance))
    sound = np.concatenate(sounds)
    whole = np.resize(sound, int(minutes * 60 * 22050))  # cut, or begun again
    score, recording = folder / "score.pdf", folder / "recording.wav"
    first, *rest = [Image.fromarray(image) for image in images[:pages]]
    first.save(score, save_all=True, append_images=rest, resolution=150)
    soundfile.write(recording, whole, 22050)
    return score, recording


def measure_whole(pages: int, minutes: float) -> list[Row]:
    """`crossmodal align` of a scan, by the clock: the process, loading, reading the pages, both networks and the alignment."""
    with tempfile.TemporaryDirectory() as folder:
        score, recording = long_score(Path(folder), pages=pages, minutes=minutes)
        seconds = [time_align(recording, score, Path(folder) / "alignment.csv") for _ in range(3)]
    name = f"align, {minutes:g} minutes with a PDF of {pages} pages, whole"
    best = min(seconds)  # the first compiles the kernels where nobody has
    return [Row(name, best, "s", goal="<= 10 s", met=best <= 10)]


def time_align(recording: Path, score: Path, output: Path) -> float:
    """Seconds of the whole process that writes the alignment to `output`; exits with what it said where it wrote none."""
    command = [sys.executable, "-m", "crossmodal", "align", str(recording), str(score), "--output", str(output)]
    output.unlink(missing_ok=True)
    began = time.perf_counter()
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    if done.returncode or not output.exists():
        raise SystemExit(f"bench_alignment: expected an alignment, got {done.stderr.strip()[-300:] or 'none'}")
    return seconds


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[650, 2000, 5200], help="of the DTW (650 2000 5200)")
    parser.add_argument("--length", type=int, default=20000, help="of the measure of memory (default: 20000)")
    parser.add_argument("--rows", type=int, default=6000, help="of the recording with jumps (default: 6000)")
    parser.add_argument("--columns", type=int, default=20000, help="of its score (default: 20000)")
    parser.add_argument("--followed", type=int, default=30000, help="columns that are followed (default: 30000)")
    parser.add_argument(
        "--pages", type=int, default=20, help="of the score that is aligned end to end (20; 0: leave out)"
    )
    parser.add_argument("--minutes", type=float, default=10.0, help="of its recording (10)")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    parser.add_argument("--peak-of", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--jumps-of", type=int, nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args(words)


def run(arguments: argparse.Namespace) -> list[Row]:
    """All measurements."""
    rows = [row for size in arguments.sizes for row in measure_dtw(size)]
    rows += measure_memory(arguments.length)
    rows += measure_jumps(arguments.rows, arguments.columns)
    rows += measure_following(arguments.followed)
    return rows + (measure_whole(arguments.pages, arguments.minutes) if arguments.pages else [])


def main(words: Sequence[str] | None = None) -> int:
    """0."""
    arguments = parse(words)
    warnings.simplefilter("ignore")  # advice of libraries would stand in the middle of the table
    if arguments.peak_of is not None or arguments.jumps_of is not None:
        if arguments.peak_of is not None:
            align_long(arguments.peak_of)
        else:
            count, columns = arguments.jumps_of
            jump_long(count, columns, written_jumps(columns))
        print(own_peak())
        return 0
    heading = f"numpy {np.__version__}, {os.cpu_count()} cores, of which kernels use one"
    return report(run(arguments), heading=heading, versions={"numpy": np.__version__}, as_json=arguments.json)


if __name__ == "__main__":
    raise SystemExit(main())
