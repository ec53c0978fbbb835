"""The part of the demo about voices: invented singers that no training heard, alone and within mixes, with the spaces that ship."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossmodal.applications.collection import SearchableIndex
from crossmodal.applications.indexing import build_index
from crossmodal.applications.voices import ALONE, WITHIN
from crossmodal.base.errors import CrossmodalError
from crossmodal.base.results import Ranking, Result, ScoreRow
from crossmodal.demo_shares import summary_lines
from crossmodal.evaluation_singers import evaluate_singers
from crossmodal.projection import project
from crossmodal.report import AudioEntry, AudioList, Command, Paragraph, Point, ScatterMap, Section, Table, embed_audio
from crossmodal.report.html import Block
from crossmodal.space import Space
from pairs.catalogue import read_catalogue
from pairs.source import Item
from pairs.vocal_mix import singer_of, song_of
from pairs.voice_collection import Cast, build_voice_collection

SPACE, APART = "voices", "voices-apart"
SONGS = 4  # of each singer
ASKED, SHOWN = 2, 5
PLOTTED = 8  # singers of the map, each with a colour
PLOTTED_WINDOWS = 3  # of each recording
_KINDS = {ALONE: "alone", WITHIN: "in a mix"}


@dataclass(frozen=True)
class VoiceResults:
    """What the demo has to tell about voices. items: all recordings, by id; unheard: mixes in which no voice was heard,
    which are not in the index; maps: title -> points of its map.
    """

    space: str
    index: Path
    items: dict[str, Item]
    rows: list[ScoreRow]
    unheard: int = 0
    found: list[tuple[Item, list[Result]]] = field(default_factory=list)
    maps: dict[str, list[Point]] = field(default_factory=dict)

    def summary(self) -> list[str]:
        """The figures that the terminal shows."""
        return summary_lines(f"{SPACE} (invented singers)", [row for row in self.rows if "mono -> mix" in row.metric])


def ask_voices(
    space: Space, apart: Space | None, scores: Path, output: Path, *, singers: int, seed: int, jobs: int, quiet: bool
) -> VoiceResults | None:
    """Invents so many singers, who sing the MIDI files of the folder `scores`, and looks for them in mixes; None where nothing can be sung.

    apart: the same towers before they were trained jointly, for the map.
    """
    folder = output / "voices"
    cast = Cast(train=0, validation=0, test=singers, songs=SONGS)
    try:
        catalogue = build_voice_collection(
            folder, cast=cast, works=0, midi_folders=[scores], seed=seed, jobs=jobs, quiet=quiet
        )
    except CrossmodalError:  # too few pieces of the demo can be sung
        return None
    items = {item.id: item for item in read_catalogue(catalogue).items}
    rows = evaluate_singers(space, catalogue, seed=seed, quiet=quiet).rows
    index = folder / "index"
    build_index(space, [catalogue], index, modality=WITHIN, update=True, resume=True, jobs=jobs, quiet=quiet)
    opened = SearchableIndex.open(index, space=space)
    results = VoiceResults(space.reference, index, items, rows, unheard=len(items) - len(opened.index.items))
    chosen = list(items.values())[:: max(1, len(items) // ASKED)][:ASKED]
    for item in chosen:
        answer = opened.search_many({"audio": item.files[ALONE]}, k=SHOWN + SONGS, kind=ALONE)
        results.found.append((item, _others(answer, item, items)))
    shown = _of_singers(list(items.values()), PLOTTED)
    if apart is not None:
        results.maps["Before: each tower has learned alone"] = voice_map(apart, shown, seed=seed)
    results.maps["After: both were trained jointly"] = voice_map(space, shown, seed=seed)
    return results


def _others(answer: Ranking, item: Item, items: dict[str, Item]) -> list[Result]:
    """What was found of other songs than the one that was asked with: its own mix would be no feat."""
    kept = [result for result in answer.results if song_of(items[str(result.id)]) != song_of(item)]
    return [result.model_copy(update={"rank": rank}) for rank, result in enumerate(kept[:SHOWN], start=1)]


def _of_singers(items: Sequence[Item], most: int) -> list[Item]:
    names = list(dict.fromkeys(singer_of(item) for item in items))[:most]
    return [item for item in items if singer_of(item) in names]


def voice_map(space: Space, items: Sequence[Item], *, seed: int) -> list[Point]:
    """Windows of each item's voice (filled) and mix (outlined), placed by t-SNE on the cosine; categories are singers."""
    vectors: list[NDArray[np.float32]] = []
    owners: list[tuple[Item, str]] = []
    for item in items:
        for modality in _KINDS:
            rows = space.sequence(modality, item.files[modality]).vectors.numpy()
            rows = rows[np.unique(np.linspace(0, len(rows) - 1, PLOTTED_WINDOWS).round().astype(int))]
            vectors.extend(rows)
            owners += [(item, modality)] * len(rows)
    flat = project(np.stack(vectors), seed=seed)
    return [
        Point(float(x), float(y), item.id, singer_of(item), _KINDS[modality], hollow=modality == WITHIN)
        for (x, y), (item, modality) in zip(flat, owners, strict=True)
    ]


