"""Other textures of the same music: any ensemble on two staves, and keyboard figures made of plain chords. 24 ticks a quarter.

All functions are pure and return notes that `write_mei` takes (every beat of a staff binary or in triplets).
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from crossmodal.base.errors import InputError
from pairs.notation_voices import ScoreNote
from pairs.quantization import QUARTER, settle, split_hands


def reduce_to_piano(
    notes_by_part: Sequence[Sequence[ScoreNote]], *, fullest: int = 4, span: int = 16
) -> list[ScoreNote]:
    """Parts from high to low -> two staves.

    One or two parts keep their hands, more are split between hands moment by moment. Unisons are written once; a hand that would hold
    over `fullest` notes or `span` semitones at an onset loses inner octave doublings first, then inner notes. InputError without notes.
    """
    parts = [part for part in notes_by_part if part]
    if not parts:
        raise InputError("expected at least one part with notes, got none")
    joined = {(note.onset, note.pitch): note for part in parts for note in sorted(part, key=lambda note: note.duration)}
    notes = [joined[place] for place in sorted(joined)]
    if len(parts) == 2 and _mean(parts[0]) > _mean(parts[1]):
        lower = {(note.onset, note.pitch) for note in parts[1]}
        sides = [int((note.onset, note.pitch) in lower) for note in notes]
    else:
        sides = split_hands([(note.onset, note.onset + note.duration, note.pitch) for note in notes])
    placed = settle([replace(note, staff=side) for note, side in zip(notes, sides, strict=True)])
    chords: dict[tuple[int, int], list[ScoreNote]] = defaultdict(list)
    for note in placed:
        chords[note.onset, note.staff].append(note)
    return [note for place in sorted(chords) for note in _thin(chords[place], fullest, span)]


def _mean(notes: Sequence[ScoreNote]) -> float:
    return sum(note.pitch for note in notes) / len(notes)


def _thin(chord: list[ScoreNote], fullest: int, span: int) -> list[ScoreNote]:
    """What one hand can hold: its outer note (top of the right hand, bottom of the left) always stays."""
    right = chord[0].staff == 0
    kept = sorted(chord, key=lambda note: -note.pitch if right else note.pitch)
    kept = [note for note in kept if abs(note.pitch - kept[0].pitch) <= span]
    while len(kept) > fullest:
        inner = kept[1:-1]
        doubled = [
            note for note in inner if any(other is not note and (other.pitch - note.pitch) % 12 == 0 for other in kept)
        ]
        kept.remove((doubled or inner)[0])
    return sorted(kept, key=lambda note: note.pitch)


def transpose(notes: Iterable[ScoreNote], semitones: int, *, staff: int | None = None) -> list[ScoreNote]:
    """Notes (of one staff, or all) moved; whoever would leave the piano (21 to 108) goes back by octaves."""
    moved = []
    for note in notes:
        pitch = note.pitch + (semitones if staff is None or note.staff == staff else 0)
        pitch += 12 * max(-(-(21 - pitch) // 12), 0) - 12 * max(-(-(pitch - 108) // 12), 0)
        moved.append(replace(note, pitch=pitch))
    return moved


def transposed_key(key: int, semitones: int) -> int:
    """Signature after transposition, -5 to 6 sharps."""
    return (key + 7 * semitones + 5) % 12 - 5


def thicken(notes: Sequence[ScoreNote], *, staff: int, interval: int = 12) -> list[ScoreNote]:
    """Octaves: the right hand's top line doubled below (or the left hand's bass doubled further below); thick chords stay as they are."""
    chords: dict[int, list[ScoreNote]] = defaultdict(list)
    for note in notes:
        if note.staff == staff:
            chords[note.onset].append(note)
    added = []
    for chord in chords.values():
        outer = max(chord, key=lambda note: note.pitch) if staff == 0 else min(chord, key=lambda note: note.pitch)
        low = outer.pitch - interval
        if len(chord) <= 3 and low >= 21 and all(note.pitch != low for note in chord):
            added.append(replace(outer, pitch=low))
    return [*notes, *added]


def break_chords(notes: Sequence[ScoreNote], *, staff: int, figure: str, step: int = 6) -> list[ScoreNote]:
    """Chords of a staff played one note after the other in `step` ticks (6: 16ths, 8: triplets, 12: eighths).

    figure: "alberti" (low high middle high), "up", "down", "wave". A single note of a quarter or more is taken with its fifth and
    octave. Shorter notes stay. InputError for another figure.
    """
    if figure not in ("alberti", "up", "down", "wave"):
        raise InputError(f"expected figure alberti, up, down or wave, got {figure}")
    chords: dict[int, list[ScoreNote]] = defaultdict(list)
    kept = [note for note in notes if note.staff != staff]
    for note in notes:
        if note.staff == staff:
            chords[note.onset].append(note)
    onsets = sorted(chords)
    for place, onset in enumerate(onsets):
        chord = sorted(chords[onset], key=lambda note: note.pitch)
        after = onsets[place + 1] if place + 1 < len(onsets) else chord[0].onset + max(note.duration for note in chord)
        end = min(onset + max(note.duration for note in chord), after)
        if end - onset < QUARTER or (onset % QUARTER) % step:
            kept += chord
            continue
        pitches = [note.pitch for note in chord]
        if len(pitches) == 1:
            pitches = [pitches[0], pitches[0] + 7, pitches[0] + 12]
        order = _order(pitches, figure)
        for number, tick in enumerate(range(onset, end, step)):
            kept.append(ScoreNote(tick, min(step, end - tick), order[number % len(order)], staff))
    return settle(kept)


def _order(pitches: list[int], figure: str) -> list[int]:
    if figure == "alberti":
        middle = pitches[len(pitches) // 2]
        return [pitches[0], pitches[-1], middle if len(pitches) > 2 else pitches[-1], pitches[-1]]
    return {"up": pitches, "down": pitches[::-1], "wave": pitches + pitches[-2:0:-1]}[figure]


def diminish(notes: Sequence[ScoreNote], *, scale: Sequence[int], staff: int = 0, step: int = 6) -> list[ScoreNote]:
    """Long single notes of a staff filled with scale runs toward the next one. scale: pitch classes."""
    line = sorted((note for note in notes if note.staff == staff), key=lambda note: (note.onset, -note.pitch))
    kept = [note for note in notes if note.staff != staff]
    tops = {note.onset: note for note in reversed(line)}
    onsets = sorted(tops)
    following = {onset: tops[later].pitch for onset, later in itertools.pairwise(onsets)}
    for note in line:
        target = following.get(note.onset, note.pitch)
        if (
            note is not tops[note.onset]
            or note.duration < QUARTER
            or note.duration > 4 * QUARTER
            or note.onset % QUARTER % step
        ):
            kept.append(note)
            continue
        count = note.duration // step
        rungs = [
            pitch for pitch in range(note.pitch - 24, note.pitch + 25) if pitch % 12 in scale or pitch == note.pitch
        ]
        at, sign = rungs.index(note.pitch), 1 if target >= note.pitch else -1
        reach = max(2, sum(1 for pitch in rungs if min(note.pitch, target) < pitch <= max(note.pitch, target)))
        for number in range(count):
            turn = abs((number + reach) % (2 * reach) - reach)  # up to the reach and back, again and again
            kept.append(
                ScoreNote(
                    note.onset + number * step, step, rungs[int(np.clip(at + sign * turn, 0, len(rungs) - 1))], staff
                )
            )
    return settle(kept)


def augment_texture(
    notes: Sequence[ScoreNote],
    generator: np.random.Generator,
    *,
    meter: tuple[int, int] = (4, 4),
    key: int = 0,
    changes: int | None = None,
) -> list[ScoreNote]:
    """Two-staff notes with one or two changes of texture (or `changes`) drawn from generator: octaves, broken chords, runs, register."""
    scale = [(7 * key + step) % 12 for step in (0, 2, 4, 5, 7, 9, 11)]
    step = int(generator.choice([6, 6, 12, 8] if meter[1] < 8 else [6, 6, 12]))
    figure = str(generator.choice(["alberti", "up", "down", "wave"]))
    options: tuple[Callable[[Sequence[ScoreNote]], list[ScoreNote]], ...] = (
        lambda found: thicken(found, staff=1),
        lambda found: thicken(found, staff=0),
        lambda found: break_chords(found, staff=1, figure=figure, step=step),
        lambda found: break_chords(found, staff=1, figure=figure, step=step),
        lambda found: break_chords(found, staff=0, figure=figure, step=step),
        lambda found: diminish(found, scale=scale, staff=0, step=step),
        lambda found: transpose(found, 12, staff=0),
        lambda found: transpose(found, -12, staff=1),
        lambda found: transpose(found, 12),
        lambda found: transpose(found, -12),
    )
    count = int(generator.integers(1, 3)) if changes is None else changes
    result = list(notes)
    for choice in generator.choice(len(options), size=min(count, len(options)), replace=False):
        result = options[int(choice)](result)
    return settle(transpose(result, 0))
