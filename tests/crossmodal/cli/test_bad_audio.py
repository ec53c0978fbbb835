"""Recordings as they come: each is used, or skipped with its reason, counted and listed; the job goes on."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from tests.conftest import tone

from .running import crossmodal

GOOD = ("8 bit.wav", "192 kHz.wav", 'it\'s "quoted" – песня 歌.wav', "good.flac", "cut.wav")
BAD = {
    "zero.wav": "empty",
    "header only.wav": "truncated",
    "text.wav": "not audio",
    "silence.wav": "silent",
    "nan.wav": "not finite",
    "one sample.wav": "too short",
    "no samples.wav": "",
}


def make_sounds(folder: Path) -> Path:
    """Good and bad recordings."""
    sound = tone(220, seconds=1.5, harmonics=3)
    soundfile.write(folder / "8 bit.wav", tone(220, seconds=1.5, rate=8000), 8000, subtype="PCM_U8")
    six = np.stack([tone(220, seconds=1.0, rate=192000)] * 6, axis=1)
    soundfile.write(folder / "192 kHz.wav", six, 192000, subtype="PCM_24")
    soundfile.write(folder / GOOD[2], sound, 16000)
    soundfile.write(folder / "good.flac", sound, 16000)
    soundfile.write(folder / "whole.wav", sound, 16000)
    data = (folder / "whole.wav").read_bytes()
    (folder / "whole.wav").unlink()
    (folder / "cut.wav").write_bytes(data[:30000])
    (folder / "header only.wav").write_bytes(data[:60])
    (folder / "zero.wav").touch()
    (folder / "text.wav").write_text("I am no sound", encoding="utf-8")
    soundfile.write(folder / "silence.wav", np.zeros(32000), 16000)
    broken = sound.copy()
    broken[9000] = np.nan
    soundfile.write(folder / "nan.wav", broken, 16000, subtype="FLOAT")
    soundfile.write(folder / "one sample.wav", sound[:1], 16000)
    soundfile.write(folder / "no samples.wav", sound[:0], 16000)
    (folder / "loop").symlink_to(folder)
    (folder / "circle.wav").symlink_to(folder / "circle.wav")
    (folder / "notes.txt").write_text("no sound, and no one asked for it", encoding="utf-8")
    return folder


@pytest.fixture
def strange(tmp_path: Path) -> Path:
    folder = tmp_path / "strange sounds"
    folder.mkdir()
    return make_sounds(folder)


def listed(path: Path) -> dict[str, str]:
    """skipped.csv as file name -> reason."""
    with path.open(encoding="utf-8", newline="") as stream:
        return {Path(row["path"]).name: row["reason"] for row in csv.DictReader(stream)}


def test_encode_uses_what_it_can_and_lists_the_rest(space_folder: Path, strange: Path, tmp_path: Path) -> None:
    output = tmp_path / "out" / "vectors.parquet"
    outcome = crossmodal("encode", space_folder, strange, "--output", output, "--jobs", 2)
    assert outcome.code == 0
    table = pq.read_table(output)
    assert {Path(p).name for p in table.column("path").to_pylist()} == set(GOOD)
    vectors = np.stack(table.column("vector").to_pylist())
    assert vectors.shape == (len(GOOD), 16)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    skipped = listed(output.parent / "skipped.csv")
    assert set(skipped) == {*BAD, "circle.wav"}
    for name, reason in BAD.items():
        assert reason in skipped[name]
    assert outcome.lines[-1] == f"crossmodal: {len(skipped)} skipped, listed in {output.parent / 'skipped.csv'}"
    truncated = [line for line in outcome.lines if "cut.wav" in line]
    assert len(truncated) == 1 and "truncated: the first" in truncated[0] and ".py" not in outcome.err


def test_strict_turns_skips_into_exit_1(space_folder: Path, strange: Path, tmp_path: Path) -> None:
    output = tmp_path / "v.parquet"
    assert crossmodal("encode", space_folder, strange, "--output", output, "--strict").code == 1
    assert pq.read_table(output).num_rows == len(GOOD)


def test_nothing_usable_is_exit_1(space_folder: Path, strange: Path, tmp_path: Path) -> None:
    bad = [strange / name for name in BAD]
    for command in (
        ("encode", space_folder, *bad, "--output", tmp_path / "v.parquet"),
        ("index", space_folder, *bad, "--output", tmp_path / "idx"),
        ("tag", *bad, "--space", space_folder),
    ):
        outcome = crossmodal(*command)
        assert (outcome.code, outcome.lines[-1]) == (1, "crossmodal: nothing usable")
        assert str(len(BAD)) + " skipped" in outcome.err


def test_index_and_its_list_of_skipped_files(space_folder: Path, strange: Path, tmp_path: Path) -> None:
    index = tmp_path / "idx"
    outcome = crossmodal("index", space_folder, strange, "--output", index, "--json")
    assert outcome.code == 0 and outcome.document["items"] == len(GOOD)
    assert {Path(row["path"]).name for row in outcome.document["skipped"]} == {*BAD, "circle.wav"}
    assert set(listed(index / "skipped.csv")) == {*BAD, "circle.wav"}
    for name in [*BAD, "circle.wav"]:
        (strange / name).unlink()
    assert crossmodal("index", space_folder, strange, "--output", index, "--update").code == 0
    assert listed(index / "skipped.csv") == {}  # the old list would be a lie now
    found = crossmodal("search", index, "a sound", "--json", "-k", 99).document
    assert {result["id"] for result in found["results"]} == set(GOOD)


def test_tag_answers_for_every_file(space_folder: Path, strange: Path) -> None:
    outcome = crossmodal("tag", strange, "--space", space_folder, "--json", "-k", 1)
    answered = {Path(d["query"]["path"]).name: d for d in outcome.document}
    assert set(answered) == {*GOOD, *BAD, "circle.wav"}
    for name, document in answered.items():
        assert len(document["results"]) == (name in GOOD) and len(document["skipped"]) == (name not in GOOD)


def test_a_bad_query_file_is_a_mistake(index_folder: Path, strange: Path) -> None:
    for name, reason in BAD.items():
        outcome = crossmodal("search", index_folder, "--audio", strange / name)
        assert outcome.code == 2 and len(outcome.lines) == 1 and reason in outcome.err
    assert crossmodal("search", index_folder, "--audio", strange / "missing.wav").code == 2
    assert crossmodal("search", index_folder, "--audio", strange).code == 2


def test_a_name_that_is_not_utf8(space_folder: Path, index_folder: Path, tmp_path: Path) -> None:
    name = b"caf\xe9.wav"
    folder = tmp_path / "latin"
    folder.mkdir()
    path = Path(str(folder)) / name.decode("utf-8", "surrogateescape")
    try:
        soundfile.write(folder / "fine.wav", tone(220), 16000)
        (folder / "fine.wav").rename(path)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    soundfile.write(folder / "fine.wav", tone(220), 16000)
    outcome = crossmodal("index", space_folder, folder, "--output", tmp_path / "idx")
    assert outcome.code == 0 and "1 skipped" in outcome.err
    assert "UTF-8" in listed(tmp_path / "idx" / "skipped.csv")["caf\\xe9.wav"]
    assert "UTF-8" in crossmodal("search", index_folder, "--audio", path).err
    assert "UTF-8" in crossmodal("search", index_folder, str(path)).err
