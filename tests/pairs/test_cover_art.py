"""Drawn covers: the same at every call, different for different facts, and told to be drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pairs.catalogue import read_catalogue, write_catalogue
from pairs.cover_art import DRAWN, SIDE, CoverFacts, contact_sheet, draw_cover, illustrate
from pairs.cover_shapes import MOTIF_SHAPES
from pairs.cover_styles import (
    FAMILIES,
    HOUSE_STYLES,
    LAYOUTS,
    MOTIFS,
    badges_of,
    emblems_of,
    house_style,
    palette_of,
    size_of,
)
from pairs.instruments import BY_NAME
from pairs.source import Item

FACTS = CoverFacts("a-0", "The Little Swallow", "", "O'Neill's tunes", frozenset({"lively", "fast", "strings"}))


def pixels(facts: CoverFacts) -> np.ndarray:
    return np.asarray(draw_cover(facts), np.int16)


def test_is_the_same_at_every_call_and_another_for_other_facts() -> None:
    first = pixels(FACTS)
    assert first.shape == (SIDE, SIDE, 3)
    np.testing.assert_array_equal(first, pixels(FACTS))
    assert (np.asarray(draw_cover(FACTS, seed=1)) != first).any()
    slow = CoverFacts("a-0", FACTS.title, "", FACTS.collection, frozenset({"sad", "slow", "voices"}))
    assert np.abs(first - pixels(slow)).mean() > 5


def test_the_tables_name_what_there_is() -> None:
    assert set(MOTIFS) == set(MOTIF_SHAPES) == {house_style(f"any {n}").motif for n in range(200)}
    for style in HOUSE_STYLES.values():
        assert style.motif in MOTIFS and style.layout in LAYOUTS


def test_facts_choose_colours_sizes_and_emblems() -> None:
    minor, major = (palette_of({mode}, "x", 0.0) for mode in ("minor key", "major key"))
    assert sum(minor.ground) < 200 < sum(major.ground)
    assert palette_of({"sad"}, "x", 0.0) != palette_of({"cheerful"}, "x", 0.0)
    assert palette_of({"sad"}, "x", 0.0) == palette_of({"sad"}, "y", 0.0)
    assert size_of({"slow"}) > size_of(set()) > size_of({"fast"})
    assert emblems_of({"choir", "voices", "brass"}) == ["brass", "voices"]


def test_each_instrument_has_a_disc_of_its_own() -> None:
    assert badges_of({"brass", "slow"}) == [("brass", None)] and badges_of({"slow"}) == []
    both = badges_of({"flute", "oboe", "woodwind"})
    assert [emblem for emblem, _ in both] == ["woodwind", "woodwind"] and both[0] != both[1]
    discs = {badges_of({name})[0] for name in (*BY_NAME, "drums")}
    assert len(discs) == len(BY_NAME) + 1


@pytest.mark.parametrize("family", sorted(set(FAMILIES)))
@pytest.mark.parametrize(
    "title", ["", "X", "A very long title of a mass that no line of a cover could ever hold at once " * 3]
)
def test_everything_can_be_drawn(family: str, title: str) -> None:
    tags = frozenset({family, "noisy", "muffled", "cathedral", "polyphonic"})
    found = pixels(CoverFacts(f"{family}-{title[:3]}", title, "Jos\u00e9 \u4e2d", "Somewhere", tags))
    assert found.std() > 5


def test_a_catalogue_is_illustrated_once(tmp_path: Path) -> None:
    names = ("one", "two", "has its own")
    for name in names:
        (tmp_path / f"{name}.wav").write_bytes(b"x")
    Image.new("RGB", (50, 50)).save(tmp_path / "own.png")
    items = [Item(name, {"audio": tmp_path / f"{name}.wav"}, fields={"title": name, "artist": None}) for name in names]
    items[2].files["image"] = tmp_path / "own.png"  # type: ignore[index]
    write_catalogue(tmp_path / "catalogue.jsonl", items)
    made = illustrate(tmp_path / "catalogue.jsonl", jobs=1, quiet=True)
    found = read_catalogue(made).items
    assert made.name == "catalogue-covers.jsonl" and [i.id for i in found] == list(names)
    assert found[2].files["image"].name == "own.png" and "cover" not in found[2].fields
    drawn = found[0].files["image"]
    assert found[0].fields["cover"] == "drawn" and Image.open(drawn).info["Comment"] == DRAWN
    before = drawn.stat().st_mtime_ns
    illustrate(tmp_path / "catalogue.jsonl", jobs=1, quiet=True)
    assert drawn.stat().st_mtime_ns == before
    assert contact_sheet([Image.open(drawn)] * 9).size == (8 * (SIDE + 8), 2 * (SIDE + 8))
