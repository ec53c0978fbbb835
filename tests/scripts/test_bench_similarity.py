"""The benchmark runs from end to end in a tiny size. What it measures is not asserted: a benchmark is no test."""

from __future__ import annotations

from pathlib import Path

from crossmodal.objectives.miners import MINERS
from encoders.inception import MelInception
from scripts.bench_similarity import make_index, measure_miners, measure_search


def test_it_measures_searches_and_miners(tmp_path: Path) -> None:
    row = measure_search(make_index(tmp_path / "index", tracks=50), queries=2, k=3)
    assert row.ratio is not None and row.ratio > 0 and row.met is not None
    rows = measure_miners(batch=4, network=MelInception(first=2, width=1, pairs=2, bands=16, window_seconds=0.5))
    assert len(rows) == len(MINERS) and all(row.value > 0 for row in rows)
