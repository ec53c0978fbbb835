"""Fixed inputs that no file of anyone contains, and a space's vectors of them: a space that reloads makes the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from crossmodal.pages.layout import BAND, WHOLE, Strip, System
from crossmodal.space import Space
from encoders.covers import ImageEncoder
from encoders.encoder import AudioEncoder
from encoders.sheets import SheetEncoder

CANARY_TEXTS = ("slow solemn choir", "lively fiddle tune")


def canary_vectors(space: Space) -> dict[str, Tensor]:
    """Vectors of fixed inputs: a chirp with harmonics that nobody's files contain, and two phrases."""
    vectors: dict[str, Tensor] = {}
    for modality in space.modalities:
        encoder = space.encoder(modality)
        if isinstance(encoder, AudioEncoder):
            time = np.arange(2 * encoder.window_samples) / encoder.sample_rate
            phase = 2 * np.pi * (110 * time + 40 * time**2)
            signal = sum(np.sin(k * phase) / k for k in range(1, 8)) * 0.1
            vectors[modality] = torch.from_numpy(space.encode(modality, [np.asarray(signal, np.float32)]))
        elif isinstance(encoder, SheetEncoder):
            vectors[modality] = torch.from_numpy(space.encode(modality, [_strip()]))
        elif isinstance(encoder, ImageEncoder):
            vectors[modality] = torch.from_numpy(space.encode(modality, [_picture()]))
        elif modality == "text":
            texts = _known_texts(space, CANARY_TEXTS) or _known_texts(space, space.vocabulary)[:2]
            vectors[modality] = torch.from_numpy(space.encode(modality, texts))
    return vectors


def _strip() -> Strip:
    """Two staves and a row of heads that climbs."""
    bands = np.full((2, BAND, 400), 255, np.uint8)
    bands[:, BAND // 2 - 10 : BAND // 2 + 11 : 5] = 0
    for number in range(24):
        row, column = BAND // 2 + 12 - number, 20 + 15 * number
        bands[number % 2, row - 2 : row + 3, column : column + 6] = 0
    return Strip(System(0, 0, ()), bands, bands.reshape(WHOLE, 400), 0.0, 1.0)


def _picture() -> np.ndarray:
    """Circles on a field that goes from one colour to another, (160, 160, 3)."""
    rows, columns = np.mgrid[0:160, 0:160]
    rings = 128 + 127 * np.sin(np.hypot(rows - 70, columns - 90) / 6)
    return np.stack([rings, rows * 1.5, 240 - columns * 1.5], axis=-1).astype(np.uint8)


def _known_texts(space: Space, texts: Sequence[str]) -> list[str]:
    return [text for text in texts if not space.unknown_words(text)]
