"""Calibration: what a logistic regression must be, and what a space's file of it may hold."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from crossmodal.base.errors import InputError, IntegrityError
from crossmodal.calibration import FILE, Calibration, fit_calibration, load_calibration, save_calibration

HAND = Calibration(features=("lift", "margin"), weights=(2.0, -1.0), bias=0.5)


def test_confidence_is_the_logistic_function_of_the_weighted_features() -> None:
    for lift, margin in ((0.0, 0.0), (1.5, -2.0), (-3.0, 4.0), (400.0, 0.0), (-400.0, 0.0)):
        logit = 0.5 + 2 * lift - margin
        expected = 1 / (1 + math.exp(-logit)) if abs(logit) < 500 else float(logit > 0)
        assert HAND.confidence([(lift, margin)])[0] == pytest.approx(expected, abs=1e-12)
    assert HAND.confidence([(float("nan"), 0.0), (0.0, float("inf"))]).tolist() == [0.0, 0.0]
    assert HAND.confidence(np.zeros((0, 2))).shape == (0,)


def test_fitting_finds_the_weights_that_made_the_labels() -> None:
    generator = np.random.default_rng(0)
    scores = generator.normal(size=(20_000, 2)) * (0.1, 3.0)
    chance = 1 / (1 + np.exp(-(1.0 + 12.0 * scores[:, 0] - 0.7 * scores[:, 1])))
    labels = generator.random(len(scores)) < chance
    fitted = fit_calibration(scores, labels, features=("a", "b"), data="simulated")
    np.testing.assert_allclose([*fitted.weights, fitted.bias], [12.0, -0.7, 1.0], rtol=0.06)
    assert (fitted.examples, fitted.data) == (20_000, "simulated")
    confidence = fitted.confidence(scores)
    for low in np.arange(0, 1, 0.2):  # of what it calls 70% sure, 70% are right
        inside = (confidence >= low) & (confidence < low + 0.2)
        assert labels[inside].mean() == pytest.approx(confidence[inside].mean(), abs=0.03)


def test_fitting_is_the_minimum_of_the_penalized_loss() -> None:
    generator = np.random.default_rng(1)
    scores = generator.normal(size=(60, 1)) * 5 + 2
    labels = generator.random(60) < 1 / (1 + np.exp(-(scores[:, 0] - 2)))
    fitted = fit_calibration(scores, labels, features=("a",))

    def loss(weight: float, bias: float) -> float:
        logits = scores[:, 0] * weight + bias
        total = sum(math.log(1 + math.exp(-z if right else z)) for z, right in zip(logits, labels, strict=True))
        return total + 0.5 * (weight * float(scores.std())) ** 2

    best = loss(fitted.weights[0], fitted.bias)
    for step in (-1e-3, 1e-3):
        assert loss(fitted.weights[0] + step, fitted.bias) > best
        assert loss(fitted.weights[0], fitted.bias + step) > best


def test_separable_data_stay_finite() -> None:
    scores = np.array([0.1, 0.2, 0.3, 0.7, 0.8, 0.9])
    fitted = fit_calibration(scores, scores > 0.5, features=("a",))
    confidence = fitted.confidence(scores[:, None])
    assert np.isfinite(fitted.weights).all() and (confidence[:3] < 0.5).all() and (confidence[3:] > 0.5).all()


@pytest.mark.parametrize(
    ("scores", "labels", "said"),
    [
        ([[1.0], [2.0]], [True, True], "right and wrong"),
        ([[1.0], [2.0]], [True], "one column a feature"),
        ([[1.0, 2.0], [2.0, 1.0]], [True, False], "one column a feature"),
        ([[1.0], [float("nan")]], [True, False], "finite"),
        (np.zeros((0, 1)), [], "right and wrong"),
    ],
)
def test_what_cannot_be_fitted_is_told(scores: object, labels: list[bool], said: str) -> None:
    with pytest.raises(InputError, match=said):
        fit_calibration(scores, labels, features=("a",))  # type: ignore[arg-type]


def test_a_space_keeps_one_calibration_a_task(tmp_path: Path) -> None:
    assert load_calibration(tmp_path, "identify", HAND) is HAND
    assert load_calibration("laion/some-model", "identify", HAND) is HAND
    first, second = HAND.model_copy(update={"bias": 1.0}), HAND.model_copy(update={"threshold": 0.7})
    save_calibration(tmp_path, {"identify": first})
    save_calibration(tmp_path, {"align": second})
    assert load_calibration(tmp_path, "identify", HAND) == first
    assert load_calibration(tmp_path, "align", HAND) == second
    assert load_calibration(tmp_path, "follow", HAND) is HAND


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "expected JSON"),
        ("[]", "for each task"),
        ('{"identify": {"features": ["lift", "margin"], "weights": [1.0], "bias": 0}}', "damaged"),
        ('{"identify": {"features": ["lift"], "weights": [1.0], "bias": 0}}', "fitted on lift, margin"),
    ],
)
def test_a_damaged_calibration_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    with pytest.raises(IntegrityError, match=said):
        load_calibration(tmp_path, "identify", HAND)
