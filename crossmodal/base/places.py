"""Where things lie: trained spaces, and the real data of tests and evaluations."""

from __future__ import annotations

import os
from pathlib import Path


def home_folder() -> Path:
    """What was made here and is worth keeping: `CROSSMODAL_HOME`, or the platform's user data folder."""
    named = os.environ.get("CROSSMODAL_HOME")
    if named:
        return Path(named).expanduser()
    import platformdirs

    return Path(platformdirs.user_data_dir("crossmodal", appauthor=False))


def cache_folder() -> Path:
    """What can be made again at any time: the folder `cache` of `CROSSMODAL_HOME`, or the platform's user cache folder."""
    if os.environ.get("CROSSMODAL_HOME"):
        return home_folder() / "cache"
    import platformdirs

    return Path(platformdirs.user_cache_dir("crossmodal", appauthor=False))


def spaces_folder() -> Path:
    """Spaces that were trained here, found by name."""
    return home_folder() / "spaces"


def data_folder() -> Path | None:
    """Real recordings and metadata for tests: `CROSSMODAL_DATA`, None when unset or not a folder."""
    named = os.environ.get("CROSSMODAL_DATA")
    if not named:
        return None
    folder = Path(named).expanduser()
    return folder if folder.is_dir() else None
