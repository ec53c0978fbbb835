"""Small scores in several formats, as texts, with what is known of them."""

from __future__ import annotations

SCALE = """X:1
T:Scale
M:3/4
L:1/4
Q:1/4=120
K:C
|: C D E | F G A :| B c d | e3 |]
"""

TWO_STAVES = """X:1
T:Two hands
M:4/4
L:1/4
Q:1/4=60
K:G
%%score {1 | 2}
V:1 clef=treble
V:2 clef=bass
[V:1] B c d e | d2 [GBd]2 | z4 |]
[V:2] G,2 A,2 | G,,4 | D,4 |]
"""

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


MEI = """<?xml version="1.0" encoding="UTF-8"?>
<mei xmlns="http://www.music-encoding.org/ns/mei" meiversion="5.0"><meiHead><fileDesc><titleStmt><title>Small</title></titleStmt>
<pubStmt/></fileDesc></meiHead><music><body><mdiv><score>
<scoreDef meter.count="2" meter.unit="4"><staffGrp><staffDef n="1" lines="5" clef.shape="G" clef.line="2"/></staffGrp></scoreDef>
<section><measure n="7"><staff n="1"><layer n="1"><note pname="c" oct="5" dur="4"/><note pname="e" oct="5" dur="4"/></layer></staff></measure>
<measure n="8"><staff n="1"><layer n="1"><note pname="g" oct="5" dur="2"/></layer></staff></measure></section>
</score></mdiv></body></music></mei>
"""
