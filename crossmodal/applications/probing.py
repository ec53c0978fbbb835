"""What a space knows of a column: a small classifier on its frozen vectors, trained on the catalogue's training items and judged on its
test items (Alain & Bengio 2016; Spijkervet & Burgoyne 2021, who train it on 1% to 100% of the labels).
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossmodal.applications.probe_features import Features, features_of
from crossmodal.applications.probe_task import Task, check_labels, look_at, read_task
from crossmodal.base.errors import InputError
from crossmodal.base.results import ScoreRow, ScoreTable, Skipped
from crossmodal.metrics import chance
from crossmodal.metrics.bootstrap import bootstrap_function, bootstrap_interval
from crossmodal.metrics.classification import correct, recall_per_class
from crossmodal.metrics.tagging import tag_wise_pr_auc, tag_wise_roc_auc
from crossmodal.metrics.values import macro
from crossmodal.space import Space
from pairs.concepts import values_of
from pairs.source import Item

CLASSIFIERS = ("linear", "mlp", "knn", "svm")
NEIGHBOURS = 5
HIDDEN = 512
SAMPLES = 200  # of the intervals of metrics over a whole matrix


def probe(
    space: Space, catalogue: Path, *, target: str, labels: float = 1.0, classifier: str = "linear", features: str = "vectors",
    beside: Sequence[Space] = (), seed: int = 0, quiet: bool = False,
) -> ScoreTable:  # fmt: skip
    """Scores of a classifier of the column `target` (or a concept of `pairs.concepts`: tag, a facet, artist).

    labels: share of the training items whose label is used, drawn from `seed`; features: see `features_of`; beside: other spaces, whose
    features are put beside. With one value an item: accuracy and balanced accuracy; with several: ROC-AUC and PR-AUC over the values. Test
    items of works that a space was trained on are left out and counted. Listed as skipped: values that only test items have (not judged),
    and values of which no label was drawn (judged, and never recognized). Raises InputError where nothing can be learned or judged.
    """
    _check_classifier(classifier)
    look = features_of(space, features, beside=beside)
    works = frozenset[str]().union(*(one.works for one in (space, *beside)))
    task = read_task(catalogue, target=target, labels=labels, works=works, seed=seed)
    found, skipped = look_at(task, look, quiet=quiet)
    rows, unlabelled = judge(task, found, classifier=classifier)
    return ScoreTable(
        space=_looked_at((space, *beside), features), data=str(catalogue), split="test", seed=seed, rows=rows,
        excluded=task.excluded, skipped=[*task.problems, *skipped, *task.unknown, *unlabelled],
    )  # fmt: skip


def judge(
    task: Task, found: Mapping[str, Features], *, classifier: str = "linear"
) -> tuple[list[ScoreRow], list[Skipped]]:
    """Scores of a classifier of a task from the features of its items, by id (those that have none do not count), and the values of which
    no label was drawn. Raises InputError where nothing is left to learn or to judge.
    """
    _check_classifier(classifier)
    train, test = ([item for item in part if item.id in found] for part in (task.train, task.test))
    unlabelled = _unlabelled(train, task)
    if not test:
        raise InputError(
            f"{task.catalogue}: expected test items with {task.target} that can be read, got none of {len(task.test)}"
        )
    x, y = (np.stack([found[item.id] for item in part]) for part in (train, test))
    score = _score_many if task.several else _score_one
    return score(classifier, (x, train), (y, test), task.target, task.known, task.seed), unlabelled


def _looked_at(spaces: Sequence[Space], features: str) -> str:
    """What the scores are of: MFCC are no space's, and layers are not its vectors."""
    if features == "mfcc":
        return features
    kind = "" if features == "vectors" else f" ({features})"
    return " + ".join(f"{one.reference}{kind}" for one in spaces)


def _check_classifier(classifier: str) -> None:
    if classifier not in CLASSIFIERS:
        raise InputError(f"--classifier: expected {', '.join(CLASSIFIERS)}, got {classifier}")


def _unlabelled(train: Sequence[Item], task: Task) -> list[Skipped]:
    drawn = check_labels(train, task.target, catalogue=task.catalogue, all_drawn=True)
    reason = "0 labels were drawn: it cannot be recognized"
    return [Skipped(path=f"{task.target}={value}", reason=reason) for value in sorted(set(task.known) - drawn)]


Part = tuple[NDArray[np.float32], Sequence[Item]]


