"""Reading pages: every kind of file that people have, and every way in which one can be broken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crossmodal.base.errors import InputError
from crossmodal.pages import files
from crossmodal.pages.files import PAGE_EXTENSIONS, read_pages
from tests.crossmodal.pages import drawing

LOCKED = b"""%%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>endobj
4 0 obj<</Filter/Standard/V 1/R 2/O<%s>/U<%s>/P -4>>endobj
trailer<</Root 1 0 R/Encrypt 4 0 R/ID[<00><00>]/Size 5>>
""" % (b"41" * 32, b"42" * 32)


def half_black(mode: str = "L", size: tuple[int, int] = (60, 40)) -> Image.Image:
    """The left half black, the right half white."""
    pixels = np.full((size[1], size[0]), 255, np.uint8)
    pixels[:, : size[0] // 2] = 0
    return Image.fromarray(pixels).convert(mode)


def read_one(path: Path) -> np.ndarray:
    (page,) = read_pages(path)
    assert page.dtype == np.uint8
    assert page.ndim == 2
    return page


def test_pdf_pages_come_in_order_and_at_a_sensible_size(tmp_path: Path) -> None:
    pages = [Image.fromarray(drawing.piano_page(seed=i)[0]) for i in range(2)] + [Image.new("L", (850, 1100), 255)]
    pages[0].save(tmp_path / "score.PDF", "PDF", save_all=True, append_images=pages[1:], resolution=100)
    found = list(read_pages(tmp_path / "score.PDF"))
    assert len(found) == 3
    assert all(files.SHORTEST <= max(p.shape) <= files.LONGEST for p in found)
    assert found[0].min() < 60
    assert found[0].max() > 200
    assert (found[2] == 255).all()
    assert not np.array_equal(found[0], found[1])


def test_small_and_large_pdf_pages_are_brought_to_size(tmp_path: Path) -> None:
    import pypdfium2

    document = pypdfium2.PdfDocument.new()
    document.new_page(200, 100)
    document.new_page(3000, 8000)
    document.save(tmp_path / "odd.pdf")
    assert [max(p.shape) for p in read_pages(tmp_path / "odd.pdf")] == [files.SHORTEST, files.LONGEST]


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK"])
@pytest.mark.parametrize("extension", ["png", "tif", "jpg"])
def test_every_colour_mode_becomes_grey(tmp_path: Path, mode: str, extension: str) -> None:
    if (extension, mode) in {("png", "CMYK"), ("jpg", "RGBA"), ("jpg", "LA"), ("jpg", "P")}:
        pytest.skip("the format has no such mode")
    half_black(mode).save(tmp_path / f"page.{extension}")
    page = read_one(tmp_path / f"page.{extension}")
    assert page.shape == (40, 60)
    assert page[:, :25].max() < 60
    assert page[:, 35:].min() > 200


def test_transparency_is_paper(tmp_path: Path) -> None:
    image = Image.new("RGBA", (20, 10), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 10, 10))
    image.save(tmp_path / "page.png")
    page = read_one(tmp_path / "page.png")
    assert (page[:, :10] == 0).all()
    assert (page[:, 10:] == 255).all()


@pytest.mark.parametrize("extension", ["png", "tif"])
def test_sixteen_bits_keep_their_greys(tmp_path: Path, extension: str) -> None:
    values = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    Image.fromarray(values).save(tmp_path / f"page.{extension}")
    np.testing.assert_allclose(read_one(tmp_path / f"page.{extension}").ravel(), np.arange(256), atol=1)


def test_the_orientation_of_a_photograph_is_applied(tmp_path: Path) -> None:
    image = half_black()
    exif = image.getexif()
    exif[0x0112] = 6  # to be turned clockwise by 90 degrees: black left becomes black top
    image.save(tmp_path / "photo.jpg", exif=exif)
    page = read_one(tmp_path / "photo.jpg")
    assert page.shape == (60, 40)
    assert page[:25].max() < 60
    assert page[35:].min() > 200


def test_tiff_pages_are_separate(tmp_path: Path) -> None:
    shades = [Image.new("L", (30, 20), level) for level in (10, 120, 250)]
    shades[0].save(tmp_path / "pages.tiff", save_all=True, append_images=shades[1:])
    assert [int(p[0, 0]) for p in read_pages(tmp_path / "pages.tiff")] == [10, 120, 250]


def test_huge_scans_are_averaged_down_not_sampled(tmp_path: Path) -> None:
    pixels = np.full((9000, 6000), 255, np.uint8)
    pixels[::2] = 0
    Image.fromarray(pixels).save(tmp_path / "scan.png", compress_level=1)
    page = read_one(tmp_path / "scan.png")
    assert page.shape[0] == files.LONGEST
    assert page.shape[1] == pytest.approx(files.LONGEST * 2 / 3, abs=2)
    assert abs(float(page.mean()) - 127.5) < 3
    assert page[10:-10].std() < 40


def test_decompression_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    half_black(size=(300, 300)).save(tmp_path / "bomb.png")
    monkeypatch.setattr(files, "MOST_PIXELS", 50_000)
    with pytest.raises(InputError, match="300 x 300"):
        list(read_pages(tmp_path / "bomb.png"))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)
    with pytest.raises(InputError, match="million pixels"):
        list(read_pages(tmp_path / "bomb.png"))


def broken(folder: Path) -> dict[str, tuple[Path, str]]:
    """Files that are no pages, with what is said of them."""
    half_black(size=(300, 300)).save(folder / "whole.jpg")
    Image.fromarray(drawing.piano_page()[0]).save(folder / "whole.pdf", "PDF")
    contents = {
        "empty.pdf": (b"", "an empty file"),
        "words.png": (b"no image at all", "got something else"),
        "half.jpg": ((folder / "whole.jpg").read_bytes()[:900], "damaged"),
        "half.pdf": (b"%PDF-1.7\n" + b"garbage" * 50, "damaged"),
        "locked.pdf": (LOCKED, "without a password, got a protected one"),
    }
    for name, (data, _) in contents.items():
        (folder / name).write_bytes(data)
    found = {name: (folder / name, said) for name, (_, said) in contents.items()}
    return {**found, "folder": (folder, "got a folder"), "absent": (folder / "absent.pdf", "found nothing")}


@pytest.mark.parametrize("name", ["empty.pdf", "words.png", "half.jpg", "half.pdf", "locked.pdf", "folder", "absent"])
def test_bad_files_are_told_in_one_line(tmp_path: Path, name: str) -> None:
    path, said = broken(tmp_path)[name]
    with pytest.raises(InputError, match=said) as caught:
        list(read_pages(path))
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_pdf_without_pages_is_refused(tmp_path: Path) -> None:
    import pypdfium2

    pypdfium2.PdfDocument.new().save(tmp_path / "none.pdf")
    with pytest.raises(InputError, match=r"none\.pdf: expected a PDF"):
        list(read_pages(tmp_path / "none.pdf"))


def test_extensions_are_lower_case_with_a_dot() -> None:
    assert all(e.startswith(".") and e == e.lower() for e in PAGE_EXTENSIONS)
    assert {".pdf", ".png", ".jpg", ".tif"} <= set(PAGE_EXTENSIONS)
