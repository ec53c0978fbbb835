"""Genres of real album covers, learned from scratch: a small ResNet against classifiers of colour histograms.

    python scripts/evaluate_covers.py --work FOLDER [--data FOLDER] [--folds 5] [--seeds 0 1] [--steps 400] [--start SPACE] [--json]

--data holds album_covers (CROSSMODAL_DATA by default): real covers without a licence, trained and judged within themselves, never
shipped. Folds are by release; every cover is judged once, by networks that saw none of its release. Macro ROC-AUC over five genres; the
difference is paired, resampling releases. The histograms' classifier is the better one of two, which favours it. --start: begin with the
visual tower of a space (cover-audio: trained on drawings) instead of random weights.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from numpy.typing import NDArray

from crossmodal.applications.show import table
from crossmodal.base.errors import CrossmodalError, InputError
from crossmodal.base.files import make_folder
from crossmodal.base.pictures import read_picture
from crossmodal.base.places import data_folder
from crossmodal.base.progress import progress
from crossmodal.metrics.bootstrap import Interval, bootstrap_function
from crossmodal.metrics.tagging import tag_wise_roc_auc
from crossmodal.metrics.values import macro
from crossmodal.recipe import load_recipe
from crossmodal.space import Space
from crossmodal.space_files import load_space
from crossmodal.training import train
from encoders.covers import Covers as ResNetCovers
from pairs.catalogue import write_catalogue
from pairs.source import Item

Scores = NDArray[np.float64]
HUES, SATURATIONS, VALUES = 12, 5, 5


@dataclass(frozen=True)
class Covers:
    """paths (n), genres (g), labels (n, g), releases (n), folds (n): the number of the fold that judges a cover."""

    paths: list[Path]
    genres: list[str]
    labels: NDArray[np.bool_]
    releases: NDArray[np.str_]
    folds: NDArray[np.int64]


def read_covers(folder: Path, folds: int) -> Covers:
    """The distinct covers whose files are there. Raises InputError where there are none."""
    listing = folder / "labels_dedup.csv"
    if not listing.is_file():
        raise InputError(f"{listing}: expected the labels of the covers, found none; give --data")
    with listing.open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if (folder / row["file"]).is_file()]
    if len(rows) < 2 * folds:
        raise InputError(f"{folder}: expected at least {2 * folds} covers, found {len(rows)}")
    genres = sorted({genre for row in rows for genre in row["genres"].split("|")})
    labels = np.array([[genre in row["genres"].split("|") for genre in genres] for row in rows])
    releases = np.array([row["discogs_release_id"] for row in rows])
    parts = [int(hashlib.blake2b(r.encode(), digest_size=4).hexdigest(), 16) % folds for r in releases]
    return Covers([folder / row["file"] for row in rows], genres, labels, releases, np.array(parts))


def histogram(path: Path) -> NDArray[np.float32]:
    """Square roots of the shares of colours, (HUES * SATURATIONS * VALUES,): hue, saturation, value."""
    import cv2

    pixels = cv2.cvtColor(read_picture(path), cv2.COLOR_RGB2HSV)
    ranges = [0, 180, 0, 256, 0, 256]
    counts = cv2.calcHist([pixels], [0, 1, 2], None, [HUES, SATURATIONS, VALUES], ranges).ravel()
    return np.sqrt(counts / counts.sum()).astype(np.float32)


def histogram_scores(covers: Covers, kind: str) -> Scores:
    """Out-of-fold probabilities (n, g) of "logistic" regression or a "forest", for each genre by itself."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    features = np.stack([histogram(path) for path in progress(covers.paths, "histograms")])
    scores = np.zeros(covers.labels.shape)
    for fold in np.unique(covers.folds):
        base = (
            LogisticRegression(C=3.0, max_iter=2000)
            if kind == "logistic"
            else RandomForestClassifier(400, min_samples_leaf=3, random_state=0)
        )
        seen = covers.folds != fold
        model = OneVsRestClassifier(base).fit(features[seen], covers.labels[seen])
        scores[~seen] = model.predict_proba(features[~seen])
    return scores


def network_scores(covers: Covers, work: Path, *, seeds: list[int], overrides: list[str], jobs: int) -> Scores:
    """Out-of-fold similarities (n, g): mean over seeds, and over each cover and its mirror image."""
    scores = np.zeros(covers.labels.shape)
    for fold in np.unique(covers.folds):
        catalogue = make_folder(work) / f"fold-{fold}.jsonl"
        write_catalogue(catalogue, [_item(covers, row, int(fold)) for row in range(len(covers.paths))])
        judged = np.flatnonzero(covers.folds == fold)
        for seed in seeds:
            recipe = load_recipe("cover-genres", overrides=[f"seed={seed}", *overrides])
            output = work / f"fold-{fold}-seed-{seed}"
            space, _ = train(recipe, catalogue, output, prepared=work / "prepared", jobs=jobs, resume=True)
            scores[judged] += _similarities(space, [covers.paths[row] for row in judged], covers.genres) / len(seeds)
    return scores


