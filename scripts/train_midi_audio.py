"""Trains the space of recordings and MIDI files that ships, `midi-audio`, with the vectors that go before it, `midi-audio-pruning`, on
material whose licence lets anyone use it for anything.

    python scripts/train_midi_audio.py --data FOLDER --work FOLDER [--output SPACES] [--published]

FOLDER of --data holds pop909 and cre_irish (CROSSMODAL_DATA by default). A second call goes on where the first was interrupted.
--published trains `midi-audio-2016` as well, to compare with; it stays in the folder of --work.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from crossmodal.applications.midi_collection import build_midi_collection
from crossmodal.base.errors import InputError
from crossmodal.base.places import data_folder
from crossmodal.recipe import load_recipe
from crossmodal.space import Space
from crossmodal.space_files import bundled_folder, save_space
from crossmodal.training import train

NAMES = ("midi-audio", "midi-audio-pruning")
DATA = """
## Data and licence

May be used for anything. Trained on recordings and MIDI files that were made of the same notes:

- POP909 (Wang et al., ISMIR 2020), MIT; the arrangements only, nothing of the songs is shown or shipped;
- Ceol Rince na hÉireann, Irish tunes of the Polifonia project (folk_ngram_analysis), CC BY 4.0;
- the music21 corpus' files on the allow-list (`pairs/tables/works.csv`, evidence in `pairs/licences.py`).

The recordings are played with the sound font TimGM6mb that pretty_midi ships, at human tempos, in rooms and through wires, up to a quarter
tone out of tune. The MIDI files are damaged as found ones are: other instruments, missing parts, other keys and tempos, quantized times,
cut ends. Pitches between C2 and B5 are what it hears; drums it does not know.
"""


def main() -> None:
    """Collection, trainings, cards."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=data_folder())
    parser.add_argument("--work", type=Path, required=True, help="folder of the collection and of the training states")
    parser.add_argument("--output", type=Path, default=bundled_folder(), help="crossmodal/spaces/, unless given")
    parser.add_argument("--works", type=int, default=500, help="of the music21 corpus")
    parser.add_argument("--works-each", type=int, default=500, help="of pop909, and of cre_irish")
    parser.add_argument("--recordings", type=int, default=1, help="of each work, each with two MIDI files")
    parser.add_argument("--most-seconds", type=float, default=75.0)
    parser.add_argument(
        "--steps", type=int, nargs=4, default=(300, 300, 8000, 1500),
        metavar=("RECORDINGS", "MIDI", "ALIGNMENT", "PRUNING"),
    )  # fmt: skip
    parser.add_argument("--published", action="store_true", help="train midi-audio-2016 as well")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args()
    if chosen.data is None:
        raise InputError("expected the folder with pop909 and cre_irish, got none; give --data or set CROSSMODAL_DATA")
    catalogue = build_midi_collection(
        chosen.work / "collection", works=chosen.works, folders=[chosen.data / "pop909", chosen.data / "cre_irish"],
        works_each=chosen.works_each, recordings=chosen.recordings, versions=2, most_seconds=chosen.most_seconds, seed=chosen.seed,
        jobs=chosen.jobs,
    )  # fmt: skip
    stages = ("recordings-alone", "midi-alone", "alignment")
    lengths = [f"stages.{name}.training.steps={count}" for name, count in zip(stages, chosen.steps[:3], strict=True)]
    overrides = {"midi-audio": lengths, "midi-audio-pruning": [f"training.steps={chosen.steps[3]}"]}
    for name in (*NAMES, "midi-audio-2016") if chosen.published else NAMES:
        made = trained(
            name, catalogue, chosen.work, [f"seed={chosen.seed}", *overrides.get(name, [])], jobs=chosen.jobs
        )
        if name in NAMES:
            made = ship(made, chosen.output / name)
        print(f"{made.reference} in {made.location}: {len(made.works)} works")


def trained(name: str, catalogue: Path, work: Path, overrides: Sequence[str], *, jobs: int) -> Space:
    """The space of a recipe, in a folder of its own name."""
    recipe = load_recipe(name, overrides=list(overrides))
    space, skipped = train(recipe, catalogue, work / name, jobs=jobs, resume=True)
    for row in skipped:
        print(f"left out: {row.path}: {row.reason}")
    return space


def ship(space: Space, output: Path) -> Space:
    """The space in 16 bits, with what its card says of data and licence."""
    space.card += DATA
    return save_space(space, output, half=True)


if __name__ == "__main__":
    main()
