"""Space + catalogue -> table of scores, each with a bootstrap interval over works and its chance level.

What the space was trained on is left out and counted. Tags are judged as seen (in the space's vocabulary) or unseen; captions find
recordings, and all recordings that a caption's facts fit count as right.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from crossmodal.base.errors import CrossmodalError, InputError
from crossmodal.base.progress import progress
from crossmodal.base.results import ScoreRow, ScoreTable, Skipped
from crossmodal.evaluation_covers import score_covers
from crossmodal.evaluation_facets import score_facets
from crossmodal.evaluation_singers import evaluate_singers, judges_voices
from crossmodal.metrics import chance, retrieval, tagging
from crossmodal.metrics.bootstrap import Interval, bootstrap_function, bootstrap_interval
from crossmodal.metrics.multilabel import multilabel_recall_at_k
from crossmodal.metrics.values import macro
from crossmodal.recipe import Evaluation
from crossmodal.space import Space
from encoders.encoder import Encoder
from pairs.catalogue import read_catalogue
from pairs.source import Item

INTERVAL_SAMPLES = 100  # of metrics over a whole matrix; cheap ones take the default
KS = (1, 5, 10)
SPECIFIC = 0.01  # a caption that fits at most this share of the recordings is a specific one


@dataclass(frozen=True)
class Judged:
    """Recordings under judgement: items (n), their vectors (n, d), and what was left out."""

    items: list[Item]
    vectors: NDArray[np.float32]
    excluded: int
    skipped: list[Skipped]

    @property
    def works(self) -> NDArray[np.str_]:
        """(n,) the unit that intervals resample."""
        return np.array([item.work or item.id for item in self.items])


def evaluate(
    space: Space, catalogue: Path, *, split: str | None = None, seed: int = 0, quiet: bool = False
) -> ScoreTable:
    """The table of a space on a catalogue: its `split` where it has one, otherwise all of it; training works left out.

    split: default, what the space's recipe says under `evaluation`.
    """
    wishes = space.recipe.evaluation if space.recipe else Evaluation()
    split = split or wishes.split
    if judges_voices(space):
        return evaluate_singers(space, catalogue, split=split, seed=seed, quiet=quiet)
    judged = encode_items(space, catalogue, split=split, quiet=quiet)
    covers, unreadable = score_covers(space, judged.items, judged.vectors, seed=seed)
    rows = [
        *covers,
        *(score_tags(space, judged, seed=seed, unseen=None if wishes.unseen_tags else ()) if _names(space) else []),
        *score_captions(space, judged, seed=seed),
        *score_similarity(judged, seed=seed),
        *score_facets(space.embedding.facets, judged.items, judged.vectors, seed=seed),
    ]
    defined = [row for row in rows if np.isfinite(row.value)]  # one tag alone has no clip-wise score
    if not defined:
        raise InputError(
            f"{catalogue}: expected tags or captions to judge by, got none that hold for some items and not for others"
        )
    return ScoreTable(
        space=space.reference,
        data=str(catalogue),
        split=split if any(item.split for item in judged.items) else "all",
        seed=seed,
        rows=defined,
        excluded=judged.excluded,
        skipped=[*judged.skipped, *unreadable, *unread(space, judged.items)],
    )


def unread(space: Space, items: Sequence[Item]) -> list[Skipped]:
    """Tags and captions that are not judged because the space does not know their words: one entry for each of the two."""
    if not _names(space):
        return []
    named = {
        "tags": sorted({tag for item in items for tag in item.tags}),
        "captions": sorted({c.text for item in items for c in item.captions}) if "text" in space.modalities else [],
    }
    found = []
    for kind, texts in named.items():
        missing = [text for text in texts if not _knows(space.encoder(_words(space)), text)]
        if missing:
            reason = f'{len(missing)} of {len(texts)} have words that the space does not know, such as "{missing[0]}"'
            found.append(Skipped(path=kind, reason=reason))
    return found


def _names(space: Space) -> bool:
    """Whether tags can be asked for: spaces of recordings alone are judged by what is near to what."""
    return bool({"text", "label"} & set(space.modalities))


def _words(space: Space) -> str:
    return "text" if "text" in space.modalities else "label"


def _knows(encoder: Encoder, text: str) -> bool:
    try:
        encoder.prepare(text)
    except CrossmodalError:
        return False
    return True


def encode_items(space: Space, catalogue: Path, *, split: str = "test", quiet: bool = False) -> Judged:
    """Vectors of the catalogue's recordings that the space may be judged on."""
    read = read_catalogue(catalogue)
    chosen = [item for item in read.items if "audio" in item.files]
    known = sorted({item.split for item in chosen if item.split})
    if known and split not in known:
        raise InputError(f"--split: expected one of those that {catalogue} has ({', '.join(known)}), got {split}")
    if known:
        chosen = [item for item in chosen if item.split == split]
    fair = [item for item in chosen if (item.work or item.id) not in space.works]
    if not fair:
        raise InputError(
            f"{catalogue}: expected recordings of split {split} that the space was not trained on, got none of {len(chosen)}"
        )
    items, vectors, skipped = [], [], list(read.problems)
    results = space.try_encode("audio", [item.files["audio"] for item in fair])
    for item, vector in zip(fair, progress(results, "encoding", quiet=quiet), strict=True):
        if isinstance(vector, Skipped):
            skipped.append(vector)
        else:
            items.append(item)
            vectors.append(vector)
    if not items:
        raise InputError(f"{catalogue}: expected readable recordings, got none; the first: {skipped[0].reason}")
    return Judged(items, np.stack(vectors), len(chosen) - len(fair), skipped)


