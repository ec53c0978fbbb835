"""The studies of networks on raw samples: sizes alone and aggregated, sampling rates, and what they are compared with.

    python scripts/study_waveforms.py CATALOGUE --work FOLDER [--studies sizes rates networks] [--sizes 3^9 ...] [--rates 2000 ...]
        [--steps N] [--seeds 0 1 2] [--items N] [--width SHARE] [--target tag] [--classifier linear] [--set KEY=VALUE] [--json]

sizes: SampleCNN m^n (Lee & Nam 2017), each alone, and the features of all of them joined; rates: 3^9 at lower sampling rates, of the same
depth and seconds by mixed strides (Lee et al. 2018); networks: frames of a mel spectrogram, frames of samples, samples, ReSE-2-Multi
(Dieleman & Schrauwen 2014; Lee et al. 2017; Kim et al. 2018). Every network is trained to tag on the training split. "own": its own tags
against the test split, macro ROC-AUC; "levels": a classifier of the maxima of its last three layers (`crossmodal probe --features levels`),
on the column --target, with a 95% interval by bootstrap over works. Both are means over seeds. Beside them MFCC statistics, and chance.
Published figures are of MagnaTagATune and of whole trainings: other music, so that only the order can be compared. Trainings that are done
are not done again. Fewer --steps than the recipe's, --items or --width make it fit a small machine, and the table says so.
"""

from __future__ import annotations

import argparse
import functools
import inspect
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch

from crossmodal.applications.probe_features import Features, features_of, level_maxima, mfcc_statistics
from crossmodal.applications.probe_task import Task, look_at, read_task
from crossmodal.applications.probing import CLASSIFIERS, judge
from crossmodal.applications.show import table
from crossmodal.base.errors import CrossmodalError, InputError
from crossmodal.base.files import atomic_write, make_folder
from crossmodal.metrics.tagging import tag_wise_roc_auc
from crossmodal.metrics.values import macro
from crossmodal.recipe import load_recipe
from crossmodal.space import Space
from crossmodal.training import STATE, train
from encoders.encoder import AudioEncoder
from encoders.waveform import ReSE2Multi, mixed_strides, usual_channels
from pairs.catalogue import read_catalogue, write_catalogue
from pairs.splits import assign_splits

SIZES = ("2^13", "2^14", "3^8", "3^9", "4^6", "4^7", "5^5", "5^6")
RATES = (2000, 4000, 8000, 12000, 16000, 20000)
USUAL, SAMPLES, RATE = "sample-cnn 3^9", 59_049, 22_050
STUDIES = ("sizes", "rates", "networks")
Row = dict[str, object]
# ROC-AUC on MagnaTagATune: as Spijkervet & Burgoyne 2021 report it (25,863 clips), and Kim et al. 2018 (21,105 clips): not comparable.
PUBLISHED = {USUAL: 0.886, "re-se-2-multi": 0.911}


@dataclass(frozen=True)
class Network:
    """A recipe with arguments of its encoder."""

    name: str
    recipe: str
    arguments: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Setting:
    """How all networks are trained and judged."""

    work: Path
    catalogue: Path
    task: Task
    seeds: Sequence[int]
    steps: int | None
    width: float
    classifier: str
    overrides: Sequence[str]
    jobs: int


def networks_of(studies: Sequence[str], sizes: Sequence[str], rates: Sequence[int]) -> dict[str, list[Network]]:
    """Study -> its networks; 3^9 at the usual rate stands in all of them, and is trained once. InputError for a size that is none."""
    usual = Network(USUAL, "sample-cnn")
    lower = [
        Network(
            f"{USUAL} at {rate} Hz", "sample-cnn", {"sample_rate": rate, "strides": mixed_strides(round(SAMPLES * rate / RATE))}
        )
        for rate in rates
    ]  # fmt: skip
    compared = [
        Network("mel-frames", "mel-frames"),
        Network("waveform-frames 256", "waveform-frames"),
        Network("waveform-frames 512", "waveform-frames", {"strides": [512, 4, 4, 4, 2]}),
        usual,
        Network("re-se-2-multi", "re-se-2-multi"),
    ]
    found = {"sizes": [_of_size(size) for size in sizes], "rates": [*lower, usual], "networks": compared}
    return {study: found[study] for study in studies}


def _of_size(size: str) -> Network:
    length, _, blocks = size.partition("^")
    if not (length.isdecimal() and blocks.isdecimal()):
        raise InputError(f"--sizes: expected sizes such as {', '.join(SIZES)}, got {size}")
    arguments = {} if f"sample-cnn {size}" == USUAL else {"length": int(length), "blocks": int(blocks)}
    return Network(f"sample-cnn {size}", "sample-cnn", arguments)


