"""Renderings: deterministic, finite, never clipped; collections: resumed, whole, and no unseen word in a training text."""

from __future__ import annotations

import hashlib
import multiprocessing
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from crossmodal.base.errors import InputError
from pairs.accompaniment import chords
from pairs.arrangement import KINDS, SOLOISTS, fit, top_line
from pairs.catalogue import read_catalogue
from pairs.collection import build_collection, choose_works
from pairs.instruments import BY_NAME
from pairs.notes import Notes, Part
from pairs.rendering import render
from pairs.rooms import SAMPLE_RATE, Condition, record
from pairs.splits import check_leakage
from pairs.vocabulary import CATEGORY_OF, contains_phrase, seen_tags, unseen_tags


def piece(parts: int = 3, count: int = 40) -> Notes:
    steps = np.array([60, 62, 64, 65, 67, 65, 64, 62] * (count // 8))
    made = [
        Part(f"p{n}", np.arange(count, dtype=np.float64), np.full(count, 1.0), steps - 5 * n, np.full(count, 80))
        for n in range(parts)
    ]
    return Notes(tuple(made), (4, 4))


@pytest.mark.parametrize("number", range(len(KINDS)))
def test_the_same_seed_gives_the_same_sound(number: int) -> None:
    first = render(piece(), style="choir", number=number, seed=[1], slot=5)
    again = render(piece(), style="choir", number=number, seed=[1], slot=5)
    other = render(piece(), style="choir", number=number, seed=[2], slot=5)
    assert np.array_equal(first.samples, again.samples) and first.tags == again.tags
    assert not np.array_equal(first.samples, other.samples)
    assert first.samples.dtype == np.float32 and first.samples.ndim == 1
    assert np.isfinite(first.samples).all() and 0.001 < np.abs(first.samples).max() <= 0.98
    assert 10 < len(first.samples) / SAMPLE_RATE < 26
    assert first.tags <= set(CATEGORY_OF)


def test_solos_are_of_one_instrument() -> None:
    for slot, name in enumerate(SOLOISTS[:6]):
        made = render(piece(1), style="tune", number=KINDS.index("solo"), seed=[3], slot=slot)
        assert {name, "solo"} <= made.tags and len(made.performance.parts) == 1


def test_too_few_notes() -> None:
    with pytest.raises(InputError, match="four notes"):
        render(Notes(()), style="tune", number=0, seed=[0])


def test_ranges_and_top_lines() -> None:
    low = piece(1).parts[0]
    moved = fit(low, BY_NAME["piccolo"])
    assert moved.pitch.min() >= BY_NAME["piccolo"].low and np.all((moved.pitch - low.pitch) % 12 == 0)
    two = Part("c", np.array([0.0, 0.0, 1.0]), np.array([4.0, 4.0, 1.0]), np.array([60, 64, 62]), np.full(3, 80))
    line = top_line(two)
    assert line.pitch.tolist() == [64, 62] and line.duration.tolist() == [1.0, 1.0]


def test_chords_hold_the_melody() -> None:
    held = Part("m", np.array([0.0, 2.0]), np.array([2.0, 2.0]), np.array([67, 64]), np.full(2, 80))
    triads = chords(Notes((held,), (4, 4)))
    assert 67 % 12 in set((triads.pitch[triads.onset == 0] % 12).tolist())


def test_rooms() -> None:
    click = np.zeros(SAMPLE_RATE, np.float32)
    click[100] = 0.5
    dry = record(click, Condition(level=-40), np.random.default_rng(0))
    wet = record(click, Condition(room=3.0, wet=0.5, level=-40), np.random.default_rng(0))
    late = slice(SAMPLE_RATE // 2, SAMPLE_RATE)
    assert np.abs(wet[late]).max() > 20 * np.abs(dry[late]).max()
    noise = np.random.default_rng(1).standard_normal(SAMPLE_RATE).astype(np.float32)
    dull = np.abs(np.fft.rfft(record(noise, Condition(lowpass=1000.0), np.random.default_rng(0))))
    assert dull[: len(dull) // 12].mean() > 30 * dull[len(dull) // 2 :].mean()
    assert Condition(room=4.0, wet=0.5, noise=10.0, lowpass=1500.0).words == {
        "reverberant",
        "cathedral",
        "noisy",
        "muffled",
    }
    loud = record(noise, Condition(level=10.0), np.random.default_rng(0))
    assert np.abs(loud).max() <= 0.98
    assert not record(np.zeros(1000, np.float32), Condition(), np.random.default_rng(0)).any()


def test_chosen_works_are_spread_and_deterministic() -> None:
    works = choose_works(650, seed=0)
    assert works == choose_works(650, seed=0) and len({work.id for work in works}) == 650
    assert len({work.collection for work in works}) >= 8
    assert 0.12 < sum(work.split == "test" for work in works) / 650 < 0.3
    assert all(work.free for work in choose_works(100, seed=1, licence="free"))
    with pytest.raises(InputError, match="licence"):
        choose_works(3, seed=0, licence="mine")


def digest(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted((folder / "audio").iterdir())}


def test_a_collection_is_whole_and_made_again_the_same(tmp_path: Path) -> None:
    path = build_collection(tmp_path / "one", works=8, renderings=2, seed=0, jobs=1, quiet=True)
    catalogue = read_catalogue(path)
    assert len(catalogue.items) >= 14 and not catalogue.problems
    check_leakage(catalogue.items)
    for item in catalogue.items:
        assert item.captions and item.tags <= set(CATEGORY_OF)
        assert all(caption.facts <= item.tags for caption in item.captions)
        if item.split == "train":
            texts = " ; ".join(caption.text for caption in item.captions)
            assert not [tag for tag in unseen_tags() if contains_phrase(texts, tag)]
            assert all(caption.facts <= set(seen_tags()) for caption in item.captions)
    before = digest(tmp_path / "one"), path.read_bytes()
    victim = next((tmp_path / "one" / "audio").iterdir())
    victim.write_bytes(victim.read_bytes()[:100])  # cut short from outside
    build_collection(tmp_path / "one", works=8, renderings=2, seed=0, jobs=1, quiet=True)
    assert (digest(tmp_path / "one"), path.read_bytes()) == before
    with pytest.raises(InputError, match="expected at least one work"):
        build_collection(tmp_path / "none", works=0, quiet=True)


def _build(folder: Path) -> None:
    build_collection(folder, works=12, renderings=2, seed=0, jobs=1, quiet=True)


@pytest.mark.slow
def test_a_killed_build_goes_on(tmp_path: Path) -> None:
    # not a daemon: it has worker processes of its own
    child = multiprocessing.get_context("spawn").Process(target=_build, args=(tmp_path,), daemon=False)
    child.start()
    deadline = time.monotonic() + 60
    while len(list((tmp_path / "audio").glob("[!.]*.flac"))) < 4 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert child.pid is not None
    child.kill()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert not (tmp_path / "catalogue.jsonl").exists()
    time.sleep(1.0)  # its workers end when they see it gone
    _build(tmp_path)
    _build(tmp_path / "fresh")
    assert digest(tmp_path) == digest(tmp_path / "fresh")