def voices_section(results: VoiceResults | None) -> Section:
    """The section; without results, why there are none."""
    title = "Singers, alone and in mixes"
    if results is None:
        missing = f"Left out: no space of voices and mixes is installed under the name {SPACE}, or too few pieces could be sung."
        return Section(title, [Paragraph(missing)])
    names = {singer_of(item) for item in results.items.values()}
    about = (
        f"{len(names)} singers who do not exist: glottal pulses through the formants of invented vocal tracts, made by this project's own "
        f"synthesizer, each with {SONGS} songs over synthesized accompaniments. The space ({results.space}) is the one that ships, not "
        "trained here, and never heard any of them. What it answers here is a property of that synthesizer and says little of real "
        "singers: figures on those stand in the README. A query's own song is never counted as an answer. "
        f"The index that is searched holds {len(results.items) - results.unheard} of {len(results.items)} mixes: in the others no voice "
        "was heard, for the accompaniment is up to 5 dB louder."
    )
    table = Table(
        ["metric", "value", "low", "high", "chance", "singers"],
        [[row.metric, row.value, row.low, row.high, row.chance, row.n] for row in results.rows],
        "The same singer's other songs, alone (mono) and in mixes (mix), and who sings, learned from up to five recordings each; "
        "95% intervals over singers",
    )
    maps = (
        "Filled marks are voices alone, outlined ones mixes, a colour for each singer; windows of three seconds placed by t-SNE on the "
        "cosine. Before joint training the two towers know nothing of each other's vectors; after it a singer's voice and mixes should "
        "share a place."
    )
    plots: list[Block] = [Paragraph(maps)]
    plots += [ScatterMap(name, points) for name, points in results.maps.items()]
    voice = next(iter(results.items.values())).files[ALONE]
    try_it = Command(
        f"crossmodal search {results.index} --audio {voice}", "Ask for one of them, or with a voice of yours"
    )
    return Section(title, [Paragraph(about), table, *_examples(results), *plots, try_it])


def _examples(results: VoiceResults) -> list[Block]:
    blocks: list[Block] = []
    for item, found in results.found:
        asked = AudioEntry(_title(item), "alone", None, embed_audio(item.files[ALONE], seconds=8.0))
        entries = []
        for result in found[:3]:
            other = results.items[str(result.id)]
            right = "the same singer" if singer_of(other) == singer_of(item) else "another singer"
            clip = embed_audio(other.files[WITHIN], seconds=8.0)
            entries.append(AudioEntry(_title(other), right, result.similarity, clip))
        blocks += [
            AudioList("Asked with a voice alone", [asked]),
            AudioList("Mixes of other songs nearest to it", entries),
        ]
    return blocks


def _title(item: Item) -> str:
    return f"singer {singer_of(item)}, song {song_of(item).rpartition('-')[2]}"
