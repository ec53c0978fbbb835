"""Trains the space that ships, `crossmodal/spaces/text-music`, on material whose licence lets anyone use it for anything.

    python scripts/train_bundled.py --data FOLDER --work FOLDER [--steps 1500] [--output crossmodal/spaces/text-music]

FOLDER of --data holds pop909 and cre_irish (CROSSMODAL_DATA by default). Words kept unseen by the recipe stay unseen here too, so that
the zero-shot figures in the card are figures of the very space that ships.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from crossmodal.base.errors import InputError
from crossmodal.base.places import data_folder
from crossmodal.recipe import load_recipe
from crossmodal.space_files import bundled_folder
from crossmodal.training import train
from pairs.collection import build_collection

MIDI_FOLDERS = ("pop909", "cre_irish")


def main() -> None:
    """Collection, training, card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=data_folder())
    parser.add_argument("--work", type=Path, required=True, help="folder of the collection and of the training state")
    parser.add_argument("--output", type=Path, default=bundled_folder() / "text-music")
    parser.add_argument("--works", type=int, default=1400)
    parser.add_argument("--midi-works", type=int, default=500, help="of each MIDI folder")
    parser.add_argument("--studies", type=int, default=30, help="short recordings of each instrument alone")
    parser.add_argument("--renderings", type=int, default=2)
    parser.add_argument("--steps", type=int, nargs=2, default=(100, 1500), metavar=("PRETRAINING", "ALIGNMENT"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args()
    if chosen.data is None:
        raise InputError("expected the folder with pop909 and cre_irish, got none; give --data or set CROSSMODAL_DATA")
    catalogue = build_collection(
        chosen.work / "collection",
        works=chosen.works,
        renderings=chosen.renderings,
        seed=chosen.seed,
        jobs=chosen.jobs,
        licence="free",
        midi_folders=[chosen.data / name for name in MIDI_FOLDERS],
        midi_works_each=chosen.midi_works,
        studies=chosen.studies,
    )
    pretraining, alignment = chosen.steps
    recipe = load_recipe(
        "text-music",
        overrides=[
            f"seed={chosen.seed}",
            f"stages.pretraining.training.steps={pretraining}",
            f"stages.alignment.training.steps={alignment}",
        ],
    )
    space, skipped = train(recipe, catalogue, chosen.work / "space", jobs=chosen.jobs, resume=True)
    print(
        f"{space.reference}: {len(space.works)} works, {len(skipped)} skipped; now evaluate it and copy it to {chosen.output}"
    )


if __name__ == "__main__":
    main()
