"""The part of the demo about covers: drawn ones for recordings that no training saw, searched both ways with the space that ships."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from crossmodal.applications.collection import SearchableIndex
from crossmodal.applications.genres import genres_of_files
from crossmodal.applications.indexing import build_index
from crossmodal.base.errors import CrossmodalError
from crossmodal.base.files import make_folder
from crossmodal.base.results import Ranking, ScoreRow
from crossmodal.demo_shares import summary_lines
from crossmodal.evaluation_covers import score_covers
from crossmodal.report import AudioEntry, AudioList, Command, Paragraph, Section, Table, embed_audio
from crossmodal.report.html import Block
from crossmodal.report.pictures import PictureEntry, PictureRow
from crossmodal.space import Space
from pairs.catalogue import read_catalogue, write_catalogue
from pairs.cover_art import illustrate
from pairs.source import Item

SPACE = "cover-audio"
ASKED = 3  # examples of each kind
SHOWN = 5  # answers


@dataclass(frozen=True)
class CoverResults:
    """What the demo has to tell about covers. items: those judged, by id; excluded: recordings of works that the space was trained on."""

    space: str
    index: Path
    items: dict[str, Item]
    rows: list[ScoreRow]
    excluded: int
    from_pictures: list[tuple[Item, Ranking]] = field(default_factory=list)
    from_sounds: list[tuple[Item, Ranking]] = field(default_factory=list)
    genres: list[tuple[Item, Ranking]] = field(default_factory=list)

    def summary(self) -> list[str]:
        """The figures that the terminal shows."""
        chosen = [row for row in self.rows if row.metric.startswith("R@10")]
        return summary_lines(f"{SPACE} (drawn covers)", chosen)


def ask_covers(
    space: Space, recordings: Sequence[Item], output: Path, *, most: int, seed: int, jobs: int, quiet: bool
) -> CoverResults | None:
    """Draws covers for at most so many of the recordings whose works the space was not trained on, indexes both and asks; None where fewer
    than 20 are left.
    """
    fair = [item for item in recordings if (item.work or item.id) not in space.works]
    if len(fair) < 20:
        return None
    chosen = [fair[row] for row in sorted(np.random.default_rng(seed).permutation(len(fair))[:most])]
    folder = make_folder(output / "covers")
    write_catalogue(folder / "recordings.jsonl", chosen)
    catalogue = illustrate(folder / "recordings.jsonl", seed=seed, jobs=jobs, quiet=quiet)
    build_index(space, [catalogue], folder / "index", update=True, resume=True, jobs=jobs, quiet=quiet)
    opened = SearchableIndex.open(folder / "index", space=space)
    items = {item.id: item for item in read_catalogue(catalogue).items}
    places = {held.id: row for row, held in enumerate(opened.index.items) if held.modality == "audio"}
    known = [item for item in items.values() if item.id in places]
    sounds = np.stack([opened.index.vectors_of(places[item.id])[0] for item in known])
    rows, _ = score_covers(space, known, sounds, seed=seed)
    found = CoverResults(space.reference, folder / "index", items, rows, len(recordings) - len(fair))
    for item in known[:: max(1, len(known) // ASKED)][:ASKED]:
        _ask(space, opened, item, found)
    return found


def _ask(space: Space, opened: SearchableIndex, item: Item, found: CoverResults) -> None:
    picture, sound = item.files["image"], item.files["audio"]
    try:
        found.from_pictures.append((item, opened.search_many({"image": picture}, k=SHOWN)))
        found.from_sounds.append((item, opened.search_many({"audio": sound}, k=SHOWN, target="image")))
        found.genres.append((item, genres_of_files(space, {"audio": sound, "image": picture}, k=4)))
    except CrossmodalError:  # a file that went away; the others are asked all the same
        return


def covers_section(results: CoverResults | None) -> Section:
    """The section; without results, why there are none."""
    title = "Recordings and covers"
    if results is None:
        missing = (
            f"Left out: no space of recordings and covers is installed under the name {SPACE}, or it was trained on these works. One "
            "that is trained here is used when the demo runs again."
        )
        return Section(
            title, [Paragraph(missing), Command(f"crossmodal train {SPACE} --catalogue CATALOGUE", "Train one")]
        )
    about = (
        f"These covers are drawings, made by rule from facts of each recording (collection, mood, tempo, instruments), so that the way "
        f"from sound to picture can be shown anywhere; how well they are found is a property of that drawing and says nothing of "
        f"real covers. "
        f"The space ({results.space}) is the one that ships, not trained here; {len(results.items)} recordings of works that it never saw "
        f"are judged ({results.excluded} of works that it was trained on are left out). Right is a recording's own cover alone."
    )
    table = Table(
        ["metric", "value", "low", "high", "chance", "n"],
        [[row.metric, row.value, row.low, row.high, row.chance, row.n] for row in results.rows],
        "Which cover belongs to this recording, which recording to this cover, and which genres? 95% intervals over works",
    )
    try_it = Command(
        f"crossmodal search {results.index} --image YOUR_COVER.jpg", "Music that goes with a picture of yours"
    )
    return Section(title, [Paragraph(about), table, *_examples(results), try_it])


def _examples(results: CoverResults) -> list[Block]:
    blocks: list[Block] = []
    for item, answer in results.from_pictures[:1]:
        blocks.append(PictureRow("Asked with a picture", [_picture(item)]))
        entries = []
        for result in answer.results[:ASKED]:
            other = results.items[str(result.id)]
            text = ", ".join(sorted(other.tags))
            entries.append(
                AudioEntry(_title(other), text, result.similarity, embed_audio(other.files["audio"], seconds=8.0))
            )
        blocks.append(AudioList("Music that goes with it", entries))
    for item, answer in results.from_sounds:
        entry = AudioEntry(
            _title(item), ", ".join(sorted(item.tags)), None, embed_audio(item.files["audio"], seconds=8.0)
        )
        shown = [
            _picture(results.items[str(r.id).removesuffix(" (cover)")], f"{r.similarity:.2f}") for r in answer.results
        ]
        blocks += [AudioList("Asked with a recording", [entry]), PictureRow("Covers that go with it", shown)]
    told = [
        [_title(item), ", ".join(f"{r.detail['tag']} {r.confidence or 0:.2f}" for r in answer.results)]
        for item, answer in results.genres
    ]
    return [
        *blocks,
        Table(["recording", "genres from sound and cover"], told, "Genres, with how sure the space is of each"),
    ]


def _picture(item: Item, text: str = "") -> PictureEntry:
    return PictureEntry(item.files["image"], _title(item), text)


def _title(item: Item) -> str:
    return str(item.fields.get("title") or item.id)
