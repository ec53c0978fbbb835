"""Losses on the one seam: an objective takes a `Comparison` or a `Prediction` and returns a scalar.

`OBJECTIVES`, `FITS` (closed forms, with `fit` instead of a loss) and `SIMILARITIES` are the only tables of their kind: name in a
recipe -> "module:Class". Nothing is imported before it is asked for. A constructor takes keyword-only plain scalars, so
that a recipe can name them all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crossmodal.base import names
from crossmodal.base.errors import RecipeError

if TYPE_CHECKING:
    from torch import nn

    from crossmodal.objectives.similarity import Similarity

OBJECTIVES: dict[str, str] = {
    "contrastive": "crossmodal.objectives.contrastive:Contrastive",
    "triplet-hinge": "crossmodal.objectives.triplet:TripletHinge",
    "info-nce": "crossmodal.objectives.info_nce:InfoNCE",
    "nce": "crossmodal.objectives.nce:NCE",
    "n-pair": "crossmodal.objectives.n_pair:NPair",
    "lifted-structure": "crossmodal.objectives.lifted_structure:LiftedStructure",
    "soft-nearest-neighbour": "crossmodal.objectives.soft_nearest_neighbour:SoftNearestNeighbour",
    "hash-contrastive": "crossmodal.objectives.hashing:HashContrastive",
    "hash-info-nce": "crossmodal.objectives.hashing:HashInfoNCE",
    "normalized-softmax": "crossmodal.objectives.normalized_softmax:NormalizedSoftmax",
    "proxy-classification": "crossmodal.objectives.normalized_softmax:ProxyClassification",
    "proxy-nca": "crossmodal.objectives.proxy:ProxyNCA",
    "proxy-anchor": "crossmodal.objectives.proxy:ProxyAnchor",
    "prototypical": "crossmodal.objectives.normalized_softmax:Prototypical",
    "binary-cross-entropy": "crossmodal.objectives.binary_cross_entropy:BinaryCrossEntropy",
}

FITS: dict[str, str] = {
    "cca": "crossmodal.objectives.correlation:Cca",
    "lda": "crossmodal.objectives.linear_metrics:Lda",
    "lmnn": "crossmodal.objectives.linear_metrics:Lmnn",
    "k-means": "crossmodal.objectives.frame_models:KMeans",
    "gaussian-mixture": "crossmodal.objectives.frame_models:GaussianMixture",
}

SIMILARITIES: dict[str, str] = {
    "cosine": "crossmodal.objectives.similarity:Cosine",
    "dot": "crossmodal.objectives.similarity:Dot",
    "bilinear": "crossmodal.objectives.similarity:Bilinear",
    "negative-euclidean": "crossmodal.objectives.similarity:NegativeEuclidean",
    "negative-squared-euclidean": "crossmodal.objectives.similarity:NegativeSquaredEuclidean",
}


def resolve(name: str) -> type[nn.Module]:
    """The class of an objective. An unknown name is a RecipeError that gives the nearest known one."""
    return names.resolve(OBJECTIVES, name, "an objective")


def resolve_similarity(name: str) -> type[Similarity]:
    """The class of a similarity. An unknown name is a RecipeError that gives the nearest known one."""
    return names.resolve(SIMILARITIES, name, "a similarity")


def build_similarity(name: str, dimension: int | None = None) -> Similarity:
    """A live similarity; `dimension` is needed by those with weights (bilinear), ignored by the others."""
    cls = resolve_similarity(name)
    if not cls.needs_dimension:
        return cls()
    if dimension is None:
        raise RecipeError(f"similarity {name!r}: expected `dimension`, the vector length, got none; add it")
    return cls(dimension)
