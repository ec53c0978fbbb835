"""Sound that libsndfile cannot read (m4a, aac, wma...), decoded by the ffmpeg program as a stream of samples.

ffmpeg is run with a list of arguments, never through a shell; the input is given as an absolute `file:` path,
so names that begin with '-' or hold colons are safe, and it may open nothing but local files.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from crossmodal.base.errors import InputError

_AU_HEADER = struct.Struct(">4s5I")  # magic, offset of the samples, size, encoding, hertz, channels
_AU_FLOAT = 6


def find_ffmpeg() -> str | None:
    """The ffmpeg program: on the PATH, or the one that the package imageio-ffmpeg carries."""
    program = shutil.which("ffmpeg")
    if program is not None:
        return program
    if importlib.util.find_spec("imageio_ffmpeg") is None:
        return None
    try:
        return str(importlib.import_module("imageio_ffmpeg").get_ffmpeg_exe())
    except RuntimeError:  # the package is there without a program for this platform
        return None


def _command(program: str, path: Path) -> list[str]:
    source = f"file:{path.absolute()}"
    return [program, "-nostdin", "-hide_banner", "-protocol_whitelist", "file", "-i", source]


class FfmpegStream:
    """Samples of a file at its own rate and channel count, read in order. `with FfmpegStream(path) as stream:
    ...`.

    `rate` is in hertz. Raises InputError, with ffmpeg's own reason, when nothing can be decoded.
    """

    def __init__(self, path: Path, *, program: str) -> None:
        self.path = path
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        output = ["-v", "error", "-map", "0:a:0", "-c:a", "pcm_f32be", "-f", "au", "pipe:1"]
        self._process = subprocess.Popen(
            [*_command(program, path), *output],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        try:
            self.rate, self.channels = self._read_header()
        except BaseException:
            self.close()
            raise

    def _read_exactly(self, size: int) -> bytes:
        assert self._process.stdout is not None
        return self._process.stdout.read(size)

    def _read_header(self) -> tuple[int, int]:
        header = self._read_exactly(_AU_HEADER.size)
        if len(header) < _AU_HEADER.size:
            raise InputError(
                f"{self.path}: not audio that can be decoded: {self.reason()}; check the file, or convert it to WAV"
            )
        magic, offset, _, encoding, rate, channels = _AU_HEADER.unpack(header)
        if magic != b".snd" or encoding != _AU_FLOAT or not rate or not channels:
            raise InputError(f"{self.path}: ffmpeg gave no float samples; update ffmpeg")
        self._read_exactly(offset - _AU_HEADER.size)
        return rate, channels

    def reason(self) -> str:
        """What ffmpeg said last, in one line."""
        self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", errors="replace").strip().splitlines()
        silent = not lines or any(
            "matches no streams" in line for line in lines
        )  # its last line then speaks of the output
        text = "no sound in it" if silent else lines[-1]
        return text.replace(f"file:{self.path.absolute()}", self.path.name)

    def failed(self) -> bool:
        """Whether ffmpeg ended with an error; only call it after the last block."""
        return self._process.wait() != 0

    def read_blocks(self, frames: int) -> Iterator[np.ndarray]:
        """Blocks (up to `frames`, channels) float32."""
        size = frames * self.channels * 4
        while True:
            data = self._read_exactly(size)
            whole = len(data) // (4 * self.channels) * 4 * self.channels
            if whole:
                yield np.frombuffer(data[:whole], ">f4").astype(np.float32).reshape(-1, self.channels)
            if len(data) < size:
                return

    def close(self) -> None:
        """End ffmpeg, finished or not."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._errors.close()

    def __enter__(self) -> FfmpegStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def ffmpeg_duration(path: Path, *, program: str) -> float | None:
    """Seconds as the container states them, None when it does not."""
    done = subprocess.run(_command(program, path), stdin=subprocess.DEVNULL, capture_output=True, check=False)
    found = re.search(rb"Duration: (\d+):(\d+):(\d+\.?\d*)", done.stderr)
    if found is None:
        return None
    hours, minutes, seconds = (float(part) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds
