"""Each loss against a loop over pairs or triplets that follows its formula word for word."""

from __future__ import annotations

import math

import pytest
import torch

from crossmodal.base.errors import InputError
from crossmodal.objectives.binary_cross_entropy import BinaryCrossEntropy
from crossmodal.objectives.comparison import Comparison, Prediction
from crossmodal.objectives.contrastive import Contrastive
from crossmodal.objectives.info_nce import InfoNCE
from crossmodal.objectives.lifted_structure import LiftedStructure
from crossmodal.objectives.n_pair import NPair
from crossmodal.objectives.nce import NCE
from crossmodal.objectives.normalized_softmax import NormalizedSoftmax, Prototypical, ProxyClassification
from crossmodal.objectives.proxy import ProxyAnchor
from crossmodal.objectives.soft_nearest_neighbour import SoftNearestNeighbour
from crossmodal.objectives.triplet import TripletHinge

from .examples import cosine, one_positive, random_comparison

both = pytest.mark.parametrize("weighted", [False, True])


def weight(comparison: Comparison, i: int, j: int) -> float:
    return 1.0 if comparison.weights is None else float(comparison.weights[i, j])


@both
def test_contrastive(weighted: bool) -> None:
    c = random_comparison(weighted=weighted)
    s = cosine(c)
    pull = [(weight(c, i, j), max(0, 0.9 - s[i][j]) ** 2) for i, j in c.positives.nonzero().tolist()]
    push = [max(0, s[i][j] - 0.1) ** 2 for i, j in c.negatives.nonzero().tolist()]
    expected = sum(w * v for w, v in pull) / sum(w for w, _ in pull) + 3 * sum(push) / len(push)
    loss = Contrastive(positive_margin=0.9, negative_margin=0.1, negative_weight=3)(c)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_contrastive_on_distances_is_hadsell() -> None:
    c = random_comparison()
    terms: dict[bool, list[float]] = {True: [], False: []}
    for i, j in (c.positives | c.negatives).nonzero().tolist():
        distance = (c.queries[i] - c.targets[j]).norm().item()
        near = bool(c.positives[i, j])
        terms[near].append(distance**2 if near else max(0, 3 - distance) ** 2)
    objective = Contrastive(similarity="negative-euclidean", positive_margin=0, negative_margin=-3)
    expected = sum(sum(values) / len(values) for values in terms.values())
    assert objective(c).item() == pytest.approx(expected, rel=1e-5)


@both
@pytest.mark.parametrize("active_only", [False, True])
def test_triplet_hinge_over_all_triplets(weighted: bool, active_only: bool) -> None:
    c = random_comparison(weighted=weighted)
    s = cosine(c)
    numerator = denominator = 0.0
    for i, p in c.positives.nonzero().tolist():
        for n in c.negatives[i].nonzero().flatten().tolist():
            hinge = max(0.0, 0.4 - s[i][p] + s[i][n])
            counted = weight(c, i, p) * (hinge > 0 or not active_only)
            numerator, denominator = numerator + counted * hinge, denominator + counted
    loss = TripletHinge(mining="all", active_only=active_only)(c)
    assert loss.item() == pytest.approx(numerator / denominator, rel=1e-5)


def test_symmetric_triplets_are_the_mean_of_both_directions() -> None:
    c = random_comparison()
    one = TripletHinge(mining="hard")
    both_ways = TripletHinge(mining="hard", symmetric=True)(c)
    torch.testing.assert_close(both_ways, (one(c) + one(c.transposed())) / 2)


def test_random_triplets_change_each_step_and_repeat_after_a_resume() -> None:
    c = random_comparison(12, 30)
    objective = TripletHinge(seed=5)
    first, state = objective(c).item(), objective.state_dict()
    saved = {key: value.clone() for key, value in state.items()}
    second = objective(c).item()
    resumed = TripletHinge(seed=5)
    resumed.load_state_dict(saved)
    assert first != second == resumed(c).item()
    objective.eval()
    assert objective(c).item() == objective(c).item()


@both
@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("symmetric", [False, True])
def test_info_nce(weighted: bool, inside: bool, symmetric: bool) -> None:
    c = random_comparison(weighted=weighted)

    def one_way(c: Comparison) -> float:
        s, losses = cosine(c), []
        for i in range(len(s)):
            positives = c.positives[i].nonzero().flatten().tolist()
            negatives = c.negatives[i].nonzero().flatten().tolist()
            if not positives or not negatives:
                continue
            noise = sum(math.exp(s[i][n] / 0.2) for n in negatives)
            total = 0.0
            for p in positives:
                right = [math.exp(s[i][o] / 0.2) for o in (positives if inside else [p])]
                total -= weight(c, i, p) * math.log(math.exp(s[i][p] / 0.2) / (sum(right) + noise))
            losses.append(total / sum(weight(c, i, p) for p in positives))
        return sum(losses) / len(losses)

    expected = (one_way(c) + one_way(c.transposed())) / 2 if symmetric else one_way(c)
    loss = InfoNCE(temperature=0.2, symmetric=symmetric, positives_in_denominator=inside)(c)
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    loss.backward()
    assert c.queries.grad is not None and torch.isfinite(c.queries.grad).all()


