"""Speed and memory of encoding and training, as ratios that one run measures: prints goals met and missed, always exits 0.

    python scripts/bench_encode.py [--space text-music] [--json]      # under 3 minutes on 2 cores

- Files to vectors, decoding included, beside transformers' ClapModel (HTSAT with random weights of the published size, its
  feature extraction included) on the same files. Both cover every second of every file: ours in overlapping windows, CLAP in
  its clips of 10 s. CLAP may choose the faster way to use the cores.
- One long mp3 on one core, and where its time goes.
- Peak memory of a recording of hours beside one of minutes, each in a process of its own.
- Training steps on fresh batches beside steps on one cached batch, taken in turns, texts warm.

Sounds are made by the script. Times of one core are processor seconds, so that other work on the machine disturbs them little.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import soundfile
import torch

import crossmodal
from crossmodal.applications.encoding import encode_stream, one_thread_each
from crossmodal.base.audio import decode
from crossmodal.base.errors import CrossmodalError
from crossmodal.base.results import Skipped
from crossmodal.space import Space
from encoders.encoder import AudioEncoder
from scripts.bench_training import make_catalogue, measure_training
from scripts.benchmarking import Row, make_recording, own_peak, processor, report, wall

if TYPE_CHECKING:
    from transformers import ClapConfig

CLAP_RATE, CLAP_SECONDS, CLAP_BATCH = 48000, 10, 8


class ClapBaseline:
    """Whole files -> vectors by transformers' ClapModel with random weights; the default config is that of clap-htsat-unfused."""

    def __init__(self, config: ClapConfig | None = None) -> None:
        from transformers import ClapConfig, ClapFeatureExtractor, ClapModel

        torch.manual_seed(0)
        self.model = ClapModel(config or ClapConfig()).eval()
        self.extractor = ClapFeatureExtractor()

    def encode(self, path: Path) -> None:
        """All clips of 10 s of a file, in batches."""
        samples = decode(path, sample_rate=CLAP_RATE)
        size = CLAP_RATE * CLAP_SECONDS
        clips = [samples[i : i + size] for i in range(0, len(samples), size)]
        for i in range(0, len(clips), CLAP_BATCH):
            features = self.extractor(
                clips[i : i + CLAP_BATCH], sampling_rate=CLAP_RATE, truncation="rand_trunc", return_tensors="pt"
            )
            with torch.inference_mode():
                self.model.get_audio_features(**features)

    def side_by_side(self, paths: Sequence[Path], jobs: int) -> None:
        """Files in threads of one core each, as ours are done."""
        with one_thread_each(), ThreadPoolExecutor(max_workers=jobs) as pool:
            list(pool.map(self.encode, paths))

    def in_turn(self, paths: Sequence[Path], jobs: int) -> None:
        """One file after another, each on all cores."""
        before = torch.get_num_threads()
        torch.set_num_threads(jobs)
        try:
            for path in paths:
                self.encode(path)
        finally:
            torch.set_num_threads(before)


def encode_all(space: Space, paths: Sequence[Path], jobs: int) -> None:
    """Files to vectors as `crossmodal encode` does it."""
    for _, result in encode_stream(space, "audio", paths, jobs=jobs, quiet=True):
        if isinstance(result, Skipped):
            raise SystemExit(f"bench_encode: expected every file to be encoded, got {result.reason}")


def measure_throughput(
    space: Space, clap: ClapBaseline, paths: Sequence[Path], *, jobs: int, repeats: int = 2
) -> list[Row]:
    """Seconds of sound a second, the best of `repeats`; the two systems take turns."""
    total = sum(soundfile.info(str(path)).duration for path in paths)
    runs: dict[str, Callable[[], None]] = {
        "ours": lambda: encode_all(space, paths, jobs),
        "side by side": lambda: clap.side_by_side(paths, jobs),
        "in turn": lambda: clap.in_turn(paths, jobs),
    }
    encode_all(space, paths[:1], jobs)
    clap.encode(paths[0])
    seconds = {name: [wall(run)] for name, run in runs.items()}
    for _ in range(repeats - 1):
        seconds["ours"].append(wall(runs["ours"]))
        faster = min(("side by side", "in turn"), key=lambda name: min(seconds[name]))
        seconds[faster].append(wall(runs[faster]))
    ours = total / min(seconds["ours"])
    theirs = total / min(*seconds["side by side"], *seconds["in turn"])
    ratio = ours / theirs
    return [Row("files to vectors, against CLAP", ours, "s of sound / s", theirs, ratio, ">= 10 times", ratio >= 10)]


