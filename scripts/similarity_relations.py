"""The eight relations that the papers' systems stand in, each held or refuted with its interval, and the tables behind them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from crossmodal.metrics.bootstrap import Interval
from scripts.similarity_measures import BASELINES, Measures, Values, whole, within
from scripts.similarity_study import Heard
from scripts.similarity_systems import COUNTS, FACETS, LONGER, NEGATIVES, SYSTEMS

Row = dict[str, object]
SAME = 0.02  # of ROC-AUC
GOAL = 0.90  # of conditional sub-spaces over all facet triplets
CONCEPTS = ("artist-siamese", "album", "track")
TOGETHER = "artist-album-track"
PLAYLISTS = ("playlists", "playlists-top", "playlists-word2vec", "artists together")
HIDDEN = 512


@dataclass(frozen=True)
class Claim:
    """A difference that a paper found: above zero where it holds here too. within: it is at most so much, either way, instead."""

    text: str
    difference: Interval
    within: float | None = None

    @property
    def verdict(self) -> str:
        """Held or refuted, by the interval or by the value alone."""
        if self.within is not None:
            return "held" if max(-self.difference.low, self.difference.high) <= self.within else "refuted"
        if self.difference.low > 0:
            return "held"
        if self.difference.high < 0:
            return "refuted"
        return "held by value, not by interval" if self.difference.value >= 0 else "refuted by value, not by interval"


@dataclass(frozen=True)
class Relation:
    """One of the eight. source: whose tables; published: what they report; rows: the table behind it; remark: what limits it."""

    number: int
    source: str
    published: str
    claims: list[Claim]
    rows: list[Row] = field(default_factory=list)
    remark: str = ""


def shown(found: Interval) -> str:
    """ "0.123 (0.100 to 0.150)"."""
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def normalization(m: Measures) -> Relation:
    """1: normalized vectors find better and name as well."""
    names = ("classifier", "classifier, normalized")
    recall = {name: m.over_seeds(name, lambda heard: m.tag_recall(whole(heard))) for name in names}
    logits = {name: m.logits(name) for name in names}
    rows: list[Row] = [
        {"system": name, "R@1": shown(m.interval(recall[name])), "ROC-AUC": shown(m.auc(logits[name]))}
        for name in names
    ]
    plain, unit = names
    return Relation(
        1, "Lee, thesis, table 5.3; Lee et al. 2020b", "R@1 about sevenfold; AUC stays (normalized, with facets: R@1 .447, AUC .890)",
        [
            Claim("normalization lifts R@1", m.difference(recall[unit], recall[plain])),
            Claim(f"normalization leaves ROC-AUC as it was, to {SAME:g}", m.auc(logits[unit], logits[plain]), within=SAME),
        ],
        rows,
    )  # fmt: skip


def _facet_values(m: Measures, name: str) -> Values:
    """Triplets of all facets: of a space with facets within each, of one without by whole vectors."""
    if "facets={}" in SYSTEMS[name].overrides:
        return m.over_seeds(name, lambda heard: m.all_facets(lambda _: whole(heard)))
    return m.over_seeds(name, lambda heard: m.all_facets(lambda facet: within(heard, facet)))


def _facet_row(m: Measures, name: str, values: Values) -> Row:
    ends = np.cumsum([len(m.triplets[facet]) for facet in FACETS])
    parts = np.split(values, ends[:-1])
    row: Row = {"system": name, "all": shown(m.interval(values, m.triplet_works))}
    return {**row, **{facet: f"{part.mean():.3f}" for facet, part in zip(FACETS, parts, strict=True)}}


def _hits_of(m: Measures, facet: str) -> Callable[[Heard], Values]:
    return lambda heard: m.facet_hits(facet, whole(heard))


def facets(m: Measures) -> Relation:
    """2: sub-spaces beat a network for each facet, which beats one space for all."""
    one = [m.over_seeds(f"triplet of {facet} alone", _hits_of(m, facet)) for facet in FACETS]
    values = {
        name: _facet_values(m, name)
        for name in ("conditional-triplet", LONGER, "triplet", "conditional-proxy", "conditional-classification")
    }
    values["one network for each facet"] = np.concatenate(one)
    each, together, plain = values["one network for each facet"], values["conditional-triplet"], values["triplet"]
    return Relation(
        2, "Lee et al. 2020a; thesis, table 5.1", "conditional sub-spaces above one network each, above the plain triplet",
        [
            Claim("sub-spaces beat one network for each facet, after as many steps as each", m.difference(together, each, m.triplet_works)),
            Claim("the same, after as many steps as all of these together", m.difference(values[LONGER], each, m.triplet_works)),
            Claim("one network for each facet beats the plain triplet", m.difference(each, plain, m.triplet_works)),
            Claim(f"sub-spaces reach {GOAL:g}", m.interval(values[LONGER] - GOAL, m.triplet_works)),
        ],
        [_facet_row(m, name, found) for name, found in values.items()],
        "The facets' words are facts of how the sound was made: a property of the simulator",
    )  # fmt: skip


def tracks(m: Measures) -> Relation:
    """3: track regularization gives facet accuracy for same-track accuracy."""
    names = ("conditional-triplet", "conditional-triplet without tracks")
    facet, same = {n: _facet_values(m, n) for n in names}, {n: m.over_seeds(n, m.track_hits) for n in names}
    rows: list[Row] = [
        {
            "system": n,
            "facet triplets": shown(m.interval(facet[n], m.triplet_works)),
            "same track": shown(m.interval(same[n])),
        }
        for n in names
    ]
    regularized, free = names
    return Relation(
        3, "Lee et al. 2020a, b", "facet accuracy falls a little; same track .985 to .988 in one study, .964 to .961 in the other",
        [
            Claim("track regularization raises same-track accuracy", m.difference(same[regularized], same[free])),
            Claim("and lowers facet accuracy", m.difference(facet[free], facet[regularized], m.triplet_works)),
        ],
        rows,
    )  # fmt: skip


def artists(m: Measures) -> Relation:
    """4: the Siamese network beats the softmax, and grows with the number of artists."""
    found: dict[str, Values] = {}
    rows: list[Row] = []
    for count in (*COUNTS, 0):
        for kind in ("artist-basic", "artist-siamese"):
            name = f"{kind}, {count} artists" if count else kind
            found[name] = m.over_seeds(name, lambda heard: m.artist_precision(whole(heard)))
            genre = m.over_seeds(name, lambda heard: m.genre_precision(whole(heard)))
            label = name if count else f"{kind}, all"
            rows.append(
                {"system": label, "artist MAP": shown(m.interval(found[name])), "genre MAP": shown(m.interval(genre))}
            )
    siamese, softmax = found["artist-siamese"], found["artist-basic"]
    fewest = found[f"artist-siamese, {COUNTS[0]} artists"]
    return Relation(
        4, "Park et al. 2018", "the Siamese network above the softmax in MAP; both grow from 500 to 10,000 artists",
        [
            Claim("the Siamese network beats the softmax in MAP", m.difference(siamese, softmax)),
            Claim(f"it grows from {COUNTS[0]} artists to all", m.difference(siamese, fewest)),
        ],
        rows, "MAP of other works of the same artist; more artists are more recordings, too",
    )  # fmt: skip


def concepts(m: Measures) -> Relation:
    """5: artist, album and track together against the best of the three."""
    names = [*CONCEPTS, TOGETHER, *(f"{TOGETHER}, {n} negatives" for n in NEGATIVES)]
    genre = {n: m.over_seeds(n, lambda heard: m.genre_precision(whole(heard))) for n in names}
    tags = {n: m.probed(n, "all") for n in names}
    aucs = {n: m.auc(tags[n]) for n in names}
    rows: list[Row] = [
        {
            "system": n,
            "genre MAP": shown(m.interval(genre[n])),
            "artist MAP": shown(m.interval(m.over_seeds(n, lambda heard: m.artist_precision(whole(heard))))),
            "tags, linear probe, ROC-AUC": shown(aucs[n]),
        }
        for n in names
    ]
    best = max(CONCEPTS, key=lambda n: aucs[n].value)
    nearest = max(CONCEPTS, key=lambda n: float(np.nanmean(genre[n])))
    return Relation(
        5, "Lee et al. 2019", "together above the best of the three on GTZAN, .005 below it on FMA",
        [
            Claim(f"together beat the best of the three in the probe ({best})", m.auc(tags[TOGETHER], tags[best])),
            Claim(f"together beat the best of the three in genre MAP ({nearest})", m.difference(genre[TOGETHER], genre[nearest])),
        ],
        rows, "4 negatives unless said otherwise",
    )  # fmt: skip


def self_supervision(m: Measures) -> Relation:
    """6: CLMR with 1% of the labels is at least as good as the supervised network with 1%."""
    supervised = m.logits("classifier of samples, 1%")
    probed = {data: m.probed("clmr", data) for data in ("tags-1%", "tags-10%", "all")}
    rows: list[Row] = [{"system": "supervised, 1% of the labels", "ROC-AUC": shown(m.auc(supervised))}]
    rows += [
        {"system": f"clmr, linear, {d.removeprefix('tags-')} labels", "ROC-AUC": shown(m.auc(s))}
        for d, s in probed.items()
    ]
    deeper = m.auc(m.probed("clmr", "all", hidden=HIDDEN))
    rows.append({"system": "clmr, MLP, all labels", "ROC-AUC": shown(deeper)})
    return Relation(
        6, "Spijkervet & Burgoyne 2021", "with 1% of the labels CLMR is as good as the supervised network or better",
        [Claim("clmr with 1% of the labels at least equals the supervised network", m.auc(probed["tags-1%"], supervised))],
        rows, "reduced: 0.8 s of 8 kHz sound and a narrow network; the published one takes a GPU",
    )  # fmt: skip


def playlists(m: Measures) -> Relation:
    """7: playlist and artist targets beat training from scratch."""
    rows: list[Row] = []
    claims = []
    scratch = {"tags-10%": m.logits("classifier, 10% of the labels"), "all": m.logits("classifier, normalized")}
    told = {"tags-10%": "10% of the labels", "all": "all labels"}
    rows.append({"system": "from scratch", **{told[d]: shown(m.auc(scores)) for d, scores in scratch.items()}})
    for name in PLAYLISTS:
        probed = {data: m.probed(name, data) for data in scratch}
        rows.append({"system": name, **{told[d]: shown(m.auc(scores)) for d, scores in probed.items()}})
        claims.append(
            Claim(
                f"{name} beats training from scratch with 10% of the labels",
                m.auc(probed["tags-10%"], scratch["tags-10%"]),
            )
        )
    return Relation(
        7, "Alonso-Jimenez et al. 2023", "both beat training from scratch; word2vec wins on most sets, not on MTAT", claims, rows,
        "Linear probes of tags. Playlists are drawn from tastes over facets: a property of the simulator",
    )  # fmt: skip


def baselines(m: Measures) -> Relation:
    """8: every learned space beats mfcc-vq and gmm-kl."""
    measures: dict[str, Callable[[np.ndarray], Values]] = {
        "artist MAP": m.artist_precision, "genre MAP": m.genre_precision, "R@1": m.tag_recall,
        "facet triplets": lambda s: m.all_facets(lambda _: s),
    }  # fmt: skip
    groups = {name: m.triplet_works if name == "facet triplets" else m.works for name in measures}
    found: dict[str, dict[str, Values]] = {}
    for name in BASELINES:
        found[name] = {k: np.mean([f(m.baseline(name, seed)) for seed in m.seeds], axis=0) for k, f in measures.items()}
    for name in SYSTEMS:
        found[name] = {k: m.over_seeds(name, lambda heard, f=f: f(whole(heard))) for k, f in measures.items()}  # type: ignore[misc]
    best = {k: max(BASELINES, key=lambda n, k=k: float(np.nanmean(found[n][k]))) for k in measures}  # type: ignore[misc]
    rows: list[Row] = [{"system": "chance", **{k: f"{v:.3f}" for k, v in zip(measures, m.chances(), strict=True)}}]
    rows += [
        {"system": n, **{k: shown(m.interval(v, groups[k])) for k, v in values.items()}} for n, values in found.items()
    ]
    claims = []
    for k in measures:
        gains = {n: m.difference(found[n][k], found[best[k]][k], groups[k]) for n in SYSTEMS}
        worst = min(gains, key=lambda n: gains[n].value)
        above = sum(gain.low > 0 for gain in gains.values())
        claims.append(
            Claim(
                f"all beat {best[k]} in {k}: {above} of {len(gains)} do by their interval; the least, {worst}",
                gains[worst],
            )
        )
    return Relation(
        8, "McFee et al. 2012; Aucouturier & Pachet 2002", "learned spaces above both", claims, rows, "whole vectors"
    )


RELATIONS = {
    1: normalization, 2: facets, 3: tracks, 4: artists, 5: concepts, 6: self_supervision, 7: playlists, 8: baselines,
}  # fmt: skip
