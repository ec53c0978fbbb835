"""Real recordings: the scores against a loop on a small folder of the same form, and the real folder where it is there."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from crossmodal.applications.tagging import tag_scores
from crossmodal.base.errors import InputError
from crossmodal.real_data import instrument_scores, music_files, nearest_words
from crossmodal.space import Space
from crossmodal.space_files import load_space
from tests.conftest import RATE, tone

WORDS = ("violin", "bass-clarinet", "tuba")


@pytest.fixture(scope="module")
def space(space_folder: Path) -> Space:
    return load_space(space_folder)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder in the form of the real one, one file of it missing and one broken."""
    folder = tmp_path / "data" / "philharmonia"
    folder.mkdir(parents=True)
    rows = []
    for i in range(9):
        rows.append({"file": f"n{i}.wav", "instrument": WORDS[i % 3]})
        if i != 7:
            soundfile.write(folder / f"n{i}.wav", tone(110 * (1 + i), seconds=1.2, harmonics=1 + i % 3), RATE)
    (folder / "n8.wav").write_bytes(b"")
    with (folder / "index.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, ["file", "instrument"])
        writer.writeheader()
        writer.writerows(rows)
    return tmp_path / "data"


def test_instrument_scores_against_a_loop(space: Space, data: Path) -> None:
    found = instrument_scores(space, data, jobs=1, quiet=True)
    names = [WORDS[i % 3].replace("-", " ") for i in range(7)]
    words = sorted(set(names))
    paths = [data / "philharmonia" / f"n{i}.wav" for i in range(7)]
    scores = tag_scores(space, space.encode("text", words), space.encode("audio", paths))
    right = np.mean([words[int(np.argmax(scores[:, j]))] == names[j] for j in range(7)])
    precisions = []
    for i, word in enumerate(words):
        order = sorted(range(7), key=lambda j: -float(scores[i, j]))
        hits = [names[j] == word for j in order]
        precisions.append(np.mean([sum(hits[: r + 1]) / (r + 1) for r in range(7) if hits[r]]))
    rows = {row.metric: row for row in found.rows}
    assert rows["mAP of instrument words"].value == pytest.approx(np.mean(precisions), abs=1e-6)
    assert rows["accuracy of the best word"].value == pytest.approx(right)
    assert rows["accuracy of the best word"].chance == pytest.approx(1 / 3)
    assert [Path(s.path).name for s in found.skipped] == ["n8.wav"], "an absent file is no part of a partial copy"
    assert {w: n for w, (_, _, n) in found.per_word.items()} == {"violin": 3, "bass clarinet": 2, "tuba": 2}


def test_nearest_words(space: Space, data: Path) -> None:
    paths = [data / "philharmonia" / "n0.wav", data / "philharmonia" / "n8.wav"]
    found, skipped = nearest_words(space, paths, ["low", "high", "rich"], k=2, jobs=1, quiet=True)
    assert list(found) == [str(paths[0])] and [s.path for s in skipped] == [str(paths[1])]
    ranked = found[str(paths[0])]
    assert len(ranked) == 2 and ranked[0][1] >= ranked[1][1]


def test_no_data(space: Space, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="CROSSMODAL_DATA"):
        instrument_scores(space, tmp_path, quiet=True)
    assert music_files(tmp_path) == []


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.skipif("CROSSMODAL_DATA" not in os.environ, reason="CROSSMODAL_DATA names no folder of real recordings")
def test_the_real_recordings_are_read(space: Space) -> None:
    data = Path(os.environ["CROSSMODAL_DATA"])
    paths = music_files(data)
    assert paths
    found, skipped = nearest_words(space, paths[:3], ["low", "high"], k=1, jobs=1, quiet=True)
    assert len(found) == 3 and not skipped
    scores = instrument_scores(space, data, jobs=2, quiet=True)
    assert len(scores.per_word) >= 5 and all(0 <= row.value <= 1 for row in scores.rows)
