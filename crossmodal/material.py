"""What a space is trained on: the items of a catalogue by split, with their recordings and pictures prepared once and kept."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from crossmodal.assembly import build_pairs
from crossmodal.base.errors import InputError, RecipeError
from crossmodal.base.results import Skipped
from crossmodal.embedding import JointEmbedding, TowerModule, along, device_of, pool_windows
from crossmodal.overlays import OVERLAID
from crossmodal.prepared import PreparedStore, front_end_key, prepare_store
from crossmodal.recipe import Recipe
from encoders.covers import ImageEncoder
from encoders.encoder import AudioEncoder, SequenceEncoder
from pairs.catalogue import Catalogue, read_catalogue
from pairs.cover_audio import with_covers
from pairs.source import Item
from pairs.splits import assign_splits


@dataclass(frozen=True)
class Material:
    """What is trained on: items by split, their prepared files, and what had to be left out."""

    splits: dict[str, list[Item]]
    store: PreparedStore
    skipped: list[Skipped]
    catalogue: Catalogue


def read_material(recipe: Recipe, catalogue: Path, folder: Path) -> Catalogue:
    """The catalogue; for a recipe of recordings and pictures, with the covers that it does not name itself (from tags: into `folder`)."""
    read = read_catalogue(catalogue)
    if not {"audio", "image"} <= recipe.towers.keys():
        return read
    items, skipped = with_covers(read.items, folder)
    bare = [Skipped(path=str(i.files["audio"]), reason="no cover") for i in items if i.files.keys() == {"audio"}]
    return Catalogue(read.path, items, [*read.problems, *skipped, *bare])


def class_names(recipe: Recipe, catalogue: Catalogue) -> list[str]:
    """The classes of a label tower: those of the first stage whose pairs have any, or all tags of the training items."""
    items = [item for item in catalogue.items if "audio" in item.files or "audio" not in recipe.towers]
    trained = [item for item in assign_splits(items, seed=recipe.seed) if item.split == "train"]
    for stage in recipe.stages.values() if "label" in recipe.towers and trained else ():
        if "label" in stage.slots and (names := build_pairs(stage.pairs, trained).classes()):
            return names
    tags = sorted({tag for item in trained for tag in item.tags})
    if "label" in recipe.towers and not tags:
        raise InputError(
            f"{catalogue.path}: expected items with tags or genres, got none; fill the column tags or genre"
        )
    return tags


def gather_material(
    embedding: JointEmbedding, catalogue: Catalogue, folder: Path, *, needs: Set[str] = frozenset({"audio"}), seed: int, jobs: int,
    quiet: bool,
) -> Material:  # fmt: skip
    """Splits a catalogue by work and prepares those of the files its items need that towers read whole: recordings, pictures.

    needs: see `needed_files`.
    """
    prepared = _prepared_together(embedding, needs)
    usable = [item for item in catalogue.items if needs <= item.files.keys()]
    if not usable:
        named = " and ".join(sorted(needs))
        raise InputError(
            f"{catalogue.path}: expected items with an {named} file, got none; check the {named} column and the paths"
        )
    store, skipped = PreparedStore([]), list[Skipped]()
    for encoder, columns in prepared:
        paths = list(dict.fromkeys(item.files[c] for item in usable for c in columns if c in item.files))
        made, bad = prepare_store(encoder, paths, folder=folder, jobs=jobs, quiet=quiet)
        store, skipped = store | made, [*skipped, *bad]
        usable = [item for item in usable if all(item.files[c] in store for c in columns if c in item.files)]
    splits: dict[str, list[Item]] = {"train": [], "validation": [], "test": []}
    for item in assign_splits(usable, seed=seed):
        splits[item.split or "train"].append(item)
    return Material(splits, store, [*catalogue.problems, *skipped], catalogue)


def _prepared_together(
    embedding: JointEmbedding, needs: Set[str]
) -> list[tuple[AudioEncoder | ImageEncoder, list[str]]]:
    """Encoders of whole files, each with the columns that it prepares: towers of sound share one, and the parts of overlays go with it."""
    towers = {modality: embedding.tower(modality).encoder for modality in embedding.towers}
    sounds = {m: e for m, e in towers.items() if isinstance(e, AudioEncoder)}
    pictures = {m: e for m, e in towers.items() if isinstance(e, ImageEncoder)}
    if not sounds and not pictures:
        raise RecipeError(f"towers: expected audio or image among them, got {', '.join(towers)}")
    heard = {m: e for m, e in sounds.items() if m in needs}
    if len({(front_end_key(e), e.window) for e in heard.values()}) > 1:
        raise RecipeError(f"towers: expected one front end for {' and '.join(heard)}, got several; give them the same")
    found: list[tuple[AudioEncoder | ImageEncoder, list[str]]] = []
    if heard:
        columns = [*heard, *(part for modality in heard for part in OVERLAID.get(modality, ()))]
        found.append((next(iter(heard.values())), list(dict.fromkeys(columns))))
    return [*found, *((e, [m]) for m, e in pictures.items() if m in needs)]


def track_vectors(
    embedding: JointEmbedding, store: PreparedStore, items: Sequence[Item], *, modality: str = "audio"
) -> Tensor:
    """Vectors of whole recordings from their prepared frames, or of prepared pictures, (n, d)."""
    tower = embedding.tower(modality)
    encoder = tower.encoder
    device = device_of(embedding)
    rows = []
    with torch.inference_mode():
        for item in items:
            frames = store.whole(item.files[modality])
            if isinstance(encoder, ImageEncoder):
                rows.append(tower(frames.movedim(-1, 0).to(device)).cpu()[0])
                continue
            assert isinstance(encoder, AudioEncoder)
            if isinstance(encoder, SequenceEncoder):
                rows.append(pool_windows(along(tower, frames), embedding.facets))
                continue
            rows.append(pool_windows(window_vectors(tower, frames.to(device)), embedding.facets))
    return torch.stack(rows)


def window_vectors(tower: TowerModule, frames: Tensor) -> Tensor:
    """Vectors (windows, d) of the windows of one recording's prepared frames (..., t), on the tower's device."""
    encoder = tower.encoder
    assert isinstance(encoder, AudioEncoder)
    windows = [frames[..., s : s + encoder.window] for s in encoder.window_starts(frames.shape[-1])]
    with torch.inference_mode():
        found: Tensor = tower(torch.stack(windows))
    return found.cpu()