def start_of(space: Space, work: Path) -> list[str]:
    """Overrides of the recipe with which its network begins as the visual tower of a space."""
    from safetensors.torch import save_file

    encoder = space.encoder("image")
    assert isinstance(encoder, ResNetCovers)
    path = make_folder(work) / "start.safetensors"
    save_file({name: value.contiguous() for name, value in encoder.network.state_dict().items()}, path)
    place = "towers.image.encoder.arguments"
    return [
        f"{place}.weights={path.resolve()}",
        f"{place}.backbone={encoder.backbone}",
        f"{place}.stages={encoder.stages}",
    ]


def _item(covers: Covers, row: int, fold: int) -> Item:
    tags = frozenset(genre for genre, has in zip(covers.genres, covers.labels[row], strict=True) if has)
    split = "test" if covers.folds[row] == fold else "train"
    return Item(f"cover-{row}", {"image": covers.paths[row]}, tags, work=str(covers.releases[row]), split=split)


def _similarities(space: Space, paths: list[Path], genres: list[str]) -> Scores:
    pictures = [read_picture(path) for path in paths]
    words = space.encode("label", genres)
    both = [
        space.encode("image", pictures),
        space.encode("image", [np.ascontiguousarray(p[:, ::-1]) for p in pictures]),
    ]
    return np.mean([space.similarity(words, vectors).T for vectors in both], axis=0)


def auc(covers: Covers, scores: Scores, *, minus: Scores | None = None, seed: int = 0) -> Interval:
    """Macro ROC-AUC with its interval, or its difference from that of `minus`."""

    def value(index: NDArray[np.intp]) -> float:
        found = macro(tag_wise_roc_auc(scores[index], covers.labels[index])).value
        return found if minus is None else found - macro(tag_wise_roc_auc(minus[index], covers.labels[index])).value

    return bootstrap_function(value, len(scores), covers.releases, seed=seed, samples=1000)


def judge(covers: Covers, network: Scores, name: str) -> list[dict[str, object]]:
    """Rows of the table: histograms, network, difference, and each genre."""
    known = {kind: histogram_scores(covers, kind) for kind in ("logistic", "forest")}
    found = {f"colour histogram, {kind}": auc(covers, scores) for kind, scores in known.items()}
    best = max(known, key=lambda kind: found[f"colour histogram, {kind}"].value)
    found[name] = auc(covers, network)
    found[f"difference from {best}"] = auc(covers, network, minus=known[best])
    rows: list[dict[str, object]] = [
        {"macro ROC-AUC": name, "value": round(i.value, 3), "low": round(i.low, 3), "high": round(i.high, 3)}
        for name, i in found.items()
    ]
    for genre, theirs, ours in zip(
        covers.genres,
        tag_wise_roc_auc(known[best], covers.labels),
        tag_wise_roc_auc(network, covers.labels),
        strict=True,
    ):
        rows.append({"macro ROC-AUC": f"  {genre}: histogram {theirs:.3f}", "value": round(float(ours), 3)})
    return rows


def main() -> None:
    """Prints the table, or one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=data_folder(), help="default: CROSSMODAL_DATA")
    parser.add_argument("--work", type=Path, required=True, help="folder of the trainings")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--steps", type=int, help="of each training; default: the recipe's")
    parser.add_argument("--start", help="a space whose visual tower the networks begin with; default: from scratch")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    if chosen.data is None:
        raise InputError("expected the folder with album_covers, got none; give --data or set CROSSMODAL_DATA")
    covers = read_covers(chosen.data / "album_covers", chosen.folds)
    steps = [f"stages.genres.training.steps={chosen.steps}"] if chosen.steps else []
    begin = start_of(load_space(chosen.start), chosen.work) if chosen.start else []
    network = network_scores(
        covers, chosen.work, seeds=chosen.seeds, overrides=[*begin, *chosen.overrides, *steps], jobs=chosen.jobs
    )
    rows = judge(covers, network, f"ResNet from {chosen.start or 'scratch'}")
    told = (
        f"{len(covers.paths)} covers, {len(set(covers.releases))} releases, {chosen.folds} folds, seeds {chosen.seeds}"
    )
    print(json.dumps({"data": told, "rows": rows}, indent=2) if chosen.json else f"{told}; chance 0.5\n{table(rows)}")


if __name__ == "__main__":
    try:
        main()
    except CrossmodalError as error:
        sys.exit(f"evaluate_covers: {error}")
