"""The collection that spaces which ship are trained on: sound made from notes whose licence lets anyone use it for anything."""

from __future__ import annotations

from pathlib import Path

from crossmodal.base.errors import InputError
from crossmodal.demo import SIZES
from pairs.collection import build_collection

MIDI_FOLDERS = ("pop909", "cre_irish")
SOURCES = """
- the music21 corpus' files on the allow-list (`pairs/tables/works.csv`, evidence in `pairs/licences.py`): O'Neill's and Ryan's tunes;
- POP909 (Wang et al., ISMIR 2020), MIT; the arrangements only, nothing of the songs is shown or shipped;
- Ceol Rince na hÉireann, 1,195 Irish tunes of the Polifonia project (folk_ngram_analysis), CC BY 4.0;
- instrument studies made by rule.
"""


def free_collection(
    folder: Path,
    data: Path | None,
    *,
    jobs: int,
    seed: int = 0,
    works: int = 1400,
    midi_works: int = 500,
    studies: int = 30,
    renderings: int = 2,
) -> Path:
    """Makes it in `folder`, or goes on there; the catalogue's path. `data` holds pop909 and cre_irish: InputError where it is None."""
    if data is None:
        raise InputError("expected the folder with pop909 and cre_irish, got none; give --data or set CROSSMODAL_DATA")
    return build_collection(
        folder,
        works=works,
        renderings=renderings,
        seed=seed,
        jobs=jobs,
        licence="free",
        midi_folders=[data / name for name in MIDI_FOLDERS],
        midi_works_each=midi_works,
        studies=studies,
    )


def demo_collection(folder: Path, *, jobs: int, seed: int = 0) -> Path:
    """The collection of `crossmodal demo`, on whose test split spaces are judged; made in `folder`, or gone on with there."""
    size = SIZES["full"]
    return build_collection(
        folder, works=size.works, renderings=size.renderings, studies=size.studies, seed=seed, jobs=jobs
    )
