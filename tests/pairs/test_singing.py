"""Singers, syllables and the synthesizer: pitch, formants and habits are what they are said to be, and the same seed sings the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from crossmodal.base.errors import InputError
from pairs.notes import Part
from pairs.rooms import SAMPLE_RATE
from pairs.singers import FORMANTS, draw_singer
from pairs.singing import Melody, key_for, melody_of, sing, voice_tracks
from pairs.syllables import CONSONANTS, NAMES, Lyrics, draw_lyrics
from pairs.voice_sound import FRAMES, VoiceTracks, resonator, voice_sound

from .singers import held, plain_singer, scale


def syllables(vowels: list[str], consonants: list[str] | None = None) -> Lyrics:
    rows = np.array([NAMES.index(vowel) for vowel in vowels])
    return Lyrics(tuple(consonants or [""] * len(rows)), rows, rows, np.zeros(len(rows)))


def spectrum(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hertz and magnitudes of the middle second."""
    middle = samples[len(samples) // 4 : len(samples) // 4 + SAMPLE_RATE] * np.hanning(SAMPLE_RATE)
    return np.fft.rfftfreq(SAMPLE_RATE, 1 / SAMPLE_RATE), np.abs(np.fft.rfft(middle))


def test_the_same_seed_sings_the_same_and_another_does_not() -> None:
    singer = draw_singer(np.random.default_rng(3))
    first, again, other = (sing(singer, scale(), np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert_array_equal(first, again)
    assert first.dtype == np.float32 and np.isfinite(first).all()
    length = min(len(first), len(other))
    assert not np.allclose(first[:length], other[:length])
    assert draw_singer(np.random.default_rng(3)) == singer != draw_singer(np.random.default_rng(4))


@pytest.mark.parametrize("pitch", [45.0, 57.0, 64.0])
def test_a_held_note_has_its_pitch(pitch: float) -> None:
    sound = sing(plain_singer(centre=pitch), held(pitch), np.random.default_rng(0), lyrics=syllables(["a"]))
    hertz, magnitude = spectrum(sound)
    expected = 440 * 2 ** ((pitch - 69) / 12)
    near = (hertz > 0.8 * expected) & (hertz < 1.25 * expected)
    assert abs(hertz[near][magnitude[near].argmax()] - expected) <= 2.0
    harmonic = magnitude[round(3 * expected) - 3 : round(3 * expected) + 4].max()
    between = magnitude[round(3.5 * expected) - 3 : round(3.5 * expected) + 4].max()
    assert harmonic > 30 * between


def test_formants_stand_where_the_vowel_and_the_tract_put_them() -> None:
    def centre(vowel: str, tract: float) -> float:
        sound = sing(plain_singer(tract=tract), held(45.0), np.random.default_rng(0), lyrics=syllables([vowel]))
        hertz, magnitude = spectrum(sound)
        inside = (hertz > 150) & (hertz < 4000)
        return float(np.average(hertz[inside], weights=magnitude[inside] ** 2))

    assert centre("i", 1.0) < centre("a", 1.0)  # the first formants of 290 and 730 Hz hold most of the power
    assert centre("a", 1.2) > 1.08 * centre("a", 1.0)  # a tract that is a fifth shorter


def test_vibrato_has_its_rate_and_depth() -> None:
    singer = plain_singer(vibrato_cents=80.0, vibrato_hertz=5.5, vibrato_delay=0.1)
    tracks = voice_tracks(singer, held(57.0, seconds=4.0), syllables(["a"]), np.random.default_rng(5))
    steady = tracks.hertz[round(1.2 * FRAMES) : round(4.0 * FRAMES)]
    cents = 1200 * np.log2(steady / 220.0)
    magnitude = np.abs(np.fft.rfft((cents - cents.mean()) * np.hanning(len(cents))))
    rate = np.fft.rfftfreq(len(cents), 1 / FRAMES)[magnitude.argmax()]
    assert abs(rate - 5.5) < 0.7
    assert 25 < np.ptp(cents) / 2 < 140
    still = voice_tracks(plain_singer(), held(57.0, seconds=4.0), syllables(["a"]), np.random.default_rng(5)).hertz
    assert_allclose(still[round(1.2 * FRAMES) : round(4.0 * FRAMES)], 220.0, rtol=1e-3)


def test_rests_are_silent_and_loudness_is_the_same_for_all() -> None:
    sound = sing(plain_singer(), scale(8, step=0.5), np.random.default_rng(1))
    level = np.sqrt(np.mean(sound[round(2.2 * SAMPLE_RATE) : round(2.4 * SAMPLE_RATE)] ** 2))
    sung = np.sqrt(np.mean(sound[round(0.5 * SAMPLE_RATE) : round(1.8 * SAMPLE_RATE)] ** 2))
    assert level < 0.05 * sung
    for seed in range(4):
        loud = sing(draw_singer(np.random.default_rng(seed)), scale(), np.random.default_rng(seed))
        assert 0.03 < np.sqrt(np.mean(loud**2)) < 0.2


def test_notes_beyond_reach_are_sung_an_octave_nearer() -> None:
    singer = plain_singer(centre=50.0)
    sound = sing(singer, held(70.0), np.random.default_rng(0), lyrics=syllables(["a"]))
    hertz, magnitude = spectrum(sound)
    expected = 440 * 2 ** ((58.0 - 69) / 12)
    peak = hertz[(hertz > 100) & (hertz < 320)][magnitude[(hertz > 100) & (hertz < 320)].argmax()]
    assert abs(peak - expected) <= 2


def test_songs_are_sung_where_the_voice_is_comfortable() -> None:
    singer, generator = plain_singer(centre=52.0), np.random.default_rng(0)
    keys = [key_for(singer, np.array([70.0, 72.0, 77.0]), generator) for _ in range(300)]
    assert abs(np.mean(keys) + 20.0) < 0.5 and 1.5 < np.std(keys) < 2.5


@pytest.mark.parametrize("name", [name for name in CONSONANTS if name])
def test_every_consonant_changes_the_sound_before_the_beat_and_stays_finite(name: str) -> None:
    melody = scale(4, step=0.5)
    spoken = sing(plain_singer(), melody, np.random.default_rng(0), lyrics=syllables(["a"] * 4, ["", name, "", ""]))
    silent = sing(plain_singer(), melody, np.random.default_rng(0), lyrics=syllables(["a"] * 4))
    assert np.isfinite(spoken).all()
    around = slice(round(0.42 * SAMPLE_RATE), round(0.52 * SAMPLE_RATE))
    assert np.abs(spoken[around] - silent[around]).max() > 0.01


def test_resonators_are_those_of_klatt() -> None:
    a, b, c = resonator(np.array(500.0), np.array(60.0), 10_000.0)
    assert_allclose([a + b + c], [1.0])  # gain 1 at 0 Hz
    assert_allclose(c, -np.exp(-2 * np.pi * 60 / 10_000))
    assert_allclose(b, 2 * np.exp(-np.pi * 60 / 10_000) * np.cos(2 * np.pi * 500 / 10_000))
    angle = np.exp(-2j * np.pi * np.arange(5000) / 10_000)
    gain = np.abs(a / (1 - b * angle - c * angle**2))
    assert abs(int(gain.argmax()) - 500) <= 3


def test_the_cascade_is_that_of_a_naive_loop() -> None:
    """Breath alone through constant formants, against scipy's filters one after another."""
    import soxr
    from scipy.signal import lfilter

    frames, rate = 41, 2 * SAMPLE_RATE
    ones = np.ones(frames)
    hertz, width = np.array([600.0, 1200.0, 2500.0]), np.array([80.0, 90.0, 120.0])
    tracks = VoiceTracks(
        hertz=200 * ones, voicing=0 * ones, aspiration=ones, hiss=0 * ones, hiss_hertz=4000 * ones, hiss_bandwidth=1000 * ones,
        formants=np.tile(hertz, (frames, 1)), bandwidths=np.tile(width, (frames, 1)), nasal=0 * ones, open_quotient=0.5 * ones,
        tilt_hertz=3000 * ones, skew=2.0, jitter=0.0, shimmer=0.0, roughness=0.0, hollow_hertz=4500.0,
    )  # fmt: skip
    made = voice_sound(tracks, np.random.default_rng(0))
    count = int((frames - 1) * rate / FRAMES)
    noise = np.random.default_rng(0).standard_normal(count, dtype=np.float32).astype(np.float64)
    sound = noise - 0.6 * np.concatenate([[0.0], noise[:-1]])
    for centre, bandwidth in zip([*hertz, 270.0], [*width, 100.0], strict=True):
        a, b, c = resonator(np.array(centre), np.array(bandwidth))
        sound = np.concatenate([[0.0], lfilter([a], [1, -b, -c], sound)[:-1]])  # a sample of delay each
    sound = np.concatenate([sound[1:], [0.0]])  # the first one has none
    for centre, bandwidth in ((270.0, 100.0), (4500.0, 700.0)):
        a, b, c = resonator(np.array(centre), np.array(bandwidth))
        sound = lfilter(np.array([1, -b, -c]) / a, [1], sound)
    expected = soxr.resample(sound.astype(np.float32), rate, SAMPLE_RATE, quality="MQ")
    middle = slice(200, len(expected) - 200)
    assert_allclose(made[middle], expected[middle], atol=2e-3 * np.abs(expected).max())


def test_lyrics_are_drawn_for_every_note() -> None:
    lyrics = draw_lyrics(40, np.random.default_rng(0))
    assert len(lyrics.consonants) == len(lyrics.vowels) == len(lyrics.finals) == len(lyrics.closing) == 40
    assert set(lyrics.consonants) <= set(CONSONANTS) and lyrics.vowels.max() < len(NAMES)


def test_of_chords_the_highest_notes_are_sung_one_after_another() -> None:
    part = Part("", np.array([0.0, 0.0, 1.0]), np.array([2.0, 2.0, 1.0]), np.array([60, 67, 65]), np.full(3, 80))
    melody = melody_of(part)
    assert_array_equal(melody.pitch, [67, 65])
    assert_allclose(melody.duration, [1.0, 1.0])


def test_nothing_to_sing_is_told() -> None:
    empty = Melody(*(np.zeros(0) for _ in range(4)))
    with pytest.raises(InputError, match="notes, got none"):
        sing(plain_singer(), empty, np.random.default_rng(0))
    with pytest.raises(InputError, match="notes to sing"):
        melody_of(Part("", np.zeros(0), np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64)))


def test_singers_differ_within_human_bounds() -> None:
    singers = [draw_singer(np.random.default_rng([9, n])) for n in range(200)]
    assert 0.85 < min(s.tract for s in singers) < 0.97 and 1.2 < max(s.tract for s in singers) < 1.5
    assert np.std([s.centre for s in singers]) > 4
    assert all(len(s.formants) == len(s.damping) == FORMANTS and 0.3 < s.open_quotient < 0.9 for s in singers)
    assert replace(singers[0]) == singers[0]
