"""Augmentation of pictures: another crop, mirror image and colours of the same cover.

Input (n, 3, h, w) in [0, 255], uint8 or float; output float32 of the same shape and range.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from crossmodal.augmentation import Augmentation
from crossmodal.base.errors import RecipeError
from encoders.encoder import Encoder


class PictureAugmentation(Augmentation):
    """Base."""

    modality = "image"

    def __init__(self, *, encoder: Encoder) -> None:
        super().__init__()


class Reframe(PictureAugmentation):
    """A random crop, brought back to size, and with `mirror` (a share) its mirror image (He et al. 2016; Szegedy et al. 2015).

    smallest: share of the side that a crop keeps at the least; stretch: largest ratio of its sides.
    """

    def __init__(self, *, encoder: Encoder, smallest: float = 0.7, stretch: float = 1.15, mirror: float = 0.5) -> None:
        super().__init__(encoder=encoder)
        if not (0 < smallest <= 1 and stretch >= 1 and 0 <= mirror <= 1):
            raise RecipeError(
                f"reframe: expected shares up to 1 and a stretch of at least 1, got {smallest}, {mirror} and {stretch}"
            )
        self.smallest, self.stretch, self.mirror = smallest, stretch, mirror

    def forward(self, windows: Tensor, generator: torch.Generator) -> Tensor:
        """(n, 3, h, w) -> the same."""
        draws = torch.rand(5, len(windows), generator=generator).to(windows.device)
        side = self.smallest + (1 - self.smallest) * draws[0]
        ratio = self.stretch ** (draws[1] - 0.5)  # of width to height is its square
        wide, high = (side * ratio).clamp_max(1), (side / ratio).clamp_max(1)
        left, top = (2 * draws[2] - 1) * (1 - wide), (2 * draws[3] - 1) * (1 - high)
        flip = torch.where(draws[4] < self.mirror, -1.0, 1.0)
        zero = torch.zeros_like(wide)
        matrix = torch.stack([torch.stack([wide * flip, zero, left], -1), torch.stack([zero, high, top], -1)], dim=1)
        pictures = windows.float()
        grid = F.affine_grid(matrix, list(pictures.shape), align_corners=False)
        return F.grid_sample(pictures, grid, mode="bilinear", padding_mode="border", align_corners=False)


class Recolour(PictureAugmentation):
    """Another brightness, contrast and saturation, each multiplied by 1 +- its argument, and with `grey` (a share) none at all."""

    def __init__(
        self, *, encoder: Encoder, brightness: float = 0.25, contrast: float = 0.25, saturation: float = 0.25,
        grey: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(encoder=encoder)
        if min(brightness, contrast, saturation, grey) < 0 or max(brightness, contrast, saturation, grey) > 1:
            raise RecipeError(
                f"recolour: expected shares between 0 and 1, got {brightness}, {contrast}, {saturation}, {grey}"
            )
        self.ranges, self.grey = (brightness, contrast, saturation), grey

    def forward(self, windows: Tensor, generator: torch.Generator) -> Tensor:
        """(n, 3, h, w) -> the same."""
        draws = torch.rand(4, len(windows), 1, 1, 1, generator=generator).to(windows.device)
        brightness, contrast, saturation = (
            1 + share * (2 * draw - 1) for share, draw in zip(self.ranges, draws, strict=False)
        )
        pictures = windows.float() * brightness
        middle = pictures.mean(dim=(1, 2, 3), keepdim=True)
        pictures = middle + (pictures - middle) * contrast
        weights = torch.tensor([0.299, 0.587, 0.114], device=windows.device)[:, None, None]  # ITU-R BT.601
        light = (pictures * weights).sum(dim=1, keepdim=True)
        saturation = torch.where(draws[3] < self.grey, 0.0, saturation)
        return (light + (pictures - light) * saturation).clamp(0, 255)
