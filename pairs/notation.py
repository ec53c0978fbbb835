"""Quantized notes -> MEI that an engraver sets as an ordinary printed page: measures, voices, ties, beams, triplets, clefs, accidentals.

Every note of the caller is found again by its id: `n7` is the first symbol of `notes[7]` (tied continuations are `n7t1`, ...). Of two
notes with one onset, pitch and staff only the first is written. No onset is moved; where three lines meet on one staff, or a pitch is
struck again while it sounds, the earlier note ends early. Times in ticks from the start of the first measure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from crossmodal.base.errors import InputError
from pairs.notation_marks import Marks, draw_marks, octave_shifts
from pairs.notation_rhythm import Meter, beam_groups
from pairs.notation_spelling import ACCIDENTALS, CLEFS, GESTURAL, MeasureAccidentals, Spelling, choose_clefs, spell
from pairs.notation_voices import Layer, ScoreNote, Symbol, check_notes, lay_out

if TYPE_CHECKING:
    import numpy as np

__all__ = ["ScoreNote", "write_mei"]


def write_mei(
    notes: Sequence[ScoreNote],
    *,
    meter: tuple[int, int] = (4, 4),
    key: int = 0,
    ticks_per_quarter: int = 24,
    staves: int = 2,
    clefs: Sequence[str] | None = None,
    title: str | None = None,
    measures: int | None = None,
    decoration: np.random.Generator | None = None,
) -> str:
    """Notes -> MEI 5 text.

    key: sharps (positive) or flats (negative), -7 to 7. clefs: one of G2, F4, C3, C4 a staff, kept throughout; None: treble or bass as
    the register asks, measure by measure. measures: how many to write at least. decoration: slurs, dynamics, articulation, fingering,
    pedal and words as editions have them, drawn from this generator; they alter no time. InputError for notes off the grid, a key,
    meter or clef that does not exist, or no notes.
    """
    grid = Meter(*meter, ticks_per_quarter)
    if not notes or not -7 <= key <= 7 or staves < 1:
        raise InputError(
            f"expected notes, a key of -7 to 7 and at least one staff, got {len(notes)} notes, key {key}, {staves} staves"
        )
    check_notes(notes, staves)
    count = max(-(-max(int(note.onset + note.duration) for note in notes) // grid.measure), measures or 1)
    written = [
        lay_out([(i, note) for i, note in enumerate(notes) if note.staff == staff], grid, count)
        for staff in range(staves)
    ]
    ties: list[list[str]] = [[] for _ in range(count)]
    signs = _clefs(written, clefs)
    for staff, sign in zip(written, signs, strict=True):
        shifts = octave_shifts(staff, sign, decoration) if decoration is not None else [0] * count
        _name(staff, key, ties, shifts)
    marks = (
        draw_marks(written, grid, decoration) if decoration is not None else Marks([[] for _ in range(count)], {}, {})
    )
    body = [_head(title, meter, key, [sign[0] for sign in signs])]
    for number in range(count):
        body.append(f'<measure n="{number + 1}"' + (' right="end">' if number == count - 1 else ">"))
        for place, (staff, sign) in enumerate(zip(written, signs, strict=True)):
            new = sign[min(number + 1, count - 1)]
            change = "" if new == sign[number] else f'<clef shape="{new[0]}" line="{new[1]}"/>'
            body.append(f'<staff n="{place + 1}">')
            for voice, layer in enumerate(staff[number]):
                body.append(f'<layer n="{voice + 1}">{_layer(layer, grid, marks)}{"" if voice else change}</layer>')
            body.append("</staff>")
        body += [*ties[number], *marks.controls[number], "</measure>"]
    return "".join([*body, "</section></score></mdiv></body></music></mei>"])


def _name(staff: list[list[Layer]], key: int, ties: list[list[str]], shifts: Sequence[int]) -> None:
    """Give every symbol its ids, spellings and accidentals; mark ties between the symbols of one note."""
    last: dict[int, str] = {}
    pieces: dict[int, int] = {}
    spelled: dict[int, Spelling] = {}
    home: dict[int, int] = {}
    for number, layers in enumerate(staff):
        signs = MeasureAccidentals(key)
        here: dict[int, Spelling] = {}  # a pitch keeps its spelling within a measure
        for symbol in sorted((s for layer in layers for s in layer if s.heads), key=lambda s: s.value.start):
            ids = []
            symbol.shift = shifts[number]
            for index, pitch in symbol.heads:
                if index in last:
                    pieces[index] = pieces.get(index, 0) + 1
                    name = f"n{index}t{pieces[index]}"
                    ties[home[index]].append(f'<tie startid="#{last[index]}" endid="#{name}"/>')
                    shown = False
                else:
                    name = f"n{index}"
                    spelled[index] = here.setdefault(pitch, spell(pitch, key, symbol.toward))
                    shown = signs.written(spelled[index])
                last[index], home[index] = name, number
                ids.append(name)
                symbol.spellings.append((spelled[index], shown))
            symbol.ids = tuple(ids)


def _clefs(written: list[list[list[Layer]]], clefs: Sequence[str] | None) -> list[list[str]]:
    """A clef for each staff and measure."""
    if clefs is not None:
        if len(clefs) != len(written) or any(clef not in CLEFS for clef in clefs):
            raise InputError(f"expected {len(written)} clefs of {', '.join(CLEFS)}, got {', '.join(clefs)}")
        return [[clef] * len(staff) for clef, staff in zip(clefs, written, strict=True)]
    chosen = []
    for place, staff in enumerate(written):
        pitches = [[pitch for layer in layers for symbol in layer for _, pitch in symbol.heads] for layers in staff]
        low = place > 0 and place == len(written) - 1
        chosen.append(choose_clefs(pitches, home="F4" if low else "G2"))
    return chosen


def _layer(layer: Layer, grid: Meter, marks: Marks) -> str:
    """XML of a layer: symbols in beams and triplets."""
    if all(not symbol.heads for symbol in layer):
        return "<mRest/>" if not any(symbol.hidden for symbol in layer) else "<mSpace/>"
    values = [symbol.value for symbol in layer]
    runs = beam_groups(values, [bool(symbol.heads) for symbol in layer], grid)
    opens, closes = {first for first, _ in runs}, {last - 1 for _, last in runs}
    written = []
    for place, symbol in enumerate(layer):
        before = values[place - 1].triplet if place else None
        after = values[place + 1].triplet if place + 1 < len(values) else None
        triplet = symbol.value.triplet
        if triplet is not None and triplet != before:
            small = any(value.triplet == triplet and value.value > 8 for value in values)
            written.append('<tuplet num="6" numbase="4">' if small else '<tuplet num="3" numbase="2">')
        written.append("<beam>" if place in opens else "")
        written.append(_element(symbol, marks))
        written.append("</beam>" if place in closes else "")
        if triplet is not None and triplet != after:
            written.append("</tuplet>")
    return "".join(written)


def _element(symbol: Symbol, marks: Marks) -> str:
    length = f'dur="{symbol.value.value}"' + (f' dots="{symbol.value.dots}"' if symbol.value.dots else "")
    if not symbol.heads:
        return f"<{'space' if symbol.hidden else 'rest'} {length}/>"
    extra, inner = marks.attributes.get(symbol.id, ""), marks.children.get(symbol.id, "")
    single = len(symbol.ids) == 1
    heads = []
    for name, ((letter, octave, alteration), shown) in zip(symbol.ids, symbol.spellings, strict=True):
        sign = (
            f' accid="{ACCIDENTALS[alteration]}"'
            if shown
            else f' accid.ges="{GESTURAL[alteration]}"'
            if alteration
            else ""
        )
        sounding = f' oct.ges="{octave}"' if symbol.shift else ""
        own = f" {length}{extra}" if single else ""
        heads.append(
            f'<note xml:id="{name}"{own} pname="{letter.lower()}" oct="{octave - symbol.shift}"{sounding}{sign}'
        )
    if single:
        return f"{heads[0]}>{inner}</note>" if inner else f"{heads[0]}/>"
    return f"<chord {length}{extra}>{inner}{''.join(head + '/>' for head in heads)}</chord>"


def _head(title: str | None, meter: tuple[int, int], key: int, clefs: Sequence[str]) -> str:
    """Everything before the first measure."""
    staves = "".join(
        f'<staffDef n="{place + 1}" lines="5"><clef shape="{clef[0]}" line="{clef[1]}"/></staffDef>'
        for place, clef in enumerate(clefs)
    )
    signature = f"{abs(key)}{'s' if key > 0 else 'f'}" if key else "0"
    if len(clefs) == 3:  # a solo part above a piano
        first = staves.index("</staffDef>") + len("</staffDef>")
        staves = f'{staves[:first]}<staffGrp symbol="brace" bar.thru="true">{staves[first:]}</staffGrp>'
    kind = {1: "", 2: ' symbol="brace" bar.thru="true"', 3: ""}.get(len(clefs), ' symbol="bracket" bar.thru="true"')
    return (
        '<?xml version="1.0" encoding="UTF-8"?><mei xmlns="http://www.music-encoding.org/ns/mei" meiversion="5.0"><meiHead><fileDesc>'
        f"<titleStmt><title>{escape(title or '')}</title></titleStmt><pubStmt/></fileDesc></meiHead><music><body><mdiv><score>"
        f'<scoreDef keysig="{signature}" meter.count="{meter[0]}" meter.unit="{meter[1]}"><staffGrp{kind}>{staves}</staffGrp></scoreDef>'
        "<section>"
    )
