"""The temperature that similarities are divided by: fixed, or learned as its logarithm within bounds."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from crossmodal.base.errors import RecipeError


class Temperature(nn.Module):
    """s -> s / t. Learned as log t (Radford et al., CLIP, 2021, section 2.5) and held within [minimum,
    maximum].

    The weight itself is held, not only the value used: a clamp in the graph has no gradient beyond the bound,
    and a temperature that once overshot would never come back.
    """

    def __init__(self, value: float, *, learned: bool = False, minimum: float = 0.01, maximum: float = 1.0) -> None:
        super().__init__()
        if not value > 0:
            raise RecipeError(f"temperature: expected a number above 0, got {value}")
        if learned and not 0 < minimum <= value <= maximum:
            raise RecipeError(f"temperature: expected a value in [{minimum}, {maximum}] when learned, got {value}")
        self.minimum, self.maximum = minimum, maximum
        self.learned = learned
        logarithm = torch.tensor(math.log(value), dtype=torch.float32)
        if learned:
            self.logarithm: Tensor = nn.Parameter(logarithm)
        else:
            self.register_buffer("logarithm", logarithm, persistent=False)

    def forward(self, similarities: Tensor) -> Tensor:
        """Any shape -> the same shape, float32."""
        if self.learned:
            with torch.no_grad():
                self.logarithm.clamp_(math.log(self.minimum), math.log(self.maximum))
        return similarities * torch.exp(-self.logarithm.float())

    @property
    def value(self) -> float:
        """The temperature now, for logs."""
        return float(self.logarithm.detach().exp())
