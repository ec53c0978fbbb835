"""Reading pictures: every kind that people have, and every way in which one can be broken or meant to harm."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crossmodal.base import pictures
from crossmodal.base.errors import InputError
from crossmodal.base.pictures import LONGEST, read_picture


def halves(mode: str = "RGB", size: tuple[int, int] = (60, 40)) -> Image.Image:
    """The left half red, the right half white."""
    pixels = np.full((size[1], size[0], 3), 255, np.uint8)
    pixels[:, : size[0] // 2] = (255, 0, 0)
    return Image.fromarray(pixels).convert(mode)


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises a size and holds nothing."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("mode", "extension"), [
    ("RGB", "png"), ("RGB", "jpg"), ("CMYK", "jpg"), ("CMYK", "tif"), ("P", "png"), ("P", "gif"), ("RGBA", "webp"), ("RGB", "bmp"),
])  # fmt: skip
def test_every_colour_mode_becomes_rgb(tmp_path: Path, mode: str, extension: str) -> None:
    path = tmp_path / f"cover.{extension}"
    halves(mode).save(path)
    found = read_picture(path)
    assert found.dtype == np.uint8 and found.shape == (40, 60, 3)
    np.testing.assert_allclose(found[20, 10], (255, 0, 0), atol=6)
    np.testing.assert_allclose(found[20, 50], (255, 255, 255), atol=6)


def test_grey_and_sixteen_bits_become_rgb(tmp_path: Path) -> None:
    halves("L").save(tmp_path / "grey.png")
    levels = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (32, 1))
    Image.fromarray(levels).save(tmp_path / "deep.png")
    assert read_picture(tmp_path / "grey.png").shape == (40, 60, 3)
    np.testing.assert_allclose(read_picture(tmp_path / "deep.png")[0, :, 1], np.linspace(0, 255, 64), atol=1.5)


def test_transparent_is_white(tmp_path: Path) -> None:
    Image.new("RGBA", (20, 20), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    assert (read_picture(tmp_path / "clear.png") == 255).all()


def test_an_animation_shows_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue", "lime")]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    assert (read_picture(tmp_path / "moving.gif") == (255, 0, 0)).all()


def test_is_turned_as_the_camera_meant_it(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn clockwise
    halves().save(tmp_path / "turned.jpg", exif=exif)
    found = read_picture(tmp_path / "turned.jpg")
    assert found.shape == (60, 40, 3)
    assert found[10, 20, 1] < 60 < found[50, 20, 1]


def test_large_pictures_are_brought_to_size(tmp_path: Path) -> None:
    halves(size=(3000, 1500)).save(tmp_path / "large.jpg")
    assert read_picture(tmp_path / "large.jpg").shape == (LONGEST // 2, LONGEST, 3)


def test_bytes_and_arrays_are_read_like_files(tmp_path: Path) -> None:
    halves().save(tmp_path / "a.png")
    expected = read_picture(tmp_path / "a.png")
    np.testing.assert_array_equal(read_picture((tmp_path / "a.png").read_bytes()), expected)
    np.testing.assert_array_equal(read_picture(expected), expected)
    with pytest.raises(InputError, match="uint8"):
        read_picture(expected.astype(np.float32))


def bad_files() -> dict[str, tuple[bytes, str]]:
    """Name -> content and what the message says."""
    whole = pictures.io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)).save(whole, "JPEG")
    dot = pictures.io.BytesIO()
    Image.new("RGB", (1, 1)).save(dot, "PNG")
    return {
        "truncated.jpg": (whole.getvalue()[:9000], "damaged"),
        "dot.png": (dot.getvalue(), "at least 16 x 16 pixels, got 1 x 1"),
        "bomb.png": (png_header(20_000, 20_000), "at most 120 million pixels"),
        "wide.png": (png_header(12_000, 12_000), "at most 120 million pixels, got 12000 x 12000"),
        "hollow.png": (png_header(300, 300), "damaged"),
        "drawing.jpg": (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
        "page.jpg": (b"<!DOCTYPE html><html>not found</html>", "a web page"),
        "print.png": (b"%PDF-1.4\n", "a PDF"),
        "noise.png": (bytes(range(256)), "something else"),
        "empty.jpg": (b"", "empty"),
    }


@pytest.mark.parametrize("name", bad_files())
def test_bad_pictures_are_told_in_one_line(tmp_path: Path, name: str) -> None:
    content, told = bad_files()[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=told) as caught:
        read_picture(tmp_path / name)
    assert "\n" not in str(caught.value) and name in str(caught.value)


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found nothing"):
        read_picture(tmp_path / "none.jpg")
    with pytest.raises(InputError, match="a folder"):
        read_picture(tmp_path)


def test_a_huge_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MOST_BYTES", 100)
    halves().save(tmp_path / "a.bmp")
    with pytest.raises(InputError, match="MB"):
        read_picture(tmp_path / "a.bmp")
