"""The demo's part about similarity, with a tiny space: it indexes, asks by facet, says why, and why it is left out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from crossmodal.demo_similarity import _words, ask_similarity, similarity_section
from crossmodal.recipe import parse_recipe
from crossmodal.report import write_report
from crossmodal.report.html import Context
from crossmodal.space import Space
from crossmodal.space_files import load_space
from crossmodal.training import train
from pairs.catalogue import read_catalogue
from pairs.source import Item
from tests.conftest import RATE, tone
from tests.crossmodal.conftest import FACETED


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 recordings to learn from, 21 to ask about."""
    folder = tmp_path_factory.mktemp("alike")
    rows = []
    for number in range(45):
        soundfile.write(folder / f"{number}.wav", tone(100 + 30 * (number % 24), seconds=1.0), RATE)
        row = {
            "id": f"piece-{number}",
            "audio": f"{number}.wav",
            "title": f"Piece <{number}>",
            "work": f"work-{number}",
        }
        words = {"genre": "low" if number % 24 < 12 else "high", "mood": "even" if number % 2 else "odd"}
        rows.append(json.dumps({**row, **words, "split": "train" if number < 24 else "test"}))
    (folder / "c.jsonl").write_text("\n".join(rows), encoding="utf-8")
    return folder / "c.jsonl"


@pytest.fixture(scope="module")
def space(catalogue: Path, tmp_path_factory: pytest.TempPathFactory) -> Space:
    folder = tmp_path_factory.mktemp("faceted") / "space"
    return train(parse_recipe(FACETED, origin="test"), catalogue, folder, jobs=1, device="cpu", quiet=True)[0]


def test_each_facet_is_asked_and_says_why(space: Space, catalogue: Path, tmp_path: Path) -> None:
    items = read_catalogue(catalogue).items
    found = ask_similarity(space, items, tmp_path, seed=0, jobs=1, quiet=True)
    assert found is not None and found.excluded == 24 and len(found.items) == 21
    assert [row.metric for row in found.rows] == ["triplets genre", "triplets mood", "triplets overall"]
    assert found.rows[-1].value == pytest.approx(np.mean([row.value for row in found.rows[:2]]))
    assert set(found.example.answers) == {"genre", "mood"}
    for facet, results in found.example.answers.items():
        assert len(results) == 3 and all(result.id != found.example.asked.id for result in results)
        nearest = [result.detail["facets"][facet] for result in results]  # type: ignore[index]
        assert nearest == sorted(nearest, reverse=True)
    write_report(tmp_path / "r.html", [similarity_section(found)])
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "The same genre: " in page and "cosines: genre" in page and "Piece &lt;" in page
    again = ask_similarity(space, items, tmp_path, seed=0, jobs=1, quiet=True)
    assert again is not None and again.example == found.example and again.rows == found.rows


def test_what_is_left_out_says_why(space: Space, catalogue: Path, cover_space_folder: Path, tmp_path: Path) -> None:
    items = read_catalogue(catalogue).items
    assert ask_similarity(space, items[:30], tmp_path, seed=0, jobs=1, quiet=True) is None
    assert ask_similarity(load_space(cover_space_folder), items, tmp_path, seed=0, jobs=1, quiet=True) is None
    assert "Left out" in similarity_section(None).blocks[0].render(Context(sound_bytes=0))


def test_words_are_told_before_what_a_column_lists() -> None:
    players: dict[str, str | int | float | bool | None] = {"instruments": "violin, violin, viola, cello"}
    tagged = Item("q", {}, tags=frozenset({"strings", "violin", "loud"}), fields=players)
    assert _words(tagged, "instruments") == "strings, violin"
    assert _words(Item("p", {}, fields=players), "instruments") == "violin, violin, viola, cello"
    assert _words(tagged, "mood") == "nothing is known of it"
