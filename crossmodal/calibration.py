"""From measures of fit to the probability of being right: logistic regression (Platt 1999), kept beside a space as calibration.json.

confidence = 1 / (1 + exp(-(bias + weights . features))). What is asked ("identify", "align") names the features that it measures.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from crossmodal.base.errors import InputError, IntegrityError
from crossmodal.base.files import read_json, write_json

FILE = "calibration.json"
THRESHOLD = 0.5  # confidence below which one abstains
_STEPS, _RIDGE = 100, 1.0  # of Newton's method; the penalty of a weight of 1 deviation, in examples


class Calibration(BaseModel):
    """features: names of what is measured, in order; threshold: least confidence of an answer; data: what it was fitted on, of how
    many examples (0: set by hand).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    features: tuple[str, ...]
    weights: tuple[float, ...]
    bias: float
    threshold: float = Field(default=THRESHOLD, ge=0, le=1)
    data: str = "set by hand"
    examples: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _one_weight_each(self) -> Calibration:
        if len(self.features) != len(self.weights) or not np.isfinite([*self.weights, self.bias]).all():
            raise ValueError("expected a finite weight for each feature")
        return self

    def confidence(self, features: ArrayLike) -> NDArray[np.float64]:
        """Features (n, f) -> (n,) in [0, 1]; 0 where a feature is no number."""
        values = np.asarray(features, np.float64).reshape(-1, len(self.features))
        known = np.isfinite(values).all(axis=1)
        logits = np.where(known, np.nan_to_num(values) @ np.array(self.weights) + self.bias, -np.inf)
        return _logistic(logits)


def fit_calibration(
    scores: ArrayLike,
    labels: ArrayLike,
    *,
    features: Sequence[str],
    threshold: float = THRESHOLD,
    data: str = "",
) -> Calibration:
    """Logistic regression of labels (n,) (right or wrong) on scores (n, f), with a small ridge so that separable data stay finite.

    scores must be measured on queries of which some have no right answer, as later ones will. Raises InputError when
    a label is missing or all are the same.
    """
    values, right = np.asarray(scores, np.float64), np.asarray(labels, bool)
    if values.ndim == 1:
        values = values[:, None]
    if values.shape != (len(right), len(features)) or not np.isfinite(values).all():
        raise InputError(
            f"scores: expected finite numbers ({len(right)}, {len(features)}), one column a feature, got {values.shape}"
        )
    if right.all() or not right.any():
        raise InputError("labels: expected right and wrong answers, got only one kind; add queries of the other kind")
    mean, deviation = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-9)
    design = np.column_stack([(values - mean) / deviation, np.ones(len(right))])
    solution = _newton(design, right.astype(np.float64))
    weights = solution[:-1] / deviation
    bias = float(solution[-1] - weights @ mean)
    return Calibration(
        features=tuple(features), weights=tuple(weights.tolist()), bias=bias,
        threshold=threshold, data=data, examples=len(right),
    )  # fmt: skip


def _newton(design: NDArray[np.float64], labels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights that minimize the logistic loss plus the ridge (the last column, of ones, is free of it)."""
    ridge = np.diag([_RIDGE] * (design.shape[1] - 1) + [1e-6])
    solution = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        chance = _logistic(design @ solution)
        gradient = design.T @ (chance - labels) + ridge @ solution
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design + ridge
        step = np.linalg.solve(curvature, gradient)
        step *= min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))  # far from the solution the parabola misleads
        solution -= step
        if float(np.abs(step).max()) < 1e-9:
            break
    return solution


def _logistic(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(0.5 * (1 + np.tanh(logits / 2)))


def save_calibration(folder: Path, calibrations: dict[str, Calibration]) -> None:
    """Writes calibration.json into a space's folder: what is asked -> its calibration; others that it holds stay."""
    known = _read(folder) if (folder / FILE).exists() else {}
    merged = {**known, **{name: one.model_dump(mode="json") for name, one in calibrations.items()}}
    write_json(folder / FILE, merged)


def load_calibration(location: str | Path, name: str, default: Calibration) -> Calibration:
    """The calibration of a space for what is asked; the default where the space has none.

    location: the space's folder (of a public model: its id). Raises IntegrityError for a damaged file or one for other features.
    """
    folder = Path(location)
    if not (folder / FILE).is_file():
        return default
    content = _read(folder).get(name)
    if content is None:
        return default
    try:
        found = Calibration.model_validate(content)
    except ValidationError as error:
        raise IntegrityError(
            f"{folder / FILE}: expected a calibration, got '{name}' damaged; remove the file"
        ) from error
    if found.features != default.features:
        raise IntegrityError(
            f"{folder / FILE}: expected '{name}' to be fitted on {', '.join(default.features)}, "
            f"got {', '.join(found.features)}; fit it again or remove the file"
        )
    return found


def _read(folder: Path) -> dict[str, object]:
    try:
        content = read_json(folder / FILE)
    except InputError as error:
        raise IntegrityError(f"{folder / FILE}: expected JSON, got something else; remove the file") from error
    if not isinstance(content, dict):
        raise IntegrityError(f"{folder / FILE}: expected a calibration for each task, got none; remove the file")
    return content
