"""Two recordings laid over each other as frames: what a mix of them would look like, for any pair without rendering one.

Sounds that know nothing of each other add in power: S = sqrt(S1^2 + S2^2) for the magnitudes of each band.
"""

from __future__ import annotations

import numpy as np

from crossmodal.base.errors import RecipeError
from encoders.encoder import Encoder
from encoders.spectrogram import MelEncoder

# kind of recording -> the files of an item that a window of it can be made of; of a voice at minus infinity the backing is left
OVERLAID = {"mix": ("voice", "backing"), "voice": ("backing",)}


def overlaid(voice: np.ndarray, backing: np.ndarray, *, decibels: float, encoder: Encoder) -> np.ndarray:
    """Windows (t, bands) of standardized log10(1 + 10 S) -> the same of both together, float32.

    The voice's power over the window is brought so many decibels above the backing's, which stays as it is; silence stays silence, and
    a voice at minus infinity is not heard.
    Raises RecipeError where the encoder's frames are no magnitudes.
    """
    if not isinstance(encoder, MelEncoder):
        raise RecipeError(
            f"overlay: expected an encoder of log-mel windows, got {type(encoder).__name__}; set overlay: 0"
        )
    log = np.float32(np.log(10.0))
    first, second = (
        np.square(np.maximum(np.exp((frames.astype(np.float32) * encoder.deviation + encoder.mean) * log) - 1, 0))
        for frames in (voice, backing)
    )
    powers = [float(magnitude.mean()) for magnitude in (first, second)]
    gain = powers[1] / powers[0] * 10 ** (decibels / 10) if min(powers) > 0 else 1.0
    both = np.sqrt(np.float32(gain) * first + second)
    return np.asarray((np.log1p(both) / log - encoder.mean) / encoder.deviation, np.float32)
