"""A score file -> its upright pages with their systems: what indexing, identification and alignment start from."""

from __future__ import annotations

from pathlib import Path

from crossmodal.base.errors import InputError
from crossmodal.pages.detection import find_page
from crossmodal.pages.files import read_pages
from crossmodal.pages.layout import Page


def read_score_pages(path: str | Path) -> list[Page]:
    """Pages of a PDF or image file, upright, with their systems; pages without staves (titles, blanks) have none.

    Raises InputError for files that cannot be read, and when no page has a staff.
    """
    pages = [find_page(image, number=number) for number, image in enumerate(read_pages(path))]
    if not any(page.systems for page in pages):
        got = "a page" if len(pages) == 1 else f"{len(pages)} pages"
        raise InputError(
            f"{path}: expected a page of music, got {got} on which no staff lines were found; "
            "photograph or scan the page flat, sharp and whole"
        )
    return pages
