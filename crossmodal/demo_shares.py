"""Shares of questions answered rightly, as the demo's parts tell them: with an interval over the questions, and chance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from crossmodal.base.results import ScoreRow
from crossmodal.metrics.bootstrap import bootstrap_interval


def share_rows(measured: Iterable[tuple[str, ArrayLike, float | None]], *, seed: int) -> list[ScoreRow]:
    """Rows from (metric, values (questions,), chance); what has no values is left out."""
    rows = []
    for metric, values, chance in measured:
        array = np.asarray(values, np.float64)
        if len(array):
            found = bootstrap_interval(array, seed=seed)
            rows.append(
                ScoreRow(metric=metric, value=found.value, low=found.low, high=found.high, chance=chance, n=len(array))
            )
    return rows


def summary_lines(name: str, rows: Sequence[ScoreRow]) -> list[str]:
    """One line a row, for the terminal."""
    chances = ("" if row.chance is None else f", chance {row.chance:.3g}" for row in rows)
    return [
        f"{name}: {row.metric} {row.value:.3f} [{row.low:.3f}, {row.high:.3f}] of {row.n}{chance}"
        for row, chance in zip(rows, chances, strict=True)
    ]
