"""A singer sings a melody: notes and syllables -> tracks of a formant synthesizer -> sound. Deterministic by its generator.

Pitch: steps smoothed by portamento, scoops at the beginnings of phrases, vibrato that sets in late (after Prame 1994), slow drift, notes
slightly out of tune. Consonants stand before the beat, vowels on it; loudness opens the spectrum (less tilt, shorter open phase).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from crossmodal.base.errors import InputError
from pairs.notes import Floats, Part
from pairs.rooms import SAMPLE_RATE, Samples
from pairs.singers import Singer
from pairs.syllables import BANDWIDTHS, CONSONANTS, TABLE, Lyrics, draw_lyrics
from pairs.voice_sound import FRAMES, VoiceTracks, voice_sound

PAUSE_SECONDS = 0.18  # of rest that end a phrase
KEY_SEMITONES = 2.0  # deviation of the middle of songs around the comfortable pitch
REACH_SEMITONES = 11  # above and below the centre that a singer reaches
_BREATH_SECONDS = 0.35
_LEAD, _TAIL = 0.4, 0.6  # seconds before the first and after the last note


@dataclass(frozen=True)
class Melody:
    """onset, duration (n,) in seconds, rising and not overlapping; pitch (n,): MIDI numbers; velocity (n,)."""

    onset: Floats
    duration: Floats
    pitch: Floats
    velocity: Floats

    def __len__(self) -> int:
        return len(self.onset)

    @property
    def end(self) -> float:
        """Seconds to the end of the last note."""
        return float((self.onset + self.duration).max(initial=0.0))

    @property
    def first(self) -> NDArray[np.bool_]:
        """(n,): notes that begin a phrase."""
        rest = self.onset[1:] - (self.onset + self.duration)[:-1]
        return np.concatenate([[True], rest > PAUSE_SECONDS])


def melody_of(part: Part) -> Melody:
    """A part in seconds, of which the highest note at each onset sounds, until the next begins. InputError without notes."""
    if not len(part):
        raise InputError("expected notes to sing, got none")
    order = np.lexsort((-part.pitch, part.onset))
    fresh = np.ones(len(order), bool)
    fresh[1:] = np.diff(part.onset[order]) > 0.03
    sounding = np.zeros(len(order), bool)
    sounding[order[fresh]] = True
    line = part.select(sounding)
    duration = np.minimum(line.duration, np.diff(line.onset, append=np.inf))
    return Melody(
        line.onset, np.maximum(duration, 0.05), line.pitch.astype(np.float64), line.velocity.astype(np.float64)
    )


def key_for(singer: Singer, pitch: Floats | NDArray[np.signedinteger], generator: np.random.Generator) -> int:
    """Semitones by which a singer transposes a melody (n,): its middle comes to about where the voice is comfortable."""
    return round(singer.centre - float(np.median(pitch)) + float(generator.normal(0, KEY_SEMITONES)))


def sing(singer: Singer, melody: Melody, generator: np.random.Generator, *, lyrics: Lyrics | None = None) -> Samples:
    """Samples (n,) mono at `pairs.rooms.SAMPLE_RATE`, beginning at second 0 of the melody; dry, the loud notes at about -20 dB.

    Notes beyond the singer's reach are sung an octave nearer. lyrics: syllables of the notes, drawn where they are not given.
    """
    if not len(melody):
        raise InputError("expected a melody with notes, got none")
    lyrics = lyrics or draw_lyrics(len(melody), generator)
    far = (melody.pitch - singer.centre) / REACH_SEMITONES
    within = melody.pitch - 12 * np.sign(far) * np.ceil(np.maximum(np.abs(far) - 1, 0) * REACH_SEMITONES / 12)
    tracks = voice_tracks(singer, replace(melody, pitch=within), lyrics, generator)
    sound = voice_sound(tracks, generator)[round(_LEAD * SAMPLE_RATE) :]
    voiced = sound[np.abs(sound) > 0.05 * np.abs(sound).max(initial=1e-9)]
    level = float(np.sqrt(np.mean(voiced**2))) if len(voiced) else 1.0
    return (sound * np.float32(0.1 / max(level, 1e-9))).astype(np.float32)


def voice_tracks(singer: Singer, melody: Melody, lyrics: Lyrics, generator: np.random.Generator) -> VoiceTracks:
    """All parameters, FRAMES a second, from `_LEAD` seconds before the melody's zero on."""
    count = int((melody.end + _LEAD + _TAIL) * FRAMES) + 2
    seconds = np.arange(count) / FRAMES - _LEAD
    note = np.clip(np.searchsorted(melody.onset, seconds + 1e-9, side="right") - 1, 0, len(melody) - 1)
    loudness = _loudness(singer, melody, seconds, note, generator)
    hertz = 440.0 * 2 ** ((_pitch(singer, melody, seconds, note, generator) - 69.0) / 12)
    syllables = _Syllables.of(singer, melody, lyrics, seconds, note, generator)
    effort = np.clip(loudness, 0.05, 1.5)
    voicing = _smooth(loudness * syllables.voicing, 0.012)
    formants = syllables.formants * singer.tract * np.asarray(singer.formants)
    middle = formants[:, 2:5].mean(axis=1, keepdims=True)
    formants[:, 2:5] += 0.6 * singer.ring * (middle - formants[:, 2:5])
    formants[:, 0] = np.maximum(formants[:, 0], 1.02 * hertz)  # high voices tune their first formant to the pitch
    formants[:, 1] = np.maximum(formants[:, 1], formants[:, 0] + 150.0)
    widths = BANDWIDTHS * np.asarray(singer.damping) * (1 + 0.6 * syllables.nasal[:, None]) * (0.8 + 0.2 * singer.tract)
    return VoiceTracks(
        hertz=hertz, voicing=voicing,
        aspiration=_smooth(singer.breath * loudness * syllables.voicing**0.5 + syllables.breath * singer.articulation, 0.01),
        hiss=_smooth(syllables.hiss * singer.articulation, 0.006),
        hiss_hertz=np.clip(syllables.hiss_hertz * singer.sibilance, 500, 9500), hiss_bandwidth=syllables.hiss_bandwidth,
        formants=np.minimum(formants, 20_000.0), bandwidths=np.broadcast_to(widths, formants.shape),
        nasal=np.clip(0.5 * singer.nasality + syllables.nasal, 0, 1),
        open_quotient=np.clip(singer.open_quotient * (1.12 - 0.16 * effort), 0.3, 0.92),
        tilt_hertz=singer.tilt_hertz * (0.45 + 0.75 * effort), skew=singer.skew, jitter=singer.jitter, shimmer=singer.shimmer,
        roughness=singer.roughness, hollow_hertz=singer.hollow_hertz,
    )  # fmt: skip


