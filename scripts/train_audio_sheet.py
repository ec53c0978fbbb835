"""Trains the spaces of recordings and sheet music that ship: `audio-sheet`, on material whose licence lets anyone use it for anything, and
with --non-commercial `audio-sheet-nc`, which goes on from it with nASAP's half to tune on.

    python scripts/train_audio_sheet.py --data FOLDER --work FOLDER [--output SPACE] [--non-commercial]

FOLDER of --data holds pop909 (CROSSMODAL_DATA by default), and nasap, where the card is to tell how the space was judged. On 2 cores about
an hour; a second call goes on where the first was interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from crossmodal.base.errors import InputError
from crossmodal.base.places import data_folder
from crossmodal.recipe import load_recipe
from crossmodal.space import Space
from crossmodal.space_files import bundled_folder, save_space
from crossmodal.training import train
from pairs.catalogue import read_catalogue, write_catalogue
from pairs.nasap_collection import build_nasap_collection
from pairs.sheet_collection import build_sheet_collection
from scripts.card_table import card_table

DATA = """
## Data and licence

May be used for anything. Trained on pages that verovio engraved in its five music fonts, and on piano performances made from the same
notes, played with the sound font TimGM6mb that pretty_midi ships:

- invented piano pieces, made by rule;
- POP909 (Wang et al., ISMIR 2020), MIT; the arrangements only, set as piano scores, nothing of the songs is shown or shipped;
- the music21 corpus' files on the allow-list (`pairs/tables/works.csv`, evidence in `pairs/licences.py`).

Pieces for piano and for up to two staves are what it knows; of systems with more staves it sees the first and the last.

## Figures

On human performances of (n)ASAP (CC BY-NC-SA 4.0: judging only), pieces, composers and the sound font (FluidR3, fluidsynth) never
trained on; of the pieces' two halves the one that nothing was tuned on. Made by
`scripts/evaluate_audio_sheet.py`; intervals resample pieces.
"""


NASAP = """
## Data and licence

**Not for commercial use.** Trained on the data of audio-sheet (its card lists them), and on human performances of (n)ASAP
(CC BY-NC-SA 4.0) with its scores: pieces of the half that nothing is reported on, played with TimGM6mb.

## Figures

On the other half of (n)ASAP's pieces, other performances, the sound font (FluidR3, fluidsynth) never trained on; composers are shared
between the halves. Made by `scripts/evaluate_audio_sheet.py`; intervals resample pieces.
"""


def main() -> None:
    """Collection, training, card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=data_folder())
    parser.add_argument("--work", type=Path, required=True, help="folder of the collection and of the training state")
    parser.add_argument("--output", type=Path, help="crossmodal/spaces/ and the name, unless given")
    parser.add_argument("--non-commercial", action="store_true", help="train audio-sheet-nc")
    parser.add_argument("--works", type=int, default=300)
    parser.add_argument("--inventions", type=int, default=1000)
    parser.add_argument("--songs", type=int, default=350)
    parser.add_argument(
        "--steps", type=int, nargs=3, default=(500, 500, 3200), metavar=("SHEETS", "RECORDINGS", "ALIGNMENT")
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args()
    if chosen.data is None:
        raise InputError("expected the folder with pop909, got none; give --data or set CROSSMODAL_DATA")
    catalogue = build_sheet_collection(
        chosen.work / "collection", works=chosen.works, inventions=chosen.inventions, pop909=chosen.data / "pop909",
        songs=chosen.songs, seed=chosen.seed, jobs=chosen.jobs, licence="free",
    )  # fmt: skip
    if chosen.non_commercial:
        human = build_nasap_collection(chosen.data / "nasap", chosen.work / "nasap", seed=chosen.seed, jobs=chosen.jobs)
        catalogue = mixed(catalogue, human, chosen.work / "mixed.jsonl", seed=chosen.seed)
        recipe = load_recipe("audio-sheet-nc", overrides=[f"seed={chosen.seed}"])
    else:
        names = ("sheets-alone", "recordings-alone", "alignment")
        steps = [f"stages.{name}.training.steps={count}" for name, count in zip(names, chosen.steps, strict=True)]
        recipe = load_recipe("audio-sheet", overrides=[f"seed={chosen.seed}", *steps])
    folder = chosen.work / ("space-nc" if chosen.non_commercial else "space")
    space, skipped = train(recipe, catalogue, folder, jobs=chosen.jobs, resume=True)
    output = chosen.output or bundled_folder() / recipe.name
    shipped = ship(space, output, chosen.data, chosen.work, told=NASAP if chosen.non_commercial else DATA)
    print(f"{shipped.reference} in {output}: {len(space.works)} works, {len(skipped)} recordings left out")


def mixed(free: Path, human: Path, output: Path, *, seed: int) -> Path:
    """A catalogue of all human performances and as many free items, so that what was learned is not forgotten."""
    added = read_catalogue(human).items
    kept = read_catalogue(free).items
    chosen = np.random.default_rng(seed).permutation(len(kept))[: len(added)]
    write_catalogue(output, [*added, *(kept[row] for row in sorted(chosen))])
    return output


def ship(space: Space, output: Path, data: Path, work: Path, *, told: str) -> Space:
    """The space in 16 bits with its card, judged where nASAP is there. told: what the card says of data and licence."""
    from scripts.evaluate_audio_sheet import judge

    space.card += told
    shipped = save_space(space, output, half=True)
    if (data / "nasap").is_dir():
        space.card += card_table(judge(shipped, data, work / "judging", half="report"))
        shipped = save_space(space, output, half=True)
    return shipped


if __name__ == "__main__":
    main()