def overrides_of(network: Network, setting: Setting, seed: int) -> list[str]:
    """What turns the network's recipe into this training."""
    place = "towers.audio.encoder.arguments"
    own = load_recipe(network.recipe).towers["audio"].encoder.arguments
    arguments: dict[str, object] = {**network.arguments}
    if setting.width != 1:
        arguments |= narrowed(network, {**own, **network.arguments}, setting.width)
    found = [f"seed={seed}", *(f"{place}.{name}={json.dumps(value)}" for name, value in arguments.items())]
    if setting.steps is not None:
        found += [f"training.steps={setting.steps}", f"training.validate_every={setting.steps}"]
    return [*found, *setting.overrides]


def narrowed(network: Network, arguments: Mapping[str, object], width: float) -> dict[str, object]:
    """The widths of a network, as a share of the usual ones."""
    channels = arguments.get("channels")
    if channels is None and network.recipe == "re-se-2-multi":
        channels = inspect.signature(ReSE2Multi).parameters["channels"].default
    if channels is None:
        strides, blocks = arguments.get("strides"), arguments.get("blocks", 9)
        channels = usual_channels(len(strides) - 1 if isinstance(strides, list) else int(str(blocks)))
    assert isinstance(channels, Iterable)
    found: dict[str, object] = {"channels": [max(1, round(int(count) * width)) for count in channels]}
    if network.recipe != "mel-frames":
        found["first"] = max(1, round(128 * width))
    return found if network.recipe == "re-se-2-multi" else {**found, "dimension": max(1, round(512 * width))}


def trained(network: Network, setting: Setting, seed: int) -> Space:
    """The space of a network, trained where it is not there yet."""
    output = setting.work / f"{network.name.replace('^', '-').replace(' ', '-')}-seed-{seed}"
    recipe = load_recipe(network.recipe, overrides=overrides_of(network, setting, seed))
    space, _ = train(recipe, setting.catalogue, output, jobs=setting.jobs, resume=True, quiet=True)
    shutil.rmtree(output / STATE / "prepared", ignore_errors=True)  # hundreds of megabytes for each network
    return space.to_fastest()


def kept_features(folder: Path, kind: str, look: Callable[[Path], Features], task: Task) -> dict[str, Features]:
    """Features of a task's items by id, kept in a folder."""
    kept = folder / f"{kind}-{task.target}.npz"
    if not kept.exists():
        found, _ = look_at(task, look, quiet=True)
        with atomic_write(kept) as temporary, temporary.open("wb") as stream:
            np.savez(stream, **found)  # type: ignore[arg-type]  # arrays by id
    with np.load(kept, allow_pickle=False) as stored:
        return {item: stored[item] for item in stored.files}


def own_tags(space: Space, task: Task) -> float:
    """Macro ROC-AUC of the network's own tags on the test items. NaN where none can be judged."""
    look = features_of(space, "vectors")
    found = kept_features(Path(space.location), "vectors", look, replace(task, train=[]))
    items = [item for item in task.test if item.id in found]
    labels = np.array([[tag in item.tags for tag in space.vocabulary] for item in items])
    counts = labels.sum(axis=0)
    judged = (counts > 0) & (counts < len(items))
    names = [tag for tag, kept in zip(space.vocabulary, judged.tolist(), strict=True) if kept]
    if not names:
        return float("nan")
    vectors = np.stack([found[item.id] for item in items])
    scores = space.similarity(space.encode("label", names), vectors).T
    return macro(tag_wise_roc_auc(scores.astype(np.float64), labels[:, judged])).value


def study_rows(networks: Sequence[Network], setting: Setting, *, joined: bool) -> list[Row]:
    """A row for each network, for all of them joined, and for MFCC."""
    rows: list[Row] = []
    features: list[list[dict[str, Features]]] = []  # network -> seed -> id -> features
    for network in networks:
        found, own = [], []
        for seed in setting.seeds:
            space = trained(network, setting, seed)
            look = functools.partial(level_maxima, space)
            found.append(kept_features(Path(space.location), "levels", look, setting.task))
            own.append(own_tags(space, setting.task))
        features.append(found)
        encoder = space.encoder("audio")
        assert isinstance(encoder, AudioEncoder)
        known = {"network": network.name, "seconds": round(encoder.window_samples / encoder.sample_rate, 2)}
        rows.append(
            {**known, "own": float(np.mean(own)), **_judged(found, setting), "published": PUBLISHED.get(network.name)}
        )
        print(f"{network.name} done", file=sys.stderr, flush=True)
    if joined and len(networks) > 1:
        together = [_side_by_side([found[place] for found in features]) for place in range(len(setting.seeds))]
        rows.append(
            {"network": f"all {len(networks)} joined", "seconds": None, "own": None, **_judged(together, setting)}
        )
    plain = kept_features(setting.work, "mfcc", mfcc_statistics, setting.task)
    return [*rows, {"network": "MFCC statistics", "seconds": None, "own": None, **_judged([plain], setting)}]


