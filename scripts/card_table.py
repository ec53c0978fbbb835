"""Scores as the Markdown table of a card."""

from __future__ import annotations

from collections.abc import Sequence

from crossmodal.base.results import ScoreRow


def card_table(rows: Sequence[ScoreRow], *, counted: str = "n") -> str:
    """Rows with their intervals and chance, empty where there is none; `counted`: the heading of how many were judged."""
    figures = [f"| {r.metric} | {r.value:.3f} | {_interval(r)} | {_chance(r)} | {r.n} |" for r in rows]
    return "\n".join([f"| metric | value | 95% | chance | {counted} |", "|---|---|---|---|---|", *figures, ""])


def _interval(row: ScoreRow) -> str:
    return "" if row.low is None else f"{row.low:.3f} to {row.high:.3f}"


def _chance(row: ScoreRow) -> str:
    return "" if row.chance is None else f"{row.chance:.4f}"
