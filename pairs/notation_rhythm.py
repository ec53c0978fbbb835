"""Rhythm of engraved music: which note values, ties, rests and triplets stand for a span of ticks in a measure, and what is beamed.

A measure's ticks count from its bar line. Simple meters (4/4, 3/4, 2/2) have quarter beats, compound ones (6/8, 9/8, 3/8) dotted
quarters; 5/8 and 7/8 are grouped 3+2 and 2+2+3. Rules after Gould, Behind Bars (2011), chapter on grouping: a value hides neither the
middle of a 4/4 measure nor the beat that follows an offbeat, save the usual syncopations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from crossmodal.base.errors import InputError

_UNEVEN = {5: (3, 2), 7: (2, 2, 3), 10: (3, 2, 3, 2), 11: (3, 3, 3, 2)}


@dataclass(frozen=True)
class Meter:
    """A meter on a grid of ticks: numerator and denominator as written, ticks per quarter note."""

    numerator: int
    denominator: int
    quarter: int

    def __post_init__(self) -> None:
        if self.numerator < 1 or self.denominator not in (1, 2, 4, 8, 16) or self.quarter < 1:
            raise InputError(
                f"expected a meter such as (4, 4) and ticks per quarter of at least 1, got {self.numerator}/{self.denominator} "
                f"and {self.quarter}"
            )
        if 4 * self.quarter * self.numerator % self.denominator:
            raise InputError(
                f"expected ticks per quarter that fill a measure of {self.numerator}/{self.denominator}, got {self.quarter}"
            )

    @cached_property
    def measure(self) -> int:
        """Ticks of a measure."""
        return 4 * self.quarter * self.numerator // self.denominator

    @cached_property
    def compound(self) -> bool:
        """Whether beats are dotted."""
        return self.denominator >= 8 and self.numerator % 3 == 0

    @cached_property
    def uneven(self) -> bool:
        """Whether beats have several lengths, as in 5/8."""
        return (
            self.denominator >= 8 and not self.compound and (self.measure % self.quarter != 0 or self.numerator == 10)
        )

    @cached_property
    def beats(self) -> tuple[int, ...]:
        """Where beats begin, with the measure's end as the last, ticks."""
        unit = 4 * self.quarter // self.denominator
        if self.compound:
            return tuple(range(0, self.measure + 1, 3 * unit))
        if self.uneven:
            starts = [0]
            for size in _UNEVEN.get(self.numerator, (2,) * (self.numerator // 2) + (1,) * (self.numerator % 2)):
                starts.append(starts[-1] + size * unit)
            return tuple(starts) if starts[-1] == self.measure else tuple(range(0, self.measure + 1, unit))
        return (*range(0, self.measure, self.quarter), self.measure)

    @cached_property
    def middle(self) -> int | None:
        """The middle of a measure of four quarters, which values keep visible; None elsewhere."""
        return 2 * self.quarter if self.measure == 4 * self.quarter and not self.compound else None

    @cached_property
    def values(self) -> dict[int, tuple[int, int]]:
        """Ticks -> (written value as in 4 for a quarter, dots) of all single symbols up to 64ths that the grid can hold."""
        found: dict[int, tuple[int, int]] = {}
        for value in (1, 2, 4, 8, 16, 32, 64):
            for dots in (0, 1):
                ticks, rest = divmod(4 * self.quarter * (3 if dots else 1), value * (2 if dots else 1))
                if not rest and ticks:
                    found[ticks] = (value, dots)
        return found

    def beat_of(self, tick: int) -> int:
        """Number of the beat that a tick lies in."""
        return max(number for number, start in enumerate(self.beats[:-1]) if start <= tick)


@dataclass(frozen=True)
class Value:
    """One written symbol: [start, end) in ticks of its measure, value (4 is a quarter), dots, and the beat's number when in a triplet."""

    start: int
    end: int
    value: int
    dots: int
    triplet: int | None = None


def triplet_beats(bounds: Sequence[int], meter: Meter) -> frozenset[int]:
    """Beats that need a triplet because a bound (start or end of a note, ticks) lies off the binary grid. InputError for a mixed beat."""
    inside: dict[int, list[int]] = {}
    for bound in bounds:
        beat = meter.beat_of(min(bound, meter.measure - 1))
        if bound not in meter.beats:
            inside.setdefault(beat, []).append(bound - meter.beats[beat])
    triplets = set()
    for beat, offsets in inside.items():
        if all(16 * offset % meter.quarter == 0 for offset in offsets):
            continue
        plain = meter.beats[beat + 1] - meter.beats[beat] == meter.quarter and not meter.compound
        if not plain or any(6 * offset % meter.quarter for offset in offsets):
            raise InputError(
                f"expected notes on 64ths or on triplets within a beat and voice, got ticks {sorted(set(offsets))} of a beat "
                f"of {meter.beats[beat + 1] - meter.beats[beat]}; quantize first"
            )
        triplets.add(beat)
    return frozenset(triplets)


def write_span(start: int, end: int, meter: Meter, triplets: frozenset[int], *, rest: bool) -> list[Value]:
    """Symbols (tied, when a note) for [start, end) within one measure."""
    values: list[Value] = []
    plain = start
    for beat in sorted(triplets):
        low, high = max(start, meter.beats[beat]), min(end, meter.beats[beat + 1])
        if low >= high:
            continue
        if low - meter.beats[beat] == 0 and high == meter.beats[beat + 1]:
            continue  # the span fills the beat: an ordinary symbol, no tuplet (bounds inside make a triplet only where they lie)
        values += _plain(plain, low, meter, rest) + _triplet(low, high, beat, meter)
        plain = high
    return values + _plain(plain, end, meter, rest)


def _plain(start: int, end: int, meter: Meter, rest: bool) -> list[Value]:
    spans = _rest_spans(start, end, meter) if rest else _note_spans(start, end, meter)
    return [Value(low, high, *meter.values[high - low]) for low, high in spans]


def _triplet(start: int, end: int, beat: int, meter: Meter) -> list[Value]:
    """Parts of a triplet beat: written values are half as long again as they sound."""
    values = []
    while start < end:
        for sixths in (4, 3, 2, 1):
            ticks, rest = divmod(sixths * meter.quarter, 6)
            if not rest and start + ticks <= end:
                written = {4: (4, 0), 3: (8, 1), 2: (8, 0), 1: (16, 0)}[sixths]
                values.append(Value(start, start + ticks, *written, triplet=beat))
                start += ticks
                break
        else:
            raise InputError(f"expected ticks per quarter that hold triplets, got {meter.quarter}; use a multiple of 6")
    return values


def _note_spans(start: int, end: int, meter: Meter) -> list[tuple[int, int]]:
    if start >= end:
        return []
    if _allowed(start, end, meter):
        return [(start, end)]
    cut = _cut(start, end, meter)
    return _note_spans(start, cut, meter) + _note_spans(cut, end, meter)


def _allowed(start: int, end: int, meter: Meter) -> bool:
    length, quarter = end - start, meter.quarter
    if length not in meter.values:
        return False
    crossed = [beat for beat in meter.beats if start < beat < end]
    if not crossed:
        return True
    if meter.compound or meter.uneven:
        return start in meter.beats and end in meter.beats
    hides_middle = meter.middle is not None and start < meter.middle < end
    if start % quarter == 0:
        return length % quarter == 0 or (2 * length == 3 * quarter and not hides_middle)
    if 2 * (start % quarter) == quarter and not hides_middle:
        return length == quarter or 2 * length == 3 * quarter
    return False


def _cut(start: int, end: int, meter: Meter) -> int:
    """Where a span that no single symbol may write is divided."""
    crossed = [beat for beat in meter.beats if start < beat < end]
    if meter.middle is not None and meter.middle in crossed:
        return meter.middle
    if crossed:
        return crossed[-1] if start in meter.beats else crossed[0]
    step = meter.quarter * 2
    while step > 1:  # the strongest subdivision inside
        origin = meter.beats[meter.beat_of(start)]
        point = origin + ((start - origin) // step + 1) * step
        if start < point < end:
            return point
        step = step // 2 if step % 2 == 0 else 1
    raise InputError(
        f"expected durations in 64ths or triplets, got {end - start} ticks of a quarter of {meter.quarter}; quantize first"
    )


def _rest_spans(start: int, end: int, meter: Meter) -> list[tuple[int, int]]:
    """Rests never hide a beat, and each begins at a multiple of its own length."""
    eighth = meter.quarter // 2
    lengths = [4 * meter.quarter >> shift for shift in range(7)]
    if meter.compound:
        lengths = [6 * eighth, 3 * eighth, 2 * eighth, eighth, eighth // 2, eighth // 4]
    elif meter.uneven:
        lengths = [eighth, eighth // 2, eighth // 4]
    elif meter.numerator % 2:
        lengths = lengths[2:] if meter.denominator != 2 else lengths[1:]
    spans = []
    while start < end:
        origin = meter.beats[meter.beat_of(start)]
        for length in lengths:
            aligned = start == origin if meter.compound and length == 2 * eighth else start % max(length, 1) == 0
            if length in meter.values and aligned and start + length <= end:
                break
        else:
            length = next((size for size in sorted(meter.values, reverse=True) if start + size <= end), 0)
            if not length:
                raise InputError(f"expected rests in 64ths or triplets, got {end - start} ticks; quantize first")
        spans.append((start, start + length))
        start += length
    return spans


def beam_groups(values: Sequence[Value], sounding: Sequence[bool], meter: Meter) -> list[tuple[int, int]]:
    """Runs [first, last) of symbols to beam; sounding: which are notes. Eighths alone are beamed by half measures, and by 3/4 measures."""
    beats = len(meter.beats) - 1
    group = list(range(beats))
    if not meter.compound and not meter.uneven:
        size = 2 if meter.middle is not None else beats if beats <= 3 else 1
        for first in range(0, beats, size):
            low, high = meter.beats[first], meter.beats[min(first + size, beats)]
            inside = [(v, s) for v, s in zip(values, sounding, strict=True) if low <= v.start < high]
            if all(
                s and (v.value, v.dots, v.triplet) == (8, 0, None) and not v.start * 2 % meter.quarter
                for v, s in inside
            ):
                group[first : first + size] = [first] * len(group[first : first + size])
    runs, first, current = [], 0, None
    for place, (value, sounds) in enumerate(zip(values, sounding, strict=True)):
        key = (group[meter.beat_of(value.start)], value.triplet) if sounds and value.value >= 8 else None
        if key is None or key != current:
            if current is not None and place - first > 1:
                runs.append((first, place))
            first, current = place, key
    if current is not None and len(values) - first > 1:
        runs.append((first, len(values)))
    return runs
