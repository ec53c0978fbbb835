"""Trains the space `voices` (into `crossmodal/spaces`, or --output) on invented singers; and the paper's two other trainings beside it.
Beside `voices` lies `voices-apart`: its towers when each had learned alone, which the demo shows as they were before joint training.

    python scripts/train_voices.py --data FOLDER --work FOLDER [--recipes voices,voices-mono,voices-mix] [--output FOLDER]
    python scripts/train_voices.py --data FOLDER --work FOLDER --stems FOLDER --singers A,B,... --output FOLDER     # what real data adds

FOLDER of --data holds pop909 (CROSSMODAL_DATA by default). --stems: real singers to learn from as well; what comes of licences that
forbid it is never to ship. Everything goes on where a killed run left it.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from safetensors.torch import load_file

from crossmodal.applications.voices import calibrate_voices
from crossmodal.assembly import build_embedding
from crossmodal.base.errors import InputError
from crossmodal.base.places import data_folder
from crossmodal.base.results import ScoreRow
from crossmodal.evaluation_singers import evaluate_singers
from crossmodal.recipe import Recipe, load_recipe
from crossmodal.space import Space
from crossmodal.space_files import bundled_folder, save_space
from crossmodal.training import STATE, train
from pairs.catalogue import read_catalogue, write_catalogue
from pairs.source import Item
from pairs.stems import build_stem_collection
from pairs.voice_collection import Cast, build_voice_collection
from scripts.card_table import card_table
from scripts.free_collection import MIDI_FOLDERS

SHIPPED, APART = "voices", "voices-apart"
JOINT = "alignment"  # the stage that trains both towers together
CALIBRATING = 120  # recordings of each kind that voice detection is learned from
DATA = """
## Data and licence

May be used for anything. Every singer is invented (`pairs/singers.py`): a glottal pulse and formants, no recording of anybody. They sing

- melodies of the music21 corpus' files on the allow-list (`pairs/tables/works.csv`, evidence in `pairs/licences.py`);
- POP909 (Wang et al., ISMIR 2020), MIT, and Ceol Rince na hÉireann (Polifonia project), CC BY 4.0: the notes only, nothing is shipped;

over accompaniments played with the sound font TimGM6mb that pretty_midi ships.

## Figures

