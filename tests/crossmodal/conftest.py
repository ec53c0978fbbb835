"""Six tunes, their recordings and an index of these, for what matches MIDI files with recordings."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crossmodal.applications.tunes import TuneShelf, make_shelf


@pytest.fixture(scope="session")
def tune_shelf(tmp_path_factory: pytest.TempPathFactory) -> TuneShelf:
    """Made once. Read only."""
    folder: Path = tmp_path_factory.mktemp("tunes")
    return make_shelf(folder)
