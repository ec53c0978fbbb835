"""Judges voice detection on real singers: learned on one half of the singers of MIR-1K, judged on the other; by how pitches move, and
by MFCC as the baseline.

    python scripts/evaluate_voice_detection.py [SPACE...] [--data FOLDER] [--json FILE]

SPACE: names or folders of spaces with a tower of mixes: the vectors of their windows are judged likewise, and what they learned of invented
singers (their calibration) as it is. FOLDER: holds mir1k (CROSSMODAL_DATA by default). What is learned here is never kept.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from crossmodal.applications.voices import SUNG, calibrations
from crossmodal.base.errors import InputError
from crossmodal.base.files import write_json
from crossmodal.base.places import data_folder
from crossmodal.base.results import ScoreRow
from crossmodal.calibration import Calibration
from crossmodal.space_files import load_space
from crossmodal.voice_detection import Describe, by_fluctuation, by_mfcc, by_space, described, halves, judged, learned


def main() -> None:
    """A table on stdout; all rows as JSON where asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spaces", nargs="*")
    parser.add_argument("--data", type=Path, default=data_folder(), help="folder with mir1k")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    if chosen.data is None:
        raise InputError("expected the folder with mir1k, got none; give --data or set CROSSMODAL_DATA")
    folder = chosen.data / "mir1k"
    print(
        f"## Voice detection on {folder.name}, seed {chosen.seed}\n\n| | value | 95% over singers | chance | n |\n|---|---|---|---|---|"
    )
    spaces = [load_space(name) for name in chosen.spaces]
    kept = {space.name: one[SUNG] for space in spaces if (one := calibrations(space)) is not None}
    rows = _on_halves("MFCC", folder, by_mfcc(), {}, chosen.seed)
    rows += _on_halves("fluctuation", folder, by_fluctuation(), kept, chosen.seed)
    for space in spaces:
        rows += _on_halves(f"vectors of {space.name}", folder, by_space(space), {}, chosen.seed)
    if chosen.json is not None:
        write_json(chosen.json, {"seed": chosen.seed, "rows": [row.model_dump() for row in rows]})


def _on_halves(
    name: str, folder: Path, described_by: tuple[Describe, int], kept: Mapping[str, Calibration], seed: int
) -> list[ScoreRow]:
    """Learned on the first half, judged on the second; and what spaces learned of invented singers, judged on the second too."""
    windows = described(folder, described_by[0], rate=described_by[1], quiet=True)
    first, second = halves(windows, seed=seed)
    rows = judged(
        windows.of_singers(second), learned(windows.of_singers(first)), f"{name}, learned on real singers", seed=seed
    )
    for space, detector in kept.items():
        rows += judged(windows.of_singers(second), detector, f"{name}, as {space} learned it", seed=seed)
    _show(rows)
    return rows


def _show(rows: list[ScoreRow]) -> None:
    for row in rows:
        print(
            f"| {row.metric} | {row.value:.3f} | {row.low or 0:.3f} to {row.high or 0:.3f} | {row.chance} | {row.n} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
