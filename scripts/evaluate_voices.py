"""Judges spaces of voices: on invented singers that no training heard, and on the real singers of MIR-1K, with a baseline beside it.

    python scripts/evaluate_voices.py SPACE... [--catalogue CATALOGUE] [--data FOLDER] [--json FILE] [--singers A,B,...]

SPACE: names or folders (voices, voices-mono, voices-mix); a space of one tower hears everything with it. CATALOGUE: that of
`pairs.voice_collection` (its split test). FOLDER: holds mir1k (CROSSMODAL_DATA by default). Real singers are never tuned on.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from crossmodal.base.files import write_json
from crossmodal.base.places import data_folder
from crossmodal.base.results import ScoreRow
from crossmodal.evaluation_singers import evaluate_singers, score_rows
from crossmodal.metrics.bootstrap import bootstrap_difference
from crossmodal.metrics.singers import METRICS, Recordings, SingerScores, singer_scores
from crossmodal.real_voices import PAIRINGS, by_mfcc, by_space, described
from crossmodal.space_files import load_space

MFCC = "MFCC"
Scores = dict[tuple[str, str, bool], SingerScores]


def main() -> None:
    """Tables on stdout; all rows as JSON where asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spaces", nargs="+")
    parser.add_argument("--catalogue", type=Path, help="of invented singers")
    parser.add_argument("--data", type=Path, default=data_folder(), help="folder with mir1k")
    parser.add_argument("--singers", type=lambda text: text.split(","), help="only these real singers")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    report: dict[str, object] = {"seed": chosen.seed}
    if chosen.catalogue is not None:
        report["invented singers"] = invented(chosen.spaces, chosen.catalogue, seed=chosen.seed)
    folder = None if chosen.data is None else chosen.data / "mir1k"
    if folder is not None and folder.is_dir():
        for equalized in (False, True):
            name = "MIR-1K, 6 dB equalization a song" if equalized else "MIR-1K"
            report[name] = real(chosen.spaces, folder, equalized=equalized, singers=chosen.singers, seed=chosen.seed)
    if chosen.json is not None:
        write_json(chosen.json, report)


def invented(spaces: Sequence[str], catalogue: Path, *, seed: int) -> dict[str, list[dict[str, object]]]:
    """Space -> rows on singers of the synthesizer that it never heard."""
    found = {}
    for name in spaces:
        table = evaluate_singers(load_space(name), catalogue, seed=seed)
        print(f"\n## {name} on invented singers ({catalogue}, split {table.split}, seed {seed})\n")
        show(table.rows)
        found[name] = [row.model_dump() for row in table.rows]
    return found


def real(
    spaces: Sequence[str], folder: Path, *, equalized: bool, singers: Sequence[str] | None, seed: int
) -> dict[str, list[dict[str, object]]]:
    """Space -> rows on real singers, each with its difference from MFCC (both standardized)."""
    base_describe, base_rate = by_mfcc()
    given = {"equalized": equalized, "singers": singers, "seed": seed}
    base = pairings(described(folder, base_describe, rate=base_rate, **given), seed=seed)  # type: ignore[arg-type]
    found = {MFCC: rows_of(base, None, seed=seed)}
    for name in spaces:
        describe, rate = by_space(load_space(name))
        scores = pairings(described(folder, describe, rate=rate, **given), seed=seed)  # type: ignore[arg-type]
        found[name] = rows_of(scores, base, seed=seed)
    for name, rows in found.items():
        print(
            f"\n## {name} on real singers{', 6 dB equalization a song' if equalized else ''} ({folder.name}, seed {seed})\n"
        )
        show([ScoreRow.model_validate({k: v for k, v in row.items() if k in ScoreRow.model_fields}) for row in rows])
        for row in rows:
            if "over MFCC" in row and str(row["metric"]).startswith("mono -> m") and "z-scored" in str(row["metric"]):
                print(f"{row['metric']}: over z-scored MFCC by {row['over MFCC']}")
    return found


def pairings(kinds: Mapping[str, Recordings], *, seed: int) -> Scores:
    """(queries, targets, standardized) -> scores."""
    standard = {kind: recordings.standardized() for kind, recordings in kinds.items()}
    return {
        (queries, targets, z): singer_scores(source[queries], source[targets], seed=seed)
        for queries, targets in PAIRINGS
        for z, source in ((False, kinds), (True, standard))
    }


def rows_of(scores: Scores, base: Scores | None, *, seed: int) -> list[dict[str, object]]:
    """All rows; beside each the difference from the standardized baseline and its paired interval over singers."""
    rows: list[dict[str, object]] = []
    for (queries, targets, z), found in scores.items():
        name = f"{queries} -> {targets}{', z-scored' if z else ''}"
        for metric, row in zip(METRICS, score_rows(name, found, seed=seed), strict=True):
            shown: dict[str, object] = row.model_dump()
            if base is not None:
                other = base[queries, targets, True].values[metric]
                gap = bootstrap_difference(found.values[metric], other, seed=seed)
                shown["over MFCC"] = f"{gap.value:+.3f} ({gap.low:+.3f} to {gap.high:+.3f})"
            rows.append(shown)
    return rows


def show(rows: Sequence[ScoreRow]) -> None:
    """A table: value, interval, chance."""
    print("| | value | 95% over singers | chance | singers |\n|---|---|---|---|---|")
    for row in rows:
        low, high, level = (np.nan if v is None else v for v in (row.low, row.high, row.chance))
        print(f"| {row.metric} | {row.value:.3f} | {low:.3f} to {high:.3f} | {level:.3f} | {row.n} |")


if __name__ == "__main__":
    main()