def _smooth(track: Floats, seconds: float) -> Floats:
    """A track (t, ...) through a raised cosine of this length."""
    from scipy.ndimage import convolve1d

    window = np.hanning(max(3, 2 * round(seconds * FRAMES) + 1) + 2)[1:-1]
    return np.asarray(convolve1d(track, window / window.sum(), axis=0, mode="nearest"), np.float64)


def _slow_noise(count: int, hertz: float, generator: np.random.Generator) -> Floats:
    """Noise (count,) of deviation 1 that changes about so often."""
    knots = generator.standard_normal(int(count / FRAMES * hertz) + 4)
    return np.interp(np.arange(count) / FRAMES * hertz, np.arange(len(knots)), knots)


def _pitch(
    singer: Singer, melody: Melody, seconds: Floats, note: NDArray[np.int64], generator: np.random.Generator
) -> Floats:
    """MIDI numbers (t,), fractional."""
    cents = generator.normal(0, singer.intonation_cents, len(melody))
    steps = _smooth((melody.pitch + cents / 100)[note], singer.portamento)
    since, length = seconds - melody.onset[note], melody.duration[note]
    scoops = (
        singer.scoop
        * generator.uniform(0.2, 1.0, len(melody))
        * (melody.first | (generator.random(len(melody)) < 0.15))
    )
    steps -= np.where(since >= 0, scoops[note] * np.exp(-np.maximum(since, 0) / 0.07), scoops[note])
    held = np.clip((since - singer.vibrato_delay) / 0.3, 0, 1) * np.clip((length - 0.25) / 0.3, 0, 1)
    rate = singer.vibrato_hertz * (1 + 0.05 * _slow_noise(len(seconds), 2.0, generator))
    swing = np.sin(2 * np.pi * np.cumsum(rate) / FRAMES + generator.uniform(0, 2 * np.pi))
    depth = (
        singer.vibrato_cents
        * generator.uniform(0.5, 1.2, len(melody))[note]
        * (1 + 0.15 * _slow_noise(len(seconds), 3.0, generator))
    )
    drift = singer.drift_cents * (
        _slow_noise(len(seconds), 2.5, generator) + 0.4 * _slow_noise(len(seconds), 12.0, generator)
    )
    return np.clip(steps + (_smooth(held, 0.05) * depth * swing + drift) / 100, 24, 100)


