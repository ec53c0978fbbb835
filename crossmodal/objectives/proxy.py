"""Losses between items and proxies, the learned vectors of classes: the targets of the comparison are the proxies."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from crossmodal.objectives.comparison import Comparison
from crossmodal.objectives.normalized_softmax import NormalizedSoftmax
from crossmodal.objectives.objective import ComparisonObjective, require_positive, weighted_mean, zero


class ProxyNCA(NormalizedSoftmax):
    """L = mean_i -log( e^(-|q_i - t_p|^2) / sum_j e^(-|q_i - t_j|^2) ) with unit vectors, whose squared distance is 2 - 2 cos.

    Movshovitz-Attias et al.: No Fuss Distance Metric Learning using Proxies, ICCV 2017, eq. 8, with the own proxy in the sum (Teh,
    DeVries, Taylor: ProxyNCA++, ECCV 2020, who sharpen it by a temperature): a normalized softmax at temperature 1/2.
    """

    def __init__(
        self,
        *,
        similarity: str = "cosine",
        dimension: int | None = None,
        temperature: float = 0.5,
        learned: bool = False,
    ) -> None:
        super().__init__(similarity=similarity, dimension=dimension, temperature=temperature, learned=learned)


class ProxyAnchor(ComparisonObjective):
    """L = mean_{p with positives} log(1 + sum_{i in P_p} e^((m - s_ip)/t)) + mean_p log(1 + sum_{i in N_p} e^((s_ip + m)/t)).

    Kim, Kim, Cho, Kwak: Proxy Anchor Loss for Deep Metric Learning, CVPR 2020, eq. 4 (margin m = 0.1; 1/t = 32). Seen from
    the targets, which are the proxies: several positives a query are welcome. The second mean is over proxies that are in a pair.
    """

    def __init__(
        self,
        *,
        similarity: str = "cosine",
        dimension: int | None = None,
        margin: float = 0.1,
        temperature: float = 0.03125,
    ) -> None:
        super().__init__(similarity=similarity, dimension=dimension)
        require_positive("proxy-anchor", temperature=temperature)
        self.margin, self.temperature = margin, temperature

    def forward(self, comparison: Comparison) -> Tensor:
        """Scalar, at least 0."""
        similarities = self.similarities(comparison)
        if not (comparison.positives.any() and comparison.negatives.any()):
            return zero(similarities)
        pull = _softplus_sum((self.margin - similarities) / self.temperature, comparison.positives)
        push = _softplus_sum((similarities + self.margin) / self.temperature, comparison.negatives)
        paired = (comparison.positives | comparison.negatives).any(dim=0)
        return weighted_mean(pull, comparison.positives.any(dim=0).float()) + weighted_mean(push, paired.float())


def _softplus_sum(logits: Tensor, mask: Tensor) -> Tensor:
    """log(1 + sum over rows of e^logit), (m,)."""
    return F.softplus(logits.masked_fill(~mask, -1e30).logsumexp(dim=0))
