"""Audio excerpts -> vectors comparable with sheet music: 92 log-frequency bands, 20 frames a second (Dorfer et al. 2018)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from encoders.context import Context, block_2d
from encoders.encoder import Anchored, AudioEncoder, SequenceEncoder, central
from encoders.frontends import LogFrequency
from encoders.sheets import around, vgg


class ExcerptEncoder(SequenceEncoder, AudioEncoder):
    """Base: the front end. window: frames of an excerpt (42: 2.1 s, 84: 4.2 s); mean, deviation: of log10(1 + 10 S) over piano music."""

    modality = "audio"

    def __init__(self, *, window: int, step: int, mean: float, deviation: float) -> None:
        super().__init__()
        self.frontend = LogFrequency()
        self.sample_rate, self.frame_length, self.frame_hop = (
            self.frontend.sample_rate,
            self.frontend.fft,
            self.frontend.hop,
        )
        self.window, self.step, self.hop = window, step, step
        self.mean, self.deviation = mean, deviation

    def frames(self, samples: Tensor) -> Tensor:
        """(n, samples) -> (n, 92, frames), standardized."""
        return (self.frontend(samples) - self.mean) / self.deviation

    @property
    def silence(self) -> float:
        """The value of a frame in which nothing sounds."""
        return -self.mean / self.deviation


class ExcerptContext(ExcerptEncoder):
    """A 2-D network that keeps the frequency axis, then a context: the counterpart of `SheetContext`.

    radius: steps of 2 frames (0.1 s) that a vector gathers from on either side.
    """

    def __init__(
        self, *, channels: Sequence[int] = (16, 32, 48), width: int = 192, radius: int = 21, window: int = 84,
        mean: float = 0.7, deviation: float = 0.58, dropout: float = 0.1,
    ) -> None:  # fmt: skip
        super().__init__(window=window, step=2, mean=mean, deviation=deviation)
        first, second, third = channels
        self.dimension = 2 * width
        self.maps = nn.Sequential(
            block_2d(1, first, kernel=3),
            block_2d(first, second, stride=(2, 1)),
            block_2d(second, third, stride=(2, 2)),
        )
        self.bands = nn.Conv1d(third * -(-self.frontend.bands // 4), width, 1, bias=False)
        self.norm = nn.Sequential(nn.BatchNorm1d(width), nn.ReLU())
        self.context = Context(width, radius=radius, dropout=dropout)
        self.reach = self.step * (self.context.radius + 2)
        self.maps.to(memory_format=torch.channels_last)

    def along(self, windows: Tensor) -> Tensor:
        """(n, 92, frames) -> (n, steps, dimension)."""
        audible = windows - self.silence  # so that padding with zeros is silence
        padded = F.pad(audible, (0, -windows.shape[-1] % self.step))
        maps = self.maps(padded[:, None].contiguous(memory_format=torch.channels_last))
        vectors: Tensor = self.context(self.norm(self.bands(maps.flatten(1, 2))))
        return vectors

    def layers(self) -> list[nn.Module]:
        """The 2-D layers, the joining of bands, and the context."""
        return [*self.maps, nn.Sequential(self.bands, self.norm), self.context]


class ExcerptVgg(ExcerptEncoder):
    """The excerpt network of Dorfer et al. (2018), the same as that of the snippets."""

    def __init__(
        self,
        *,
        channels: Sequence[int] = (24, 48, 96, 96),
        window: int = 42,
        dimension: int = 32,
        mean: float = 0.7,
        deviation: float = 0.58,
    ) -> None:
        super().__init__(window=window, step=2, mean=mean, deviation=deviation)
        self.dimension, self.reach = dimension, window // 2
        self.network = vgg(channels, dimension)

    def along(self, windows: Tensor) -> Tensor:
        """(n, 92, frames) -> (n, steps, dimension): an excerpt around each step."""
        steps = torch.arange(0, windows.shape[-1], self.step, device=windows.device)
        return self.forward(Anchored(windows, steps.expand(len(windows), -1))).view(len(windows), len(steps), -1)

    def forward(self, batch: Tensor | Anchored) -> Tensor:  # type: ignore[override]
        """Anchored (n, k) -> (n * k, dimension)."""
        anchored = batch if isinstance(batch, Anchored) else central(batch)
        audible = Anchored(anchored.windows - self.silence, anchored.anchors)
        vectors: Tensor = self.network(around(audible, self.window)[:, None])
        return vectors

    def layers(self) -> list[nn.Module]:
        """The pairs of convolutions and the output."""
        return list(self.network)
