"""Runs that are ended from outside, disks that fill up, readers that go away: what is finished stays finished."""

from __future__ import annotations

import os
import resource
import shutil
import signal
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
from safetensors.numpy import load_file

from crossmodal.retrieval.index import Index
from crossmodal.retrieval.writer import IndexWriter
from tests.conftest import tone

from .running import Outcome, crossmodal, end, mistake, signal_when, start

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough short recordings that a run lasts for a few parts."""
    folder = tmp_path_factory.mktemp("many")
    for i in range(200):
        soundfile.write(folder / f"{i:03}.wav", tone(100 + 7 * i, seconds=1.2), 16000)
    return folder


def vectors(path: Path) -> tuple[list[str], np.ndarray]:
    table = pq.read_table(path)
    return table.column("path").to_pylist(), np.stack(table.column("vector").to_pylist())


def test_encode_goes_on_after_kill_9(space_folder: Path, many: Path, tmp_path: Path) -> None:
    output = tmp_path / "v.parquet"
    arguments = ("encode", space_folder, many, "--output", output, "--jobs", 1)
    process = start(*arguments)
    signal_when(process, ".v.parquet.parts/[0-9a-f]*.parquet", tmp_path, signal.SIGKILL)
    assert end(process).code == -signal.SIGKILL and not output.exists()
    parts = list((tmp_path / ".v.parquet.parts").glob("[0-9a-f]*.parquet"))
    assert sum(pq.read_table(part).num_rows for part in parts) >= 64
    parts[0].with_name(".partial-rest.parquet").write_bytes(b"half")
    parts[0].with_name("damaged.parquet").write_bytes(b"half")
    assert crossmodal(*arguments, "--resume").code == 0
    whole = tmp_path / "whole.parquet"
    assert crossmodal("encode", space_folder, many, "--output", whole).code == 0
    names, found = vectors(output)
    expected_names, expected = vectors(whole)
    assert names == expected_names and len(names) == 200
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["v.parquet", "whole.parquet"]


def test_index_goes_on_after_ctrl_c_and_kill_9(space_folder: Path, many: Path, tmp_path: Path) -> None:
    index = tmp_path / "idx"
    arguments = ("index", space_folder, many, "--output", index, "--jobs", 1)
    process = start(*arguments)
    signal_when(process, "idx/staging-000001", tmp_path, signal.SIGINT)
    outcome = end(process)
    assert outcome.code == 130 and outcome.out == ""
    assert outcome.err == ("crossmodal: interrupted; what is finished is kept: run the same command with --resume\n")
    assert "was interrupted or found nothing" in mistake("search", index, "a sound")
    process = start(*arguments, "--resume")
    signal_when(process, "idx/vectors-*.npy", tmp_path, signal.SIGKILL)
    end(process)
    assert crossmodal(*arguments, "--resume").code == 0
    assert crossmodal("index", space_folder, many, "--output", tmp_path / "whole").code == 0
    found, expected = Index.open(index), Index.open(tmp_path / "whole")
    assert {i.id for i in found.items} == {i.id for i in expected.items} and len(found.items) == 200
    order = [[i.id for i in one.items].index(f"{n:03}.wav") for one in (found, expected) for n in range(200)]
    np.testing.assert_allclose(found.vectors[order[:200]], expected.vectors[order[200:]], atol=1e-5)
    assert not found.interrupted and not list(index.glob(".partial-*"))


def test_train_goes_on_after_kill_9(recipe_file: Path, sounds: Path, tmp_path: Path) -> None:
    catalogue = sounds / "catalogue.jsonl"

    def arguments(output: Path) -> tuple[object, ...]:
        steps = ("--set", "stages.alignment.training.steps=30")
        return (
            "train",
            recipe_file,
            "--catalogue",
            catalogue,
            "--output",
            output,
            "--jobs",
            1,
            "--device",
            "cpu",
            *steps,
        )

    killed, whole = tmp_path / "killed", tmp_path / "whole"
    process = start(*arguments(killed))
    signal_when(process, "killed/training/2-alignment/checkpoints/last.ckpt", tmp_path, signal.SIGKILL)
    assert end(process).code == -signal.SIGKILL
    assert "--resume" in mistake("info", killed)
    assert "got an interrupted training; add --resume" in mistake(*arguments(killed))
    changed = mistake(*arguments(killed), "--resume", "--set", "seed=3")
    assert "expected the recipe that this training began with" in changed
    assert crossmodal(*arguments(killed), "--resume").code == 0
    assert crossmodal(*arguments(whole)).code == 0
    found, expected = (load_file(folder / "weights.safetensors") for folder in (killed, whole))
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=2e-3, err_msg=name)


def test_one_writer_an_index(space_folder: Path, sounds: Path, index_folder: Path, tmp_path: Path) -> None:
    index = shutil.copytree(index_folder, tmp_path / "idx")
    header = Index.open(index).header
    with IndexWriter(index, space=header.space, modality="audio"):
        said = mistake("index", space_folder, sounds / "catalogue.jsonl", "--output", index, "--update")
        assert "another process is writing here" in said
        assert crossmodal("search", index, "a sound").code == 0
    assert crossmodal("index", space_folder, sounds / "catalogue.jsonl", "--output", index, "--update").code == 0


def limited(*arguments: object, kilobytes: int) -> Outcome:
    """A run in which no file may grow beyond a limit, as when the disk is full."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes * 1024,) * 2)

    return end(start(*arguments, preexec_fn=limit))


def test_a_full_disk(space_folder: Path, many: Path, recipe_file: Path, sounds: Path, tmp_path: Path) -> None:
    catalogue = sounds / "catalogue.jsonl"
    index, output, trained = tmp_path / "idx", tmp_path / "v.parquet", tmp_path / "space"
    for arguments in (
        ("index", space_folder, many, "--output", index),
        ("encode", space_folder, many, "--output", output),
        ("train", recipe_file, "--catalogue", catalogue, "--output", trained, "--jobs", 1),
    ):
        outcome = limited(*arguments, kilobytes=4)
        assert (outcome.code, outcome.out) == (2, ""), (outcome.code, outcome.err[-2000:])
        said = outcome.err.splitlines()
        assert len(said) == 1 and said[0].startswith("crossmodal: ") and "room to write" in said[0], outcome.err[-2000:]
    assert not output.exists() and not (trained / "manifest.json").exists()
    assert crossmodal("index", space_folder, many, "--output", index).code == 0
    before = Index.open(index).header
    soundfile.write(many / "new.wav", tone(50), 16000)
    outcome = limited("index", space_folder, many, "--output", index, "--update", kilobytes=4)
    assert outcome.code == 2 and Index.open(index).header == before


def test_stdout_that_closes_or_is_full(index_folder: Path, space_folder: Path) -> None:
    process = start("search", index_folder, "a sound", "--json")
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b"" and process.wait(timeout=300) == 0
    if os.path.exists("/dev/full"):
        with open("/dev/full", "wb") as full:
            outcome = end(start("search", index_folder, "a sound", stdout=full))
        assert outcome.code == 2 and len(outcome.err.splitlines()) == 1 and "No space left" in outcome.err


def test_a_terminal_that_knows_ascii_only(index_folder: Path) -> None:
    environment = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    outcome = end(start("search", index_folder, "chœur – 合唱", "-k", 1, "--quiet", env=environment))
    assert outcome.code == 0 and "ch\\u0153ur" in outcome.out.replace("\\xc5\\x93", "\\u0153")
    outcome = end(start("search", index_folder, "chœur", "-k", 1, "--json", env=environment))
    assert outcome.code == 0 and outcome.document["query"]["text"] == "chœur"
