"""Pages of a file as grey images: PDF, PNG, JPEG and TIFF (also of several pages), told apart by content, not by extension.

A page is uint8 (h, w), 255 is paper, its longest side at most `LONGEST` pixels: about 200 dots per inch of A4, where the lines of the
smallest usual staves are still 6 pixels apart. Larger images (a 600 dpi A3 scan) are averaged down as they are read, one page in
memory at a time. pdfium is not thread-safe: read PDFs in one thread of a process.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from crossmodal.base.errors import InputError
from crossmodal.base.pictures import flattened, upright

if TYPE_CHECKING:
    from PIL import Image

PAGE_EXTENSIONS = (".pdf", ".png", ".jpg", ".jpeg", ".tif", ".tiff")
RESOLUTION = 150  # dots per inch of a PDF page
SHORTEST, LONGEST = 1600, 2600  # pixels of the longest side: a PDF's are within both, an image's at most the second
MOST_PIXELS = 170_000_000  # of an image file (a 600 dpi A3 scan has 70 million); more is taken for a decompression bomb
_PASSWORD = 4  # pdfium's error codes: FPDF_ERR_PASSWORD, and FPDF_ERR_SECURITY for unsupported protection
_SECURITY = 5


def read_pages(path: str | Path) -> Iterator[np.ndarray]:
    """Pages of a file in order, each (h, w) uint8, 255 is paper.

    Raises InputError at once when there is no readable file, and while reading when it is protected, damaged, without pages, or
    neither a PDF nor an image.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: expected a PDF or image file, got a folder; name one of its files")
    try:
        with path.open("rb") as stream:
            head = stream.read(1024)
    except FileNotFoundError as error:
        raise InputError(f"{path}: expected a PDF or image file, found nothing; check the path") from error
    except OSError as error:
        raise InputError(f"{path}: expected a readable file, got '{error.strerror}'; check its permissions") from error
    if not head:
        raise InputError(f"{path}: expected a PDF or image file, got an empty file; export or copy it again")
    return _pdf_pages(path) if b"%PDF-" in head else _image_pages(path)


def _pdf_pages(path: Path) -> Iterator[np.ndarray]:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        raise _pdf_error(path, getattr(error, "err_code", None)) from error
    try:
        count = len(document)
        if not count:
            raise InputError(f"{path}: expected a PDF with pages, got none; export it again")
        for number in range(count):
            yield _pdf_page(path, document, number)
    finally:
        document.close()


def _pdf_error(path: Path, code: int | None) -> InputError:
    if code in (_PASSWORD, _SECURITY):
        return InputError(
            f"{path}: expected a PDF that opens without a password, got a protected one; save a copy without it"
        )
    return InputError(f"{path}: expected a PDF, got a damaged file; download or export it again")


def _pdf_page(path: Path, document: object, number: int) -> np.ndarray:
    import pypdfium2

    assert isinstance(document, pypdfium2.PdfDocument)
    try:
        page = document[number]
        longest = max(page.get_size())
        if not longest > 0:
            raise InputError(
                f"{path}: page {number + 1}: expected a page with a size, got an empty one; export it again"
            )
        pixels = min(LONGEST, max(SHORTEST, longest * RESOLUTION / 72))
        # Without halftoning pdfium drops whole rows of two-tone scans, and with them their staff lines
        bitmap = page.render(scale=pixels / longest, grayscale=True, force_halftone=True)
        image = np.array(bitmap.to_numpy())
        page.close()
    except pypdfium2.PdfiumError as error:
        raise InputError(
            f"{path}: page {number + 1}: expected a readable page, got a damaged one; download or export the file again"
        ) from error
    return image if image.ndim == 2 else np.ascontiguousarray(image[:, :, 0])


def _image_pages(path: Path) -> Iterator[np.ndarray]:
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # sizes are judged below
            opened = Image.open(path)
    except Image.DecompressionBombError as error:
        raise InputError(f"{path}: {_too_large('more')}") from error
    except UnidentifiedImageError as error:
        raise InputError(f"{path}: expected a PDF, PNG, JPEG or TIFF, got something else; convert it first") from error
    except (OSError, ValueError, SyntaxError) as error:
        raise _image_error(path, error) from error
    with opened:
        for number in range(getattr(opened, "n_frames", 1)):
            try:
                opened.seek(number)
                width, height = opened.size
                if width * height > MOST_PIXELS:
                    raise InputError(f"{path}: {_too_large(f'{width} x {height}')}")
                page = _grey(opened)
            except (OSError, ValueError, SyntaxError, EOFError) as error:
                raise _image_error(path, error) from error
            yield page


def _too_large(got: str) -> str:
    return f"expected a page of at most {MOST_PIXELS // 1_000_000} million pixels, got {got}; scan it at 300 dpi"


def _image_error(path: Path, error: Exception) -> InputError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return InputError(f"{path}: expected a whole image, got a damaged one ({reason}); copy or export it again")


def _grey(image: Image.Image) -> np.ndarray:
    """One frame, as the camera meant it: orientation applied, transparent is white, 8 bit, of sensible size."""
    image.draft("L", (LONGEST, LONGEST))  # a JPEG decodes at a fraction of its size, still no smaller than this
    frame = flattened(image, "L")
    shrink = max(frame.size) // LONGEST
    if shrink > 1:
        frame = frame.reduce(shrink)
    pixels = np.asarray(upright(frame, image))
    if max(pixels.shape) > LONGEST:
        import cv2

        factor = LONGEST / max(pixels.shape)
        size = (max(1, round(pixels.shape[1] * factor)), max(1, round(pixels.shape[0] * factor)))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return np.array(pixels, np.uint8)
