"""Which works share a melody: interval shingles that ignore key and tempo, and groups of works that share enough of them.

A melody is the top line of the top part. Repeated notes count once (words are set to the same tune with more or fewer
syllables), then eight successive intervals make a shingle. Two works belong together when they share at least six
shingles that are half of the smaller work's and a quarter of the larger one's; a shingle of more than 30 works is a
commonplace and counts for none. (Without the last two conditions 1,412 tunes hang together through stock phrases.)
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from pairs.notes import Notes

LENGTH = 8
LEAST_SHARED = 6
LEAST_SHARE = 0.5
LEAST_SHARE_OF_LARGER = 0.25
COMMONPLACE = 30


def melody(notes: Notes) -> list[int]:
    """Pitches of the top line: of the part with the highest mean pitch, the highest note at each onset."""
    if not notes.pitched:
        return []
    part = max(notes.pitched, key=lambda p: (float(p.pitch.mean()), len(p)))
    line: dict[float, int] = {}
    for onset, pitch in zip(part.onset.round(3), part.pitch, strict=True):
        line[float(onset)] = max(int(pitch), line.get(float(onset), 0))
    return [line[onset] for onset in sorted(line)]


def shingles(pitches: Sequence[int]) -> frozenset[int]:
    """Hashes of all runs of LENGTH intervals between different successive pitches; the whole line when it is shorter."""
    line = [pitch for place, pitch in enumerate(pitches) if place == 0 or pitch != pitches[place - 1]]
    intervals = np.diff(np.asarray(line, dtype=np.int64))
    if len(intervals) < 3:
        return frozenset()
    runs = [intervals[start : start + LENGTH] for start in range(max(1, len(intervals) - LENGTH + 1))]
    return frozenset(_hash(run.astype(np.int8).tobytes()) for run in runs)


def _hash(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=6).digest(), "big")


def similar_works(melodies: Mapping[str, frozenset[int]]) -> list[tuple[str, str]]:
    """Pairs of names whose melodies are near-duplicates, by the rule of this module."""
    holders: dict[int, list[str]] = defaultdict(list)
    for name, marks in melodies.items():
        for mark in marks:
            holders[mark].append(name)
    useful = {mark for mark, names in holders.items() if len(names) <= COMMONPLACE}
    sizes = {name: len(marks & useful) for name, marks in melodies.items()}
    pairs = []
    for name, marks in melodies.items():
        shared = Counter(other for mark in marks & useful for other in holders[mark] if other > name)
        for other, count in shared.items():
            smaller, larger = sorted((sizes[name], sizes[other]))
            enough = count >= min(LEAST_SHARED, smaller) and count >= LEAST_SHARE_OF_LARGER * larger
            if enough and count >= LEAST_SHARE * smaller:
                pairs.append((name, other))
    return pairs


_GENERIC = frozenset(
    """a air allemanda allemande chorus cotillion cotillon cottillon dance do ditto duet gavot gavotte giga highland hornpipe irish
    jig jigg kyrie gloria credo sanctus agnus march minuet new old quick quickstep reel retreat rondeau rondo scotch slow song step
    strathspey the trumpet troop tune untitled waltz walk around canto quinto no by mr""".split()  # noqa: SIM905
)


def plain_title(title: str) -> str:
    """A title for comparison: no accents, case, article, punctuation, variant number, or kind of dance.

    Empty where it names only a kind of piece ("Quick Step", "Gloria"), which many different works share.
    """
    text = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    text = re.split(r"\s--?\s", text)[0].replace("'", "")
    words = re.sub(r"[^a-z0-9]+", " ", text).split()
    while len(words) > 1 and words[-1] in {
        "the",
        "a",
        "an",
        "reel",
        "jig",
        "hornpipe",
        "i",
        "ii",
        "iii",
        "1",
        "2",
        "3",
    }:
        words.pop()
    while len(words) > 1 and words[0] in {"the", "a", "an"}:
        words.pop(0)
    return "" if all(word in _GENERIC or word.isdigit() for word in words) else " ".join(words)
