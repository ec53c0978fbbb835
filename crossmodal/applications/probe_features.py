"""What a probe looks at: a space's vectors, the averaged activations of all its layers, the maxima of its last three, or the statistics of
MFCC as a baseline. Several spaces are looked at side by side: what they make of a recording is concatenated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from crossmodal.base.audio import decode
from crossmodal.base.errors import InputError
from crossmodal.base.librosa_import import load_librosa
from crossmodal.space import Space
from encoders.encoder import AudioEncoder

Features = NDArray[np.float32]
MFCC_RATE = 22050  # hertz
MFCC_FFT = 2048
LEVELS = 3  # last layers whose maxima are looked at


def features_of(space: Space, kind: str, *, beside: Sequence[Space] = ()) -> Callable[[Path], Features]:
    """A function of a recording -> (d,). kind: "vectors", "layers", "levels" or "mfcc"; beside: spaces whose features follow.

    Raises InputError for another kind, a space without recordings, and MFCC beside spaces, which do not come into it.
    """
    known: dict[str, Callable[[Space, Path], Features]] = {
        "vectors": lambda one, path: one.encode(_recordings(one), [path])[0],
        "layers": layer_means,
        "levels": level_maxima,
        "mfcc": lambda one, path: mfcc_statistics(path),
    }
    if kind not in known:
        raise InputError(f"--features: expected {', '.join(known)}, got {kind}")
    if kind == "mfcc":
        if beside:
            raise InputError(
                "--features: expected vectors, layers or levels of several spaces, got mfcc; leave --also out"
            )
        return mfcc_statistics
    for one in (space, *beside):
        _recordings(one)
    return lambda path: np.concatenate([known[kind](one, path) for one in (space, *beside)])


def _recordings(space: Space) -> str:
    if not space.embedding.recordings:
        raise InputError(f"expected a space of recordings, got {space.name} ({', '.join(space.modalities)})")
    return space.embedding.recordings[-1]


def layer_means(space: Space, path: Path) -> Features:
    """Mean over time (and frequency) and over windows of what each layer gives, concatenated, (d,).

    Choi, Fazekas, Sandler & Cho: Transfer Learning for Music Classification and Regression Tasks, ISMIR 2017, section 3.
    """
    return _pooled(space, path, lambda maps: maps.mean(dim=2))


def level_maxima(space: Space, path: Path) -> Features:
    """Of each of the last three layers the maximum over the time (and frequency) of a window, the mean over windows, concatenated, (d,).

    Lee & Nam: Multi-Level and Multi-Scale Feature Aggregation Using Pre-trained Convolutional Neural Networks for Music Auto-tagging, IEEE
    Signal Processing Letters 2017; with networks on raw samples, ICML workshop 2017. Several sizes of window are several spaces.
    """
    return _pooled(space, path, lambda maps: maps.amax(dim=2), last=LEVELS)


def _pooled(space: Space, path: Path, pool: Callable[[Tensor], Tensor], *, last: int = 0) -> Features:
    """Of each layer (of the `last`; 0: of all) what `pool` makes of the maps (n, c, t) of windows, their mean, concatenated."""
    modality = _recordings(space)
    encoder = space.encoder(modality)
    if not isinstance(encoder, AudioEncoder):
        raise InputError(f"--features: expected a space whose layers hear windows, got {space.name}; use vectors")
    layers = encoder.layers()[-last:]
    sums: list[Tensor | None] = [None] * len(layers)
    windows = [0] * len(layers)

    def keep(number: int) -> Callable[[nn.Module, object, Tensor], None]:
        def hook(module: nn.Module, given: object, made: Tensor) -> None:
            total = (pool(made.flatten(2)) if made.ndim > 2 else made).sum(dim=0)
            before = sums[number]
            sums[number] = total if before is None else before + total
            windows[number] += len(made)

        return hook

    handles = [layer.register_forward_hook(keep(number)) for number, layer in enumerate(layers)]
    try:
        space.sequence(modality, path)
    finally:
        for handle in handles:
            handle.remove()
    means = [total / count for total, count in zip(sums, windows, strict=True) if total is not None]
    return torch.cat(means).float().cpu().numpy()


def mfcc_statistics(path: Path) -> Features:
    """Mean and deviation of 20 MFCC and of their first and second differences, (120,)."""
    librosa = load_librosa()
    samples = decode(path, sample_rate=MFCC_RATE)
    samples = np.pad(samples, (0, max(0, 12 * MFCC_FFT - len(samples))))  # enough frames for second differences
    values = librosa.feature.mfcc(y=samples, sr=MFCC_RATE, n_mfcc=20, n_fft=MFCC_FFT)
    rows = np.concatenate([values, librosa.feature.delta(values), librosa.feature.delta(values, order=2)])
    return np.concatenate([rows.mean(axis=1), rows.std(axis=1)]).astype(np.float32)
