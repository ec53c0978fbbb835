"""The Inception network on log-mel windows of conditional similarity (Lee, Bryan, Salamon, Jin & Nam, ICASSP 2020).

Input of `forward`: (n, bands, frames), standardized by a fixed mean and deviation; output (n, dimension).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from crossmodal.base.errors import RecipeError
from encoders.spectrogram import MelEncoder


def _convolution(before: int, after: int, kernel: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, kernel, stride=stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(),
    )


class NaiveInception(nn.Module):
    """1 x 1, 3 x 3 and 5 x 5 convolutions and a 3 x 3 maximum side by side, all with stride 2 (Szegedy et al. 2015, figure 2 a)."""

    def __init__(self, before: int, width: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(_convolution(before, width, kernel, 2) for kernel in (1, 3, 5))
        self.maximum = nn.MaxPool2d(3, stride=2, padding=1)
        self.channels = 3 * width + before

    def forward(self, maps: Tensor) -> Tensor:
        """(n, before, h, w) -> (n, channels, ceil(h / 2), ceil(w / 2))."""
        return torch.cat([*(branch(maps) for branch in self.branches), self.maximum(maps)], dim=1)


class ReducedInception(nn.Module):
    """The same with 1 x 1 convolutions before the wider ones and after the maximum (figure 2 b): four times `width` channels."""

    def __init__(self, before: int, width: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList([
            _convolution(before, width, 1),
            nn.Sequential(_convolution(before, width, 1), _convolution(width, width, 3)),
            nn.Sequential(_convolution(before, width, 1), _convolution(width, width, 5)),
            nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), _convolution(before, width, 1)),
        ])  # fmt: skip
        self.channels = 4 * width

    def forward(self, maps: Tensor) -> Tensor:
        """(n, before, h, w) -> (n, channels, h, w)."""
        return torch.cat([branch(maps) for branch in self.branches], dim=1)


class MelInception(MelEncoder):
    """A 5 x 5 convolution, pooling by 2, then pairs of a naive module with stride 2 and a reduced one, mean over what is left.

    first: channels of the convolution; width: of each branch, so that the vector has 4 * width dimensions; pairs: six of them take
    128 bands and 129 frames (3 s) to one place. Bands and frames beyond are averaged.
    """

    def __init__(
        self,
        *,
        sample_rate: int = 22050,
        fft: int = 1024,
        frame_hop: int = 512,
        bands: int = 128,
        lowest_hertz: float = 0.0,
        highest_hertz: float | None = None,
        window_seconds: float = 2.99,
        hop_seconds: float | None = None,
        mean: float = 0.2,
        deviation: float = 0.25,
        first: int = 64,
        width: int = 64,
        pairs: int = 6,
    ) -> None:
        super().__init__(
            sample_rate=sample_rate,
            fft=fft,
            frame_hop=frame_hop,
            bands=bands,
            lowest_hertz=lowest_hertz,
            highest_hertz=highest_hertz,
            window_seconds=window_seconds,
            hop_seconds=hop_seconds,
            mean=mean,
            deviation=deviation,
        )
        if min(first, width, pairs) < 1:
            raise RecipeError(f"expected first, width and pairs of 1 at least; got {first}, {width} and {pairs}")
        self.dimension = 4 * width
        self.begin_with = nn.Sequential(_convolution(1, first, 5), nn.MaxPool2d(2))
        modules, before = [], first
        for _ in range(pairs):
            naive = NaiveInception(before, width)
            reduced = ReducedInception(naive.channels, width)
            modules.append(nn.Sequential(naive, reduced))
            before = reduced.channels
        self.pairs = nn.Sequential(*modules)

    def forward(self, batch: Tensor) -> Tensor:  # type: ignore[override]
        """(n, bands, frames) -> (n, dimension)."""
        maps: Tensor = self.pairs(self.begin_with(batch[:, None]))
        return maps.mean(dim=(2, 3))

    def layers(self) -> list[nn.Module]:
        """The first convolution and the pairs."""
        return [self.begin_with, *self.pairs]