def test_untrained_info_nce_is_the_logarithm_of_the_batch() -> None:
    same = torch.eye(16, dtype=torch.bool)
    loss = InfoNCE()(Comparison(torch.ones(16, 4), torch.ones(16, 4), same, ~same))
    assert loss.item() == pytest.approx(math.log(16), rel=1e-5)


def test_learned_temperature_moves_stays_in_bounds_and_comes_back() -> None:
    objective = InfoNCE(temperature=0.07, learned=True, minimum_temperature=0.05)
    aligned = torch.eye(8)
    same = torch.eye(8, dtype=torch.bool)
    optimizer = torch.optim.SGD(objective.parameters(), lr=10.0)

    def step(positives: torch.Tensor) -> float:
        optimizer.zero_grad()
        objective(Comparison(aligned, aligned, positives, ~positives)).backward()
        optimizer.step()
        objective(Comparison(aligned, aligned, positives, ~positives))
        return objective.temperature.value

    for _ in range(20):
        low = step(same)
    assert low >= 0.05 * 0.999
    assert step(same.roll(1, dims=0)) > low
    assert len(list(InfoNCE(temperature=0.07).parameters())) == 0


def test_normalized_softmax_and_proxy_classification() -> None:
    c = one_positive()
    s = cosine(c)
    dots = (c.queries @ c.targets.T).tolist()

    def mean(z: list[list[float]]) -> float:
        rows = [math.log(sum(math.exp(v) for v in row)) - row[i] for i, row in enumerate(z)]
        return sum(rows) / len(rows)

    assert NormalizedSoftmax()(c).item() == pytest.approx(mean([[v / 0.05 for v in r] for r in s]), rel=1e-4)
    assert ProxyClassification()(c).item() == pytest.approx(mean(dots), rel=1e-4)
    with pytest.raises(InputError, match="one positive"):
        NormalizedSoftmax()(random_comparison())


@both
def test_binary_cross_entropy_on_a_comparison(weighted: bool) -> None:
    c = random_comparison(weighted=weighted)
    s = cosine(c)
    numerator = denominator = 0.0
    for i, j in (c.positives | c.negatives).nonzero().tolist():
        probability = 1 / (1 + math.exp(-(s[i][j] / 0.5 - 0.3)))
        if c.positives[i, j]:
            numerator -= 2 * weight(c, i, j) * math.log(probability)
            denominator += weight(c, i, j)
        else:
            numerator, denominator = numerator - math.log(1 - probability), denominator + 1
    loss = BinaryCrossEntropy(temperature=0.5, bias=-0.3, positive_weight=2)(c)
    assert loss.item() == pytest.approx(numerator / denominator, rel=1e-5)


def test_binary_cross_entropy_on_a_prediction() -> None:
    outputs = torch.tensor([[0.5, -2.0, 30.0], [1.0, 0.0, -30.0]], requires_grad=True)
    targets = torch.tensor([[1.0, 0.0, 0.0], [0.25, 1.0, 0.0]])
    mask = torch.tensor([[True, True, False], [True, False, True]])
    expected = 0.0
    for z, y in ((0.5, 1.0), (-2.0, 0.0), (1.0, 0.25), (-30.0, 0.0)):
        p = 1 / (1 + math.exp(-z))
        expected -= (y * math.log(p) + (1 - y) * math.log(1 - p)) / 4
    assert BinaryCrossEntropy()(Prediction(outputs, targets, mask)).item() == pytest.approx(expected, rel=1e-5)
    empty = BinaryCrossEntropy()(Prediction(outputs, targets, torch.zeros_like(mask)))
    empty.backward()
    assert empty.item() == 0
    with pytest.raises(InputError, match="one shape"):
        BinaryCrossEntropy()(Prediction(outputs, targets[:1]))


def useful(comparison: Comparison) -> list[int]:
    """Queries with a positive and a negative."""
    return [
        i for i in range(len(comparison.queries)) if comparison.positives[i].any() and comparison.negatives[i].any()
    ]


def named(mask: torch.Tensor) -> list[int]:
    return [int(j) for j in mask.nonzero().flatten()]


@both
def test_soft_nearest_neighbour(weighted: bool) -> None:
    c = random_comparison(weighted=weighted)
    s, terms = cosine(c), []
    for i in useful(c):
        most = max(weight(c, i, p) for p in named(c.positives[i]))
        right = sum(weight(c, i, p) / most * math.exp(s[i][p] / 0.2) for p in named(c.positives[i]))
        every = sum(math.exp(s[i][j] / 0.2) for j in named(c.positives[i] | c.negatives[i]))
        terms.append(-math.log(right / every))
    assert SoftNearestNeighbour(temperature=0.2)(c).item() == pytest.approx(sum(terms) / len(terms), rel=1e-5)


