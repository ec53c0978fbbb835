"""Agreement with pytorch-metric-learning on what both can express: one set of vectors, one label each."""

from __future__ import annotations

import pytest
import torch

from crossmodal.objectives.comparison import Comparison
from crossmodal.objectives.contrastive import Contrastive
from crossmodal.objectives.info_nce import InfoNCE
from crossmodal.objectives.normalized_softmax import NormalizedSoftmax
from crossmodal.objectives.triplet import TripletHinge

from .examples import self_comparison

losses = pytest.importorskip("pytorch_metric_learning.losses")
distances = pytest.importorskip("pytorch_metric_learning.distances")
reducers = pytest.importorskip("pytorch_metric_learning.reducers")

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
