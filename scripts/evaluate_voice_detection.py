"""Judges voice detection on real singers: learned on one half of the singers of MIR-1K, judged on the other; by how pitches move, and
by MFCC as the baseline.

    python scripts/evaluate_voice_detection.py [SPACE...] [--catalogue CATALOGUE] [--data FOLDER] [--json FILE]

SPACE: names or folders of spaces with a tower of mixes: the vectors of their windows are judged likewise, and what they learned of invented
singers (their calibration) as it is. CATALOGUE: of invented singers (`pairs.voice_collection`), to learn from as well.
FOLDER: holds mir1k (CROSSMODAL_DATA by default). What is learned here is never kept.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from crossmodal.applications.voices import SUNG, calibrations
from crossmodal.base.errors import InputError
from crossmodal.base.files import write_json
from crossmodal.base.places import data_folder
from crossmodal.base.results import ScoreRow
from crossmodal.calibration import Calibration
from crossmodal.space_files import load_space
from crossmodal.voice_detection import (
    KINDS,
    Describe,
    by_fluctuation,
    by_mfcc,
    by_space,
    described,
    described_items,
    halves,
    judged,
    learned,
)
from pairs.catalogue import read_catalogue

INVENTED = 120  # songs that are learned from


def main() -> None:
    """A table on stdout; all rows as JSON where asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spaces", nargs="*")
    parser.add_argument("--data", type=Path, default=data_folder(), help="folder with mir1k")
    parser.add_argument("--catalogue", type=Path, help="of invented singers")
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
    spaces = [load_space(name) for name in chosen.spaces]
    kept = {f"as {space.name} learned it": one[SUNG] for space in spaces if (one := calibrations(space)) is not None}
    items = read_catalogue(chosen.catalogue).items if chosen.catalogue is not None else []
    invented = [item for item in items if item.split != "test" and "backing" in item.files][:INVENTED]
    rows = []
    for name, (describe, rate) in {"MFCC": by_mfcc(), "fluctuation": by_fluctuation()}.items():
        others = dict(kept) if name == "fluctuation" else {}
        if invented:
            others["learned on invented singers"] = learned(described_items(invented, describe, rate=rate, quiet=True))
        rows += _on_halves(name, folder, (describe, rate), others, chosen.seed)
    for space in spaces:
        rows += _on_halves(f"vectors of {space.name}", folder, by_space(space), {}, chosen.seed)
    if chosen.json is not None:
        write_json(chosen.json, {"seed": chosen.seed, "rows": [row.model_dump() for row in rows]})


def _on_halves(
    name: str, folder: Path, described_by: tuple[Describe, int], others: Mapping[str, Calibration], seed: int
) -> list[ScoreRow]:
    """Learned on the first half of the singers, judged on the second; and other detectors, judged on the second too."""
    windows = described(folder, described_by[0], rate=described_by[1], quiet=True)
    first, second = (windows.of_singers(names) for names in halves(windows, seed=seed))
    rows = judged(second, learned(first), f"{name}, learned on real singers", seed=seed)
    for how, detector in others.items():
        rows += judged(second, detector, f"{name}, {how}", seed=seed)
        answers = detector.confidence(second.features) >= detector.threshold
        shares = {kind: answers[(second.kind == kind)[second.clip]].mean() for kind in KINDS}
        print(
            f"{name}, {how}: windows called sung {', '.join(f'{kind} {share:.2f}' for kind, share in shares.items())}",
            file=sys.stderr,
        )
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
