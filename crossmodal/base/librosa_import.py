"""librosa, imported by one process at a time.

On import librosa compiles functions with numba, which keeps them on disk in two files each. Two processes that do so at once, such as the
first two commands after an installation, can leave a pair that does not fit, and every later call ends in a segmentation fault
(https://github.com/numba/numba/issues/10128, open in numba 0.65). Whoever needs librosa asks here: the first to come holds a lock.
"""

from __future__ import annotations

import contextlib
from functools import cache
from types import ModuleType

from crossmodal.base.places import cache_folder


@cache
def load_librosa() -> ModuleType:
    """librosa with all modules that compile on import; where the cache folder cannot be written to, without the lock."""
    from filelock import FileLock

    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError, NotImplementedError):  # the second: a file system without locks
            cache_folder().mkdir(parents=True, exist_ok=True)
            held.enter_context(FileLock(cache_folder() / "librosa.lock"))
        import librosa
        import librosa.beat
        import librosa.effects
        import librosa.feature
        import librosa.onset
        import librosa.sequence
    return librosa