def _score_one(kind: str, train: Part, test: Part, target: str, known: Sequence[str], seed: int) -> list[ScoreRow]:
    """Accuracy and balanced accuracy, where each item has one value."""
    truth = [np.array([next(iter(values_of(item, target))) for item in part]) for part in (train[1], test[1])]
    model = _fitted(kind, train[0], truth[0], seed)
    predicted, works = model.predict(test[0]), _works(test[1])
    right = bootstrap_interval(correct(predicted, truth[1]), works, seed=seed)
    balanced = bootstrap_function(
        lambda rows: float(np.nanmean(recall_per_class(predicted[rows], truth[1][rows]))), len(works), works, seed=seed, samples=SAMPLES
    )  # fmt: skip
    frequent = chance.accuracy(truth[1])
    return [
        ScoreRow(metric="accuracy", value=right.value, low=right.low, high=right.high, chance=frequent, n=len(works)),
        ScoreRow(
            metric="balanced accuracy", value=balanced.value, low=balanced.low, high=balanced.high,
            chance=1 / len(np.unique(truth[1])), n=len(np.unique(truth[1])),
        ),
    ]  # fmt: skip


def _score_many(kind: str, train: Part, test: Part, target: str, known: Sequence[str], seed: int) -> list[ScoreRow]:
    """ROC-AUC and PR-AUC over values, one classifier each; a value without labels has the same score everywhere."""
    truth = [
        np.array([[value in values_of(item, target) for value in known] for item in part])
        for part in (train[1], test[1])
    ]
    judged = [column for column in range(len(known)) if 0 < truth[1][:, column].sum() < len(truth[1])]
    if not judged:
        raise InputError(f"expected a value of {target} that some test items have and others have not, got none")
    scores = np.zeros((len(test[0]), len(judged)))
    taught = [place for place, column in enumerate(judged) if 0 < truth[0][:, column].sum() < len(truth[0])]
    if taught:
        columns = [judged[place] for place in taught]
        scores[:, taught] = _decisions(kind, train[0], truth[0][:, columns], test[0], seed)
    labels, works = truth[1][:, judged], _works(test[1])
    kinds: tuple[tuple[str, Metric, float], ...] = (
        ("ROC-AUC", tag_wise_roc_auc, chance.ROC_AUC),
        ("PR-AUC", tag_wise_pr_auc, chance.pr_auc(labels)),
    )
    rows = []
    for metric, per_tag, level in kinds:
        mean = functools.partial(_macro, per_tag, scores, labels)
        found = bootstrap_function(mean, len(works), works, seed=seed, samples=SAMPLES)
        rows.append(
            ScoreRow(metric=metric, value=found.value, low=found.low, high=found.high, chance=level, n=len(judged))
        )
    return rows


def _decisions(
    kind: str, features: NDArray[np.float32], labels: NDArray[np.bool_], asked: NDArray[np.float32], seed: int
) -> NDArray[np.float64]:
    """(n, v): how sure a classifier of each value (columns of labels) is. A network has one output for each; others are fitted apart."""
    if kind == "mlp" and labels.shape[1] > 1:
        return np.asarray(_fitted(kind, features, labels, seed).predict_proba(asked), np.float64)
    found = []
    for column in labels.T:
        model = _fitted(kind, features, column, seed)
        decide = getattr(model, "decision_function", None)
        found.append(decide(asked) if decide else model.predict_proba(asked)[:, 1])
    return np.stack(found, axis=1).astype(np.float64)


Metric = Callable[[NDArray[np.float64], NDArray[np.bool_]], NDArray[np.float64]]


def _macro(metric: Metric, scores: NDArray[np.float64], labels: NDArray[np.bool_], rows: NDArray[np.intp]) -> float:
    """Mean over the values of a metric on some rows."""
    return macro(metric(scores[rows], labels[rows])).value


def _fitted(kind: str, features: NDArray[np.float32], labels: NDArray[Any], seed: int) -> Any:
    """A classifier of scikit-learn after standardization, fitted."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    made = {
        "linear": lambda: LogisticRegression(max_iter=1000, random_state=seed),
        "mlp": lambda: MLPClassifier((HIDDEN,), max_iter=200, random_state=seed),
        "knn": lambda: KNeighborsClassifier(min(NEIGHBOURS, len(features)), metric="cosine"),
        "svm": lambda: SVC(random_state=seed),
    }[kind]()
    # Neighbours are those of the space, as it is.
    model = made if kind == "knn" else make_pipeline(StandardScaler(), made)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of iterations: what was reached is judged
        return model.fit(features, labels)


def _works(items: Sequence[Item]) -> NDArray[np.str_]:
    return np.array([item.work or item.id for item in items])
