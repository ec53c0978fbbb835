"""Recordings and damaged MIDI files of one piece: that the warps tell where each note went, and that damages are what they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crossmodal.base.errors import InputError
from pairs.midi_music import Clock
from pairs.midi_versions import (
    NOTE_JITTER,
    Damage,
    accompanied,
    damage_midi,
    draw_damage,
    human_clock,
    moments_of,
    perform_recording,
    repeat,
    stretch_of,
    timed,
    warp_between,
)
from pairs.notes import Notes, Part


def piece(*, count: int = 64, uneven: bool = True) -> Notes:
    """A melody of uneven onsets over chords."""
    generator = np.random.default_rng(5)
    steps = generator.choice([0.25, 0.5, 1.0, 0.37] if uneven else [0.5, 1.0], count)
    onset = np.cumsum(steps) - steps[0]
    melody = Part("melody", onset, steps * 0.9, generator.integers(62, 80, count), generator.integers(50, 100, count))
    bars = np.repeat(np.arange(0, np.ceil(onset[-1]), 2.0), 3)
    chords = Part(
        "chords", bars, np.full(len(bars), 1.9), np.tile([48, 52, 55], len(bars) // 3), np.full(len(bars), 70)
    )
    return Notes((melody, chords), (4, 4), 96.0)


def placed(part: Part, clock: Clock) -> np.ndarray:
    """Onsets without jitter."""
    generator = np.random.default_rng(0)
    same = timed(part, clock, generator=generator, velocity=part.velocity, name="x", program=0)
    return same.onset


@pytest.mark.parametrize("seed", range(6))
def test_the_warp_takes_every_note_to_where_it_is_played(seed: int) -> None:
    notes, generator = piece(), np.random.default_rng(seed)
    recording = human_clock(notes, generator)
    damage = Damage(tempo=1.2, cut=(0.13, 0.2))
    performance, midi = damage_midi(notes, damage, generator)
    warp = warp_between(notes, damage, midi, recording)
    for number, part in enumerate(notes.parts):
        start, end = 0.13 * notes.end, 0.8 * notes.end
        kept = part.select((part.onset >= start - 1e-6) & (part.onset < end - 1e-6))
        np.testing.assert_allclose(warp(performance.parts[number].onset), recording(kept.onset), atol=2e-3)
    played = perform_recording(notes, recording, generator, style="band")
    moments = recording(moments_of(notes))
    for part in played.parts:
        if not part.drums and part.name != "bass":
            distance = np.abs(part.onset[:, None] - moments[None]).min(axis=1)
            assert np.quantile(distance, 0.9) <= NOTE_JITTER + 1e-6


def test_the_warp_undoes_a_grid() -> None:
    notes, generator = piece(), np.random.default_rng(3)
    recording = human_clock(notes, generator)
    damage = Damage(grid=0.25, cut=(0.1, 0.0))
    performance, midi = damage_midi(notes, damage, generator)
    onsets = performance.parts[0].onset / (60.0 / notes.qpm) + 0.1 * notes.end
    on_grid = np.abs(onsets / 0.25 - np.round(onsets / 0.25)) < 1e-6
    assert on_grid[1:].all()  # the first may be cut short
    warp = warp_between(notes, damage, midi, recording)
    kept = notes.parts[0].onset[notes.parts[0].onset >= 0.1 * notes.end]
    error = np.abs(warp(performance.parts[0].onset) - recording(kept))
    assert np.median(error) < 1e-9
    assert (error < 0.25 * 60 / notes.qpm * 1.3).all()  # moments that fell onto one place of the grid


def test_clocks_are_human_and_increase() -> None:
    notes = piece()
    for seed in range(20):
        clock = human_clock(notes, np.random.default_rng(seed))
        assert (np.diff(clock.target) > 0).all()
        assert clock.target[0] >= 0.1
        length = np.ptp(clock.target) / (np.ptp(clock.source) * 60 / notes.qpm)
        assert 0.7 < length < 1.4
    even = human_clock(notes, np.random.default_rng(1), unevenness=0.0)
    assert not np.allclose(np.diff(even.target), np.diff(clock.target))


def test_each_damage_is_what_it_says() -> None:
    notes, plain = piece(uneven=False), Damage()
    clean, _ = damage_midi(notes, plain, np.random.default_rng(0))
    for part, own in zip(clean.parts, notes.parts, strict=True):
        np.testing.assert_array_equal(part.pitch, own.pitch)
        np.testing.assert_array_equal(part.velocity, own.velocity)
        np.testing.assert_allclose(part.onset, own.onset * 60 / 96, atol=1e-9)

    def made(**changes: object) -> tuple[Part, ...]:
        return damage_midi(notes, replace(plain, **changes), np.random.default_rng(0))[0].parts  # type: ignore[arg-type]

    assert [part.name for part in made(dropped=("melody",))] == ["chords"]
    assert (made(semitones=3)[0].pitch - notes.parts[0].pitch == 3).all()
    shifts = set((made(octave="chords")[1].pitch - notes.parts[1].pitch).tolist())
    assert shifts in ({12}, {-12})
    assert made(drums=True)[-1].drums
    assert len(set(made(velocity="flat")[0].velocity.tolist())) == 1
    np.testing.assert_allclose(made(tempo=2.0)[0].onset, clean.parts[0].onset / 2)
    assert made(articulation=0.6)[0].duration[3] == pytest.approx(clean.parts[0].duration[3] * 0.6)
    wrong = made(wrong=0.3)
    heard = set(zip(wrong[0].onset.round(4), wrong[0].pitch, strict=True))
    right = set(zip(clean.parts[0].onset.round(4), clean.parts[0].pitch, strict=True))
    assert 0.05 < len(right - heard) / len(right) < 0.4
    assert heard - right
    with pytest.raises(InputError, match="eight notes"):
        made(cut=(0.49, 0.5))


def test_drawn_damages_vary_and_can_all_be_made() -> None:
    notes = piece()
    drawn = [draw_damage(notes, np.random.default_rng(seed)) for seed in range(60)]
    assert {d.dropped for d in drawn} == {(), ("melody",), ("chords",)}
    assert 0.1 < np.mean([d.grid > 0 for d in drawn]) < 0.8
    for seed, damage in enumerate(drawn):
        performance, midi = damage_midi(notes, damage, np.random.default_rng(seed))
        warp = warp_between(notes, damage, midi, human_clock(notes, np.random.default_rng(seed)))
        assert warp.source[0] >= 0
        assert max(part.onset.max() for part in performance.parts if not part.drums) <= warp.source[-1] + 1e-6


def test_stretches_repeats_and_accompaniments() -> None:
    notes = piece()
    part = stretch_of(notes, 10.0, np.random.default_rng(0))
    assert part.end <= 10.0 * notes.qpm / 60 + 1e-6
    assert len(part) > 5
    whole = stretch_of(notes, 1_000.0, np.random.default_rng(0))
    assert len(whole) == len(notes)
    twice = repeat(notes, 2)
    assert len(twice) == 2 * len(notes)
    total = np.ceil(notes.end / 4) * 4
    count = len(notes.parts[0])
    np.testing.assert_allclose(twice.parts[0].onset[count:], notes.parts[0].onset + total)
    tune = replace(notes, parts=notes.parts[:1])
    counts = {len(accompanied(tune, np.random.default_rng(seed)).parts) for seed in range(20)}
    assert counts == {1, 2, 3}
    assert accompanied(notes, np.random.default_rng(0)) is notes
