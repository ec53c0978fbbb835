"""The benchmark of hash matching runs in a tiny size, and its sequences and baselines are what it says. No time is asserted."""

from __future__ import annotations

import json

import numpy as np
import pytest

from crossmodal.alignment.hashing.rule import Rule
from scripts import bench_midi
from scripts.benchmarking import Row
from tests.crossmodal.alignment.hashing.naive import naive_warp, random_hashes


def test_the_plain_form_is_the_rule() -> None:
    generator = np.random.default_rng(0)
    for m, n in ((1, 1), (7, 12), (12, 7)):
        a, b = random_hashes(generator, m, np.uint32), random_hashes(generator, n, np.uint32)
        assert bench_midi.plain_warp(a, b, 0.9, 15) == naive_warp(a, b, Rule())


def test_sequences_are_as_described() -> None:
    hashes = bench_midi.make_hashes(3, 2000, seed=0)
    changes = np.bitwise_count(hashes[1][1:] ^ hashes[1][:-1]).mean() / 32
    assert changes == pytest.approx(bench_midi.FLIPS, abs=0.01)
    assert np.array_equal(hashes.hashes, bench_midi.make_hashes(3, 2000, seed=0).hashes)
    assert len(bench_midi.make_query(hashes[0], 80, seed=0)) == 80


def test_rows_beside_their_baselines() -> None:
    (matrix,) = bench_midi.measure_matrix(40, repeats=1)
    assert matrix.ratio is not None
    speed, same, full = bench_midi.measure_warping(10, 20, repeats=1, count=3)
    assert speed.baseline is not None
    assert speed.ratio == pytest.approx(speed.value / speed.baseline)
    assert same.baseline is not None
    assert full.baseline is not None
    rows = bench_midi.measure_search(30, 60, 1e9, count=300, repeats=1)
    assert all(row.met for row in rows[::2])  # the rankings are those of the exhaustive search
    assert rows[1].value > 50
    growth = bench_midi.measure_growth(lengths=[8, 16], counts=[8, 16], cores=[1, 2], repeats=1)
    assert [row.ratio for row in growth[::2]] == [1, 1, 1]


def test_prints_one_json_document(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_midi, "run", lambda **_: [Row("speed", 1.0, "s", 2.0, 0.5, "<= 1", True)])
    assert bench_midi.main(["--json", "--quick"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"][0]["met"] is True
    assert bench_midi.main([]) == 0
    assert "of 3 goals met" in capsys.readouterr().out
