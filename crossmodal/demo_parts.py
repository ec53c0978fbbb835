"""The parts of the demo that show spaces which ship: each is left out where its space is not installed."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click

from crossmodal.demo_covers import SPACE as COVERS_SPACE
from crossmodal.demo_covers import CoverResults, ask_covers
from crossmodal.demo_midi import SPACE as MIDI_SPACE
from crossmodal.demo_midi import MidiResults, match_collection
from crossmodal.demo_scores import SPACE as SCORES_SPACE
from crossmodal.demo_scores import ask_shelf, index_shelf, make_shelf
from crossmodal.demo_scores_report import ALIGNED, ScoreResults, align_one
from crossmodal.demo_similarity import SPACE as SIMILARITY_SPACE
from crossmodal.demo_similarity import SimilarityResults, ask_similarity
from crossmodal.demo_voices import APART as VOICES_APART
from crossmodal.demo_voices import SPACE as VOICES_SPACE
from crossmodal.demo_voices import VoiceResults, ask_voices
from crossmodal.space_files import load_space, space_names
from pairs.source import Item


@dataclass
class Clock:
    """Seconds of each step, and the largest memory of this process."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str, *, quiet: bool) -> Iterator[None]:
        """Times a step and tells it on stderr."""
        start = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - start
        if not quiet:
            click.echo(f"{name}: {self.seconds[name]:.0f} s", err=True)

    @property
    def peak_gigabytes(self) -> float:
        """Largest resident memory of this process and of its largest child."""
        kilobytes = sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return kilobytes / 1e6


def find_scores(output: Path, *, count: int, clock: Clock, seed: int, jobs: int, quiet: bool) -> ScoreResults | None:
    """Fills the shelf of scores, looks for their recordings and aligns one; None where no space for it is installed."""
    if SCORES_SPACE not in space_names():
        return None
    space = load_space(SCORES_SPACE)
    with clock.step("scores and recordings of them", quiet=quiet):
        shelf = make_shelf(output, space=space, works=count, seed=seed, jobs=jobs, quiet=quiet)
    with clock.step("index of the scores", quiet=quiet):
        index = index_shelf(space, shelf, output, jobs=jobs, quiet=quiet)
    with clock.step("identification and alignment", quiet=quiet):
        ask_shelf(shelf, index, output, seed=seed)
        aligned = align_one(space, shelf, output / ALIGNED)
    return ScoreResults(shelf, shelf.rows(seed=seed), aligned, index.index.folder, space.reference)


def find_midi(output: Path, *, count: int, clock: Clock, seed: int, jobs: int, quiet: bool) -> MidiResults | None:
    """Matches MIDI files with recordings; None where no space for it is installed."""
    if MIDI_SPACE not in space_names():
        return None
    with clock.step("MIDI files and recordings of them", quiet=quiet):
        return match_collection(output, space=load_space(MIDI_SPACE), works=count, seed=seed, jobs=jobs, quiet=quiet)


def find_covers(
    recordings: Sequence[Item], output: Path, *, count: int, clock: Clock, seed: int, jobs: int, quiet: bool
) -> CoverResults | None:
    """Draws covers for recordings and looks for either by the other; None where no space for it is installed."""
    if COVERS_SPACE not in space_names():
        return None
    with clock.step("covers", quiet=quiet):
        space = load_space(COVERS_SPACE)
        return ask_covers(space, recordings, output, most=count, seed=seed, jobs=jobs, quiet=quiet)


def find_similar(
    recordings: Sequence[Item], output: Path, *, clock: Clock, seed: int, jobs: int, quiet: bool
) -> SimilarityResults | None:
    """Looks for recordings that are alike in genre, mood, instruments or tempo; None where no space for it is installed."""
    if SIMILARITY_SPACE not in space_names():
        return None
    with clock.step("similarity", quiet=quiet):
        return ask_similarity(load_space(SIMILARITY_SPACE), recordings, output, seed=seed, jobs=jobs, quiet=quiet)


def find_voices(output: Path, *, count: int, clock: Clock, seed: int, jobs: int, quiet: bool) -> VoiceResults | None:
    """Invents singers of the demo's pieces and looks for them in mixes; None where no space for it is installed."""
    known = space_names()
    if VOICES_SPACE not in known:
        return None
    with clock.step("voices", quiet=quiet):
        apart = load_space(VOICES_APART) if VOICES_APART in known else None
        scores = output / "collection" / "scores"
        return ask_voices(
            load_space(VOICES_SPACE), apart, scores, output, singers=count, seed=seed, jobs=jobs, quiet=quiet
        )
