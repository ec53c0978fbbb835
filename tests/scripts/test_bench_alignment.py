"""The benchmark of the alignment runs in a tiny size, and its sequences and jumps are what it says. No time is asserted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from scripts import bench_alignment


def test_kernels_beside_their_baselines() -> None:
    speed, cost = bench_alignment.measure_dtw(40, repeats=1)
    assert cost.met
    assert speed.baseline is not None
    assert speed.ratio == pytest.approx(speed.baseline / speed.value)
    (following,) = bench_alignment.measure_following(1000, updates=5)
    assert following.value > 0


def test_the_score_with_jumps_is_found() -> None:
    for jumps in (bench_alignment.written_jumps(1600), bench_alignment.free_jumps(1600)):
        assert bench_alignment.jump_long(700, 1600, jumps) > 0.95


@pytest.mark.slow
def test_all_rows_with_memory_in_processes_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "--sizes",
        "40",
        "--length",
        "300",
        "--rows",
        "500",
        "--columns",
        "1600",
        "--followed",
        "1000",
        "--pages",
        "0",
        "--json",
    ]
    assert bench_alignment.main(words) == 0
    by_name = {row["name"].strip(): row for row in json.loads(capsys.readouterr().out)["rows"]}
    assert by_name["peak memory of the process"]["value"] > 20
    assert all(row["value"] > 0 for row in by_name.values())


def test_a_failing_process_is_told() -> None:
    with pytest.raises(SystemExit, match="expected a peak of memory"):
        bench_alignment.peak_in_child(["--peak-of", "none"])


def test_sequences_and_jumps() -> None:
    vectors = bench_alignment.make_sequence(50, seed=0)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.array_equal(vectors, bench_alignment.make_sequence(50, seed=0))
    assert len(bench_alignment.free_jumps(20000)) == 100 * 100 - 99
    assert all(jump.destination != jump.origin + 1 for jump in bench_alignment.free_jumps(2000))


def test_an_alignment_that_was_not_written_is_no_time(tmp_path: Path) -> None:
    output = tmp_path / "alignment.csv"
    output.write_text("of an earlier run")
    with pytest.raises(SystemExit, match=r"expected an alignment, got .*absent\.wav"):
        bench_alignment.time_align(tmp_path / "absent.wav", tmp_path / "absent.pdf", output)


@pytest.mark.slow
def test_the_whole_alignment_writes_its_rows(tmp_path: Path) -> None:
    score, recording = bench_alignment.long_score(tmp_path, pages=1, minutes=0.3)
    output = tmp_path / "alignment.csv"
    assert bench_alignment.time_align(recording, score, output) > 0
    assert len(output.read_text(encoding="utf-8").splitlines()) > 100
