"""Sound files -> mono float32 samples at a chosen rate, streamed so that memory does not grow with the
length.

Conventions: samples are mono, nominally in [-1, 1], never normalized in loudness; the mono mix is the mean of
the channels. libsndfile reads wav, flac, ogg, mp3, opus, aiff...; what it cannot read goes to ffmpeg where
that is installed. Resampling is soxr's "HQ": for 4 minutes of 44.1 kHz it costs 30 ms of one core, no more
than "LQ" (28 ms); the mp3 decoding before it costs 150 ms.

A file that ends early (or is damaged from some place on) is used as far as it goes, with an `AudioWarning`,
if half a second decodes. Missing, empty, unreadable, too short, not finite and silent files are each an
InputError with its reason.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from crossmodal.base.errors import InputError
from crossmodal.base.ffmpeg import FfmpegStream, ffmpeg_duration, find_ffmpeg

AudioInput = str | Path | np.ndarray

_FFMPEG_EXTENSIONS = frozenset(
    {".m4a", ".m4b", ".aac", ".mp4", ".wma", ".webm", ".mka", ".amr", ".ac3", ".ape", ".wv", ".mpc", ".tta"}
)
AUDIO_EXTENSIONS = _FFMPEG_EXTENSIONS | {
    ".wav", ".wave", ".flac", ".ogg", ".oga", ".mp3", ".mp2", ".opus",
    ".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".w64", ".rf64",
}  # fmt: skip

MINIMUM_SECONDS = 0.1  # shorter is no recording
_TRUNCATED_MINIMUM_SECONDS = 0.5
_TRUNCATED_TOLERANCE_SECONDS = 0.5  # mp3 headers count encoder delay and padding: real files differ by up to 0.2 s
# Samples of all channels read at once. It fits the cache (twice as fast as 1 << 20); damage costs no more.
_READ_SAMPLES = 1 << 15


class AudioWarning(UserWarning):
    """A recording is used although something is wrong with it."""


class _Source:
    """An opened recording: its rate, and its channels block by block (frames, channels) float32."""

    def __init__(
        self, rate: int, channels: int, blocks: Iterator[np.ndarray], problem: Callable[[int], str | None]
    ) -> None:
        self.rate = rate
        self.channels = channels
        self.blocks = blocks
        self.problem = problem  # frames read -> why the recording ended early, None when it did not


def blocks(item: AudioInput, *, sample_rate: int, block_seconds: float = 60.0) -> Iterator[np.ndarray]:
    """Yield a recording as blocks (n,) float32, mono at `sample_rate` hertz; all but the last have
    `block_seconds`.

    item: a path, or samples (n,) that are at `sample_rate` already. The samples do not depend on the block
    size. Raises InputError with the reason; that a recording is silent or too short is known, and raised,
    only at its end.
    """
    size = max(1, round(sample_rate * block_seconds))
    name = "samples" if isinstance(item, np.ndarray) else str(item)
    pieces = _array_pieces(item, size) if isinstance(item, np.ndarray) else _file_pieces(Path(item), sample_rate)
    seen, loudest = 0, 0.0
    waiting: list[np.ndarray] = []
    held = 0
    with closing(pieces):
        for piece in pieces:
            loudest = max(loudest, _peak(piece, name))
            seen += len(piece)
            waiting.append(piece)
            held += len(piece)
            if held >= size:
                joined = np.concatenate(waiting)
                whole = held // size * size
                yield from joined[:whole].reshape(-1, size)
                waiting, held = [joined[whole:].copy()], held - whole
    if held:
        yield np.concatenate(waiting)
    if seen < MINIMUM_SECONDS * sample_rate:
        raise InputError(f"{name}: too short: expected at least {MINIMUM_SECONDS} s, got {seen / sample_rate:.4f} s")
    if loudest == 0.0:
        raise InputError(f"{name}: silent: every sample of the mono mix is zero, so no vector would mean anything")


def decode(item: AudioInput, *, sample_rate: int) -> np.ndarray:
    """The whole recording, (n,) float32, mono at `sample_rate` hertz. Raises InputError with the reason."""
    return np.concatenate(list(blocks(item, sample_rate=sample_rate)))


def duration(path: str | Path) -> float:
    """Length in seconds, from the header where it states it. Raises InputError with the reason."""
    path = Path(path)
    _check_file(path)
    import soundfile

    try:
        info = soundfile.info(str(path))
        return float(info.frames / info.samplerate)
    except soundfile.LibsndfileError:
        program = find_ffmpeg()
        stated = ffmpeg_duration(path, program=program) if program else None
        if stated is not None:
            return stated
    with closing(_file_pieces(path, 16000)) as pieces:
        return sum(len(piece) for piece in pieces) / 16000


def _peak(samples: np.ndarray, name: str) -> float:
    """Largest magnitude; InputError when a sample is NaN or infinite (both show in the extremes)."""
    if not len(samples):
        return 0.0
    peak = max(float(samples.max()), -float(samples.min()))
    if not np.isfinite(peak):
        raise InputError(f"{name}: not finite: expected numbers as samples, got NaN or infinity; export it again")
    return peak


def _array_pieces(samples: np.ndarray, size: int) -> Generator[np.ndarray, None, None]:
    if samples.ndim != 1 or not np.issubdtype(samples.dtype, np.floating):
        raise InputError(
            f"samples: expected a mono array (n,) of floats, got {samples.dtype} {samples.shape}; "
            "take the mean over channels, divide integers by their range"
        )
    for start in range(0, len(samples), size):
        yield samples[start : start + size].astype(np.float32, copy=False)


def _file_pieces(path: Path, sample_rate: int) -> Generator[np.ndarray, None, None]:
    """Mono pieces of a file at `sample_rate`, as they come out of the decoder and the resampler."""
    import soxr

    opened = _open(path)
    source = opened.source
    weights = np.full(source.channels, 1.0 / source.channels, np.float32)
    resampler = None
    if source.rate != sample_rate:
        resampler = soxr.ResampleStream(source.rate, sample_rate, 1, dtype="float32", quality="HQ")
    frames = 0
    with closing(opened):
        for block in source.blocks:
            frames += len(block)
            mono = block @ weights
            _peak(mono, str(path))  # before the resampler spreads a NaN
            yield mono if resampler is None else resampler.resample_chunk(mono)
        if resampler is not None and frames:
            yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)
        problem = source.problem(frames)
    if problem is not None:
        if frames < _TRUNCATED_MINIMUM_SECONDS * source.rate:
            raise InputError(f"{path}: truncated: only {frames / source.rate:.2f} s decode ({problem})")
        warnings.warn(
            f"{path}: truncated: the first {frames / source.rate:.1f} s are used ({problem})",
            AudioWarning,
            stacklevel=2,
        )


class _Opened:
    """A source with what has to be closed after it."""

    def __init__(self, source: _Source, close: Callable[[], None]) -> None:
        self.source = source
        self.close = close


def _check_file(path: Path) -> None:
    """The reasons that need no decoder."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        shown = str(path).encode("utf-8", "backslashreplace").decode()
        raise InputError(f"{shown}: expected a name in UTF-8, got other bytes; rename it") from None
    try:
        if path.is_dir():
            raise InputError(f"{path}: expected a sound file, got a folder; name the files in it")
        if not path.exists():
            raise InputError(f"{path}: expected a sound file, found nothing; check the path")
        if not path.is_file():
            raise InputError(f"{path}: expected a sound file, got something that is no regular file")
        with path.open("rb") as stream:
            if not stream.read(1):
                raise InputError(f"{path}: empty: the file has zero bytes")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error


