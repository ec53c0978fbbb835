"""What every objective must keep to, whatever its formula."""

from __future__ import annotations

import inspect

import pytest
import torch

from crossmodal.base.errors import InputError, RecipeError
from crossmodal.objectives import OBJECTIVES, SIMILARITIES, build_similarity, resolve, resolve_similarity
from crossmodal.objectives.comparison import Comparison
from crossmodal.objectives.similarity import Bilinear

from .examples import one_positive, without_pairs

names = pytest.mark.parametrize("name", OBJECTIVES)


@names
def test_options_are_keyword_only_plain_values_with_defaults(name: str) -> None:
    for parameter in inspect.signature(resolve(name)).parameters.values():
        assert parameter.kind is parameter.KEYWORD_ONLY
        assert parameter.default is None or isinstance(parameter.default, (bool, int, float, str))
        assert parameter.annotation in {"bool", "int", "float", "str", "int | None"}


@names
def test_scalar_with_finite_gradients(name: str) -> None:
    comparison = one_positive()
    loss = resolve(name)()(comparison)
    assert loss.shape == () and loss.dtype == torch.float32 and loss >= 0
    loss.backward()
    for vectors in (comparison.queries, comparison.targets):
        assert vectors.grad is not None and torch.isfinite(vectors.grad).all() and vectors.grad.abs().sum() > 0


@names
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_inputs_and_autocast_stay_near_float32(name: str, dtype: torch.dtype) -> None:
    exact = one_positive()
    half = Comparison(
        exact.queries.detach().to(dtype).requires_grad_(),
        exact.targets.detach().to(dtype),
        exact.positives,
        exact.negatives,
    )
    objective = resolve(name)()
    objective.eval()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = objective(half)
        reference = objective(exact)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, reference, rtol=0.05, atol=0.02)
    loss.backward()
    assert half.queries.grad is not None and torch.isfinite(half.queries.grad).all()


@names
@pytest.mark.parametrize("shape", [(3, 4), (0, 4), (3, 0), (0, 0)])
def test_a_batch_without_pairs_is_a_zero_that_can_go_backward(name: str, shape: tuple[int, int]) -> None:
    comparison = without_pairs(*shape)
    loss = resolve(name)()(comparison)
    assert loss.item() == 0
    loss.backward()
    assert comparison.queries.grad is not None and not comparison.queries.grad.any()


@names
def test_extreme_vectors_keep_gradients_finite(name: str) -> None:
    same = torch.eye(4, dtype=torch.bool)
    for vectors in (torch.ones(4, 3), torch.zeros(4, 3), torch.eye(4, 3) * 1e4):
        queries = vectors.clone().requires_grad_()
        loss = resolve(name)()(Comparison(queries, vectors, same, ~same))
        loss.backward()
        assert torch.isfinite(loss) and queries.grad is not None and torch.isfinite(queries.grad).all()


@names
@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_every_objective_takes_every_similarity(name: str, similarity: str) -> None:
    objective = resolve(name)(similarity=similarity, dimension=5)
    objective(one_positive()).backward()
    if similarity == "bilinear":
        assert isinstance(objective.similarity, Bilinear)
        gradient = objective.similarity.weight.grad
        assert gradient is not None and gradient.abs().sum() > 0


@names
def test_learning_brings_pairs_together(name: str) -> None:
    comparison = one_positive(rows=8, dimension=8)
    objective = resolve(name)()
    optimizer = torch.optim.Adam([comparison.queries, comparison.targets], lr=0.05)
    for _ in range(150):
        optimizer.zero_grad()
        objective(comparison).backward()
        optimizer.step()
    nearest = build_similarity("cosine")(comparison.queries, comparison.targets).argmax(dim=1)
    assert nearest.tolist() == list(range(8))


def test_unknown_names_are_answered_with_the_nearest() -> None:
    with pytest.raises(RecipeError, match='Did you mean "triplet-hinge"'):
        resolve("triplet_hinge")
    with pytest.raises(RecipeError, match='Did you mean "cosine"'):
        resolve_similarity("cosin")
    with pytest.raises(RecipeError, match="dimension"):
        build_similarity("bilinear")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("info-nce", {"temperature": 0}),
        ("info-nce", {"temperature": 2.0, "learned": True}),
        ("triplet-hinge", {"mining": "hardest"}),
        ("triplet-hinge", {"mining": "distance-weighted", "similarity": "negative-euclidean"}),
        ("triplet-hinge", {"margin": -1}),
        ("triplet-hinge", {"negatives": 0}),
        ("contrastive", {"positive_margin": 0.1, "negative_margin": 0.2}),
        ("binary-cross-entropy", {"positive_weight": 0}),
        ("n-pair", {"length_weight": -1}),
        ("lifted-structure", {"margin": 0}),
        ("nce", {"population": -1}),
        ("soft-nearest-neighbour", {"temperature": 0}),
        ("proxy-anchor", {"temperature": 0}),
    ],
)
def test_impossible_options_are_refused(name: str, options: dict[str, float | str | bool]) -> None:
    with pytest.raises(RecipeError, match="expected"):
        resolve(name)(**options)


def test_masks_of_the_wrong_shape_or_type_are_refused() -> None:
    mask = torch.zeros(2, 3, dtype=torch.bool)
    with pytest.raises(InputError, match="positives"):
        Comparison(torch.zeros(2, 4), torch.zeros(3, 4), mask.T, mask)
    with pytest.raises(InputError, match="negatives"):
        Comparison(torch.zeros(2, 4), torch.zeros(3, 4), mask, mask.float())
