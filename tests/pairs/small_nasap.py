"""A folder like nASAP's with three small pieces: one as written, one with a repeat, one in both forms."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np

COLUMNS = (
    "composer", "title", "folder", "xml_score", "midi_score", "midi_performance", "performance_annotations", "midi_score_annotations",
)  # fmt: skip
STEPS = "CDEFGAB"
SEMITONES = (0, 2, 4, 5, 7, 9, 11)
MEASURES = 6


def melody(shift: int = 0) -> list[int]:
    """Steps above C4 of every quarter of the piece."""
    return [(5 * i + i // 7 + shift) % 14 for i in range(4 * MEASURES)]


def pitch(step: int) -> int:
    return 60 + 12 * (step // 7) + SEMITONES[step % 7]


def musicxml(steps: Sequence[int], *, repeat: bool) -> str:
    """Four quarters a measure; repeat: the first half of the measures is to be played twice."""
    measures = []
    for number in range(len(steps) // 4):
        notes = "".join(
            f"<note><pitch><step>{STEPS[s % 7]}</step><octave>{4 + s // 7}</octave></pitch><duration>1</duration>"
            "<type>quarter</type></note>"
            for s in steps[4 * number : 4 * number + 4]
        )
        head = (
            "<attributes><divisions>1</divisions><time><beats>4</beats><beat-type>4</beat-type></time>"
            "<clef><sign>G</sign><line>2</line></clef></attributes>"
            if number == 0
            else ""
        )
        end = '<barline location="right"><repeat direction="backward"/></barline>'
        tail = end if repeat and number == len(steps) // 8 - 1 else ""
        measures.append(f'<measure number="{number + 1}">{head}{notes}{tail}</measure>')
    return (
        '<?xml version="1.0" encoding="UTF-8"?><score-partwise version="3.1"><part-list><score-part id="P1">'
        f'<part-name>P</part-name></score-part></part-list><part id="P1">{"".join(measures)}</part></score-partwise>'
    )


def write_midi(
    path: Path, steps: Sequence[int], onset: Sequence[float], *, tempos: Sequence[tuple[int, float]]
) -> None:
    """Notes at onsets in quarters of 480 ticks; tempos: (tick, quarters a minute)."""
    from symusic import Note, Score, Tempo, Track

    score = Score(480)
    for tick, qpm in tempos:
        score.tempos.append(Tempo(tick, qpm))
    track = Track("piano", 0, False)
    for step, quarter in zip(steps, onset, strict=True):
        track.notes.append(Note(round(quarter * 480), 400, pitch(step), 80))
    score.tracks.append(track)
    score.dump_midi(str(path))


def write_beats(path: Path, seconds: Sequence[float]) -> None:
    lines = [f"{s}\t{s}\t{'db' if i % 4 == 0 else 'b'}" for i, s in enumerate(seconds)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def performed(count: int) -> list[float]:
    """Seconds of uneven beats that start at 1."""
    return (1.0 + np.cumsum(0.5 + 0.1 * np.sin(np.arange(count))) - 0.5).round(6).tolist()


def add_score(root: Path, composer: str, title: str, folder: str, *, repeat: bool, shift: int) -> list[dict[str, str]]:
    """One folder of the data set with one performance -> its rows of the table."""
    place = root / composer / folder
    place.mkdir(parents=True)
    steps = melody(shift)
    played = [*steps[: len(steps) // 2], *steps] if repeat else steps
    (place / "xml_score.musicxml.gz").write_bytes(gzip.compress(musicxml(steps, repeat=repeat).encode()))
    quarters = list(range(len(played)))
    # the tempo halves after two measures
    write_midi(place / "midi_score.mid", played, quarters, tempos=[(0, 120.0), (8 * 480, 60.0)])
    write_beats(place / "midi_score_annotations.txt", [q / 2 if q <= 8 else 4.0 + (q - 8) for q in quarters])
    seconds = performed(len(played))
    write_midi(place / "Who01.mid", played, [2 * s for s in seconds], tempos=[(0, 120.0)])
    write_beats(place / "Who01_annotations.txt", seconds)
    inside = f"{composer}/{folder}"
    names = (
        composer, title, inside, f"{inside}/xml_score.musicxml", f"{inside}/midi_score.mid", f"{inside}/Who01.mid",
        f"{inside}/Who01_annotations.txt", f"{inside}/midi_score_annotations.txt",
    )  # fmt: skip
    return [dict(zip(COLUMNS, names, strict=True))]


def make_nasap(root: Path) -> Path:
    """The folder, with two rows that cannot be used: a file that is missing, and beats that are too few."""
    rows = [
        *add_score(root, "Bach", "Plain", "plain", repeat=False, shift=0),
        *add_score(root, "Bach", "Twice", "twice", repeat=True, shift=1),
        *add_score(root, "Haydn", "Both", "both", repeat=True, shift=2),
        *add_score(root, "Haydn", "Both", "both_no_repeat", repeat=False, shift=2),
    ]
    write_beats(root / "Bach/plain/Short_annotations.txt", performed(5))
    rows.append(rows[0] | {"performance_annotations": "Bach/plain/Short_annotations.txt"})
    rows.append(rows[0] | {"midi_performance": "Bach/plain/Gone.mid"})
    with (root / "metadata.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return root