def _open(path: Path) -> _Opened:
    """Open with libsndfile, and where that cannot read the file with ffmpeg."""
    import soundfile

    _check_file(path)
    try:
        return _open_soundfile(path)
    except soundfile.LibsndfileError as error:
        reason = error.error_string.rstrip(".")
    program = find_ffmpeg()
    if program is not None:
        return _open_ffmpeg(path, program)
    if path.suffix.lower() in _FFMPEG_EXTENSIONS:
        raise InputError(
            f"{path}: {path.suffix} needs ffmpeg, which was not found; install it (apt install ffmpeg, "
            "brew install ffmpeg, or pip install imageio-ffmpeg)"
        )
    raise InputError(f"{path}: not audio that can be read, whatever its extension says ({reason})")


def _open_soundfile(path: Path) -> _Opened:
    import soundfile

    class Forward(soundfile.SoundFile):
        """Never seeks: soundfile does after every read, which costs time and fails in truncated FLACs."""

        def seekable(self) -> bool:
            return False

    sound = Forward(str(path))
    failure: list[str] = []

    def read() -> Iterator[np.ndarray]:
        buffer = np.empty((max(1, _READ_SAMPLES // sound.channels), sound.channels), np.float32)
        while True:
            try:
                block = sound.read(len(buffer), dtype="float32", always_2d=True, out=buffer)
            except soundfile.LibsndfileError as error:
                failure.append(error.error_string)
                return
            if not len(block):
                return
            yield block

    def problem(frames: int) -> str | None:
        if failure:
            return failure[0]
        lacking = sound_frames - frames
        if 0 < sound_frames < 1 << 60 and lacking > _TRUNCATED_TOLERANCE_SECONDS * sound.samplerate:
            return f"its header promises {sound_frames / sound.samplerate:.1f} s"
        return "its header promises more than the file holds" if "(should be" in data_line else None

    sound_frames = sound.frames
    # libsndfile's log of a RIFF file shorter than its header says: "data : 123456 (should be 1234)"
    data_line = next((line for line in sound.extra_info.splitlines() if line.startswith("data")), "")
    return _Opened(_Source(sound.samplerate, sound.channels, read(), problem), sound.close)


def _open_ffmpeg(path: Path, program: str) -> _Opened:
    stream = FfmpegStream(path, program=program)

    def problem(_: int) -> str | None:
        return stream.reason() if stream.failed() else None

    frames = max(1, _READ_SAMPLES // stream.channels)
    return _Opened(_Source(stream.rate, stream.channels, stream.read_blocks(frames), problem), stream.close)
