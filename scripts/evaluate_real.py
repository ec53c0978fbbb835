"""Judges a space on real recordings that nobody here made (CROSSMODAL_DATA): instrument words against real instruments, and the ten
nearest words of real pieces of music.

    python scripts/evaluate_real.py [--space text-music] [--json]

The recordings judge only: none of them is ever trained on or shipped.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from crossmodal.applications.show import score_table, table
from crossmodal.base.errors import CrossmodalError, InputError
from crossmodal.base.places import data_folder
from crossmodal.base.results import ScoreTable
from crossmodal.real_data import instrument_scores, music_files, nearest_words
from crossmodal.space_files import load_space


def main() -> None:
    """Prints the tables, or one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--space", default="text-music")
    parser.add_argument("--data", type=Path, default=data_folder(), help="default: CROSSMODAL_DATA")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    if chosen.data is None:
        raise InputError("expected the folder of real recordings, got none; give --data or set CROSSMODAL_DATA")
    space = load_space(chosen.space)
    instruments = instrument_scores(space, chosen.data, jobs=chosen.jobs, quiet=chosen.json)
    words, skipped = nearest_words(
        space, music_files(chosen.data), list(space.vocabulary), jobs=chosen.jobs, quiet=chosen.json
    )
    scores = ScoreTable(
        space=space.reference,
        data="philharmonia",
        split="all",
        seed=0,
        rows=instruments.rows,
        skipped=instruments.skipped,
    )
    named = {str(Path(path).relative_to(chosen.data)): found for path, found in words.items()}
    if chosen.json:
        document = {"instruments": scores.model_dump(), "per_word": instruments.per_word, "nearest_words": named}
        print(json.dumps(document, ensure_ascii=False, indent=2))
        return
    print(score_table(scores))
    print()
    print(
        table(
            [
                {"instrument word": word, "average precision": value, "chance": level, "recordings": count}
                for word, (value, level, count) in sorted(instruments.per_word.items(), key=lambda kv: -kv[1][0])
            ]
        )
    )
    print("\nten nearest words")
    for path, found in named.items():
        print(f"  {path}: {', '.join(word for word, _ in found)}")
    for row in skipped:
        print(f"  {row.path}: skipped, {row.reason}")


if __name__ == "__main__":
    try:
        main()
    except CrossmodalError as error:
        sys.exit(f"evaluate_real: {error}")
