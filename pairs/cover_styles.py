"""What drawn covers look like by collection and by what is heard: the tables of `pairs.cover_art`.

A collection has a house style (motif, layout, frame, lettering), like a label; mood and mode choose the colours; tempo, metre, texture,
register, loudness and the instruments' families choose sizes, numbers and places. All of it is our own invention.
"""

from __future__ import annotations

import colorsys
import hashlib
from collections.abc import Set
from dataclasses import dataclass

from pairs.instruments import DRUMS, INSTRUMENTS, family_of

Colour = tuple[int, int, int]
MOTIFS = ("circles", "stripes", "waves", "triangles", "arches", "knots", "stars", "leaves", "grid", "moon")
LAYOUTS = ("top", "bottom", "middle", "band", "side")
FRAMES = ("none", "line", "double", "corners", "split")


@dataclass(frozen=True)
class HouseStyle:
    """How all covers of a collection look. motif: what is drawn; layout: where the title stands; frame; capitals: of the title."""

    motif: str
    layout: str
    frame: str
    capitals: bool


HOUSE_STYLES: dict[str, HouseStyle] = {
    "Aird's airs": HouseStyle("leaves", "top", "line", False),
    "American fife tunes": HouseStyle("stars", "band", "none", True),
    "Bach chorales": HouseStyle("arches", "bottom", "double", True),
    "Beethoven string quartets": HouseStyle("stripes", "middle", "none", True),
    "Essen folk songs": HouseStyle("leaves", "bottom", "corners", False),
    "Essen folk songs: China": HouseStyle("moon", "side", "line", False),
    "Haydn string quartets": HouseStyle("stripes", "top", "double", False),
    "Instrument studies": HouseStyle("grid", "bottom", "none", False),
    "Josquin": HouseStyle("arches", "top", "line", False),
    "Monteverdi madrigals": HouseStyle("circles", "band", "corners", False),
    "Mozart string quartets": HouseStyle("circles", "bottom", "double", True),
    "Northumbrian minstrelsy": HouseStyle("waves", "top", "split", False),
    "O'Neill's tunes": HouseStyle("knots", "bottom", "line", True),
    "Palestrina masses": HouseStyle("arches", "middle", "corners", True),
    "Piano pieces": HouseStyle("grid", "top", "split", False),
    "Ryan's Mammoth fiddle tunes": HouseStyle("knots", "band", "split", False),
    "Trecento": HouseStyle("triangles", "bottom", "corners", True),
}


def house_style(collection: str) -> HouseStyle:
    """The style of a collection; of one that is not in the table, one that follows from its name."""
    if collection in HOUSE_STYLES:
        return HOUSE_STYLES[collection]
    digest = hashlib.blake2b(collection.encode(), digest_size=4).digest()
    tables = (MOTIFS, LAYOUTS, FRAMES)
    motif, layout, frame = (table[byte % len(table)] for table, byte in zip(tables, digest, strict=False))
    return HouseStyle(motif, layout, frame, bool(digest[3] % 2))


_HUES: dict[str, tuple[float, float]] = {  # mood -> hue in turns, saturation
    "solemn": (0.75, 0.45), "sad": (0.60, 0.30), "melancholy": (0.62, 0.25), "cheerful": (0.13, 0.80), "happy": (0.12, 0.85),
    "lively": (0.04, 0.85), "calm": (0.47, 0.40), "peaceful": (0.42, 0.35), "energetic": (0.95, 0.85), "gentle": (0.92, 0.30),
    "majestic": (0.11, 0.65),
}  # fmt: skip
_UNMOVED = 0.3  # saturation where no mood is told; the hue is then the collection's


@dataclass(frozen=True)
class Palette:
    """Colours of a cover: ground, main, second and ink."""

    ground: Colour
    main: Colour
    second: Colour
    ink: Colour


def palette_of(tags: Set[str], collection: str, shift: float) -> Palette:
    """Mood gives the hue (without one the collection), mode how light the ground is, loudness the contrast. shift: of the hue, in turns."""
    moods = [mood for mood in _HUES if mood in tags]
    own = hashlib.blake2b(collection.encode(), digest_size=1).digest()[0] / 256
    hue, saturation = _HUES[moods[0]] if moods else (own, _UNMOVED)
    hue, dark = (hue + shift) % 1.0, "minor key" in tags
    depth = 0.34 if "loud" in tags else 0.16 if "soft" in tags else 0.25
    ground = 0.20 if dark else 0.88
    away = 1 if dark else -1
    return Palette(
        _colour(hue, ground, saturation * (0.6 if dark else 0.45)),
        _colour(hue, ground + away * (depth + 0.12), saturation),
        _colour(
            (hue + (0.5 if "lively" in tags or "energetic" in tags else 0.08)) % 1, ground + away * depth, saturation
        ),
        _colour(hue, 0.96 if dark else 0.10, 0.2),
    )


def _colour(hue: float, lightness: float, saturation: float) -> Colour:
    red, green, blue = colorsys.hls_to_rgb(hue, min(max(lightness, 0.0), 1.0), saturation)
    return round(255 * red), round(255 * green), round(255 * blue)


FAMILIES: dict[str, str] = {  # tag -> emblem
    "strings": "strings", "plucked strings": "plucked", "woodwind": "woodwind", "brass": "brass", "keyboard": "keyboard",
    "percussion": "percussion", "drums": "percussion", "voices": "voices", "choir": "voices", "electronic": "electronic",
}  # fmt: skip


_INSTRUMENTS = (*(instrument.name for instrument in INSTRUMENTS), DRUMS)


def emblems_of(tags: Set[str]) -> list[str]:
    """The families that play, as emblems."""
    return list(dict.fromkeys(emblem for tag, emblem in FAMILIES.items() if tag in tags))


def badges_of(tags: Set[str]) -> list[tuple[str, Colour | None]]:
    """An emblem and the colour of its disc for each instrument, which is its own; where none is told, the emblems of the families."""
    playing = [name for name in _INSTRUMENTS if name in tags]
    return [(FAMILIES[family_of(name)], _disc(name)) for name in playing] or [(e, None) for e in emblems_of(tags)]


def _disc(instrument: str) -> Colour:
    """Neighbours in the list differ by the golden section of the circle of hues, and in lightness."""
    place = _INSTRUMENTS.index(instrument)
    return _colour(0.618034 * place % 1.0, (0.45, 0.75, 0.6)[place % 3], 0.8)


def voices_of(tags: Set[str]) -> int:
    """How many lines are drawn: as many as the texture and the ensemble have voices."""
    counts = {
        "single melody": 1,
        "solo": 1,
        "duo": 2,
        "trio": 3,
        "quartet": 4,
        "string quartet": 4,
        "polyphonic": 4,
        "chordal": 5,
        "ensemble": 6,
    }
    return max((count for tag, count in counts.items() if tag in tags), default=2)


def size_of(tags: Set[str]) -> float:
    """Of the motif's parts, as a share of the side: slow and sparse music is drawn large."""
    size = 0.32 if "slow" in tags else 0.12 if "fast" in tags else 0.2
    return size * (0.75 if "busy" in tags else 1.25 if "sparse" in tags else 1.0)


def beats_of(tags: Set[str]) -> int:
    """How many parts stand together."""
    return 3 if "triple metre" in tags else 6 if "compound metre" in tags else 2 if "duple metre" in tags else 4


def height_of(tags: Set[str]) -> float:
    """Where the lines run, from 0 (top) to 1."""
    return 0.25 if "high pitched" in tags else 0.75 if "low pitched" in tags else 0.5
