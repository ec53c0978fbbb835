"""Invented singers: what stays the same of a voice whatever it sings. Drawn from a seeded generator.

A singer is a vocal tract (length, and small departures of each formant from the average), a manner of phonation (Klatt & Klatt 1990:
open quotient, tilt, breath, jitter, shimmer), habits of pitch (vibrato, portamento, scoops, intonation) and a range. Spreads follow what is
measured of human voices: formants of men, women and children after Peterson & Barney (1952), vibrato after Prame (1994).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FORMANTS = 10  # of a tract; the upper ones shape the sound up to 10 kHz


@dataclass(frozen=True)
class Singer:
    """tract: factor on all formants (1: a man's tract of 17.5 cm, larger is shorter); formants (FORMANTS,): factors of each; damping
    (FORMANTS,): factors on their bandwidths; open_quotient: share of a period in which the glottis is open; skew: opening over closing
    time; tilt_hertz: above it the source falls by another 6 dB an octave; breath: aspiration beside a voicing of 1; jitter, shimmer:
    deviations of a period's length and height; roughness: every other period is so much weaker; ring: how far formants 3 to 5 move
    together (singer's formant); nasality: 0 to 1; hollow_hertz: the zero of the piriform sinuses; sibilance: factor on the frequency of
    fricatives; centre: most comfortable MIDI pitch; vibrato_hertz, vibrato_cents, vibrato_delay (seconds after the onset), tremolo (its
    share of the level); portamento, in seconds; scoop, in semitones below at the start of a phrase; drift_cents, intonation_cents;
    legato: 0 to 1; articulation: strength of consonants; inhaling: level of audible breaths.
    """

    tract: float
    formants: tuple[float, ...]
    damping: tuple[float, ...]
    open_quotient: float
    skew: float
    tilt_hertz: float
    breath: float
    jitter: float
    shimmer: float
    roughness: float
    ring: float
    nasality: float
    hollow_hertz: float
    sibilance: float
    centre: float
    vibrato_hertz: float
    vibrato_cents: float
    vibrato_delay: float
    tremolo: float
    portamento: float
    scoop: float
    drift_cents: float
    intonation_cents: float
    legato: float
    articulation: float
    inhaling: float


_KINDS = (  # share; tract: mean, deviation; centre of the range: mean, deviation
    (0.47, 1.0, 0.045, 53.0, 3.2),
    (0.45, 1.15, 0.05, 63.5, 3.0),
    (0.08, 1.3, 0.05, 68.0, 2.0),
)


def draw_singer(generator: np.random.Generator) -> Singer:
    """A singer. All randomness comes from the generator."""
    _, tract, spread, centre, wide = _KINDS[int(generator.choice(len(_KINDS), p=[kind[0] for kind in _KINDS]))]
    departure = float(generator.normal())
    loose = float(generator.beta(2, 2))  # 0: a pressed voice, 1: a breathy one
    trained = float(generator.beta(1.5, 2.0))
    lower = 1 + generator.normal(0, 0.055, 3)
    upper = 1 + generator.normal(0, 0.08, FORMANTS - 3)
    return Singer(
        tract=float(tract + spread * departure),
        formants=tuple(np.concatenate([lower, upper]).tolist()),
        damping=tuple((np.exp(generator.normal(0.0, 0.25)) * np.exp(generator.normal(0.0, 0.35, FORMANTS))).tolist()),
        open_quotient=float(np.clip(0.42 + 0.38 * loose + generator.normal(0, 0.05), 0.35, 0.88)),
        skew=float(np.clip(generator.normal(3.0 - 1.4 * loose, 0.5), 1.1, 4.5)),
        tilt_hertz=float(np.exp(generator.normal(np.log(4600.0) - 1.8 * (loose - 0.5), 0.6))),
        breath=float(np.exp(generator.normal(-4.0 + 2.4 * loose, 0.6))),
        jitter=float(np.exp(generator.normal(np.log(0.004), 0.45))),
        shimmer=float(np.exp(generator.normal(np.log(0.035), 0.45))),
        roughness=float(generator.uniform(0.08, 0.3)) if generator.random() < 0.12 else 0.0,
        ring=float(min(1.0, 1.3 * trained * generator.random())),
        nasality=float(generator.beta(1.3, 4.0)),
        hollow_hertz=float(generator.uniform(3600, 5600) * tract),
        sibilance=float(np.exp(generator.normal(0.0, 0.13)) * tract**0.5),
        # longer tracts belong to lower voices
        centre=float(centre + wide * (0.5 * departure + 0.87 * generator.normal())),
        vibrato_hertz=float(np.clip(generator.normal(5.7, 0.55), 4.3, 7.4)),
        vibrato_cents=float(generator.uniform(0, 25) if generator.random() < 0.3 else generator.uniform(20, 110)),
        vibrato_delay=float(generator.uniform(0.05, 0.45)),
        tremolo=float(generator.uniform(0.0, 0.18)),
        portamento=float(generator.uniform(0.05, 0.16)),
        scoop=float(generator.uniform(0, 3.0) * (generator.random() < 0.6)),
        drift_cents=float(generator.uniform(4, 22) * (1.3 - 0.6 * trained)),
        intonation_cents=float(generator.uniform(4, 28) * (1.3 - 0.8 * trained)),
        legato=float(generator.uniform(0.5, 1.0)),
        articulation=float(np.exp(generator.normal(0.0, 0.35))),
        inhaling=float(generator.uniform(0, 0.05) * (generator.random() < 0.7)),
    )  # fmt: skip
