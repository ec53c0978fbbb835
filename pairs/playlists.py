"""Playlists: drawn from stated tastes for the demo collection, and what is learned from any: co-occurrences, vectors of tracks.

Alonso-Jimenez et al., Pre-training Strategies Using Contrastive Learning and Playlist Information for Music Classification and Similarity,
ICASSP 2023: pairs of one playlist (`pairs.relatives`, by: [playlists]), the ten tracks that occur together most often
(`pairs.ranked_lists`), and word2vec with a playlist as a sentence and a track as a word (`TrackVectorPairs`).
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from crossmodal.base.errors import InputError
from crossmodal.base.files import atomic_write
from pairs.concepts import listed, values_of
from pairs.source import Example, Item, PairSource

COLUMN = "playlists"
Playlists = Mapping[str, Sequence[str]]  # name -> ids of its tracks, in order


@dataclass(frozen=True)
class Taste:
    """What a listener likes: a value for each of some concepts (`pairs.concepts`): {"genre": "jig", "tempo": "fast"}."""

    name: str
    wants: Mapping[str, str]

    def likes(self, item: Item) -> bool:
        """Whether all of it holds for an item."""
        return all(value in values_of(item, concept) for concept, value in self.wants.items())


def tastes_of(items: Sequence[Item], *, concepts: Sequence[str], fewest: int = 10) -> list[Taste]:
    """All pairs of values of two different concepts that `fewest` items at least have together, as tastes. Raises InputError for none."""
    found: list[Taste] = []
    for one, other in itertools.combinations(concepts, 2):
        counts = Counter(
            pair for item in items for pair in itertools.product(values_of(item, one), values_of(item, other))
        )
        found += [
            Taste(f"{first} + {second}", {one: first, other: second})
            for (first, second), count in sorted(counts.items())
            if count >= fewest
        ]
    if not found:
        raise InputError(
            f"expected {fewest} items at least that share values of two of {', '.join(concepts)}, got none"
        )
    return found


def draw_playlists(
    items: Sequence[Item], tastes: Sequence[Taste], *, count: int, length: int = 12, noise: float = 0.2, seed: int = 0
) -> dict[str, list[str]]:
    """`count` playlists of up to `length` different tracks, each of one taste drawn evenly. noise: share of tracks that may be anything.

    What is learned from these is a property of the simulation: listeners are as the tastes say. Raises InputError for a taste that no
    item fits.
    """
    if not 0 <= noise <= 1 or length < 2 or count < 1:
        raise InputError(
            f"expected noise in [0, 1], a length of 2 and one playlist at least, got {noise}, {length} and {count}"
        )
    liked = [[index for index, item in enumerate(items) if taste.likes(item)] for taste in tastes]
    for taste, members in zip(tastes, liked, strict=True):
        if not members:
            raise InputError(f'expected items for the taste "{taste.name}", got none')
    generator = np.random.default_rng(seed)
    found: dict[str, list[str]] = {}
    for number in range(count):
        place = int(generator.integers(len(tastes)))
        strange = generator.random(length) < noise
        own = generator.permutation(liked[place]).tolist()
        drawn = [int(generator.integers(len(items))) if odd or not own else own.pop() for odd in strange]
        found[f"{number:05d} {tastes[place].name}"] = [items[index].id for index in dict.fromkeys(drawn)]
    return found


def with_playlists(items: Sequence[Item], playlists: Playlists, *, top: int = 10) -> list[Item]:
    """Items with the names of their playlists (column `playlists`) and the `top` others they meet most often there (`together`)."""
    names: dict[str, list[str]] = defaultdict(list)
    for name, members in playlists.items():
        for member in dict.fromkeys(members):
            names[member].append(name)
    together = co_occurrences(playlists, top=top)
    return [
        replace(
            item,
            fields={
                **item.fields,
                COLUMN: json.dumps(names[item.id]),
                "together": json.dumps(together.get(item.id, [])),
            },
        )
        if item.id in names
        else item
        for item in items
    ]


def co_occurrences(playlists: Playlists, *, top: int = 10) -> dict[str, list[str]]:
    """Track -> the `top` tracks that are in most playlists with it, most often first, then by name."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for members in playlists.values():
        for one, other in itertools.permutations(dict.fromkeys(members), 2):
            counts[one][other] += 1
    return {
        track: [o for o, _ in sorted(met.items(), key=lambda entry: (-entry[1], entry[0]))[:top]]
        for track, met in counts.items()
    }


def token_of(track: str) -> str:
    """A track's id as one word, for tables of word vectors take an id with spaces or hyphens for several."""
    return "t" + hashlib.sha256(track.encode()).hexdigest()[:16]


def learn_track_vectors(
    playlists: Playlists, output: Path, *, dimension: int = 100, window: int = 10, epochs: int = 20, seed: int = 0
) -> int:
    """word2vec (CBOW, Mikolov et al. 2013) on playlists as sentences; writes a word2vec text file for `TrackVectorPairs`, returns how many.

    One worker, so that the same playlists give the same vectors. Raises InputError for playlists without two tracks.
    """
    from gensim.models import Word2Vec

    sentences = [[token_of(track) for track in members] for members in playlists.values() if len(members) > 1]
    if not sentences:
        raise InputError(f"expected playlists of two tracks at least, got none among {len(playlists)}")
    model = Word2Vec(
        sentences, vector_size=dimension, window=window, min_count=1, sg=0, workers=1, epochs=epochs, seed=seed + 1
    )
    with atomic_write(output) as temporary:
        model.wv.save_word2vec_format(str(temporary), binary=False)
    return len(model.wv)


class TrackVectorPairs(PairSource):
    """A recording with its own word among those that playlists were made of: a frozen tower of word vectors gives what it is to be near to.

    Items that are in no playlist (column `playlists`) are left out.
    """

    remedy: ClassVar[str] = (
        "the words of track-vectors are tracks: make their vectors with pairs.playlists.learn_track_vectors, "
        "then --set towers.text.encoder.arguments.source=FILE"
    )

    def __init__(self, items: Sequence[Item]) -> None:
        super().__init__([item for item in items if listed(item.fields.get(COLUMN))])
        if items and not self.items:
            raise InputError(f"expected items with playlists, got none among {len(items)}; fill the column {COLUMN}")

    def texts(self) -> list[str]:
        """The words of all items."""
        return [token_of(item.id) for item in self.items]

    def draw(self, index: int, generator: np.random.Generator) -> Example:
        """inputs: audio (the item), text (its word), group: the item."""
        return Example(index, {"audio": index, "text": token_of(self.items[index].id)}, group=index)
