"""The genre table of Oramas et al. (2018): nine sets of features of recordings and covers, macro precision, recall and F1.

    python scripts/evaluate_genres.py CATALOGUE --work FOLDER [--column collection | --tags] [--seeds 0 1 2] [--set KEY=VALUE] [--json]

CNN_AUDIO, CNN_VISUAL: each tower trained alone on genre; MM_AUDIO, MM_VISUAL: the same recordings and covers in the shared space; `+`: side
by side. A logistic regression on the features of the training split (its strength chosen on the validation split) is judged on the test
split: works never trained on. --column: one genre each, from that column (the paper's single-label table); --tags: several each, the tags
that are words of genre. Mean and standard deviation over seeds. Beside it: always the commonest genre, and genres drawn by their shares.
A catalogue without covers gets drawn ones (`pairs.cover_art`): then the visual rows are a property of our own drawing.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from numpy.typing import NDArray

from crossmodal.applications.show import table
from crossmodal.assembly import build_embedding, needed_files
from crossmodal.base.errors import CrossmodalError, InputError
from crossmodal.base.files import make_folder
from crossmodal.material import gather_material, track_vectors
from crossmodal.recipe import load_recipe
from crossmodal.training import STATE, train
from pairs.catalogue import read_catalogue, write_catalogue
from pairs.cover_art import illustrate
from pairs.genres import genres_of
from pairs.source import Item

Features = NDArray[np.float64]
ROWS = {
    "CNN_AUDIO": ("cnn audio",),
    "MM_AUDIO": ("mm audio",),
    "CNN_AUDIO+MM_AUDIO": ("cnn audio", "mm audio"),
    "CNN_VISUAL": ("cnn image",),
    "MM_VISUAL": ("mm image",),
    "CNN_VISUAL+MM_VISUAL": ("cnn image", "mm image"),
    "CNN_AUDIO+CNN_VISUAL": ("cnn audio", "cnn image"),
    "MM_AUDIO+MM_VISUAL": ("mm audio", "mm image"),
    "ALL": ("cnn audio", "mm audio", "cnn image", "mm image"),
}
SCORES = ("precision", "recall", "F1")
STRENGTHS = (0.03, 0.3, 3.0)
LEAST_TRAINED, LEAST_JUDGED = 10, 3  # items of a genre, in the training and in the test split


def genre_catalogue(catalogue: Path, output: Path, *, column: str | None, jobs: int) -> tuple[Path, list[str]]:
    """A catalogue with covers and the column `genre`, of the items that have one of the genres that can be judged; and these genres.

    InputError where fewer than two genres can be.
    """
    items = read_catalogue(catalogue).items
    if not all("image" in item.files for item in items):
        items = read_catalogue(illustrate(catalogue, jobs=jobs)).items
    found = [genres_of(item, column=column) for item in items]
    counts = {split: Counter(g for item, mine in zip(items, found, strict=True) if item.split == split for g in mine)
              for split in ("train", "test")}  # fmt: skip
    genres = [
        g for g in sorted(counts["train"]) if counts["train"][g] >= LEAST_TRAINED and counts["test"][g] >= LEAST_JUDGED
    ]
    if len(genres) < 2:
        raise InputError(
            f"{catalogue}: expected at least two genres with {LEAST_TRAINED} items to train on and {LEAST_JUDGED} to judge, "
            f"got {len(genres)}; check the columns split and {column or 'tags'}"
        )
    kept = [
        replace(item, fields={**item.fields, "genre": ";".join(sorted(mine & set(genres)))})
        for item, mine in zip(items, found, strict=True)
        if mine & set(genres)
    ]
    make_folder(output.parent)
    write_catalogue(output, kept)
    return output, genres


def features_of(
    catalogue: Path, work: Path, *, seed: int, overrides: Sequence[str], jobs: int
) -> tuple[dict[str, dict[str, Features]], dict[str, list[Item]]]:
    """Trains with a seed; kind of features -> split -> (n, d), and the items of each split."""
    from safetensors.torch import load_file

    recipe = load_recipe("cover-audio", overrides=[f"seed={seed}", *overrides])
    output = work / f"seed-{seed}"
    space, _ = train(recipe, catalogue, output, prepared=work / "prepared", jobs=jobs, resume=True)
    material = gather_material(
        space.embedding, read_catalogue(catalogue), work / "prepared", needs=needed_files(recipe), seed=seed, jobs=jobs,
        quiet=True,
    )  # fmt: skip
    names = list(recipe.stages)
    before = f"{names.index('alignment')}-{names[names.index('alignment') - 1]}"
    alone = build_embedding(recipe, names=space.vocabulary)
    alone.load_state_dict(load_file(output / STATE / before / "weights.safetensors"))
    found: dict[str, dict[str, Features]] = {}
    for kind, embedding in (("cnn", alone.eval()), ("mm", space.embedding)):
        for modality in ("audio", "image"):
            found[f"{kind} {modality}"] = {
                split: track_vectors(embedding, material.store, items, modality=modality).numpy().astype(np.float64)
                for split, items in material.splits.items()
                if items
            }
    return found, material.splits


def labels_of(items: Sequence[Item], genres: Sequence[str]) -> NDArray[np.bool_]:
    """(n, g)."""
    return np.array([[genre in genres_of(item) for genre in genres] for item in items])


def classify(features: dict[str, Features], labels: dict[str, NDArray[np.bool_]], *, single: bool) -> NDArray[np.bool_]:
    """Predictions for the test split (n, g), with the strength that does best on the validation split."""
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(features["train"])
    parts = {split: scaler.transform(values) for split, values in features.items()}
    watched = "validation" if "validation" in parts else "train"
    models = [_fitted(parts["train"], labels["train"], strength, single=single) for strength in STRENGTHS]
    best = max(models, key=lambda model: scores(_predict(model, parts[watched], single), labels[watched])[2])
    return _predict(best, parts["test"], single)


def _fitted(values: Features, labels: NDArray[np.bool_], strength: float, *, single: bool) -> object:
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    base = LogisticRegression(C=strength, max_iter=500)
    return base.fit(values, labels.argmax(axis=1)) if single else OneVsRestClassifier(base).fit(values, labels)


def _predict(model: object, values: Features, single: bool) -> NDArray[np.bool_]:
    said = np.asarray(model.predict(values))  # type: ignore[attr-defined]
    if not single:
        return said.astype(bool)
    count = int(model.classes_.max()) + 1  # type: ignore[attr-defined]
    return np.eye(count, dtype=bool)[said]


def scores(predicted: NDArray[np.bool_], labels: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Macro precision, recall and F1 over the genres; a genre that is never said has precision 0."""
    from sklearn.metrics import precision_recall_fscore_support

    values = precision_recall_fscore_support(labels, predicted, average="macro", zero_division=0)
    return float(values[0]), float(values[1]), float(values[2])


