"""Trains the space that ships, `crossmodal/spaces/similarity`, on material whose licence lets anyone use it for anything.

    python scripts/train_similarity.py --data FOLDER --work FOLDER [--demo FILE] [--steps 200 1500] [--output FOLDER]

FOLDER of --data holds pop909 and cre_irish (default: CROSSMODAL_DATA). Judged is the test split of the demo's collection, without the works
that were trained on: FILE, a catalogue as `crossmodal demo` makes it (DIR/collection/catalogue.jsonl), or one made in --work. A second
call goes on where the first one broke off.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from crossmodal.base.errors import CrossmodalError
from crossmodal.base.places import data_folder
from crossmodal.base.results import ScoreRow
from crossmodal.evaluation import encode_items
from crossmodal.evaluation_facets import score_facets
from crossmodal.recipe import load_recipe
from crossmodal.space import Space
from crossmodal.space_files import bundled_folder, load_space, save_space
from crossmodal.training import train
from scripts.card_table import card_table
from scripts.free_collection import SOURCES, demo_collection, free_collection

DATA = """
## Data and licence

May be used for anything. Trained on sound made from notes, with the sound font TimGM6mb that pretty_midi ships:
"""
FIGURES = """
## Figures

How often a recording is nearer to one that shares a word of the facet than to one that has other words of it alone. On the test split
of the whole demo collection: synthetic sound of works never trained on. The facets' words are facts of how that sound was made (a
property of the simulator); `scripts/reproduce_similarity.py` has the study. The last rows are of the bundled space text-music, which has no
facets and is compared as a whole. Made by `scripts/train_similarity.py{options}`; intervals resample works.

"""
PLAIN = "text-music"


def judge(space: Space, catalogue: Path, *, seed: int) -> list[ScoreRow]:
    """Triplets of each facet and of all, of the space and of one that compares everything at once."""
    facets = space.embedding.facets
    assert facets is not None
    judged = encode_items(space, catalogue)
    rows = score_facets(facets, judged.items, judged.vectors, seed=seed)
    plain = load_space(bundled_folder() / PLAIN)
    items = [item for item in judged.items if (item.work or item.id) not in plain.works]
    heard = plain.encode("audio", [item.files["audio"] for item in items])
    beside = score_facets(None, items, heard, seed=seed, names=facets.names)
    return [*rows, *(row.model_copy(update={"metric": f"{row.metric}, by {PLAIN}"}) for row in beside)]


def main() -> None:
    """Collection, training, card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder of the collection and of the training's state")
    parser.add_argument("--data", type=Path, default=data_folder())
    parser.add_argument(
        "--demo", type=Path, metavar="FILE", help="catalogue of the demo's collection; default: made in --work"
    )
    parser.add_argument("--output", type=Path, default=bundled_folder() / "similarity")
    parser.add_argument("--steps", type=int, nargs=2, metavar=("PRETRAINING", "FACETS"), help="default: the recipe's")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args()
    demo = chosen.demo or demo_collection(chosen.work / "demo", jobs=chosen.jobs, seed=chosen.seed)
    material = free_collection(chosen.work / "collection", chosen.data, jobs=chosen.jobs, seed=chosen.seed)
    steps = [
        f"stages.{n}.training.steps={c}" for n, c in zip(("pretraining", "facets"), chosen.steps or (), strict=False)
    ]
    recipe = load_recipe("similarity", overrides=[f"seed={chosen.seed}", *steps])
    space, skipped = train(recipe, material, chosen.work / "space", jobs=chosen.jobs, resume=True)
    save_space(space, chosen.output, half=True)  # rounds the weights, so that what is judged is what ships
    options = f" --steps {' '.join(map(str, chosen.steps))}" if chosen.steps else ""
    space.card += DATA + SOURCES + FIGURES.format(options=options)
    space.card += card_table(judge(space, demo, seed=chosen.seed))
    shipped = save_space(space, chosen.output, half=True)
    print(f"{shipped.reference} in {chosen.output}: {len(space.works)} works, {len(skipped)} recordings left out")


if __name__ == "__main__":
    try:
        main()
    except CrossmodalError as error:
        sys.exit(f"train_similarity: {error}")