def test_n_pair_with_short_vectors() -> None:
    c = random_comparison()
    dots, terms = (c.queries @ c.targets.T).tolist(), []
    for i in useful(c):
        pairs = [
            math.log(1 + sum(math.exp(dots[i][n] - dots[i][p]) for n in named(c.negatives[i])))
            for p in named(c.positives[i])
        ]
        terms.append(sum(pairs) / len(pairs))
    paired = c.positives | c.negatives
    lengths = [
        float(v @ v) for v, kept in ((c.queries, paired.any(dim=1)), (c.targets, paired.any(dim=0))) for v in v[kept]
    ]
    expected = sum(terms) / len(terms) + 0.02 * sum(lengths) / len(lengths)
    assert NPair(length_weight=0.02)(c).item() == pytest.approx(expected, rel=1e-4)


@both
def test_lifted_structure(weighted: bool) -> None:
    c = random_comparison(weighted=weighted)
    numerator = denominator = 0.0
    for i, p in c.positives.nonzero().tolist():
        distance = lambda a, b: (c.queries[a] - c.targets[b]).norm().item()  # noqa: E731
        pushes = [math.exp(1 - distance(i, n)) for n in named(c.negatives[i])]
        pushes += [math.exp(1 - distance(k, p)) for k in named(c.negatives[:, p])]
        if pushes:
            numerator += weight(c, i, p) * max(0, math.log(sum(pushes)) + distance(i, p)) ** 2 / 2
            denominator += weight(c, i, p)
    assert LiftedStructure()(c).item() == pytest.approx(numerator / denominator, rel=1e-5)


@both
@pytest.mark.parametrize("population", [0, 50])
def test_nce(weighted: bool, population: int) -> None:
    c = random_comparison(weighted=weighted)
    s, rows, every = cosine(c), useful(c), population or len(c.targets)
    values = [math.exp(s[i][j] / 0.2) for i in rows for j in named(c.positives[i] | c.negatives[i])]
    z = every * sum(values) / len(values)
    terms = []
    for i in rows:
        negatives, positives = named(c.negatives[i]), named(c.positives[i])

        def chance(j: int, i: int = i, count: int = len(negatives)) -> float:
            data = math.exp(s[i][j] / 0.2) / z
            return data / (data + count / every)

        own = sum(weight(c, i, p) * -math.log(chance(p)) for p in positives) / sum(weight(c, i, p) for p in positives)
        terms.append(own + sum(-math.log(1 - chance(n)) for n in negatives))
    objective = NCE(temperature=0.2, population=population)
    assert objective(c).item() == pytest.approx(sum(terms) / len(terms), rel=1e-4)
    other = random_comparison(seed=1)
    assert objective(other).item() == pytest.approx(objective(other).item())
    assert every * math.exp(objective.log_mean) == pytest.approx(z, rel=1e-4)


def test_the_constant_of_nce_grows_with_the_targets() -> None:
    """As where a memory fills up: a first batch of 64 targets, then 4,160."""

    def batch(targets: int, seed: int) -> Comparison:
        generator = torch.Generator().manual_seed(seed)
        queries, others = (torch.randn(n, 128, generator=generator) for n in (64, targets))
        positives = torch.eye(64, targets, dtype=torch.bool)
        return Comparison(queries, others, positives, ~positives)

    trained, large = NCE(), batch(4160, 1)
    trained(batch(64, 0))
    assert trained(large).item() == pytest.approx(NCE()(large).item(), rel=0.05)


def test_proxy_anchor_takes_several_positives() -> None:
    c = random_comparison()
    s = cosine(c)
    pulls, pushes = [], []
    for p in range(len(c.targets)):
        if c.positives[:, p].any():
            pulls.append(math.log(1 + sum(math.exp(8 * (0.2 - s[i][p])) for i in named(c.positives[:, p]))))
        if (c.positives | c.negatives)[:, p].any():
            pushes.append(math.log(1 + sum(math.exp(8 * (s[i][p] + 0.2)) for i in named(c.negatives[:, p]))))
    expected = sum(pulls) / len(pulls) + sum(pushes) / len(pushes)
    assert ProxyAnchor(margin=0.2, temperature=1 / 8)(c).item() == pytest.approx(expected, rel=1e-5)


def test_prototypical_is_a_softmax_over_squared_distances() -> None:
    c = one_positive()
    terms = []
    for i, query in enumerate(c.queries):
        odds = [math.exp(-float((query - target).square().sum())) for target in c.targets]
        terms.append(-math.log(odds[i] / sum(odds)))
    assert Prototypical()(c).item() == pytest.approx(sum(terms) / len(terms), rel=1e-4)
