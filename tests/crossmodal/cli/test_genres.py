"""The command `genres`, and a picture as a query."""

from __future__ import annotations

import json
from pathlib import Path

from pairs.cover_art import CoverFacts, draw_cover
from tests.crossmodal.cli.running import crossmodal, mistake


def test_genres_of_a_file_of_both_and_of_a_catalogue(cover_space_folder: Path, covers: Path) -> None:
    folder = covers.parent
    one = crossmodal("genres", "--image", folder / "track-00.png", "--space", cover_space_folder, "--json").document
    assert one["query"] == {"modality": "image", "path": str(folder / "track-00.png")}
    assert {r["detail"]["tag"] for r in one["results"]} == {"Bass", "Drone", "Treble"}
    assert all(0 <= r["confidence"] <= 1 for r in one["results"])
    both = crossmodal(
        "genres", "--audio", folder / "track 00.wav", "--image", folder / "track-00.png", "--space", cover_space_folder,
        "--single",
    )  # fmt: skip
    assert both.code == 0 and len(both.out.splitlines()) == 1
    many = crossmodal("genres", covers, "--space", cover_space_folder, "--json", "--quiet")
    assert many.code == 0 and len(many.document) == 12


def test_the_space_that_ships_is_the_default_and_knows_a_drawn_reel(covers: Path, tmp_path: Path) -> None:
    facts = CoverFacts(
        "a", "The Reel", "", "ryansMammoth", frozenset({"fiddle", "fast", "duple metre", "monophonic", "cheerful"})
    )
    draw_cover(facts).save(tmp_path / "reel.png")
    told = crossmodal("genres", "--image", tmp_path / "reel.png", "--json").document
    assert told["space"].startswith("cover-audio@")
    assert told["results"][0]["detail"]["tag"] in (
        "folk music",
        "Celtic music",
        "Irish music",
        "dance music",
        "fiddle tune",
    )
    assert crossmodal("index", "cover-audio", covers, "--output", tmp_path / "index", "--quiet").code == 0
    assert (
        len(crossmodal("search", tmp_path / "index", "--image", tmp_path / "reel.png", "--json").document["results"])
        == 10
    )


def test_a_broken_cover_in_a_catalogue_is_skipped(cover_space_folder: Path, covers: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"<svg/>")
    rows = [{"id": "bad", "image": "bad.jpg"}, {"id": "good", "image": str(covers.parent / "track-00.png")}]
    (tmp_path / "c.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    outcome = crossmodal("genres", tmp_path / "c.jsonl", "--space", cover_space_folder, "--quiet", "--strict", "--json")
    good, bad = outcome.document
    assert outcome.code == 1 and "SVG" in outcome.err
    assert good["results"] and not bad["results"] and "SVG" in bad["skipped"][0]["reason"]


def test_mistakes_are_one_line(cover_space_folder: Path, covers: Path, tmp_path: Path) -> None:
    picture = covers.parent / "track-00.png"
    assert "got neither" in mistake("genres")
    assert "got both" in mistake("genres", covers, "--image", picture)
    (tmp_path / "drawing.jpg").write_text("<svg/>", encoding="utf-8")
    told = mistake("genres", "--image", tmp_path / "drawing.jpg", "--space", cover_space_folder)
    assert "an SVG drawing" in told


def test_search_with_a_picture(cover_space_folder: Path, covers: Path, tmp_path: Path) -> None:
    index = tmp_path / "idx"
    assert crossmodal("index", cover_space_folder, covers, "--output", index, "--quiet").code == 0
    found = crossmodal("search", index, "--image", covers.parent / "track-00.png", "--json").document
    assert found["results"] and all("(cover)" not in r["id"] for r in found["results"])
    pictures = crossmodal(
        "search", index, "--audio", covers.parent / "track 00.wav", "--target", "image", "--json"
    ).document
    assert all(r["id"].endswith("(cover)") for r in pictures["results"])
