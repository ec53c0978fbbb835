"""Facts on notes made by hand, and captions that state nothing but facts."""

from __future__ import annotations

import numpy as np
import pytest

from pairs.captions import CaptionWriter
from pairs.facts import Performance, attacks_per_second, best_key, facts_of, performance_of, quarters_per_beat
from pairs.notes import Notes, Part, lengthen_under_pedal, read_midi
from pairs.vocabulary import (
    CATEGORY_OF,
    IMPLIED,
    TAG_CATEGORIES,
    contains_phrase,
    read_tags,
    seen_tags,
    split_tags,
    unseen_tags,
)

SCALE = [60, 62, 64, 65, 67, 69, 71, 72, 71, 69, 67, 65, 64, 62, 60, 67, 64, 60]


def part(pitches: list[int], *, step: float = 0.5, velocity: int = 75, start: float = 0.0, name: str = "p") -> Part:
    count = len(pitches)
    return Part(
        name,
        start + step * np.arange(count, dtype=np.float64),
        np.full(count, step),
        np.array(pitches),
        np.full(count, velocity),
    )


def heard(
    *parts: Part, instruments: tuple[str, ...] = ("violin",), metre: tuple[int, int] = (4, 4), bpm: float = 120.0
) -> frozenset[str]:
    return facts_of(Performance(parts, instruments, metre, bpm))


def test_a_single_line() -> None:
    tags = heard(part(SCALE, step=0.2), bpm=150, metre=(6, 8))
    assert {
        "violin",
        "strings",
        "solo",
        "single melody",
        "fast",
        "allegro",
        "compound metre",
        "major key",
        "lively",
    } <= tags
    assert not {"slow", "minor key", "chordal", "duo"} & tags


def test_chords_and_counterpoint() -> None:
    four = [part([pitch + shift for pitch in SCALE], step=1.0) for shift in (0, -5, -9, -12)]
    assert "chordal" in heard(*four, instruments=("choir",) * 4)
    entries = ((0.0, 0), (0.3, 7), (0.55, -9))  # imitation at other pitches
    apart = [part([pitch + up for pitch in SCALE], step=1.0, start=start) for start, up in entries]
    assert "polyphonic" in heard(*apart, instruments=("flute", "oboe", "clarinet"))


def test_minor_slow_soft_low() -> None:
    minor = [48, 50, 51, 53, 55, 56, 59, 60, 59, 56, 55, 53, 51, 50, 48, 51, 55, 48]
    tags = heard(part([p - 5 for p in minor], step=1.2, velocity=40), instruments=("cello",), bpm=50, metre=(3, 4))
    assert {"minor key", "slow", "soft", "low pitched", "triple metre", "sad", "sparse", "calm", "solemn"} <= tags


def test_string_quartet_and_drums() -> None:
    parts = [part(SCALE) for _ in range(4)]
    assert {"string quartet", "quartet"} <= heard(*parts, instruments=("violin", "violin", "viola", "cello"))
    tags = heard(part(SCALE), part([36, 38] * 8), instruments=("flute", "drums"))
    assert "drums" in tags and "percussion" in tags and "solo" not in tags


def test_crescendo() -> None:
    rising = Part(
        "p",
        0.4 * np.arange(18, dtype=np.float64),
        np.full(18, 0.4),
        np.array(SCALE),
        np.linspace(30, 110, 18).astype(np.int64),
    )
    assert "crescendo" in heard(rising)


@pytest.mark.parametrize(
    ("metre", "beat"), [((4, 4), 1.0), ((6, 8), 1.5), ((4, 2), 2.0), ((3, 8), 1.5), ((9, 16), 0.75), (None, 1.0)]
)
def test_beats(metre: tuple[int, int] | None, beat: float) -> None:
    assert quarters_per_beat(metre) == beat


def test_keys_against_a_naive_search() -> None:
    generator = np.random.default_rng(3)
    from pairs.keys import MAJOR as _MAJOR
    from pairs.keys import MINOR as _MINOR

    profile = generator.random(12)
    for template, found in zip((_MAJOR, _MINOR), best_key(profile), strict=True):
        naive = max(np.corrcoef(np.roll(template, shift), profile)[0, 1] for shift in range(12))
        assert found == pytest.approx(naive)


def test_nothing_is_said_of_nothing() -> None:
    assert facts_of(Performance((), ())) == frozenset()
    assert attacks_per_second(Performance((), ())) == 0.0
    assert facts_of(performance_of(Notes((), None))) == frozenset()


def test_pedal() -> None:
    onset, duration, pitch = np.array([0.0, 1.0, 2.0]), np.array([0.5, 0.5, 0.5]), np.array([60, 64, 60])
    longer = lengthen_under_pedal(onset, duration, pitch, [(0.0, 4.0)])
    assert longer.tolist() == [2.0, 3.0, 2.0]  # until the key sounds again, or the pedal rises


def test_a_users_midi_file() -> None:
    import pretty_midi

    midi = pretty_midi.PrettyMIDI(initial_tempo=120)
    flute = pretty_midi.Instrument(73)
    flute.notes = [pretty_midi.Note(80, pitch, 0.25 * n, 0.25 * n + 0.2) for n, pitch in enumerate(SCALE)]
    flute.notes[-1].end += 1
    midi.instruments.append(flute)
    import io

    buffer = io.BytesIO()
    midi.write(buffer)
    tags = facts_of(performance_of(read_midi(buffer.getvalue())))
    assert {"flute", "woodwind", "solo", "single melody", "major key"} <= tags


def test_vocabulary_is_whole() -> None:
    assert read_tags() == split_tags() and set(read_tags()) == set(CATEGORY_OF)
    assert 0.15 < len(unseen_tags()) / len(CATEGORY_OF) < 0.25
    assert sum(map(len, TAG_CATEGORIES.values())) == len(CATEGORY_OF)  # no tag in two categories
    assert {word for words in IMPLIED.values() for word in words} | set(IMPLIED) <= set(CATEGORY_OF)
    assert not [(u, s) for u in unseen_tags() for s in seen_tags() if contains_phrase(s, u)]


def test_captions_state_their_facts_and_no_others() -> None:
    tags = sorted(CATEGORY_OF)
    generator = np.random.default_rng(0)
    writer = CaptionWriter(allowed=seen_tags(), forbidden=unseen_tags())
    texts = set()
    for _ in range(600):
        own = {tags[place] for place in generator.permutation(len(tags))[:12]}
        caption = writer.write(own, generator)
        if caption is None:
            continue
        texts.add(caption.text)
        assert caption.facts and caption.facts <= own and caption.facts <= set(seen_tags())
        assert all(contains_phrase(caption.text, tag) for tag in caption.facts), caption
        stated = {tag for tag in tags if contains_phrase(caption.text, tag)}
        inside = {tag for tag in stated if any(tag != fact and contains_phrase(fact, tag) for fact in caption.facts)}
        assert stated - inside <= caption.facts, (caption, stated)
    assert len(texts) > 400


def test_captions_with_an_unseen_word() -> None:
    word = unseen_tags()[0]
    found = CaptionWriter().several({word, "slow", "violin"}, 3, np.random.default_rng(1), must=[word])
    assert found and all(word in caption.facts for caption in found)
    assert CaptionWriter(allowed=["slow"]).write({"violin"}, np.random.default_rng(1)) is None
