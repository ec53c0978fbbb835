"""The contract of every encoder: one item of one modality -> a vector, or a sequence of vectors.

`prepare` turns one item (a path, an array, a string) into the network's input on the CPU, deterministically
and without gradients, so that it can be cached; `collate` joins prepared items; `forward` is the network.
Encoders know nothing of pairs, losses or files beyond their own input format.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from crossmodal.base.errors import InputError

AudioItem = str | Path | np.ndarray


@dataclass(frozen=True)
class Embedding:
    """Vectors (t, d) float32; positions (t,) in seconds (audio) or pixels (pages), centre of each receptive
    field; valid (t,).
    """

    vectors: Tensor
    positions: Tensor
    valid: Tensor
    hop: float
    receptive_field: float

    @property
    def seconds(self) -> Tensor:
        """Positions of a sequence whose axis is time, (t,)."""
        return self.positions


class Encoder(nn.Module):
    """Base of all encoders.

    modality: "audio", "text", "image", "midi", "label"... ; dimension: width of the vectors that `forward`
    returns. pretrained: where third-party weights came from (source, revision, sha256) or None; such
    weights are named in a space, never copied.
    """

    modality: ClassVar[str]
    dimension: int
    pretrained: dict[str, str] | None = None

    def prepare(self, item: object) -> object:
        """One item -> what `collate` takes. Deterministic. Raises InputError with the reason."""
        raise NotImplementedError  # abstract

    def collate(self, prepared: Sequence[object]) -> object:
        """Prepared items -> one batch for `forward`. Default: stack tensors."""
        return torch.stack([p for p in prepared if isinstance(p, Tensor)])

    def forward(self, batch: object) -> Tensor:
        """Batch -> vectors (n, dimension)."""
        raise NotImplementedError  # abstract

    def begin(self) -> str:
        """Called once before a training: loads the weights that it begins with. Returns what the card says of them, "" for nothing."""
        return ""

    def layers(self) -> list[nn.Module]:
        """Parts from input to output, for partial fine-tuning (`train: last:2`)."""
        return list(self.children())


@dataclass(frozen=True)
class Anchored:
    """Places within stretches of a sequence. windows (n, ..., t): frames or columns, last axis; anchors (n, k): integer places on
    that axis. A batch of it has n * k vectors, in order.
    """

    windows: Tensor
    anchors: Tensor

    def to(self, device: torch.device) -> Anchored:
        """On a device."""
        return Anchored(self.windows.to(device), self.anchors.to(device))


class SequenceEncoder(Encoder):
    """An encoder that describes each place of a sequence by what lies around it.

    step: frames or columns between the vectors of `along`; reach: how far a vector sees on either side.
    """

    step: int
    reach: int

    def along(self, windows: Tensor) -> Tensor:
        """(n, ..., t) -> (n, ceil(t / step), dimension): a vector for each step; beyond the ends is silence or blank paper."""
        raise NotImplementedError  # abstract

    def forward(self, batch: Tensor | Anchored) -> Tensor:  # type: ignore[override]
        """Anchored (n, k) -> (n * k, dimension); windows (n, ..., t) -> (n, dimension), of their centres."""
        anchored = batch if isinstance(batch, Anchored) else central(batch)
        vectors = self.along(anchored.windows)
        rows = torch.arange(len(vectors), device=vectors.device)[:, None]
        steps = (anchored.anchors // self.step).clamp(0, vectors.shape[1] - 1)
        return vectors[rows, steps].flatten(0, 1)


class WholeEncoder(Encoder):
    """An encoder that describes a sequence of any length by one vector. `forward` takes (n, ..., t), or places in it, whose vectors are
    all that of the whole.
    """

    def pool(self, windows: Tensor) -> Tensor:
        """(n, ..., t) -> (n, dimension)."""
        raise NotImplementedError  # abstract

    def forward(self, batch: Tensor | Anchored) -> Tensor:  # type: ignore[override]
        """Anchored (n, k) -> (n * k, dimension); (n, ..., t) -> (n, dimension)."""
        if isinstance(batch, Anchored):
            return self.pool(batch.windows).repeat_interleave(batch.anchors.shape[1], dim=0)
        return self.pool(batch)


def central(windows: Tensor) -> Anchored:
    """Windows (n, ..., t) with their centres as the only anchors."""
    centres = torch.full((len(windows), 1), windows.shape[-1] // 2, dtype=torch.long, device=windows.device)
    return Anchored(windows, centres)


class AudioEncoder(Encoder):
    """An encoder of fixed windows of sound.

    A recording is decoded to mono at `sample_rate`, turned into frames along a last time axis by `frames`
    (identity for waveform encoders), and cut into windows of `window` frames every `hop` frames. `forward`
    takes (n, ..., window). `frames` is computed without centre padding, so that streaming in blocks gives
    the same frames as the whole file: frame k depends on samples [k * frame_hop, k * frame_hop +
    frame_length) alone.
    """

    modality: ClassVar[str] = "audio"
    sample_rate: int
    frame_length: int  # samples that one frame sees; 1 for waveforms
    frame_hop: int  # samples between frames; 1 for waveforms
    window: int  # frames a window
    hop: int  # frames between windows at inference

    def frames(self, samples: Tensor) -> Tensor:
        """(batch, samples) mono in [-1, 1] -> (batch, ..., frames), time last."""
        raise NotImplementedError  # abstract

    @property
    def window_samples(self) -> int:
        """Samples that one window sees."""
        return (self.window - 1) * self.frame_hop + self.frame_length

    def window_starts(self, frames: int) -> list[int]:
        """First frame of each window over `frames` frames; the last window ends with the last frame."""
        if frames <= self.window:
            return [0]
        last = frames - self.window
        starts = list(range(0, last, self.hop))
        return [*starts, last]

    def prepare(self, item: AudioItem) -> Tensor:  # type: ignore[override]
        """A path or samples (n,) at `sample_rate` -> frames (..., t) of the whole recording, at least one
        window long.

        Recordings shorter than a window are padded with silence.
        """
        return torch.cat(list(self.frame_blocks(item)), dim=-1)

    def frame_blocks(self, item: AudioItem, *, block_seconds: float = 10.0) -> Iterator[Tensor]:
        """Frames of a recording in blocks, so that memory does not grow with its length."""
        from crossmodal.base.audio import blocks  # imported here: soundfile is not needed to build a network

        if not isinstance(item, AudioItem):
            raise InputError(f"expected a path or an array of samples; got {item!r}; give one of the two")
        rest = np.zeros(0, np.float32)
        seen = 0
        for block in blocks(item, sample_rate=self.sample_rate, block_seconds=block_seconds):
            rest = np.concatenate([rest, block])
            count = 1 + (len(rest) - self.frame_length) // self.frame_hop
            if count > 0 and seen + len(block) >= self.window_samples:
                used = (count - 1) * self.frame_hop + self.frame_length
                yield self._frames_of(rest[:used])
                rest = rest[count * self.frame_hop :]
            seen += len(block)
        if seen < self.window_samples:
            yield self._frames_of(self.pad(rest))

    def pad(self, samples: np.ndarray) -> np.ndarray:
        """Samples (n,) of a recording shorter than a window -> (window_samples,), by default with silence
        at the end.
        """
        return np.pad(samples, (0, self.window_samples - len(samples)))

    def _frames_of(self, samples: np.ndarray) -> Tensor:
        # Never yield inside no_grad: a generator would leave its caller without gradients.
        with torch.no_grad():
            return self.frames(torch.from_numpy(np.ascontiguousarray(samples, np.float32))[None])[0]
