"""Notes of one staff -> at most two voices (layers), each a line of chords that never overlap, cut at bar lines.

A voice holds one chord at a time: where three lines move on one staff the shortest-lived is cut short, never an onset moved.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from crossmodal.base.errors import InputError
from pairs.notation_rhythm import Meter, Value, triplet_beats, write_span

Heads = list[tuple[int, int]]  # (index into the caller's notes, MIDI pitch), low to high


@dataclass(frozen=True)
class ScoreNote:
    """One note: onset and duration in ticks (whole numbers), MIDI pitch, staff counted from 0 at the top."""

    onset: int
    duration: int
    pitch: int
    staff: int = 0


@dataclass
class Symbol:
    """One symbol of a layer: a note or chord; a rest, when it has no heads; an empty space, when hidden. Ids and spellings come later."""

    value: Value
    heads: Heads
    hidden: bool = False
    toward: int | None = None  # the pitch that follows a single note in its layer
    ids: tuple[str, ...] = ()
    shift: int = 0  # octaves that an 8va (1) or 8vb (-1) adds to what is written
    spellings: list[tuple[tuple[str, int, int], bool]] = field(default_factory=list)

    @property
    def id(self) -> str:
        """Id to hang a mark on; empty for a rest."""
        return self.ids[0] if self.ids else ""

    @property
    def begins(self) -> bool:
        """Whether a note is struck here, not only held over."""
        return any("t" not in name for name in self.ids)


Layer = list[Symbol]
Piece = tuple[int, int, Heads]  # start and end in the measure, notes


@dataclass
class Event:
    """A chord of one voice: [start, end) in ticks."""

    start: int
    end: int
    heads: Heads

    @property
    def centre(self) -> float:
        """Mean pitch."""
        return sum(pitch for _, pitch in self.heads) / len(self.heads)


def check_notes(notes: Sequence[ScoreNote], staves: int) -> None:
    """InputError for a note that cannot be written."""
    for index, note in enumerate(notes):
        whole = all(value == int(value) for value in (note.onset, note.duration))
        if (
            not whole
            or note.onset < 0
            or note.duration < 1
            or not 12 <= note.pitch <= 119
            or not 0 <= note.staff < staves
        ):
            raise InputError(
                f"note {index}: expected onset >= 0 and duration >= 1 in whole ticks, pitch 12 to 119 and staff below {staves}, "
                f"got {note}; quantize first"
            )


def split_voices(notes: Iterable[tuple[int, ScoreNote]]) -> tuple[list[Event], list[Event]]:
    """(index, note) of one staff -> upper and lower voice. Where one voice is enough the lower is empty. Doubled notes are written once."""
    moments: dict[int, dict[int, tuple[int, int]]] = {}
    ends: dict[int, int] = {}
    for index, note in sorted(notes, key=lambda item: (item[1].onset, item[0])):
        here = moments.setdefault(int(note.onset), {})
        if note.pitch not in here:
            here[note.pitch] = (index, int(note.onset + note.duration))
    onsets = sorted(moments)
    for onset in reversed(onsets):  # a pitch that is struck again ends
        for pitch, (index, end) in moments[onset].items():
            moments[onset][pitch] = (index, min(end, ends.get(pitch, end)))
            ends[pitch] = onset
    upper: list[Event] = []
    lower: list[Event] = []
    for onset in onsets:
        heads = [(pitch, index, end) for pitch, (index, end) in sorted(moments[onset].items())]
        following = [moments[later] for later in _onsets_after(onsets, onset, max(end for _, _, end in heads))]
        parts = _partition(onset, heads)
        if len(parts) == 2:
            _place(parts[1], upper)
            _place(parts[0], lower)
        else:
            _place(parts[0], _choose(parts[0], upper, lower, following))
    return upper, lower


def _onsets_after(onsets: Sequence[int], onset: int, end: int) -> list[int]:
    """Onsets strictly inside (onset, end), at most eight."""
    first = bisect_right(onsets, onset)
    found = []
    for later in onsets[first : first + 8]:
        if later >= end:
            break
        found.append(later)
    return found


def _partition(onset: int, heads: list[tuple[int, int, int]]) -> list[Event]:
    """A chord's notes (pitch, index, end), low to high -> one event, or a lower and an upper one of different lengths."""
    start_ends = sorted({end for _, _, end in heads})
    if len(start_ends) == 1:
        return [_event(onset, heads)]
    best: tuple[float, list[tuple[int, int, int]], list[tuple[int, int, int]]] | None = None
    choices = [(heads[:cut], heads[cut:]) for cut in range(1, len(heads))]
    for limit in start_ends[:-1]:
        short, long = [h for h in heads if h[2] <= limit], [h for h in heads if h[2] > limit]
        pair = (short, long) if _mean(short) < _mean(long) else (long, short)
        choices.append(pair)
    for place, (low, high) in enumerate(choices):
        lost = sum(h[2] for h in heads) - len(low) * min(h[2] for h in low) - len(high) * min(h[2] for h in high)
        crossing = 0.01 if place >= len(heads) - 1 else 0.0
        if best is None or lost + crossing < best[0]:
            best = (lost + crossing, low, high)
    assert best is not None  # two ends need at least two heads, so there was a choice
    return [_event(onset, best[1]), _event(onset, best[2])]


