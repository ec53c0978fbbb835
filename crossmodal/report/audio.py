"""Short clips of recordings, small enough to live inside a page."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np

from crossmodal.base.audio import AudioInput, blocks
from crossmodal.base.errors import InputError

SAMPLE_RATE = 22050  # hertz
FADE_SECONDS = 0.05


@dataclass(frozen=True)
class AudioClip:
    """Encoded sound and its media type."""

    data: bytes
    media_type: str = "audio/mpeg"

    def data_uri(self) -> str:
        """For the `src` of a player; letters that need no escaping."""
        return f"data:{self.media_type};base64,{base64.b64encode(self.data).decode('ascii')}"


def embed_audio(path: AudioInput, *, seconds: float = 10.0, start: float = 0.0) -> AudioClip:
    """The first `seconds` from `start` of a file, or of samples at 22.05 kHz, as mono MP3 of about 25 to 35 kbit/s (some 40 kB for 10 s).

    A recording that ends before `start` is taken from its beginning. MP3, as every browser plays it. Raises
    InputError with the reason.
    """
    import soundfile

    if not seconds > 0 or start < 0:
        raise InputError(f"{path}: expected a clip of more than 0 s from 0 s on, got {seconds} s from {start} s")
    first, count = round(start * SAMPLE_RATE), round(seconds * SAMPLE_RATE)
    samples = _read(path, first + count)
    clip = samples[first : first + count] if len(samples) > first else samples[:count]
    fade = min(round(FADE_SECONDS * SAMPLE_RATE), len(clip))
    ramp = np.ones(len(clip), dtype=np.float32)
    ramp[len(clip) - fade :] = np.linspace(1, 0, fade, dtype=np.float32)
    stream = io.BytesIO()
    soundfile.write(
        stream,
        np.clip(clip * ramp, -1, 1),
        SAMPLE_RATE,
        format="MP3",
        subtype="MPEG_LAYER_III",
        bitrate_mode="VARIABLE",
        compression_level=0.9,
    )
    return AudioClip(stream.getvalue())


def _read(path: AudioInput, count: int) -> np.ndarray:
    """At most `count` samples from the beginning: no more of a long file is decoded than is needed."""
    parts: list[np.ndarray] = []
    held = 0
    for block in blocks(path, sample_rate=SAMPLE_RATE, block_seconds=max(1.0, count / SAMPLE_RATE)):
        parts.append(block)
        held += len(block)
        if held >= count:
            break
    return np.concatenate(parts)
