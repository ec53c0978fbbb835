"""Captions from facts: they vary in wording and in which facts they mention, and each carries exactly the facts it states.

A caption is written from an allowed set of tags only; a text in which any forbidden tag occurs by accident is written again.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

import numpy as np

from pairs.source import Caption
from pairs.vocabulary import CATEGORY_OF, contains_phrase

_ADJECTIVES = {"tempo", "mood", "density", "dynamics"}
_TAIL: dict[str, tuple[str, ...]] = {
    "major key": ("in a major key",), "minor key": ("in a minor key",),
    "duple metre": ("in duple metre",), "triple metre": ("in triple metre",), "compound metre": ("in compound metre",),
    "moderate tempo": ("at a moderate tempo", "in a moderate tempo"),
    "single melody": ("with a single melody", "a single melody"), "monophonic": ("in a monophonic texture",),
    "chordal": ("in a chordal texture", "with chordal writing"), "homophonic": ("in a homophonic texture",),
    "polyphonic": ("in a polyphonic texture", "with polyphonic lines"), "counterpoint": ("in counterpoint", "with counterpoint"),
    "accompanied melody": ("an accompanied melody", "with an accompanied melody"),
    "high pitched": ("high pitched", "with a high pitched sound"), "low pitched": ("low pitched", "with a low pitched sound"),
    "deep": ("with a deep sound",), "crescendo": ("with a crescendo", "growing in a crescendo"),
    "dry": ("in a dry recording", "with a dry sound"), "reverberant": ("in a reverberant room", "with a reverberant sound"),
    "echoing": ("in an echoing space",), "cathedral": ("as if in a cathedral", "with the sound of a cathedral"),
    "noisy": ("in a noisy recording", "with a noisy background"), "hiss": ("with hiss",),
    "muffled": ("in a muffled recording", "with a muffled sound"), "lo-fi": ("in a lo-fi recording",),
    "unaccompanied": ("unaccompanied",),
}  # fmt: skip
_PLURAL_LIKE = {"strings", "plucked strings", "voices", "drums", "timpani", "steel drums", "tubular bells", "bagpipes",
                "woodwind", "brass", "percussion"}  # fmt: skip
_ENSEMBLE_NOUNS = {"duo", "trio", "quartet", "ensemble", "string quartet"}


class CaptionWriter:
    """Writes captions. allowed: tags that may be stated; forbidden: tags whose words must not occur at all."""

    def __init__(self, *, allowed: Collection[str] | None = None, forbidden: Iterable[str] = ()) -> None:
        self._allowed = set(CATEGORY_OF if allowed is None else allowed)
        self._forbidden = tuple(forbidden)

    def write(
        self,
        tags: Collection[str],
        generator: np.random.Generator,
        *,
        must: Collection[str] = (),
        least: int = 1,
        most: int = 5,
    ) -> Caption | None:
        """A caption that states `least` to `most` of the tags (if there are), all of `must` among them; None when none may be stated."""
        usable = sorted(tag for tag in tags if tag in self._allowed and tag in CATEGORY_OF)
        wanted = [tag for tag in must if tag in usable]
        if not usable:
            return None
        for _ in range(20):
            stated = _choose(usable, wanted, generator, least, most)
            text = _sentence(stated, generator)
            whole = all(contains_phrase(text, tag) for tag in stated)
            if whole and not any(contains_phrase(text, tag) for tag in self._forbidden if tag not in stated):
                return Caption(text, frozenset(stated))
        return None

    def several(
        self,
        tags: Collection[str],
        count: int,
        generator: np.random.Generator,
        *,
        must: Collection[str] = (),
        least: int = 1,
        most: int = 5,
    ) -> tuple[Caption, ...]:
        """Up to `count` captions of different text."""
        found: dict[str, Caption] = {}
        for _ in range(3 * count):
            caption = self.write(tags, generator, must=must, least=least, most=most)
            if caption is not None and len(found) < count:
                found.setdefault(caption.text, caption)
        return tuple(found.values())


def _choose(
    usable: Sequence[str], must: Sequence[str], generator: np.random.Generator, least: int, most: int
) -> list[str]:
    """Facts of different categories (of instruments up to three), so that no caption is a mere list of synonyms."""
    count = int(generator.integers(least, most + 1))
    limits = {"instrument": 3, "mood": 2}
    chosen = list(must)[:most]
    used: dict[str, int] = {}
    for tag in chosen:
        used[CATEGORY_OF[tag]] = used.get(CATEGORY_OF[tag], 0) + 1
    for place in generator.permutation(len(usable)):
        tag = usable[place]
        category = CATEGORY_OF[tag]
        if len(chosen) >= count:
            break
        if tag not in chosen and used.get(category, 0) < limits.get(category, 1):
            chosen.append(tag)
            used[category] = used.get(category, 0) + 1
    return chosen


def _sentence(stated: Sequence[str], generator: np.random.Generator) -> str:
    if generator.random() < 0.15:
        return ", ".join(stated)
    adjectives, heads, players, tails = _roles(stated, generator)
    noun = heads[0] if heads else str(generator.choice(["piece", "excerpt", "tune" if not players else "piece"]))
    if len(heads) > 1:
        tails = [f"from {heads[1]}" if heads[1].endswith("music") else f"related to a {heads[1]}", *tails]
    if noun.endswith(" music"):
        noun = str(generator.choice([noun, f"piece of {noun}"]))
    front = _article(", ".join(adjectives) + " " * bool(adjectives) + noun, noun)
    who = _join(players)
    how = str(generator.choice(["played by", "played on", "for", "with"])) if who else ""
    if "solo" in stated and len(players) == 1:
        who = "solo " + re.sub(r"^an? ", "", players[0])
    elif "solo" in stated:
        tails.append("solo")
    body = f"{front} {how} {who}".strip() if who else front
    if who and generator.random() < 0.25:
        body = f"{who} playing {front}"
    text = ", ".join([body, *tails]) if generator.random() < 0.7 else " ".join([body, *tails])
    text = text[0].upper() + text[1:] if generator.random() < 0.8 else text
    return text + ("." if generator.random() < 0.6 else "")


def _roles(stated: Sequence[str], generator: np.random.Generator) -> tuple[list[str], list[str], list[str], list[str]]:
    """Adjectives, nouns for the piece, players, and phrases that follow, in random order each."""
    adjectives, heads, players, tails = [], [], [], []
    for tag in stated:
        category = CATEGORY_OF[tag]
        if tag in _TAIL:
            tails.append(str(generator.choice(_TAIL[tag])))
        elif category in _ADJECTIVES:
            adjectives.append(tag)
        elif category in ("genre", "period"):
            heads.append(tag)
        elif tag == "solo":
            continue
        elif category in ("instrument", "family") or tag in _ENSEMBLE_NOUNS:
            players.append(_player(tag, generator))
    return adjectives, heads, players, tails


def _player(tag: str, generator: np.random.Generator) -> str:
    if tag in _PLURAL_LIKE or generator.random() < 0.4:
        return tag
    return ("an " if tag[0] in "aeiou" else "a ") + tag


def _article(phrase: str, noun: str) -> str:
    if noun.endswith(" music") and not noun.startswith("piece"):
        return phrase
    return ("an " if phrase[0].lower() in "aeio" else "a ") + phrase


def _join(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1] if names else ""
