"""Trains the space that ships, `crossmodal/spaces/cover-audio`, on material whose licence lets anyone use it for anything.

    python scripts/train_covers.py --data FOLDER --work FOLDER [--steps 300 400 1200] [--output crossmodal/spaces/cover-audio]

FOLDER of --data holds pop909 and cre_irish (CROSSMODAL_DATA by default). The covers are drawn by rule from facts of the recordings
(`pairs/cover_art.py`), and card and figures say so. A second call goes on where the first was interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from crossmodal.base.errors import CrossmodalError, InputError
from crossmodal.base.places import data_folder
from crossmodal.evaluation import evaluate
from crossmodal.recipe import load_recipe
from crossmodal.space_files import bundled_folder, save_space
from crossmodal.training import train
from pairs.collection import build_collection
from pairs.cover_art import illustrate
from scripts.train_audio_sheet import table

MIDI_FOLDERS = ("pop909", "cre_irish")
DATA = """
## Data and licence

May be used for anything. **The covers are drawings made by rule** from facts of the recordings (collection, mood, tempo, instruments; see
`pairs/cover_art.py`), lettered in Aileron (CC0); no album cover of anyone was used. The sound was made from notes, with the sound font
TimGM6mb that pretty_midi ships:

- the music21 corpus' files on the allow-list (`pairs/tables/works.csv`, evidence in `pairs/licences.py`): O'Neill's and Ryan's tunes;
- POP909 (Wang et al., ISMIR 2020), MIT; the arrangements only, nothing of the songs is shown or shipped;
- Ceol Rince na hÉireann, 1,195 Irish tunes of the Polifonia project (folk_ngram_analysis), CC BY 4.0;
- instrument studies made by rule.

## Figures

On the test split of that collection: synthetic sound and drawn covers of works never trained on. How well pictures and sounds find each
other is a property of our own drawing and says nothing of real covers; `scripts/evaluate_covers.py` judges the visual network on real
ones. Made by `scripts/train_covers.py`; right is a recording's own cover alone; intervals resample works.

"""


def main() -> None:
    """Collection, drawings, training, card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=data_folder())
    parser.add_argument("--work", type=Path, required=True, help="folder of the collection and of the training state")
    parser.add_argument("--output", type=Path, default=bundled_folder() / "cover-audio")
    parser.add_argument("--works", type=int, default=1400)
    parser.add_argument("--midi-works", type=int, default=500, help="of each MIDI folder")
    parser.add_argument("--studies", type=int, default=10, help="short recordings of each instrument alone")
    parser.add_argument("--renderings", type=int, default=2)
    parser.add_argument(
        "--steps", type=int, nargs=3, metavar=("COVERS", "RECORDINGS", "ALIGNMENT"), help="default: the recipe's"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args()
    if chosen.data is None:
        raise InputError("expected the folder with pop909 and cre_irish, got none; give --data or set CROSSMODAL_DATA")
    catalogue = build_collection(
        chosen.work / "collection", works=chosen.works, renderings=chosen.renderings, seed=chosen.seed, jobs=chosen.jobs,
        licence="free", midi_folders=[chosen.data / name for name in MIDI_FOLDERS], midi_works_each=chosen.midi_works,
        studies=chosen.studies,
    )  # fmt: skip
    catalogue = illustrate(catalogue, seed=chosen.seed, jobs=chosen.jobs)
    names = ("covers-alone", "recordings-alone", "alignment")
    steps = [f"stages.{n}.training.steps={c}" for n, c in zip(names, chosen.steps or (), strict=False)]
    recipe = load_recipe("cover-audio", overrides=[f"seed={chosen.seed}", *steps])
    space, skipped = train(recipe, catalogue, chosen.work / "space", jobs=chosen.jobs, resume=True)
    save_space(space, chosen.output, half=True)  # rounds the weights, so that what is judged is what ships
    space.card += DATA + table(evaluate(space, catalogue, seed=chosen.seed).rows)
    shipped = save_space(space, chosen.output, half=True)
    print(f"{shipped.reference} in {chosen.output}: {len(space.works)} works, {len(skipped)} recordings left out")


if __name__ == "__main__":
    try:
        main()
    except CrossmodalError as error:
        sys.exit(f"train_covers: {error}")
