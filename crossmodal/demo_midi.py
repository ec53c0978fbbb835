"""The demo's part about MIDI files: recordings of works that no training heard are found again by damaged MIDI files of them.

The recordings are synthesized as those that `midi-audio` learned from; the works are others. Some MIDI files are of works whose recordings
are not in the index: for them the right answer is that nothing fits.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossmodal.applications.indexing import build_index
from crossmodal.applications.midi_collection import build_midi_collection
from crossmodal.applications.midi_jobs import match_files
from crossmodal.applications.midi_matching import Matcher
from crossmodal.base.results import Ranking, ScoreRow
from crossmodal.demo_shares import share_rows, summary_lines
from crossmodal.space import Space
from pairs.catalogue import read_catalogue, write_catalogue
from pairs.midi_audio import read_warp
from pairs.midi_music import Clock
from pairs.midi_reading import read_music
from pairs.source import Item

SPACE = "midi-audio"
STRANGERS = 8  # MIDI files whose recordings are not in the index
MOST_SECONDS = 60.0
NEAR_SECONDS = 0.05
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class MidiAnswer:
    """What was found for a MIDI file. item: of the collection; right: whether its own recording is first (None: there is none); errors:
    seconds by which its warped notes are off, where it was warped onto its own recording.
    """

    item: Item
    ranking: Ranking
    right: bool | None
    errors: Floats | None = None

    @property
    def title(self) -> str:
        """Of the work."""
        return str(self.item.fields.get("title") or self.item.work)

    @property
    def damage(self) -> str:
        """What was done to the file."""
        return str(self.item.fields.get("damage") or "nothing")


@dataclass(frozen=True)
class MidiResults:
    """What the demo has to tell about MIDI files. audio: the recordings' folder."""

    answers: list[MidiAnswer]
    strangers: list[MidiAnswer]
    index: Path
    audio: Path
    space: str
    seed: int

    @property
    def rows(self) -> list[ScoreRow]:
        """Top-1 and its chance, how many were answered, how many of these rightly; how exact the warped notes are."""
        right = np.array([bool(answer.right) for answer in self.answers])
        sure = np.array([not answer.ranking.abstained for answer in self.answers])
        measured: list[tuple[str, NDArray[np.bool_], float | None]] = [
            ("top-1", right, 1 / len(right)),
            ("answered", sure, None),
            ("right of those answered", right[sure], 1 / len(right)),
        ]
        errors = [answer.errors for answer in self.answers if answer.errors is not None]
        if errors:
            near = np.array([(found <= NEAR_SECONDS).mean() for found in errors])
            measured.append((f"notes within {1000 * NEAR_SECONDS:.0f} ms", near, None))
        return share_rows(measured, seed=self.seed)

    @property
    def shown(self) -> MidiAnswer | None:
        """The pair to look at: warped onto its own recording, from another tempo or key if there is one."""
        warped = [answer for answer in self.answers if answer.errors is not None]
        changed = [a for a in warped if a.item.fields.get("semitones") or "tempo" in a.damage]
        return next(iter([*changed, *warped]), None)

    def summary(self) -> list[str]:
        """The figures that the terminal shows."""
        named = sum(not answer.ranking.abstained for answer in self.strangers)
        strangers = f"{SPACE}: {named} of {len(self.strangers)} MIDI files that have no recording given one"
        return [*summary_lines(SPACE, self.rows), strangers]


def match_collection(output: Path, *, space: Space, works: int, seed: int, jobs: int, quiet: bool) -> MidiResults:
    """Makes recordings and damaged MIDI files of so many works and of `STRANGERS` more, indexes the recordings of the first and asks
    for all, into `output`/midi and an index beside it.
    """
    folder = output / "midi"
    catalogue = build_midi_collection(
        folder, works=works + STRANGERS, versions=1, most_seconds=MOST_SECONDS, keep_audio=True, seed=seed, jobs=jobs, licence="any",
        leave_out=space.works, quiet=quiet,
    )  # fmt: skip
    items = read_catalogue(catalogue).items
    known, strangers = items[:-STRANGERS], items[-STRANGERS:]
    index = _index_recordings(space, known, folder, output, jobs=jobs, quiet=quiet)
    matcher = Matcher.of(index)
    found = match_files(
        matcher, [item.files["midi"] for item in items], aligned=folder / "aligned", resume=True, jobs=jobs, quiet=quiet
    )
    rankings = {Path(ranking.query.path or "").name: ranking for ranking in found.rankings}
    answers = [
        _judged(item, rankings[item.files["midi"].name]) for item in known if item.files["midi"].name in rankings
    ]
    others = [
        MidiAnswer(item, rankings[item.files["midi"].name], None)
        for item in strangers if item.files["midi"].name in rankings
    ]  # fmt: skip
    return MidiResults(answers, others, index, folder / "audio", space.reference, seed)


def _index_recordings(
    space: Space, known: Sequence[Item], folder: Path, output: Path, *, jobs: int, quiet: bool
) -> Path:
    """The recordings under the names that the collection gives them, with their titles."""
    recordings = {
        str(item.fields["recording"]): Item(
            id=str(item.fields["recording"]), files={"audio": folder / f"audio/{item.fields['recording']}.flac"}, work=item.work,
            fields={"title": item.fields.get("title"), "licence": item.fields.get("licence")},
        )
        for item in known
    }  # fmt: skip
    listed = folder / "recordings.jsonl"
    write_catalogue(listed, list(recordings.values()))
    index = output / f"midi-index-{space.fingerprint[:8]}"  # that of another space stays as it is
    build_index(space, [listed], index, modality="audio", update=True, resume=True, jobs=jobs, quiet=quiet)
    return index


def _judged(item: Item, ranking: Ranking) -> MidiAnswer:
    first = ranking.results[0] if ranking.results else None
    right = first is not None and first.id == str(item.fields["recording"])
    aligned = first.detail.get("aligned") if first is not None else None
    if not right or aligned is None:
        return MidiAnswer(item, ranking, right)
    truth = read_warp(item.files["warp"])
    onsets = np.unique(np.concatenate([part.onset for part in read_music(item.files["midi"]).performance.parts]))
    onsets = onsets[(onsets >= truth.source[0]) & (onsets <= truth.source[-1])]
    found = read_clock(Path(str(aligned)).with_suffix(".csv"))
    return MidiAnswer(item, ranking, right, np.abs(found(onsets) - truth(onsets)))


def read_clock(path: Path) -> Clock:
    """The .csv that `match --aligned` writes beside a warped MIDI: its seconds -> the recording's."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = [(float(row["midi_seconds"]), float(row["recording_seconds"])) for row in csv.DictReader(stream)]
    return Clock(*np.array(rows).T)
