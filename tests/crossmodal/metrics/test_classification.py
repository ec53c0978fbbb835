"""Classification metrics against scikit-learn, on integers and strings."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix

from crossmodal.base.errors import InputError
from crossmodal.metrics.classification import confusion, correct, recall_per_class


@pytest.mark.parametrize("names", [np.arange(4), np.array(["flute", "horn", "oboe", "viola"])])
def test_against_scikit_learn(names: np.ndarray) -> None:
    generator = np.random.default_rng(0)
    true = names[generator.integers(0, 4, 60)]
    predicted = np.where(generator.random(60) < 0.6, true, names[generator.integers(0, 4, 60)])
    assert correct(predicted, true).mean() == accuracy_score(true, predicted)
    assert recall_per_class(predicted, true).mean() == pytest.approx(balanced_accuracy_score(true, predicted))
    classes, counts = confusion(predicted, true)
    np.testing.assert_array_equal(counts, confusion_matrix(true, predicted, labels=classes))


def test_perfect_empty_and_malformed() -> None:
    assert correct(["a", "b"], ["a", "b"]).tolist() == [1, 1]
    assert correct([], []).shape == recall_per_class([], []).shape == (0,)
    assert confusion([], [])[1].shape == (0, 0)
    with pytest.raises(InputError, match="one length"):
        correct(["a"], ["a", "b"])
    with pytest.raises(InputError, match="one kind"):
        correct(["1"], [1])
