"""Small scores in several formats, as texts, with what is known of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from pairs.engraving import Engraver, Look
from pairs.sheet_music import sheet_of, write_sheet
from pairs.source import Item

SCALE = """X:1
T:Scale
M:3/4
L:1/4
Q:1/4=120
K:C
|: C D E | F G A :| B c d | e3 |]
"""


def _layer(notes: str) -> str:
    """ "b4:4 (g4 b4 d5):2 r:1": pitch and octave, then the written length; brackets are a chord, r a rest."""
    found = []
    for names, length in re.findall(r"(\([^)]*\)|\S+?):(\d)", notes):
        if names == "r":
            found.append(f'<rest dur="{length}"/>')
            continue
        heads = [f'<note pname="{name[0]}" oct="{name[1]}" dur="{length}"/>' for name in names.strip("()").split()]
        found.append(heads[0] if len(heads) == 1 else f'<chord dur="{length}">{"".join(heads)}</chord>')
    return f'<layer n="1">{"".join(found)}</layer>'


def mei(
    measures: Sequence[tuple[str, ...]], *, clefs: tuple[str, ...] = ("G", "F"), metre: str = "4/4", first: int = 1
) -> str:
    """MEI at 60 quarters a minute. measures: the notes of each staff (see `_layer`); first: printed number of the first measure."""
    count, _, unit = metre.partition("/")
    lines = {"G": 2, "F": 4}
    staves = "".join(
        f'<staffDef n="{n}" lines="5" clef.shape="{clef}" clef.line="{lines[clef]}"/>'
        for n, clef in enumerate(clefs, 1)
    )
    bars = ""
    for number, bar in enumerate(measures, first):
        parts = "".join(f'<staff n="{n}">{_layer(part)}</staff>' for n, part in enumerate(bar, 1))
        bars += f'<measure n="{number}">{parts}</measure>'
    return (
        '<?xml version="1.0" encoding="UTF-8"?><mei xmlns="http://www.music-encoding.org/ns/mei" meiversion="5.0"><meiHead><fileDesc>'
        "<titleStmt><title>Small é</title></titleStmt><pubStmt/></fileDesc></meiHead><music><body><mdiv><score>"
        f'<scoreDef meter.count="{count}" meter.unit="{unit}" midi.bpm="60"><staffGrp bar.thru="true">{staves}</staffGrp></scoreDef>'
        f"<section>{bars}</section></score></mdiv></body></music></mei>"
    )


STEPS = "CDEFGAB"


def music_xml(
    notes: list[str], *, beats: int = 4, unit: int = 4, clef: tuple[str, int] = ("G", 2), percussion: bool = False
) -> str:
    """MusicXML of one part. notes: measures of quarter notes, "G4 A4 F#5" each; percussion: all of them are unpitched."""
    measures = []
    for number, measure in enumerate(notes, start=1):
        head = ""
        if number == 1:
            sign = "<sign>percussion</sign>" if percussion else f"<sign>{clef[0]}</sign><line>{clef[1]}</line>"
            head = (
                "<attributes><divisions>1</divisions><key><fifths>0</fifths></key>"
                f"<time><beats>{beats}</beats><beat-type>{unit}</beat-type></time><clef>{sign}</clef></attributes>"
            )
        body = "".join(_note(name, percussion) for name in measure.split())
        measures.append(f'<measure number="{number}">{head}{body}</measure>')
    return (
        '<?xml version="1.0" encoding="UTF-8"?><score-partwise version="3.1"><part-list><score-part id="P1">'
        f'<part-name>Part é</part-name></score-part></part-list><part id="P1">{"".join(measures)}</part></score-partwise>'
    )


def _note(name: str, percussion: bool) -> str:
    step, alter, octave = name[0], name.count("#") - name.count("b"), name[-1]
    if percussion:
        place = f"<unpitched><display-step>{step}</display-step><display-octave>{octave}</display-octave></unpitched>"
    else:
        shift = f"<alter>{alter}</alter>" if alter else ""
        place = f"<pitch><step>{step}</step>{shift}<octave>{octave}</octave></pitch>"
    return f"<note>{place}<duration>1</duration><type>quarter</type></note>"


MEI = mei([("c5:4 e5:4",), ("g5:2",)], clefs=("G",), metre="2/4", first=7)
TWO_STAVES = mei(
    [("b4:4 c5:4 d5:4 e5:4", "g3:2 a3:2"), ("d5:2 (g4 b4 d5):2", "g2:1"), ("r:1", "d3:1")],
)


def write_piece(folder: Path, name: str, *, measures: int = 24, seconds_a_quarter: float = 0.5) -> Item:
    """A piece for two hands, engraved and straightened, with a recording in which each moment is a short tone of its highest key."""
    generator = np.random.default_rng(len(name) + measures)
    keys = generator.choice(["c5", "d5", "e5", "f5", "g5", "a4", "g4"], size=(measures, 4))
    bars = [(" ".join(f"{key}:4" for key in bar), "c3:2 g3:2") for bar in keys]
    engraving = Engraver().engrave(mei(bars), look=Look(width=70, height=90))
    made = sheet_of(engraving)
    sheet = replace(made, seconds=0.4 + made.quarters * seconds_a_quarter)
    write_sheet(folder / f"{name}.sheet.npy", sheet)
    rate = 22050
    samples = np.zeros(round((sheet.seconds.max() + 1.5) * rate), np.float32)
    for second in np.unique(sheet.seconds):
        pitch = int(sheet.pitch[sheet.seconds == second].max())
        time = np.arange(round(0.3 * rate)) / rate
        tone = 0.3 * np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * time) * np.exp(-time * 8)
        begin = round(second * rate)
        samples[begin : begin + len(tone)] += tone.astype(np.float32)
    soundfile.write(folder / f"{name}.wav", samples, rate)
    return Item(id=name, files={"audio": folder / f"{name}.wav", "sheet": folder / f"{name}.sheet.npy"})
