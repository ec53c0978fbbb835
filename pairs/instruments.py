"""General MIDI instruments in natural words: name, family, programs, and the range that sounds natural (MIDI pitches)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Instrument:
    """One instrument. chordal: plays chords naturally; sustained: holds its notes (so dynamics within a note make sense)."""

    name: str
    family: str
    programs: tuple[int, ...]
    low: int
    high: int
    chordal: bool = False

    @property
    def centre(self) -> float:
        """Middle of the range."""
        return (self.low + self.high) / 2


INSTRUMENTS: tuple[Instrument, ...] = (
    Instrument("piano", "keyboard", (0, 1), 28, 100, True),
    Instrument("electric piano", "keyboard", (4, 5), 36, 96, True),
    Instrument("harpsichord", "keyboard", (6,), 36, 89, True),
    Instrument("church organ", "keyboard", (19,), 36, 96, True),
    Instrument("accordion", "keyboard", (21, 23), 48, 91, True),
    Instrument("harmonica", "woodwind", (22,), 58, 93),
    Instrument("celesta", "percussion", (8,), 60, 100, True),
    Instrument("glockenspiel", "percussion", (9,), 72, 108),
    Instrument("music box", "percussion", (10,), 60, 100, True),
    Instrument("vibraphone", "percussion", (11,), 53, 89, True),
    Instrument("marimba", "percussion", (12,), 45, 96, True),
    Instrument("xylophone", "percussion", (13,), 65, 103),
    Instrument("tubular bells", "percussion", (14,), 55, 84),
    Instrument("timpani", "percussion", (47,), 36, 57),
    Instrument("steel drums", "percussion", (114,), 55, 91, True),
    Instrument("hammered dulcimer", "plucked strings", (15,), 48, 88, True),
    Instrument("harp", "plucked strings", (46,), 31, 98, True),
    Instrument("acoustic guitar", "plucked strings", (24, 25), 40, 81, True),
    Instrument("electric guitar", "plucked strings", (26, 27, 29, 30), 40, 84, True),
    Instrument("bass guitar", "plucked strings", (33, 34), 28, 55),
    Instrument("banjo", "plucked strings", (105,), 48, 84, True),
    Instrument("sitar", "plucked strings", (104,), 48, 79),
    Instrument("koto", "plucked strings", (107,), 48, 84),
    Instrument("violin", "strings", (40,), 55, 98),
    Instrument("fiddle", "strings", (110, 40), 55, 93),
    Instrument("viola", "strings", (41,), 48, 84),
    Instrument("cello", "strings", (42,), 36, 76),
    Instrument("double bass", "strings", (43, 32), 28, 60),
    Instrument("string ensemble", "strings", (48, 49), 36, 96, True),
    Instrument("flute", "woodwind", (73,), 60, 96),
    Instrument("piccolo", "woodwind", (72,), 74, 105),
    Instrument("recorder", "woodwind", (74,), 65, 93),
    Instrument("pan flute", "woodwind", (75,), 60, 91),
    Instrument("ocarina", "woodwind", (79,), 67, 98),
    Instrument("oboe", "woodwind", (68,), 58, 91),
    Instrument("cor anglais", "woodwind", (69,), 52, 81),
    Instrument("clarinet", "woodwind", (71,), 50, 91),
    Instrument("bassoon", "woodwind", (70,), 34, 72),
    Instrument("saxophone", "woodwind", (64, 65, 66, 67), 44, 84),
    Instrument("bagpipes", "woodwind", (109,), 55, 84),
    Instrument("trumpet", "brass", (56, 59), 54, 86),
    Instrument("trombone", "brass", (57,), 34, 72),
    Instrument("tuba", "brass", (58,), 28, 58),
    Instrument("french horn", "brass", (60,), 41, 77),
    Instrument("brass section", "brass", (61,), 40, 86, True),
    Instrument("choir", "voices", (52, 53), 40, 84, True),
    Instrument("synthesizer", "electronic", (80, 81, 88, 89, 90), 36, 96, True),
)
BY_NAME: dict[str, Instrument] = {instrument.name: instrument for instrument in INSTRUMENTS}
DRUMS = "drums"

_OTHERS = {  # programs that no rendering of ours uses, for facts of users' MIDI files
    2: "piano", 3: "piano", 7: "harpsichord", 16: "church organ", 17: "church organ", 18: "church organ",
    20: "church organ", 28: "electric guitar", 31: "electric guitar", 35: "bass guitar", 36: "bass guitar",
    37: "bass guitar", 38: "bass guitar", 39: "bass guitar", 44: "string ensemble", 45: "string ensemble",
    50: "string ensemble", 51: "string ensemble", 54: "choir", 62: "brass section", 63: "brass section",
    76: "pan flute", 77: "pan flute", 82: "synthesizer", 83: "synthesizer", 84: "synthesizer", 85: "synthesizer",
    86: "synthesizer", 87: "synthesizer", 106: "banjo", 111: "oboe",
}  # fmt: skip
_OF_PROGRAM = {**_OTHERS, **{program: i.name for i in reversed(INSTRUMENTS) for program in i.programs}}
_OF_PROGRAM[40] = "violin"
_OF_PROGRAM[32] = "double bass"


def instrument_name(program: int, *, drums: bool = False) -> str | None:
    """Natural name of a General MIDI program (0 to 127), "drums" for percussion tracks, None for sound effects."""
    return DRUMS if drums else _OF_PROGRAM.get(program)


def family_of(name: str) -> str:
    """Family of an instrument by its natural name."""
    return "percussion" if name == DRUMS else BY_NAME[name].family
