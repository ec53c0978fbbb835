"""Trains the space that ships, `crossmodal/spaces/text-music`, on material whose licence lets anyone use it for anything.

    python scripts/train_bundled.py --data FOLDER --work FOLDER [--steps 1500] [--output crossmodal/spaces/text-music]

FOLDER of --data holds pop909 and cre_irish (CROSSMODAL_DATA by default). Words that the demo keeps unseen stay unseen here too, so that
the zero-shot figures in the card are figures of the very space that ships.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from crossmodal.base.errors import CrossmodalError
from crossmodal.base.places import data_folder
from crossmodal.evaluation import evaluate
from crossmodal.real_data import instrument_scores
from crossmodal.recipe import load_recipe
from crossmodal.space import Space
from crossmodal.space_files import bundled_folder, save_space
from crossmodal.training import train
from scripts.card_table import card_table
from scripts.free_collection import SOURCES, free_collection

DATA = """
## Data and licence

May be used for anything. Trained on sound made from notes, with the sound font TimGM6mb that pretty_midi ships:
"""
FIGURES = """
## Figures

On the test split of that collection (synthetic sound, works never trained on), and, in the rows on instrument words, on recordings of
real instruments (Philharmonia samples, CC BY-SA 3.0, judging only). Made by `scripts/train_bundled.py`; intervals resample works (words).
"""


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
    catalogue = free_collection(
        chosen.work / "collection",
        chosen.data,
        jobs=chosen.jobs,
        seed=chosen.seed,
        works=chosen.works,
        midi_works=chosen.midi_works,
        studies=chosen.studies,
        renderings=chosen.renderings,
    )
    pretraining, alignment = chosen.steps
    recipe = load_recipe(
        "text-music",
        overrides=[
            f"seed={chosen.seed}",
            "stages.alignment.pairs.arguments.unseen=[demo]",
            f"stages.pretraining.training.steps={pretraining}",
            f"stages.alignment.training.steps={alignment}",
        ],
    )
    space, skipped = train(recipe, catalogue, chosen.work / "space", jobs=chosen.jobs, resume=True)
    space.card += card_end(space, catalogue, chosen.data, seed=chosen.seed, jobs=chosen.jobs)
    shipped = save_space(space, chosen.output)
    print(f"{shipped.reference} in {chosen.output}: {len(space.works)} works, {len(skipped)} recordings left out")


def card_end(space: Space, catalogue: Path, data: Path, *, seed: int, jobs: int) -> str:
    """What the card says of data, licence and figures."""
    rows = [*evaluate(space, catalogue, seed=seed).rows, *instrument_scores(space, data, jobs=jobs, seed=seed).rows]
    return DATA + SOURCES + FIGURES + "\n" + card_table(rows)


if __name__ == "__main__":
    try:
        main()
    except CrossmodalError as error:
        sys.exit(f"train_bundled: {error}")
