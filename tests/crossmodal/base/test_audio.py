"""Decoding: what is read, what is refused and why, and that streaming changes nothing."""

from __future__ import annotations

import subprocess
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from crossmodal.base.audio import AudioWarning, blocks, decode, duration
from crossmodal.base.errors import InputError
from crossmodal.base.ffmpeg import find_ffmpeg
from crossmodal.base.files import atomic_write

NO_FFMPEG = "no ffmpeg here: neither the program nor the package imageio-ffmpeg"


def tone(*, seconds: float = 2.0, rate: int = 44100, hertz: float = 440.0, channels: int = 1) -> np.ndarray:
    """A sine of amplitude 0.5, (n, channels)."""
    time = np.arange(round(seconds * rate)) / rate
    return np.repeat(0.5 * np.sin(2 * np.pi * hertz * time)[:, None], channels, axis=1)


def written(path: Path, samples: np.ndarray, rate: int = 44100, **options: str) -> Path:
    soundfile.write(path, samples, rate, **options)
    return path


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3", "a.aiff", 'a b\'s "q" 歌.WAV', "-i.flac"])
def test_formats_give_the_tone(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name, tone(channels=2))
    samples = decode(path, sample_rate=16000)
    assert samples.dtype == np.float32
    assert abs(len(samples) - 32000) < 0.06 * 16000
    assert abs(duration(path) - 2.0) < 0.06
    middle = samples[4000:20000]
    spectrum = np.abs(np.fft.rfft(middle))
    assert np.argmax(spectrum) == 440
    assert np.abs(middle).max() == pytest.approx(0.5, abs=0.03)


def test_opus(tmp_path: Path) -> None:
    path = written(tmp_path / "a.opus", tone(rate=48000), 48000, format="OGG", subtype="OPUS")
    assert len(decode(path, sample_rate=48000)) == pytest.approx(96000, abs=2000)


@pytest.mark.parametrize(
    ("rate", "channels", "subtype"), [(8000, 1, "PCM_U8"), (192000, 6, "PCM_24"), (11025, 1, "ULAW")]
)
def test_unusual_rates_and_channels(tmp_path: Path, rate: int, channels: int, subtype: str) -> None:
    path = written(tmp_path / "a.wav", tone(rate=rate, channels=channels), rate, subtype=subtype)
    samples = decode(path, sample_rate=22050)
    assert len(samples) == 44100
    assert np.abs(samples[2000:-2000]).max() == pytest.approx(0.5, abs=0.03)


def test_mono_is_the_mean_of_the_channels(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    samples = generator.uniform(-0.5, 0.5, (16000, 3)).astype(np.float32)
    path = written(tmp_path / "a.wav", samples, 16000, subtype="FLOAT")
    np.testing.assert_allclose(decode(path, sample_rate=16000), samples.mean(axis=1), atol=1e-6)


@pytest.mark.parametrize("name", ["a.wav", "a.mp3"])
@pytest.mark.parametrize("sample_rate", [16000, 22050, 44100])
def test_block_size_changes_nothing(tmp_path: Path, name: str, sample_rate: int) -> None:
    generator = np.random.default_rng(1)
    path = written(tmp_path / name, generator.uniform(-0.5, 0.5, (44100 * 30, 2)))
    whole = decode(path, sample_rate=sample_rate)
    for seconds in (0.3, 7.0, 1000.0):
        pieces = list(blocks(path, sample_rate=sample_rate, block_seconds=seconds))
        assert {len(piece) for piece in pieces[:-1]} <= {round(seconds * sample_rate)}
        np.testing.assert_array_equal(np.concatenate(pieces), whole)


def test_streamed_resampling_is_that_of_the_whole(tmp_path: Path) -> None:
    import soxr

    samples = np.random.default_rng(2).uniform(-0.5, 0.5, 44100 * 40).astype(np.float32)
    path = written(tmp_path / "a.wav", samples, subtype="FLOAT")
    expected = soxr.resample(samples, 44100, 16000, quality="HQ")
    np.testing.assert_allclose(decode(path, sample_rate=16000), expected, atol=1e-5)


def test_arrays_pass_through() -> None:
    samples = np.linspace(-1, 1, 16000)
    decoded = decode(samples, sample_rate=16000)
    assert decoded.dtype == np.float32
    np.testing.assert_array_equal(decoded, samples.astype(np.float32))
    assert [len(piece) for piece in blocks(samples, sample_rate=16000, block_seconds=0.4)] == [
        6400,
        6400,
        3200,
    ]


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (np.zeros(16000), "silent"),
        (np.ones(1), "too short"),
        (np.ones(0), "too short"),
        (np.full(16000, np.nan), "not finite"),
        (np.r_[np.ones(16000), np.inf], "not finite"),
        (np.ones((16000, 2)), "mono array"),
        (np.ones(16000, np.int16), "floats"),
    ],
)
def test_bad_arrays(samples: np.ndarray, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        decode(samples, sample_rate=16000)


def make_bad(kind: str, folder: Path) -> Path:
    path = folder / "bad.wav"
    if kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("this is not sound " * 100)
    elif kind == "header only":
        path.write_bytes(written(folder / "whole.wav", tone()).read_bytes()[:44])
    elif kind == "NaN":
        samples = tone()
        samples[1000] = np.nan
        written(path, samples, subtype="FLOAT")
    elif kind != "missing":
        samples = {"silent": np.zeros(44100), "one sample": np.ones(1)}[kind]
        written(path, samples, subtype="FLOAT")
    return path


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("missing", "found nothing"),
        ("folder", "got a folder"),
        ("empty", "zero bytes"),
        ("text", "not audio"),
        ("header only", "truncated|too short"),
        ("NaN", "not finite"),
        ("silent", "silent"),
        ("one sample", "too short"),
    ],
)
def test_bad_files(tmp_path: Path, kind: str, reason: str) -> None:
    path = make_bad(kind, tmp_path)
    with pytest.raises(InputError, match=reason) as caught:
        decode(path, sample_rate=16000)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3"])
