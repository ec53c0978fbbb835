"""Agreement with pytorch-metric-learning on what both can express: one set of vectors, one label each."""

from __future__ import annotations

import pytest
import torch

from crossmodal.objectives.comparison import Comparison
from crossmodal.objectives.contrastive import Contrastive
from crossmodal.objectives.info_nce import InfoNCE
from crossmodal.objectives.lifted_structure import LiftedStructure
from crossmodal.objectives.n_pair import NPair
from crossmodal.objectives.normalized_softmax import NormalizedSoftmax
from crossmodal.objectives.proxy import ProxyAnchor, ProxyNCA
from crossmodal.objectives.soft_nearest_neighbour import SoftNearestNeighbour
from crossmodal.objectives.triplet import TripletHinge

from .examples import self_comparison

losses = pytest.importorskip("pytorch_metric_learning.losses")
distances = pytest.importorskip("pytorch_metric_learning.distances")
reducers = pytest.importorskip("pytorch_metric_learning.reducers")
their_miners = pytest.importorskip("pytorch_metric_learning.miners")

LABELS = [0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 3]
IDS = torch.tensor(LABELS)


@pytest.mark.parametrize("temperature", [0.05, 0.5])
def test_supcon(temperature: float) -> None:
    c = self_comparison(LABELS)
    ours = InfoNCE(temperature=temperature, symmetric=False, positives_in_denominator=True)(c)
    torch.testing.assert_close(ours, losses.SupConLoss(temperature=temperature)(c.queries, IDS))


@pytest.mark.parametrize("temperature", [0.05, 0.5])
def test_nt_xent(temperature: float) -> None:
    # Theirs is a mean over pairs, ours over queries: with equally many pairs for each query they agree.
    labels = [0, 0, 0, 1, 1, 1, 2, 2, 2]
    c = self_comparison(labels)
    ours = InfoNCE(temperature=temperature, symmetric=False)(c)
    torch.testing.assert_close(ours, losses.NTXentLoss(temperature=temperature)(c.queries, torch.tensor(labels)))


@pytest.mark.parametrize("active_only", [False, True])
def test_triplet_margin(active_only: bool) -> None:
    c = self_comparison(LABELS)
    reducer = reducers.AvgNonZeroReducer() if active_only else reducers.MeanReducer()
    theirs = losses.TripletMarginLoss(margin=0.2, distance=distances.CosineSimilarity(), reducer=reducer)
    ours = TripletHinge(margin=0.2, mining="all", active_only=active_only)(c)
    torch.testing.assert_close(ours, theirs(c.queries, IDS))


def test_contrastive_on_cosine() -> None:
    c = self_comparison(LABELS)
    theirs = losses.ContrastiveLoss(
        pos_margin=0.9, neg_margin=0.2, distance=distances.CosineSimilarity(), reducer=reducers.MeanReducer()
    )
    ours = Contrastive(positive_margin=0.9, negative_margin=0.2, power=1)(c)
    torch.testing.assert_close(ours, theirs(c.queries, IDS))


def test_normalized_softmax() -> None:
    theirs = losses.NormalizedSoftmaxLoss(num_classes=4, embedding_size=5, temperature=0.05)
    c = self_comparison(LABELS)
    positives = IDS[:, None] == torch.arange(4)[None, :]
    ours = NormalizedSoftmax()(Comparison(c.queries, theirs.W.T, positives, ~positives))
    torch.testing.assert_close(ours, theirs(c.queries, IDS))


def test_batch_hard_mining() -> None:
    c = self_comparison(LABELS)
    cosine = distances.CosineSimilarity()
    mined = their_miners.BatchHardMiner(distance=cosine)(c.queries, IDS)
    theirs = losses.TripletMarginLoss(margin=0.2, distance=cosine, reducer=reducers.MeanReducer())
    ours = TripletHinge(margin=0.2, mining="batch-hard")(c)
    torch.testing.assert_close(ours, theirs(c.queries, IDS, mined))


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_neighbourhood_components(temperature: float) -> None:
    c = self_comparison(LABELS)
    ours = SoftNearestNeighbour(similarity="negative-squared-euclidean", temperature=temperature)(c)
    torch.testing.assert_close(ours, losses.NCALoss(softmax_scale=1 / temperature)(c.queries, IDS))


@pytest.mark.parametrize("margin", [0.5, 1.0])
def test_lifted_structure(margin: float) -> None:
    # Theirs takes each pair in both orders, as a set of vectors against itself does here.
    c = self_comparison(LABELS)
    theirs = losses.LiftedStructureLoss(neg_margin=margin, reducer=reducers.MeanReducer())
    torch.testing.assert_close(LiftedStructure(margin=margin)(c), theirs(c.queries, IDS))


def test_n_pair() -> None:
    # Theirs draws one pair of each label and takes the other pairs' second halves as negatives.
    c = self_comparison([0, 0, 1, 1, 2, 2])
    torch.manual_seed(0)
    theirs = losses.NPairsLoss()(c.queries, torch.tensor([0, 0, 1, 1, 2, 2]))
    first, second = c.queries[::2], c.queries[1::2]
    same = torch.eye(3, dtype=torch.bool)
    both = [NPair()(Comparison(a, b, same, ~same)) for a, b in ((first, second), (second, first))]
    assert any(torch.isclose(theirs, ours) for ours in both)


def test_proxies() -> None:
    c = self_comparison(LABELS)
    same = IDS[:, None] == torch.arange(4)[None, :]
    nca = losses.ProxyNCALoss(num_classes=4, embedding_size=5, softmax_scale=1)
    ours = ProxyNCA()(Comparison(c.queries, nca.proxies, same, ~same))
    torch.testing.assert_close(ours, nca(c.queries, IDS))
    anchor = losses.ProxyAnchorLoss(num_classes=4, embedding_size=5, margin=0.2, alpha=8)
    ours = ProxyAnchor(margin=0.2, temperature=1 / 8)(Comparison(c.queries, anchor.proxies, same, ~same))
    torch.testing.assert_close(ours, anchor(c.queries, IDS))
