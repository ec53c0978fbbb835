"""Files that are whole or absent: atomic writes, hashes, one writer a folder, lists of skipped files, walking
folders.

Everything durable goes through `atomic_write`: a temporary file in the same folder, fsync, rename, fsync of
the folder. A process killed at any moment leaves the old file or the new one, and at most a leftover that
`remove_leftovers` deletes.
"""

from __future__ import annotations

import csv
import errno
import hashlib
import json
import os
import stat
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from crossmodal.base.errors import InputError
from crossmodal.base.results import Skipped

LEFTOVER_PREFIX = ".partial-"
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class FullDiskError(InputError):
    """No room to write: unlike other input errors it holds for every further file too, so jobs stop at it."""


def _no_room(error: OSError) -> bool:
    """Whether the disk is full; numpy tells it as "N requested and M written", without a number."""
    return error.errno in _NO_ROOM or (error.errno is None and "requested and" in str(error))


def _write_error(path: Path, error: OSError) -> InputError:
    reason = error.strerror or str(error)
    if _no_room(error):
        return FullDiskError(
            f"{path}: expected room to write, got '{reason}'; free some space and run again, finished work is kept"
        )
    return InputError(f"{path}: expected to be able to write, got '{reason}'; choose a folder you may write to")


def fsync_folder(folder: Path) -> None:
    """Make the names in a folder (renames, removals) durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: str | Path) -> Path:
    """The folder, made with its parents if need be. InputError where that is impossible."""
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _write_error(folder, error) from error
    return folder


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path (same folder, same suffix) to write; it takes the name `path` when the block
    ends well.

    Removed when the block fails. A full disk is a FullDiskError, another failure to write an InputError.
    """
    path = Path(path)
    temporary = path.parent / f"{LEFTOVER_PREFIX}{uuid.uuid4().hex[:12]}{path.suffix}"
    make_folder(path.parent)
    try:
        try:
            yield temporary
        except OSError as error:  # errors about other files are the caller's own
            if _no_room(error) or error.filename in (str(temporary), temporary):
                raise _write_error(path, error) from error
            raise
        try:
            with temporary.open("rb+") as stream:
                os.fsync(stream.fileno())
            os.replace(temporary, path)
            fsync_folder(path.parent)
        except OSError as error:
            raise _write_error(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> int:
    """Delete what killed writers left in a folder itself; only call it while holding the folder's lock."""
    leftovers = list(folder.glob(f"{LEFTOVER_PREFIX}*"))
    for leftover in leftovers:
        leftover.unlink(missing_ok=True)
    return len(leftovers)


def write_json(path: str | Path, value: object) -> None:
    """Write a JSON document atomically. NaN and infinity are refused: they are not JSON."""
    text = json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False)
    with atomic_write(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: str | Path) -> object:
    """Read a JSON document. InputError when missing, unreadable or not JSON."""
    path = Path(path)
    try:
        value: object = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: expected a JSON file, found none; check the path") from error
    except OSError as error:
        raise InputError(f"{path}: expected a readable JSON file, got '{error.strerror}'") from error
    except ValueError as error:  # both broken UTF-8 and broken JSON
        raise InputError(f"{path}: expected a JSON document, got something else ({error})") from error
    return value


def sha256_file(path: str | Path) -> str:
    """Hexadecimal sha256 of a file's content. InputError when it cannot be read."""
    try:
        with Path(path).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: expected a readable file, got '{error.strerror}'") from error


class FolderLock:
    """One writer a folder: `with FolderLock(folder): ...`. The lock dies with its process."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock or raise InputError at once."""
        import fcntl  # absent on Windows, which may still read

        path = make_folder(self.folder) / ".lock"
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise _write_error(path, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise InputError(
                f"{self.folder}: another process is writing here; wait for it to end or choose another folder"
            ) from error
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; the lock file stays, for removing it would let two writers in."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> FolderLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def write_skipped(path: str | Path, rows: Sequence[Skipped]) -> None:
    """Write the skipped files as CSV, columns path and reason; the header alone when there are none."""
    with (
        atomic_write(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="", errors="backslashreplace") as stream,
    ):
        writer = csv.writer(stream)
        writer.writerow(["path", "reason"])
        writer.writerows([row.path, row.reason] for row in rows)


class _Walk:
    """State of one `find_files`: what was found, what was skipped, and what was seen already."""

    def __init__(self, extensions: Iterable[str]) -> None:
        self.extensions = {extension.lower() for extension in extensions}
        self.found: list[Path] = []
        self.skipped: list[Skipped] = []
        self._seen: set[tuple[int, int]] = set()

    def skip(self, path: Path, reason: str) -> None:
        shown = os.fsencode(path).decode("utf-8", errors="backslashreplace")
        self.skipped.append(Skipped(path=shown, reason=reason))

    def visit(self, path: Path, *, named: bool) -> None:
        """Take a file or walk a folder; `named`: given by the user, so never passed over in silence."""
        try:
            status = path.stat()
        except OSError as error:
            broken = path.is_symlink() and error.errno in (errno.ENOENT, errno.ELOOP)
            if named or not broken or path.suffix.lower() in self.extensions:
                self.skip(path, "a link to nothing" if broken else f"cannot be read: {error.strerror}")
            return
        folder = stat.S_ISDIR(status.st_mode)
        if not folder and path.suffix.lower() not in self.extensions:
            if named:
                self.skip(path, f"extension '{path.suffix}' is none of {' '.join(sorted(self.extensions))}")
            return
        identity = (status.st_dev, status.st_ino)
        if identity in self._seen:
            return
        self._seen.add(identity)
        if folder:
            self._walk(path)
        else:
            self._take(path, status)

    def _walk(self, folder: Path) -> None:
        try:
            names = sorted(os.listdir(folder))
        except OSError as error:
            self.skip(folder, f"folder cannot be read: {error.strerror}")
            return
        for name in names:
            if not name.startswith("."):
                self.visit(folder / name, named=False)

    def _take(self, path: Path, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            self.skip(path, "not a regular file")
            return
        try:
            str(path).encode("utf-8")
        except UnicodeEncodeError:
            self.skip(path, "its name is not valid UTF-8; rename it")
            return
        self.found.append(path)


def find_files(paths: Sequence[str | Path], *, extensions: Iterable[str]) -> tuple[list[Path], list[Skipped]]:
    """Files with one of the extensions (".wav", any case) among `paths` and, sorted, in the folders among
    them.

    Each real file comes once, however many links lead to it; hidden names are ignored; what cannot be read is
    skipped with its reason. A path that does not exist is an InputError.
    """
    walk = _Walk(extensions)
    for path in map(Path, paths):
        if not os.path.lexists(path):
            raise InputError(f"{path}: expected a file or folder, found nothing; check the path")
        walk.visit(path, named=True)
    return walk.found, walk.skipped
