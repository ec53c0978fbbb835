"""The demo at its smallest size, from real scores to the report, as `make demo` runs it; a second run reuses what is done."""

import subprocess
import sys
from pathlib import Path

import pytest

from crossmodal.demo_words import demo_words
from pairs.catalogue import read_catalogue
from pairs.vocabulary import unseen_tags


def run(output: Path) -> str:
    command = [
        sys.executable,
        "-c",
        "from crossmodal.cli import main; main()",
        "demo",
        "--size",
        "small",
        "--output",
        str(output),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=_environment(output))
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def _environment(output: Path) -> dict[str, str]:
    import os

    kept = {name: value for name, value in os.environ.items() if name != "CROSSMODAL_DATA"}
    return {**kept, "CROSSMODAL_HOME": str(output.parent / "home")}


@pytest.mark.slow
def test_the_smallest_demo_and_its_second_run(tmp_path: Path) -> None:
    output = tmp_path / "demo"
    said = run(output)
    assert "ROC-AUC unseen tags" in said and "what to try next" in said
    report = (output / "report.html").read_text(encoding="utf-8")
    for title in (
        "Zero-shot tagging",
        "Search with sentences",
        "Found with words",
        "Recordings and sheet music",
        "Recordings and covers",
        "Singers, alone and in mixes",
        "Map of the space",
        "Nearest words",
        "Loss curves",
    ):
        assert title in report
    assert "<audio" in report and "http://" not in report.replace("http://www.w3.org", "")
    catalogue = read_catalogue(output / "collection" / "catalogue.jsonl")
    hidden = set(unseen_tags())
    stated = {fact for item in catalogue.items if item.split == "train" for c in item.captions for fact in c.facts}
    assert not stated & hidden
    works = {split: {item.work for item in catalogue.of_split(split)} for split in ("train", "validation", "test")}
    assert not works["train"] & works["test"] and not works["train"] & works["validation"]
    weights = [output / "spaces" / name / "weights.safetensors" for name in ("text-music", "zero-shot-tagging")]
    before = [path.stat().st_mtime_ns for path in weights]
    run(output)
    assert [path.stat().st_mtime_ns for path in weights] == before


def test_the_demo_has_a_vector_for_every_word_of_its_tags() -> None:
    words = set(demo_words())
    assert {word for tag in unseen_tags() for word in tag.replace("-", " ").split()} <= words
    assert len(words) == len(demo_words())