def encode_known(space: Space, modality: str, texts: Sequence[str]) -> tuple[list[int], NDArray[np.float32]]:
    """Indices of the texts that the tower knows, and their vectors (k, d). Raises InputError when it knows none."""
    encoder = space.encoder(modality)
    known = [index for index, text in enumerate(texts) if _knows(encoder, text)]
    if not known:
        raise InputError(
            f"expected words that the {modality} tower of {space.name} knows, got none of them in: {', '.join(texts[:5])}"
        )
    return known, space.encode(modality, [texts[i] for i in known])


def score_tags(space: Space, judged: Judged, *, seed: int, unseen: Sequence[str] | None = None) -> list[ScoreRow]:
    """ROC-AUC and PR-AUC (tag-wise, clip-wise) for seen and unseen tags. unseen: default, those outside the space's vocabulary."""
    tags = sorted({tag for item in judged.items for tag in item.tags})
    outside = set(tags) - set(space.vocabulary) if unseen is None else set(unseen)
    rows: list[ScoreRow] = []
    for kind, chosen in (
        ("seen", [t for t in tags if t not in outside]),
        ("unseen", [t for t in tags if t in outside]),
    ):
        labels = np.array([[t in item.tags for t in chosen] for item in judged.items], dtype=bool)
        encoder = space.encoder(_words(space))
        useful = [i for i, t in enumerate(chosen) if 0 < labels[:, i].sum() < len(labels) and _knows(encoder, t)]
        if useful:
            rows += _tag_rows(space, judged, kind, [chosen[i] for i in useful], labels[:, useful], seed)
    return rows


def _tag_rows(
    space: Space, judged: Judged, kind: str, tags: list[str], labels: NDArray[np.bool_], seed: int
) -> list[ScoreRow]:
    known, words = encode_known(space, _words(space), tags)
    labels = labels[:, known]
    raw = space.similarity(words, judged.vectors)
    scores = raw.T
    comparable = space.standardize(words, raw).T

    def tag_wise(metric: Callable[..., NDArray[np.float64]]) -> Interval:
        return bootstrap_function(
            lambda index: macro(metric(scores[index], labels[index])).value,
            len(labels),
            judged.works,
            seed=seed,
            samples=INTERVAL_SAMPLES,
        )

    clips = bootstrap_interval(tagging.clip_wise_roc_auc(comparable, labels), judged.works, seed=seed)
    return [
        _row(f"ROC-AUC {kind} tags", tag_wise(tagging.tag_wise_roc_auc), chance.ROC_AUC, len(known)),
        _row(f"PR-AUC {kind} tags", tag_wise(tagging.tag_wise_pr_auc), chance.pr_auc(labels), len(known)),
        _row(f"clip-wise ROC-AUC {kind} tags", clips, chance.ROC_AUC, len(labels)),
    ]


