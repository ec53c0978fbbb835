"""How pitches move within a recording: what tells a singing voice from the instruments around it (Sonnleitner et al. 2012, the fluctogram;
Lehner, Widmer & Sonnleitner 2014, singing in music).

On a logarithmic axis of frequency, bands of two octaves of the spectrum are compared with themselves 20 ms later, moved by up to 5 steps of
10 cents. The move of the greatest correlation tells how far what sounds there rose or fell: voices hardly ever keep their pitch, most
instruments do. Levels and tone controls change little of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

RATE = 16_000  # hertz, of the samples that are asked for
SECONDS = 3.0  # of a window
_HOP, _LENGTH, _SIZE = 320, 2048, 4096  # samples: between frames, of a frame, of its transform
_LOWEST_HERTZ, _STEPS, _OCTAVES = 150.0, 120, 5
_BAND, _BAND_HOP, _MOST = 240, 60, 5  # steps: of a band, between bands, of the largest move
_FIRSTS = range(_MOST, _STEPS * _OCTAVES - _BAND - _MOST + 1, _BAND_HOP)
_BLOCK = 3000  # frames that are compared at once: memory does not grow with the recording
_MEASURES = ("move", "spread", "far", "change", "likeness", "likeness spread", "gain")
FEATURES = tuple(f"{name} {band}" for name in _MEASURES for band in range(len(_FIRSTS)))
Floats = NDArray[np.float32]


def fluctuations(samples: Floats, centres: Sequence[float] | NDArray[np.floating]) -> Floats:
    """Samples (n,) at RATE and the centres (windows,) of windows in seconds -> (windows, len(FEATURES)).

    Of each band over a window: mean and deviation of the move's size, share of moves beyond 10 cents, mean change from one move to the
    next; mean and deviation of the correlation, and what the move adds to it.
    """
    found = moves(samples)
    size = round(SECONDS * RATE / _HOP)
    rows = []
    for centre in centres:
        first = int(np.clip(round(float(centre) * RATE / _HOP - size / 2), 0, max(0, len(found) - size)))
        move, likeness, gain = np.moveaxis(found[first : first + size], 2, 0)
        far = np.abs(move)
        change = np.abs(np.diff(move, axis=0, prepend=move[:1]))
        parts = (
            far.mean(0),
            move.std(0),
            (far >= 2).mean(0),
            change.mean(0),
            likeness.mean(0),
            likeness.std(0),
            gain.mean(0),
        )
        rows.append(np.concatenate(parts))
    return np.array(rows, np.float32).reshape(len(rows), len(FEATURES))


def moves(samples: Floats) -> Floats:
    """Samples (n,) at RATE -> (frames, bands, 3): the move in steps of 10 cents, its correlation, and that less the one without a move."""
    padded = np.pad(np.asarray(samples, np.float32), (_LENGTH // 2, _LENGTH // 2 + _HOP))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _LENGTH)[::_HOP]
    parts = [_moves(_spectra(frames[start : start + _BLOCK + 1])) for start in range(0, len(frames) - 1, _BLOCK)]
    return np.concatenate(parts)


def _spectra(frames: Floats) -> Floats:
    """Frames (t, _LENGTH) -> roots of magnitudes on the logarithmic axis, (t, steps)."""
    magnitudes = np.abs(np.fft.rfft(frames * np.hanning(_LENGTH).astype(np.float32), _SIZE, axis=1)).astype(np.float32)
    places = _LOWEST_HERTZ * 2 ** (np.arange(_STEPS * _OCTAVES) / _STEPS) * _SIZE / RATE
    below = places.astype(np.intp)
    part = (places - below).astype(np.float32)
    return np.sqrt(magnitudes[:, below] * (1 - part) + magnitudes[:, below + 1] * part)


def _moves(spectra: Floats) -> Floats:
    """Roots of magnitudes (t + 1, steps) -> (t, bands, 3). The middle of a band weighs most, so that its edges do not draw the move."""
    weights = (1 - np.abs(np.linspace(-1, 1, _BAND + 2)[1:-1])).astype(np.float32)
    energy = spectra**2
    rows = []
    for first in _FIRSTS:
        before = spectra[:-1, first : first + _BAND] * weights
        power = energy[:-1, first : first + _BAND] @ weights
        likeness = []
        for move in range(-_MOST, _MOST + 1):
            place = slice(first + move, first + move + _BAND)
            both = np.einsum("ts,ts->t", before, spectra[1:, place])
            likeness.append(both / np.sqrt(np.maximum(power * (energy[1:, place] @ weights), 1e-12)))
        found = np.stack(likeness, axis=1)
        best = found.argmax(axis=1)
        most = found.max(axis=1)
        silent = most <= 0  # nothing moves where nothing sounds
        rows.append(np.stack([np.where(silent, 0, best - _MOST), most, most - found[:, _MOST]], axis=1))
    return np.stack(rows, axis=1).astype(np.float32)
