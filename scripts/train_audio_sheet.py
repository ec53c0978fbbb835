"""Trains the space that ships, `crossmodal/spaces/audio-sheet`, on material whose licence lets anyone use it for anything.

    python scripts/train_audio_sheet.py --data FOLDER --work FOLDER [--output crossmodal/spaces/audio-sheet]

FOLDER of --data holds pop909 (CROSSMODAL_DATA by default), and nasap where the card is to tell how it was judged. On 2 cores about two
hours; a second call goes on where the first was interrupted.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from crossmodal.base.errors import InputError
from crossmodal.base.places import data_folder
from crossmodal.base.results import ScoreRow
from crossmodal.recipe import load_recipe
from crossmodal.space import Space
from crossmodal.space_files import bundled_folder, save_space
from crossmodal.training import train
from pairs.sheet_collection import build_sheet_collection

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


def main() -> None:
    """Collection, training, card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=data_folder())
    parser.add_argument("--work", type=Path, required=True, help="folder of the collection and of the training state")
    parser.add_argument("--output", type=Path, default=bundled_folder() / "audio-sheet")
    parser.add_argument("--works", type=int, default=300)
    parser.add_argument("--inventions", type=int, default=1500)
    parser.add_argument("--songs", type=int, default=500)
    parser.add_argument(
        "--steps", type=int, nargs=3, default=(700, 700, 5000), metavar=("SHEETS", "RECORDINGS", "ALIGNMENT")
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
    names = ("sheets-alone", "recordings-alone", "alignment")
    steps = [f"stages.{name}.training.steps={count}" for name, count in zip(names, chosen.steps, strict=True)]
    recipe = load_recipe("audio-sheet", overrides=[f"seed={chosen.seed}", *steps])
    space, skipped = train(recipe, catalogue, chosen.work / "space", jobs=chosen.jobs, resume=True)
    ship(space, chosen.output, chosen.data, chosen.work)
    print(f"{space.reference} in {chosen.output}: {len(space.works)} works, {len(skipped)} recordings left out")


def ship(space: Space, output: Path, data: Path, work: Path) -> Space:
    """The space in 16 bits with its card, judged where nASAP is there."""
    from scripts.evaluate_audio_sheet import judge

    space.card += DATA
    shipped = save_space(space, output, half=True)
    if (data / "nasap").is_dir():
        space.card += table(judge(shipped, data, work / "judging", half="report"))
        shipped = save_space(space, output, half=True)
    return shipped


def table(rows: Sequence[ScoreRow]) -> str:
    """Rows as a Markdown table."""
    figures = [
        f"| {r.metric} | {r.value:.3f} | {r.low:.3f} to {r.high:.3f} | {'' if r.chance is None else f'{r.chance:.4f}'} | {r.n} |"
        for r in rows
    ]
    return "\n".join(["| metric | value | 95% | chance | n |", "|---|---|---|---|---|", *figures, ""])


if __name__ == "__main__":
    main()
