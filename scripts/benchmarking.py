"""What the benchmarks share: rows of results, the clock, and sounds that they make themselves."""

from __future__ import annotations

import json
import math
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile


@dataclass(frozen=True)
class Row:
    """A measured value beside its baseline. ratio: as the goal counts it; met: None where there is no goal."""

    name: str
    value: float
    unit: str
    baseline: float | None = None
    ratio: float | None = None
    goal: str = ""
    met: bool | None = None


def table(rows: Sequence[Row]) -> str:
    """Rows as aligned columns."""
    cells = [("", "measured", "", "baseline", "ratio", "goal", "")]
    for row in rows:
        verdict = "" if row.met is None else "met" if row.met else "MISSED"
        numbers = ["" if v is None else f"{v:,.0f}" if v >= 100 else f"{v:.3g}" for v in (row.value, row.baseline)]
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        cells.append((row.name, numbers[0], row.unit, numbers[1], ratio, row.goal, verdict))
    widths = [max(len(line[i]) for line in cells) for i in range(7)]
    right = {1, 3, 4}
    lines = [
        "  ".join(
            cell.rjust(w) if i in right else cell.ljust(w) for i, (cell, w) in enumerate(zip(line, widths, strict=True))
        )
        for line in cells
    ]
    return "\n".join(line.rstrip() for line in lines)


def report(rows: Sequence[Row], *, heading: str, versions: Mapping[str, str], as_json: bool) -> int:
    """Prints the rows under a heading with how many goals are met, or one JSON document with the versions; 0 for the exit."""
    if as_json:
        print(json.dumps({**versions, "rows": [asdict(row) for row in rows]}, indent=2))
        return 0
    print(heading)
    print(table(rows))
    goals = [row.met for row in rows if row.met is not None]
    print(f"{sum(goals)} of {len(goals)} goals met")
    return 0


def wall(run: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def processor(run: Callable[[], object], repeats: int) -> float:
    """Processor seconds that a call takes, the least of `repeats`."""
    least = float("inf")
    for _ in range(repeats):
        begin = time.process_time()
        run()
        least = min(least, time.process_time() - begin)
    return least


def own_peak() -> float:
    """Peak memory of this process in MB."""
    status = Path("/proc/self/status")
    if status.exists():
        # ru_maxrss would count the memory of the process that started this one.
        line = next(line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM"))
        return float(line.split()[1]) / 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1024 / (1024 if platform.system() == "Darwin" else 1)


def resident() -> float:
    """Memory of this process in MB, pages of mapped files that it has read among them; its peak where the system does not tell."""
    status = Path("/proc/self/status")
    if not status.exists():
        return own_peak()
    line = next(line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmRSS"))
    return float(line.split()[1]) / 1024


def make_recording(path: Path, seconds: float, *, seed: int, rate: int = 44100, channels: int = 2) -> Path:
    """A sound file with chords and a little noise; the extension decides the format. After three minutes it repeats."""
    minutes = [
        _minute(rate, np.random.default_rng([seed, number])) for number in range(min(3, math.ceil(seconds / 60)))
    ]
    with soundfile.SoundFile(str(path), "w", samplerate=rate, channels=channels) as sound:
        for number in range(math.ceil(seconds / 60)):
            count = round(min(60.0, seconds - 60 * number) * rate)
            sound.write(np.repeat(minutes[number % 3][:count, None], channels, axis=1))
    return path


def _minute(rate: int, generator: np.random.Generator) -> np.ndarray:
    clock = np.arange(60 * rate, dtype=np.float32) / rate
    chord = generator.standard_normal(len(clock), dtype=np.float32) * 0.003
    swell = 0.2 + 0.1 * np.sin(2 * np.pi * generator.uniform(0.5, 3) * clock, dtype=np.float32)
    for hertz in generator.uniform(80, 900, 4):
        for partial in (1, 2, 3):
            chord += swell * np.sin(2 * np.pi * hertz * partial * clock, dtype=np.float32) / (4 * partial)
    return chord
