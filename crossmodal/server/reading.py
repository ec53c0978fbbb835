"""Files that came with a request, and files of an index, read in processes that may die; what is made of the latter is kept."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from crossmodal.base.cage import Cage
from crossmodal.base.errors import InputError
from crossmodal.base.files import FolderLock
from crossmodal.base.workers import Failure
from crossmodal.server.caged import HEAVY, work
from crossmodal.server.settings import Settings

_PREFIX = "crossmodal-serve-"
_FRESH_SECONDS = 60.0
_KEPT = 400  # things made of indexed files that are kept
Row = dict[str, object]


@dataclass(frozen=True)
class Upload:
    """A file that a request brought. path: our name for it, with the extension of theirs; shown: their name, for messages; folder: its
    own; warnings: what was wrong with it, though it could be used.
    """

    path: Path
    shown: str
    folder: Path
    warnings: list[str] = field(default_factory=list)

    def told(self, message: str) -> str:
        """A message that names the file as its owner does, and no place of this machine."""
        return re.sub(rf"{re.escape(str(self.folder))}/[\w.-]*\w", lambda _: self.shown, message)


class Reader:
    """Reads files in processes, within limits of time and memory."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._own = FolderLock(self.folder)
        if os.name == "posix":  # there are no such locks elsewhere
            self._own.acquire()
            _sweep()
        patience = settings.patience_seconds
        self._light = Cage(work, self.folder, processes=settings.readers, timeout_seconds=patience)
        self._heavy = Cage(work, self.folder, processes=1, timeout_seconds=patience)
        self._made: OrderedDict[tuple[str, str], Row] = OrderedDict()
        self._lock = threading.Lock()
        self._making: dict[tuple[str, str], threading.Lock] = {}

    def _cage(self, task: str) -> Cage:
        return self._heavy if task in HEAVY else self._light

    def warm(self) -> None:
        """Starts the processes, so that nobody waits for them."""
        for task in ("warm", "warm-heavy"):
            self._cage(task).call({"task": task})

    @contextmanager
    def upload(self, name: str, stream: BinaryIO) -> Iterator[Upload]:
        """A file that is here for as long as the request; its bytes go into a folder of its own, under a name of ours."""
        folder = self.folder / f"upload-{secrets.token_hex(12)}"
        folder.mkdir(mode=0o700)
        try:
            path = folder / f"query{extension_of(name)}"
            with path.open("wb") as output:
                shutil.copyfileobj(stream, output)
            yield Upload(path, _shown(name), folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def make(self, task: str, upload: Upload, **values: object) -> Row:
        """Does a task with an upload; files that it writes lie in the upload's folder. Raises InputError with the reason."""
        name = f"{upload.folder.name}/made-{task}"
        row = self._cage(task).call({
            "task": task, "path": str(upload.path), "name": name, "most_seconds": self._settings.most_seconds, **values,
        })  # fmt: skip
        if isinstance(row, Failure):
            told = self._plain(upload.told(row.reason))
            raise InputError(told if upload.shown in told else f"{upload.shown}: {told}")
        upload.warnings.extend(map(str, row.get("warnings", [])))  # type: ignore[call-overload]
        return row

    def recording(self, upload: Upload) -> Path:
        """An uploaded recording as a WAV that is safe to read here."""
        return self.folder / str(self.make("recording", upload)["file"])

    def kept(self, task: str, key: str, path: Path, **values: object) -> Row:
        """Does a task with a file of an index, once. key: the file's content. Raises InputError with the reason, not with the path."""
        known = (task, key)
        with self._lock:
            own = self._making.setdefault(known, threading.Lock())
        with own:
            with self._lock:
                if known in self._made:
                    self._made.move_to_end(known)
                    return self._made[known]
            name = f"kept-{secrets.token_hex(12)}"
            row = self._cage(task).call(
                {"task": task, "path": str(path), "name": name, "most_seconds": 7200.0, **values}
            )
            if isinstance(row, Failure):
                raise InputError(self._plain(row.reason.replace(str(path), path.name)))
            self._keep(known, {**row, "name": name})
            return row | {"name": name}

    def _keep(self, known: tuple[str, str], row: Row) -> None:
        with self._lock:
            self._made[known] = row
            while len(self._made) > _KEPT:
                gone, old = self._made.popitem(last=False)
                self._making.pop(gone, None)
                for file in self.folder.glob(f"{old['name']}*"):
                    file.unlink(missing_ok=True)

    def _plain(self, reason: str) -> str:
        return reason.replace(f"{self.folder}/", "")

    def close(self) -> None:
        """Ends the processes and removes all that lies here."""
        self._light.close()
        self._heavy.close()
        self._own.release()
        shutil.rmtree(self.folder, ignore_errors=True)


def _sweep() -> None:
    """Removes what servers left behind that were killed: their folders, on which nobody holds the lock any more."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            if time.time() - folder.stat().st_mtime < _FRESH_SECONDS or folder.stat().st_uid != os.getuid():
                continue  # that of a server which is just beginning, or of somebody else
            with FolderLock(folder):
                shutil.rmtree(folder, ignore_errors=True)
        except (InputError, OSError):
            continue  # in use


def extension_of(name: str) -> str:
    """The end of a name, if it is a plain one: nothing else of a stranger's name becomes part of a path."""
    found = re.search(r"(\.[a-z]{1,9})?\.gz$|\.[a-z0-9]{1,9}$", name.lower())
    return found.group() if found else ""


def _shown(name: str) -> str:
    plain = "".join(c for c in name.replace("\\", "/").rpartition("/")[2] if c.isprintable())
    return plain[-120:] or "file"
