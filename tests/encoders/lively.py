"""Networks whose batch normalization is not the identity of a fresh one."""

from __future__ import annotations

from typing import TypeVar

from torch import nn

M = TypeVar("M", bound=nn.Module)


def lively(module: M) -> M:
    """Statistics and offsets as after some training, in evaluation."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            assert part.running_mean is not None and part.running_var is not None
            nn.init.uniform_(part.running_mean, -0.2, 0.2)
            nn.init.uniform_(part.running_var, 0.5, 1.5)
            nn.init.normal_(part.bias, 0, 0.3)
    return module.eval()
