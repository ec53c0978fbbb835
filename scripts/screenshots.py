"""Pictures of the page at three widths, light and dark, of real indexes, to be looked at and for the README.

    python scripts/screenshots.py [INDEX...] --output pictures [--words "slow solemn choir"] [--recording F --score F] [--midi F]
    python scripts/screenshots.py demo --output docs --readme --recording F --score F

Without INDEX the demo's. Views that an index does not have are left out; the score is followed when a recording and a score are given,
MIDI matched when a file is. `--readme` makes only what README.md shows, as small WebP.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from PIL import Image

from scripts.serving import Server, browsing, serving, until

if TYPE_CHECKING:
    from playwright.sync_api import Page

SIZES = {"phone": (390, 800), "tablet": (820, 1100), "desktop": (1280, 860)}
README = ("search", "map", "score")
PATIENCE = 240_000  # milliseconds: aligning takes a while on a busy machine


def main(arguments: Sequence[str] | None = None) -> None:
    """Starts a server, walks through the views, writes PNGs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("indexes", nargs="*", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--words", default="slow solemn choir")
    parser.add_argument("--tag", default="flute")
    parser.add_argument("--recording", type=Path)
    parser.add_argument("--score", type=Path)
    parser.add_argument("--midi", type=Path)
    parser.add_argument("--readme", action="store_true")
    chosen = parser.parse_args(arguments)
    chosen.output.mkdir(parents=True, exist_ok=True)
    looks = [(name, scheme) for name in SIZES for scheme in ("light", "dark")]
    with serving(chosen.indexes) as server, browsing() as browser:
        shown = views(server, chosen)
        if chosen.readme:
            looks, shown = [("desktop", "light")], [view for view in shown if view[0] in README]
        for name, scheme in looks:
            width, height = SIZES[name]
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
            page.set_default_timeout(PATIENCE)
            for view, walk in shown:
                walk(page)
                path = chosen.output / (f"{view}.webp" if chosen.readme else f"{view}-{name}-{scheme}.png")
                if chosen.readme:
                    small(page.screenshot(), path)
                else:
                    page.screenshot(path=path)
                print(path)
            page.close()


def small(png: bytes, path: Path) -> None:
    """Writes a picture as WebP."""
    Image.open(io.BytesIO(png)).convert("RGB").save(path, quality=80, method=6)


def views(server: Server, chosen: argparse.Namespace) -> list[tuple[str, Callable[[Page], None]]]:
    """(name, what brings a page there) of all views that can be shown."""
    known = server.get("api/indexes")
    assert isinstance(known, list)
    words = next((one["name"] for one in known if "text" in one["asks"] and "tags" in one["can"]), None)
    hashes = next((one["name"] for one in known if "match" in one["can"]), None)
    found: list[tuple[str, Callable[[Page], None]]] = []
    if words:
        found += [
            ("search", lambda page: search(page, f"{server.address}#/search/{words}?text={quote(chosen.words)}")),
            ("map", lambda page: colour(page, f"{server.address}#/map/{words}?tag={quote(chosen.tag)}")),
            ("listen", lambda page: listen(page, f"{server.address}#/listen/{words}?tag={quote(chosen.tag)}")),
        ]
    if hashes and chosen.midi:
        found.append(("match", lambda page: match(page, f"{server.address}#/match/{hashes}", chosen.midi)))
    if chosen.recording and chosen.score:
        found.append(
            (
                "score",
                lambda page: follow(
                    page, f"{server.address}#/score/{known[0]['name']}", chosen.recording, chosen.score
                ),
            )
        )
    return found


def search(page: Page, address: str) -> None:
    """Words, the first recording playing."""
    page.goto(address)
    page.locator(".card button.hear").first.click()
    until(page, "document.getElementById('sound').currentTime > 1")
    page.wait_for_timeout(3000)  # for waveforms and covers


def colour(page: Page, address: str) -> None:
    """The map, coloured by a word."""
    page.goto(address)
    page.locator("canvas[data-drawn]").wait_for()
    page.locator(".ramp").wait_for()
    page.wait_for_timeout(500)


def listen(page: Page, address: str) -> None:
    """The clips that fit a word most."""
    page.goto(address)
    page.locator(".clip").first.wait_for()


def match(page: Page, address: str, file: Path) -> None:
    """A piano roll over what was recorded."""
    page.goto(address)
    page.locator("#match-file").set_input_files(file)
    page.locator("canvas.roll[data-notes]").wait_for()
    page.wait_for_timeout(1000)


def follow(page: Page, address: str, recording: Path, score: Path) -> None:
    """A score, five seconds into its recording."""
    page.goto(address)
    page.locator("#recording").set_input_files(recording)
    page.locator("#score").set_input_files(score)
    page.locator("#begin").click()
    frame = page.frame_locator("iframe.scorepage")
    frame.locator("#play").click()
    frame.locator("rect.cursor").wait_for(state="attached")
    page.wait_for_timeout(6000)
    frame.locator("#play").click()


if __name__ == "__main__":
    main()
