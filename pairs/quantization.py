"""Performed or sequenced notes -> notes on a grid that prints well: beats, 16ths or triplets per beat, clean durations, two hands.

The grid has 24 ticks a quarter: a 16th is 6, a triplet eighth 8. POP909 (Wang et al., ISMIR 2020): beats are read from beat_midi.txt
(time in seconds, downbeat flags), and seconds map to beats linearly between them.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from crossmodal.base.errors import InputError
from pairs.notation_voices import ScoreNote
from pairs.notes import Notes

QUARTER = 24
Floats = NDArray[np.float64]
Triple = tuple[int, int, int]  # onset and end in ticks, MIDI pitch
_MAJOR = np.array([1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1], bool)


@dataclass(frozen=True)
class QuantizedSong:
    """Notes ready for `write_mei`, with its arguments."""

    notes: list[ScoreNote]
    meter: tuple[int, int]
    key: int
    ticks_per_quarter: int = QUARTER
    title: str = ""
    staves: int = 2


def quantize(onset: Floats, offset: Floats, *, finest: int = 6, triplets: bool = True) -> list[tuple[int, int]]:
    """Times (n,) in quarters -> (onset, end) in ticks.

    Each beat takes 16ths (or `finest` ticks) or, if allowed, triplet eighths, as fits its onsets; no note is shorter than a step.
    """
    beat = np.floor(onset + 1 / 12).astype(int)
    ticks = onset * QUARTER
    fine, triple = np.round(ticks / finest) * finest, np.round(ticks / 8) * 8
    triplet: dict[int, bool] = {}
    for number in np.unique(beat):
        here = (beat == number) | ((beat == number - 1) & (fine >= number * QUARTER))
        errors = [float(np.abs(grid[here] - ticks[here]).sum()) for grid in (fine, triple)]
        off_beat = np.abs(triple[here] / QUARTER - np.round(triple[here] / QUARTER)) > 0.1
        triplet[int(number)] = triplets and bool(off_beat.any()) and errors[1] < 0.5 * errors[0]
    spans = []
    for place in range(len(onset)):
        uses = triplet[int(beat[place])]
        start = int(triple[place] if uses else fine[place])
        step = 8 if uses else finest
        end = offset[place] * QUARTER
        own = triplet.get(int(np.floor(offset[place])), False)
        stop = int(np.round(end / 8) * 8 if own else np.round(end / finest) * finest)
        spans.append((start, max(stop, start + step)))
    return spans


def settle(notes: Sequence[ScoreNote]) -> list[ScoreNote]:
    """Notes (24 ticks a quarter) with every beat of a staff either in 32nds or in triplets, as most of its onsets are.

    Ends follow; of notes that fall together the first stays.
    """
    votes: Counter[tuple[int, int]] = Counter()
    for note in notes:
        inside = note.onset % QUARTER
        if inside % 12:
            votes[note.staff, note.onset // QUARTER] += 1 if inside % 3 else -1

    def snap(tick: int, staff: int) -> int:
        step = 4 if votes[staff, tick // QUARTER] > 0 else 3
        return (2 * tick + step) // (2 * step) * step

    settled = []
    seen: set[Triple] = set()
    for note in notes:
        start = snap(note.onset, note.staff)
        if (start, note.pitch, note.staff) in seen:
            continue
        seen.add((start, note.pitch, note.staff))
        end = snap(note.onset + note.duration, note.staff)
        least = 4 if votes[note.staff, start // QUARTER] > 0 else 3
        settled.append(replace(note, onset=start, duration=max(end - start, least)))
    return settled


def estimate_key(pitch: NDArray[np.integer], weight: Floats) -> int:
    """Sharps (or minus flats) of the signature that leaves the least weight to accidentals, -6 to 6; the fewest signs when equal."""
    classes = np.bincount(pitch % 12, weights=weight, minlength=12)
    scores = {fifths: float(classes[np.roll(_MAJOR, 7 * fifths % 12)].sum()) for fifths in range(-6, 7)}
    return max(scores, key=lambda fifths: (round(scores[fifths], 6), -abs(fifths), -fifths))


def clean_durations(notes: Sequence[Triple], *, measure: int) -> list[Triple]:
    """One hand's notes with durations as an editor would write them: legato to the next onset, chords of one length, few tiny rests.

    Long notes under moving ones stay, up to the bar line.
    """
    onsets = sorted({note[0] for note in notes})
    following = dict(itertools.pairwise(onsets))
    chords: dict[int, list[Triple]] = {}
    for note in notes:
        chords.setdefault(note[0], []).append(note)
    cleaned = []
    for start in onsets:
        bar_end = (start // measure + 1) * measure
        after = following.get(start, bar_end)
        end = int(np.median([note[1] for note in chords[start]]))
        sustained = end >= after + QUARTER // 2 and end - start >= QUARTER
        held = min(max(round(end / QUARTER) * QUARTER, after), max(bar_end, after))
        if end >= after - QUARTER // 2 or 2 * (end - start) >= after - start:
            end = after
        elif end - start > QUARTER // 2:
            end = min(-(-end // (QUARTER // 2)) * (QUARTER // 2), after)
            tail = end % QUARTER
            if start < end - tail and tail <= QUARTER // 2 and start % QUARTER:
                end -= tail  # no short tied remainder
        if after - start > 2 * measure:  # a long silence is rests, not a tie over pages
            end = min(end, bar_end)
        outer = min(chords[start], key=lambda note: note[2])
        for note in chords[start]:
            long = sustained and held > after and (note is outer or len(chords[start]) == 1)
            cleaned.append((start, held if long else end, note[2]))
    return cleaned


def split_hands(notes: Sequence[Triple], *, window: int = QUARTER, reach: int = 14) -> list[int]:
    """Staff (0 right hand, 1 left) of each note. One split pitch a window: small spans, wide gap, slow changes (Viterbi)."""
    if not notes:
        return []
    points = np.arange(45, 76)
    count = max(note[0] for note in notes) // window + 1
    cost = np.zeros((count, len(points)))
    moments: dict[int, list[int]] = {}
    for onset, _, pitch in notes:
        moments.setdefault(onset, []).append(pitch)
    for onset, pitches in moments.items():
        cost[onset // window] += _split_cost(np.sort(pitches), points, reach)
    cost += 0.04 * np.abs(points - 60)[None]
    change = np.minimum(0.25 * np.abs(points[:, None] - points[None, :]), 3.0)
    total, back = cost[0], []
    for row in cost[1:]:
        options = total[:, None] + change
        back.append(options.argmin(0))
        total = options.min(0) + row
    path = [int(total.argmin())]
    for origin in reversed(back):
        path.append(int(origin[path[-1]]))
    split = points[path[::-1]]
    return [int(pitch < split[onset // window]) for onset, _, pitch in notes]


def _split_cost(pitches: NDArray[np.integer], points: NDArray[np.integer], reach: int) -> Floats:
    """Cost of each split point for one chord (sorted pitches)."""
    low = np.searchsorted(pitches, points)  # notes of the left hand
    last = len(pitches) - 1
    left = np.where(low > 0, pitches[np.maximum(low - 1, 0)] - pitches[0], 0)
    right = np.where(low <= last, pitches[last] - pitches[np.minimum(low, last)], 0)
    gap = np.where((low > 0) & (low <= last), pitches[np.minimum(low, last)] - pitches[np.maximum(low - 1, 0)], 0)
    crowded = np.maximum(low - 4, 0) + np.maximum(last + 1 - low - 4, 0)
    return np.maximum(left - reach, 0) + np.maximum(right - reach, 0) + 2.0 * crowded - 0.1 * np.minimum(gap, 12)


def bar_phase(onsets: NDArray[np.integer], ends: NDArray[np.integer], *, measure: int, beat: int) -> int:
    """Ticks to add so that bar lines fall where notes begin and few are held over: 0, beat, ... below measure (finds an upbeat)."""

    def score(shift: int) -> tuple[float, int]:
        starts = ((onsets + shift) % measure == 0).sum()
        held = ((onsets + shift) // measure != (ends + shift - 1) // measure).sum()
        return float(starts) - 2.0 * float(held), -shift

    return max(range(0, measure, beat), key=score)


def read_pop909(folder: str | Path, *, melody: Literal["right", "staff", "none"] = "none") -> QuantizedSong:
    """A song's folder (NNN.mid, beat_midi.txt) -> its piano arrangement on the grid.

    melody: left out, joined to the right hand, or on a staff of its own above the piano (staves = 3). InputError for a file that is
    missing or unreadable, or too few beats.
    """
    from symusic import Score  # a compiled module

    folder = Path(folder)
    midi, table = folder / f"{folder.name}.mid", folder / "beat_midi.txt"
    try:
        score = Score.from_midi(midi.read_bytes()).to("second")
        rows = np.loadtxt(table, ndmin=2)
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{folder}: expected {midi.name} and beat_midi.txt of POP909, got {error}") from error
    if len(rows) < 8 or rows.shape[1] < 3:
        raise InputError(f"{table}: expected at least 8 beats with three columns, got a table of {rows.shape}")
    beats, numerator, first = _beats(rows)
    tables = {
        name: [track.notes.numpy() for track in score.tracks if (track.name == "MELODY") == name]
        for name in (True, False)
    }
    hands, solo = _on_grid(tables[False] + tables[True] * (melody == "right"), beats, first), []
    if melody == "staff":
        solo = _on_grid(tables[True], beats, first)
    if not hands:
        raise InputError(f"{midi}: expected notes in a PIANO track, got none; choose another song")
    return _song(hands, solo, (numerator, 4), f"pop909/{folder.name}")


def _on_grid(tables: Sequence[NDArray[np.void]], beats: Floats, first: int) -> list[Triple]:
    """Note tables in seconds -> grid. Beats are numbered from the downbeat `first`; notes before it or after the last beat are left out."""
    if not tables:
        return []
    time, duration, pitch = (
        np.concatenate([table[name] for table in tables]) for name in ("time", "duration", "pitch")
    )
    onset, offset = (np.interp(moment, beats, np.arange(len(beats))) - first for moment in (time, time + duration))
    kept = (onset >= -0.1) & (time < beats[-1])
    spans = quantize(np.maximum(onset[kept], 0.0), offset[kept])
    return [(start, end, int(height)) for (start, end), height in zip(spans, pitch[kept], strict=True)]


def _beats(rows: Floats) -> tuple[Floats, int, int]:
    """Beat table -> times of beats made strictly growing, beats per measure, and the number of the first downbeat."""
    times = np.maximum.accumulate(rows[:, 0]) + np.arange(len(rows)) * 1e-6
    steps = [
        Counter(int(step) for step in np.diff(np.flatnonzero(rows[:, column] > 0))).most_common(1) for column in (1, 2)
    ]
    triple = (
        bool(steps[0]) and steps[0][0][0] == 3
    )  # every sixth beat is flagged in the last column, every third in the one before
    numerator = 3 if triple else steps[1][0][0] if steps[1] and steps[1][0][0] in (2, 3, 4) else 4
    downbeats = np.flatnonzero(rows[:, 1 if triple else 2] > 0)
    phase = Counter(int(place) % numerator for place in downbeats).most_common(1)
    return times, numerator, phase[0][0] if phase else 0


def _song(hands: list[Triple], solo: list[Triple], meter: tuple[int, int], title: str) -> QuantizedSong:
    measure = 4 * QUARTER * meter[0] // meter[1]
    hands = sorted({(onset, pitch): (onset, end, pitch) for onset, end, pitch in hands if 21 <= pitch <= 108}.values())
    start = min(note[0] for note in hands + solo) // measure * measure
    staff = split_hands(hands)
    notes = []
    for number, lines in enumerate([solo] if solo else []):
        top = {note[0]: note for note in sorted(lines, key=lambda note: note[2])}
        notes += [
            ScoreNote(a - start, b - a, p, number) for a, b, p in clean_durations(sorted(top.values()), measure=measure)
        ]
    for hand in (0, 1):
        line = clean_durations([note for note, side in zip(hands, staff, strict=True) if side == hand], measure=measure)
        notes += [ScoreNote(a - start, b - a, p, hand + bool(solo)) for a, b, p in line]
    pitch, weight = np.array([n.pitch for n in notes]), np.array([float(n.duration) for n in notes])
    return QuantizedSong(settle(notes), meter, estimate_key(pitch, weight), title=title, staves=3 if solo else 2)


def score_notes_of(notes: Notes, *, title: str = "", tolerance: float = 1 / 16) -> QuantizedSong:
    """A work (`pairs.scores.ScoreReader().read(work)[1]`) -> its parts on staves, high to low as they come.

    32nds or (not in meters of eighths) triplet eighths per beat; an upbeat is found. InputError when over 2% of the
    onsets lie further than `tolerance` quarters from that grid, and for a meter that is not written in halves to 16ths.
    """
    meter = notes.metre or (4, 4)
    if meter[1] not in (2, 4, 8, 16) or not notes.pitched:
        raise InputError(
            f"expected pitched notes in a meter of halves to 16ths, got {len(notes.pitched)} parts in {meter}"
        )
    found: list[ScoreNote] = []
    strays = total = 0
    for staff, part in enumerate(notes.pitched):
        spans = quantize(part.onset, part.offset, finest=3, triplets=meter[1] < 8)
        strays += int((np.abs(np.array([span[0] for span in spans]) / QUARTER - part.onset) > tolerance).sum())
        total += len(spans)
        found += [
            ScoreNote(start, end - start, int(pitch), staff)
            for (start, end), pitch in zip(spans, part.pitch, strict=True)
            if 12 <= pitch <= 119
        ]
    if strays > 0.02 * total:
        raise InputError(
            f"expected onsets on 32nds or triplets, got {strays} of {total} off that grid; leave this work out"
        )
    measure = 4 * QUARTER * meter[0] // meter[1]
    onsets, ends = np.array([n.onset for n in found]), np.array([n.onset + n.duration for n in found])
    beat = QUARTER * 3 // 2 if meter[1] == 8 and meter[0] % 3 == 0 else 4 * QUARTER // meter[1]
    step = beat if measure % beat == 0 else measure
    shift = bar_phase(onsets, ends, measure=measure, beat=max(step // (3 if step == 36 else 1), 1))
    key = notes.key_fifths if notes.key_fifths is not None and -7 <= notes.key_fifths <= 7 else None
    if not key:
        key = estimate_key(np.array([n.pitch for n in found]), (ends - onsets).astype(np.float64))
    moved = [replace(note, onset=note.onset + shift) for note in found]
    return QuantizedSong(moved, meter, key, title=title, staves=len(notes.pitched))
