"""Held-out music: which works are judged on, and, where fluidsynth is installed, recordings and MIDI files of them with their warps."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from crossmodal.applications.midi_evaluation import build_held, damage_words, held_sources, trained_groups
from crossmodal.base.errors import InputError
from crossmodal.base.frame_store import from_bytes
from pairs.midi_reading import read_music
from pairs.midi_versions import Damage
from pairs.performances import SOUND_FONT
from tests.pairs.small_nasap import make_nasap

from .tunes import tune

needs_fluidsynth = pytest.mark.skipif(
    shutil.which("fluidsynth") is None or not SOUND_FONT.is_file(), reason="fluidsynth with FluidR3_GM is not installed"
)
TRAINED = 3


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for number in range(12):
        path = folder / f"pop909/POP909/{number:03d}/{number:03d}.mid"
        path.parent.mkdir(parents=True)
        path.write_bytes(tune(number))
    (folder / "cre_irish/MIDI").mkdir(parents=True)
    for number, name in enumerate(
        ["Kesh", "KeshJig", "TheKesh", "Banshee", "Butterfly", "Silver", "Star", "Sally", "Wind", "Cooley"]
    ):
        (folder / f"cre_irish/MIDI/{name}.mid").write_bytes(tune(20 + number))
    make_nasap(folder / "nasap")
    return folder


def test_works_are_unseen_and_no_two_share_a_tune(data: Path) -> None:
    parts = {part: held_sources(data, part=part, count=10_000, trained=TRAINED) for part in ("tune", "report")}
    groups = [source.group for sources in parts.values() for source in sources]
    assert len(groups) == len(set(groups))
    assert not set(groups) & trained_groups(data, trained=TRAINED)
    names = [Path(str(s.item["path"])).stem for sources in parts.values() for s in sources if s.kind == "irish"]
    assert sum("Kesh" in name for name in names) <= 1
    counts = Counter(source.kind for source in parts["report"])
    assert (
        counts["corpus"] > 100 and counts["pop909"] + Counter(s.kind for s in parts["tune"])["pop909"] == 12 - TRAINED
    )
    assert all(str(source.item["id"]).startswith("nasap") for source in parts["report"] if source.kind == "nasap")
    with pytest.raises(InputError, match='got "all"'):
        held_sources(data, part="all", count=1)


def test_any_beginning_is_mixed_like_the_whole(data: Path) -> None:
    few, again = (held_sources(data, part="report", count=30, trained=TRAINED) for _ in range(2))
    assert [s.item["id"] for s in few] == [s.item["id"] for s in again] and len(few) == 30
    whole, half = Counter(s.kind for s in few), Counter(s.kind for s in few[:15])
    assert all(abs(half[kind] - whole[kind] / 2) <= 1 for kind in whole)


def test_words_of_damage() -> None:
    assert damage_words(Damage()) == set()
    assert damage_words(Damage(tempo=1.05, octave="1")) == set()
    assert damage_words(Damage(tempo=0.8, cut=(0, 0.1), dropped=("a",), grid=0.25)) == {
        "another tempo", "cut ends", "missing parts", "quantized",
    }  # fmt: skip


@pytest.mark.slow
@needs_fluidsynth
def test_recordings_and_midi_files_with_their_warps(data: Path, tmp_path: Path) -> None:
    sources = held_sources(data, part="report", count=10_000, trained=TRAINED)
    human = held_sources(data, part="report", count=10_000, trained=TRAINED) + held_sources(
        data, part="tune", count=10_000, trained=TRAINED
    )
    chosen = [next(s for s in sources if s.kind == "irish"), next(s for s in human if s.kind == "nasap")]
    held, skipped = build_held(chosen, tmp_path, most_seconds=20.0, quiet=True)
    assert [one.kind for one in held] == ["irish", "nasap"] and not skipped
    for one in held:
        frames, music = from_bytes(one.recording), read_music(one.midi)
        assert frames.shape[1] == 48 and frames.max() > 0.2
        ends = one.warp(np.array([part.offset.max() for part in music.performance.parts]))
        assert 5 < ends.max() < len(frames) / 21.5 + 3
    assert held[1].semitones == 0 and "human timing" in held[1].damage
    before = (tmp_path / f"tracks/{held[0].id}.npz").stat().st_mtime_ns
    again, _ = build_held(chosen, tmp_path, most_seconds=20.0, quiet=True)
    assert (tmp_path / f"tracks/{held[0].id}.npz").stat().st_mtime_ns == before
    assert np.array_equal(again[1].recording, held[1].recording)
