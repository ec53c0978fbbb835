"""Sound as it comes: a microphone, or a file played as if it came from one, in blocks of a tenth of a second."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossmodal.base.audio import blocks
from crossmodal.base.errors import InputError

BLOCK_SECONDS = 0.1
LONGEST_SILENCE_SECONDS = 5.0  # without a block from the microphone: it was unplugged

Samples = NDArray[np.float32]


def file_blocks(path: str | Path, *, rate: int, real_time: bool = False) -> Iterator[Samples]:
    """A recording in blocks (n,) at `rate` hertz; real_time: each not before it would have been heard. Raises InputError."""
    began, seconds = time.monotonic(), 0.0
    for block in blocks(path, sample_rate=rate, block_seconds=BLOCK_SECONDS):
        seconds += len(block) / rate
        if real_time:
            time.sleep(max(0.0, began + seconds - time.monotonic()))
        yield block


def microphone_blocks(*, rate: int, device_rate: int | None = None) -> Iterator[Samples]:
    """The default microphone in blocks (n,) at `rate` hertz, until the reader stops.

    device_rate: hertz at which to record, where the microphone cannot do `rate`. Raises InputError without sounddevice, or a microphone.
    """
    try:
        import sounddevice
    except ImportError:
        raise InputError(
            "--microphone: expected the package sounddevice, which is not installed; pip install 'crossmodal[microphone]'"
        ) from None
    except OSError as error:
        raise InputError(
            f"--microphone: expected the PortAudio library, got '{error}'; install it (apt install libportaudio2)"
        ) from None
    recorded = device_rate or rate
    heard: queue.Queue[Samples] = queue.Queue()
    try:
        with sounddevice.InputStream(
            samplerate=recorded, channels=1, dtype="float32", blocksize=round(recorded * BLOCK_SECONDS),
            callback=lambda block, *_: heard.put(block[:, 0].copy()),
        ):  # fmt: skip
            yield from _resampled(heard, recorded, rate)
    except sounddevice.PortAudioError as error:
        raise InputError(
            f"--microphone: expected a microphone that records at {recorded} Hz, got '{error}'; connect one, or try --rate 48000"
        ) from None


def _resampled(heard: queue.Queue[Samples], recorded: int, rate: int) -> Iterator[Samples]:
    import soxr

    stream = soxr.ResampleStream(recorded, rate, 1, dtype="float32", quality="HQ") if recorded != rate else None
    while True:
        try:
            block = heard.get(timeout=LONGEST_SILENCE_SECONDS)
        except queue.Empty:
            raise InputError(
                f"--microphone: expected sound, got none for {LONGEST_SILENCE_SECONDS:g} s; check that it is connected"
            ) from None
        yield block if stream is None else stream.resample_chunk(block)
