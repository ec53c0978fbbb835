"""Covers for the demo collection, drawn from its own facts: the way from sound to picture can then be trained and shown anywhere.

A cover shows, in the house style of its collection (`pairs.cover_styles`), what is heard: mood and mode as colours, tempo and density as
size, metre as grouping, texture as lines, register as height, instruments as coloured discs with their family's emblem, a noisy recording
as grain. Now
and then a cover keeps to none of it, as real ones do. They are drawings made by rule, not album covers, and every file says so.
Lettering: the font that Pillow ships (Aileron, CC0). Everything follows from the id, the facts and the seed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from crossmodal.base.files import atomic_write, make_folder
from crossmodal.base.progress import progress
from pairs.catalogue import read_catalogue, write_catalogue
from pairs.cover_shapes import MOTIF_SHAPES, Canvas, draw_emblem
from pairs.cover_styles import (
    HOUSE_STYLES,
    HouseStyle,
    Palette,
    badges_of,
    beats_of,
    height_of,
    house_style,
    palette_of,
    size_of,
    voices_of,
)
from pairs.source import Item

if TYPE_CHECKING:
    from PIL import Image, ImageFont

VERSION = 2  # count up when a drawing changes
SIDE, _FINE = 240, 2  # pixels of a cover; how many times finer it is drawn
DRAWN = "drawn by rule from facts of the recording (crossmodal); not an album cover"
_ELSEWHERE, _UNLIKE = (
    0.1,
    0.05,
)  # shares of covers in the style of another collection, and of covers whose facts are another's


@dataclass(frozen=True)
class CoverFacts:
    """What a cover is drawn from."""

    id: str
    title: str
    artist: str
    collection: str
    tags: frozenset[str]

    @classmethod
    def of(cls, item: Item) -> CoverFacts:
        """Of a catalogue's item."""
        title, artist, collection = (str(item.fields.get(name) or "") for name in ("title", "artist", "collection"))
        return cls(item.id, title or item.id, artist, collection, item.tags)


def draw_cover(facts: CoverFacts, *, seed: int = 0) -> Image.Image:
    """The cover (SIDE x SIDE, RGB); the same at every call."""
    from PIL import Image, ImageDraw

    digest = hashlib.blake2b(f"{VERSION}:{seed}:{facts.id}".encode(), digest_size=8).digest()
    random = np.random.default_rng(int.from_bytes(digest, "big"))
    style = house_style(facts.collection)
    if random.random() < _ELSEWHERE:
        names = sorted(HOUSE_STYLES)
        style = HOUSE_STYLES[names[int(random.integers(len(names)))]]
    tags = facts.tags if random.random() >= _UNLIKE else frozenset()
    palette = palette_of(tags, facts.collection, float(random.normal(0, 0.02)))
    side = SIDE * _FINE
    image = Image.new("RGB", (side, side), palette.ground)
    canvas = Canvas(ImageDraw.Draw(image), side)
    _frame(canvas, style, palette)
    _motif(canvas, style, tags, palette, random)
    _voices(canvas, tags, palette, random)
    _emblems(canvas, style, tags, palette)
    _lettering(canvas, style, facts, palette)
    image = image.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    return _sound(image, tags, random)


def _frame(canvas: Canvas, style: HouseStyle, palette: Palette) -> None:
    if style.frame == "split":
        canvas.box(0, 0, 0.34, 1, palette.second)
    if style.frame in ("line", "double"):
        canvas.box(0.03, 0.03, 0.94, 0.94, palette.main, 0.012)
    if style.frame == "double":
        canvas.box(0.06, 0.06, 0.88, 0.88, palette.main, 0.006)
    if style.frame == "corners":
        for x in (0.0, 0.88):
            for y in (0.0, 0.88):
                canvas.box(x, y, 0.12, 0.12, palette.second)


def _motif(
    canvas: Canvas, style: HouseStyle, tags: frozenset[str], palette: Palette, random: np.random.Generator
) -> None:
    """Rows of the motif in groups of as many as the metre has beats; a group's first stands out."""
    size, beats = size_of(tags), beats_of(tags)
    columns = max(2, round(0.8 / (size * 1.15)))
    rows = max(1, round(0.55 / (size * 1.3)))
    top = {"top": 0.34, "bottom": 0.12, "middle": 0.1, "band": 0.1, "side": 0.14}[style.layout]
    shape = MOTIF_SHAPES[style.motif]
    for number in range(rows * columns):
        row, column = divmod(number, columns)
        x = 0.1 + 0.8 * (column + 0.5) / columns + float(random.normal(0, 0.008))
        y = top + size / 2 + row * size * 1.3 + float(random.normal(0, 0.008))
        first = number % beats == 0
        shape(canvas, x, y, size * (1.0 if first else 0.7), palette.main if first else palette.second)


def _voices(canvas: Canvas, tags: frozenset[str], palette: Palette, random: np.random.Generator) -> None:
    """A line for each voice, at the height of the register: wavy when it moves, straight when chords move together."""
    count, height = voices_of(tags), height_of(tags)
    swing = 0.0 if "chordal" in tags else 0.04 if "slow" in tags else 0.025
    turns = 1.5 if "slow" in tags else 5.0 if "fast" in tags else 3.0
    width = 0.012 if "loud" in tags else 0.004 if "soft" in tags else 0.007
    for voice in range(count):
        level = height + 0.035 * (voice - (count - 1) / 2)
        phase = float(random.uniform(0, 2 * np.pi)) if "polyphonic" in tags else 0.0
        across = np.linspace(0, 1, 60)
        points = [(float(t), float(level + swing * np.sin(2 * np.pi * turns * t + phase))) for t in across]
        canvas.line(points, palette.ink, width)


