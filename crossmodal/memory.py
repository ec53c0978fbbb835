"""The targets of earlier batches, as further targets: more negatives, and more positives, than one batch holds."""

from __future__ import annotations

import torch
from torch import Tensor

from crossmodal.comparing import agreement
from crossmodal.objectives.comparison import Comparison


class Memory:
    """The last `size` target vectors with their values, in the order they came; the oldest gives way.

    Cross-batch memory (Wang, Zhang, Huang, Scott: Cross-Batch Memory for Embedding Learning, CVPR 2020, algorithm 1); with the track as the
    concept and `size` the number of tracks it is the memory bank of instance discrimination (Wu, Xiong, Yu, Lin 2018) without its
    momentum: what is remembered of a track is what it was when it last came. Vectors in it have no gradient. It is not part of a
    checkpoint: after a resume it fills again within `size` / batch steps.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._vectors: Tensor | None = None
        self._ids: Tensor | None = None

    def extend(self, comparison: Comparison, query_ids: Tensor) -> Comparison:
        """A comparison with the remembered targets appended. query_ids: (n, k) values of its queries."""
        if self._vectors is None or self._ids is None:
            return comparison
        positives, negatives = agreement(query_ids, self._ids)
        return Comparison(
            queries=comparison.queries,
            targets=torch.cat([comparison.targets, self._vectors.to(comparison.targets.dtype)]),
            positives=torch.cat([comparison.positives, positives], dim=1),
            negatives=torch.cat([comparison.negatives, negatives], dim=1),
        )

    def remember(self, targets: Tensor, ids: Tensor) -> None:
        """Keeps targets (m, d) with their values (m, k); those that have none are passed over."""
        known = (ids >= 0).any(dim=1)
        vectors, ids = targets.detach()[known], ids[known]
        if self._vectors is not None and self._ids is not None:
            vectors, ids = torch.cat([self._vectors, vectors]), torch.cat([self._ids, ids])
        self._vectors, self._ids = vectors[-self.size :].clone(), ids[-self.size :].clone()

    def __len__(self) -> int:
        return 0 if self._vectors is None else len(self._vectors)
