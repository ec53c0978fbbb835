"""The words of the demo collection: tags by category, the synonyms that hold whenever a tag holds, and what is kept unseen.

A fifth of the tags of each category, drawn with a fixed seed, is never part of a training text (`tables/tags.csv`), so
that a space can be judged on words it was never trained with. No unseen tag is part of a seen one.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np

from pairs.instruments import DRUMS, INSTRUMENTS

TABLE = Path(__file__).parent / "tables" / "tags.csv"

TAG_CATEGORIES: dict[str, tuple[str, ...]] = {
    "instrument": (*(instrument.name for instrument in INSTRUMENTS), DRUMS),
    "family": ("strings", "plucked strings", "woodwind", "brass", "keyboard", "percussion", "voices", "electronic"),
    "ensemble": ("solo", "unaccompanied", "duo", "trio", "quartet", "ensemble", "string quartet"),
    "texture": ("single melody", "monophonic", "chordal", "homophonic", "polyphonic", "counterpoint", "accompanied melody"),
    "metre": ("duple metre", "triple metre", "compound metre"),
    "tempo": ("slow", "adagio", "moderate tempo", "andante", "fast", "allegro", "quick"),
    "mode": ("major key", "minor key"),
    "mood": ("solemn", "sad", "melancholy", "cheerful", "happy", "lively", "calm", "peaceful", "energetic", "gentle", "majestic"),
    "register": ("high pitched", "low pitched", "deep"),
    "density": ("sparse", "busy"),
    "dynamics": ("soft", "quiet", "loud", "crescendo"),
    "genre": (
        "chorale", "sacred music", "church music", "mass", "madrigal", "chamber music", "folk music", "folk song",
        "fiddle tune", "Irish music", "Scottish music", "Celtic music", "Chinese music", "reel", "jig", "hornpipe",
        "strathspey", "waltz", "march", "polka", "air", "ballad", "lullaby", "love song", "dance music", "ragtime", "art song",
        "piano music", "vocal music", "choral music", "pop music",
    ),
    "period": ("medieval music", "renaissance music", "baroque music", "classical music", "romantic music", "early music"),
    "recording": ("dry", "reverberant", "echoing", "cathedral", "noisy", "hiss", "muffled", "lo-fi"),
}  # fmt: skip
CATEGORY_OF: dict[str, str] = {tag: category for category, tags in TAG_CATEGORIES.items() for tag in tags}

IMPLIED: dict[str, tuple[str, ...]] = {
    "slow": ("adagio",),
    "moderate tempo": ("andante",),
    "fast": ("allegro", "quick"),
    "soft": ("quiet",),
    "solo": ("unaccompanied",),
    "single melody": ("monophonic",),
    "chordal": ("homophonic",),
    "polyphonic": ("counterpoint",),
    "sad": ("melancholy",),
    "cheerful": ("happy",),
    "calm": ("peaceful",),
    "low pitched": ("deep",),
    "reverberant": ("echoing",),
    "noisy": ("hiss",),
    "muffled": ("lo-fi",),
    "sacred music": ("church music",),
    "Irish music": ("Celtic music",),
    "Scottish music": ("Celtic music",),
    "medieval music": ("early music",),
    "renaissance music": ("early music",),
    "reel": ("dance music",),
    "jig": ("dance music",),
    "hornpipe": ("dance music",),
    "strathspey": ("dance music", "Scottish music"),
    "waltz": ("dance music",),
    "polka": ("dance music",),
    "choir": ("choral music", "vocal music"),
}
UNSEEN_SHARE = 0.2
# Words of the documentation's example queries: a reader who tries them tries a trained space, not its limits.
_ALWAYS_SEEN = {"choir", "slow", "solemn", "fast", "lively", "fiddle tune", "fiddle", "violin", "piano", "Irish music"}
SEED = 20261


def with_implied(tags: Iterable[str]) -> frozenset[str]:
    """Tags and all that they imply, directly or through others."""
    found: set[str] = set()
    waiting = list(tags)
    while waiting:
        tag = waiting.pop()
        if tag not in found:
            found.add(tag)
            waiting.extend(IMPLIED.get(tag, ()))
    return frozenset(found)


def contains_phrase(text: str, phrase: str) -> bool:
    """Whether a phrase occurs in a text as whole words, whatever the case."""
    return re.search(rf"(?<!\w){re.escape(phrase.lower())}(?!\w)", text.lower()) is not None


def split_tags(*, seed: int = SEED, share: float = UNSEEN_SHARE) -> dict[str, str]:
    """tag -> "seen" or "unseen", a share of each category unseen; a tag that is part of another one stays seen."""
    generator = np.random.default_rng(seed)
    every = list(CATEGORY_OF)
    split = dict.fromkeys(every, "seen")
    for tags in TAG_CATEGORIES.values():
        free = [t for t in tags if t not in _ALWAYS_SEEN and not any(o != t and contains_phrase(o, t) for o in every)]
        count = min(round(len(tags) * share), len(free))
        for place in generator.permutation(len(free))[:count]:
            split[free[place]] = "unseen"
    return split


@lru_cache(maxsize=1)
def read_tags() -> dict[str, str]:
    """The committed table: tag -> "seen" or "unseen"."""
    with TABLE.open(encoding="utf-8", newline="") as stream:
        return {row["tag"]: row["split"] for row in csv.DictReader(stream)}


def seen_tags() -> list[str]:
    """Tags that training texts may contain, in the order of TAG_CATEGORIES."""
    return [tag for tag in CATEGORY_OF if read_tags().get(tag) == "seen"]


def unseen_tags() -> list[str]:
    """Tags that no training text contains."""
    return [tag for tag in CATEGORY_OF if read_tags().get(tag) == "unseen"]


def write_tags() -> None:
    """Write the table again (only when the vocabulary changes)."""
    split = split_tags()
    with TABLE.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["tag", "category", "split"])
        writer.writerows([tag, CATEGORY_OF[tag], split[tag]] for tag in CATEGORY_OF)