def score_similarity(judged: Judged, *, seed: int, k: int = 5) -> list[ScoreRow]:
    """Multi-label R@K (Lee et al. 2020): how many of a recording's tags its k nearest recordings of other works have."""
    tags = sorted({tag for item in judged.items for tag in item.tags})
    labels = np.array([[t in item.tags for t in tags] for item in judged.items], dtype=bool).reshape(
        len(judged.items), -1
    )
    others = judged.works[:, None] != judged.works[None, :]
    if not labels.any() or not others.any():
        return []
    similarity = judged.vectors @ judged.vectors.T
    values = multilabel_recall_at_k(similarity, labels, labels, k, candidates=others)
    level = chance.multilabel_recall_at_k(labels, labels, k, candidates=others)
    return [
        _row(f"multi-label R@{k} recordings", bootstrap_interval(values, judged.works, seed=seed), level, len(values))
    ]


def score_captions(space: Space, judged: Judged, *, seed: int, limit: int = 2000) -> list[ScoreRow]:
    """R@K, MRR, mAP and median rank of captions -> recordings; captions with a fact outside the vocabulary apart.

    Most short captions fit many recordings, so that chance is high; those that fit at most 1% of them are told apart as specific.
    """
    if "text" not in space.modalities:
        return []
    seen = set(space.vocabulary)
    kinds: dict[str, list[tuple[str, frozenset[str], str]]] = {"captions": [], "captions with unseen words": []}
    for item in judged.items:
        for caption in item.captions:
            kind = "captions" if caption.facts <= seen else "captions with unseen words"
            kinds[kind].append((caption.text, caption.facts, item.work or item.id))
    rows: list[ScoreRow] = []
    for kind, captions in kinds.items():
        unique = [c for c in dict.fromkeys(captions) if _knows(space.encoder("text"), c[0])]
        order = np.random.default_rng(seed).permutation(len(unique))[:limit]
        if unique:
            rows += _caption_rows(space, judged, kind, [unique[i] for i in order], seed)
    return rows


def _caption_rows(
    space: Space, judged: Judged, kind: str, captions: list[tuple[str, frozenset[str], str]], seed: int
) -> list[ScoreRow]:
    indices, queries = encode_known(space, "text", [text for text, *_ in captions])
    known = [captions[i] for i in indices]
    works = judged.works
    relevant = np.array(
        [
            [facts <= item.tags if facts else work == own for item, own in zip(judged.items, works, strict=True)]
            for _, facts, work in known
        ]
    )
    similarity = space.similarity(queries, judged.vectors)
    rows = _retrieval_rows(kind, similarity, relevant, [work for *_, work in known], seed)
    few = relevant.sum(axis=1) <= max(1, SPECIFIC * len(judged.items))
    if 0 < few.sum() < len(few):
        owners = [work for (*_, work), chosen in zip(known, few, strict=True) if chosen]
        rows += _retrieval_rows(f"specific {kind}", similarity[few], relevant[few], owners, seed)
    return rows


def _retrieval_rows(
    kind: str, similarity: NDArray[np.float32], relevant: NDArray[np.bool_], works: Sequence[str], seed: int
) -> list[ScoreRow]:
    levels = {f"R@{k}": chance.recall_at_k(relevant, k) for k in KS} | {
        "MRR": chance.mrr(relevant),
        "mAP": chance.mean_average_precision(relevant),
        "nDCG": chance.ndcg(relevant.astype(np.float64)),
        "median rank": chance.median_rank(relevant),
    }
    named = retrieval.score_queries(similarity, relevant).named(KS)
    rows = []
    for metric, level in levels.items():
        statistic: Literal["mean", "median"] = "median" if metric == "median rank" else "mean"
        interval = bootstrap_interval(named[metric], np.array(works), seed=seed, statistic=statistic)
        rows.append(_row(f"{metric} {kind}", interval, level, len(works)))
    return rows


def _row(metric: str, interval: Interval, level: float, count: int) -> ScoreRow:
    low, high = (float(v) if np.isfinite(v) else None for v in (interval.low, interval.high))
    return ScoreRow(
        metric=metric, value=interval.value, low=low, high=high, chance=level if np.isfinite(level) else None, n=count
    )
