"""The part of the demo about similarity: one recording, and what is like it in genre, in mood, in its instruments, in tempo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crossmodal.applications.collection import SearchableIndex
from crossmodal.applications.indexing import build_index
from crossmodal.applications.similarity import similar
from crossmodal.base.files import make_folder
from crossmodal.base.results import Result, ScoreRow
from crossmodal.demo_shares import summary_lines
from crossmodal.evaluation_facets import score_facets
from crossmodal.report import AudioEntry, AudioList, Command, Paragraph, Section, Table, embed_audio
from crossmodal.space import Space
from pairs.catalogue import write_catalogue
from pairs.concepts import values_of
from pairs.source import Item

SPACE = "similarity"
TRIED = 60  # recordings among which the example is looked for
SHOWN = 3  # answers for each facet


@dataclass(frozen=True)
class Example:
    """A recording, and for each facet what is most like it, nearest first."""

    asked: Item
    answers: Mapping[str, list[Result]]

    @property
    def distinct(self) -> int:
        """How many different recordings come first."""
        return len({results[0].id for results in self.answers.values() if results})


@dataclass(frozen=True)
class SimilarityResults:
    """What the demo has to tell about similarity. items: those in the index, by id; excluded: of works that the space was trained on."""

    space: str
    index: Path
    items: dict[str, Item]
    rows: list[ScoreRow]
    excluded: int
    example: Example

    def summary(self) -> list[str]:
        """The figures that the terminal shows."""
        return summary_lines(f"{SPACE} (facets)", self.rows)


def ask_similarity(
    space: Space, recordings: Sequence[Item], output: Path, *, seed: int, jobs: int, quiet: bool
) -> SimilarityResults | None:
    """Indexes the recordings of works that the space was not trained on, and asks by facet; None where fewer than 20 are left."""
    facets = space.embedding.facets
    fair = [item for item in recordings if (item.work or item.id) not in space.works]
    if len(fair) < 20 or facets is None:
        return None
    folder = make_folder(output / "similarity")
    write_catalogue(folder / "recordings.jsonl", fair)
    catalogue = folder / "recordings.jsonl"
    build_index(
        space, [catalogue], folder / "index", modality="audio", update=True, resume=True, jobs=jobs, quiet=quiet
    )
    opened = SearchableIndex.open(folder / "index", space=space)
    items = {item.id: item for item in fair}
    places = {held.id: row for row, held in enumerate(opened.index.items)}
    known = [item for item in fair if item.id in places]
    vectors = np.stack([opened.index.vectors_of(places[item.id])[0] for item in known])
    rows = score_facets(facets, known, vectors, seed=seed)
    example = _example(opened, items, known, facets.names, seed=seed)
    return SimilarityResults(space.reference, folder / "index", items, rows, len(recordings) - len(fair), example)


def _example(
    opened: SearchableIndex, items: Mapping[str, Item], known: Sequence[Item], facets: Sequence[str], *, seed: int
) -> Example:
    """Of some recordings with words of every facet, drawn from `seed`, the first whose nearest of each facet are all different ones."""
    told = [item for item in known if all(values_of(item, facet) for facet in facets)] or list(known)
    drawn = np.random.default_rng(seed).permutation(len(told))[:TRIED].tolist()
    best = None
    for place in drawn:
        answers = {facet: _nearest(opened, items, told[place], facet) for facet in facets}
        found = Example(told[place], answers)
        if best is None or found.distinct > best.distinct:
            best = found
        if found.distinct == len(facets):
            break
    assert best is not None
    return best


def _nearest(opened: SearchableIndex, items: Mapping[str, Item], item: Item, facet: str) -> list[Result]:
    """What is like a recording in a facet, without other renderings of its own work."""
    found = similar(opened, [item.id], weights={facet: 1.0}, k=SHOWN + 12).results
    return [one for one in found if items[str(one.id)].work != item.work][:SHOWN]


def similarity_section(results: SimilarityResults | None) -> Section:
    """The section; without results, why there are none."""
    title = "Alike, and in what"
    if results is None:
        missing = (
            f"Left out: no space with facets is installed under the name {SPACE}, or it was trained on these works."
        )
        train = Command(f"crossmodal train {SPACE} --catalogue CATALOGUE", "Train one")
        return Section(title, [Paragraph(missing), train])
    example = results.example
    about = (
        f"The space {results.space}, which ships, has dimensions of their own for genre, mood, instruments and tempo, whose weights are "
        f"chosen when it is searched, in an index that is made once. {len(results.items)} recordings of works that it never heard are "
        f"searched ({results.excluded} of works that it was trained on are left out). The example is the first of some drawn at random "
        "whose nearest recordings differ in all facets; other renderings of its own work are not shown."
    )
    table = Table(
        ["triplets", "value", "low", "high", "chance", "n"],
        [
            [row.metric.removeprefix("triplets "), row.value, row.low, row.high, row.chance, row.n]
            for row in results.rows
        ],
        "How often is a recording nearer to one that shares a word of the facet than to one with other words of it alone? 95% intervals "
        "over works. The words are facts of how this sound was made",
    )
    asked = AudioList("Asked with", [_entry(example.asked, ", ".join(sorted(example.asked.tags)), None)])
    lists = [
        AudioList(
            f"The same {facet}: {_words(example.asked, facet)}",
            [
                _entry(
                    results.items[str(one.id)],
                    _why(example.asked, results.items[str(one.id)], facet, one),
                    one.similarity,
                )
                for one in answers
            ],
        )
        for facet, answers in example.answers.items()
    ]
    try_it = Command(
        f"crossmodal similar {results.index} {example.asked.id} --weight mood=1 --weight tempo=0.5",
        "The same mood, and about the same tempo",
    )
    return Section(title, [Paragraph(about), table, asked, *lists, try_it])


def _words(item: Item, facet: str) -> str:
    return _listed(values_of(item, facet), item) or "nothing is known of it"


def _listed(values: frozenset[str], item: Item) -> str:
    """Words of a facet; what a column says beside them (a whole list of players) only where there are none."""
    return ", ".join(sorted(values & item.tags or values))


def _why(asked: Item, found: Item, facet: str, result: Result) -> str:
    """What both have in common in the facet, and how alike they are in each."""
    shared = _listed(values_of(asked, facet) & values_of(found, facet), found)
    common = f"both: {shared}" if shared else f"no word in common; {facet} here: {_words(found, facet)}"
    cosines = result.detail.get("facets")
    told = ", ".join(f"{name} {value:.2f}" for name, value in cosines.items()) if isinstance(cosines, dict) else ""
    return f"{common} (cosines: {told})"


def _entry(item: Item, text: str, similarity: float | None) -> AudioEntry:
    title = str(item.fields.get("title") or item.id)
    return AudioEntry(title, text, similarity, embed_audio(item.files["audio"], seconds=8.0))
