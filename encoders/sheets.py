"""Sheet music -> vectors: straightened systems (see crossmodal.pages) as sequences of columns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from crossmodal.base.errors import InputError
from crossmodal.pages.layout import BAND, WHOLE, Strip
from encoders.context import Context, block_2d
from encoders.encoder import Anchored, SequenceEncoder, central

SheetItem = str | Path | Strip
STAVES = 2  # bands that the network looks at: the outer staves of a system


class SheetEncoder(SequenceEncoder):
    """Base of the encoders of sheet music. `window`: columns of a snippet."""

    modality: ClassVar[str] = "sheet"
    window: int = 200

    def prepare(self, item: object) -> list[Tensor]:
        """A strip, or a file of pages -> its systems in reading order, each a tensor whose last axis are columns.

        Raises InputError where there is no staff.
        """
        if isinstance(item, Strip):
            return [self.image(item)]
        if not isinstance(item, (str, Path)):
            raise InputError(
                f"expected a file of pages or a straightened system, got {type(item).__name__}; give one of the two"
            )
        from crossmodal.pages.reading import read_score_pages  # reading pages needs OpenCV; building a network does not
        from crossmodal.pages.strips import straighten_pages

        pages = read_score_pages(Path(item))
        return [self.image(strip) for strip in straighten_pages(pages)]

    def image(self, strip: Strip) -> Tensor:
        """What the network sees of a strip, (..., columns) float32: 0 is paper, 1 is ink."""
        raise NotImplementedError  # abstract


class SheetContext(SheetEncoder):
    """The two outer staves, each read by one 2-D network with its lines at fixed rows, joined, then read in context.

    channels: of the 2-D network, which halves rows and columns at each layer; width: of the sequence; radius: steps of 8 columns
    that a vector gathers from on either side.
    """

    def __init__(
        self, *, channels: Sequence[int] = (24, 48, 96), width: int = 192, radius: int = 12, dropout: float = 0.1
    ) -> None:
        super().__init__()
        first, second, third = channels
        self.step, self.dimension = 8, 2 * width
        self.maps = nn.Sequential(
            block_2d(1, first, kernel=5, stride=(2, 2)),
            block_2d(first, second, stride=(2, 2)),
            block_2d(second, third, stride=(1, 2)),
            block_2d(third, third, stride=(2, 1)),
        )
        rows = BAND // 8
        self.staves = nn.Conv1d(STAVES * third * rows, width, 1, bias=False)
        self.norm = nn.Sequential(nn.BatchNorm1d(width), nn.ReLU())
        self.context = Context(width, radius=radius, dropout=dropout)
        self.reach = self.step * (self.context.radius + 2)
        self.maps.to(memory_format=torch.channels_last)

    def image(self, strip: Strip) -> Tensor:
        """(STAVES, BAND, columns): the first and the last staff; blank paper below a lone one."""
        return outer_bands(strip.bands)

    def along(self, windows: Tensor) -> Tensor:
        """(n, STAVES, BAND, columns) -> (n, steps, dimension)."""
        count, staves, rows, columns = windows.shape
        padded = F.pad(windows, (0, -columns % self.step))
        bands = padded.reshape(count * staves, 1, rows, -1).contiguous(memory_format=torch.channels_last)
        maps = self.maps(bands)
        flat = maps.reshape(count, staves * maps.shape[1] * maps.shape[2], maps.shape[3])
        vectors: Tensor = self.context(self.norm(self.staves(flat)))
        return vectors

    def layers(self) -> list[nn.Module]:
        """The 2-D layers, the joining of staves, and the context."""
        return [*self.maps, nn.Sequential(self.staves, self.norm), self.context]


def outer_bands(bands: np.ndarray) -> Tensor:
    """(staves, BAND, columns) uint8, 255 is paper -> (STAVES, BAND, columns) float32 of ink."""
    paper = np.full_like(bands[0], 255)
    pair = np.stack([bands[0], bands[-1] if len(bands) > 1 else paper])
    return torch.from_numpy(1.0 - pair.astype(np.float32) / 255.0)


class SheetVgg(SheetEncoder):
    """The snippet network of Dorfer et al. (2018): four pairs of 3 x 3 convolutions with batch normalization and exponential linear
    units, 2 x 2 pooling after each, 1 x 1 to `dimension`, global average. It sees the whole system, halved in size.

    rows, columns: of a snippet before halving (180 x 200 in 2017, 160 x 200 in 2018).
    """

    def __init__(
        self, *, channels: Sequence[int] = (24, 48, 96, 96), rows: int = WHOLE, columns: int = 200, dimension: int = 32
    ) -> None:
        super().__init__()
        self.rows, self.window, self.step, self.reach, self.dimension = rows, columns, 10, columns // 2, dimension
        self.network = vgg(channels, dimension)

    def image(self, strip: Strip) -> Tensor:
        """(rows, columns of the strip)."""
        spare = self.rows - WHOLE
        ink = torch.from_numpy(1.0 - strip.whole.astype(np.float32) / 255.0)
        return F.pad(ink, (0, 0, spare // 2, spare - spare // 2))

    def along(self, windows: Tensor) -> Tensor:
        """(n, rows, columns) -> (n, steps, dimension): a snippet around each step."""
        steps = torch.arange(0, windows.shape[-1], self.step, device=windows.device)
        return self.forward(Anchored(windows, steps.expand(len(windows), -1))).view(len(windows), len(steps), -1)

    def forward(self, batch: Tensor | Anchored) -> Tensor:  # type: ignore[override]
        """Anchored (n, k) -> (n * k, dimension)."""
        snippets = around(batch if isinstance(batch, Anchored) else central(batch), self.window)
        halved = F.avg_pool2d(snippets[:, None], 2).contiguous(memory_format=torch.channels_last)
        vectors: Tensor = self.network(halved)
        return vectors

    def layers(self) -> list[nn.Module]:
        """The pairs of convolutions and the output."""
        return list(self.network)


def vgg(channels: Sequence[int], dimension: int) -> nn.Sequential:
    """Pairs of 3 x 3 convolutions with 2 x 2 pooling, then 1 x 1 to `dimension` and the global average (Dorfer et al. 2018)."""
    layers: list[nn.Module] = []
    before = 1
    for width in channels:
        layers.append(
            nn.Sequential(block_2d(before, width, elu=True), block_2d(width, width, elu=True), nn.MaxPool2d(2))
        )
        before = width
    last = nn.Sequential(
        nn.Conv2d(before, dimension, 1, bias=False), nn.BatchNorm2d(dimension), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    return nn.Sequential(*layers, last).to(memory_format=torch.channels_last)


def around(anchored: Anchored, window: int) -> Tensor:
    """Windows of `window` places centred on the anchors, (n * k, ..., window); zeros beyond the ends."""
    before = window // 2
    padded = F.pad(anchored.windows, (before, window - before))
    rows = [
        padded[n, ..., int(a) : int(a) + window] for n, places in enumerate(anchored.anchors.tolist()) for a in places
    ]
    return torch.stack(rows)
