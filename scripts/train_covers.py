"""Trains the space that ships, `crossmodal/spaces/cover-audio`, on material whose licence lets anyone use it for anything.

    python scripts/train_covers.py --data FOLDER --work FOLDER [--demo FILE] [--all] [--steps 60 60 600] [--output FOLDER]

FOLDER of --data holds pop909 and cre_irish (default: CROSSMODAL_DATA). Judged is the test split of the demo's collection: FILE, a catalogue
as `crossmodal demo` makes it (DIR/collection/catalogue.jsonl), or one made in --work. The covers are drawn by rule from facts of the
recordings (`pairs/cover_art.py`), and card and figures say so. A second call goes on where the first one broke off.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from crossmodal.base.errors import CrossmodalError
from crossmodal.base.files import make_folder
from crossmodal.base.places import data_folder
from crossmodal.base.results import ScoreRow
from crossmodal.evaluation import encode_items
from crossmodal.evaluation_covers import score_covers
from crossmodal.recipe import load_recipe
from crossmodal.space import Space
from crossmodal.space_files import bundled_folder, save_space
from crossmodal.training import train
from pairs.catalogue import read_catalogue, write_catalogue
from pairs.cover_art import illustrate
from scripts.card_table import card_table
from scripts.free_collection import SOURCES, demo_collection, free_collection

DATA = """
## Data and licence

May be used for anything. **The covers are drawings made by rule** from facts of the recordings (collection, mood, tempo, instruments,
room; see `pairs/cover_art.py`), lettered in Aileron (CC0); no album cover of anyone was used. The sound was made from notes, with the
sound font TimGM6mb that pretty_midi ships:
"""

ALL = """
## Data and licence

**To be measured, not to be given away**: the sound was made from scores of the music21 corpus of which some forbid it. The covers are
drawings made by rule from facts of the recordings (`pairs/cover_art.py`); no album cover of anyone was used.
"""

FIGURES = """
## Figures

On the test split of the whole demo collection: synthetic sound and drawn covers of works never trained on, most of them from collections
none of whose covers was trained on. How well pictures and sounds find each other is a property of our own drawing and says nothing of real
covers; `scripts/evaluate_covers.py` judges the visual network on real ones.
Made by `scripts/train_covers.py{options}`; right is a recording's own cover alone; intervals resample works.

"""


def judge(space: Space, catalogue: Path, *, seed: int) -> list[ScoreRow]:
    """Rows on recordings and covers, of the test split."""
    judged = encode_items(space, catalogue)
    return score_covers(space, judged.items, judged.vectors, seed=seed)[0]


def main() -> None:
    """Collection, drawings, training, card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder of the training's state and the drawings")
    parser.add_argument("--data", type=Path, default=data_folder())
    parser.add_argument(
        "--demo", type=Path, metavar="FILE", help="catalogue of the demo's collection; default: made in --work"
    )
    parser.add_argument("--output", type=Path, default=bundled_folder() / "cover-audio")
    parser.add_argument(
        "--steps", type=int, nargs=3, metavar=("COVERS", "RECORDINGS", "ALIGNMENT"), help="default: the recipe's"
    )
    parser.add_argument(
        "--all", action="store_true", help="train on the demo's, of any licence: to be measured, never to be given away"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args()
    if chosen.all and chosen.output == bundled_folder() / "cover-audio":
        parser.error(
            "--all: expected --output beside it, got none; what it trains must not lie among the bundled spaces"
        )
    demo = chosen.demo or demo_collection(chosen.work / "demo", jobs=chosen.jobs, seed=chosen.seed)
    material = (
        demo
        if chosen.all
        else free_collection(chosen.work / "collection", chosen.data, jobs=chosen.jobs, seed=chosen.seed)
    )
    judged = [item for item in read_catalogue(demo).items if item.split == "test"]
    for name, rows in (("train", read_catalogue(material).items), ("test", judged)):
        write_catalogue(make_folder(chosen.work) / f"{name}.jsonl", rows)
    pictured = {
        name: illustrate(chosen.work / f"{name}.jsonl", seed=chosen.seed, jobs=chosen.jobs)
        for name in ("train", "test")
    }
    names = ("covers-alone", "recordings-alone", "alignment")
    overrides = [f"stages.{name}.pairs.arguments.unlabelled=true" for name in names]  # the studies have no genre
    overrides += [f"stages.{n}.training.steps={c}" for n, c in zip(names, chosen.steps or (), strict=False)]
    recipe = load_recipe("cover-audio", overrides=[f"seed={chosen.seed}", *overrides])
    space, skipped = train(recipe, pictured["train"], chosen.work / "space", jobs=chosen.jobs, resume=True)
    save_space(space, chosen.output, half=True)  # rounds the weights, so that what is judged is what ships
    options = " --all" * chosen.all + (f" --steps {' '.join(map(str, chosen.steps))}" if chosen.steps else "")
    space.card += (ALL if chosen.all else DATA + SOURCES) + FIGURES.format(options=options)
    space.card += card_table(judge(space, pictured["test"], seed=chosen.seed))
    shipped = save_space(space, chosen.output, half=True)
    print(f"{shipped.reference} in {chosen.output}: {len(space.works)} works, {len(skipped)} recordings left out")


if __name__ == "__main__":
    try:
        main()
    except CrossmodalError as error:
        sys.exit(f"train_covers: {error}")
