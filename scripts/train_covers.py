"""Trains the space that ships, `crossmodal/spaces/cover-audio`, on material whose licence lets anyone use it for anything.

    python scripts/train_covers.py --work FOLDER [--collection FILE] [--all] [--steps 60 60 600] [--output crossmodal/spaces/cover-audio]

FILE is the catalogue of a collection as `crossmodal demo` makes it (DIR/collection/catalogue.jsonl); by default one is made in --work.
Trained on are those of its recordings that may be used for anything; judged is all of its test split. The covers are drawn by rule from
facts of the recordings (`pairs/cover_art.py`), and card and figures say so. A second call goes on where the first was interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from crossmodal.base.errors import CrossmodalError
from crossmodal.base.files import make_folder
from crossmodal.base.results import ScoreRow
from crossmodal.evaluation import encode_items
from crossmodal.evaluation_covers import score_covers
from crossmodal.recipe import load_recipe
from crossmodal.space import Space
from crossmodal.space_files import bundled_folder, save_space
from crossmodal.training import train
from pairs.catalogue import read_catalogue, write_catalogue
from pairs.collection import build_collection
from pairs.cover_art import illustrate
from pairs.licences import LICENCES
from pairs.source import Item
from scripts.train_audio_sheet import table

DATA = """
## Data and licence

May be used for anything. **The covers are drawings made by rule** from facts of the recordings (collection, mood, tempo, instruments,
room; see `pairs/cover_art.py`), lettered in Aileron (CC0); no album cover of anyone was used. The sound was made from notes, with the
sound font TimGM6mb that pretty_midi ships: the demo collection's recordings of the music21 corpus' files on the allow-list
(`pairs/tables/works.csv`, evidence in `pairs/licences.py`; nearly all are O'Neill's and Ryan's tunes), and of instrument studies made by
rule.
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
covers; `scripts/evaluate_covers.py` judges the visual network on real ones. Genres are those of Irish and Scottish tunes, and little else.
Made by `scripts/train_covers.py{options}`; right is a recording's own cover alone; intervals resample works.

"""


def usable(items: Sequence[Item]) -> list[Item]:
    """Those that may be used for anything."""
    free = {"free"} | {name for name, licence in LICENCES.items() if licence.free}
    return [item for item in items if item.fields.get("licence") in free]


def judge(space: Space, catalogue: Path, *, seed: int) -> list[ScoreRow]:
    """Rows on recordings and covers, of the test split."""
    judged = encode_items(space, catalogue)
    return score_covers(space, judged.items, judged.vectors, seed=seed)[0]


def main() -> None:
    """Collection, drawings, training, card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder of the training's state and the drawings")
    parser.add_argument("--collection", type=Path, metavar="FILE", help="default: made in --work, as the demo makes it")
    parser.add_argument("--output", type=Path, default=bundled_folder() / "cover-audio")
    parser.add_argument(
        "--steps", type=int, nargs=3, metavar=("COVERS", "RECORDINGS", "ALIGNMENT"), help="default: the recipe's"
    )
    parser.add_argument(
        "--all", action="store_true", help="train on recordings of any licence: to be measured, never to be given away"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args()
    if chosen.all and chosen.output == bundled_folder() / "cover-audio":
        parser.error(
            "--all: expected --output beside it, got none; what it trains must not lie among the bundled spaces"
        )
    made = chosen.collection or build_collection(
        chosen.work / "collection", works=650, renderings=3, studies=12, seed=chosen.seed, jobs=chosen.jobs
    )  # the demo's
    items = read_catalogue(made).items
    free = items if chosen.all else usable(items)
    judged = [item for item in items if item.split == "test"]
    for name, rows in (("train", free), ("test", judged)):
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
    space.card += (ALL if chosen.all else DATA) + FIGURES.format(options=options)
    space.card += table(judge(space, pictured["test"], seed=chosen.seed))
    shipped = save_space(space, chosen.output, half=True)
    print(f"{shipped.reference} in {chosen.output}: {len(space.works)} works, {len(skipped)} recordings left out")


if __name__ == "__main__":
    try:
        main()
    except CrossmodalError as error:
        sys.exit(f"train_covers: {error}")
