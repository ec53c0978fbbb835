"""(n)ASAP: piano scores, performances of them by real pianists, and the beats of both (non-commercial: they judge, they never train).

Foscarin et al., "ASAP: a dataset of aligned scores and performances for piano transcription", ISMIR 2020; Peter et al., TISMIR 2023.
Row k of a score's beat annotations and row k of a performance's are the same beat. The score's beats are given in seconds of
`midi_score.mid`, in which repeats are played out; quarters here are quarters of that file.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossmodal.base.errors import InputError
from crossmodal.base.results import Skipped

if TYPE_CHECKING:
    from symusic import Score

Floats = NDArray[np.float64]
Half = Literal["tune", "report"]
_VERSIONS = ("_no_repeat", "_no_2_repeat", "_no_first_repeat", "_extra_repeat", "_repeat")


@dataclass(frozen=True)
class NasapScore:
    """One written version of a piece (the same piece may stand with and without its repeats). xml: gzip of MusicXML."""

    composer: str
    title: str
    folder: Path
    xml: Path
    midi: Path
    annotations: Path

    def text(self) -> str:
        """The MusicXML. InputError when it cannot be read."""
        try:
            return gzip.decompress(self.xml.read_bytes()).decode("utf-8")
        except (OSError, EOFError, UnicodeDecodeError) as error:
            raise InputError(f"{self.xml}: expected MusicXML in a gzip file, got '{error}'; fetch it again") from error

    @cached_property
    def quarters(self) -> Floats:
        """Beats (k,) in quarters of the score's MIDI, strictly rising."""
        return TempoMap.read(self.midi).quarters(read_beats(self.annotations))

    def mechanical_time(self, quarters: ArrayLike) -> Floats:
        """Quarters of the score's MIDI -> its seconds, as a rendering of it without any pianist sounds."""
        return TempoMap.read(self.midi).seconds(quarters)


@dataclass(frozen=True)
class Performance:
    """One performance of a score: its MIDI (pedal and all) and the seconds of its beats."""

    score: NasapScore
    midi: Path
    annotations: Path

    @property
    def name(self) -> str:
        """The pianist's file name, unique in its folder."""
        return self.midi.stem

    @cached_property
    def seconds(self) -> Floats:
        """Beats (k,) in seconds of the performance, strictly rising. InputError when they are not those of the score."""
        seconds = read_beats(self.annotations)
        if len(seconds) != len(self.score.quarters):
            raise InputError(
                f"{self.annotations}: expected the {len(self.score.quarters)} beats of the score, got {len(seconds)}; "
                "leave this performance out"
            )
        return seconds

    def score_time(self, seconds: ArrayLike) -> Floats:
        """Seconds of the performance -> quarters of the score's MIDI; NaN before the first beat and after the last."""
        return np.interp(np.asarray(seconds, np.float64), self.seconds, self.score.quarters, left=np.nan, right=np.nan)

    def performed_time(self, quarters: ArrayLike) -> Floats:
        """Quarters of the score's MIDI -> seconds of the performance; NaN before the first beat and after the last."""
        return np.interp(np.asarray(quarters, np.float64), self.score.quarters, self.seconds, left=np.nan, right=np.nan)


@dataclass(frozen=True)
class NasapPiece:
    """A piece: its scores, the plainest folder name first, and the performances of any of them."""

    composer: str
    title: str
    scores: tuple[NasapScore, ...]
    performances: tuple[Performance, ...]

    @property
    def id(self) -> str:
        """Composer and title in one word."""
        return f"{self.composer}/{self.title}"

    @property
    def half(self) -> Half:
        """Where the piece belongs: see `half`."""
        return half(self.composer, self.title)


def half(composer: str, title: str) -> Half:
    """The half of the pieces that settings are tuned on, or the half that figures are reported on, by a hash of the name."""
    digest = hashlib.blake2b(f"nasap:{composer}/{title}".encode(), digest_size=8).digest()
    return "tune" if digest[0] < 128 else "report"


