"""The material of the study of music similarity, its trainings, and what a system says of every recording.

Composer stands for artist (where he is unknown or has few works: the printed collection), a work for an album, a rendering for a track.
Playlists are drawn from tastes over facets, with noise; what is learned from them is a property of that simulation.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from crossmodal.assembly import needed_files
from crossmodal.base.errors import InputError
from crossmodal.base.files import atomic_write, make_folder
from crossmodal.embedding import pool_windows
from crossmodal.material import gather_material, window_vectors
from crossmodal.recipe import load_recipe
from crossmodal.space import Space
from crossmodal.space_files import load_space
from crossmodal.training import train
from pairs.catalogue import read_catalogue, write_catalogue
from pairs.playlists import co_occurrences, draw_playlists, learn_track_vectors, tastes_of, with_playlists
from pairs.source import Item
from scripts.similarity_systems import COUNTS, SYSTEMS, System

Vectors = NDArray[np.float32]
SHARES = {"tags-1%": 0.01, "tags-10%": 0.1}  # of the training items that keep their tags
PLAYLISTS, RANKED = 600, 40
FEWEST_WORKS = 4  # of a composer who counts as an artist
STUDIES = "Instrument studies"  # no composer, no genre
SPLITS = ("train", "test")


@dataclass(frozen=True)
class Heard:
    """Of one trained system: unit vectors (n, d) of the items of a split; logits (n, tags) of a classifier, else empty; ends (n, 2, d): the
    first and the last window of the test items.
    """

    vectors: dict[str, Vectors]
    logits: Vectors
    ends: Vectors


class Study:
    """The catalogue of the study in `work`, and its trained systems; what was done is not done again."""

    def __init__(self, catalogue: Path, work: Path, *, steps: int, jobs: int) -> None:
        self.work, self.steps, self.jobs = make_folder(work), steps, jobs
        items = _prepared(read_catalogue(catalogue).items, self.work)
        self.items = {split: [item for item in items if item.split == split] for split in SPLITS}
        if not all(self.items.values()):
            raise InputError(f"{catalogue}: expected items in the splits train and test, got none in one of them")
        counts = Counter(tag for item in self.items["train"] for tag in item.tags)
        judged = Counter(tag for item in self.items["test"] for tag in item.tags)
        least = max(2, len(self.items["train"]) // 100)
        self.tags = sorted(tag for tag in counts if counts[tag] >= least and 5 <= judged[tag] < len(self.items["test"]))
        self.works = np.array([item.work or item.id for item in self.items["test"]])

    def labelled(self, data: str) -> list[Item]:
        """The training items that have labels in a catalogue of the study."""
        items = self.items["train"]
        return items if data == "all" else _drawn(items, SHARES[data])

    def heard(self, name: str, seed: int) -> Heard:
        """Trains a system with a seed, unless that is done, and listens to all items with it."""
        system, settings, folder = self._training(name, seed)
        kept = folder / "heard.npz"
        if not kept.is_file():
            self._listen(system, settings, folder, kept)
        with np.load(kept, allow_pickle=False) as file:
            vectors = {split: file[split] for split in SPLITS}
            return Heard(vectors, file["logits"], file["ends"])

    def space(self, name: str, seed: int) -> Space:
        """The space that a system has become."""
        self.heard(name, seed)
        return load_space(self._training(name, seed)[2])

    def _training(self, name: str, seed: int) -> tuple[System, list[str], Path]:
        """A system, all that is set for a seed, and the folder of its training."""
        system = SYSTEMS[name]
        settings = system.settings(seed=seed, steps=self.steps)
        if system.recipe == "playlists-word2vec":
            settings.append(f"towers.text.encoder.arguments.source={self.work / 'playlists.txt'}")
        if system.recipe == "ranked-lists":
            settings.append("towers.audio.encoder.arguments.pooling=auto")
        key = hashlib.sha256(repr((system.recipe, settings)).encode()).hexdigest()[:12]
        plain = name.replace(" ", "-").translate({ord(","): None, ord("%"): None})
        return system, settings, self.work / "systems" / f"{plain}-{key}"

    def _listen(self, system: System, settings: Sequence[str], folder: Path, kept: Path) -> None:
        recipe = load_recipe(system.recipe, overrides=settings)
        catalogue, prepared = self.work / f"{system.data}.jsonl", self.work / "prepared"
        space, _ = train(recipe, catalogue, folder, prepared=prepared, jobs=self.jobs, resume=True, quiet=True)
        material = gather_material(
            space.embedding,
            read_catalogue(catalogue),
            prepared,
            needs=needed_files(recipe),
            seed=0,
            jobs=self.jobs,
            quiet=True,
        )
        found: dict[str, Vectors] = {}
        tower = space.embedding.tower("audio")
        for split, items in self.items.items():
            windows = [window_vectors(tower, material.store.whole(item.files["audio"])) for item in items]
            pooled = [pool_windows(rows, space.embedding.facets) for rows in windows]
            found[split] = torch.stack(pooled).numpy()
            if split == "test":
                found["ends"] = torch.stack([rows[[0, -1]] for rows in windows]).numpy()
                found["logits"] = self._logits(space, windows)
        with atomic_write(kept) as temporary, temporary.open("wb") as stream:
            np.savez(stream, **found)  # type: ignore[arg-type]

    def _logits(self, space: Space, windows: Sequence[torch.Tensor]) -> Vectors:
        """What a classifier says of each tag, the mean of its windows; a tag that it was not taught is said of nobody."""
        if "label" not in space.modalities:
            return np.zeros((0, 0), np.float32)
        known = [tag for tag in self.tags if tag in space.vocabulary]
        classes = space.encode("label", known)
        means = torch.stack([rows.mean(dim=0) for rows in windows]).numpy()
        found = np.zeros((len(windows), len(self.tags)), np.float32)
        found[:, [self.tags.index(tag) for tag in known]] = means @ classes.T
        return found


def _prepared(items: Sequence[Item], work: Path) -> list[Item]:
    """Items with the columns that the systems learn from; writes the catalogues and the vectors of the tracks among the playlists."""
    works = Counter(
        artist for artist, _ in {(str(item.fields.get("artist") or ""), item.work or item.id) for item in items}
    )
    composers = {name for name, count in works.items() if name and count >= FEWEST_WORKS}
    own = [
        {"artist": _artist(i, composers), "album": i.work or i.id, "label": str(i.fields.get("collection") or "")}
        for i in items
    ]
    items = [replace(item, fields={**item.fields, **fields}) for item, fields in zip(items, own, strict=True)]
    ranked = _ranked_artists(items)
    items = [_with_artists(item, ranked) for item in items]
    train = [item for item in items if item.split == "train"]
    tastes = tastes_of(train, concepts=["genre", "mood", "instruments", "tempo"], fewest=max(2, len(train) // 100))
    playlists = draw_playlists(train, tastes, count=PLAYLISTS)
    items = with_playlists(items, playlists)
    ranks = co_occurrences(playlists, top=RANKED)
    items = [replace(item, fields={**item.fields, "ranked": json.dumps(ranks.get(item.id, []))}) for item in items]
    if not (work / "playlists.txt").is_file():
        learn_track_vectors(playlists, work / "playlists.txt", dimension=64)
    write_catalogue(work / "all.jsonl", items)
    for data, share in SHARES.items():
        kept = {item.id for item in _drawn(train, share)}
        bare = [
            item if item.id in kept or item.split != "train" else replace(item, tags=frozenset(), captions=())
            for item in items
        ]
        write_catalogue(work / f"{data}.jsonl", bare)
    return items


def _drawn(items: Sequence[Item], share: float) -> list[Item]:
    """A share of the items; a smaller one is part of a larger one."""
    order = np.random.default_rng(0).permutation(len(items))[: max(4, round(share * len(items)))]
    return [items[place] for place in sorted(order.tolist())]


def _artist(item: Item, composers: Collection[str]) -> str:
    composer, collection = (str(item.fields.get(name) or "") for name in ("artist", "collection"))
    return "" if collection == STUDIES else composer if composer in composers else collection


def _ranked_artists(items: Sequence[Item]) -> list[str]:
    """Artists with two works to learn from at least, in an order that says nothing of them."""
    works = {(str(i.fields["artist"]), i.work or i.id) for i in items if i.split == "train" and i.fields["artist"]}
    counts = Counter(artist for artist, _ in works)
    usable = sorted(artist for artist, count in counts.items() if count > 1)
    return [usable[place] for place in np.random.default_rng(0).permutation(len(usable)).tolist()]


def _with_artists(item: Item, ranked: Sequence[str]) -> Item:
    artist = str(item.fields["artist"])
    fewer = {f"artist-{count}": artist if artist in ranked[:count] else "" for count in COUNTS}
    return replace(item, fields={**item.fields, **fewer, "artist": artist if artist in ranked else ""})
