"""Trains the space that ships, `crossmodal/spaces/text-music`, on material whose licence lets anyone use it for anything.

    python scripts/train_bundled.py --data FOLDER --work FOLDER [--steps 1500] [--output crossmodal/spaces/text-music]

FOLDER of --data holds pop909 and cre_irish (CROSSMODAL_DATA by default). Words that the demo keeps unseen stay unseen here too, so that
the zero-shot figures in the card are figures of the very space that ships.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from crossmodal.base.errors import InputError
from crossmodal.base.places import data_folder
from crossmodal.base.results import ScoreRow
from crossmodal.evaluation import evaluate
from crossmodal.real_data import instrument_scores
from crossmodal.recipe import load_recipe
from crossmodal.space import Space
from crossmodal.space_files import bundled_folder, save_space
from crossmodal.training import train
from pairs.collection import build_collection

MIDI_FOLDERS = ("pop909", "cre_irish")
DATA = """
## Data and licence

May be used for anything. Trained on sound made from notes, with the sound font TimGM6mb that pretty_midi ships:

- the music21 corpus' files on the allow-list (`pairs/tables/works.csv`, evidence in `pairs/licences.py`): O'Neill's and Ryan's tunes;
- POP909 (Wang et al., ISMIR 2020), MIT; the arrangements only, nothing of the songs is shown or shipped;
- Ceol Rince na hÉireann, 1,195 Irish tunes of the Polifonia project (folk_ngram_analysis), CC BY 4.0;
- instrument studies made by rule.

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
    figures = [
        f"| {row.metric} | {row.value:.3f} | {_interval(row)} | {'' if row.chance is None else f'{row.chance:.3f}'} | {row.n} |"
        for row in rows
    ]
    return "\n".join([DATA, "| metric | value | 95% | chance | n |", "|---|---|---|---|---|", *figures, ""])


def _interval(row: ScoreRow) -> str:
    return "" if row.low is None else f"{row.low:.3f} to {row.high:.3f}"


if __name__ == "__main__":
    main()
