"""The systems that `scripts/reproduce_similarity.py` trains: recipes that ship, all on one small network, so that methods are compared.

A system is a recipe and what is set in it, nothing else. Its `data` names the catalogue of the study that it learns from.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from pairs.ranked_lists import MININGS

FACETS = ("genre", "mood", "instruments", "tempo")
COUNTS = (4, 8, 16)  # artists, besides all
LONGER = f"conditional-triplet, {len(FACETS)} times the steps"  # as many as one network for each facet takes together
NEGATIVES = (1, 16)  # besides the 4 of the recipes
_MEL = {
    "type": "mel-cnn-1d",
    "arguments": {
        "window_seconds": 3.0, "channels": [64, 64, 128, 128], "kernels": [4, 4, 4, 2], "pools": [4, 4, 4, 2],
        "dimension": 256,
    },
}  # fmt: skip
_SAMPLES = {  # 0.8 s at 8 kHz: the published network, 2.7 s at 22.05 kHz, takes a GPU
    "type": "sample-cnn",
    "arguments": {"sample_rate": 8000, "first": 64, "channels": [64, 64, 64, 128, 128, 128, 256], "dimension": 256},
}
_MARGINS = {"artist": 0.4, "album": 0.25, "track": 0.1}


@dataclass(frozen=True)
class System:
    """recipe: its name; overrides: "key=value"; data: "all" labels, or "tags-1%" and "tags-10%"; samples: raw ones; times: as
    many steps as the others.
    """

    recipe: str
    overrides: tuple[str, ...] = ()
    data: str = "all"
    samples: bool = False
    times: int = 1

    def settings(self, *, seed: int, steps: int) -> list[str]:
        """All overrides of a training."""
        return [
            f"seed={seed}", f"towers.audio.encoder={json.dumps(_SAMPLES if self.samples else _MEL)}",
            *self.overrides, f"training.steps={self.times * steps}", "training.validate_every=100000", "training.warmup_steps=20",
        ]  # fmt: skip


def _set(key: str, value: object) -> str:
    return f"{key}={json.dumps(value)}"


def _hinge(
    concept: str, *, margin: float, target: str, similarity: str = "cosine", negatives: int = 1
) -> dict[str, object]:
    arguments = {"similarity": similarity, "margin": margin, "mining": "random", "negatives": negatives}
    return {
        "queries": ["audio"], "targets": [target], "by": concept,
        "objective": {"type": "triplet-hinge", "arguments": arguments},
    }  # fmt: skip


def _concepts(names: Sequence[str], *, negatives: int = 4) -> System:
    """artist-album-track with some of its concepts."""
    parts = [_hinge(name, margin=_MARGINS[name], target=f"audio@{name}", negatives=negatives) for name in names]
    return System(
        "artist-album-track",
        (_set("stages.concepts.pairs.arguments.by", list(names)), _set("stages.concepts.comparisons", parts)),
    )


def _whole(names: Sequence[str]) -> System:
    """conditional-triplet without sub-spaces: one network for some facets, compared as a whole."""
    parts = [_hinge(n, margin=0.1, target="audio@2", similarity="negative-euclidean") for n in names]
    return System(
        "conditional-triplet",
        (
            "facets={}",
            _set("stages.facets.pairs.arguments.by", list(names)),
            _set("stages.facets.comparisons", parts),
        ),
    )


def _classifier(data: str = "all", *, unit: bool = True, samples: bool = False) -> System:
    """supervised-tagging, of normalized vectors and class vectors or of neither."""
    free = () if unit else (
        "towers.audio.head={type: free}", "towers.label.head={type: free}",
        _set("stages.tagging.comparisons", [{
            "queries": ["audio"], "targets": ["label"],
            "objective": {
                "type": "binary-cross-entropy",
                "arguments": {"similarity": "dot", "temperature": 1.0, "bias": -3.0, "learned": True},
            },
        }]),
    )  # fmt: skip
    head = ("towers.audio.head={type: identity}",) if unit else ()
    plain = ("stages.tagging.augmentation=[]", "training.batch_size=64", "training.learning_rate=1e-3")
    return System(
        "supervised-tagging", ("towers.label.encoder.arguments.dimension=256", *head, *free, *plain), data, samples
    )


def _systems() -> dict[str, System]:
    found = {
        "classifier": _classifier(unit=False),
        "classifier, normalized": _classifier(),
        "classifier, 10% of the labels": _classifier("tags-10%"),
        "classifier of samples, 1%": _classifier("tags-1%", samples=True),
        "conditional-triplet": System("conditional-triplet"),
        LONGER: System("conditional-triplet", times=len(FACETS)),
        "conditional-triplet without tracks": System(
            "conditional-triplet", ("stages.facets.comparisons.4.weight=0.0",)
        ),
        "triplet": _whole(FACETS),
        **{f"triplet of {name} alone": _whole([name]) for name in FACETS},
        "conditional-proxy": System("conditional-proxy"),
        "conditional-classification": System("conditional-classification"),
        "artist-basic": System("artist-basic"),
        "artist-siamese": System("artist-siamese"),
        "album": _concepts(["album"]),
        "track": _concepts(["track"]),
        "artist-album-track": _concepts(["artist", "album", "track"]),
        **{f"artist-album-track, {n} negatives": _concepts(["artist", "album", "track"], negatives=n) for n in NEGATIVES},
        "artists together": System(
            "associations",
            (
                _set("stages.associations.pairs.arguments.by", ["artist"]),
                _set("stages.associations.comparisons", [{
                    "queries": ["audio"], "targets": ["audio@artist"], "by": "artist",
                    "objective": {"type": "info-nce", "arguments": {"temperature": 0.1}},
                }]),
                "similarity=cosine",
            ),
        ),
        "associations": System("associations"),
        "playlists": System("playlists"),
        "playlists-top": System("playlists-top"),
        "playlists-word2vec": System("playlists-word2vec"),
        "prototypes": System("prototypes"),
        "matching": System("matching"),
        "instance-discrimination": System("instance-discrimination"),
        **{f"ranked-lists, {name}": System("ranked-lists", (f"stages.ranks.pairs.arguments.mining={name}",)) for name in MININGS},
        "lda": System("lda"),
        "lmnn": System("lmnn"),
        "clmr": System("clmr", samples=True),
    }  # fmt: skip
    for count in COUNTS:
        found[f"artist-basic, {count} artists"] = System(
            "artist-basic", (_set("stages.artists.pairs.arguments.by", [f"artist-{count}"]),)
        )
        by = f"artist-{count}"
        found[f"artist-siamese, {count} artists"] = System(
            "artist-siamese",
            (
                _set("stages.artists.pairs.arguments.by", [by]),
                _set("stages.artists.comparisons", [_hinge(by, margin=0.4, target=f"audio@{by}", negatives=4)]),
            ),
        )
    return found


SYSTEMS = _systems()