def _loudness(
    singer: Singer, melody: Melody, seconds: Floats, note: NDArray[np.int64], generator: np.random.Generator
) -> Floats:
    """Level of the voice (t,): 0 in rests, about 1 in loud notes."""
    since, length = seconds - melody.onset[note], melody.duration[note]
    gap = np.append(np.diff(melody.onset), np.inf) - melody.duration
    whole = np.where(
        gap[note] < PAUSE_SECONDS, length + np.minimum(gap[note], PAUSE_SECONDS), length
    )  # legato over small gaps
    sounding = ((since >= -0.02) & (since < whole)).astype(np.float64)
    accents = (melody.velocity / 90.0) * np.exp(generator.normal(0, 0.12, len(melody)))
    high = 1 + 0.02 * np.clip(melody.pitch - singer.centre, -10, 10)
    shape = 1 - (1 - singer.legato) * 0.6 * np.clip(since / np.maximum(whole, 1e-3), 0, 1) ** 2
    swell = 1 + 0.18 * _slow_noise(len(seconds), 1.2, generator)
    rate = 2 * np.pi * singer.vibrato_hertz * seconds
    shake = 1 + singer.tremolo * np.sin(rate) * np.clip((since - singer.vibrato_delay) / 0.4, 0, 1)
    return np.clip(_smooth(sounding * (accents * high)[note] * shape, 0.045) * swell * shake, 0, 1.6)


@dataclass(frozen=True)
class _Syllables:
    """Tracks (t,) that the syllables make, formants (t, FORMANTS) of an average man's tract."""

    voicing: Floats
    breath: Floats
    hiss: Floats
    hiss_hertz: Floats
    hiss_bandwidth: Floats
    nasal: Floats
    formants: Floats

    @classmethod
    def of(
        cls, singer: Singer, melody: Melody, lyrics: Lyrics, seconds: Floats, note: NDArray[np.int64],
        generator: np.random.Generator,
    ) -> _Syllables:  # fmt: skip
        """Vowels, then consonants laid over them, then breaths between phrases."""
        count = len(seconds)
        share = (seconds - melody.onset[note]) / np.maximum(melody.duration[note], 1e-3)
        ends = share > 0.72
        formants = np.where(ends[:, None], TABLE[lyrics.finals[note]], TABLE[lyrics.vowels[note]])
        reduced = TABLE.mean(axis=0) * (1 - 0.9) + 0.9 * formants  # vowels are seldom pure
        closing = (share > 1 - lyrics.closing[note]).astype(np.float64)
        made = cls(
            voicing=1 - 0.45 * closing, breath=np.zeros(count), hiss=np.zeros(count), hiss_hertz=np.full(count, 4000.0),
            hiss_bandwidth=np.full(count, 2000.0), nasal=closing.copy(), formants=reduced,
        )  # fmt: skip
        made.formants[closing > 0, 0] = 300.0
        for row, name in enumerate(lyrics.consonants):
            made._pronounce(name, float(melody.onset[row]), float(melody.duration[row]), generator)
        for place in np.flatnonzero(melody.first).tolist():
            made._inhale(float(melody.onset[place]), melody, place, singer.inhaling)
        return cls(
            voicing=_smooth(made.voicing, 0.012), breath=_smooth(made.breath, 0.015), hiss=made.hiss,
            hiss_hertz=made.hiss_hertz, hiss_bandwidth=made.hiss_bandwidth, nasal=_smooth(made.nasal, 0.02),
            formants=_smooth(made.formants, 0.04),
        )  # fmt: skip

    def _pronounce(self, name: str, onset: float, length: float, generator: np.random.Generator) -> None:
        """Writes a consonant that ends a little after the onset of its note."""
        kind = CONSONANTS[name]
        seconds = min(kind.seconds * float(generator.uniform(0.75, 1.3)), 0.5 * length + 0.02)
        if seconds < 0.02:
            return
        first = max(0, round((onset - 0.75 * seconds + _LEAD) * FRAMES))
        last = min(len(self.voicing) - 1, first + max(2, round(seconds * FRAMES)))
        opens = first + round(kind.closure * (last - first))
        self.voicing[first:last] = kind.voicing
        self.hiss[opens:last] = kind.hiss
        self.hiss_hertz[first:last], self.hiss_bandwidth[first:last] = kind.hertz, kind.bandwidth
        self.nasal[first:last] = kind.nasal
        self.breath[opens : min(last + 4, len(self.breath))] = kind.breath
        if kind.locus is not None:
            self.formants[first : last + 2, :3] = kind.locus

    def _inhale(self, onset: float, melody: Melody, row: int, level: float) -> None:
        """A breath before a phrase, where there is time for one."""
        before = float(melody.onset[row - 1] + melody.duration[row - 1]) if row else -_LEAD
        length = min(_BREATH_SECONDS, onset - before - 0.12)
        if length < 0.12 or level <= 0:
            return
        first, last = (round((onset - 0.05 - back + _LEAD) * FRAMES) for back in (length, 0.0))
        self.breath[max(0, first) : last] = level * np.hanning(last - max(0, first))
