"""Pictures from files that nobody vouches for: told apart by content, judged by their header before a pixel is decoded.

A picture is RGB uint8 (h, w, 3), upright as its camera meant it, transparency on white, of an animation the first frame, its longest side
at most `LONGEST` pixels. Anything else is an InputError of one line.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from crossmodal.base.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

PictureInput = str | Path | bytes | NDArray[np.uint8]
SHORTEST, LONGEST = 16, 1024  # pixels: of the shorter side at the least, of the longer side after reading
MOST_PIXELS = 120_000_000  # 10,000 x 10,000 scans pass; 20,000 x 20,000 would fill 1.2 GB
MOST_BYTES = 400_000_000  # of a file: as much as its pixels could need
_ORIENTATION = 0x0112  # tag of EXIF


def read_picture(item: PictureInput) -> NDArray[np.uint8]:
    """A file, its bytes or an array (h, w, 3) uint8 -> RGB (h, w, 3) uint8. InputError says what is wrong with it."""
    if isinstance(item, np.ndarray):
        return _checked_array(item)
    name = "picture" if isinstance(item, bytes) else str(item)
    data = item if isinstance(item, bytes) else _bytes_of(Path(item))
    with opened(name, data) as image:
        width, height = image.size
        if width * height > MOST_PIXELS:
            raise InputError(f"{name}: {_too_large(f'{width} x {height}')}")
        if min(width, height) < SHORTEST:
            raise InputError(
                f"{name}: expected a picture of at least {SHORTEST} x {SHORTEST} pixels, got {width} x {height}; give a larger one"
            )
        image.draft("RGB", (LONGEST, LONGEST))  # a JPEG decodes at a fraction of its size, still no smaller than this
        frame = flattened(image, "RGB")
        frame.thumbnail((LONGEST, LONGEST))
        return np.asarray(upright(frame, image), np.uint8)


def _checked_array(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or min(pixels.shape[:2]) < SHORTEST:
        raise InputError(
            f"expected pixels (h, w, 3) uint8 of at least {SHORTEST} x {SHORTEST}, got {pixels.dtype} {pixels.shape}; convert them first"
        )
    return pixels


def _bytes_of(path: Path) -> bytes:
    if path.is_dir():
        raise InputError(f"{path}: expected a picture, got a folder; name one of its files")
    try:
        if (size := path.stat().st_size) > MOST_BYTES:
            raise InputError(
                f"{path}: expected a picture of at most {MOST_BYTES // 1_000_000} MB, got {size // 1_000_000}; make it smaller"
            )
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: expected a picture, found nothing; check the path") from None
    except OSError as error:
        raise InputError(f"{path}: expected a readable file, got '{error.strerror}'; check its permissions") from None


@contextmanager
def opened(name: str, data: bytes) -> Iterator[Image.Image]:
    """A picture whose header was read. What goes wrong inside is an InputError too."""
    from PIL import Image, UnidentifiedImageError

    if not data:
        raise InputError(f"{name}: expected a picture, got an empty file; export or copy it again")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # sizes are judged by the caller, odd metadata does no harm
            with Image.open(io.BytesIO(data)) as image:
                yield image
    except Image.DecompressionBombError:
        raise InputError(f"{name}: {_too_large('more')}") from None
    except UnidentifiedImageError:
        raise InputError(
            f"{name}: expected a JPEG, PNG, WebP, GIF, BMP or TIFF, got {_kind(data)}; convert it"
        ) from None
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{name}: expected a whole picture, got a damaged one ({reason}); copy or export it again"
        ) from None


def _too_large(got: str) -> str:
    return f"expected a picture of at most {MOST_PIXELS // 1_000_000} million pixels, got {got}; make it smaller"


def _kind(data: bytes) -> str:
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in head:
        return "an SVG drawing, whatever its name says"
    if head.startswith((b"<!doctype html", b"<html")):
        return "a web page, whatever its name says"
    return "a PDF" if head.startswith(b"%pdf") else "something else"


def flattened(image: Image.Image, mode: str) -> Image.Image:
    """Any colour mode to 8 bits of `mode` ("L" or "RGB"): transparent is white."""
    from PIL import Image as Images

    if image.mode.startswith(("I", "F")):
        return Images.fromarray(eight_bits(np.asarray(image, np.float64))).convert(mode)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        layers = image.convert("RGBA")
        paper = Images.new("RGBA", layers.size, "white")
        return Images.alpha_composite(paper, layers).convert(mode)
    if image.mode in ("CMYK", "LAB", "HSV", "YCbCr"):
        return image.convert("RGB").convert(mode)
    return image.convert(mode)


def eight_bits(values: np.ndarray) -> np.ndarray:
    """16 bit, 32 bit or float levels to 8 bit: by the smallest of the usual full ranges that holds them."""
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    highest = float(values.max(initial=0.0))
    full = next((top for top in (1.0, 255.0, 65535.0) if highest <= top), highest)
    return np.clip(values * (255 / full), 0, 255).astype(np.uint8)


def upright(frame: Image.Image, source: Image.Image) -> Image.Image:
    """The frame turned as its source's EXIF says: conversions may have dropped that."""
    from PIL import ImageOps

    frame.info = {k: v for k, v in source.info.items() if k == "exif"}
    orientation = source.getexif().get(_ORIENTATION)
    if orientation:
        frame.getexif()[_ORIENTATION] = orientation
    return ImageOps.exif_transpose(frame)
