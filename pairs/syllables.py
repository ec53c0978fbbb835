"""Vowels and consonants of sung syllables, as targets of a formant synthesizer, and lyrics drawn from them.

Formants in hertz of a man's tract of 17.5 cm: the first three after Peterson & Barney (1952) and Klatt (1980), the others a tube's
(one each 1,000 Hz). Consonants after Klatt (1980), simplified.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pairs.singers import FORMANTS

_HIGHER = (3400.0, 4300.0, 5300.0, 6300.0, 7300.0, 8300.0, 9300.0)
BANDWIDTHS = np.array([75.0, 90.0, 130.0, 190.0, 220.0, 260.0, 300.0, 340.0, 380.0, 420.0])
VOWELS: dict[str, tuple[float, float, float]] = {
    "a": (730, 1150, 2450), "ae": (660, 1700, 2400), "e": (480, 1950, 2550), "eh": (560, 1800, 2500),
    "i": (290, 2250, 2950), "ih": (390, 1990, 2550), "o": (460, 850, 2450), "aw": (580, 880, 2450),
    "u": (320, 800, 2300), "uh": (450, 1050, 2300), "schwa": (520, 1350, 2450), "y": (300, 1750, 2150),
}  # fmt: skip
NAMES = tuple(VOWELS)
TABLE = np.array([[*VOWELS[name], *_HIGHER] for name in NAMES])
assert TABLE.shape[1] == FORMANTS == len(BANDWIDTHS)
_USUAL = np.array([5, 1.5, 2.5, 2, 3, 2, 2.5, 1.5, 2, 1.5, 2, 0.7])


@dataclass(frozen=True)
class Consonant:
    """seconds: how long; closure: share of it in which nothing sounds; voicing: level of the voice in it; hiss: level of frication around
    hertz, of that bandwidth; breath: aspiration after it; locus: formants 1 to 3 (None: those of the vowel); nasal: through the nose.
    """

    seconds: float
    closure: float = 0.0
    voicing: float = 0.0
    hiss: float = 0.0
    hertz: float = 3000.0
    bandwidth: float = 1500.0
    breath: float = 0.0
    locus: tuple[float, float, float] | None = None
    nasal: float = 0.0


CONSONANTS: dict[str, Consonant] = {
    "": Consonant(0.0),
    "s": Consonant(0.11, hiss=0.30, hertz=6800, bandwidth=2200, locus=(350, 1700, 2600)),
    "sh": Consonant(0.12, hiss=0.32, hertz=3100, bandwidth=1300, locus=(350, 1800, 2500)),
    "f": Consonant(0.09, hiss=0.06, hertz=7500, bandwidth=6000, locus=(350, 1100, 2200)),
    "h": Consonant(0.07, breath=0.25),
    "z": Consonant(0.08, voicing=0.35, hiss=0.14, hertz=6400, bandwidth=2200, locus=(300, 1700, 2600)),
    "p": Consonant(0.09, closure=0.75, hiss=0.10, hertz=900, bandwidth=900, breath=0.12, locus=(350, 900, 2200)),
    "t": Consonant(0.10, closure=0.65, hiss=0.28, hertz=4600, bandwidth=2500, breath=0.14, locus=(350, 1750, 2650)),
    "k": Consonant(0.10, closure=0.65, hiss=0.22, hertz=2000, bandwidth=800, breath=0.16, locus=(350, 2000, 2300)),
    "ts": Consonant(0.13, closure=0.35, hiss=0.28, hertz=6200, bandwidth=2400, locus=(350, 1750, 2650)),
    "b": Consonant(0.06, closure=0.8, voicing=0.08, hiss=0.03, hertz=800, bandwidth=800, locus=(250, 900, 2200)),
    "d": Consonant(0.06, closure=0.8, voicing=0.08, hiss=0.06, hertz=4200, bandwidth=2500, locus=(250, 1750, 2650)),
    "g": Consonant(0.07, closure=0.8, voicing=0.08, hiss=0.06, hertz=1900, bandwidth=900, locus=(250, 2000, 2300)),
    "m": Consonant(0.08, voicing=0.45, locus=(280, 1000, 2200), nasal=1.0),
    "n": Consonant(0.08, voicing=0.45, locus=(280, 1650, 2500), nasal=1.0),
    "l": Consonant(0.07, voicing=0.6, locus=(350, 1100, 2700)),
    "r": Consonant(0.07, voicing=0.6, locus=(380, 1150, 1650)),
    "w": Consonant(0.08, voicing=0.7, locus=(300, 700, 2200)),
    "j": Consonant(0.08, voicing=0.7, locus=(280, 2200, 2950)),
}
_COMMON = {"": 0.16, "s": 0.06, "sh": 0.06, "f": 0.04, "h": 0.05, "z": 0.03, "p": 0.04, "t": 0.06, "k": 0.05, "ts": 0.04,
           "b": 0.06, "d": 0.07, "g": 0.04, "m": 0.06, "n": 0.06, "l": 0.06, "r": 0.03, "w": 0.05, "j": 0.04}  # fmt: skip


@dataclass(frozen=True)
class Lyrics:
    """For each of n notes: consonant (a key of CONSONANTS), vowel and final (n,) (rows of TABLE), closing (n,): 0 where the note ends with
    its vowel, otherwise the share of it that a closing nasal takes.
    """

    consonants: tuple[str, ...]
    vowels: NDArray[np.int64]
    finals: NDArray[np.int64]
    closing: NDArray[np.float64]


def draw_lyrics(notes: int, generator: np.random.Generator) -> Lyrics:
    """Syllables for so many notes: a language's own preferences, then one syllable a note, some sung over several notes."""
    vowels = generator.dirichlet(2.5 * _USUAL)
    names = list(_COMMON)
    common = generator.dirichlet(np.array(list(_COMMON.values())) * 60)
    diphthongs, nasals, melisma = generator.uniform(0, 0.35), generator.uniform(0, 0.35), generator.uniform(0, 0.2)
    chosen = generator.choice(len(NAMES), size=notes, p=vowels)
    consonants = [names[i] for i in generator.choice(len(names), size=notes, p=common)]
    finals, draws = chosen.copy(), generator.random((3, notes))
    ends = np.array([NAMES.index("i"), NAMES.index("u")])
    finals = np.where(draws[0] < diphthongs, ends[generator.integers(0, 2, notes)], finals)
    closing = np.where(draws[1] < nasals, generator.uniform(0.12, 0.3, notes), 0.0)
    for place in range(1, notes):
        if draws[2, place] < melisma:
            consonants[place] = ""
            chosen[place] = finals[place] = finals[place - 1]
    return Lyrics(tuple(consonants), chosen.astype(np.int64), finals.astype(np.int64), closing)