def _mean(heads: list[tuple[int, int, int]]) -> float:
    return sum(pitch for pitch, _, _ in heads) / len(heads)


def _event(onset: int, heads: list[tuple[int, int, int]]) -> Event:
    return Event(onset, min(end for _, _, end in heads), [(index, pitch) for pitch, index, _ in heads])


def _choose(
    event: Event, upper: list[Event], lower: list[Event], following: list[dict[int, tuple[int, int]]]
) -> list[Event]:
    """The voice for a chord that comes alone: a free one; when both are, by what it will sound with."""
    start = event.start
    busy_upper = bool(upper) and upper[-1].end > start
    busy_lower = bool(lower) and lower[-1].end > start
    if busy_upper and busy_lower:
        if event.centre >= upper[-1].centre:
            return upper
        if event.centre <= lower[-1].centre:
            return lower
        return upper if upper[-1].end <= lower[-1].end else lower
    if busy_upper or busy_lower:
        return lower if busy_upper else upper
    if following:
        others = [pitch for moment in following for pitch in moment]
        return upper if event.centre >= sum(others) / len(others) else lower
    return upper


def _place(event: Event, voice: list[Event]) -> None:
    if voice and voice[-1].end > event.start:
        voice[-1].end = event.start
    voice.append(event)


def lay_out(notes: Iterable[tuple[int, ScoreNote]], grid: Meter, count: int) -> list[list[Layer]]:
    """(index, note) of one staff -> its layers in each of `count` measures: one where the voices do not overlap, else two."""
    upper, lower = (_cut_at_bars(voice, grid.measure, count) for voice in split_voices(notes))
    measures: list[list[Layer]] = []
    for first, second in zip(upper, lower, strict=True):
        spans = {piece[:2] for piece in first}
        clash = any(a[0] < b[1] and b[0] < a[1] for a in first for b in second if b[:2] not in spans)
        if clash:
            measures.append([_symbols(first, grid), _symbols(second, grid, rests=False)])
        else:
            measures.append([_symbols(_merge(first, second), grid)])
    for layers in measures:
        for layer in layers:
            for symbol, following in itertools.pairwise(layer):
                if len(symbol.heads) == len(following.heads) == 1:
                    symbol.toward = following.heads[0][1]
    return measures


def _cut_at_bars(voice: list[Event], measure: int, count: int) -> list[list[Piece]]:
    pieces: list[list[Piece]] = [[] for _ in range(count)]
    for event in voice:
        for number in range(event.start // measure, -(-event.end // measure)):
            start, end = max(event.start - number * measure, 0), min(event.end - number * measure, measure)
            pieces[number].append((start, end, event.heads))
    return pieces


def _merge(first: list[Piece], second: list[Piece]) -> list[Piece]:
    """Both voices in one layer: chords of one span become one."""
    merged = {piece[:2]: piece[2] for piece in first}
    for start, end, heads in second:
        merged[start, end] = sorted([*merged.get((start, end), []), *heads], key=lambda head: head[1])
    return [(*span, merged[span]) for span in sorted(merged)]


def _symbols(content: list[Piece], grid: Meter, *, rests: bool = True) -> Layer:
    """A layer of one measure; gaps of a second voice stay empty, as most editions leave them."""
    triplets = triplet_beats([bound for piece in content for bound in piece[:2]], grid)
    symbols: Layer = []
    position = 0
    for start, end, heads in [*content, (grid.measure, grid.measure, [])]:
        if position < start:
            values = write_span(position, start, grid, triplets, rest=True)
            symbols += [Symbol(value, [], hidden=not rests) for value in values]
        symbols += [Symbol(value, heads) for value in write_span(start, end, grid, triplets, rest=False)]
        position = end
    return symbols
