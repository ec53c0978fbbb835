"""crossmodal: every form of music in shared vector spaces.

    space = crossmodal.load("text-music")
    audio = space.encode("audio", ["a.wav", "b.flac"])     # (2, d) float32, unit length
    text = space.encode("text", ["slow solemn choir"])
    space.similarity(text, audio)                          # (1, 2), larger is closer

The package is lazy: torch and the rest are imported when something is asked of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from crossmodal.base.errors import CrossmodalError, InputError, IntegrityError, RecipeError

if TYPE_CHECKING:
    from crossmodal.applications.collection import SearchableIndex
    from crossmodal.applications.midi_matching import Matcher
    from crossmodal.applications.score_alignment import Alignment
    from crossmodal.base.results import Ranking
    from crossmodal.space import Space

__version__ = "0.1.0"
__all__ = [
    "CrossmodalError",
    "InputError",
    "IntegrityError",
    "RecipeError",
    "align",
    "identify",
    "load",
    "match",
    "open_index",
]


def load(name: str | Path) -> Space:
    """A space by its folder, by the name of one trained here or bundled, or by a public model id with a `/` in it.

    Runs its canary and raises IntegrityError when files or vectors are not what they were; InputError for an unknown name.
    """
    from crossmodal.space_files import load_space

    return load_space(name)


def open_index(path: str | Path) -> SearchableIndex:
    """An index made by `crossmodal index`, with the space that made it: `index.search("slow solemn choir", k=10)`."""
    from crossmodal.applications.collection import SearchableIndex

    return SearchableIndex.open(Path(path))


def identify(index: SearchableIndex | str | Path, file: str | Path, *, k: int = 5) -> Ranking:
    """The k scores of an index that a recording is most likely of, or the recordings that are of a score or page.

    More choices: `crossmodal.applications.identification.identify`. Raises InputError for silence, and what is no music.
    """
    from crossmodal.applications.identification import identify as find

    return find(index, file, k=k)


def match(index: Matcher | SearchableIndex | str | Path, file: str | Path, *, k: int = 5) -> Ranking:
    """The k recordings of an index that a MIDI file is most likely of, or the MIDI files that are of a recording.

    For many files open a `crossmodal.applications.midi_matching.Matcher` once. Raises InputError for silence, and for what is no music.
    """
    from crossmodal.applications.midi_matching import match as find

    return find(index, file, k=k)


def align(recording: str | Path, score: str | Path, space: Space | str | Path | None = None) -> Alignment:
    """Where in a score each moment of a recording sounds: `.rows`, `.seconds_at(page, system, x)`, `.place_at(seconds)`, `.to_csv(path)`.

    space: of recordings and sheet music, loaded or by name; by default the bundled one. Raises InputError with the reason.
    """
    from crossmodal.applications.score_alignment import align_recording

    named = "audio-sheet" if space is None else space
    return align_recording(load(named) if isinstance(named, (str, Path)) else named, recording, score)
