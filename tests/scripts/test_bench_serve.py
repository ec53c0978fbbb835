"""The load benchmark runs on a small index, and nothing fails while another state is taken up."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.bench_serve import main, quantiles


@pytest.mark.slow
def test_it_prints_a_row_for_each_number_of_clients_and_loses_no_request(
    space_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--items", "200", "--requests", "8", "--soak", "40", "--space", str(space_folder)])
    told = capsys.readouterr().out
    assert [int(n) for n in re.findall(r"^clients (\d+)", told, re.M)] == [1, 8, 64]
    assert re.findall(r"failed (\d+)", told) == ["0"] * 3 and "goal, own share" in told
    assert re.search(r"CPU of the server per request, ms: served \d.* own share -?\d", told)
    assert "after 40 requests, 0 failed" in told and re.search(r"reload: .* 200 items became 210, 0 failed", told)


def test_quantiles_are_in_milliseconds() -> None:
    assert quantiles([0.001, 0.002, 0.003]) == pytest.approx((2.0, 2.98))
