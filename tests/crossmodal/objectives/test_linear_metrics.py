"""LDA against scikit-learn, LMNN against its formula in loops; both on data of which the answer is known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from crossmodal.base.errors import InputError, RecipeError
from crossmodal.objectives.linear_metrics import Lda, Lmnn, _nearest


def crossed(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two classes that differ in the third of five dimensions by little; the others are loud and say nothing."""
    generator = torch.Generator().manual_seed(seed)
    classes = torch.arange(60) % 2
    x = torch.randn(60, 5, generator=generator) * torch.tensor([5.0, 3.0, 0.2, 4.0, 2.0])
    x[:, 2] += classes
    return x, classes


def leave_one_out(x: Tensor, classes: Tensor) -> float:
    """Accuracy of the nearest neighbour."""
    distances = torch.cdist(x, x).fill_diagonal_(torch.inf)
    return float((classes[distances.argmin(dim=1)] == classes).float().mean())


def test_lda_is_that_of_scikit_learn() -> None:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    generator = torch.Generator().manual_seed(1)
    classes = torch.arange(90) % 3
    x = torch.randn(90, 4, generator=generator) @ torch.randn(4, 4, generator=generator) + 2 * torch.eye(3, 4)[classes]
    found = Lda(regularization=1e-9).fit(x, classes)
    theirs = LinearDiscriminantAnalysis(solver="eigen").fit(x.numpy(), classes.numpy())
    for ours, other in zip(found.matrix.T[:2], torch.from_numpy(theirs.scalings_.T[:2]).float(), strict=True):
        assert abs(float(torch.cosine_similarity(ours, other, dim=0))) == pytest.approx(1, abs=1e-4)
    assert not found.matrix[:, 2:].any()
    torch.testing.assert_close(found.mean, x.mean(dim=0))


@pytest.mark.parametrize("method", [Lda(), Lmnn(steps=300, rate=0.05)])
def test_what_tells_classes_apart_comes_to_count(method: Lda | Lmnn) -> None:
    x, classes = crossed()
    found = method.fit(x, classes)
    assert leave_one_out(x, classes) < 0.75
    assert leave_one_out((x - found.mean) @ found.matrix, classes) > 0.95


def test_lmnn_is_its_formula() -> None:
    x, classes = crossed()
    x = x[:12] / 5
    same = classes[:12, None] == classes[None, :12]
    method = Lmnn(neighbours=2, impostors=4, push=0.3)
    targets, impostors = _nearest(x, same & ~torch.eye(12, dtype=torch.bool), 2), _nearest(x, ~same, 4)
    distance = (x[:, None] - x[None]).square().sum(dim=2)
    total, pairs = 0.0, 0
    for i in range(12):
        order = [j for j in distance[i].argsort().tolist() if j != i]
        others, strange = ([j for j in order if same[i, j]][:2], [j for j in order if not same[i, j]][:4])
        for j in others:
            total += 0.7 * float(distance[i, j]) + 0.3 * sum(
                max(0.0, 1 + float(distance[i, j] - distance[i, k])) for k in strange
            )
            pairs += 1
    assert float(method.loss(x, targets, impostors)) == pytest.approx(total / pairs, rel=1e-5)


@pytest.mark.parametrize("method", [Lda(), Lmnn()])
def test_what_cannot_be_fitted_is_refused(method: Lda | Lmnn) -> None:
    x, classes = crossed()
    with pytest.raises(InputError, match="two classes"):
        method.fit(x, torch.zeros(60, dtype=torch.long))
    with pytest.raises(InputError, match="vectors"):
        method.fit(x, classes[:-1])
    with pytest.raises(InputError, match="finite"):
        method.fit(x.clone().index_fill(0, torch.tensor([3]), torch.nan), classes)
    with pytest.raises(InputError, match="draw more items"):
        method.fit(x, torch.arange(60))
    with pytest.raises(RecipeError, match="samples"):
        type(method)(samples=0)


@pytest.mark.parametrize("push", [0.0, 1.01, 5.0, float("nan")])
def test_a_push_that_is_no_share_is_refused(push: float) -> None:
    with pytest.raises(RecipeError, match=r"lmnn\.push: expected a share"):
        Lmnn(push=push)