def _side_by_side(parts: Sequence[Mapping[str, Features]]) -> dict[str, Features]:
    """The features of several networks, of the items that all could read."""
    common = set.intersection(*(set(part) for part in parts))
    return {name: np.concatenate([part[name] for part in parts]) for name in sorted(common)}


def _judged(features: Sequence[Mapping[str, Features]], setting: Setting) -> Row:
    """The first score of the probe with its interval and chance, means over seeds."""
    rows = [judge(setting.task, found, classifier=setting.classifier)[0][0] for found in features]
    mean = {name: float(np.mean([getattr(row, name) for row in rows])) for name in ("value", "low", "high")}
    return {
        f"levels {rows[0].metric}": mean["value"],
        "low": mean["low"],
        "high": mean["high"],
        "chance": rows[0].chance,
    }


def drawn_catalogue(catalogue: Path, output: Path, count: int | None) -> Path:
    """A catalogue with `count` of the recordings (None: all), drawn evenly, of all splits."""
    items = assign_splits([item for item in read_catalogue(catalogue).items if "audio" in item.files], seed=0)
    if count is not None and count < len(items):
        chosen = np.sort(np.random.default_rng(0).permutation(len(items))[:count])
        items = [items[place] for place in chosen.tolist()]
    make_folder(output.parent)
    write_catalogue(output, items)
    return output


def told(setting: Setting, chosen: argparse.Namespace) -> str:
    """What the tables were made on, and what was reduced."""
    counts = (
        f"{len(setting.task.train)} recordings to train on and {len(setting.task.test)} judged of {chosen.catalogue}"
    )
    device = "GPU" if torch.cuda.is_available() else "CPU"
    usual = load_recipe("sample-cnn").stages["tagging"].training
    parts = [f"{chosen.steps} steps"] if chosen.steps is not None and chosen.steps < usual.steps else []
    parts += [f"{chosen.width:g} of the width"] if chosen.width != 1 else []
    parts += [f"{chosen.items} recordings"] if chosen.items else []
    what = f"reduced: {', '.join(parts)}" if parts else f"{usual.steps} steps"
    others = f"; {' '.join(chosen.overrides)}" if chosen.overrides else ""
    return f"{what} on {device}{others}; {counts}; {chosen.target} by {chosen.classifier}; seeds {list(setting.seeds)}"


def arguments() -> argparse.Namespace:
    """Of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("catalogue", type=Path)
    parser.add_argument("--work", type=Path, required=True, help="folder of the trainings; a second call goes on there")
    parser.add_argument("--studies", nargs="+", choices=STUDIES, default=list(STUDIES))
    parser.add_argument("--sizes", nargs="+", default=list(SIZES), metavar="M^N")
    parser.add_argument("--rates", type=int, nargs="+", default=list(RATES), metavar="HERTZ")
    parser.add_argument("--steps", type=int, help="of each training; by default the recipe's")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--items", type=int, help="recordings, drawn from the catalogue; by default all")
    parser.add_argument("--width", type=float, default=1.0, help="of all layers, as a share of the usual one")
    parser.add_argument("--target", default="tag", help="column or concept that the features are judged by")
    parser.add_argument("--classifier", choices=CLASSIFIERS, default="linear")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def main() -> None:
    """Prints a table for each study, or one JSON document."""
    chosen = arguments()
    if not 0 < chosen.width <= 1:
        raise InputError(f"--width: expected a share above 0, 1 at the most, got {chosen.width:g}")
    studies = networks_of(chosen.studies, chosen.sizes, chosen.rates)
    catalogue = drawn_catalogue(chosen.catalogue, chosen.work / "catalogue.jsonl", chosen.items)
    setting = Setting(
        chosen.work, catalogue, read_task(catalogue, target=chosen.target), chosen.seeds, chosen.steps, chosen.width,
        chosen.classifier, chosen.overrides, chosen.jobs,
    )  # fmt: skip
    found = {study: study_rows(networks, setting, joined=study == "sizes") for study, networks in studies.items()}
    if chosen.json:
        print(json.dumps({"setting": told(setting, chosen), "studies": found}, indent=2))
        return
    for study, rows in found.items():
        print(f"{study}  [{told(setting, chosen)}]\n{table(rows)}\n")


if __name__ == "__main__":
    try:
        main()
    except CrossmodalError as error:
        sys.exit(f"study_waveforms: {error}")