def read_nasap(folder: str | Path) -> tuple[list[NasapPiece], list[Skipped]]:
    """All pieces in the order of their ids, and the performances left out because files of theirs are missing or their beats disagree.

    InputError when the folder is not the data set.
    """
    folder = Path(folder)
    table = folder / "metadata.csv"
    if not table.is_file():
        raise InputError(f"{folder}: expected the folder of nASAP with its metadata.csv, found none; check the path")
    with table.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    found: dict[tuple[str, str], list[Performance]] = defaultdict(list)
    scores: dict[str, NasapScore] = {}
    skipped: list[Skipped] = []
    for row in rows:
        score = scores.setdefault(row["folder"], _score(folder, row))
        played = Performance(score, folder / row["midi_performance"], folder / row["performance_annotations"])
        reason = _unusable(played)
        if reason:
            skipped.append(Skipped(path=row["midi_performance"], reason=reason))
        else:
            found[row["composer"], row["title"]].append(played)
    return [_piece(*name, played) for name, played in sorted(found.items())], skipped


def _score(folder: Path, row: dict[str, str]) -> NasapScore:
    return NasapScore(
        composer=row["composer"], title=row["title"], folder=folder / row["folder"], xml=folder / (row["xml_score"] + ".gz"),
        midi=folder / row["midi_score"], annotations=folder / row["midi_score_annotations"],
    )  # fmt: skip


def _unusable(played: Performance) -> str:
    score = played.score
    for path in (score.xml, score.midi, score.annotations, played.midi, played.annotations):
        if not path.is_file():
            return f"{path.name} is missing"
    counts = [
        sum(1 for line in p.open(encoding="utf-8") if line.strip()) for p in (score.annotations, played.annotations)
    ]
    return "" if counts[0] == counts[1] else f"{counts[1]} beats, {counts[0]} in the score"


def _piece(composer: str, title: str, played: list[Performance]) -> NasapPiece:
    scores = {p.score.folder: p.score for p in played}
    ordered = sorted(scores.values(), key=lambda s: (s.folder.name.endswith(_VERSIONS), str(s.folder)))
    return NasapPiece(composer, title, tuple(ordered), tuple(sorted(played, key=lambda p: str(p.midi))))


def read_beats(path: Path) -> Floats:
    """The seconds (k,) of an annotation file, strictly rising. InputError when it is damaged."""
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        seconds = np.array([float(line.split("\t")[0]) for line in lines])
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: expected beats as tab-separated lines, got '{error}'; fetch it again") from error
    if len(seconds) < 2 or not np.isfinite(seconds).all() or (np.diff(seconds) <= 0).any():
        raise InputError(f"{path}: expected two or more rising beats, got {len(seconds)}; leave this file out")
    return seconds


@dataclass(frozen=True)
class TempoMap:
    """Tempo changes (t,) of a MIDI file, the first at 0: quarter and second of each, quarters a second from there on."""

    starts: Floats
    clock: Floats
    rates: Floats

    @classmethod
    def read(cls, midi: Path) -> TempoMap:
        """The changes of a file; 120 quarters a minute where it says nothing."""
        score = read_symbolic(midi)
        changes = {0: 120.0} | {int(t.time): float(t.qpm) for t in score.tempos}
        ticks = sorted(changes)
        starts = np.array(ticks) / float(score.ticks_per_quarter)
        rates = np.array([changes[tick] for tick in ticks]) / 60
        return cls(starts, np.concatenate([[0.0], np.cumsum(np.diff(starts) / rates[:-1])]), rates)

    def quarters(self, seconds: ArrayLike) -> Floats:
        """Seconds (k,) -> quarters (k,)."""
        asked = np.asarray(seconds, np.float64)
        at = np.maximum(np.searchsorted(self.clock, asked, side="right") - 1, 0)
        return np.asarray(self.starts[at] + (asked - self.clock[at]) * self.rates[at])

    def seconds(self, quarters: ArrayLike) -> Floats:
        """Quarters (k,) -> seconds (k,)."""
        asked = np.asarray(quarters, np.float64)
        at = np.maximum(np.searchsorted(self.starts, asked, side="right") - 1, 0)
        return np.asarray(self.clock[at] + (asked - self.starts[at]) / self.rates[at])


def read_symbolic(path: Path) -> Score:
    """A MIDI file as symusic's score, in ticks. InputError when unreadable."""
    from symusic import Score  # a compiled module that `import pairs` does not need

    try:
        return Score.from_midi(path.read_bytes())
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{path}: expected a MIDI file, got '{error}'; fetch it again") from error