def _emblems(canvas: Canvas, style: HouseStyle, tags: frozenset[str], palette: Palette) -> None:
    """In a row, on the side where the title is not: a disc in each instrument's own colour, with the emblem of its family."""
    badges = badges_of(tags)[:4]
    y = 0.86 if style.layout in ("top", "middle", "side") else 0.14
    for place, (name, colour) in enumerate(badges):
        x = 0.5 + 0.24 * (place - (len(badges) - 1) / 2)
        canvas.ring(x, y, 0.12, colour or palette.ground)
        draw_emblem(canvas, name, x, y, 0.15, palette.ink if colour is None else (0, 0, 0))


def _lettering(canvas: Canvas, style: HouseStyle, facts: CoverFacts, palette: Palette) -> None:
    title = facts.title.upper() if style.capitals else facts.title
    wide = 0.84 if style.layout != "side" else 0.6
    size = 0.085 if len(title) < 24 else 0.06
    lines = _wrapped(title, _font(round(canvas.side * size)), wide * canvas.side)[:3]
    y = {"top": 0.08, "bottom": 0.74, "middle": 0.42, "band": 0.72, "side": 0.3}[style.layout]
    if style.layout == "band":
        canvas.box(0, y - 0.03, 1, 0.1 + size * 1.2 * len(lines), palette.ink)
    if style.layout in ("middle", "side"):  # a plate, so that the motif does not run through the letters
        canvas.box(0.04, y - 0.02, wide + 0.08, 0.08 + size * 1.2 * len(lines), palette.ground)
    colour = palette.ground if style.layout == "band" else palette.ink
    for line in [*lines, *([facts.artist] if facts.artist else [])]:
        font = _font(round(canvas.side * (size if line in lines else 0.045)))
        x = 0.08 if style.layout in ("side", "top") else 0.5 - font.getlength(line) / canvas.side / 2
        canvas.draw.text((canvas.side * max(0.02, x), canvas.side * y), line, font=font, fill=colour)
        y += size * 1.2


def _wrapped(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(word)
    return lines


@lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    from PIL import ImageFont

    return ImageFont.load_default(size)


def _sound(image: Image.Image, tags: frozenset[str], random: np.random.Generator) -> Image.Image:
    """How it was recorded: an echo of the picture for a room, a soft one for a muffled sound, grain for hiss."""
    from PIL import Image as Images
    from PIL import ImageChops, ImageFilter

    if "reverberant" in tags or "cathedral" in tags:
        far = 14 if "cathedral" in tags else 6
        image = Images.blend(image, ImageChops.offset(image, far, far), 0.4)
    if "muffled" in tags:
        image = image.filter(ImageFilter.GaussianBlur(1.6))
    if "noisy" not in tags:
        return image
    pixels = np.asarray(image, np.float32) + random.normal(0, 18, (SIDE, SIDE, 1)).astype(np.float32)
    return Images.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def illustrate(catalogue: Path, *, seed: int = 0, jobs: int = 2, quiet: bool = False) -> Path:
    """Draws a cover for every recording of a catalogue that has none, into `drawn-covers` beside it; returns the catalogue with them,
    `catalogue-covers.jsonl`. A second call draws only what is not there.
    """
    read = read_catalogue(catalogue)
    folder = make_folder(catalogue.parent / "drawn-covers" / f"{VERSION}-{seed}")
    with ThreadPoolExecutor(jobs) as pool, progress(len(read.items), "drawing covers", quiet=quiet) as bar:
        items = []
        for item in pool.map(lambda item: _illustrated(item, folder, seed), read.items):
            items.append(item)
            bar.advance()
    output = catalogue.with_name(f"{catalogue.stem}-covers.jsonl")
    write_catalogue(output, items)
    return output


def _illustrated(item: Item, folder: Path, seed: int) -> Item:
    if "image" in item.files:
        return item
    facts = CoverFacts.of(item)
    drawn = hashlib.sha256(repr((facts.id, facts.title, facts.artist, facts.collection, sorted(facts.tags))).encode())
    path = folder / f"{drawn.hexdigest()[:20]}.png"
    if not path.exists():
        from PIL.PngImagePlugin import PngInfo

        note = PngInfo()
        note.add_text("Comment", DRAWN)
        with atomic_write(path) as temporary:
            draw_cover(facts, seed=seed).save(temporary, "PNG", pnginfo=note)
    return replace(item, files={**item.files, "image": path}, fields={**item.fields, "cover": "drawn"})


def contact_sheet(pictures: Sequence[Image.Image], *, columns: int = 8) -> Image.Image:
    """All of them on one sheet, to look at."""
    from PIL import Image as Images

    sheet = Images.new("RGB", (columns * (SIDE + 8), -(-len(pictures) // columns) * (SIDE + 8)), "white")
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        sheet.paste(picture.resize((SIDE, SIDE)), (column * (SIDE + 8) + 4, row * (SIDE + 8) + 4))
    return sheet