On invented singers that it never heard (a property of our own synthesizer), each with songs of its own; means over singers, intervals
resample singers."""


def main() -> None:
    """Collection, trainings, voice detection, card."""
    chosen = _arguments()
    if chosen.data is None:
        raise InputError("expected the folder with pop909, got none; give --data or set CROSSMODAL_DATA")
    catalogue = _catalogue(chosen)
    for name in chosen.recipes:
        overrides = [f"seed={chosen.seed}", *chosen.set]
        recipe = load_recipe(name, overrides=overrides)
        space, skipped = train(
            recipe, catalogue, chosen.work / name, prepared=chosen.work / "prepared", jobs=chosen.jobs, resume=True
        )
        print(f"{space.reference}: {len(space.works)} singers, {len(skipped)} recordings left out")
        table = evaluate_singers(space, catalogue, seed=chosen.seed)
        if name == SHIPPED:
            space.card += _card_end(table.rows, sys.argv)
            output = chosen.output or bundled_folder() / SHIPPED
            space = save_space(space, output, half=True)
            _calibrate(space, catalogue)
            _save_apart(space, recipe, chosen.work / name / STATE, output.with_name(APART))
        print(card_table(table.rows, counted="singers"), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=data_folder())
    parser.add_argument("--work", type=Path, required=True, help="folder of the collection and of the training states")
    parser.add_argument("--output", type=Path, help="folder of the space `voices`")
    parser.add_argument("--recipes", type=lambda text: text.split(","), default=["voices", "voices-mono", "voices-mix"])
    parser.add_argument("--singers-trained", type=int, default=600)
    parser.add_argument("--singers-tested", type=int, default=100)
    parser.add_argument("--songs", type=int, default=6, help="of each singer")
    parser.add_argument("--songs-trained", type=int, default=4, help="of each singer that is learned from")
    parser.add_argument("--works", type=int, default=400, help="of the corpus")
    parser.add_argument("--midi-works", type=int, default=300, help="of each MIDI folder")
    parser.add_argument("--stems", type=Path, action="append", default=[], help="real singers to learn from as well")
    parser.add_argument("--singers", type=lambda text: text.split(","), help="only these of the stems")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="overrides of the recipes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    return parser.parse_args()


def _catalogue(chosen: argparse.Namespace) -> Path:
    cast = Cast(
        train=chosen.singers_trained, test=chosen.singers_tested, songs=chosen.songs, songs_trained=chosen.songs_trained
    )
    made = build_voice_collection(
        chosen.work / "collection", cast=cast, works=chosen.works, seed=chosen.seed, jobs=chosen.jobs, licence="free",
        midi_folders=[chosen.data / name for name in MIDI_FOLDERS if (chosen.data / name).is_dir()],
        midi_works_each=chosen.midi_works,
    )  # fmt: skip
    if not chosen.stems:
        return made
    real = build_stem_collection(
        chosen.stems, chosen.work / "stems", singers=chosen.singers, seed=chosen.seed, jobs=chosen.jobs
    )
    both = chosen.work / "with-stems.jsonl"
    write_catalogue(both, [*read_catalogue(made).items, *(_trained(item) for item in read_catalogue(real).items)])
    return both


def _trained(item: Item) -> Item:
    """Real singers are there to learn from, all of those that were asked for."""
    return Item(item.id, item.files, work=item.work, split="train", fields=item.fields)


def _calibrate(space: Space, catalogue: Path) -> None:
    """Voice detection, learned on singers and accompaniments of the validation and training splits."""
    items = [item for item in read_catalogue(catalogue).items if item.split in ("train", "validation")]
    having = [item for item in items if "backing" in item.files][:CALIBRATING]
    made = calibrate_voices(
        space, voices=[item.files["voice"] for item in having], mixes=[item.files["mix"] for item in having],
        backings=[item.files["backing"] for item in having], data=f"invented singers, {len(having)} songs",
    )  # fmt: skip
    print(f"voice detection: {', '.join(f'{name} on {one.examples} windows' for name, one in made.items())}")


def _save_apart(space: Space, recipe: Recipe, state: Path, output: Path) -> None:
    """The towers as they were before the joint stage, as a space of its own."""
    alone = {name: stage for name, stage in recipe.stages.items() if name != JOINT}
    number, last = list(enumerate(alone, start=1))[-1]
    told = (
        f"The towers of `{SHIPPED}` when each had learned alone to name singers: vectors of the two cannot be compared. It is there to "
        "show what joint training does."
    )
    embedding = build_embedding(recipe)
    embedding.load_state_dict(load_file(state / f"{number}-{last}" / "weights.safetensors"), strict=False)
    before = replace(
        space, name=APART, location=str(output), fingerprint="", embedding=embedding.eval(),
        recipe=recipe.model_copy(update={"name": APART, "description": told, "stages": alone}),
        card=f"# {APART}\n\n{told}\n{DATA.partition('## Figures')[0]}",
    )  # fmt: skip
    save_space(before, output, half=True)


def _card_end(rows: Sequence[ScoreRow], command: Sequence[str]) -> str:
    """command: as it was called; folders of the machine that made it are named by their option only."""
    told, hidden = ["python", "scripts/train_voices.py"], False
    for word in command[1:]:
        told.append("FOLDER" if hidden else shlex.quote(word))
        hidden = word in ("--data", "--work", "--output", "--stems")
    made = f"Made by `{' '.join(told)}`; real singers: `scripts/evaluate_voices.py`."
    return "\n".join([DATA, made, "", card_table(rows, counted="singers")])


if __name__ == "__main__":
    main()