def test_truncated_files_are_used_as_far_as_they_go(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name, np.random.default_rng(0).uniform(-0.5, 0.5, 44100 * 10))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.warns(AudioWarning, match="truncated"):
        samples = decode(path, sample_rate=16000)
    assert 3 < len(samples) / 16000 < 6
    path.write_bytes(data[: len(data) // 40])
    with pytest.raises(InputError, match="truncated"):
        decode(path, sample_rate=16000)


def test_whole_files_do_not_warn(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in ("a.wav", "a.flac", "a.mp3", "a.ogg", "a.aiff"):
            decode(written(tmp_path / name, tone()), sample_rate=16000)


def test_abandoned_stream_closes(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", tone())
    stream = blocks(path, sample_rate=16000, block_seconds=0.1)
    next(stream)
    stream.close()  # type: ignore[attr-defined]


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    def peak(seconds: int) -> int:
        with (
            atomic_write(tmp_path / f"{seconds}.wav") as temporary,
            soundfile.SoundFile(temporary, "w", 16000, 1) as sound,
        ):
            for _ in range(seconds // 20):
                sound.write(tone(seconds=20, rate=16000))
        tracemalloc.start()
        for _ in blocks(tmp_path / f"{seconds}.wav", sample_rate=22050, block_seconds=10):
            pass
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    assert peak(2400) < peak(240) + 5_000_000


def test_compressed_without_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crossmodal.base.audio.find_ffmpeg", lambda: None)
    path = tmp_path / "a.m4a"
    path.write_bytes(b"\0\0\0 ftypM4A " + bytes(1000))
    with pytest.raises(InputError, match=r"needs ffmpeg.*install"):
        decode(path, sample_rate=16000)


@pytest.mark.skipif(find_ffmpeg() is None, reason=NO_FFMPEG)
@pytest.mark.parametrize("name", ["a.m4a", "-y 'q' :ö.m4a", "a.aac", "a.wma", "named wrongly.wav"])
def test_ffmpeg_formats(tmp_path: Path, name: str) -> None:
    program = find_ffmpeg()
    assert program is not None
    source = written(tmp_path / "source.flac", tone(seconds=5, channels=2))
    target = tmp_path / (name if not name.endswith(".wav") else "x.m4a")
    command = [program, "-nostdin", "-v", "error", "-i", str(source), f"file:{target}"]
    subprocess.run(command, check=True)
    target = target.rename(tmp_path / name)
    samples = decode(target, sample_rate=16000)
    assert len(samples) / 16000 == pytest.approx(5, abs=0.3)
    assert duration(target) == pytest.approx(5, abs=0.3)
    assert np.argmax(np.abs(np.fft.rfft(samples[16000:32000]))) == 440
    next(blocks(target, sample_rate=16000, block_seconds=0.1))


@pytest.mark.skipif(find_ffmpeg() is None, reason=NO_FFMPEG)
def test_ffmpeg_gives_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "a.m4a"
    path.write_text("not sound " * 100)
    with pytest.raises(InputError, match="Invalid data") as caught:
        decode(path, sample_rate=16000)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError):
        duration(path)
    Image.new("RGB", (8, 8)).save(tmp_path / "cover.png")
    with pytest.raises(InputError, match="can be decoded: no sound in it"):
        decode(tmp_path / "cover.png", sample_rate=16000)