def baselines(labels: dict[str, NDArray[np.bool_]], *, single: bool) -> dict[str, tuple[float, float, float]]:
    """Always the commonest genre; and genres drawn by their shares in the training split."""
    shares = labels["train"].mean(axis=0)
    test = labels["test"]
    commonest = np.tile(shares == shares.max(), (len(test), 1))
    random = np.random.default_rng(0)
    if single:
        drawn = np.eye(len(shares), dtype=bool)[random.choice(len(shares), len(test), p=shares / shares.sum())]
    else:
        drawn = random.random(test.shape) < shares
    return {"commonest": scores(commonest, test), "drawn by share": scores(drawn, test)}


def genre_table(
    catalogue: Path, work: Path, *, column: str | None, seeds: Sequence[int], overrides: Sequence[str], jobs: int
) -> list[dict[str, object]]:
    """All rows: features, then each score as "mean (deviation)" over the seeds."""
    prepared, genres = genre_catalogue(catalogue, work / "genres.jsonl", column=column, jobs=jobs)
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in ROWS}
    labels: dict[str, NDArray[np.bool_]] = {}
    for seed in seeds:
        features, splits = features_of(prepared, work, seed=seed, overrides=overrides, jobs=jobs)
        labels = {split: labels_of(items, genres) for split, items in splits.items() if items}
        single = all((part.sum(axis=1) == 1).all() for part in labels.values())
        for name, kinds in ROWS.items():
            joined = {split: np.concatenate([features[kind][split] for kind in kinds], axis=1) for split in labels}
            found[name].append(scores(classify(joined, labels, single=single), labels["test"]))
    single = all((part.sum(axis=1) == 1).all() for part in labels.values())
    rows: list[dict[str, object]] = []
    for name, values in found.items():
        mean, deviation = np.mean(values, axis=0), np.std(values, axis=0)
        shown = {score: f"{m:.3f} ({d:.3f})" for score, m, d in zip(SCORES, mean, deviation, strict=True)}
        rows.append({"features": name, **shown})
    for name, value in baselines(labels, single=single).items():
        rows.append({"features": name, **{score: f"{v:.3f}" for score, v in zip(SCORES, value, strict=True)}})
    kind = "one each" if single else "several each"
    told = f"{len(genres)} genres, {kind}; items: {', '.join(f'{k} {len(v)}' for k, v in labels.items())}; seeds {list(seeds)}"
    return [*rows, {"features": told}]


def main() -> None:
    """Prints the table, or one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("catalogue", type=Path)
    parser.add_argument("--work", type=Path, required=True, help="folder of the trainings; a second call goes on there")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--column", default="collection", help="of the catalogue, with one genre each")
    kind.add_argument("--tags", action="store_true", help="several genres each, from the tags")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    rows = genre_table(
        chosen.catalogue, chosen.work, column=None if chosen.tags else chosen.column, seeds=chosen.seeds,
        overrides=chosen.overrides, jobs=chosen.jobs,
    )  # fmt: skip
    print(json.dumps(rows, indent=2) if chosen.json else table(rows))


if __name__ == "__main__":
    try:
        main()
    except CrossmodalError as error:
        sys.exit(f"evaluate_genres: {error}")