def measure_one_file(space: Space, path: Path, *, repeats: int = 3) -> list[Row]:
    """A file on one core: the whole, then its parts. Processor seconds, the best of `repeats`."""
    encoder = space.encoder("audio")
    assert isinstance(encoder, AudioEncoder)
    rate = soundfile.info(str(path)).samplerate
    with one_thread_each():
        whole = processor(lambda: space.encode("audio", [path]), repeats)
        decoding = processor(lambda: decode(path, sample_rate=rate), repeats)
        resampled = processor(lambda: decode(path, sample_rate=encoder.sample_rate), repeats)
        samples = decode(path, sample_rate=encoder.sample_rate)
        front = processor(lambda: list(encoder.frame_blocks(samples)), repeats)
        vectors = processor(lambda: space.encode("audio", [samples]), repeats)
    parts = {
        "decode": decoding,
        "resample": max(0.0, resampled - decoding),
        "front end": front,
        "network": max(0.0, vectors - front),
    }
    parts["other"] = max(0.0, whole - sum(parts.values()))
    length = soundfile.info(str(path)).duration
    share = length / 240
    first = Row(
        f"{path.suffix[1:]} of {length / 60:.3g} minutes, one core",
        whole,
        "s",
        share,
        whole / share,
        "<= 1 s for 4 minutes",
        whole <= share,
    )
    return [first, *(Row(f"    {name}", value, "s", whole, value / whole) for name, value in parts.items())]


def measure_memory(space: str, short: Path, long: Path) -> list[Row]:
    """Peak memory of encoding a long and a short recording, each in a fresh process."""
    low, high = (peak_in_child(space, path) for path in (short, long))
    return [
        Row(
            f"peak memory, {_length(long)} against {_length(short)}",
            high,
            "MB",
            low,
            high / low,
            "at most 300 MB more",
            high - low <= 300,
        )
    ]


def peak_in_child(space: str, path: Path) -> float:
    """Peak memory in MB of a process that encodes one file."""
    command = [sys.executable, str(Path(__file__).resolve()), "--space", space, "--peak-of", str(path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"bench_encode: expected the peak memory of {path}, got {done.stderr.strip()[-300:]}")
    return float(done.stdout.split()[-1])


def _length(path: Path) -> str:
    minutes = soundfile.info(str(path)).duration / 60
    return f"{minutes / 60:.3g} hours" if minutes >= 60 else f"{minutes:.3g} minutes"


def run(arguments: argparse.Namespace, space: Space, folder: Path) -> list[Row]:
    """All measurements, with sounds made in `folder`."""
    files = [make_recording(folder / f"{i}.mp3", arguments.seconds, seed=i) for i in range(arguments.files)]
    rows = measure_throughput(space, ClapBaseline(), files, jobs=arguments.jobs)
    rows += measure_one_file(space, make_recording(folder / "track.mp3", 60 * arguments.minutes, seed=99))
    short, long = (
        make_recording(folder / f"{minutes:g}.flac", 60 * minutes, seed=7, rate=32000, channels=1)
        for minutes in (3, arguments.long_minutes)
    )
    rows += measure_memory(arguments.space, short, long)
    long.unlink()
    catalogue = make_catalogue(folder, items=64, seconds=12)
    return rows + measure_training(space, catalogue, steps=arguments.steps)


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--space", default="text-music", help="name or folder of a space (default: text-music)")
    parser.add_argument("--files", type=int, default=6, help="files of the comparison with CLAP (default: 6)")
    parser.add_argument("--seconds", type=float, default=30, help="length of each (default: 30)")
    parser.add_argument("--minutes", type=float, default=4, help="length of the mp3 on one core (default: 4)")
    parser.add_argument("--long-minutes", type=float, default=180, help="of the streamed recording (default: 180)")
    parser.add_argument("--steps", type=int, default=5, help="training steps of each kind (default: 5)")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="cores (default: 2)")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    parser.add_argument("--peak-of", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """0; 2 where there is no such space."""
    arguments = parse(words)
    warnings.simplefilter("ignore")  # advice of libraries would stand in the middle of the table
    try:
        space = crossmodal.load(arguments.space)
    except CrossmodalError as error:
        print(f"bench_encode: {error}", file=sys.stderr)
        return 2
    if arguments.peak_of is not None:
        space.encode("audio", [arguments.peak_of])
        print(own_peak())
        return 0
    with tempfile.TemporaryDirectory() as folder:
        rows = run(arguments, space, Path(folder))
    heading = f"{space.reference}, torch {torch.__version__}, {arguments.jobs} cores of {os.cpu_count()}"
    versions = {"space": space.reference, "torch": torch.__version__}
    report(rows, heading=heading, versions=versions, as_json=arguments.json)
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if not arguments.json and busy > 1.5 * (os.cpu_count() or 1):
        print(f"(the machine has other work, load {busy:.1f}: times by the clock are unsteady)")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
