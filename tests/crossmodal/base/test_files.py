"""Files are whole or absent, folders have one writer, walks find each file once."""

from __future__ import annotations

import csv
import errno
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from crossmodal.base.errors import InputError
from crossmodal.base.files import (
    FolderLock,
    FullDiskError,
    atomic_write,
    find_files,
    read_json,
    remove_leftovers,
    sha256_file,
    write_json,
    write_skipped,
)
from crossmodal.base.results import Skipped

REPOSITORY = Path(__file__).parents[3]


def test_written_whole_and_nothing_left(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "new" / "a.txt") as temporary:
        temporary.write_text("whole")
        assert temporary.suffix == ".txt"
        assert not (tmp_path / "new" / "a.txt").exists()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.txt"]


def test_failure_keeps_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(ValueError, match="mid"), atomic_write(target) as temporary:
        temporary.write_text("half")
        raise ValueError("mid")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk_is_one_line(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    with pytest.raises(FullDiskError) as caught, atomic_write(target) as temporary:
        temporary.touch()
        with open("/dev/full", "w") as stream:
            stream.write("x")
            stream.flush()
    assert str(target) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_errors_about_other_files_are_not_ours(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "a"):
        (tmp_path / "missing").read_text()


def test_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(InputError, match="expected to be able to write"),
        atomic_write(tmp_path / "file" / "a"),
    ):
        pass


def test_leftovers_of_killed_writers(tmp_path: Path) -> None:
    code = (
        "import os, sys; from crossmodal.base.files import atomic_write\n"
        "with atomic_write(sys.argv[1]) as t: t.write_text('half'); os.kill(os.getpid(), 9)"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.txt")], env=environment, check=False)
    assert len(list(tmp_path.iterdir())) == 1
    assert not (tmp_path / "a.txt").exists()
    assert remove_leftovers(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


def test_json_round_trip_and_refusals(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"ü": [1, None]})
    assert read_json(tmp_path / "a.json") == {"ü": [1, None]}
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "a.json", float("nan"))
    assert read_json(tmp_path / "a.json") == {"ü": [1, None]}
    with pytest.raises(InputError, match="found none"):
        read_json(tmp_path / "b.json")
    (tmp_path / "c.json").write_bytes(b'{"a": \xff')
    with pytest.raises(InputError, match="expected a JSON document"):
        read_json(tmp_path / "c.json")


def test_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc" * 100_000)
    assert sha256_file(tmp_path / "a") == hashlib.sha256(b"abc" * 100_000).hexdigest()
    with pytest.raises(InputError, match="readable file"):
        sha256_file(tmp_path / "b")


def test_lock_refuses_a_second_writer_and_dies_with_its_process(tmp_path: Path) -> None:
    with (
        FolderLock(tmp_path),
        pytest.raises(InputError, match="another process is writing"),
        FolderLock(tmp_path),
    ):
        pass
    code = (
        "import sys, time; from crossmodal.base.files import FolderLock\n"
        "lock = FolderLock(sys.argv[1]); lock.acquire(); print('held', flush=True); time.sleep(60)"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(InputError), FolderLock(tmp_path):
            pass
        process.kill()
        process.wait()
    with FolderLock(tmp_path):
        pass


def test_skipped_table(tmp_path: Path) -> None:
    write_skipped(tmp_path / "skipped.csv", [Skipped(path='a "b",c.wav', reason="no")])
    with (tmp_path / "skipped.csv").open(newline="") as stream:
        assert list(csv.reader(stream)) == [["path", "reason"], ['a "b",c.wav', "no"]]
    write_skipped(tmp_path / "skipped.csv", [])
    assert (tmp_path / "skipped.csv").read_text().split() == ["path,reason"]


def test_walk(tmp_path: Path) -> None:
    for name in ("b/2.WAV", "b/1.wav", "a/ü 'q'.wav", "b/cover.jpg", ".hidden/x.wav", "b/.y.wav"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (tmp_path / "b" / "loop").symlink_to(tmp_path)
    (tmp_path / "b" / "again.wav").symlink_to(tmp_path / "b" / "2.WAV")
    (tmp_path / "b" / "broken.wav").symlink_to(tmp_path / "nowhere")
    (tmp_path / "b" / "broken.txt").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "b" / "pipe.wav")
    os.mkdir(tmp_path / "b" / "z.wav")
    (tmp_path / "b" / "z.wav" / "3.wav").touch()
    found, skipped = find_files([tmp_path, tmp_path / "b"], extensions=[".wav"])
    names = [str(path.relative_to(tmp_path)) for path in found]
    assert names == ["a/ü 'q'.wav", "b/1.wav", "b/2.WAV", "b/z.wav/3.wav"]
    assert [(Path(row.path).name, row.reason) for row in skipped] == [
        ("broken.wav", "a link to nothing"),
        ("pipe.wav", "not a regular file"),
    ]


def test_walk_of_named_files(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    found, skipped = find_files([tmp_path / "a.txt"], extensions=[".wav", ".mp3"])
    assert (found, [row.reason for row in skipped]) == ([], ["extension '.txt' is none of .mp3 .wav"])
    assert find_files([], extensions=[".wav"]) == ([], [])
    with pytest.raises(InputError, match="found nothing"):
        find_files([tmp_path / "missing"], extensions=[".wav"])


def test_walk_reports_names_that_are_not_text(tmp_path: Path) -> None:
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.wav")).touch()
    except OSError as error:
        assert error.errno in (errno.EILSEQ, errno.EINVAL)
        pytest.skip("this file system takes UTF-8 names only")
    found, skipped = find_files([tmp_path], extensions=[".wav"])
    assert found == []
    assert skipped[0].path.endswith("\\xff.wav")
    assert "UTF-8" in skipped[0].reason


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_walk_reports_unreadable_folders(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    assert "cannot be read" in find_files([tmp_path], extensions=[".wav"])[1][0].reason
