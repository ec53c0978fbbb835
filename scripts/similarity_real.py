"""Real recordings that judge the systems of the study, and never train them: instruments, genres and singers by their nearest neighbours.

Philharmonia (notes and phrases of a second or more, by instrument), GTZAN mini (30 clips by genre; artists come twice: too easy),
MIR-1K (voices by singer, other songs alone).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossmodal.base.audio import duration
from crossmodal.base.errors import InputError
from crossmodal.metrics import chance
from crossmodal.metrics.retrieval import average_precision
from crossmodal.real_data import philharmonia
from pairs.stems import read_stems
from scripts.similarity_measures import BASELINES, Measures, Scores, Values, timbre
from scripts.similarity_relations import Row, shown

SYSTEMS_HEARD = (
    "classifier, normalized", "conditional-triplet", "artist-siamese", "artist-album-track", "associations", "playlists",
    "instance-discrimination", "lda", "clmr",
)  # fmt: skip
CLIPS = 4  # of a song of MIR-1K
SHORTEST = 1.0  # seconds, by the header; shorter notes have too few frames for a density


@dataclass(frozen=True)
class Recordings:
    """What is judged by: a label for each of some recordings, and of what is never its answer (the same song, itself)."""

    name: str
    paths: list[Path]
    labels: NDArray[np.str_]
    songs: NDArray[np.str_]

    def precision(self, similarity: Scores) -> Values:
        """(n,) average precision of finding the others of the label."""
        return average_precision(similarity, self._same, candidates=self._others)

    @property
    def _others(self) -> NDArray[np.bool_]:
        return self.songs[:, None] != self.songs[None, :]

    @property
    def _same(self) -> NDArray[np.bool_]:
        return (self.labels[:, None] == self.labels[None, :]) & self._others

    @property
    def chance(self) -> float:
        """Of `precision`."""
        return chance.mean_average_precision(self._same, candidates=self._others)


def real_recordings(data: Path) -> list[Recordings]:
    """Those that lie under a folder. Raises InputError where there are none."""
    found = []
    if (data / "philharmonia" / "index.csv").is_file():
        notes = zip(*philharmonia(data / "philharmonia"), strict=True)
        rows = [(path, name, str(path)) for path, name in notes if duration(path) >= SHORTEST]
        found.append(_made("instruments (Philharmonia)", rows))
    if paths := sorted(data.glob("gtzan_mini/*/*.flac")):
        found.append(_made("genres (GTZAN mini)", [(path, path.parent.name, str(path)) for path in paths]))
    if (folder := data / "mir1k").is_dir():
        clips: dict[str, int] = {}
        rows_sung = []
        for stem in read_stems(folder):
            song = f"{stem.singer} {stem.song}"
            clips[song] = clips.get(song, 0) + 1
            if clips[song] <= CLIPS:
                rows_sung.append((stem.voice, stem.singer, song))
        found.append(_made("singers (MIR-1K)", rows_sung))
    if not found:
        raise InputError(f"--data: expected philharmonia, gtzan_mini or mir1k, got none of them in {data}")
    return found


def _made(name: str, rows: list[tuple[Path, str, str]]) -> Recordings:
    paths, labels, songs = zip(*rows, strict=True)
    return Recordings(name, list(paths), np.array(labels), np.array(songs))


def real_rows(m: Measures, data: Path) -> list[Row]:
    """MAP of each system and of the baselines, means over the seeds, with intervals over labels."""
    judged = real_recordings(data)
    rows: list[Row] = [{"system": "chance", **{part.name: f"{part.chance:.3f}" for part in judged}}]
    train = [item.files["audio"] for item in m.study.items["train"]]
    for name in BASELINES:
        found = {p.name: [timbre(name, p.paths, train, seed=seed) for seed in m.seeds] for p in judged}
        rows.append({"system": name, **{p.name: _told(m, p, found[p.name]) for p in judged}})
    for name in SYSTEMS_HEARD:
        spaces = [m.study.space(name, seed) for seed in m.seeds]
        row: Row = {"system": name}
        for part in judged:
            vectors = [space.encode("audio", part.paths) for space in spaces]
            row[part.name] = _told(m, part, [v @ v.T for v in vectors])
        rows.append(row)
    return rows


def _told(m: Measures, part: Recordings, similarities: list[Scores]) -> str:
    values = np.mean([part.precision(one) for one in similarities], axis=0)
    return shown(m.interval(values, part.labels))
