"""The classic systems of music similarity side by side: whether the relations that their papers report hold here, with intervals.

    python scripts/reproduce_similarity.py CATALOGUE --work FOLDER [--relations 1 2 ...] [--seeds 0 1 2] [--steps 300] [--data FOLDER]

CATALOGUE: as `crossmodal demo` makes it (DIR/collection/catalogue.jsonl), with the splits train and test, tags, and the columns artist and
collection. All systems learn with one small network from the same recordings, for the same number of steps, so that the methods are
compared and not their budgets; absolute numbers belong to this collection of synthetic sound. Values are means over the seeds; intervals
resample works of the test split. About three hours on 2 cores for all relations, seeds and 300 steps; a second call goes on where the first
one broke off, and two calls with different seeds may run at once.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import os
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from crossmodal.applications.show import table
from crossmodal.base.errors import CrossmodalError
from crossmodal.base.places import data_folder
from scripts.similarity_measures import Measures
from scripts.similarity_real import real_rows
from scripts.similarity_relations import RELATIONS, Relation, shown
from scripts.similarity_study import Study


def as_document(found: Relation) -> dict[str, object]:
    """For --json."""
    claims = [{"claim": c.text, "verdict": c.verdict, **dataclasses.asdict(c.difference)} for c in found.claims]
    return {**dataclasses.asdict(found), "claims": claims}


def in_words(found: Relation) -> str:
    """For people."""
    claims = [{"claim": c.text, "difference": shown(c.difference), "verdict": c.verdict} for c in found.claims]
    lines = [
        f"Relation {found.number} ({found.source}). Published: {found.published}.",
        table(claims),
        table(found.rows),
    ]
    return "\n".join([*lines, f"{found.remark}.\n" if found.remark else ""])


def main() -> None:
    """Prints the tables, or one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("catalogue", type=Path)
    parser.add_argument("--work", type=Path, required=True, help="folder of the trainings; a second call goes on there")
    parser.add_argument("--relations", type=int, nargs="+", choices=sorted(RELATIONS), default=sorted(RELATIONS))
    parser.add_argument(
        "--data",
        type=Path,
        default=data_folder(),
        help="folder with philharmonia, gtzan_mini, mir1k, which judge and never train",
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=300, help="of every training")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")  # of lightning's loaders and of classifiers' iterations: what was reached is judged
    measures = Measures(Study(chosen.catalogue, chosen.work, steps=chosen.steps, jobs=chosen.jobs), chosen.seeds)
    found = [RELATIONS[number](measures) for number in chosen.relations]
    real = real_rows(measures, chosen.data) if chosen.data else []
    if chosen.json:
        print(json.dumps({"relations": [as_document(one) for one in found], "real": real}, indent=2))
        return
    print(f"{chosen.catalogue}; seeds {chosen.seeds}; {chosen.steps} steps a training; 95% intervals over works\n")
    print("\n".join(in_words(one) for one in found))
    if real:
        print(
            "Real recordings: MAP of the same instrument, genre or singer (other songs), 95% intervals over these\n"
            + table(real)
        )


if __name__ == "__main__":
    try:
        main()
    except CrossmodalError as error:
        sys.exit(f"reproduce_similarity: {error}")
